"""Whether a model that says 70 % is right in seven of ten cases, and when it should say nothing.

Expected calibration error (Guo et al. 2017): answers in bins of equal width by their probability;
in each, how far the mean probability is from the share that is right, weighed by its answers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnrnn.errors import CnnRnnError

BINS = 10
WANTED = 0.5  # answers less likely to be right than this are better not given


@dataclass(frozen=True)
class Bin:
    """Answers of a range of probabilities.

    low, high: the range, 0 to 1. count: answers in it. confidence: their mean probability.
    accuracy: how right they are, 0 to 1; both NaN in an empty bin.
    """

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


def reliability(probabilities: np.ndarray, values: np.ndarray, bins: int = BINS) -> list[Bin]:
    """The bins of a reliability diagram.

    Args:
        probabilities: (N,), of the answers that were given, 0 to 1.
        values: (N,), how right they are, 0 to 1.
        bins: of equal width.

    Raises:
        CnnRnnError: no answers, numbers outside of 0 to 1, or not as many of one as of the other.
    """
    probabilities, values = _checked(probabilities, values)
    places = np.minimum((probabilities * bins).astype(int), bins - 1)
    found = []
    for place in range(bins):
        inside = places == place
        count = int(inside.sum())
        confidence = float(probabilities[inside].mean()) if count else float("nan")
        accuracy = float(values[inside].mean()) if count else float("nan")
        found.append(Bin(place / bins, (place + 1) / bins, count, confidence, accuracy))
    return found


def calibration_error(probabilities: np.ndarray, values: np.ndarray, bins: int = BINS) -> float:
    """The expected calibration error, 0 to 1."""
    full = [each for each in reliability(probabilities, values, bins) if each.count]
    total = sum(each.count for each in full)
    return sum(each.count / total * abs(each.confidence - each.accuracy) for each in full)


def threshold(probabilities: np.ndarray, values: np.ndarray, wanted: float = WANTED) -> float:
    """The probability below which a model should say that it does not know.

    Chosen on validation questions: how right answers are is fitted to their probability as a
    function that never falls (isotonic regression, by pooling adjacent violators), and the
    threshold is where that reaches `wanted`.

    Args:
        probabilities: (N,), of the answers that were given, 0 to 1.
        values: (N,), how right they are, 0 to 1.
        wanted: how right an answer should be to be given, 0 to 1.

    Returns:
        0 where every answer is good enough, 1 where none is: only a certain answer is given then.

    Raises:
        CnnRnnError: see `reliability`.
    """
    probabilities, values = _checked(probabilities, values)
    order = np.argsort(probabilities, kind="stable")
    blocks: list[tuple[float, int, float]] = []  # mean value, answers, lowest probability
    for probability, value in zip(probabilities[order], values[order], strict=True):
        mean, count, low = float(value), 1, float(probability)
        # Equal probabilities cannot be told apart by any threshold.
        while blocks and (blocks[-1][0] >= mean or blocks[-1][2] == low):
            before, size, low = blocks.pop()
            mean, count = (before * size + mean * count) / (size + count), size + count
        blocks.append((mean, count, low))
    good = [low for mean, _, low in blocks if mean >= wanted]
    if not good:
        return 1.0
    return 0.0 if len(good) == len(blocks) else good[0]


def _checked(probabilities, values) -> tuple[np.ndarray, np.ndarray]:
    probabilities = np.asarray(probabilities, np.float64)
    values = np.asarray(values, np.float64)
    if probabilities.shape != values.shape or probabilities.ndim != 1 or not len(values):
        raise CnnRnnError(
            f"{probabilities.shape} probabilities and {values.shape} values cannot be compared"
        )
    for numbers in (probabilities, values):
        if not ((numbers >= 0) & (numbers <= 1)).all():
            raise CnnRnnError("probabilities and values are 0 to 1")
    return probabilities, values
