"""Boxes that a person gives, to be told: `--boxes FILE`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from cnnrnn.errors import CnnRnnError
from cnnrnn.media import tables
from cnnrnn.media.sources import Source
from cnnrnn.regions.boxes import from_sized, like_shares

_NEEDED = {
    "x": ("x", "left"),
    "y": ("y", "top"),
    "width": ("width", "w"),
    "height": ("height", "h"),
}
_OTHERS = {"image": ("image", "file", "filename", "path")}
_SIDES = ("x", "y", "width", "height")


class GivenBoxes:
    """Boxes by picture.

    Args:
        path: the file that they come from.
        boxes: by the picture's name, (n, 4) each; the name None is for every picture.
    """

    def __init__(self, path: Path, boxes: dict[str | None, np.ndarray]):
        self.path, self.boxes = path, boxes

    def chosen(self, sources: Iterable[Source] | None) -> Iterator[tuple[Source, np.ndarray]]:
        """The pictures with their boxes.

        Args:
            sources: the pictures; None takes those that the file names, from its own folder.

        Raises:
            CnnRnnError: no pictures at all.
        """
        if sources is None:
            if None in self.boxes:
                raise CnnRnnError(
                    f"{self.path} names no pictures", "add a column image, or give the pictures"
                )
            for name, boxes in self.boxes.items():
                yield tables.named_source(self.path.parent, name), boxes
            return
        for source in sources:
            names = (source.name, Path(source.name).name, Path(source.name).stem, None)
            boxes = next((self.boxes[name] for name in names if name in self.boxes), None)
            if boxes is None:
                source = Source(source.name, problem=f"{self.path} has no box for {source.name}")
                boxes = np.zeros((1, 4))
            yield source, boxes


def read_boxes(path: Path) -> GivenBoxes:
    """Read a table of boxes.

    Args:
        path: .csv, .tsv or .jsonl with x, y, width, height in pixels and, unless the boxes are
            meant for every picture, image.

    Raises:
        CnnRnnError: no such file, another one, a value that is no number, shares of the picture,
            or no boxes.
    """
    format = tables.own_format(path)
    if not path.is_file():
        raise CnnRnnError(f"no file {path}", "a .csv or .jsonl with x, y, width, height")
    if format is None:
        raise CnnRnnError(
            f"{path} is no table of boxes", "a .csv or .jsonl with x, y, width, height"
        )
    rows = tables.csv_rows(path) if format == "csv" else tables.json_rows(path)
    found: dict[str | None, list[list[float]]] = {}
    with tables.reading(path, format):
        for number, row in enumerate(tables.cells(path, rows, _NEEDED, _OTHERS), 1):
            name = None if row["image"] is None else str(row["image"])
            found.setdefault(name, []).append([_number(row[key], number, path) for key in _SIDES])
    if not found:
        raise CnnRnnError(f"{path} has no boxes", "columns: image, x, y, width, height")
    corners = {name: from_sized(boxes) for name, boxes in found.items()}
    if like_shares(np.concatenate(list(corners.values()))):
        raise CnnRnnError(
            f"the boxes of {path} look like shares of the picture's sides (0 to 1), not pixels",
            "multiply x and width by its width, y and height by its height",
        )
    return GivenBoxes(path, corners)


def _number(value: object, row: int, path: Path) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise CnnRnnError(f"{path} row {row}: {value!r} is not a number of pixels")
    return number
