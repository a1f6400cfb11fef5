"""The VQA data as published: questions and annotations in JSON, versions 1 and 2, of photographs
and of drawn scenes, open-ended and multiple choice.

Which file holds what is told by its content; plain or packed by gzip. A multiple-choice file has
the questions of the open-ended one again, with 18 candidates each.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cnnrnn.errors import CnnRnnError
from cnnrnn.files import GZIP, read_json
from cnnrnn.media import tables
from cnnrnn.media.sources import Source
from cnnrnn.training.splits import SPLITS, split_word
from cnnrnn.vqa.example import ABSTRACT, REAL, Example

QUESTIONS, ANNOTATIONS = "questions", "annotations"
_PATTERNS = ("*.json", "*.json.gz", "*/*.json", "*/*.json.gz")
_LOOKED_AT = 1 << 16  # bytes of a file, once unpacked, that tell what it is
_LISTS = {
    name: re.compile(rf'"{name}"\s*:\s*\['.encode()) for name in (QUESTIONS, ANNOTATIONS)
}
_ID = b'"question_id"'
_SUBTYPE = re.compile(r"(mscoco|abstract_v\d+)?_?((?:train|val|test)(?:-?[a-z]+)?\d{4})")
_DOMAINS = {"mscoco": REAL, "abstract": ABSTRACT}
_FOLDERS = (
    "{subtype}", "images", "Images", "images/{subtype}", "Images/mscoco/{subtype}",
    "Images/abstract_v002/{subtype}", "mscoco/{subtype}", "abstract_v002/{subtype}",
    "scene_img_{family}_{subtype}", "",
)  # fmt: skip


def files(path: Path) -> dict[str, list[Path]]:
    """The files of questions and those of annotations, in a folder or one level below, or this one
    file and those of annotations beside it."""
    folder = path if path.is_dir() else path.parent
    found: dict[str, list[Path]] = {QUESTIONS: [], ANNOTATIONS: []}
    for each in sorted({file for pattern in _PATTERNS for file in folder.glob(pattern)} | {path}):
        if each.is_file() and (what := _content(each)):
            found[what].append(each)
    if path.is_file() and path in found[QUESTIONS]:
        found[QUESTIONS] = [path]
    return found


def _content(path: Path) -> str | None:
    """Which list a file has, by its first bytes."""
    try:
        with path.open("rb") as file:
            packed = file.read(2) == GZIP
        with (gzip.open if packed else open)(path, "rb") as file:
            start = file.read(_LOOKED_AT)
    except (OSError, EOFError, zlib.error):
        return None
    if _ID not in start:
        return None
    return next((name for name, pattern in _LISTS.items() if pattern.search(start)), None)


@dataclass(frozen=True)
class _Origin:
    """What the questions and annotations of one part of the data have in common.

    family: `mscoco`, `abstract_v002` or "". subtype: such as `train2014`, or "". split: "" where
    neither says.
    """

    family: str
    subtype: str
    split: str

    @property
    def domain(self) -> str:
        return _DOMAINS.get(self.family.split("_")[0], "")


def _origin(file: Path, content: dict) -> _Origin:
    match = _SUBTYPE.search(file.name)
    family = str(content.get("data_type") or (match and match[1]) or "")
    subtype = str(content.get("data_subtype") or (match and match[2]) or "")
    words = re.split(r"[^a-z]+", (subtype or file.name).lower())
    return _Origin(family, subtype, next((name for name in SPLITS if name in words), ""))


@dataclass
class _Annotations:
    """Annotations of all files, by origin and question."""

    found: dict[_Origin, dict[Any, dict]] = field(default_factory=dict)
    told: Counter = field(default_factory=Counter)

    def read(self, file: Path) -> None:
        content = read_json(file)
        here = self.found.setdefault(_origin(file, content), {})
        for each in tables.list_of(content, ANNOTATIONS, file):
            identity = each.get("question_id")
            if identity is None:
                self.told["annotations have no question_id and are left out"] += 1
                continue
            if identity in here:
                self.told["annotations are of a question that has one: the last one counts"] += 1
            here[identity] = each


def read(path: Path) -> tuple[list[Example], list[str]]:
    """The questions of a folder, or of one file with the annotations beside it.

    Returns:
        the questions, and what was repaired or left out, one line each.

    Raises:
        CnnRnnError: no questions, or a number that two parts of the data both have.
    """
    there = files(path)
    if not there[QUESTIONS]:
        raise CnnRnnError(f"no file of questions in {path}", 'JSON with "questions": [...]')
    annotations = _Annotations()
    for file in there[ANNOTATIONS]:
        annotations.read(file)
    told = annotations.told
    examples: dict[Any, Example] = {}
    first: dict[Any, _Origin] = {}
    answered: dict[_Origin, set] = {}
    pictures: dict[_Origin, _Pictures] = {}
    for file in there[QUESTIONS]:
        content = read_json(file)
        origin = _origin(file, content)
        known = annotations.found.get(origin, {})
        seen = pictures.setdefault(origin, _Pictures(file.parent, origin))
        for each in tables.list_of(content, QUESTIONS, file):
            identity = each.get("question_id")
            if identity is None:
                told["questions have no question_id and are left out"] += 1
                continue
            if first.setdefault(identity, origin) != origin:
                raise CnnRnnError(
                    f"the question number {identity} of {file} is another one elsewhere",
                    "give one file, or a folder of one part of the data",
                )
            example = _example(each, known.get(identity), seen, origin)
            before = examples.get(identity)
            if before is not None:
                example = _joined(before, example, told)
            examples[identity] = example
            answered.setdefault(origin, set()).add(identity)
    for origin, known in annotations.found.items():
        if strange := len(known.keys() - answered.get(origin, set())):
            told["annotations are of questions that are not there"] += strange
    kept = list(_answerable(examples.items(), first, annotations, told))
    return kept, [f"{count} {what}" for what, count in told.items()]


def _example(each: dict, note: dict | None, pictures: _Pictures, origin: _Origin) -> Example:
    note = note or {}
    image = each["image_id"]
    answers = tuple(str(human["answer"]) for human in note.get("answers") or ())
    if not answers and note.get("multiple_choice_answer"):
        answers = (str(note["multiple_choice_answer"]),)
    split = origin.split
    if each.get("split"):
        split = split_word(each["split"], f"question {each['question_id']}")
    return Example(
        str(each["question_id"]),
        pictures.source(image),
        str(each["question"]),
        answers,
        tuple(map(str, each.get("multiple_choices") or ())),
        str(note.get("question_type") or ""),
        str(note.get("answer_type") or ""),
        " ".join(part for part in (origin.family, str(image)) if part),
        split,
        origin.domain,
    )


def _joined(before: Example, after: Example, told: Counter) -> Example:
    """The same question in two files: the one that has candidates counts."""
    if before.question != after.question:
        told["questions have the number of another one and are left out"] += 1
        return before
    if bool(before.candidates) == bool(after.candidates):
        told["questions are there again and are left out"] += 1
        return before
    return replace(before, candidates=before.candidates or after.candidates)


def _answerable(
    pairs: Iterable[tuple[Any, Example]],
    origins: dict[Any, _Origin],
    annotations: _Annotations,
    told: Counter,
) -> Iterator[Example]:
    """Those that have answers, and all of a part that nobody has annotated."""
    for identity, each in pairs:
        known = annotations.found.get(origins[identity])
        if each.answers or not known:
            yield each
        elif identity in known:
            told["questions have no answers and are left out"] += 1
        else:
            told["questions have no annotation and are left out"] += 1


class _Pictures:
    """Finds pictures by their numbers; each number gives one source, found or not."""

    def __init__(self, folder: Path, origin: _Origin):
        self.origin = origin
        names = {"subtype": origin.subtype, "family": origin.family}
        inside = [each.format(**names) for each in _FOLDERS if origin.subtype or "{" not in each]
        self._folders = [
            base / each
            for base in (folder, folder.parent)
            for each in inside
            if (base / each).is_dir()
        ] or [folder]
        self._patterns = list(_names(origin))
        self._sources: dict[Any, Source] = {}

    def source(self, number: Any) -> Source:
        """The picture of a number, or of a name."""
        found = self._sources.get(number)
        if found is None:
            found = self._sources[number] = self._find(number)
        return found

    def _find(self, number: Any) -> Source:
        if isinstance(number, str) and not number.isdecimal():
            return self._first([number])
        return self._first([pattern.format(int(number)) for pattern in self._patterns])

    def _first(self, names: list[str]) -> Source:
        for folder in self._folders:
            for name in names:
                source = tables.named_source(folder, name)
                if source.problem or source.path.is_file():
                    return source
        return tables.named_source(self._folders[0], names[0])


def _names(origin: _Origin) -> Iterator[str]:
    """How the pictures of a part of the data are called, the most usual first."""
    if origin.domain == ABSTRACT:
        yield f"{origin.family}_{origin.subtype}_{{:012d}}.png"
        return
    usual = {"train": "train2014", "val": "val2014", "test": "test2015"}
    # The questions of test-dev2015 are about pictures of test2015.
    subtype = re.sub(r"test-?[a-z]+", "test", origin.subtype) or usual.get(origin.split, "")
    others = [each for each in usual.values() if not origin.subtype]
    for each in dict.fromkeys([subtype, *others]):
        if each:
            yield f"COCO_{each}_{{:012d}}.jpg"
    yield "{:012d}.jpg"
