"""Questions, what they are about, and their answers, from whatever files a person has, or drawn.

Every reader of `layouts` gives the same list of `Example`s; nothing after this module knows where
they came from.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from cnnrnn import scenes
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.media.sources import Source
from cnnrnn.training.splits import SPLITS

BUILT_IN = "scenes"

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Example:
    """One question.

    identity: how result files call it: the number in official files, else made from the data.
    source: the picture or clip it is about, one object for all its questions; None where there is
        none.
    question: as asked.
    answers: one, or those of ten people; none where they are to be found.
    candidates: the answers to choose from (multiple choice); may be empty.
    kind: what sort of question, e.g. `number` or `how many`; "" where the data does not say.
    answer_type: the official `yes/no`, `number` or `other`, where the data has it.
    group: what a split keeps together, usually the picture's name.
    split: "" where the data does not say.
    boxes: where it is decided, for data that knows: of `anchor`, `container` and `content`, in
        pixels of the picture.
    """

    identity: str
    source: Source | None
    question: str
    answers: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    kind: str = ""
    answer_type: str = ""
    group: str = ""
    split: str = ""
    boxes: dict[str, Box] = field(default_factory=dict)

    @property
    def answer(self) -> str:
        """The answer that most people gave, the first of several; "" without answers."""
        return Counter(self.answers).most_common(1)[0][0] if self.answers else ""


@dataclass
class VqaData:
    """The questions of one data set, each in a split.

    name: what runs are named after.
    format: the reader that was used.
    notes: what was repaired or left out, one line each.
    """

    name: str
    format: str
    examples: list[Example]
    notes: list[str] = field(default_factory=list)

    def split(self, name: str) -> list[Example]:
        """The questions of one split, or of all with `all`.

        Raises:
            CnnRnnError: it is empty.
        """
        if name not in (*SPLITS, "all"):
            raise UsageError(f"no split {name!r}", f"one of {', '.join(SPLITS)}, all")
        found = [each for each in self.examples if name in (each.split, "all")]
        if not found:
            sizes = Counter(each.split for each in self.examples)
            there = ", ".join(f"{split} {sizes[split]}" for split in SPLITS if sizes[split])
            raise CnnRnnError(f"{self.name} has no questions in the split {name!r}", f"has {there}")
        return found

    @cached_property
    def media(self) -> list[Source]:
        """What all questions are about, each picture once, in the order of its first question."""
        return media_of(self.examples)[0]

    def fingerprint(self) -> str:
        """Digest of all questions, answers and splits."""
        digest = hashlib.blake2b(digest_size=16)
        for each in self.examples:
            line = json.dumps(
                [each.identity, each.group, each.question, each.answers, each.candidates,
                 each.split]
            )  # fmt: skip
            digest.update(line.encode("utf-8", "surrogateescape"))
        return digest.hexdigest()


def media_of(examples: Sequence[Example]) -> tuple[list[Source], np.ndarray]:
    """Each picture once, however many questions it has.

    Returns:
        the M sources in the order of their first question, and int64 (N,), the place of each
        question's among them, -1 for a question about nothing.
    """
    places: dict[int, int] = {}
    media: list[Source] = []
    index = np.full(len(examples), -1, np.int64)
    for number, each in enumerate(examples):
        if each.source is not None:
            place = places.setdefault(id(each.source), len(media))
            if place == len(media):
                media.append(each.source)
            index[number] = place
    return media, index


def load(data: str = BUILT_IN, format: str = "auto", limit: int | None = None) -> VqaData:
    """Read questions and answers.

    Args:
        data: `scenes`.
        format: `auto`.
        limit: at most so many pictures of each split, the first ones, with all their questions.
    """
    return VqaData(BUILT_IN, BUILT_IN, _scenes(limit))


def _scenes(limit: int | None) -> list[Example]:
    examples = []
    for split in SPLITS:
        for index in range(min(limit or scenes.SIZES[split], scenes.SIZES[split])):
            name = f"scenes:{split}:{index}"
            source = Source(name=name, scene=(split, index))
            for number, asked in enumerate(scenes.questions(scenes.scene(split, index))):
                examples.append(
                    Example(
                        f"{name}#{number}", source, asked.text, (asked.answer,), asked.candidates,
                        asked.kind, group=name, split=split,
                    )
                )
    return examples
