"""Clips and their labels, from whatever files a person has, or drawn.

Every reader of `layouts` gives the same list of `Example`s; nothing after this module knows where
they came from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from cnnrnn import console
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.media import tables
from cnnrnn.media.sources import Source
from cnnrnn.scenes import clips as drawn
from cnnrnn.training.dataset import DataSet, limited
from cnnrnn.training.splits import SPLITS, folds, grouped_split
from cnnrnn.video_classify.layouts import READERS, Example, detect
from cnnrnn.video_classify.settings import BUILT_IN, TrainSettings

_TEST_SHARE, _VAL_SHARE = 0.2, 0.15  # for data that comes without splits
_UNEVEN = 2.0  # labels are unbalanced where the largest has more than so many times the smallest


@dataclass
class VideoData(DataSet):
    """The clips of one data set, each in a split.

    pairs: labels that are each other's reverse, for built-in clips.
    """

    UNIT: ClassVar[str] = "clips"

    examples: list[Example]
    pairs: tuple[tuple[str, str], ...] = ()

    def facts(self, example: Example) -> list:
        """See `DataSet.facts`."""
        return [example.id, example.label, example.split, example.group]

    @property
    def labels(self) -> list[str]:
        """The labels that can be learned: those of training clips, sorted."""
        return sorted({each.label for each in self.examples if each.split == "train"})

    @property
    def uneven(self) -> bool:
        """Whether some labels have far more training clips than others."""
        sizes = Counter(each.label for each in self.examples if each.split == "train").values()
        return bool(sizes) and max(sizes) > _UNEVEN * min(sizes)

def load(settings: TrainSettings) -> VideoData:
    """Read the clips that settings name: `data`, `format`, `limit`, `split_by` and `fold`.

    Data without splits is divided by whole groups where groups are known (a column, or what file
    names tell), unless `split_by` is `clip`.

    Raises:
        CnnRnnError: nothing there, no known layout, a damaged file, no clips, too few groups.
    """
    if settings.built_in:
        if settings.format != "auto":
            raise UsageError(f"{settings.data} is drawn, not read as {settings.format}", "auto")
        if Path(settings.data).is_dir():
            console.warn(f"{settings.data} is the built-in set; the folder is ./{settings.data}")
        found = _drawn(settings)
    else:
        found = _read(settings.data, settings.format)
    _divide(found, settings)
    if settings.limit:
        labels = [each.label for each in found.examples]
        found.examples = limited(found.examples, settings.limit, labels)
    return found


def _read(data: str, format: str) -> VideoData:
    path = Path(data).expanduser()
    if not path.exists():
        raise CnnRnnError(f"no data at {data}", "give a folder, a file, clips or clips-busy")
    format = detect(path) if format == "auto" else format
    with tables.reading(path, format):
        examples, notes = READERS[format](path)
    if not examples:
        raise CnnRnnError(f"no clips in {data} (read as {format})", "check --format")
    return VideoData(path.resolve().stem, format, examples, notes)


def _divide(data: VideoData, settings: TrainSettings) -> None:
    """Give a split to every clip that has none, or to all of them by the fold."""
    by_group = settings.split_by == "group"
    if settings.chosen_fold:
        number, count = settings.chosen_fold
        # A test split that the data names itself stays unseen.
        pool = [each for each in data.examples if each.split != "test"]
        groups = grouping(pool, by_group)
        fold = folds([each.label for each in pool], groups, count)
        data.examples = [
            replace(each, split="test" if there == number else "train")
            for each, there in zip(pool, fold.tolist(), strict=True)
        ]
        return
    places = [place for place, each in enumerate(data.examples) if not each.split]
    if not places:
        return
    open_ones = [data.examples[place] for place in places]
    labels, groups = [each.label for each in open_ones], grouping(open_ones, by_group)
    test = grouped_split(labels, groups, _TEST_SHARE)
    val = grouped_split(labels, groups, _VAL_SHARE, taken=test)
    for place, in_test, in_val in zip(places, test.tolist(), val.tolist(), strict=True):
        split = "test" if in_test else "val" if in_val else "train"
        data.examples[place] = replace(data.examples[place], split=split)
    known = by_group and any(each.group for each in open_ones)
    how = f"{len(set(groups))} whole groups" if known else "clip by clip, each label alike"
    data.notes.append(f"no splits in the data: divided, {how}")


def grouping(examples: Sequence[Example], by_group: bool = True) -> list[str]:
    """The group of each clip; a clip without one, or all of them, is a group of its own."""
    return [
        f"group {each.group}" if by_group and each.group else f"clip {each.id}"
        for each in examples
    ]


def _drawn(settings: TrainSettings) -> VideoData:
    examples = [
        Example(f"clips:{part}:{index}", Source(f"clips:{part}:{index}", clip=(part, index)),
                drawn.label_of(index), split)
        for split in SPLITS
        for part in (split + settings.data.removeprefix(BUILT_IN[0]),)
        for index in range(drawn.SIZES[split])
    ]
    return VideoData(settings.data, settings.data, examples, pairs=tuple(drawn.PAIRS))
