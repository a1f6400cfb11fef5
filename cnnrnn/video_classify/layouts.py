"""The files in which labelled clips are found: folders, tables of one's own, UCF101's lists."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from cnnrnn.errors import CnnRnnError
from cnnrnn.media import tables
from cnnrnn.media.medium import CLIPS
from cnnrnn.media.sources import Source
from cnnrnn.training.splits import SPLIT_NAMES, split_word

_NEEDED = {
    "path": ("path", "clip", "video", "file", "filename"),
    "label": ("label", "class", "category", "action"),
}
_OTHERS = {"split": ("split",), "group": ("group", "subject", "source", "person", "speaker")}
# What names tell of who or what was filmed: UCF101's group, UTD-MHAD's subject.
_GROUP_PATTERNS = (re.compile(r"_(g\d+)_c\d+"), re.compile(r"_(s\d+)_t\d+"))
_LIST = re.compile(r"(train|test)list(\d\d)\.txt")


@dataclass(frozen=True)
class Example:
    """One clip and what it shows.

    id: its name in the data; how files of predictions call it.
    split: "" where the data does not say.
    group: clips of one group (one person, one film) are alike in more than their label; "" where
        nothing is known.
    """

    id: str
    source: Source
    label: str
    split: str = ""
    group: str = ""


Found = tuple[list[Example], list[str]]  # the clips, and what was repaired, one line each


def group_of(name: str) -> str:
    """The group that a file's name tells of, or ""."""
    for pattern in _GROUP_PATTERNS:
        if match := pattern.search(Path(name).name):
            return match[1]
    return ""


# -- one's own data ------------------------------------------------------------------------------


def _folder(folder: Path) -> Found:
    """A folder a label, its clips in it at any depth; above them, if wanted, a folder a split."""
    found = []
    above = [each.name for each in _folders(folder)]
    split = bool(above) and all(name.lower() in SPLIT_NAMES for name in above)
    for first in _folders(folder):
        for label in _folders(first) if split else [first]:
            for path in _clips(label):
                name = path.relative_to(folder).as_posix()
                which = split_word(first.name, name) if split else ""
                found.append(Example(name, Source(name, path), label.name, which, group_of(name)))
    return found, []


def _folders(folder: Path) -> list[Path]:
    return [Path(each.path) for each in _entries(folder) if each.is_dir()]


def _entries(folder: Path) -> list[os.DirEntry]:
    try:
        with os.scandir(folder) as entries:
            return sorted(
                (each for each in entries if not each.name.startswith(".")), key=lambda e: e.name
            )
    except OSError as error:
        raise CnnRnnError(f"cannot read folder {folder}: {error.strerror or error}") from error


def _clips(folder: Path) -> Iterable[Path]:
    for each in _entries(folder):
        if each.is_dir():
            # A link back to a folder above would never end.
            if not each.is_symlink():
                yield from _clips(Path(each.path))
        elif is_video(each.name):
            yield Path(each.path)


def is_video(name: str) -> bool:
    """Whether a file's name is that of a clip."""
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in CLIPS.suffixes


def _csv(path: Path) -> Found:
    """Columns path, label and, if wanted, split and group; one clip a row."""
    return _rows(path, tables.csv_rows(path))


def _jsonl(path: Path) -> Found:
    """The same, one object a line."""
    return _rows(path, tables.json_rows(path))


def _rows(path: Path, rows: Iterable[dict]) -> Found:
    found: dict[str, Example] = {}
    again = 0
    for row in tables.cells(path, rows, _NEEDED, _OTHERS):
        name, label = str(row["path"]).strip(), str(row["label"]).strip()
        group = group_of(name) if row["group"] is None else str(row["group"]).strip()
        split = split_word(row["split"], name) if row["split"] else ""
        example = Example(name, tables.named_source(path.parent, name), label, split, group)
        before = found.setdefault(name, example)
        if (before.label, before.split) != (label, split):
            raise CnnRnnError(
                f"{path} has {name} twice, as {before.label!r} and {label!r}", "give it one label"
            )
        again += before is not example
    return list(found.values()), [f"{again} rows name a clip again and are left out"] * bool(again)


# -- UCF101 --------------------------------------------------------------------------------------


