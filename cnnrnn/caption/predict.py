"""Captions for pictures that a person brings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from cnnrnn import console
from cnnrnn.caption.captioner import STARTER, Caption, Captioner
from cnnrnn.caption.ensemble import opened
from cnnrnn.caption.prepare import picture_of
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.files import make_folder
from cnnrnn.media import drawing, fonts, images
from cnnrnn.media.medium import CLIPS, PICTURES, Medium, medium_of
from cnnrnn.media.sources import OutputNames, Source, check_place, expand
from cnnrnn.text.decoder import DecodeSettings
from cnnrnn.training.found import tell_run, tell_strange


@dataclass(frozen=True)
class PredictSettings:
    """How captions are made and shown.

    search: see `DecodeSettings`.
    start: the beginning that every sentence gets.
    trace: show the best words at each step.
    json: one JSON object a picture on stdout.
    output: folder of annotated pictures, or None.
    font: file of the font they are written in, or None.
    limit: take only so many pictures.
    """

    search: DecodeSettings
    start: str = ""
    trace: bool = False
    json: bool = False
    output: Path | None = None
    font: Path | None = None
    limit: int | None = None


def predict(
    arguments: Sequence[str], run: Path | Sequence[Path] | None, settings: PredictSettings
) -> int:
    """Caption all pictures, in the order given and in constant memory; those that come from a pipe
    as they come.

    Args:
        arguments: what `media.sources.expand` takes.
        run: a run folder, or several that caption together; None takes the newest run, else the
            shipped starter.
        settings: see `PredictSettings`.

    Returns:
        1 if a picture could not be captioned, else 0.
    """
    if settings.output:
        _check_output(settings)
    captioner = opened(run, clips=run is None and any(map(_holds_clips, arguments)))
    medium = captioner.medium
    _check_medium(arguments, captioner)
    captioner.writer.beginning(settings.start)
    if len(captioner.runs) == 1:
        tell_run(captioner.run, STARTER, "the built-in world")
    report = console.Report(medium.many)
    names = OutputNames(".jpg")
    seen: list[Source] = []

    def remembered(sources: Iterable[Source]) -> Iterable[Source]:
        for source in sources:
            seen.append(source)
            yield source

    sources = remembered(islice(expand(arguments, medium=medium), settings.limit))
    slow = "-" in arguments
    for caption in captioner.stream(sources, settings.search, settings.start, slow):
        source = seen.pop(0)
        if caption.error:
            if settings.json:
                console.json_line({"source": caption.name, "error": caption.error})
            report.fail(caption.name, caption.error)
            continue
        _show(captioner, caption, settings)
        if not caption.familiar:
            tell_strange(captioner.run, caption.name)
        try:
            if settings.output:
                _draw(captioner, source, caption, settings, names)
            report.ok()
        except CnnRnnError as error:
            report.fail(caption.name, error)
    return report.closed(f"give files, folders or {medium.built_in}:N")


def _holds_clips(argument: str) -> bool:
    """Whether an argument is a clip, or a folder that has clips and no pictures."""
    if not Path(argument).is_dir():
        return medium_of(argument) is CLIPS

    def has(medium: Medium) -> bool:
        return any(medium_of(each.name) is medium for each in expand([argument], medium=medium))

    return has(CLIPS) and not has(PICTURES)


_ELSE = {
    PICTURES: "without clips beside it and without --run, a run for pictures is taken",
    CLIPS: "train one for clips: cnnrnn caption train --data clips --model clip-lstm",
}


def _check_medium(arguments: Sequence[str], captioner: Captioner) -> None:
    """Refuse what is named as a clip where a run captions pictures, and the reverse."""
    for argument in arguments:
        given = medium_of(argument)
        if given not in (None, captioner.medium):
            raise UsageError(
                f"{argument} is a {given.one}, and {captioner.run.path} captions "
                f"{captioner.medium.many}",
                _ELSE[given],
            )


def _check_output(settings: PredictSettings) -> None:
    """Raise what would fail for every picture, before the first one is looked at."""
    make_folder(settings.output)
    if settings.font:
        fonts.load("a", 12, settings.font)


def _show(captioner: Captioner, caption: Caption, settings: PredictSettings) -> None:
    if settings.json:
        console.json_line(_as_json(captioner, caption, settings.trace))
        return
    console.result(f"{console.field(caption.name)}\t{caption.text}")
    if settings.trace:
        for row in captioner.writer.trace(caption.sentences[0][1]):
            best = "  ".join(f"{word} {share:.2f}" for word, share in row["best"])
            console.result(f"  {row['word']:<14}{best}")


def _as_json(captioner: Captioner, caption: Caption, trace: bool) -> dict:
    best = caption.sentences[0][1]
    found = {
        "source": caption.name,
        "caption": caption.text,
        "log_probability": best.log_probability,
        "familiar": caption.familiar,
        "beam": [
            {"caption": text, "log_probability": each.log_probability, "score": each.score}
            for text, each in caption.sentences
        ],
        "run": str(captioner.run.path),
    }
    if len(captioner.runs) > 1:
        found["runs"] = [str(run.path) for run in captioner.runs]
        del found["run"]
    if trace:
        found["trace"] = captioner.writer.trace(best)
    return found


def _draw(
    captioner: Captioner, source: Source, caption: Caption, settings: PredictSettings, names
) -> None:
    """The picture above its caption and, for a model with attention, where it looked."""
    check_place(source, settings.output)
    picture = picture_of(source)
    name = names(caption.name)
    barred = drawing.caption_bar(picture, caption.text, font=settings.font)
    images.save(settings.output / name, barred)
    strip = captioner.attention_strip(picture, caption.sentences[0][1], settings.font)
    if strip is not None:
        # Another picture may have this very name.
        images.save(settings.output / names(f"{Path(name).stem}-attention.jpg"), strip)
