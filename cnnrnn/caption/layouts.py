"""The files in which captions are found: published layouts, and tables of one's own.

Files are named and split as their publishers did; data of one's own without a split column is
divided by the hash of the picture's name, so that it stays divided as the file grows.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cnnrnn.errors import CnnRnnError
from cnnrnn.files import read_json
from cnnrnn.media.sources import Source, safe_join

SPLITS = ("train", "val", "test")
_SPLIT_NAMES = {"dev": "val", "valid": "val", "validation": "val", "restval": "train"}
_VAL_SHARE = _TEST_SHARE = 10  # percent, for data that comes without splits
_IMAGE_COLUMNS = ("image", "file", "filename", "path")
_CAPTION_COLUMNS = ("caption", "captions", "sentence", "text")


@dataclass(frozen=True)
class Example:
    """One picture and what people wrote about it.

    id: how result files call the picture: its number in COCO, else its name in the data.
    """

    id: str
    source: Source
    captions: tuple[str, ...]
    split: str


# -- published layouts ---------------------------------------------------------------------------


def _flickr8k(folder: Path) -> Iterable[Example]:
    """`Flickr8k.token.txt` (name#k TAB caption) and `Flickr_8k.*Images.txt`, as published."""
    captions: dict[str, list[str]] = {}
    for number, line in enumerate(_lines(_find(folder, "Flickr8k.token.txt")), 1):
        name, tab, text = line.partition("\t")
        if not tab:
            raise CnnRnnError(f"Flickr8k.token.txt line {number} has no tab: {line[:60]!r}")
        captions.setdefault(name.partition("#")[0], []).append(text)
    pictures = _find(folder, "Flicker8k_Dataset", "Flickr8k_Dataset", "Flicker8k_Images", "Images")
    found = False
    for split, published in zip(SPLITS, ("train", "dev", "test"), strict=True):
        listing = _find(folder, f"Flickr_8k.{published}Images.txt", missing_ok=True)
        for name in _lines(listing) if listing else ():
            found = True
            source = _picture(pictures, name)
            yield Example(name, source, tuple(captions.get(name, ())), split)
    if not found:
        raise CnnRnnError(f"no Flickr_8k.*Images.txt in {folder}", "they say which split is which")


def _coco(path: Path) -> Iterable[Example]:
    """COCO captions: one JSON, or a folder with `annotations/captions_{train,val}*.json`."""
    files = [path] if path.is_file() else _coco_files(path)
    for file in files:
        content = read_json(file)
        captions: dict[int, list[str]] = {}
        for note in _key(content, "annotations", file):
            captions.setdefault(note["image_id"], []).append(str(note["caption"]))
        stem = file.stem.removeprefix("captions_")
        folder = _coco_pictures(file, stem)
        split = next((s for s in SPLITS if stem.startswith(s)), None) if len(files) > 1 else None
        for image in _key(content, "images", file):
            name = image["file_name"]
            source = _picture(folder, name)
            yield Example(
                str(image["id"]),
                source,
                tuple(captions.get(image["id"], ())),
                split or _drawn_split(name),
            )


def _coco_files(folder: Path) -> list[Path]:
    return sorted({*folder.glob("captions_*.json"), *folder.glob("annotations/captions_*.json")})


def _coco_pictures(file: Path, stem: str) -> Path:
    for base in (file.parent, file.parent.parent):
        for name in (stem, "images"):
            if (base / name).is_dir():
                return base / name
    return file.parent


def _karpathy(path: Path) -> Iterable[Example]:
    """Karpathy's `dataset_*.json`: pictures with `filename`, `split`, `sentences[].raw`."""
    file = path if path.is_file() else _find(path, "dataset*.json")
    for image in _key(read_json(file), "images", file):
        relative = "/".join(part for part in (image.get("filepath"), image["filename"]) if part)
        folder = file.parent / "images" if (file.parent / "images").is_dir() else file.parent
        captions = tuple(str(each["raw"]) for each in image["sentences"])
        identity = str(image.get("cocoid", image["filename"]))
        split = _split_of(image.get("split"), relative)
        yield Example(identity, _picture(folder, relative), captions, split)


# -- one's own data ------------------------------------------------------------------------------


def _csv(path: Path) -> Iterable[Example]:
    """Columns image, caption and, if wanted, split; one caption a row."""
    with open(path, newline="", encoding="utf-8-sig", errors="replace") as file:
        dialect = "excel-tab" if path.suffix == ".tsv" else "excel"
        yield from _grouped(path, csv.DictReader(file, dialect=dialect))


def _jsonl(path: Path) -> Iterable[Example]:
    """Objects with image, caption (or a list of captions) and, if wanted, split; one a line."""

    def rows():
        for number, line in enumerate(_lines(path), 1):
            try:
                yield dict(json.loads(line))
            except (TypeError, ValueError) as error:
                raise CnnRnnError(f"{path} line {number} is no JSON object: {error}") from error

    return _grouped(path, rows())


def _grouped(path: Path, rows: Iterable[dict]) -> list[Example]:
    """Rows of one picture become one example; pictures are named relative to the data file."""
    captions: dict[str, list[str]] = {}
    splits: dict[str, str] = {}
    for number, row in enumerate(rows, 1):
        row = {str(key).strip().lower(): value for key, value in row.items()}
        image = next((row[c] for c in _IMAGE_COLUMNS if row.get(c)), None)
        text = next((row[c] for c in _CAPTION_COLUMNS if row.get(c) is not None), None)
        if image is None or text is None:
            raise CnnRnnError(
                f"{path} row {number} has no image or no caption (columns: {', '.join(row)})",
                "give the columns image and caption",
            )
        name = str(image)
        texts = text if isinstance(text, list) else [text]
        captions.setdefault(name, []).extend(map(str, texts))
        split = _split_of(row.get("split"), name)
        if splits.setdefault(name, split) != split:
            raise CnnRnnError(f"{name} is in the splits {splits[name]} and {split} of {path}")
    return [
        Example(name, _picture(path.parent, name), tuple(texts), splits[name])
        for name, texts in captions.items()
    ]


READERS: dict[str, Callable[[Path], Iterable[Example]]] = {
    "flickr8k": _flickr8k,
    "coco": _coco,
    "karpathy": _karpathy,
    "jsonl": _jsonl,
    "csv": _csv,
}


def detect(path: Path) -> str:
    """The format of a folder or file."""
    if path.is_file():
        suffix = path.suffix.lower()
        if suffix in (".csv", ".tsv"):
            return "csv"
        if suffix in (".jsonl", ".ndjson"):
            return "jsonl"
        if suffix == ".json":
            content = read_json(path)
            if isinstance(content, dict) and "annotations" in content:
                return "coco"
            if isinstance(content, dict) and "images" in content:
                return "karpathy"
    elif _find(path, "Flickr8k.token.txt", missing_ok=True):
        return "flickr8k"
    elif _coco_files(path):
        return "coco"
    elif _find(path, "dataset*.json", missing_ok=True):
        return "karpathy"
    raise CnnRnnError(
        f"no known layout in {path}",
        "Flickr8k, COCO or Karpathy files, or a .csv or .jsonl with image and caption",
    )


# -- small helpers of the readers ----------------------------------------------------------------


def _picture(folder: Path, name: str) -> Source:
    """A picture that a data file names; one outside the data's folder is reported, not read."""
    try:
        return Source(name=name, path=safe_join(folder, name))
    except CnnRnnError as error:
        return Source(name=name, problem=str(error))


def _split_of(given: object, name: str) -> str:
    if given in (None, ""):
        return _drawn_split(name)
    split = str(given).strip().lower()
    split = _SPLIT_NAMES.get(split, split)
    if split not in SPLITS:
        raise CnnRnnError(f"unknown split {given!r} of {name}", f"use {', '.join(SPLITS)}")
    return split


def _drawn_split(name: str) -> str:
    number = hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=4).digest()
    percent = int.from_bytes(number, "big") % 100
    if percent < _TEST_SHARE:
        return "test"
    return "val" if percent < _TEST_SHARE + _VAL_SHARE else "train"


def _find(folder: Path, *names: str, missing_ok: bool = False) -> Path | None:
    """The first of `names`, which may be patterns, in `folder` or one level below."""
    for name in names:
        for found in (*sorted(folder.glob(name)), *sorted(folder.glob(f"*/{name}"))):
            return found
    if missing_ok:
        return None
    raise CnnRnnError(f"{' or '.join(names)} is missing in {folder}", "keep the published layout")


def _lines(path: Path) -> Iterable[str]:
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise CnnRnnError(f"cannot read {path}: {error.strerror or error}") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def _key(content: object, key: str, file: Path) -> Sequence:
    value = content.get(key) if isinstance(content, dict) else None
    if not isinstance(value, list):
        raise CnnRnnError(f"{file} has no list {key!r}", "is it a caption file?")
    return value
