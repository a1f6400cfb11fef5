"""What the course says of questions about pictures, tested on a comparison's figures; printed,
never arranged."""

from __future__ import annotations

from cnnrnn.training.comparison import Claim, listed
from cnnrnn.vqa.compare_results import Table
from cnnrnn.vqa.judge import SHUFFLED
from cnnrnn.vqa.settings import QUESTION_ONLY

TWO, ONE, PLAIN = "san", "san-1", "lstm-cnn"
# Kinds of two steps, each with the box of what the question names and the first look has to find:
# the red basket itself, or the house that the basket stands below.
STEPS = {"two-step": "container", "chained": "anchor"}
CLEARLY = 0.05  # a picture that is worth less than this much accuracy is hardly used


def claims(table: Table) -> list[Claim]:
    """The claims in the order of the course."""
    found = [_needs_picture(table), _loses_by_shuffling(table)]
    steps = [kind for kind in STEPS if kind in table.kinds]
    found += [_second_hop(table, kind) for kind in steps or list(STEPS)[:1]]
    found += [_looks(table, kind) for kind in steps if table.shares(TWO, kind)]
    found.append(_attention(table))
    found.append(_structures(table))
    return found


def _seeing(table: Table) -> list[str]:
    return [model for model in table.by_model if table.has(model, SHUFFLED)]


def _needs_picture(table: Table) -> Claim:
    """Held where every model that sees is clearly above the one that does not, its interval too."""
    text = "the picture is needed: every model that sees is far above question-only"
    models = _seeing(table)
    if QUESTION_ONLY not in table.by_model or not models:
        return Claim(text, None, "question-only, or all others, were not compared")
    gains = {model: table.gain(model, QUESTION_ONLY) for model in models}
    held = all(gain.low > CLEARLY for gain in gains.values())
    numbers = listed(gains, signed=True) + f" against question-only {table.accuracy(QUESTION_ONLY)}"
    return Claim(text, held, numbers)


def _loses_by_shuffling(table: Table) -> Claim:
    """Held where no model with shuffled pictures is clearly above question-only any more, and each
    loses by it."""
    text = "with another picture a model loses its advantage"
    models = _seeing(table)
    if not models:
        return Claim(text, None, "no model that sees was compared")
    lost = {model: table.lost(model, SHUFFLED) for model in models}
    held = all(figure.low > CLEARLY for figure in lost.values())
    numbers = listed(lost, signed=True) + " lost"
    if QUESTION_ONLY in table.by_model:
        blind = table.accuracy(QUESTION_ONLY).value
        left = {model: table.accuracy(model, SHUFFLED).value - blind for model in models}
        held = held and all(value < CLEARLY for value in left.values())
        numbers += "; beside question-only it then has " + ", ".join(
            f"{model} {value:+.3f}" for model, value in left.items()
        )
    return Claim(text, held, numbers)


def _second_hop(table: Table, kind: str) -> Claim:
    """Held where two hops are above one on questions of this kind, the interval too."""
    text = f"a second hop helps on {kind} questions"
    if not {TWO, ONE} <= table.by_model.keys():
        return Claim(text, None, "san with one and with two hops were not both compared")
    if kind not in table.kinds:
        return Claim(text, None, f"{table.data} has no {kind} questions")
    gain = table.gain(TWO, ONE, kind)
    numbers = (
        f"{table.accuracy(TWO, kind=kind)} is {gain.signed} against one hop; "
        f"on all questions {table.gain(TWO, ONE).signed}"
    )
    return Claim(text, gain.low > 0, numbers)


def _looks(table: Table, kind: str) -> Claim:
    """Held where the first hop looks at what the question names and the second at the content, each
    at least twice as much as a map that says nothing, and at the content the second more than the
    first."""
    named = STEPS[kind]
    text = f"{kind} questions: first the {named} is looked at, then the content"
    shares = table.shares(TWO, kind)
    if not {"hop 1", "hop 2", "uniform"} <= shares.keys():
        return Claim(text, None, "no maps of two hops")
    first, second, none = shares["hop 1"], shares["hop 2"], shares["uniform"]
    held = (
        first[named] > 2 * none[named]
        and second["content"] > 2 * none["content"]
        and second["content"] > first["content"]
    )
    said = "; ".join(
        f"{hop}: " + ", ".join(f"{box} {share:.3f}" for box, share in shares[hop].items())
        for hop in ("hop 1", "hop 2", "uniform")
    )
    return Claim(text, held, said)


def _attention(table: Table) -> Claim:
    """Held where attention is above one vector a picture, the interval too."""
    text = "looking at places beats one vector for the whole picture"
    if not {TWO, PLAIN} <= table.by_model.keys():
        return Claim(text, None, "san and lstm-cnn were not both compared")
    gain = table.gain(TWO, PLAIN)
    return Claim(text, gain.low > 0, f"san {table.accuracy(TWO)} is {gain.signed} against lstm-cnn")


def _structures(table: Table) -> Claim:
    """Held where the model that is best on one kind is clearly worse than another on some other."""
    text = "different structures suit different kinds of question"
    models = _seeing(table)
    if len(models) < 2:
        return Claim(text, None, "fewer than two models that see")
    best = {
        kind: max(models, key=lambda model: table.accuracy(model, kind=kind).value)  # noqa: B023
        for kind in table.kinds
    }
    held = False
    for one in set(best.values()):
        for kind, other in best.items():
            if other != one and table.gain(other, one, kind).low > 0:
                wins = [k for k, m in best.items() if m == one]
                held |= any(table.gain(one, other, k).low > 0 for k in wins)
    return Claim(text, held, ", ".join(f"{kind}: {model}" for kind, model in best.items()))
