"""Pictures and their captions, from whatever files a person has.

Every reader of `layouts` gives the same list of `Example`s; nothing after this module knows where
they came from.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from cnnrnn import scenes
from cnnrnn.caption.layouts import READERS, SPLITS, Example, detect
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.media.sources import Source

BUILT_IN = "scenes"


@dataclass
class CaptionData:
    """The examples of one data set.

    name: what runs are named after.
    format: the reader that was used.
    notes: what was repaired or left out, one line each.
    """

    name: str
    format: str
    examples: list[Example]
    notes: list[str] = field(default_factory=list)

    def split(self, name: str) -> list[Example]:
        """The examples of one split, or of all with `all`.

        Raises:
            CnnRnnError: it is empty.
        """
        if name not in (*SPLITS, "all"):
            raise UsageError(f"no split {name!r}", f"one of {', '.join(SPLITS)}, all")
        found = [each for each in self.examples if name in (each.split, "all")]
        if not found:
            sizes = Counter(each.split for each in self.examples)
            there = ", ".join(f"{split} {sizes[split]}" for split in SPLITS if sizes[split])
            raise CnnRnnError(f"{self.name} has no pictures in the split {name!r}", f"has {there}")
        return found

    def fingerprint(self) -> str:
        """Digest of all names, captions and splits."""
        digest = hashlib.blake2b(digest_size=16)
        for each in self.examples:
            line = json.dumps([each.id, each.captions, each.split])
            digest.update(line.encode("utf-8", "surrogateescape"))
        return digest.hexdigest()


def load(data: str, format: str = "auto", limit: int | None = None) -> CaptionData:
    """Read pictures and captions.

    Args:
        data: `scenes`, a folder or a file.
        format: a key of `layouts.READERS`, or `auto`.
        limit: at most so many pictures of each split, the first ones.

    Raises:
        CnnRnnError: nothing there, no known layout, a damaged file, or no captions at all.
    """
    if data == BUILT_IN and format in ("auto", BUILT_IN):
        found = _scenes(limit)
    else:
        path = Path(data).expanduser()
        if not path.exists():
            raise CnnRnnError(f"no data at {data}", "give a folder, a file, or `scenes`")
        format = detect(path) if format == "auto" else format
        found = CaptionData(path.resolve().stem, format, [])
        found.examples = _cleaned(_read(path, format), found.notes)
    if not found.examples:
        raise CnnRnnError(f"no captions in {data} (read as {found.format})", "check --format")
    if limit:
        found.examples = _limited(found.examples, limit)
    return found


def _read(path: Path, format: str) -> list[Example]:
    """What a reader finds; the many ways in which a file can be another are one failure."""
    try:
        return list(READERS[format](path))
    except KeyError as error:
        reason = f"an entry has no {error}"
    except (AttributeError, TypeError, csv.Error) as error:
        reason = str(error)
    except OSError as error:
        reason = error.strerror or str(error)
    raise CnnRnnError(f"cannot read {path} as {format}: {reason}", "check the file and --format")


def _limited(examples: list[Example], limit: int) -> list[Example]:
    taken: Counter = Counter()
    kept = []
    for each in examples:
        taken[each.split] += 1
        if taken[each.split] <= limit:
            kept.append(each)
    return kept


def _cleaned(examples: Iterable[Example], notes: list[str]) -> list[Example]:
    """Without empty captions and without pictures that then have none."""
    kept, empty, bare, garbled = [], 0, 0, 0
    for each in examples:
        captions = tuple(" ".join(text.split()) for text in each.captions)
        captions = tuple(text for text in captions if text)
        empty += len(each.captions) - len(captions)
        bare += not captions
        garbled += sum("\ufffd" in text for text in captions)  # what a failed decoding leaves
        if captions:
            kept.append(Example(each.id, each.source, captions, each.split))
    if empty:
        notes.append(f"{empty} empty captions left out")
    if bare:
        notes.append(f"{bare} pictures without captions left out")
    if garbled:
        notes.append(f"{garbled} captions are not UTF-8; the unreadable letters were lost")
    return kept


def _scenes(limit: int | None) -> CaptionData:
    examples = []
    for split in SPLITS:
        for index in range(min(limit or scenes.SIZES[split], scenes.SIZES[split])):
            name = f"scenes:{split}:{index}"
            captions = tuple(scenes.captions(scenes.scene(split, index)))
            source = Source(name=name, scene=(split, index))
            examples.append(Example(name, source, captions, split))
    return CaptionData(BUILT_IN, BUILT_IN, examples)
