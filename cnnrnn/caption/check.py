"""The look at the data before anything is trained on it."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field

from cnnrnn.caption.data import SPLITS, CaptionData, Example
from cnnrnn.errors import CnnRnnError
from cnnrnn.text.tokenizer import Tokenizer
from cnnrnn.text.vocabulary import Vocabulary

MAX_WORDS = 30  # longer captions are cut: they would make every sentence of their batch as long
_CONSTANT_SHARE = 0.5
_UNKNOWN_SHARE = 0.05
_NAMED = 3  # how many offenders a line names


@dataclass
class Check:
    """What the look at the data found.

    rows: (what, value) pairs for a table.
    warnings: one line each; training goes on.
    missing: pictures of which there is no file, by name.
    """

    rows: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def check(data: CaptionData, vocabulary: Vocabulary) -> Check:
    """Count and compare; reads names and sizes of files, not their pixels.

    Args:
        data: all splits.
        vocabulary: of the training captions.

    Raises:
        CnnRnnError: there is nothing to train on.
    """
    found = Check(warnings=list(data.notes))
    sizes = Counter(each.split for each in data.examples)
    captions = [text for each in data.examples for text in each.captions]
    if not sizes["train"]:
        raise CnnRnnError(f"{data.name} has no training pictures", "check the column split")
    found.rows += [(f"pictures {split}", str(sizes[split])) for split in SPLITS]
    each_has = len(captions) / len(data.examples)
    found.rows.append(("captions", f"{len(captions)} ({each_has:.1f} each)"))
    _check_files(data.examples, found)
    _check_sides(data.examples, found)
    _check_words(data, vocabulary, found)
    text, times = Counter(captions).most_common(1)[0]
    if times > 1 and times > _CONSTANT_SHARE * len(captions):
        found.warnings.append(f"{times} of {len(captions)} captions are the same: {text[:60]!r}")
    for split in SPLITS[1:]:
        if not sizes[split]:
            found.warnings.append(f"no pictures in the split {split}: nothing to evaluate there")
    return found


def _check_files(examples: list[Example], found: Check) -> None:
    """Missing files, and files the data names twice."""
    for each in examples:
        path = each.source.path
        if each.source.problem or (path is not None and not os.path.isfile(path)):
            found.missing.append(each.source.name)
    if found.missing:
        found.rows.append(("pictures missing", str(len(found.missing))))
        found.warnings.append(f"{len(found.missing)} pictures are missing: {named(found.missing)}")


def _check_sides(examples: list[Example], found: Check) -> None:
    """The same picture (by size, then by content) in two splits."""
    by_size: dict[int, list[Example]] = {}
    for each in examples:
        if each.source.path is not None and os.path.isfile(each.source.path):
            by_size.setdefault(os.path.getsize(each.source.path), []).append(each)
    by_key: dict[str, list[Example]] = {}
    for group in by_size.values():
        if len({each.split for each in group}) > 1:
            for each in group:
                try:
                    by_key.setdefault(each.source.key(), []).append(each)
                except CnnRnnError:
                    continue  # the extraction will report it
    both = [
        " = ".join(each.source.name for each in group)
        for group in by_key.values()
        if len({each.split for each in group}) > 1
    ]
    if both:
        found.rows.append(("pictures on two sides", str(len(both))))
        found.warnings.append(f"{len(both)} pictures are in two splits: {named(both)}")


def _check_words(data: CaptionData, vocabulary: Vocabulary, found: Check) -> None:
    tokenizer = Tokenizer(vocabulary.tokenizer)
    found.rows.append(("vocabulary", f"{len(vocabulary)} words"))
    long = 0
    for split in SPLITS:
        here = [each for each in data.examples if each.split == split]
        if not here:
            continue
        # Cut into words twice, for the words of all captions at once would fill the memory.
        long += sum(len(tokenizer(text)) > MAX_WORDS for each in here for text in each.captions)
        rate = vocabulary.unknown_rate(tokenizer(text) for each in here for text in each.captions)
        found.rows.append((f"unknown words {split}", f"{rate:.2%}"))
        if rate > _UNKNOWN_SHARE:
            found.warnings.append(
                f"{rate:.0%} of the words in {split} are not in the vocabulary "
                "(a smaller --min-count knows more words)"
            )
    if long:
        found.warnings.append(f"{long} captions are longer than {MAX_WORDS} words and are cut")


def named(names: list[str]) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
