"""The report page of a video run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnrnn.errors import CnnRnnError
from cnnrnn.media import drawing
from cnnrnn.training.report import Card, Report
from cnnrnn.training.run import Run
from cnnrnn.training.run_report import add_curves, close, opened, range_text
from cnnrnn.video_classify.classifier import Judgement, VideoClassifier
from cnnrnn.video_classify.evaluate import Evaluation
from cnnrnn.video_classify.metrics import ACCURACIES, KEYS
from cnnrnn.video_classify.prepare import Clips
from cnnrnn.video_classify.thumbnails import strip, thumbnail

MISTAKES = 12
TIMELINES = 4
_LINES = 5  # labels of a timeline
_CURVES = {
    "log-loss": ("nats a clip", {"training (smoothed)": "loss", "kept aside": "val_log_loss"}),
    "accuracy": ("of the clips kept aside", {"top-1": "val_top1", "mean class": "val_mean_class"}),
    "learning rate": ("at the end of the epoch", {"rate": "rate"}),
}
_SHOWN = (
    "data", "split_by", "fold", "model", "backbone", "weights", "stream", "grid", "view", "frames",
    "fps", "hidden", "votes", "keep", "width", "dropout", "feature_dropout", "smoothing", "balance",
    "batch", "holdout", "epochs", "learning_rate", "schedule", "clip_norm", "patience", "seed",
    "deterministic", "created",
)  # fmt: skip


def write_report(
    run: Run,
    classifier: VideoClassifier,
    evaluations: Sequence[Evaluation],
    clips: Clips,
    which: str,
) -> None:
    """Write `report.html` of a run.

    Args:
        run: the run.
        classifier: the same, opened.
        evaluations: the classifier's first, then controls and baseline.
        clips: those that were scored.
        which: what these are, in words.
    """
    best = evaluations[0]
    overall, count = best.scores.overall, len(clips.examples)
    report = opened(
        run,
        "Clips",
        [
            ("top-1", overall["top1"], range_text(best.intervals["top1"])),
            ("mean class accuracy", overall["mean_class"], f"{count} {which}"),
        ],
    )
    keys = [*KEYS, *["pairs"] * bool(best.pairs)]
    report.table(
        "Scores",
        ["", *keys],
        [each.row(keys) for each in evaluations],
        higher=[key for key in keys if key != "log_loss"],
        lower=["log_loss"],
        note=f"On {count} {which}. "
        + "; ".join(f"{key} {range_text(best.intervals[key])}" for key in ACCURACIES)
        + " (95 % bootstrap over clips). "
        + "The controls show the same model clips without their order. "
        + "`pairs`: is the true label more probable than its reverse? Chance is 0.5."
        * bool(best.pairs),
    )
    rows, counts = best.scores.confusion()
    report.matrix(
        "Confusion",
        "true \\ guessed",
        best.scores.labels,
        list(zip(rows, counts.tolist(), strict=True)),
        "Shaded by the share of a row; framed where the guess is right.",
    )
    report.table(
        "Labels",
        ["label", "clips", "recall", "precision"],
        best.scores.per_label(),
        note=_confused(best),
    )
    add_curves(report, run, _CURVES)
    _timelines(report, classifier, clips)
    cards = _mistakes(classifier, best, clips)
    if cards:
        report.gallery("Mistakes", cards, "The surest ones first.")
    close(report, run, _SHOWN)


def _confused(best: Evaluation) -> str:
    wrong = [f"{true} as {guess} ({count})" for true, guess, count in best.scores.mistaken()]
    return "Most frequent mistakes: " + ", ".join(wrong) + "." if wrong else "No mistakes."


def _timelines(report: Report, classifier: VideoClassifier, clips: Clips) -> None:
    """The judgement after each frame, and how much each frame counted, of a few clips."""
    count = len(clips.examples)
    chosen = np.random.default_rng(0).permutation(count)[:TIMELINES]
    judged = [classifier.judged(clips, number) for number in chosen]
    judged = [each for each in judged if each.steps is not None or each.weights is not None]
    if not judged:
        return
    report.heading("Timelines")
    for number, each in zip(chosen, judged, strict=False):
        title = f"{each.name} ({clips.examples[number].label})"
        report.curves(title, lines(each, classifier.labels), "by frame", xlabel="frame")


def lines(judgement: Judgement, labels: Sequence[str]) -> dict[str, list[tuple[float, float]]]:
    """The curves of a judgement: probabilities after each frame, or the frames' weights."""
    found = {}
    if judgement.steps is not None:
        for label in list(judgement.scores)[:_LINES]:
            values = judgement.steps[:, labels.index(label)]
            found[label] = [(n, float(value)) for n, value in enumerate(values, 1)]
    elif judgement.weights is not None:
        found["weight"] = [(n, float(value)) for n, value in enumerate(judgement.weights, 1)]
    if judgement.chosen is not None:
        top = float(judgement.weights.max())
        found["kept"] = [(n, top if kept else 0.0) for n, kept in enumerate(judgement.chosen, 1)]
    return found


def _mistakes(classifier: VideoClassifier, best: Evaluation, clips: Clips) -> list[Card]:
    scores = best.scores
    sure = scores.probabilities.max(axis=1)
    wrong = np.flatnonzero(scores.correct == 0)
    cards = []
    for number in wrong[np.argsort(-sure[wrong], kind="stable")][:MISTAKES]:
        example = clips.examples[number]
        guess = scores.labels[scores.guesses[number]]
        try:
            frames = strip(example.source)
        except CnnRnnError:
            continue  # its features came from the cache; the file has gone since
        cards.append(
            Card(
                thumbnail(frames),
                example.source.name,
                [guess, ("true label", example.label)],
                strip=drawing.tile(frames, columns=len(frames)),
                note=f"p = {sure[number]:.2f}",
                strip_title="Frame by frame",
            )
        )
    return cards
