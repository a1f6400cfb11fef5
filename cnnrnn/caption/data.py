"""Pictures and their captions, from whatever files a person has.

Every reader of `layouts` gives the same list of `Example`s; nothing after this module knows where
they came from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cnnrnn import scenes
from cnnrnn.caption.layouts import READERS, Example, detect
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.media import medium as mediums
from cnnrnn.media import tables
from cnnrnn.media.medium import Medium, medium_of
from cnnrnn.media.sources import Source
from cnnrnn.training.dataset import DataSet, limited
from cnnrnn.training.splits import SPLITS

BUILT_IN, CLIPS = "scenes", "clips"


@dataclass
class CaptionData(DataSet):
    """The pictures or clips of one data set with their captions."""

    examples: list[Example]
    medium: Medium = mediums.PICTURES

    @property
    def UNIT(self) -> str:
        """See `DataSet.UNIT`."""
        return self.medium.many

    def taken_for(self, wanted: Medium, hint: str) -> None:
        """Take the examples for pictures, or for clips.

        Args:
            wanted: which.
            hint: what to do where they are the other.

        Raises:
            UsageError: every one of them is the other; a single one is a failure of its own.
        """
        other = mediums.PICTURES if wanted is mediums.CLIPS else mediums.CLIPS
        if self.surely(other):
            raise UsageError(
                f"{self.name} has captions of {other.many}, and {wanted.many} are wanted", hint
            )
        self.medium = wanted

    def surely(self, medium: Medium) -> bool:
        """Whether every example is called after a medium; a GIF may be either."""
        return all(_medium_of(each.source) is medium for each in self.examples)

    def facts(self, example: Example) -> list:
        """See `DataSet.facts`."""
        return [example.id, example.captions, example.split]


def load(data: str, format: str = "auto", limit: int | None = None) -> CaptionData:
    """Read pictures or clips and their captions.

    Args:
        data: `scenes`, `clips`, a folder or a file.
        format: a key of `layouts.READERS`, or `auto`.
        limit: at most so many of each split, the first ones.

    Raises:
        CnnRnnError: nothing there, no known layout, a damaged file, or no captions at all.
    """
    if data == BUILT_IN and format in ("auto", BUILT_IN):
        found = _scenes(limit)
    elif data == CLIPS and format in ("auto", CLIPS):
        found = _clips(limit)
    else:
        path = Path(data).expanduser()
        if not path.exists():
            raise CnnRnnError(f"no data at {data}", "give a folder, a file, or `scenes`")
        format = detect(path) if format == "auto" else format
        found = CaptionData(path.resolve().stem, format, [])
        with tables.reading(path, format):
            read = list(READERS[format](path))
        found.medium = next(filter(None, (_medium_of(each.source) for each in read)), found.medium)
        found.examples = _cleaned(read, found.notes, found.UNIT)
    if not found.examples:
        raise CnnRnnError(f"no captions in {data} (read as {found.format})", "check --format")
    if limit:
        found.examples = limited(found.examples, limit)
    return found


def _medium_of(source: Source) -> Medium | None:
    return medium_of(source.name if source.path is None else str(source.path))


def _cleaned(examples: Iterable[Example], notes: list[str], unit: str) -> list[Example]:
    """Without empty captions and without examples that then have none."""
    kept, empty, bare, garbled = [], 0, 0, 0
    for each in examples:
        captions = tuple(" ".join(text.split()) for text in each.captions)
        captions = tuple(text for text in captions if text)
        empty += len(each.captions) - len(captions)
        bare += not captions
        garbled += sum("\ufffd" in text for text in captions)  # what a failed decoding leaves
        if captions:
            kept.append(Example(each.id, each.source, captions, each.split))
    if empty:
        notes.append(f"{empty} empty captions left out")
    if bare:
        notes.append(f"{bare} {unit} without captions left out")
    if garbled:
        notes.append(f"{garbled} captions are not UTF-8; the unreadable letters were lost")
    return kept


def _scenes(limit: int | None) -> CaptionData:
    examples = []
    for split in SPLITS:
        for index in range(min(limit or scenes.SIZES[split], scenes.SIZES[split])):
            name = f"scenes:{split}:{index}"
            captions = _of_scene(split, index)
            source = Source(name=name, scene=(split, index))
            examples.append(Example(name, source, captions, split))
    return CaptionData(BUILT_IN, BUILT_IN, examples)


@lru_cache(8192)  # a comparison reads its data for every training
def _of_scene(split: str, index: int) -> tuple[str, ...]:
    return tuple(scenes.captions(scenes.scene(split, index)))


def _clips(limit: int | None) -> CaptionData:
    from cnnrnn.scenes import clips

    examples = []
    for split in SPLITS:
        for index in range(min(limit or clips.SIZES[split], clips.SIZES[split])):
            name = f"clips:{split}:{index}"
            captions = _of_clip(split, index)
            examples.append(Example(name, Source(name=name, clip=(split, index)), captions, split))
    return CaptionData(CLIPS, CLIPS, examples, medium=mediums.CLIPS)


@lru_cache(8192)
def _of_clip(split: str, index: int) -> tuple[str, ...]:
    from cnnrnn.scenes import clips

    return tuple(clips.captions(clips.clip(split, index)))
