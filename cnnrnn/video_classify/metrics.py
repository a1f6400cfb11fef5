"""How good a classification is: top-1, top-5, mean class accuracy, confusion, log-loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from cnnrnn.errors import CnnRnnError
from cnnrnn.intervals import Difference, bootstrap

KEYS = ("top1", "top5", "mean_class", "log_loss")
ACCURACIES = KEYS[:3]
_LEAST = 1e-7  # probability that a certain and wrong judgement is charged with


@dataclass(frozen=True)
class Scores:
    """Judgements of N clips over L labels.

    ids: the N clips, in the order of every array here.
    labels: the L label names.
    targets: int64 (N,), the true label's number; -1 for a label that is not among the L, which no
        judgement can hit.
    probabilities: float64 (N, L).
    names: the true labels, by name.
    """

    ids: tuple[str, ...]
    labels: tuple[str, ...]
    targets: np.ndarray
    probabilities: np.ndarray
    names: tuple[str, ...]
    overall: dict[str, float] = field(default_factory=dict)

    def __post_init__(self):
        if not self.ids:
            raise CnnRnnError("there is nothing to score: no clips")
        every = np.arange(len(self.ids))
        self.overall.update({key: self.of(key, every) for key in KEYS})

    @property
    def guesses(self) -> np.ndarray:
        """int64 (N,), the most probable label's number; the first of several."""
        return self.probabilities.argmax(axis=1)

    @property
    def correct(self) -> np.ndarray:
        """float64 (N,), 1 where the most probable label is the true one."""
        return (self.guesses == self.targets).astype(np.float64)

    @property
    def log_losses(self) -> np.ndarray:
        """float64 (N,), in nats."""
        chosen = np.take_along_axis(
            self.probabilities, np.maximum(self.targets, 0)[:, None], axis=1
        )[:, 0]
        return -np.log(np.maximum(np.where(self.targets < 0, 0.0, chosen), _LEAST))

    def within(self, k: int) -> np.ndarray:
        """float64 (N,), 1 where the true label is among the k most probable ones."""
        best = np.argsort(-self.probabilities, axis=1, kind="stable")[:, :k]
        return (best == self.targets[:, None]).any(axis=1).astype(np.float64)

    def of(self, key: str, items: np.ndarray) -> float:
        """A figure of a set drawn from the clips: integers (M,), repeats allowed."""
        if key == "top1":
            return float(self.correct[items].mean())
        if key == "top5":
            return float(self.within(5)[items].mean())
        if key == "log_loss":
            return float(self.log_losses[items].mean())
        names, codes = np.unique(np.array(self.names)[items], return_inverse=True)
        sizes = np.bincount(codes, minlength=len(names))
        return float((np.bincount(codes, self.correct[items], len(names)) / sizes).mean())

    def interval(self, key: str, seed: int = 0, level: float = 0.95) -> tuple[float, float]:
        """Bounds of a figure, by resampling the clips with replacement."""
        if key == "top1":
            correct = self.correct
            return bootstrap(lambda items: correct[items].mean(), len(correct), seed, level)
        return bootstrap(lambda items: self.of(key, items), len(self.ids), seed, level)

    def difference(self, other: Scores, seed: int = 0, level: float = 0.95) -> Difference:
        """How much higher top-1 is than that of `other` (paired bootstrap over clips).

        Raises:
            CnnRnnError: the two are of different clips.
        """
        if self.ids != other.ids:
            raise CnnRnnError("scores of different clips cannot be paired")
        apart = self.correct - other.correct
        bounds = bootstrap(lambda items: apart[items].mean(), len(apart), seed, level)
        return Difference(float(apart.mean()), *bounds)

    def confusion(self) -> tuple[list[str], np.ndarray]:
        """True labels (R names) by guesses: int64 (R, L)."""
        rows = sorted(set(self.names) | set(self.labels))
        counts = np.zeros((len(rows), len(self.labels)), np.int64)
        places = {name: place for place, name in enumerate(rows)}
        np.add.at(counts, ([places[name] for name in self.names], self.guesses), 1)
        return rows, counts

    def per_label(self) -> list[tuple[str, int, float | None, float | None]]:
        """(label, clips, recall, precision) of each label; None where there is nothing to divide
        by."""
        rows, counts = self.confusion()
        guessed = dict(zip(self.labels, counts.sum(0).tolist(), strict=True))
        found = []
        for name, row in zip(rows, counts, strict=True):
            number = self.labels.index(name) if name in self.labels else None
            hits = int(row[number]) if number is not None else 0
            clips, said = int(row.sum()), guessed.get(name, 0)
            found.append((name, clips, hits / clips if clips else None,
                          hits / said if said else None))
        return found

    def mistaken(self, count: int = 5) -> list[tuple[str, str, int]]:
        """The most frequent mistakes, (true, guessed, clips)."""
        rows, counts = self.confusion()
        wrong = [
            (rows[true], self.labels[guess], int(counts[true, guess]))
            for true, guess in zip(*np.nonzero(counts), strict=True)
            if rows[true] != self.labels[guess]
        ]
        return sorted(wrong, key=lambda each: (-each[2], each[0], each[1]))[:count]

    def pair_correct(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        """Within its pair, is the true label more probable than its reverse? float64 (M,).

        Of the M clips whose label is in a pair; equal probabilities count half. What cannot see
        order is right by chance, 0.5.
        """
        reverse = {a: b for a, b in pairs} | {b: a for a, b in pairs}
        places = {name: place for place, name in enumerate(self.labels)}
        found = []
        for name, row in zip(self.names, self.probabilities, strict=True):
            other = reverse.get(name)
            if name in places and other in places:
                here, there = row[places[name]], row[places[other]]
                found.append(0.5 if here == there else float(here > there))
        return np.array(found, np.float64)


def score(
    ids: Sequence[str],
    names: Sequence[str],
    labels: Sequence[str],
    probabilities: np.ndarray,
) -> Scores:
    """Score judgements.

    Args:
        ids: the N clips.
        names: their true labels.
        labels: the L labels of the columns.
        probabilities: (N, L).
    """
    places = {name: place for place, name in enumerate(labels)}
    targets = np.array([places.get(name, -1) for name in names], np.int64)
    probabilities = np.asarray(probabilities, np.float64)
    return Scores(tuple(ids), tuple(labels), targets, probabilities, tuple(names))


def majority(training: Sequence[str], labels: Sequence[str], count: int) -> np.ndarray:
    """The baseline that does not look: the shares of the training labels, (count, L)."""
    shares = np.array([training.count(label) for label in labels], np.float64)
    return np.tile(shares / max(shares.sum(), 1.0), (count, 1))
