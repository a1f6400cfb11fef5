"""The files in which questions are found: published layouts, and tables of one's own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from cnnrnn.errors import CnnRnnError
from cnnrnn.files import read_json
from cnnrnn.media import tables
from cnnrnn.media.sources import Source
from cnnrnn.training.splits import SPLITS, split_word
from cnnrnn.vqa import official
from cnnrnn.vqa.example import COLOUR, YES_NO, Example, kind_of

Found = tuple[list[Example], list[str]]  # the questions, and what was repaired, one line each

_NEEDED = {"question": ("question", "text"), "answer": ("answer", "answers", "label")}
_OTHERS = {
    "image": ("image", "file", "filename", "path", "clip", "video"),
    "choices": ("choices", "candidates", "multiple_choices"),
    "kind": ("kind", "question_type", "type"),
    "id": ("question_id", "id"),
    "split": ("split",),
    "group": ("group",),
}
_BETWEEN = "|"  # several answers or choices in one cell

# -- DAQUAR --------------------------------------------------------------------------------------

# A question ends with the picture's name: `what is on the desk in the image3 ?`, spelled freely.
_IN_IMAGE = re.compile(r"(?:\s+(?:in|of|on))?(?:\s+(?:the|this|th))?\s*e?(image\d+)\s*\?*\s*$")


def _daquar(path: Path, lists: bool = True) -> Found:
    """Pairs of lines `qa.*.txt` as published, or a list of objects `qa_*.json`; photographs in
    `images` or a folder of another name beside them.

    Args:
        path: the folder or one file.
        lists: also questions that several things answer; their answer is `chair, table`.
    """
    files = [path] if path.is_file() else _daquar_files(path)
    if not files:
        raise CnnRnnError(f"no qa_*.json or qa.*.txt in {path}", "keep the published names")
    examples: list[Example] = []
    told: Counter = Counter()
    pictures: dict[str, Source] = {}
    asked: Counter = Counter()
    for file in files:
        split = next((name for name in SPLITS if name in re.split(r"\W|_", file.name)), "")
        entries = _daquar_json if file.suffix == ".json" else _daquar_text
        for image, question, answers in entries(file):
            if len(answers) > 1 and not lists:
                told["questions have several answers at once and are left out"] += 1
                continue
            if image not in pictures:
                pictures[image] = _photograph(file.parent, image)
            answer = ", ".join(answers)
            examples.append(
                Example(
                    f"{image}#{asked[image]}", pictures[image], question, (answer,),
                    kind=kind_of(question, answer), group=image, split=split,
                )
            )
            asked[image] += 1
    return examples, [f"{count} {what}" for what, count in told.items()]


def _daquar_files(folder: Path) -> list[Path]:
    for pattern in ("qa_*.json", "qa.*.txt", "*/qa_*.json", "*/qa.*.txt"):
        if found := sorted(folder.glob(pattern)):
            return found
    return []


def _daquar_json(file: Path) -> Iterable[tuple[str, str, list[str]]]:
    content = read_json(file)
    if not isinstance(content, list):
        raise CnnRnnError(f"{file} is not a list of questions", "image, question, answers")
    for each in content:
        yield str(each["image"]), str(each["question"]), list(map(str, each["answers"]))


def _daquar_text(file: Path) -> Iterable[tuple[str, str, list[str]]]:
    lines = tables.lines(file)
    for number in range(0, len(lines) - 1, 2):
        match = _IN_IMAGE.search(lines[number])
        if not match:
            raise CnnRnnError(f"{file}: {lines[number][:60]!r} names no image", "... in image3 ?")
        answers = [each.strip() for each in lines[number + 1].split(",") if each.strip()]
        yield match[1], lines[number][: match.start()], answers
    if len(lines) % 2:
        raise CnnRnnError(f"{file} ends with a question without answer", "lines come in pairs")


def _photograph(folder: Path, image: str) -> Source:
    for inside in ("images", "nyu_depth_images", "."):
        for suffix in (".jpg", ".png"):
            source = tables.named_source(folder / inside, image + suffix)
            if source.problem or source.path.is_file():
                return source
    return tables.named_source(folder / "images", f"{image}.jpg")


# -- easy-VQA ------------------------------------------------------------------------------------

_SHAPES = ("circle", "rectangle", "triangle")


def _easy_vqa(path: Path) -> Found:
    """`questions_train.json` and `images.npz`, or `train/questions.json` and `train/images/0.png`,
    and the same of test; an entry of the questions is [question, answer, picture's number]."""
    examples = []
    for split, file in _easy_vqa_files(path).items():
        pictures = _EasyPictures(file, split)
        asked: Counter = Counter()
        for each in read_json(file):
            if not isinstance(each, list) or len(each) != 3:
                raise CnnRnnError(f"{file} has {each!r:.60}", "[question, answer, picture]")
            question, answer, number = str(each[0]), str(each[1]), each[2]
            kind = kind_of(question, answer)
            if kind not in (YES_NO, COLOUR):
                kind = "shape" if answer in _SHAPES else COLOUR
            group = f"{split}:{number}"
            examples.append(
                Example(
                    f"{group}#{asked[number]}", pictures.source(number), question, (answer,),
                    kind=kind, group=group, split=split,
                )
            )
            asked[number] += 1
    return examples, []


def _easy_vqa_files(path: Path) -> dict[str, Path]:
    """The questions of each split."""
    folder = path if path.is_dir() else path.parent
    found = {}
    for split in SPLITS:
        names = (f"questions_{split}.json", f"{split}/questions.json")
        file = tables.find(folder, *names, missing_ok=True)
        if file and (path.is_dir() or file == path):
            found[split] = file
    return found


class _EasyPictures:
    """The pictures of one split, in an array or a file each."""

    def __init__(self, questions: Path, split: str):
        self.folder, self.split = questions.parent, split
        self.array: np.ndarray | None = None
        packed = self.folder / "images.npz"
        if packed.is_file():
            with tables.reading(packed, "easy-vqa"), np.load(packed, allow_pickle=False) as file:
                self.array = file[split]
        self._sources: dict[Any, Source] = {}

    def source(self, number: Any) -> Source:
        if number not in self._sources:
            self._sources[number] = self._made(number)
        return self._sources[number]

    def _made(self, number: Any) -> Source:
        if self.array is None:
            return tables.named_source(self.folder / "images", f"{number}.png")
        name = f"{self.split}:{number}"
        if not isinstance(number, int) or not 0 <= number < len(self.array):
            return Source(name, problem=f"there is no picture {name} in images.npz")
        return Source(name, array=self.array[number])


# -- one's own data ------------------------------------------------------------------------------


def _csv(path: Path) -> Found:
    """Columns question, answer and, if wanted, image, choices, kind, split, group, question_id; one
    question a row. Several answers or choices are divided by `|`."""
    return _own(path, tables.csv_rows(path))


def _jsonl(path: Path) -> Found:
    """The same, one object a line; answers and choices may be lists."""
    return _own(path, tables.json_rows(path))


def _own(path: Path, rows: Iterable[dict]) -> Found:
    examples: list[Example] = []
    told: Counter = Counter()
    pictures: dict[str, Source] = {}
    asked: Counter = Counter()
    seen: set[str] = set()
    for row in tables.cells(path, rows, _NEEDED, _OTHERS, may_be_empty=("question", "answer")):
        image = "" if row["image"] is None else str(row["image"]).strip()
        if image and image not in pictures:
            pictures[image] = tables.named_source(path.parent, image)
        number = asked[image]
        asked[image] += 1
        question = " ".join(str(row["question"]).split())
        answers = _several(row["answer"])
        if not question or not answers:
            told[f"rows have no {'answer' if question else 'question'} and are left out"] += 1
            continue
        identity = f"{image}#{number}" if row["id"] is None else str(row["id"]).strip()
        if identity in seen:
            told["rows have the question_id of another one and are left out"] += 1
            continue
        seen.add(identity)
        given = image or identity
        examples.append(
            Example(
                identity, pictures.get(image), question, answers, _several(row["choices"]),
                str(row["kind"] or kind_of(question, answers[0])).strip(),
                group=str(row["group"] or given).strip(),
                split=split_word(row["split"], given) if row["split"] else "",
            )
        )
    return examples, [f"{count} {what}" for what, count in told.items()]


def _several(value: Any) -> tuple[str, ...]:
    """The texts of a cell that are not blank: a list, or divided by `|`."""
    if value is None:
        return ()
    parts = value if isinstance(value, list) else str(value).split(_BETWEEN)
    return tuple(text for part in parts if (text := " ".join(str(part).split())))


READERS: dict[str, Callable[[Path], Found]] = {
    "vqa": official.read,
    "daquar": _daquar,
    "daquar-single": lambda path: _daquar(path, lists=False),
    "easy-vqa": _easy_vqa,
    "csv": _csv,
    "jsonl": _jsonl,
}


def detect(path: Path) -> str:
    """The format of a folder or file."""
    if path.is_file() and (own := tables.own_format(path)):
        return own
    if any(official.files(path).values()):
        return "vqa"
    if _easy_vqa_files(path):
        return "easy-vqa"
    if _daquar_files(path) if path.is_dir() else path.name.startswith(("qa_", "qa.")):
        return "daquar"
    raise CnnRnnError(
        f"no known layout in {path}",
        "official VQA JSON, DAQUAR, easy-VQA, or a .csv or .jsonl with question and answer",
    )
