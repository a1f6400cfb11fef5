"""The files in which captions are found: published layouts, and tables of one's own.

Files are named and split as their publishers did; data of one's own without a split column is
divided by the hash of the picture's name, so that it stays divided as the file grows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from cnnrnn.errors import CnnRnnError
from cnnrnn.files import read_json
from cnnrnn.media import tables
from cnnrnn.media.sources import Source
from cnnrnn.training.splits import SPLITS, common_split, drawn_split, split_of

_NEEDED = {
    "image": ("image", "file", "filename", "path", "clip", "video"),
    "caption": ("caption", "captions", "sentence", "text"),
}
_OTHERS = {"split": ("split",)}


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
    for number, line in enumerate(tables.lines(tables.find(folder, "Flickr8k.token.txt")), 1):
        name, tab, text = line.partition("\t")
        if not tab:
            raise CnnRnnError(f"Flickr8k.token.txt line {number} has no tab: {line[:60]!r}")
        captions.setdefault(name.partition("#")[0], []).append(text)
    pictures = tables.find(
        folder, "Flicker8k_Dataset", "Flickr8k_Dataset", "Flicker8k_Images", "Images"
    )
    found = False
    for split, published in zip(SPLITS, ("train", "dev", "test"), strict=True):
        listing = tables.find(folder, f"Flickr_8k.{published}Images.txt", missing_ok=True)
        for name in tables.lines(listing) if listing else ():
            found = True
            source = tables.named_source(pictures, name)
            yield Example(name, source, tuple(captions.get(name, ())), split)
    if not found:
        raise CnnRnnError(f"no Flickr_8k.*Images.txt in {folder}", "they say which split is which")


def _coco(path: Path) -> Iterable[Example]:
    """COCO captions: one JSON, or a folder with `annotations/captions_{train,val}*.json`."""
    files = [path] if path.is_file() else _coco_files(path)
    for file in files:
        content = read_json(file)
        captions: dict[int, list[str]] = {}
        for note in tables.list_of(content, "annotations", file):
            captions.setdefault(note["image_id"], []).append(str(note["caption"]))
        stem = file.stem.removeprefix("captions_")
        folder = _coco_pictures(file, stem)
        split = next((s for s in SPLITS if stem.startswith(s)), None) if len(files) > 1 else None
        for image in tables.list_of(content, "images", file):
            name = image["file_name"]
            source = tables.named_source(folder, name)
            yield Example(
                str(image["id"]),
                source,
                tuple(captions.get(image["id"], ())),
                split or drawn_split(name),
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
    file = path if path.is_file() else tables.find(path, "dataset*.json")
    for image in tables.list_of(read_json(file), "images", file):
        relative = "/".join(part for part in (image.get("filepath"), image["filename"]) if part)
        folder = file.parent / "images" if (file.parent / "images").is_dir() else file.parent
        captions = tuple(str(each["raw"]) for each in image["sentences"])
        identity = str(image.get("cocoid", image["filename"]))
        split = split_of(image.get("split"), relative)
        yield Example(identity, tables.named_source(folder, relative), captions, split)


# -- one's own data ------------------------------------------------------------------------------


def _csv(path: Path) -> Iterable[Example]:
    """Columns image, caption and, if wanted, split; one caption a row."""
    return _own(path, tables.csv_rows(path))


def _jsonl(path: Path) -> Iterable[Example]:
    """Objects with image, caption (or a list of captions) and, if wanted, split; one a line."""
    return _own(path, tables.json_rows(path))


def _own(path: Path, rows: Iterable[dict]) -> Iterable[Example]:
    """Rows of one picture become one example; pictures are named relative to the data file."""
    # An empty caption is left out later, and told; it stops nothing.
    rows = tables.cells(path, rows, _NEEDED, _OTHERS, may_be_empty=("caption",))
    for name, of_it in tables.gathered(rows, "image").items():
        said = [row["caption"] for row in of_it]
        texts = [text for each in said for text in (each if isinstance(each, list) else [each])]
        split = common_split((row["split"] for row in of_it), name, path)
        source = tables.named_source(path.parent, name)
        yield Example(name, source, tuple(map(str, texts)), split)


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
        if own := tables.own_format(path):
            return own
        if path.suffix.lower() == ".json":
            content = read_json(path)
            if isinstance(content, dict) and "annotations" in content:
                return "coco"
            if isinstance(content, dict) and "images" in content:
                return "karpathy"
    elif tables.find(path, "Flickr8k.token.txt", missing_ok=True):
        return "flickr8k"
    elif _coco_files(path):
        return "coco"
    elif tables.find(path, "dataset*.json", missing_ok=True):
        return "karpathy"
    raise CnnRnnError(
        f"no known layout in {path}",
        "Flickr8k, COCO or Karpathy files, or a .csv or .jsonl with image and caption",
    )
