"""Detection data that is a folder with a file of boxes for each picture: YOLO and Pascal VOC.

Both readers give (source, (width, height) or None, [(class name, (x1, y1, x2, y2))], split).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from cnnrnn.errors import CnnRnnError
from cnnrnn.media import images, tables
from cnnrnn.media.sources import Source
from cnnrnn.regions.boxes import from_inclusive, from_relative_centres
from cnnrnn.training.splits import SPLIT_NAMES, drawn_split

_NAMES = ("data.yaml", "dataset.yaml", "*.yaml", "classes.txt", "obj.names", "*.names")
_LARGEST_XML = 4 << 20  # bytes; a picture's objects take a few thousand

Found = tuple[Source, tuple[int, int] | None, list[tuple[str, tuple]], str]


def yolo(folder: Path) -> Iterator[Found]:
    """Pictures in `images/` (with or without a folder for each split) and beside them `labels/`.

    A line of a label file is `class xc yc width height` as shares of the picture; class names
    stand in `data.yaml` (`names:`) or one a line in `classes.txt`.
    """
    listing = names_file(folder)
    names = class_names(listing) if listing else []
    base = listing.parent if listing and (listing.parent / "images").is_dir() else folder
    for path in _pictures(base / "images"):
        below = path.relative_to(base / "images")
        label = (base / "labels" / below).with_suffix(".txt")
        source = Source(str(Path("images", below)), path)
        split = next((SPLIT_NAMES[part] for part in below.parts[:-1] if part in SPLIT_NAMES), None)
        size = source.size()
        found = _lines(label, names, size) if label.is_file() and size else []
        yield source, size, found, split or drawn_split(path.name)


def names_file(folder: Path) -> Path | None:
    """The file that names the classes of a YOLO folder; None where it is no such folder."""
    if not any((folder / name).is_dir() for name in ("images", "labels")):
        return None
    return tables.find(folder, *_NAMES, missing_ok=True)


def class_names(path: Path) -> list[str]:
    """Class names in the order of their numbers.

    Of a YAML file only the entry `names` is read, which is a list or numbers with names, in one
    line or in one line each.

    Raises:
        CnnRnnError: there are none.
    """
    lines = tables.lines(path)
    if path.suffix.lower() not in (".yaml", ".yml"):
        return lines
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    begun = re.search(r"^names\s*:[ \t]*(.*(?:\n(?:[ \t]+|[ \t]*- ).*)*)", text, re.MULTILINE)
    body = re.sub(r"#.*", "", begun[1]) if begun else ""
    body = body.strip().strip("[]{}")
    entries = [entry.strip() for entry in re.split(r"[,\n]", body) if entry.strip()]
    names: dict[int, str] = {}
    for number, entry in enumerate(entries):
        listed = re.fullmatch(r"(\d+)\s*:\s*(.*)", entry)
        name = listed[2] if listed else entry.removeprefix("- ")
        names[int(listed[1]) if listed else number] = name.strip().strip("'\"")
    if not names:
        raise CnnRnnError(f"{path} names no classes", "an entry such as names: [car, dog]")
    return [names.get(number, str(number)) for number in range(max(names) + 1)]


def _pictures(folder: Path) -> Iterator[Path]:
    for place, inside, files in os.walk(folder):
        inside.sort()
        for name in sorted(files):
            if os.path.splitext(name)[1].lower() in images.SUFFIXES:
                yield Path(place, name)


def _lines(label: Path, names: list[str], size: tuple[int, int]) -> list[tuple[str, tuple]]:
    found = []
    for number, line in enumerate(tables.lines(label), 1):
        try:
            kind, *sides = line.split()
            if len(sides) > 5:  # a fifth is how sure a program was
                raise ValueError("an outline or key points")
            box = from_relative_centres([float(side) for side in sides[:4]], *size)
            name = names[int(kind)] if 0 <= int(kind) < len(names) else f"class {int(kind)}"
        except ValueError as error:
            raise CnnRnnError(
                f"{label} line {number} is no box: {line[:60]!r}", "class xc yc width height"
            ) from error
        found.append((name, tuple(box.tolist())))
    return found


def voc(folder: Path) -> Iterator[Found]:
    """Pascal VOC: `Annotations/NAME.xml`, `JPEGImages/`, `ImageSets/Main/{train,val,test}.txt`."""
    pictures = next(
        (folder / name for name in ("JPEGImages", "images") if (folder / name).is_dir()), folder
    )
    splits: dict[str, str] = {}
    for word in ("train", "val", "test"):
        listing = folder / "ImageSets" / "Main" / f"{word}.txt"
        for line in tables.lines(listing) if listing.is_file() else ():
            splits[line.split()[0]] = word
    for path in sorted((folder / "Annotations").glob("*.xml")):
        name, size, found = _annotation(path)
        source = tables.named_source(pictures, name or f"{path.stem}.jpg")
        yield source, size, found, splits.get(path.stem) or drawn_split(path.stem)


def _annotation(path: Path) -> tuple[str, tuple[int, int] | None, list[tuple[str, tuple]]]:
    """File name, size and objects of one picture; corners are pixel numbers, counted from 1."""
    try:
        data = path.read_bytes()
        # Entities can make a small file grow without bound; no annotation needs them.
        if len(data) > _LARGEST_XML or b"<!DOCTYPE" in data or b"<!ENTITY" in data:
            raise CnnRnnError(f"{path} is no annotation: too large, or with a document type")
        root = ElementTree.fromstring(data)
        width, height = (root.findtext(f"size/{side}") for side in ("width", "height"))
        size = (int(float(width)), int(float(height))) if width and height else None
        found = []
        for thing in root.iter("object"):
            corners = [float(thing.findtext(f"bndbox/{side}")) for side in _CORNERS]
            found.append((thing.findtext("name") or "", tuple(from_inclusive(corners).tolist())))
    except OSError as error:
        raise CnnRnnError(f"cannot read {path}: {error.strerror or error}") from error
    except (ElementTree.ParseError, TypeError, ValueError) as error:
        raise CnnRnnError(f"{path} is no Pascal VOC annotation: {error}") from error
    return root.findtext("filename") or "", size if size and min(size) > 0 else None, found


_CORNERS = ("xmin", "ymin", "xmax", "ymax")
