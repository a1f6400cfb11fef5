"""Pictures and their regions, from whatever files a person has.

Every reader of `layouts` gives the same list of `Example`s; nothing after this module knows where
they came from. What cannot be meant is taken out here and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np

from cnnrnn import scenes
from cnnrnn.densecap.layouts import READERS, Example, Region, detect
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.media import tables
from cnnrnn.media.sources import Source
from cnnrnn.regions import boxes
from cnnrnn.training.dataset import DataSet, limited
from cnnrnn.training.splits import SPLITS

BUILT_IN = "scenes"
_OUTSIDE = 1.0  # pixels that a box may stick out: rounding


@dataclass
class RegionData(DataSet):
    """The pictures of one data set with their regions.

    counts: what was found wrong with boxes: `outside` (cut at the picture's border), `degenerate`
        (less than a pixel wide or high, left out), `regions` (all there were).
    """

    UNIT: ClassVar[str] = "pictures"

    examples: list[Example]
    counts: Counter = field(default_factory=Counter)

    def facts(self, example: Example) -> list:
        """See `DataSet.facts`."""
        regions = [[each.phrase, *map(float, each.box)] for each in example.regions]
        return [example.id, regions, example.split]


def load(
    data: str, format: str = "auto", limit: int | None = None, without: Sequence[str] = ()
) -> RegionData:
    """Read pictures and their regions.

    Args:
        data: `scenes`, a folder or a file.
        format: a key of `layouts.READERS`, or `auto`.
        limit: at most so many pictures of each split, the first ones.
        without: phrases; training pictures that show one of them, hidden or not, are left out, to
            see what a model makes of combinations that it has never met.

    Raises:
        CnnRnnError: nothing there, no known layout, a damaged file, boxes in another format, or no
            regions at all.
        UsageError: a phrase of `without` that is empty or says nothing of the built-in world.
    """
    if not all(phrase.split() for phrase in without):
        raise UsageError("an empty phrase is to be left out", 'for example --without "a red car"')
    found = _read(data, format, limit)
    for phrase in without:
        shown = [each.split == "train" and shows(each, phrase, hidden=True)
                 for each in found.examples]  # fmt: skip
        found.examples = [each for each, it in zip(found.examples, shown, strict=True) if not it]
        found.notes.append(f"{sum(shown)} training pictures that show {phrase!r} left out")
    return found


def shows(example: Example, phrase: str, hidden: bool = False) -> bool:
    """Whether a picture shows what a phrase tells.

    That is known of a scene of the built-in world; elsewhere one of the picture's phrases has all
    the words.

    Args:
        hidden: mostly hidden things of a scene count too, and what its phrases only mention.

    Raises:
        UsageError: the phrase says nothing of the built-in world.
    """
    if not example.source.scene:
        words = set(phrase.lower().split())
        return any(words <= set(region.phrase.lower().split()) for region in example.regions)
    told = scenes.told(phrase)
    if not told:
        raise UsageError(
            f"{phrase!r} says nothing of the built-in world", 'for example "a red car"'
        )
    return told <= _facts(example.source.scene, hidden)


@cache
def _facts(scene: tuple[str, int], hidden: bool) -> set[scenes.Fact]:
    composed = scenes.scene(*scene)
    if not hidden:
        return scenes.facts(composed)
    said = (scenes.told(region.phrase) for region in scenes.regions(composed))
    return scenes.facts(composed, 0.0).union(*said)


def _read(data: str, format: str, limit: int | None) -> RegionData:
    """See `load`."""
    if data == BUILT_IN and format in ("auto", BUILT_IN):
        return _scenes(limit)
    path = Path(data).expanduser()
    if not path.exists():
        raise CnnRnnError(f"no data at {data}", "give a folder, a file, or `scenes`")
    format = detect(path) if format == "auto" else format
    found = RegionData(path.resolve().stem, format, [])
    with tables.reading(path, format):
        read = READERS[format](path)
        read = limited(read, limit) if limit else list(read)
    read = [_with_size(each) for each in read]
    if looks := doubt(read):
        raise CnnRnnError(
            f"the boxes of {data} look like {looks}, not x, y, width and height in pixels",
            "convert them, or give the --format they are in",
        )
    found.examples = _cleaned(read, found)
    if not found.examples:
        why = list(found.notes)
        if none := found.counts["degenerate"]:
            why.append(f"{none} boxes are less than a pixel wide or high in their picture")
        read_as = "; ".join([f"read as {found.format}", *why])
        raise CnnRnnError(f"no regions in {data} ({read_as})", "check the boxes and --format")
    return found


def _with_size(example: Example) -> Example:
    """The same with the size of its picture; still None where the picture cannot be read."""
    return example if example.size else replace(example, size=example.source.size())


def doubt(examples: Iterable[Example]) -> str:
    """What boxes look like that cannot be x, y, width and height in pixels; "" where they can.

    Shares of the picture are all within 0 and 1; the corners x2 and y2, taken for width and
    height, lead out of most pictures although they lie in them.
    """
    corners, sizes = [], []
    for each in examples:
        if each.size:
            corners += [region.box for region in each.regions]
            sizes += [each.size] * len(each.regions)
    if len(corners) < 3:
        return ""
    found, sides = np.array(corners, float), np.array(sizes, float)
    if np.abs(found).max() <= 2.0 and sides.min() > 8:
        return "shares of the picture's sides (0 to 1)"
    second = found[:, 2:] - found[:, :2]  # what stands in the columns width and height
    leaves = (found[:, 2:] > sides + _OUTSIDE).any(axis=1)
    corners_too = (second <= sides + _OUTSIDE).all(axis=1) & (second > found[:, :2]).all(axis=1)
    if leaves.mean() > 0.3 and corners_too.mean() > 0.9:
        return "corners (x1, y1, x2, y2)"
    return ""


def _cleaned(examples: Iterable[Example], data: RegionData) -> list[Example]:
    """Without empty phrases and degenerate boxes, and without pictures that then have nothing."""
    kept, empty, bare = [], 0, 0
    counts = data.counts
    for each in examples:
        regions = []
        for region in each.regions:
            counts["regions"] += 1
            phrase = " ".join(region.phrase.split())
            if not phrase:
                empty += 1
                continue
            box = np.array(region.box)
            if each.size:
                inside = boxes.clip(box, *each.size)
                counts["outside"] += bool(np.abs(inside - box).max() > _OUTSIDE)
                box = inside
            if boxes.degenerate(box[None])[0]:
                counts["degenerate"] += 1
                continue
            regions.append(Region(phrase, tuple(box.tolist())))
        bare += not regions
        if regions:
            kept.append(replace(each, regions=tuple(regions)))
    if empty:
        data.notes.append(f"{empty} regions without words left out")
    if bare:
        data.notes.append(f"{bare} pictures without regions left out")
    return kept


def _scenes(limit: int | None) -> RegionData:
    examples = []
    for split in SPLITS:
        for index in range(min(limit or scenes.SIZES[split], scenes.SIZES[split])):
            found = scenes.regions(scenes.scene(split, index))
            regions = tuple(Region(each.phrase, each.box) for each in found)
            source = Source(f"scenes:{split}:{index}", scene=(split, index))
            if regions:
                examples.append(Example(source.name, source, regions, split, (112, 112)))
    data = RegionData(BUILT_IN, BUILT_IN, examples)
    data.counts["regions"] = sum(len(each.regions) for each in examples)
    return data
