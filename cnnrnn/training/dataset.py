"""The examples of a data set, whatever a task makes of them.

An example is any object with `id` (how files of predictions call it), `source` (a
`media.sources.Source`) and `split` (a word of `splits.SPLITS`).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from cnnrnn import console
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.training.splits import SPLITS


@dataclass
class DataSet:
    """The examples of one data set. A task's own names its `UNIT` and says its `facts`.

    name: what runs are named after.
    format: the reader that was used.
    notes: what was repaired or left out, one line each.
    """

    UNIT: ClassVar[str] = "examples"  # what an example is called, in the plural

    name: str
    format: str
    examples: list
    notes: list[str] = field(default_factory=list)

    def facts(self, example: Any) -> list:
        """All that is known of an example but its pixels, in JSON types."""
        return [example.id, example.split]

    def split(self, name: str) -> list:
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
            raise CnnRnnError(
                f"{self.name} has no {self.UNIT} in the split {name!r}", f"has {there}"
            )
        return found

    def tell_notes(self) -> None:
        """Tell what was repaired or left out; a training tells it with the rest of its check."""
        for note in self.notes:
            console.warn(note)

    def fingerprint(self) -> str:
        """Digest of the facts of all examples."""
        digest = hashlib.blake2b(digest_size=16)
        for each in self.examples:
            line = json.dumps(self.facts(each))
            digest.update(line.encode("utf-8", "surrogateescape"))
        return digest.hexdigest()


def limited(examples: Iterable, limit: int, kinds: Iterable[str] | None = None) -> list:
    """At most so many examples of each split: the first ones, of every kind in turn.

    Args:
        examples: in any order, which is kept.
        limit: of each split.
        kinds: of each example, such as its label; None where all are of one kind.
    """
    examples = list(examples)
    kinds = [""] * len(examples) if kinds is None else kinds
    ranked: dict[str, list[tuple[int, int]]] = {}
    taken: Counter = Counter()
    for place, (each, kind) in enumerate(zip(examples, kinds, strict=True)):
        ranked.setdefault(each.split, []).append((taken[each.split, kind], place))
        taken[each.split, kind] += 1
    kept = {place for ranks in ranked.values() for _, place in sorted(ranks)[:limit]}
    return [each for place, each in enumerate(examples) if place in kept]


def by_any_name(examples: Iterable) -> dict[str, Any]:
    """Examples by what a file of predictions may call them: id, file name, name without suffix."""
    found: dict[str, Any] = {}
    for each in examples:
        for name in (Path(each.id).stem, Path(each.id).name, each.id):
            found[name] = each
    return found


def tell_unmatched(strange: int, found: int, examples: Sequence, what: str, unit: str) -> None:
    """Tell how a file of predictions and the data differ.

    Args:
        strange: predictions that are of no example.
        found: examples that have a prediction.
        examples: all of them.
        what: what a prediction is called, in the singular.
        unit: what an example is called, in the plural.
    """
    if strange:
        console.warn(f"{strange} {what}s are of {unit} that the data does not have")
    if found < len(examples):
        console.warn(f"{len(examples) - found} of {len(examples)} {unit} have no {what}")
