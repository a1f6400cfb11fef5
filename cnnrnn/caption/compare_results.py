"""What a comparison keeps of each training, and the figures over seeds."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from cnnrnn.intervals import Figure, gain, over_seeds
from cnnrnn.text.metrics import KEYS
from cnnrnn.training.results import Results, reading

OWN, SHUFFLED, FACTS = "CIDEr", "shuffled pictures", "facts"
# The columns that are means over seeds, beside CIDEr, and how each is called.
MEANS = tuple(key for key in KEYS if key != OWN)


@dataclass
class Result:
    """One training's captions of the test pictures.

    ids: of the N pictures. values: CIDEr of each caption (N,), beside its own picture (OWN) and
    beside another one (SHUFFLED), and of the built-in world the share of its facts that each tells
    (FACTS, see `telling`). scores: of the whole set. words: different words that were used.
    new: share of the captions that are no training caption. seconds: of an epoch. milliseconds: of
    the model for one picture, without what makes its features.
    """

    model: str
    seed: int
    ids: list[str]
    values: dict[str, np.ndarray]
    scores: dict[str, float] = field(default_factory=dict)
    perplexity: float | None = None
    words: int | None = None
    new: float | None = None
    seconds: float | None = None
    milliseconds: float | None = None
    parameters: int | None = None

    def as_json(self) -> dict[str, Any]:
        """In JSON types."""
        found = asdict(self)
        found["values"] = {
            key: [round(float(value), 6) for value in row] for key, row in self.values.items()
        }
        return found

    @classmethod
    def from_json(cls, content: Any) -> Result:
        """What `as_json` gave.

        Raises:
            CnnRnnError: something else.
        """
        with reading("captions"):
            found = cls(**content)
            found.values = {key: np.array(row, np.float64) for key, row in found.values.items()}
            if any(row.shape != (len(found.ids),) for row in found.values.values()):
                raise ValueError("not a value a picture")
        return found


class Table(Results[Result]):
    """All results on one data set, see `training.results.Results`."""

    def values(self, model: str, way: str = OWN) -> np.ndarray:
        """(S, N): CIDEr by seed and picture."""
        return self.by_seed(model, lambda each: each.values[way])

    def cider(self, model: str) -> Figure:
        """CIDEr of a model."""
        return over_seeds(self.values(model))

    def gain(self, first: str, second: str, way: str = OWN) -> Figure:
        """How much more CIDEr one model has, or how many more FACTS its captions tell, picture by
        picture and seed by seed."""
        return gain(self.values(first, way), self.values(second, way))

    def facts(self, model: str) -> Figure | None:
        """The share of the facts that a model's captions tell; None outside the built-in world."""
        known = all(FACTS in run.values for run in self.by_model[model])
        return over_seeds(self.values(model, FACTS)) if known else None

    def lost(self, model: str) -> Figure:
        """How much CIDEr a model's captions lose beside other pictures."""
        return over_seeds(self.values(model) - self.values(model, SHUFFLED))

    def seeing(self) -> list[str]:
        """The models that look at pictures: not the baselines."""
        return [model for model, runs in self.by_model.items() if SHUFFLED in runs[0].values]

    @cached_property
    def rows(self) -> dict[str, dict[str, Any]]:
        """The figures of each model; what one does not have is None."""
        return {model: self._row(model) for model in self.by_model}

    def _row(self, model: str) -> dict[str, Any]:
        runs = self.by_model[model]

        def mean(values: list) -> float | None:
            values = [value for value in values if value is not None]
            return float(np.mean(values)) if values else None

        return {
            "model": model,
            OWN: self.cider(model),
            FACTS: self.facts(model),
            **{key: mean([run.scores.get(key) for run in runs]) for key in MEANS},
            SHUFFLED: over_seeds(self.values(model, SHUFFLED)).value
            if SHUFFLED in runs[0].values
            else None,
            **{
                key: mean([getattr(run, key) for run in runs])
                for key in ("perplexity", "words", "new", "seconds", "milliseconds")
            },
            "parameters": runs[0].parameters,
            "seeds": len(runs),
        }
