"""Labels for clips that a person brings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from cnnrnn import console
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.media import video_write
from cnnrnn.media.medium import CLIPS
from cnnrnn.media.sources import OutputNames, Source, check_place, expand
from cnnrnn.training.found import tell_run
from cnnrnn.video_classify.classifier import (
    STARTER,
    Classifier,
    Judgement,
    load_classifier,
)
from cnnrnn.video_classify.thumbnails import annotated

_BAR = 20  # characters of a full bar in the timeline


@dataclass(frozen=True)
class PredictSettings:
    """How clips are judged and shown.

    top: labels shown of each clip.
    window: seconds of a sliding window; None judges whole clips.
    json: one JSON object a judgement on stdout.
    output: folder of annotated clips, or a file for a single one (.mp4 or .gif); None for none.
    limit: take only so many clips.
    """

    top: int = 3
    window: float | None = None
    json: bool = False
    output: Path | None = None
    limit: int | None = None


def predict(arguments: Sequence[str], run: Path | None, settings: PredictSettings) -> int:
    """Judge all clips, in the order given and in constant memory.

    Args:
        arguments: what `media.sources.expand` takes.
        run: a run folder; None takes the newest run, else the shipped starter.
        settings: see `PredictSettings`.

    Returns:
        1 if a clip could not be judged, else 0.
    """
    file = _single_file(settings.output)
    classifier = load_classifier(run)
    tell_run(classifier.run, STARTER, "the built-in clips")
    report = console.Report("clips")
    names = OutputNames(".mp4")
    for source in islice(expand(arguments, medium=CLIPS), settings.limit):
        try:
            if settings.window:
                _timeline(classifier, source, settings)
                judgement = None
            else:
                judgement = next(classifier.stream([source]))
                if judgement.error:
                    raise CnnRnnError(judgement.error)
                _show(judgement, classifier.labels, settings)
            if settings.output:
                if judgement is None:
                    judgement = next(classifier.stream([source]))
                target = settings.output if file else settings.output / names(source.name)
                if file and report.succeeded:
                    raise UsageError(
                        f"{settings.output} is one file, and there are more clips", "name a folder"
                    )
                _draw(classifier, source, judgement, target)
            report.ok()
        except UsageError:
            raise
        except CnnRnnError as error:
            if settings.json:
                console.json_line({"path": source.name, "error": str(error)})
            report.fail(source.name, error)
    return report.closed("give files, folders or clips:N")


def _single_file(output: Path | None) -> bool:
    return output is not None and output.suffix.lower() in video_write.WRITERS


def _show(judgement: Judgement, labels: Sequence[str], settings: PredictSettings) -> None:
    if settings.json:
        console.json_line(as_json(judgement, labels))
        return
    best = list(judgement.scores.items())[: settings.top]
    said = "  ".join(f"{name} {p:.2f}" for name, p in best)
    console.result(f"{console.field(judgement.name)}\t{said}")


def as_json(judgement: Judgement, labels: Sequence[str]) -> dict:
    """A judgement as one object; `evaluate --predictions` reads lines of them.

    `steps` are the probabilities after each sampled frame, by label; `times` are these frames'.
    """
    found = {
        "path": judgement.name,
        "label": judgement.label,
        "probability": judgement.probability,
        "scores": judgement.scores,
    }
    for key in ("times", "weights", "chosen"):
        if (value := getattr(judgement, key)) is not None:
            found[key] = value
    if judgement.steps is not None:
        found["steps"] = dict(zip(labels, judgement.steps.T, strict=True))
    return found


def _timeline(classifier: Classifier, source: Source, settings: PredictSettings) -> None:
    """A judgement for each window, one line each."""
    name = console.field(source.name)
    for start, end, judgement in classifier.slide(source, settings.window, settings.window / 2):
        if settings.json:
            found = as_json(judgement, classifier.labels)
            console.json_line({**found, "start": start, "end": end})
            continue
        best = list(judgement.scores.items())[: settings.top]
        bar = "#" * round(_BAR * judgement.probability)
        said = "  ".join(f"{name} {p:.2f}" for name, p in best)
        console.result(f"{name}\t{start:7.2f} - {end:.2f} s  {bar:<{_BAR}}  {said}")


def _draw(classifier: Classifier, source: Source, judgement: Judgement, target: Path) -> None:
    """The clip with its labels, the votes over time and the frames that were kept."""
    check_place(source, target.parent)
    frames, rate = annotated(source, judgement, classifier.labels)
    video_write.write(target, frames, rate)
