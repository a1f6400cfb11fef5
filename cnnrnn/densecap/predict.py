"""Regions and phrases for pictures that a person brings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from cnnrnn import console
from cnnrnn.densecap.describer import STARTER, DenseCaptioner, Described, DescribeSettings
from cnnrnn.densecap.given import read_boxes
from cnnrnn.densecap.viewer import Viewer
from cnnrnn.errors import CnnRnnError
from cnnrnn.files import make_folder
from cnnrnn.media import drawing, fonts, images
from cnnrnn.media.sources import Source, check_place, expand
from cnnrnn.regions.boxes import to_sized
from cnnrnn.training.found import tell_run, tell_strange

WIDTH = 2 * drawing.MIN_WIDTH  # pixels, at least: ten phrases need more room than one


@dataclass(frozen=True)
class PredictSettings:
    """How regions are found and shown.

    describe: see `DescribeSettings`.
    boxes: a file of boxes to be told instead of those that are found, or None.
    json: one JSON object a picture on stdout.
    output: folder of annotated pictures and of `results.json`, or None.
    font: file of the font they are written in, or None.
    limit: take only so many pictures.
    """

    describe: DescribeSettings
    boxes: Path | None = None
    json: bool = False
    output: Path | None = None
    font: Path | None = None
    limit: int | None = None


def predict(arguments: Sequence[str], run: Path | None, settings: PredictSettings) -> int:
    """Tell the regions of all pictures, in the order given and in constant memory.

    Args:
        arguments: what `media.sources.expand` takes; with `boxes` there may be none, for the file
            names its pictures.
        run: a run folder; None takes the newest run, else the shipped starter.
        settings: see `PredictSettings`.

    Returns:
        1 if a picture could not be told, else 0.
    """
    given = read_boxes(settings.boxes) if settings.boxes else None
    if settings.output:
        _check_output(settings)
    describer = DenseCaptioner.load(run)
    tell_run(describer.run, STARTER, "the built-in world")
    report = console.Report("pictures")
    viewer = Viewer(settings.output, settings.describe) if settings.output else None
    sources = islice(expand(arguments), settings.limit)
    if given is not None:
        found = _of_boxes(describer, given.chosen(sources if arguments else None), settings)
    else:
        found = _of_pictures(describer, sources, settings)
    for source, described in found:
        if described.error:
            if settings.json:
                console.json_line({"source": described.name, "error": described.error})
            report.fail(described.name, described.error)
            continue
        _show(describer, described, settings)
        if not described.familiar:
            tell_strange(describer.run, described.name)
        try:
            if viewer:
                _draw(source, described, settings, viewer)
            report.ok()
        except CnnRnnError as error:
            report.fail(described.name, error)
    if viewer:
        viewer.close()
    return report.closed("give files, folders or scenes:N")


def _of_pictures(
    describer: DenseCaptioner, sources: Iterable[Source], settings: PredictSettings
) -> Iterator[tuple[Source, Described]]:
    seen: list[Source] = []

    def remembered() -> Iterator[Source]:
        for source in sources:
            seen.append(source)
            yield source

    for described in describer.stream(remembered(), settings.describe):
        yield seen.pop(0), described


def _of_boxes(
    describer: DenseCaptioner, given: Iterable[tuple[Source, np.ndarray]], settings
) -> Iterator[tuple[Source, Described]]:
    for source, boxes in islice(given, settings.limit):
        try:
            described = describer.describe_boxes(source, boxes, settings.describe.search)
        except CnnRnnError as error:
            described = Described(source.name, error=str(error))
        yield source, described


def _check_output(settings: PredictSettings) -> None:
    """Raise what would fail for every picture, before the first one is looked at."""
    make_folder(settings.output)
    if settings.font:
        fonts.load("a", 12, settings.font)


def _show(describer: DenseCaptioner, found: Described, settings: PredictSettings) -> None:
    if settings.json:
        console.json_line(
            {
                "source": found.name,
                "size": list(found.size),
                "familiar": found.familiar,
                "regions": [
                    {
                        "box": [round(side, 2) for side in region.box],
                        "score": round(region.score, 6),
                        "phrase": region.phrase,
                        "log_probability": region.log_probability,
                    }
                    for region in found.regions
                ],
                "seconds": {stage: round(spent, 4) for stage, spent in found.seconds.items()},
                "run": str(describer.run.path),
            }
        )
        return
    console.result(f"{console.field(found.name)}  {found.size[0]} x {found.size[1]} pixels")
    rows = [
        [region.score, *np.rint(to_sized(region.box)).astype(int).tolist(), region.phrase]
        for region in found.regions
    ]
    if rows:
        console.result(console.table(["score", "x", "y", "width", "height", "phrase"], rows))


def _draw(
    source: Source, found: Described, settings: PredictSettings, viewer: Viewer
) -> None:
    """The picture with its boxes, and its entry in the viewer's file."""
    check_place(source, settings.output)
    picture = source.read()
    shown = [(region.box, region.phrase) for region in found.regions]
    drawn = drawing.boxes(
        picture, [box for box, _ in shown], [phrase for _, phrase in shown], settings.font, WIDTH
    )
    images.save(settings.output / viewer.name(found.name), drawn)
    viewer.add(picture, found)
