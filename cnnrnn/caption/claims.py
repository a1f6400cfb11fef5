"""What the course says of captioning, tested on a comparison's figures; printed, never arranged."""

from __future__ import annotations

from cnnrnn.caption.compare_results import FACTS, Table
from cnnrnn.media.medium import CLIPS
from cnnrnn.training.comparison import Claim, listed

BASE, ONE_VECTOR = "attention", "inject-init"
DEEP_CNN, DEEP_RNN = "deeper-cnn", "two-layers"
_OF_PICTURES = (
    ("clipping gradients helps", BASE, "no-clipping"),
    ("a learning rate that falls helps", BASE, "fixed-rate"),
    ("pretrained word vectors help", "word2vec", BASE),
    ("attention beats one vector for the whole picture", BASE, ONE_VECTOR),
    ("foretelling words beats foretelling their vectors", "word2vec", "vectors"),
)
_OF_CLIPS = (("the order of frames tells something", "clip-lstm", "clip-mean"),)


def claims(table: Table) -> list[Claim]:
    """The claims in the order of the course; of clips those that clips can tell something of."""
    if table.unit == CLIPS.many:
        found = [_better(table, *pair) for pair in _OF_CLIPS]
    else:
        found = [*(_better(table, *pair) for pair in _OF_PICTURES), _depth(table)]
    return [*found, _clip(table), _needs_picture(table)]


def _better(table: Table, text: str, first: str, second: str) -> Claim:
    """Held where the first has more CIDEr, the interval too."""
    if missing := [name for name in (first, second) if name not in table.by_model]:
        return Claim(text, None, f"{' and '.join(missing)} not compared")
    gain = table.gain(first, second)
    numbers = f"{first} {table.cider(first)} is {gain.signed} against {second}"
    return Claim(text, gain.low > 0, numbers)


def _clip(table: Table) -> Claim:
    """Held where what was learned of clips tells more facts than one frame does, the interval
    too."""
    text, clip, frame = "a clip tells more of the facts than one frame", "clip-lstm", "one-frame"
    if missing := [name for name in (clip, frame) if name not in table.by_model]:
        return Claim(text, None, f"{' and '.join(missing)} not compared; see --data clips")
    if table.facts(clip) is None:
        return Claim(text, None, f"the facts of {table.data} are not known")
    gain = table.gain(clip, frame, FACTS)
    numbers = f"{clip} {table.facts(clip)} of them is {gain.signed} against {frame}"
    return Claim(text, gain.low > 0, numbers)


def _depth(table: Table) -> Claim:
    """Held where a deeper CNN gains more than a deeper RNN, the interval too."""
    text = "a deeper CNN helps more than a deeper RNN"
    if missing := [name for name in (DEEP_CNN, DEEP_RNN, BASE) if name not in table.by_model]:
        hint = "; name one with --deeper" if DEEP_CNN in missing else ""
        return Claim(text, None, f"{' and '.join(missing)} not compared{hint}")
    gains = {name: table.gain(name, BASE) for name in (DEEP_CNN, DEEP_RNN)}
    held = table.gain(DEEP_CNN, DEEP_RNN).low > 0 and gains[DEEP_CNN].low > 0
    return Claim(text, held, listed(gains, signed=True) + f" against {BASE}")


def _needs_picture(table: Table) -> Claim:
    """Held where the captions of every model fit other pictures clearly worse."""
    lost = {model: table.lost(model) for model in table.seeing()}
    held = all(figure.low > 0 for figure in lost.values())
    return Claim(
        f"captions are of their {table.unit}: beside others they lose",
        held if lost else None,
        listed(lost) + " lost" if lost else "no model was compared",
    )
