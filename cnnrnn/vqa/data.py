"""Questions, what they are about, and their answers, from whatever files a person has, or drawn.

Every reader of `layouts` gives the same list of `Example`s; nothing after this module knows where
they came from.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import numpy as np

from cnnrnn import scenes
from cnnrnn.media.medium import RIDDLES
from cnnrnn.media.sources import Source
from cnnrnn.scenes import riddles
from cnnrnn.training.dataset import DataSet
from cnnrnn.training.splits import SPLITS

BUILT_IN = "scenes"

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
        part = split + RIDDLES
        for index in range(min(limit or riddles.SIZES[split], riddles.SIZES[split])):
            name = f"scenes:{part}:{index}"
            source = Source(name=name, scene=(part, index))
            scene = riddles.scene(split, index)
            for number, riddle in enumerate(riddles.riddles(scene)):
                asked = riddle.question
                examples.append(
                    Example(
                        f"{name}#{number}", source, asked.text, (asked.answer,), asked.candidates,
                        asked.kind, group=name, split=split, boxes=riddles.boxes(scene, riddle),
                    )
                )
    return examples
