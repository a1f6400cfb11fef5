"""The report page of a vqa run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from cnnrnn.errors import CnnRnnError
from cnnrnn.training.report import Card, Report
from cnnrnn.training.run import Run
from cnnrnn.training.run_report import add_curves, close, opened, range_text
from cnnrnn.vqa.answerer import Answerer
from cnnrnn.vqa.answers import key_of
from cnnrnn.vqa.calibration import reliability
from cnnrnn.vqa.evaluate import Evaluation
from cnnrnn.vqa.metrics import UNNAMED
from cnnrnn.vqa.prepare import Questions
from cnnrnn.vqa.show import strip

SAMPLES = 16
_CONFUSED = 14  # answers of the confusion table
_CURVES = {
    "loss": ("a question", {"training": "loss", "kept aside": "val_loss"}),
    "accuracy": ("of the questions kept aside", {"kept aside": "val_accuracy"}),
    "learning rate": ("at the end of the epoch", {"rate": "rate"}),
}
_SHOWN = (
    "data", "fold", "model", "hops", "encoder", "fusion", "layers", "answer", "embeddings",
    "backbone", "weights", "image_size", "width", "shift", "hidden", "embedding", "answers",
    "min_answers", "min_count", "max_words", "dropout", "feature_dropout", "smoothing", "batch",
    "places", "holdout", "epochs", "learning_rate", "schedule", "clip_norm", "patience",
    "precision", "seed", "deterministic", "created",
)  # fmt: skip


def write_report(
    run: Run,
    answerer: Answerer,
    evaluations: Sequence[Evaluation],
    questions: Questions,
    which: str,
) -> None:
    """Write `report.html` of a run.

    Args:
        run: the run.
        answerer: the same, opened.
        evaluations: its own first, then controls and rivals.
        questions: those that were scored.
        which: what these are, in words.
    """
    best, count = evaluations[0], len(questions.examples)
    figure = best.scores.figure()
    headline = [
        ("accuracy", best.scores.overall, range_text((figure.low, figure.high))),
        *_choice_figure(best),
    ]
    report = opened(run, "Questions", headline)
    _kinds(report, evaluations, count, which)
    _attention(report, best)
    _confusion(report, best, questions)
    _calibration(report, answerer, best)
    add_curves(report, run, _CURVES)
    report.gallery(
        "Questions", _cards(answerer, questions), "Of pictures that were not trained on, drawn at "
        "random; bright is where the model looked, hop by hop."
    )  # fmt: skip
    close(report, run, _SHOWN)


def _choice_figure(best: Evaluation) -> list[tuple]:
    if best.choice is None:
        return []
    return [("multiple choice", best.choice.overall, f"{len(best.choice.ids)} questions")]


def _kinds(report: Report, evaluations: Sequence[Evaluation], count: int, which: str) -> None:
    """Accuracy by kind of question, the run beside its rivals."""
    figures = [each.scores.by_kind() for each in evaluations]
    heads = ["kind of question", "questions", *(each.name for each in evaluations)]
    rows = [
        [kind, own.count, *(each[kind].value for each in figures)]
        for kind, own in figures[0].items()
    ]
    rows.append(["all", count, *(each.scores.overall for each in evaluations)])
    if evaluations[0].choice is not None:
        rows.append(
            ["all, multiple choice", len(evaluations[0].choice.ids),
             *(each.choice.overall if each.choice else None for each in evaluations)]
        )  # fmt: skip
    ranges = "; ".join(
        f"{kind} {own.low:.3f} to {own.high:.3f}" for kind, own in figures[0].items()
    )
    report.table(
        "Accuracy",
        heads,
        rows,
        note=f"On {count} {which}. {ranges} (95 % bootstrap over questions). Shuffled pictures: "
        "the same model is shown another picture with each question. The others see no picture at "
        "all.",
    )


def _attention(report: Report, best: Evaluation) -> None:
    for kind, table in best.shares.items():
        names = list(next(iter(table.values())))
        report.table(
            f"Where it looked: {kind} questions",
            ["", *names],
            [[hop, *(each[name] for name in names)] for hop, each in table.items()],
            note="Share of each hop's map inside the box of what the question is about; `uniform` "
            "is what a map that says nothing has there.",
        )


def _confusion(report: Report, best: Evaluation, questions: Questions) -> None:
    """The most frequent true answers by what was said."""
    truth = {each.id: each.answer for each in questions.examples}
    spelled: dict[str, str] = {}
    pairs = Counter()
    for name, said in zip(best.scores.ids, best.scores.answers, strict=True):
        for text in (truth[name], said):
            spelled.setdefault(key_of(text), text)
        pairs[key_of(truth[name]), key_of(said)] += 1
    totals = Counter()
    for (true, _), number in pairs.items():
        totals[true] += number
    shown = [key for key, _ in totals.most_common(_CONFUSED)]
    other = "something else"
    rows = []
    for true in shown:
        counts = [pairs[true, said] for said in shown]
        rows.append((spelled[true], [*counts, totals[true] - sum(counts)]))
    report.matrix(
        "Confusion of answers",
        "true \\ said",
        [*(spelled[key] for key in shown), other],
        rows,
        "The most frequent true answers, shaded by the share of a row; framed where right.",
    )


def _calibration(report: Report, answerer: Answerer, best: Evaluation) -> None:
    if best.probabilities is None:
        return
    bins = [each for each in reliability(best.probabilities, best.scores.values) if each.count]
    confidence = answerer.confidence
    report.heading("How sure it is")
    report.curves(
        "Calibration",
        {
            "answers": [(each.confidence, each.accuracy) for each in bins],
            "perfect": [(0.0, 0.0), (1.0, 1.0)],
        },
        "share that is right",
        xlabel="probability",
    )
    report.text(
        f"Expected calibration error {best.calibration_error:.3f}. Below a probability of "
        f"{confidence.threshold:.2f} the model says that it does not know: "
        f"{confidence.answered:.0%} of these questions are answered, and {confidence.right:.0%} of "
        "the answers are right."
    )


def _cards(answerer: Answerer, questions: Questions) -> list[Card]:
    """Some questions of every kind, with the maps of every hop."""
    order = np.random.default_rng(0).permutation(len(questions.examples))
    by_kind: dict[str, list[int]] = {}
    for number in order.tolist():
        by_kind.setdefault(questions.examples[number].kind or UNNAMED, []).append(number)
    turns = [number for turn in range(SAMPLES) for number in
             (each[turn] for each in by_kind.values() if turn < len(each))]  # fmt: skip
    cards = []
    for number in turns[:SAMPLES]:
        example = questions.examples[number]
        if example.source is None:
            continue
        try:
            picture = example.source.read()
            [reply] = answerer.ask(example.source, [example.question])
        except CnnRnnError:
            continue  # an empty question, or a file that has gone since
        maps = strip(picture, reply) if reply.maps is not None else None
        lines = [
            f"{example.question} {reply.answer}",
            ("right answer", example.answer or "nobody said"),
            ("kind", example.kind or UNNAMED),
        ]
        cards.append(
            Card(picture, example.source.name, lines, maps, f"p = {reply.probability:.2f}")
        )
    return cards
