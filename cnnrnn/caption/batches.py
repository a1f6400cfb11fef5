"""Features and captions, paired for training.

A picture's captions are trained together: its grid is read and projected once. Pictures whose
longest captions are of like length share a batch, so that little of it is padding.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np

from cnnrnn.caption.data import Example
from cnnrnn.text.tokenizer import READ, Tokenizer
from cnnrnn.text.vocabulary import Vocabulary, taught

CAPTIONS = 5  # of one picture in one epoch; where there are more, another draw each epoch
_POOL = 8  # batches whose pictures are sorted by length among themselves
# A mirrored picture is not what these words say of it.
_SIDES = {"left", "right", "左", "右"}


class Rows(Protocol):
    """A table of features, see `features.extractor`."""

    def read(self, indices: Sequence[int]) -> np.ndarray:
        """Features (n, ...) of the pictures with these numbers."""


class EncodedCaptions(Sequence):
    """Word numbers of the captions of pictures, packed: lists of integers are ten times as large.

    `captions[picture]` is a list of int32 arrays, one a caption.

    Args:
        captions: word numbers, by picture and caption; read once.
    """

    def __init__(self, captions: Iterable[Sequence[Sequence[int]]]):
        words, lengths, counts = array("i"), array("i"), array("i")
        for texts in captions:
            counts.append(len(texts))
            for text in texts:
                lengths.append(len(text))
                words.extend(text)
        self._words = np.array(words, np.int32)
        self._ends = np.cumsum([0, *lengths])  # of each caption in `_words`
        self._firsts = np.cumsum([0, *counts])  # caption of each picture

    def __len__(self) -> int:
        return len(self._firsts) - 1

    def __getitem__(self, picture: int) -> list[np.ndarray]:
        ends = self._ends[self._firsts[picture] : self._firsts[picture + 1] + 1]
        return [self._words[begin:end] for begin, end in pairwise(ends.tolist())]


def encoded(examples: Sequence[Example], vocabulary: Vocabulary) -> EncodedCaptions:
    """Word numbers of each caption of each example; long ones, which would make every sentence of
    their batch as long, are cut."""
    tokenizer, max_words = Tokenizer(vocabulary.tokenizer), READ[vocabulary.tokenizer]
    return EncodedCaptions(
        [vocabulary.encode(tokenizer(text)[:max_words]) for text in each.captions]
        for each in examples
    )


def mirrorable(examples: Sequence[Example], tokenizer: Tokenizer) -> np.ndarray:
    """Whether each picture may be mirrored: not if one of its captions says left or right."""
    sided = [any(_SIDES & set(tokenizer(text)) for text in each.captions) for each in examples]
    return ~np.array(sided)


class CaptionBatches:
    """Batches of one set of pictures.

    Args:
        captions: word numbers, by picture and caption.
        features: row i belongs to picture i.
        mirrored: the same of the mirrored pictures, taken every other time; None for never.
        mirrorable: (pictures,) bool, of which pictures; see `mirrorable`.
        batch: pictures in a batch.
    """

    def __init__(
        self,
        captions: Sequence[Sequence[Sequence[int]]],
        features: Rows,
        mirrored: Rows | None = None,
        mirrorable: np.ndarray | None = None,
        batch: int = 64,
    ):
        self.captions, self.features, self.mirrored = captions, features, mirrored
        self.mirrorable = mirrorable
        self.batch = batch
        self._longest = np.array([max(map(len, texts)) for texts in captions])
        self._per_picture = min(CAPTIONS, max(map(len, captions)))

    def steps(self) -> int:
        """Batches of an epoch."""
        return -(-len(self.captions) // self.batch)

    def epoch(self, generator: np.random.Generator) -> Iterator[tuple[dict, np.ndarray]]:
        """Training batches in a new order; see `text.language.LanguageModel` for their layout."""
        order = generator.permutation(len(self.captions))
        groups = []
        for first in range(0, len(order), _POOL * self.batch):
            pool = order[first : first + _POOL * self.batch]
            pool = pool[np.argsort(self._longest[pool], kind="stable")]
            groups += [pool[at : at + self.batch] for at in range(0, len(pool), self.batch)]
        for number in generator.permutation(len(groups)):
            yield self._batch(groups[number], generator)

    def in_order(self) -> Iterator[tuple[dict, np.ndarray]]:
        """Every picture once, unmirrored, for validation."""
        for first in range(0, len(self.captions), self.batch):
            last = min(first + self.batch, len(self.captions))
            yield self._batch(np.arange(first, last), None)

    def _batch(self, pictures: np.ndarray, generator) -> tuple[dict, np.ndarray]:
        pictures = np.sort(pictures)  # rows are read in the order in which they lie
        chosen = [self._choose(self.captions[picture], generator) for picture in pictures]
        words, targets = taught(chosen, self._per_picture, generator)
        return {"features": self._features(pictures, generator), **words}, targets

    def _choose(self, texts: Sequence[Sequence[int]], generator) -> Sequence[Sequence[int]]:
        if len(texts) <= self._per_picture:
            return texts
        if generator is None:
            return texts[: self._per_picture]
        drawn = generator.choice(len(texts), self._per_picture, replace=False)
        return [texts[number] for number in drawn]

    def _features(self, pictures: np.ndarray, generator) -> np.ndarray:
        if self.mirrored is None or generator is None:
            return self.features.read(pictures)
        turned = generator.random(len(pictures)) < 0.5
        turned &= self.mirrorable[pictures]
        rows = np.empty((len(pictures), *self.features.row_shape), np.float16)
        for table, which in ((self.features, ~turned), (self.mirrored, turned)):
            if which.any():
                rows[which] = table.read(pictures[which])
        return rows
