"""How good a classifier is: a run's, anybody's, and those that do not see order or do not look."""

from __future__ import annotations

import json as json_text
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from cnnrnn import console
from cnnrnn.errors import CnnRnnError
from cnnrnn.files import atomic_write
from cnnrnn.media import tables
from cnnrnn.training.dataset import by_any_name, tell_unmatched
from cnnrnn.video_classify.classifier import Classifier
from cnnrnn.video_classify.controls import controls as order_controls
from cnnrnn.video_classify.data import Example, load
from cnnrnn.video_classify.metrics import ACCURACIES, KEYS, Scores, majority, score
from cnnrnn.video_classify.settings import TrainSettings

_SHOWN_LABELS = 20  # a larger confusion matrix does not fit a terminal
_NAMES = ("path", "source", "clip", "id")


@dataclass
class Evaluation:
    """Scores of one way to judge one set of clips.

    name: `classifier`, a control's or the baseline's name.
    intervals: 95 % bootstrap intervals over clips.
    pairs: accuracy within reversed pairs, with its bounds; for built-in clips.
    """

    name: str
    scores: Scores
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    pairs: tuple[float, float, float] | None = None

    def row(self, keys: Sequence[str]) -> list[Any]:
        """Name and figures, for a table."""
        figures = [self.scores.overall.get(key) for key in keys if key != "pairs"]
        if "pairs" in keys:
            figures.append(self.pairs[0] if self.pairs else None)
        return [self.name, *figures]


def evaluation(
    name: str,
    examples: Sequence[Example],
    labels: Sequence[str],
    probabilities: np.ndarray,
    pairs: Sequence[tuple[str, str]] = (),
    intervals: bool = True,
    seed: int = 0,
) -> Evaluation:
    """Score judgements (n, L) of clips."""
    from cnnrnn.intervals import bootstrap_interval

    found = score([each.id for each in examples], [each.label for each in examples], labels,
                  probabilities)
    ranges = {key: found.interval(key, seed) for key in ACCURACIES if intervals}
    within = found.pair_correct(pairs)
    told = None
    if len(within):
        told = (float(within.mean()), *bootstrap_interval(within, seed))
    return Evaluation(name, found, ranges, told)


def score_classifier(
    classifier: Classifier,
    clips: Any,
    training: Sequence[str] | None = None,
    pairs: Sequence[tuple[str, str]] = (),
    controls: bool = True,
    seed: int = 0,
) -> list[Evaluation]:
    """Score a classifier, its order controls, and the baseline.

    Args:
        classifier: the run, opened.
        clips: what `classifier.gather` gave.
        training: the labels of the training clips, for the baseline `majority label`.
        pairs: labels that are each other's reverse.
        controls: also judge with shuffled frames and with a single one.

    Returns:
        the classifier's own evaluation first.
    """
    examples, labels = clips.examples, classifier.labels
    ways = {"classifier": None} | (order_controls(seed) if controls else {})
    found = [
        evaluation(name, examples, labels, classifier.probabilities(clips, transform), pairs,
                   seed=seed)
        for name, transform in ways.items()
    ]
    if training:
        guess = majority(list(training), labels, len(examples))
        found.append(evaluation("majority label", examples, labels, guess, pairs, seed=seed))
    return found


def read_predictions(
    path: Path, examples: Sequence[Example]
) -> tuple[list[Example], list[str], np.ndarray]:
    """Read JSON lines of path and class scores, `{"path": "a.mp4", "scores": {"wave": 0.9}}`.

    Scores that are all 0 or more are divided by their sum, others go through a softmax.

    Returns:
        the clips that have a prediction, the labels, probabilities (n, L).

    Raises:
        CnnRnnError: not such a file, or not one prediction belongs to a clip.
    """
    by_name = by_any_name(examples)
    found: dict[str, dict[str, float]] = {}
    strange = 0
    for number, row in enumerate(tables.json_rows(path), 1):
        name = next((str(row[key]) for key in _NAMES if row.get(key)), None)
        scores = row.get("scores")
        if name is None or not _are_scores(scores):
            raise CnnRnnError(
                f"{path} line {number} has no path or no scores",
                '{"path": "a.mp4", "scores": {"wave": 0.9, "clap": 0.1}}',
            )
        example = by_name.get(name) or by_name.get(Path(name).name)
        if example is None:
            strange += 1
        elif example.id in found:
            raise CnnRnnError(f"{path} has two predictions for {name}", "give one each")
        else:
            found[example.id] = {label: float(value) for label, value in scores.items()}
    if not found:
        raise CnnRnnError(f"no prediction in {path} is of a clip of the data", "check --split")
    kept = [each for each in examples if each.id in found]
    tell_unmatched(strange, len(kept), examples, "prediction", "clips")
    labels = sorted({label for scores in found.values() for label in scores})
    rows = np.array([_shares(found[each.id], labels) for each in kept])
    return kept, labels, rows


