"""Several runs together: their probabilities, joined by weights that were fitted on validation.

    p(label | clip) = sum_m w_m p_m(label | clip),  w_m >= 0,  sum_m w_m = 1

The weights minimise the log-loss of the clips that chose the members' epochs. That is the
likelihood of a mixture with fixed parts, which EM climbs and which has one maximum.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from cnnrnn import console
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.media.sources import Source
from cnnrnn.training.run import Run
from cnnrnn.video_classify.classifier import (
    ENSEMBLE,
    TASK,
    Judgement,
    VideoClassifier,
    ranked,
    read_labels,
)
from cnnrnn.video_classify.controls import Transform
from cnnrnn.video_classify.data import Example, load
from cnnrnn.video_classify.evaluate import Evaluation, evaluation
from cnnrnn.video_classify.prepare import Clips, hold_out
from cnnrnn.video_classify.settings import TrainSettings
from cnnrnn.video_classify.validate import MONITOR

_KEPT = ("config.json", "labels.json", "best.keras")
_STEPS = 2000
_SETTLED = 1e-9  # nats a clip: an EM step that gains less is the last one
_LEAST = 1e-12


def fit_weights(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Weights of the members, float64 (M,), of the lowest log-loss.

    Args:
        probabilities: (M, N, L).
        targets: int (N,), true label numbers.
    """
    chosen = np.maximum(probabilities[:, np.arange(len(targets)), targets], _LEAST)  # (M, N)
    weights = np.full(len(chosen), 1 / len(chosen))
    before = np.log(weights @ chosen).mean()
    for _ in range(_STEPS):
        weights = weights * (chosen / (weights @ chosen)).mean(axis=1)
        now = np.log(weights @ chosen).mean()
        if now - before < _SETTLED:
            break
        before = now
    return weights / weights.sum()


@dataclass
class Gathered:
    """The clips that all members can judge: `parts[m]` are those of member m."""

    examples: list[Example]
    parts: list[Clips]
    failures: list[tuple[str, str]]


class Ensemble:
    """Some classifiers of the same labels, and their weights; used like a single one.

    Args:
        members: the classifiers.
        weights: (M,).
        run: the ensemble's own, for messages.
    """

    def __init__(self, members: Sequence[VideoClassifier], weights: np.ndarray, run: Run | None):
        self.members, self.weights, self.run = list(members), np.asarray(weights), run
        self.labels = self.members[0].labels
        for each in self.members[1:]:
            if sorted(each.labels) != sorted(self.labels):
                raise CnnRnnError(
                    f"runs {self.members[0].run.path} and {each.run.path} have different labels",
                    "join runs of the same data",
                )

    @classmethod
    def open(cls, run: Run) -> Ensemble:
        """Open the run of an ensemble; see `VideoClassifier.open`."""
        from cnnrnn.training.fit import load_model
        from cnnrnn.video_classify.models import mixture  # noqa: F401  registers the class

        names = run.config.get("members")
        if not isinstance(names, list) or not names:
            raise CnnRnnError(f"run {run.path} has no members", "copy the whole run folder again")
        members = [
            VideoClassifier.open(Run.open(run.path / "members" / Path(str(name)).name, TASK))
            for name in names
        ]
        found = cls(members, np.array(load_model(run.best).shares), run)
        if found.labels != read_labels(run):
            raise CnnRnnError(f"run {run.path} is damaged: other labels than its members'")
        return found

    def data_settings(self) -> TrainSettings:
        """See `Classifier.data_settings`."""
        return self.members[0].settings

    def gather(self, examples: Sequence[Example]) -> Gathered:
        """See `Classifier.gather`; members that see the same features share them."""
        parts, seen = [], {}
        for member in self.members:
            key = replace(
                member.settings, model="lstm" if member.settings.model != "c3d" else "c3d",
                seed=0, view=None, hidden=None, votes="mean", keep=1, width=1, dropout=None,
                epochs=None,
            )  # fmt: skip
            key = repr(key)
            if key not in seen:
                seen[key] = member.gather(examples)
            parts.append(seen[key])
        common = set.intersection(*({each.id for each in part.examples} for part in parts))
        parts = [
            part.part([n for n, each in enumerate(part.examples) if each.id in common])
            for part in parts
        ]
        failures = {name: reason for part in seen.values() for name, reason in part.failures}
        return Gathered(parts[0].examples, parts, list(failures.items()))

    def each(self, clips: Gathered, transform: Transform | None = None) -> np.ndarray:
        """Probabilities of each member alone, (M, N, L), labels in the ensemble's order."""
        found = []
        for member, part in zip(self.members, clips.parts, strict=True):
            order = [member.labels.index(label) for label in self.labels]
            found.append(member.probabilities(part, transform)[:, order])
        return np.stack(found)

    def probabilities(self, clips: Gathered, transform: Transform | None = None) -> np.ndarray:
        """See `Classifier.probabilities`."""
        return np.tensordot(self.weights, self.each(clips, transform), axes=1)

    def stream(self, sources: Iterable[Source]) -> Iterator[Judgement]:
        """See `Classifier.stream`."""
        for source in sources:
            yield self._joined([next(member.stream([source])) for member in self.members])

    def slide(
        self, source: Source, seconds: float, step: float
    ) -> Iterator[tuple[float, float, Judgement]]:
        """See `Classifier.slide`."""
        for parts in zip(*(each.slide(source, seconds, step) for each in self.members),
                         strict=False):
            start, end = parts[0][:2]
            yield start, end, self._joined([judgement for *_, judgement in parts])

    def _joined(self, judgements: Sequence[Judgement]) -> Judgement:
        first = judgements[0]
        if any(each.error for each in judgements):
            return next(each for each in judgements if each.error)
        rows = np.array([[each.scores[label] for label in self.labels] for each in judgements])
        scores = ranked(self.labels, self.weights @ rows)
        return Judgement(first.name, scores, times=first.times)


