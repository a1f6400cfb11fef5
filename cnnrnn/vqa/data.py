"""Questions, what they are about, and their answers, from whatever files a person has, or drawn.

Every reader of `layouts` gives the same list of `Example`s; nothing after this module knows where
they came from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from cnnrnn import console, scenes
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.media import tables
from cnnrnn.media.medium import RIDDLES
from cnnrnn.media.sources import Source
from cnnrnn.scenes import riddles
from cnnrnn.training.dataset import DataSet
from cnnrnn.training.splits import SPLITS, folds, grouped_split
from cnnrnn.vqa.example import Box, Example, media_of
from cnnrnn.vqa.layouts import READERS, detect

__all__ = ["BUILT_IN", "Box", "Example", "VqaData", "load", "media_of", "parse_fold"]

BUILT_IN = "scenes"
_TEST_SHARE, _VAL_SHARE = 0.2, 0.15  # for data that comes without splits


@dataclass
class VqaData(DataSet):
    """The questions of one data set, each in a split."""

    UNIT: ClassVar[str] = "questions"

    def facts(self, example: Example) -> list:
        """All that is known of a question but its pixels, in JSON types."""
        return [
            example.id, example.split, example.group, example.question, example.answers,
            example.candidates,
        ]  # fmt: skip

    @cached_property
    def media(self) -> list[Source]:
        """What all questions are about, each picture once, in the order of its first question."""
        return media_of(self.examples)[0]


def load(
    data: str = BUILT_IN, format: str = "auto", limit: int | None = None, fold: str | None = None
) -> VqaData:
    """Read questions and answers.

    Data without splits is divided by whole pictures (or groups, where the data names them).

    Args:
        data: `scenes`, a folder or a file.
        format: a key of `layouts.READERS`, or `auto`.
        limit: at most so many pictures of each split, the first ones, with all their questions.
        fold: `2/5`: the second of five parts of whole pictures is the test split, all else is
            trained on; a test split that the data names itself stays unseen.

    Raises:
        CnnRnnError: nothing there, no known layout, a damaged file, no questions, too few groups.
    """
    part = parse_fold(fold) if fold else None
    if data == BUILT_IN:
        if format != "auto":
            raise UsageError(f"{data} is drawn, not read as {format}", "auto")
        if Path(data).is_dir():
            console.warn(f"{data} is the built-in set; the folder is ./{data}")
        found = VqaData(BUILT_IN, BUILT_IN, list(_drawn(limit)))
    else:
        found = _read(data, format)
    _divide(found, part)
    if limit:
        found.examples = _limited(found.examples, limit)
    return found


def parse_fold(fold: str) -> tuple[int, int]:
    """Number (from 0) and count of a fold such as `2/5`.

    Raises:
        UsageError: another form.
    """
    match = re.fullmatch(r"(\d{1,4})/(\d{1,4})", fold)
    if not match or not 1 <= int(match[1]) <= int(match[2]) or int(match[2]) < 2:
        raise UsageError(f"fold is {fold!r}", "such as 2/5, the second of five")
    return int(match[1]) - 1, int(match[2])


def _read(data: str, format: str) -> VqaData:
    path = Path(data).expanduser()
    if not path.exists():
        raise CnnRnnError(f"no data at {data}", "give a folder, a file, or `scenes`")
    format = detect(path) if format == "auto" else format
    with tables.reading(path, format):
        examples, notes = READERS[format](path)
    if not examples:
        raise CnnRnnError(f"no questions in {data} (read as {format})", "check --format")
    return VqaData(path.resolve().stem, format, examples, notes)


def _divide(data: VqaData, part: tuple[int, int] | None) -> None:
    """Give a split to every question that has none, or to all of them by the fold."""
    if part is not None:
        number, count = part
        pool = [each for each in data.examples if each.split != "test"]
        fold = folds([""] * len(pool), _groups(pool), count)
        data.examples = [
            replace(each, split="test" if there == number else "train")
            for each, there in zip(pool, fold.tolist(), strict=True)
        ]
        return
    places = [place for place, each in enumerate(data.examples) if not each.split]
    if not places:
        return
    open_ones = [data.examples[place] for place in places]
    labels, groups = [""] * len(open_ones), _groups(open_ones)
    test = grouped_split(labels, groups, _TEST_SHARE)
    val = grouped_split(labels, groups, _VAL_SHARE, taken=test)
    for place, in_test, in_val in zip(places, test.tolist(), val.tolist(), strict=True):
        split = "test" if in_test else "val" if in_val else "train"
        data.examples[place] = replace(data.examples[place], split=split)
    data.notes.append(f"no splits in the data: divided, {len(set(groups))} whole pictures")


def _groups(examples: Sequence[Example]) -> list[str]:
    """The group of each question; one without a group is a group of its own."""
    return [f"group {each.group}" if each.group else f"question {each.id}" for each in examples]


def _limited(examples: Sequence[Example], limit: int) -> list[Example]:
    """The questions of the first pictures (or groups) of each split."""
    taken: dict[str, set[str]] = {}
    kept = []
    for each, group in zip(examples, _groups(examples), strict=True):
        there = taken.setdefault(each.split, set())
        if group in there or len(there) < limit:
            there.add(group)
            kept.append(each)
    return kept


def _drawn(limit: int | None) -> Iterator[Example]:
    """What is asked of the scenes and riddles of each split, which come mixed, for any `limit`."""
    for split in SPLITS:
        places = sorted(
            ((index + 0.5) / sizes[split], kind, index)
            for kind, sizes in (("", scenes.SIZES), (RIDDLES, riddles.SIZES))
            for index in range(sizes[split])
        )
        for _, kind, index in places[:limit]:
            part = split + kind
            source = Source(f"scenes:{part}:{index}", scene=(part, index))
            if not kind:
                for number, asked in enumerate(scenes.questions(scenes.scene(split, index))):
                    yield _asked(source, number, asked, split)
                continue
            scene = riddles.scene(split, index)
            for number, riddle in enumerate(riddles.riddles(scene)):
                yield _asked(source, number, riddle.question, split, riddles.boxes(scene, riddle))


def _asked(
    source: Source, number: int, asked: scenes.Question, split: str, boxes: dict | None = None
) -> Example:
    return Example(
        f"{source.name}#{number}", source, asked.text, (asked.answer,), asked.candidates,
        asked.kind, group=source.name, split=split, boxes=boxes or {},
    )  # fmt: skip
