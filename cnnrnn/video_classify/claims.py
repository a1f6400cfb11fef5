"""What the course says of video, tested on a comparison's figures; printed, never arranged."""

from __future__ import annotations

from collections.abc import Mapping

from cnnrnn.training.comparison import Claim, listed
from cnnrnn.video_classify.results import Table
from cnnrnn.video_classify.settings import BUILT_IN

CHANCE, NEAR = 0.5, 0.05  # of a pair; a model within 5 points of it misses order
POOLED = ("mean", "max", "mean-std")
CHOOSERS = ("attention", "top-k")
SHUFFLED = "shuffled frames"


def claims(tables: Mapping[str, Table]) -> list[Claim]:
    """The claims in the order of the course.

    Args:
        tables: by data set; the first one is that of the order claims.
    """
    first = next(iter(tables.values()))
    busy = tables.get(BUILT_IN[1])
    found = [_misses_order(first, "pooling the frames misses order", POOLED),
             _misses_order(first, "3D convolution misses order", ("c3d",)),
             _sees_order(first)]
    found += _choosing(busy or first)
    found.append(_ensemble(first))
    return found


def _misses_order(table: Table, text: str, models: tuple[str, ...]) -> Claim:
    """Held where each model's figure is within 5 points of chance (reversed pairs), or loses
    nothing by shuffled frames (data without pairs)."""
    models = [model for model in models if model in table.by_model]
    if not models:
        return Claim(text, None, "not among the models")
    if table.pairs:
        figures = {model: table.order(model) for model in models}
        held = all(abs(figure.value - CHANCE) <= NEAR for figure in figures.values())
        return Claim(text, held, listed(figures) + " of reversed pairs, chance 0.5")
    figures = {model: table.lost(model, SHUFFLED) for model in models}
    held = all(abs(figure.value) <= NEAR for figure in figures.values())
    return Claim(text, held, listed(figures, True) + " lost by shuffling")


def _sees_order(table: Table) -> Claim:
    """Held where an LSTM is above the best pooling model, its interval too, and shuffling takes
    that away."""
    text = "an LSTM that fuses the frames sees order"
    pooled = [model for model in POOLED if model in table.by_model]
    if "lstm" not in table.by_model or not pooled:
        return Claim(text, None, "lstm or pooling is not among the models")
    best = max(pooled, key=lambda model: table.accuracy(model).value)
    gain, lost = table.gain("lstm", best), table.lost("lstm", SHUFFLED)
    held = gain.low > 0 and lost.low > 0
    numbers = f"lstm is {gain.signed} against {best}, and loses {lost} by shuffling"
    order = table.order("lstm") if table.pairs else None
    if order:
        numbers += f"; {order} of reversed pairs"
    return Claim(text, held, numbers)


def _choosing(table: Table) -> list[Claim]:
    """Held where a model that chooses is above the LSTM that takes all, its interval too."""
    text = f"choosing frames helps where many say nothing ({table.data})"
    found = []
    for model in CHOOSERS:
        if model not in table.by_model or "lstm" not in table.by_model:
            continue
        gain = table.gain(model, "lstm")
        numbers = f"{model} {table.accuracy(model)} is {gain.signed} against lstm"
        if "mean" in table.by_model:
            numbers += f", {table.gain(model, 'mean').signed} against mean"
        found.append(Claim(f"{text}: {model}", gain.low > 0, numbers))
    return found or [Claim(text, None, "no model that chooses, or no lstm")]


def _ensemble(table: Table) -> Claim:
    """Held where the fitted ensemble is above its best member, its interval too."""
    text = "an ensemble beats its best member"
    found = table.ensemble()
    if found is None:
        return Claim(text, None, "one model, or no split val to fit the weights on")
    best, accuracy, gain, over_equal = found
    return Claim(
        text, gain.low > 0,
        f"{accuracy}, {gain.signed} against {best}, {over_equal.signed} against equal weights",
    )
