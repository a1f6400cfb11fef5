"""Features and questions, paired for training: the questions of one picture pass together.

A batch is B rows; a row is one picture with Q places for its questions. A picture with more of them
has several rows, and which questions meet there is drawn anew each epoch; places that are left over
hold no question and cost nothing in the loss. Q is chosen once for the data, so that the graph is
compiled once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from cnnrnn.features.selection import Selection
from cnnrnn.text.vocabulary import PAD, taught
from cnnrnn.vqa.answers import NONE

MOST_PLACES = 32
_PICTURE_COST = 2  # what projecting a picture costs beside answering one question about it


def places_for(index: np.ndarray) -> int:
    """Q for questions of which `index` (N,) names the pictures: that with the least work."""
    counts = np.bincount(index[index >= 0]) if (index >= 0).any() else np.array([1])
    counts = counts[counts > 0]

    def work(places: int) -> int:
        return int((-(-counts // places)).sum()) * (places + _PICTURE_COST)

    return min(range(1, min(MOST_PLACES, int(counts.max())) + 1), key=work)


class QuestionBatches:
    """Batches of one set of questions.

    Args:
        features: row i belongs to picture i; None for a model that sees none.
        index: int (N,), each question's picture, 0 or more.
        words: int32 (N, L), PAD behind each question.
        targets: what the head learns, (N, ...), see `prepare.Words.targets`.
        spoken: word numbers of each answer, for a head that writes; else None.
        batch: rows in a batch.
        places: Q.
    """

    def __init__(
        self,
        features: Selection | None,
        index: np.ndarray,
        words: np.ndarray,
        targets: np.ndarray,
        spoken: Sequence[Sequence[int]] | None = None,
        batch: int = 32,
        places: int = 8,
    ):
        self.features, self.index = features, np.asarray(index, np.int64)
        # One more than there are: what stands in a place without a question.
        self.words = np.concatenate([words, np.full_like(words[:1], PAD)])
        nothing = np.zeros_like(targets[:1])
        if targets.ndim == 1 and np.issubdtype(targets.dtype, np.integer):
            nothing[...] = NONE
        self.targets = np.concatenate([targets, nothing])
        self.spoken = None if spoken is None else [*spoken, []]
        self.batch, self.places = batch, places
        counts = np.bincount(self.index)
        self._rows = int((-(-counts // places)).sum())

    def steps(self) -> int:
        """Batches of an epoch."""
        return -(-self._rows // self.batch)

    def epoch(self, generator: np.random.Generator) -> Iterator[tuple[dict, np.ndarray]]:
        """Training batches in a new order. The last one is filled up from the first rows of the
        order, so that the graph has one shape."""
        pictures, questions = self.rows(generator)
        order = generator.permutation(len(pictures))
        size = min(self.batch, len(order))
        for first in range(0, len(order), size):
            chosen = order[first : first + size]
            if len(chosen) < size:
                chosen = np.concatenate([chosen, order[: size - len(chosen)]])
            # Features are read in the order in which they lie.
            chosen = chosen[np.argsort(pictures[chosen], kind="stable")]
            if self._taught(questions[chosen]):
                yield self._batch(pictures[chosen], questions[chosen], generator)

    def in_order(self) -> Iterator[tuple[dict, np.ndarray, np.ndarray]]:
        """Every question once: inputs and targets as in training, and the question numbers
        (B, Q), N for none. All batches have one shape; what fills up the last holds no questions.
        """
        pictures, questions = self.rows(None)
        for first in range(0, len(pictures), self.batch):
            chosen = np.arange(first, first + self.batch)
            there = np.minimum(chosen, len(pictures) - 1)
            asked = np.where((chosen < len(pictures))[:, None], questions[there], len(self.index))
            if self._taught(asked):
                yield *self._batch(pictures[there], asked, None), asked

    def _taught(self, questions: np.ndarray) -> bool:
        """Whether there is a word to be learned: a batch of none has no shape."""
        return self.spoken is None or any(self.spoken[number] for number in questions.ravel())

    def rows(self, generator: np.random.Generator | None) -> tuple[np.ndarray, np.ndarray]:
        """The picture (R,) of each row and its questions (R, Q), N for none."""
        count = len(self.index)
        lot = np.arange(count) if generator is None else generator.permutation(count)
        order = np.lexsort((lot, self.index))
        pictures = self.index[order]
        starts = np.flatnonzero(np.r_[True, pictures[1:] != pictures[:-1]])
        sizes = np.diff(np.r_[starts, count])
        within = np.arange(count) - np.repeat(starts, sizes)
        row_counts = -(-sizes // self.places)
        first_rows = np.cumsum(row_counts) - row_counts
        row = np.repeat(first_rows, sizes) + within // self.places
        questions = np.full((int(row_counts.sum()), self.places), count, np.int64)
        questions[row, within % self.places] = order
        return np.repeat(pictures[starts], row_counts), questions

    def _batch(
        self, pictures: np.ndarray, questions: np.ndarray, generator
    ) -> tuple[dict, np.ndarray]:
        """What a model takes of some rows, see `models.base`, and what it is to learn of them."""
        inputs = {"words": self.words[questions]}
        if self.features is not None:
            inputs["features"] = read_rows(self.features, pictures)
        flat = questions.ravel()
        if self.spoken is None:
            return inputs, self.targets[flat]
        texts = [[self.spoken[number]] if self.spoken[number] else [] for number in flat]
        words, targets = taught(texts, 1, generator)
        return inputs | {"spoken": words["words"], "positions": words["positions"]}, targets


def read_rows(features: Selection, pictures: np.ndarray) -> np.ndarray:
    """Features of pictures that may come twice, each read once."""
    unique, back = np.unique(pictures, return_inverse=True)
    rows = features.read(unique)
    return rows if len(unique) == len(pictures) else rows[back]
