"""What the benchmarks share: rows of the table, rounds in turn, and data shaped like Flickr8k's."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cnnrnn.text.vocabulary import SPECIALS

# The size that Flickr8k is trained with.
HIDDEN, EMBEDDING, VOCABULARY = 512, 384, 2500
GRID = (7, 7, 1280)  # MobileNetV2 at 224 pixels
MAX_WORDS = 29  # and an end, which makes 30

CAPTIONS = 5  # of a picture
# Logarithm of Flickr8k's caption lengths in words: mean, and deviation between the pictures and
# among the captions of one picture. With the end this comes to 11.8 words, 16.4 for the longest.
_LOG_MEAN, _LOG_BETWEEN, _LOG_WITHIN = 2.319, 0.128, 0.332


def row(
    name: str,
    pairs: Sequence[tuple[float, float]],
    target: float | None = None,
    better: str = "lower",
) -> dict[str, Any]:
    """One line of the table.

    Args:
        name: what was measured, and its unit.
        pairs: (ours, rival) of each round.
        target: of the ratio ours / rival; None where none was set.
        better: `lower` for costs (the target is the most), `higher` for speeds (it is the least).

    Returns:
        `{name, ours, rival, ratio, ratio_min, ratio_max, target, better}`; medians of the rounds,
        the ratio being that of paired rounds.
    """
    ratios = [ours / rival for ours, rival in pairs]
    ours, rival = (statistics.median(column) for column in zip(*pairs, strict=True))
    return {
        "name": name,
        "ours": ours,
        "rival": rival,
        "ratio": statistics.median(ratios),
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
        "target": target,
        "better": better,
    }


def in_turn(
    ours: Callable[[], float], rival: Callable[[], float], rounds: int
) -> list[tuple[float, float]]:
    """Measure both in each round, so that a machine that slows down slows both; one unmeasured
    round goes before."""
    ours(), rival()
    return [(ours(), rival()) for _ in range(rounds)]


def captions(
    pictures: int, vocabulary: int = VOCABULARY, seed: int = 0
) -> list[list[list[int]]]:
    """Word numbers of five captions a picture: Flickr8k's lengths, and words as rare as in text.

    Args:
        vocabulary: word numbers are below it, and above those of the special words.
    """
    generator = np.random.default_rng(seed)
    usual = _LOG_MEAN + _LOG_BETWEEN * generator.standard_normal((pictures, 1))
    lengths = np.exp(usual + _LOG_WITHIN * generator.standard_normal((pictures, CAPTIONS)))
    lengths = np.clip(np.rint(lengths), 2, MAX_WORDS).astype(int)
    share = 1 / (np.arange(vocabulary - len(SPECIALS)) + 2.7)  # Zipf's law, as Mandelbrot put it
    words = generator.choice(len(share), lengths.sum(), p=share / share.sum()) + len(SPECIALS)
    texts = iter(np.split(words, np.cumsum(lengths.ravel())[:-1]))
    return [[next(texts).tolist() for _ in range(CAPTIONS)] for _ in range(pictures)]


def count_words(texts: Sequence[Sequence[Sequence[int]]]) -> int:
    """Words to be learned: those of all captions, and their ends."""
    return sum(len(text) + 1 for each in texts for text in each)


class RandomRows:
    """Features of pictures that nobody took, (pictures, *row_shape) float16, read as a table."""

    def __init__(self, pictures: int, row_shape: Sequence[int], seed: int = 0):
        self.row_shape = tuple(row_shape)
        generator = np.random.default_rng(seed)
        self.rows = np.empty((pictures, *self.row_shape), np.float16)
        for each in self.rows:  # one by one: float32 of them all would take twice the memory
            each[...] = generator.random(self.row_shape, np.float32)

    def read(self, indices: Sequence[int]) -> np.ndarray:
        return self.rows[np.asarray(indices)]
