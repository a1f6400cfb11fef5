"""The files in which regions are found: published layouts, and tables of one's own.

Every reader gives pictures with their regions; boxes leave it as (x1, y1, x2, y2) in pixels of the
picture, whatever they were in the file. Data without splits is divided by the hash of the
picture's name, so that it stays divided as the data grows.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cnnrnn.densecap import folders
from cnnrnn.errors import CnnRnnError
from cnnrnn.files import read_json
from cnnrnn.media import images, tables
from cnnrnn.media.sources import Source
from cnnrnn.regions.boxes import from_sized
from cnnrnn.training.splits import SPLITS, common_split, drawn_split

_NEEDED = {
    "image": ("image", "file", "filename", "path"),
    "x": ("x", "left"),
    "y": ("y", "top"),
    "width": ("width", "w"),
    "height": ("height", "h"),
    "phrase": ("phrase", "caption", "label", "text"),
}
_OTHERS = {"split": ("split",)}


@dataclass(frozen=True)
class Region:
    """A place in a picture and what is there.

    box: (x1, y1, x2, y2) in pixels of the picture.
    """

    phrase: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Example:
    """One picture and its regions.

    id: how files of predictions call the picture: its number where the data numbers pictures,
        else its name in the data.
    size: (width, height) in pixels that the boxes are meant in; None where nobody said.
    """

    id: str
    source: Source
    regions: tuple[Region, ...]
    split: str
    size: tuple[int, int] | None = None


# -- published layouts ---------------------------------------------------------------------------


def _visual_genome(path: Path) -> Iterator[Example]:
    """`region_descriptions.json`, `image_data.json`, pictures in `images`, `VG_100K`,
    `VG_100K_2`; `densecap_splits.json` ({"train": [numbers], ...}) where it is."""
    folder = path if path.is_dir() else path.parent
    pictures = _indexed([folder / name for name in ("images", "VG_100K", "VG_100K_2", "")])
    known = {}
    facts = tables.find(folder, "image_data.json", missing_ok=True)
    for entry in read_json(facts) if facts else ():
        known[int(entry.get("image_id", entry.get("id")))] = entry
    listing = tables.find(folder, "densecap_splits.json", missing_ok=True)
    published = read_json(listing) if listing else {}
    splits = {int(number): split for split in SPLITS for number in published.get(split, ())}
    for entry in read_json(tables.find(folder, "region_descriptions.json")):
        number = int(entry.get("id", entry.get("image_id")))
        about = known.get(number, {})
        address = about.get("url") or about.get("coco_url") or ""
        source = _pictured(pictures, [address.rsplit("/", 1)[-1], f"{number}.jpg"], number, folder)
        size = (int(about["width"]), int(about["height"])) if "width" in about else None
        split = splits.get(number) or (drawn_split(str(number)) if not splits else None)
        if split is None:
            continue  # the official lists leave out pictures with too few regions
        yield Example(str(number), source, _sized(entry["regions"], size), split, size)


def _sized(entries: Iterable[dict], size) -> tuple[Region, ...]:
    """Regions with x, y, width and height."""
    found = []
    for each in entries:
        corners = [float(each[side]) for side in ("x", "y", "width", "height")]
        found.append(Region(str(each["phrase"]), tuple(from_sized(corners).tolist())))
    return tuple(found)


def _indexed(folders: Iterable[Path]) -> dict[str | int, Path]:
    """Pictures of some folders by name and, where the name is a number, by that."""
    found: dict[str | int, Path] = {}
    for folder in folders:
        if not folder.is_dir():
            continue
        for entry in os.scandir(folder):
            stem, suffix = os.path.splitext(entry.name)
            if suffix.lower() in images.SUFFIXES:
                found.setdefault(entry.name, Path(entry.path))
                if stem.isdigit():
                    found.setdefault(int(stem), Path(entry.path))
    return found


def _pictured(pictures: dict, names: list[str], number: int, folder: Path) -> Source:
    path = next((pictures[key] for key in (*names, number) if key in pictures), None)
    if path is None:
        return Source(names[-1], problem=f"{names[-1]} does not exist in {folder}")
    return Source(path.name, path)


def _coco(path: Path) -> Iterator[Example]:
    """COCO instances, one JSON or a folder with `annotations/instances_{train,val}*.json`; the
    phrase of a region is the name of its category."""
    files = [path] if path.is_file() else coco_files(path)
    for file in files:
        content = read_json(file)
        kinds = tables.list_of(content, "categories", file)
        names = {each["id"]: str(each["name"]) for each in kinds}
        regions: dict[int, list[Region]] = {}
        for note in tables.list_of(content, "annotations", file):
            kind, sides = note["category_id"], [float(side) for side in note["bbox"]]
            if kind not in names or len(sides) != 4:
                raise CnnRnnError(
                    f"{file}: an annotation of category {kind} with the box {note['bbox']}",
                    "a category of the file, and x, y, width and height in pixels",
                )
            box = tuple(from_sized(sides).tolist())
            regions.setdefault(note["image_id"], []).append(Region(names[kind], box))
        stem = file.stem.removeprefix("instances_")
        folder = _coco_pictures(file, stem)
        split = next((s for s in SPLITS if stem.startswith(s)), None) if len(files) > 1 else None
        for image in tables.list_of(content, "images", file):
            name = image["file_name"]
            yield Example(
                str(image["id"]),
                tables.named_source(folder, name),
                tuple(regions.get(image["id"], ())),
                split or drawn_split(name),
                (int(image["width"]), int(image["height"])),
            )


def coco_files(folder: Path) -> list[Path]:
    """The files of instances in a folder."""
    return sorted({*folder.glob("instances_*.json"), *folder.glob("annotations/instances_*.json")})


def _coco_pictures(file: Path, stem: str) -> Path:
    for base in (file.parent, file.parent.parent):
        for name in (stem, "images"):
            if (base / name).is_dir():
                return base / name
    return file.parent


def _yolo(path: Path) -> Iterator[Example]:
    """See `folders.yolo`."""
    for source, size, found, split in folders.yolo(path):
        yield Example(source.name, source, tuple(Region(*each) for each in found), split, size)


def _voc(path: Path) -> Iterator[Example]:
    """See `folders.voc`."""
    for source, size, found, split in folders.voc(path):
        yield Example(source.name, source, tuple(Region(*each) for each in found), split, size)


# -- one's own data ------------------------------------------------------------------------------


def _csv(path: Path) -> Iterator[Example]:
    """Columns image, x, y, width, height, phrase and, if wanted, split; one region a row."""
    return _own(path, tables.csv_rows(path))


def _jsonl(path: Path) -> Iterator[Example]:
    """Objects with the same, one a line."""
    return _own(path, tables.json_rows(path))


def _own(path: Path, rows: Iterable[dict]) -> Iterator[Example]:
    # A phrase that is empty is left out later, and told; it stops nothing.
    rows = tables.cells(path, rows, _NEEDED, _OTHERS, may_be_empty=("phrase",))
    numbered = ({**row, "row": number} for number, row in enumerate(rows, 1))
    for name, of_it in tables.gathered(numbered, "image").items():
        regions = []
        for row in of_it:
            sides = [_number(row, key, path) for key in ("x", "y", "width", "height")]
            regions.append(Region(str(row["phrase"]), tuple(from_sized(sides).tolist())))
        split = common_split((row["split"] for row in of_it), name, path)
        source = tables.named_source(path.parent, name)
        yield Example(name, source, tuple(regions), split)


def _number(row: dict, key: str, path: Path) -> float:
    try:
        value = float(row[key])
    except (TypeError, ValueError):
        value = math.nan
    if not math.isfinite(value):
        raise CnnRnnError(
            f"{path} row {row['row']}: {key} is {row[key]!r}, not a number of pixels",
            "columns: image, x, y, width, height, phrase",
        )
    return value


READERS: dict[str, Callable[[Path], Iterable[Example]]] = {
    "visual-genome": _visual_genome,
    "coco": _coco,
    "yolo": _yolo,
    "voc": _voc,
    "jsonl": _jsonl,
    "csv": _csv,
}


def detect(path: Path) -> str:
    """The format of a folder or file."""
    if path.is_file():
        if own := tables.own_format(path):
            return own
        if path.name == "region_descriptions.json":
            return "visual-genome"
        if path.suffix.lower() == ".json":
            content = read_json(path)
            if isinstance(content, dict) and "categories" in content:
                return "coco"
    elif tables.find(path, "region_descriptions.json", missing_ok=True):
        return "visual-genome"
    elif coco_files(path):
        return "coco"
    elif (path / "Annotations").is_dir():
        return "voc"
    elif folders.names_file(path):
        return "yolo"
    raise CnnRnnError(
        f"no known layout of regions in {path}",
        "Visual Genome, COCO instances, YOLO or Pascal VOC, or a .csv or .jsonl with image, x, y, "
        "width, height, phrase",
    )