def _ucf101(path: Path) -> Found:
    """`trainlistNN.txt`, `testlistNN.txt` and `classInd.txt`, as published.

    The lists are named by their folder (the first of them) or by one of the files. Test lists
    carry no labels: the folder in the name is the label, in training lists too, where the number
    behind it (from 1) is compared with it. Clips lie beside the lists, in `UCF-101` beside or
    above them, or in folders of another suffix.
    """
    folder = path if path.is_dir() else path.parent
    match = _LIST.fullmatch(path.name)
    number = match[2] if match else _LIST.fullmatch(tables.find(folder, "trainlist??.txt").name)[2]
    lists = tables.find(folder, f"trainlist{number}.txt").parent
    classes = _classes(lists / "classInd.txt")
    root = next(
        (base for base in (lists / "UCF-101", lists.parent / "UCF-101", lists) if base.is_dir()),
        lists,
    )
    found, fixed = [], Counter()
    listing = _Folders(root)
    for split in ("train", "test"):
        file = lists / f"{split}list{number}.txt"
        for row, line in enumerate(tables.lines(file) if file.exists() else (), 1):
            name, _, given = line.partition(" ")
            if "/" not in name:
                raise CnnRnnError(f"{file} line {row} has no folder: {line[:60]!r}")
            label = _label(name.split("/")[0], classes, fixed)
            if given.strip():
                _compare(given, label, classes, file, row, fixed)
            source = listing.find(name, fixed)
            spelled = re.match(r"v_([A-Za-z]+)_", name.split("/")[-1])
            if spelled and spelled[1] != label and spelled[1].lower() == label.lower():
                fixed[f"clips named v_{spelled[1]}_... belong to {label}"] += 1
            found.append(Example(name, source, label, split, group_of(name)))
    return found, [f"{count} {what}" for what, count in fixed.items()]


def _classes(path: Path) -> dict[str, int]:
    """Label to number, from 1; empty without the file."""
    if not path.exists():
        return {}
    pairs = (line.split(maxsplit=1) for line in tables.lines(path))
    try:
        return {name: int(number) for number, name in pairs}
    except ValueError as error:
        raise CnnRnnError(f"{path} is not a list of numbers and labels: {error}") from error


def _label(folder: str, classes: dict[str, int], fixed: Counter) -> str:
    if not classes or folder in classes:
        return folder
    for name in classes:
        if name.lower() == folder.lower():
            fixed[f"clips in folders {folder} belong to {name}"] += 1
            return name
    return folder


def _compare(given: str, label: str, classes: dict, file: Path, row: int, fixed: Counter) -> None:
    """The number behind a training clip, against that of its folder."""
    if not given.strip().isdigit():
        raise CnnRnnError(f"{file} line {row} has the label {given.strip()!r}", "numbers, from 1")
    if classes and int(given) != classes.get(label, -1):
        fixed[f"numbers in {file.name} are not those of their folders, which count"] += 1


class _Folders:
    """Finds clips whatever their case and suffix; a folder is listed once."""

    def __init__(self, root: Path):
        self.root = root
        self._listed: dict[str, dict[str, str]] = {}

    def find(self, name: str, fixed: Counter) -> Source:
        source = tables.named_source(self.root, name)
        if source.problem or source.path.exists():
            return source
        folder, _, file = name.rpartition("/")
        there = self._names(folder).get(os.path.splitext(file)[0].lower())
        if there is None:
            return source
        fixed["clips were found under another suffix or case"] += 1
        return Source(name, self.root / there)

    def _names(self, folder: str) -> dict[str, str]:
        """Stem in lower case to path below the root, of the clips of one folder."""
        key = folder.lower()
        if not self._listed:
            here = [each.name for each in _folders(self.root)] if self.root.is_dir() else []
            self._listed = {name.lower(): {"": name} for name in here}
        names = self._listed.setdefault(key, {})
        if list(names) == [""]:
            real = names.pop("")
            for each in _entries(self.root / real):
                if is_video(each.name):
                    names[os.path.splitext(each.name)[0].lower()] = f"{real}/{each.name}"
        return names


READERS: dict[str, Callable[[Path], Found]] = {
    "folder": _folder,
    "csv": _csv,
    "jsonl": _jsonl,
    "ucf101": _ucf101,
}


def detect(path: Path) -> str:
    """The format of a folder or file."""
    if path.is_file():
        if own := tables.own_format(path):
            return own
        if _LIST.fullmatch(path.name):
            return "ucf101"
    elif tables.find(path, "trainlist??.txt", missing_ok=True):
        return "ucf101"
    elif any(True for _ in _folders(path)):
        return "folder"
    raise CnnRnnError(
        f"no known layout in {path}",
        "a folder a label, UCF101's lists, or a .csv or .jsonl with path and label",
    )
