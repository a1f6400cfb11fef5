"""How sure a figure is: bootstrap intervals (Efron 1979), alone and of paired differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from cnnrnn.errors import CnnRnnError

RESAMPLINGS = 1000


class Difference(NamedTuple):
    """How much the first is above the second, and the bounds of its interval."""

    value: float
    low: float
    high: float


class Figure(NamedTuple):
    """A mean over seeds and items, with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"

    @property
    def signed(self) -> str:
        """The same of a difference."""
        value, low, high = (round(bound, 3) + 0.0 for bound in self)  # no -0.000
        return f"{value:+.3f} ({low:+.3f} to {high:+.3f})"


def bootstrap(
    statistic: Callable[[np.ndarray], float], items: int, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Percentile bounds of a statistic of item numbers, integers (items,) with repeats.

    Raises:
        CnnRnnError: there are no items.
    """
    if not items:
        raise CnnRnnError("an interval needs at least one value")
    generator = np.random.default_rng(seed)
    found = [statistic(generator.integers(items, size=items)) for _ in range(RESAMPLINGS)]
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def bootstrap_interval(
    values: np.ndarray, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Bounds of the mean of `values` (N,), by resampling them with replacement."""
    values = np.asarray(values, np.float64)
    return bootstrap(lambda items: values[items].mean(), len(values), seed, level)


def paired_difference(
    first: np.ndarray, second: np.ndarray, seed: int = 0, level: float = 0.95
) -> Difference:
    """The mean of `first - second`, values (N,) of the same N items, with its bounds.

    Raises:
        CnnRnnError: the two are of different lengths.
    """
    if len(first) != len(second):
        raise CnnRnnError(f"{len(first)} and {len(second)} values cannot be paired")
    apart = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    return Difference(float(apart.mean()), *bootstrap_interval(apart, seed, level))


def over_seeds(values: np.ndarray, seed: int = 0) -> Figure:
    """The mean of values (S seeds, N items), with seeds and items both drawn with replacement.

    Raises:
        CnnRnnError: there are no values.
    """
    values = np.atleast_2d(np.asarray(values, np.float64))
    if not values.size:
        raise CnnRnnError("an interval needs at least one value")
    generator = np.random.default_rng(seed)
    means = []
    for _ in range(RESAMPLINGS):
        rows = generator.integers(len(values), size=len(values))
        items = generator.integers(values.shape[1], size=values.shape[1])
        means.append(values[rows][:, items].mean())
    low, high = np.quantile(means, [0.025, 0.975])
    return Figure(float(values.mean()), float(low), float(high))


def gain(first: np.ndarray, second: np.ndarray) -> Figure:
    """How much higher values (S, N) are than others of the same items, seed by seed.

    What needs no training has one seed, (1, N), which stands beside every seed of the other.
    """
    seeds = min(len(first), len(second)) if min(len(first), len(second)) > 1 else None
    return over_seeds(first[:seeds] - second[:seeds])
