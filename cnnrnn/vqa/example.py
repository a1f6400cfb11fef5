"""One question as every reader gives it, whatever files it comes from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from cnnrnn.media.sources import Source

YES_NO, NUMBER, COLOUR, OTHER = "yes/no", "number", "colour", "other"
REAL, ABSTRACT = "real", "abstract"
_HOW_MANY = re.compile(r"how (many|much)\b")
_COLOUR = re.compile(r"\b(what|which) colou?rs?\b")

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Example:
    """One question.

    id: how result files call it: the number in official files, else made from the data.
    source: the picture or clip it is about, one object for all its questions; None where there is
        none.
    question: as asked.
    answers: one, or those of ten people; none where they are to be found.
    candidates: the answers to choose from (multiple choice); may be empty.
    kind: what sort of question, e.g. `number` or `how many`; "" where the data does not say.
    answer_type: the official `yes/no`, `number` or `other`, where the data has it.
    group: what a split keeps together, usually the picture's name.
    split: "" where the data does not say.
    domain: `real` or `abstract`, where the data says whether pictures are photographs.
    boxes: where it is decided, for data that knows: of `anchor`, `container` and `content`, in
        pixels of the picture.
    """

    id: str
    source: Source | None
    question: str
    answers: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    kind: str = ""
    answer_type: str = ""
    group: str = ""
    split: str = ""
    domain: str = ""
    boxes: dict[str, Box] = field(default_factory=dict)

    @property
    def answer(self) -> str:
        """The answer that most people gave, the first of several; "" without answers."""
        return max(dict.fromkeys(self.answers), key=self.answers.count) if self.answers else ""


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


def kind_of(question: str, answer: str) -> str:
    """The kind of a question whose data names none, by its first words and its answer."""
    question = question.lower()
    if answer.lower() in ("yes", "no"):
        return YES_NO
    if _HOW_MANY.match(question) or answer.isdecimal():
        return NUMBER
    return COLOUR if _COLOUR.search(question) else OTHER