@dataclass
class Joined:
    """What joining came to.

    run: the ensemble's folder.
    evaluations: on the test split: the ensemble, the equal-weight rival, then each member.
    best: the member with the lowest log-loss on validation.
    """

    run: Run
    evaluations: list[Evaluation]
    best: str
    weights: dict[str, float]
    failures: list[tuple[str, str]]

    @property
    def lines(self) -> list[str]:
        """The gains with their paired intervals, one line each."""
        found, ours = [], self.evaluations[0].scores
        for each in self.evaluations[1:]:
            if each.name in ("equal weights", self.best):
                which = "the best member " * (each.name == self.best) + each.name
                value, low, high = ours.difference(each.scores)
                found.append(
                    f"top1 is {value:+.3f} ({low:+.3f} to {high:+.3f}) against {which} "
                    "(paired bootstrap)"
                )
        return found


def join(
    runs: Sequence[Path | str], root: Path | str = "runs", name: str | None = None
) -> Joined:
    """Make an ensemble of runs, fit its weights on validation and score it on the test split.

    Args:
        runs: two or more, trained on the same data.
        root, name: as in `train`.

    Raises:
        UsageError: fewer than two runs.
        CnnRnnError: runs of different data or labels; nothing to fit the weights on.
    """
    if len(runs) < 2:
        raise UsageError("an ensemble needs two runs or more", "--members RUN --members RUN")
    members = [VideoClassifier.open(Run.open(run, TASK)) for run in runs]
    marks = [each.run.config.get("data_fingerprint") for each in members]
    if len(set(marks)) > 1:
        raise CnnRnnError(
            "the runs were trained on different data or other splits of it",
            "train them with the same --data, --limit and --fold",
        )
    ensemble = Ensemble(members, np.full(len(members), 1 / len(members)), None)
    settings = ensemble.data_settings()
    data = load(settings)
    validation = ensemble.gather(_validation(data, settings, members))
    each = ensemble.each(validation)
    targets = validation.parts[0].numbers(ensemble.labels)
    known = targets >= 0
    ensemble.weights = fit_weights(each[:, known], targets[known])
    names = _names(runs)
    losses = [
        evaluation(one, validation.examples, ensemble.labels, rows, intervals=False).scores
        .overall["log_loss"] for one, rows in zip(names, each, strict=True)
    ]
    loss = evaluation(ENSEMBLE, validation.examples, ensemble.labels,
                      ensemble.probabilities(validation), intervals=False).scores
    run = _save(ensemble, settings, names, root, name)
    test = ensemble.gather(data.split("test"))
    rows = ensemble.each(test)
    ways = {
        ENSEMBLE: np.tensordot(ensemble.weights, rows, axes=1),
        "equal weights": rows.mean(axis=0),
        **dict(zip(names, rows, strict=True)),
    }
    evaluations = [
        evaluation(way, test.examples, ensemble.labels, found, data.pairs, seed=settings.seed)
        for way, found in ways.items()
    ]
    value = loss.overall["log_loss"]
    run.append_log({"epoch": 1, MONITOR: value})
    run.finish(MONITOR, value, 1, evaluations[0].scores.overall, lower_is_better=True)
    weights = dict(zip(names, ensemble.weights.tolist(), strict=True))
    return Joined(run, evaluations, names[int(np.argmin(losses))], weights, test.failures)


def _validation(data, settings: TrainSettings, members) -> list[Example]:
    """The clips that chose the members' epochs."""
    if not settings.holdout:
        raise CnnRnnError(
            "the members kept no clips aside, and the weights need some",
            "train them without --holdout 0",
        )
    found = [each for each in data.examples if each.split == "val"]
    if found:
        return found
    usable = members[0].gather(data.split("train"))
    _, aside = hold_out(settings, usable)
    return [usable.examples[number] for number in aside]


def _names(runs: Sequence[Path | str]) -> list[str]:
    """Folder names for the members; equal ones are numbered."""
    names = [Path(run).resolve().name for run in runs]
    return [
        name if names.count(name) == 1 else f"{number}-{name}"
        for number, name in enumerate(names, 1)
    ]


def _save(ensemble: Ensemble, settings: TrainSettings, names, root, name) -> Run:
    """A run folder that holds the members, so that it can be moved."""
    from cnnrnn.video_classify.models.mixture import Mixture

    first = ensemble.members[0].run.config
    config = settings.as_config() | {
        key: first[key] for key in ("data_fingerprint", "clips", "labels") if key in first
    }
    config |= {"model": ENSEMBLE, "members": names}
    run = Run.create(root, TASK, name, config)
    run.write_json("labels.json", ensemble.labels)
    for member, folder in zip(ensemble.members, names, strict=True):
        target = run.path / "members" / folder
        target.mkdir(parents=True)
        for file in _KEPT:
            shutil.copyfile(member.run.path / file, target / file)
    model = Mixture(ensemble.weights.tolist())
    model.build()
    run.save_best(model.save)
    ensemble.run = run
    return run


def show(joined: Joined) -> None:
    """Tell the weights, and how each way does on the test split."""
    keys = ["top1", "top5", "mean_class", "log_loss"]
    rows = [
        [*each.row(keys), joined.weights.get(each.name)] for each in joined.evaluations
    ]
    console.result(console.table(["", *keys, "weight"], rows))
    for line in joined.lines:
        console.info(line)
