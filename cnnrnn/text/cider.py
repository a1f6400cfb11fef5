"""CIDEr-D of word numbers against fixed references, fast enough to be a reward.

    d(n) = 10 * mean over references of exp(-(l - r)^2 / 2 s^2) * <min(g, h), h> / (|g| |h|)

averaged over n = 1 to 4 (Vedantam et al. 2015): g and h are the tf-idf weights of the n-grams of
a sentence and of a reference, l and r their lengths and s = 6. The figures are those of
`pycocoevalcap`, whose scorer weighs all references anew at every call; here they are weighed once.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

_N = 4
_SIGMA = 6.0

_Grams = Counter  # n-grams as tuples of word numbers, with their counts


class CiderD:
    """Scores sentences about some items.

    Args:
        references: for each item the word numbers of each of its references.
    """

    def __init__(self, references: Sequence[Sequence[Sequence[int]]]):
        counted = [[_grams(text) for text in texts] for texts in references]
        frequency: Counter = Counter()
        for texts in counted:
            frequency.update({gram for grams in texts for gram in grams})
        self._ceiling = math.log(max(len(references), 1))
        self._rarity = {gram: self._ceiling - math.log(n) for gram, n in frequency.items()}
        self._references = [
            [self._weighed(grams, text) for grams, text in zip(some, texts, strict=True)]
            for some, texts in zip(counted, references, strict=True)
        ]

    def score(self, item: int, words: Sequence[int]) -> float:
        """CIDEr-D of one sentence, 0 to 10.

        Args:
            item: the number of the item that the sentence is about.
            words: its word numbers.
        """
        weights, norms, length = self._weighed(_grams(words), words)
        total = 0.0
        for others, other_norms, other_length in self._references[item]:
            alike = [0.0] * _N
            for gram, weight in weights.items():
                if (other := others.get(gram)) is not None:
                    alike[len(gram) - 1] += min(weight, other) * other
            near = math.exp(-((length - other_length) ** 2) / (2 * _SIGMA**2))
            total += near * sum(
                value / (norm * other) if norm and other else value
                for value, norm, other in zip(alike, norms, other_norms, strict=True)
            )
        return 10 * total / (_N * len(self._references[item]))

    def _weighed(self, grams: _Grams, words: Sequence[int]):
        """tf-idf weights of n-grams, their norms for n = 1 to 4, and the sentence's length."""
        # An n-gram that no reference has is as rare as one that a single item's have.
        weights = {g: n * self._rarity.get(g, self._ceiling) for g, n in grams.items()}
        squares = [0.0] * _N
        for gram, weight in weights.items():
            squares[len(gram) - 1] += weight * weight
        # The published program measures lengths in word pairs.
        return weights, [math.sqrt(each) for each in squares], max(len(words) - 1, 0)


def _grams(words: Sequence[int]) -> _Grams:
    words = tuple(words)
    return Counter(
        words[at : at + n] for n in range(1, _N + 1) for at in range(len(words) - n + 1)
    )
