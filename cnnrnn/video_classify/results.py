"""What a comparison keeps of each training, and the figures over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from cnnrnn.intervals import Figure, gain, over_seeds
from cnnrnn.training.results import Results, reading
from cnnrnn.video_classify.ensemble import fit_weights
from cnnrnn.video_classify.metrics import Scores, score

OWN = "classifier"  # the judgements of clips as they are


@dataclass
class Result:
    """One training's judgements.

    ids, names: the N test clips and their true labels. probabilities: (N, L) by control, the plain
    ones under OWN. validation: (V, L) of the clips `validation_names`, or None. milliseconds: of
    the model for one clip, without what makes its features.
    """

    model: str
    seed: int
    labels: list[str]
    ids: list[str]
    names: list[str]
    probabilities: dict[str, np.ndarray]
    validation_names: list[str]
    validation: np.ndarray | None
    milliseconds: float
    parameters: int

    def scores(self, control: str = OWN) -> Scores:
        """The judgements under one control, scored."""
        return score(self.ids, self.names, self.labels, self.probabilities[control])

    def as_json(self) -> dict[str, Any]:
        """In JSON types; probabilities to six digits."""
        found = asdict(self)
        found["probabilities"] = {
            key: np.round(rows, 6).tolist() for key, rows in self.probabilities.items()
        }
        if self.validation is not None:
            found["validation"] = np.round(self.validation, 6).tolist()
        return found

    @classmethod
    def from_json(cls, content: Any) -> Result:
        """What `as_json` gave.

        Raises:
            CnnRnnError: something else.
        """
        with reading("judgements"):
            found = cls(**content)
            found.probabilities = {
                key: np.asarray(rows, np.float64) for key, rows in found.probabilities.items()
            }
            if found.validation is not None:
                found.validation = np.asarray(found.validation, np.float64)
            if len(found.probabilities[OWN]) != len(found.ids):
                raise ValueError("not a row a clip")
        return found


class Table(Results[Result]):
    """All results of one data set.

    Args:
        data: its name.
        results: of every model and seed, on the same test clips.
        pairs: labels that are each other's reverse.

    Raises:
        CnnRnnError: results of different clips.
    """

    def __init__(
        self, data: str, results: Sequence[Result], pairs: Sequence[tuple[str, str]] = ()
    ):
        super().__init__(data, results, "clips")
        self.pairs = tuple(pairs)

    def correct(self, model: str, control: str = OWN) -> np.ndarray:
        """(S, N): 1 where a clip was judged right."""
        return self.by_seed(model, lambda each: each.scores(control).correct)

    def paired(self, model: str, control: str = OWN) -> np.ndarray:
        """(S, M): 1 where the true label was more probable than its reverse."""
        return self.by_seed(model, lambda each: each.scores(control).pair_correct(self.pairs))

    def accuracy(self, model: str, control: str = OWN) -> Figure:
        """Top-1."""
        return over_seeds(self.correct(model, control))

    def order(self, model: str, control: str = OWN) -> Figure | None:
        """Accuracy within reversed pairs, chance 0.5; None where the data has none."""
        found = self.paired(model, control)
        return over_seeds(found) if found.size else None

    def gain(self, first: str, second: str) -> Figure:
        """How much higher top-1 of one model is, clip by clip and seed by seed."""
        return gain(self.correct(first), self.correct(second))

    def lost(self, model: str, control: str) -> Figure:
        """How much top-1 falls under a control."""
        return over_seeds(self.correct(model) - self.correct(model, control))

    def row(self, model: str) -> dict[str, Any]:
        """The figures of one model."""
        runs = self.by_model[model]
        controls = [key for key in runs[0].probabilities if key != OWN]
        return {
            "model": model,
            "top1": self.accuracy(model),
            "mean_class": float(np.mean([r.scores().overall["mean_class"] for r in runs])),
            "pairs": self.order(model),
            **{control: self.accuracy(model, control) for control in controls},
            "ms": float(np.median([r.milliseconds for r in runs])),
            "parameters": runs[0].parameters,
            "seeds": len(runs),
        }

    def ensemble(self) -> tuple[str, Figure, Figure, Figure] | None:
        """All models joined, seed by seed, by weights fitted on validation.

        Returns:
            the best member's name (by validation log-loss, mean over seeds), the ensemble's top-1,
            its gain over the best member, and over equal weights; None without validation clips
            or a second model.
        """
        models = list(self.by_model)
        seeds = min(len(runs) for runs in self.by_model.values())
        if len(models) < 2 or any(
            run.validation is None for runs in self.by_model.values() for run in runs
        ):
            return None
        losses, joined, equal = np.zeros(len(models)), [], []
        for seed in range(seeds):
            runs = [self.by_model[model][seed] for model in models]
            rows = np.stack([run.validation for run in runs])
            places = {label: n for n, label in enumerate(runs[0].labels)}
            targets = np.array([places.get(name, -1) for name in runs[0].validation_names])
            known = targets >= 0
            weights = fit_weights(rows[:, known], targets[known])
            chosen = rows[:, np.flatnonzero(known), targets[known]]
            losses += -np.log(np.maximum(chosen, 1e-7)).mean(axis=1)
            test = np.stack([run.probabilities[OWN] for run in runs])
            for into, shares in ((joined, weights), (equal, np.full(len(runs), 1 / len(runs)))):
                mixed = np.tensordot(shares, test, axes=1)
                into.append(score(runs[0].ids, runs[0].names, runs[0].labels, mixed).correct)
        best = models[int(np.argmin(losses))]
        joined, equal = np.stack(joined), np.stack(equal)
        alone = self.correct(best)[:seeds]
        return best, over_seeds(joined), over_seeds(joined - alone), over_seeds(joined - equal)
