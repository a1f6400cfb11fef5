"""What a comparison keeps of each training, and the figures over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from cnnrnn.intervals import Figure, gain, over_seeds
from cnnrnn.training.results import Results, reading
from cnnrnn.vqa.example import ABSTRACT, REAL
from cnnrnn.vqa.metrics import UNNAMED

OWN = "own"  # the answers to the questions about their own pictures
CHOICE = "multiple choice"


@dataclass
class Result:
    """One training's answers to the test questions.

    ids, kinds: of the N questions. domains: of their pictures, `real` or `abstract`; "" where the
    data does not say; empty where that is not known of any. values: by way of answering (OWN,
    CHOICE, a control), (N,), how right each answer was, 0 to 1, NaN where the question was not
    answered so (it has no choices).
    shares: by kind of question, see `looks.Shares.table`. milliseconds: of the model for one
    picture and one question, without what makes its features.
    """

    model: str
    seed: int
    ids: list[str]
    kinds: list[str]
    values: dict[str, np.ndarray]
    shares: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)
    milliseconds: float | None = None
    parameters: int = 0
    domains: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """In JSON types."""
        found = asdict(self)
        found["values"] = {
            key: [None if np.isnan(value) else round(float(value), 6) for value in row]
            for key, row in self.values.items()
        }
        return found

    @classmethod
    def from_json(cls, content: Any) -> Result:
        """What `as_json` gave.

        Raises:
            CnnRnnError: something else.
        """
        with reading("answers"):
            found = cls(**content)
            found.values = {
                key: np.array([np.nan if value is None else value for value in row], np.float64)
                for key, row in found.values.items()
            }
            rows = [found.kinds, found.domains or found.ids, *found.values.values()]
            if any(len(row) != len(found.ids) for row in rows):
                raise ValueError("not a value a question")
        return found


class Table(Results[Result]):
    """All results on one data set.

    Args:
        data: its name.
        results: of every model and seed, on the same test questions.

    Raises:
        CnnRnnError: results of different questions.
    """

    def __init__(self, data: str, results: Sequence[Result]):
        super().__init__(data, results, "questions")
        self._kinds = np.array([kind or UNNAMED for kind in results[0].kinds])
        self._domains = np.array(results[0].domains or [""] * self.count)

    @property
    def kinds(self) -> list[str]:
        """The kinds of questions, the most frequent first."""
        names, counts = np.unique(self._kinds, return_counts=True)
        return [str(name) for _, name in sorted(zip(-counts, names, strict=True))]

    @property
    def domains(self) -> list[str]:
        """`real` and `abstract`, where the data has such pictures."""
        return [name for name in (REAL, ABSTRACT) if (self._domains == name).any()]

    def values(
        self, model: str, way: str = OWN, kind: str | None = None, domain: str | None = None
    ) -> np.ndarray:
        """(S, M): how right the answers to the questions of one kind, about the pictures of one
        domain (None: all) were."""
        found = self.by_seed(model, lambda each: each.values[way])
        kept = ~np.isnan(found[0])
        if kind:
            kept &= self._kinds == kind
        if domain:
            kept &= self._domains == domain
        return found[:, kept]

    def has(self, model: str, way: str) -> bool:
        """Whether a model has answered so at all."""
        runs = self.by_model.get(model, ())
        return bool(runs) and all(
            way in run.values and not np.isnan(run.values[way]).all() for run in runs
        )

    def accuracy(
        self, model: str, way: str = OWN, kind: str | None = None, domain: str | None = None
    ) -> Figure:
        """How right a model answers."""
        return over_seeds(self.values(model, way, kind, domain))

    def gain(self, first: str, second: str, kind: str | None = None) -> Figure:
        """How much more right one model is, question by question and seed by seed."""
        return gain(self.values(first, kind=kind), self.values(second, kind=kind))

    def lost(self, model: str, way: str) -> Figure:
        """How much a model loses under a control."""
        return over_seeds(self.values(model) - self.values(model, way))

    def shares(self, model: str, kind: str) -> dict[str, dict[str, float]]:
        """Shares of attention inside boxes, means over seeds; {} where there are none."""
        runs = [run.shares[kind] for run in self.by_model.get(model, ()) if kind in run.shares]
        if not runs:
            return {}
        return {
            hop: {box: float(np.mean([run[hop][box] for run in runs])) for box in runs[0][hop]}
            for hop in runs[0]
        }

    @property
    def share_kinds(self) -> list[str]:
        """Kinds of questions with boxes."""
        found = [kind for runs in self.by_model.values() for run in runs for kind in run.shares]
        return list(dict.fromkeys(found))

    def row(self, model: str) -> dict[str, Any]:
        """The figures of one model."""
        runs = self.by_model[model]
        ways = [way for way in runs[0].values if way != OWN]
        times = [run.milliseconds for run in runs if run.milliseconds is not None]
        return {
            "model": model,
            "accuracy": self.accuracy(model),
            **{way: self.accuracy(model, way) for way in ways if self.has(model, way)},
            **{kind: self.accuracy(model, kind=kind) for kind in self.kinds},
            **{
                f"{name} pictures": self.accuracy(model, domain=name) for name in self.domains
            },
            "ms": float(np.median(times)) if times else None,
            "parameters": runs[0].parameters or None,
            "seeds": len(runs),
        }