def _are_scores(scores: Any) -> bool:
    return (
        isinstance(scores, dict)
        and bool(scores)
        and all(isinstance(v, (int, float)) and np.isfinite(v) for v in scores.values())
    )


def _shares(scores: Mapping[str, float], labels: Sequence[str]) -> np.ndarray:
    values = np.array([scores.get(label, np.nan) for label in labels])
    if np.nanmin(values) < 0:
        values = np.exp(values - np.nanmax(values))
    values = np.nan_to_num(values)
    return values / max(values.sum(), 1e-12)


def evaluate_predictions(
    settings: TrainSettings, split: str, predictions: Path, seed: int = 0
) -> list[Evaluation]:
    """Score a file of judgements, made by any program, with no model at all."""
    data = load(settings)
    examples, labels, rows = read_predictions(predictions, data.split(split))
    return [evaluation("classifier", examples, labels, rows, data.pairs, seed=seed)]


def evaluate_run(
    run: Path | None, changes: Mapping[str, Any], split: str, with_controls: bool = True
) -> tuple[list[Evaluation], list[tuple[str, str]]]:
    """Score a run on one split of its own data, or of other data.

    Args:
        run: its folder; None takes the newest one, else the shipped starter.
        changes: what to take instead of the run's own `data`, `format`, `limit`, `fold` ...
        split: which clips.
        with_controls: also the order controls and the baseline.

    Returns:
        evaluations, the classifier's first, and the (name, reason) of clips that could not be used.
    """
    from cnnrnn.video_classify.classifier import load_classifier

    classifier = load_classifier(run)
    console.info(f"run {classifier.run.path}")
    settings = classifier.data_settings()
    if "data" in changes:
        settings = replace(settings, format="auto", limit=None, fold=None)
    settings = replace(settings, **changes)
    data = load(settings)
    clips = classifier.gather(data.split(split))
    for name, reason in clips.failures:
        console.error(reason if name in reason else f"{name}: {reason}")
    training = [each.label for each in data.examples if each.split == "train"]
    found = score_classifier(
        classifier, clips, training if with_controls else None, data.pairs, with_controls,
        settings.seed,
    )
    return found, list(clips.failures)


def show(evaluations: Sequence[Evaluation], json: bool) -> None:
    """Print the scores: tables, or one JSON object each with the classifier's first."""
    best = evaluations[0].scores
    if json:
        for each in evaluations:
            line = {"name": each.name, "clips": len(each.scores.ids), **each.scores.overall}
            line |= {"intervals": each.intervals}
            if each.pairs:
                line |= {"pairs": each.pairs[0], "pairs_interval": each.pairs[1:]}
            if each is evaluations[0]:
                rows, counts = best.confusion()
                line["confusion"] = {"true": rows, "guessed": best.labels, "counts": counts}
            console.json_line(line)
        return
    keys = [*KEYS, *["pairs"] * bool(evaluations[0].pairs)]
    console.result(console.table(["", *keys], [each.row(keys) for each in evaluations]))
    if len(best.labels) <= _SHOWN_LABELS:
        rows, counts = best.confusion()
        head = ["true \\ guessed", *map(_short, best.labels)]
        cells = [[name, *row] for name, row in zip(rows, counts.tolist(), strict=True)]
        console.result("\n" + console.table(head, cells))
    for key, (low, high) in evaluations[0].intervals.items():
        console.info(f"{key} {low:.3f} to {high:.3f} (95 % bootstrap over clips)")
    for each in evaluations[1:]:
        value, low, high = best.difference(each.scores)
        console.info(
            f"top1 is {value:+.3f} ({low:+.3f} to {high:+.3f}) against {each.name} "
            "(paired bootstrap)"
        )


def _short(label: str) -> str:
    return label if len(label) <= 14 else label[:13] + "…"


def write_results(path: Path, found: Evaluation) -> None:
    """Write judgements as JSON lines of path and class scores."""
    scores = found.scores
    with atomic_write(path, "w") as file:
        for name, row in zip(scores.ids, scores.probabilities.tolist(), strict=True):
            line = {"path": name, "scores": dict(zip(scores.labels, row, strict=True))}
            file.write(json_text.dumps(line, ensure_ascii=False) + "\n")
