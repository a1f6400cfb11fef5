"""The look at the data before anything is trained on it: what every task looks for."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cnnrnn import console
from cnnrnn.errors import CnnRnnError
from cnnrnn.text.tokenizer import Tokenizer
from cnnrnn.text.vocabulary import Vocabulary

_NAMED = 3  # how many offenders a line names
_UNKNOWN_SHARE = 0.05
_CONSTANT_SHARE = 0.5


@dataclass
class Check:
    """What the look at the data found.

    rows: (what, value) pairs for a table.
    warnings: one line each; training goes on.
    missing: examples of which there is no file, by name.
    """

    rows: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def tell(self) -> None:
        """Tell it to a person."""
        for what, value in self.rows:
            console.info(f"{what:<24}{value}")
        for warning in self.warnings:
            console.warn(warning)


def check_files(examples: Sequence, found: Check, unit: str) -> None:
    """Names without a file, and names that lead out of the data's folder.

    Args:
        examples: each with its `source`.
        found: what is found is added to it.
        unit: what an example is called, in the plural.
    """
    for each in examples:
        path = each.source.path
        if each.source.problem or (path is not None and not os.path.isfile(path)):
            found.missing.append(each.source.name)
    if found.missing:
        found.rows.append((f"{unit} missing", str(len(found.missing))))
        found.warnings.append(f"{len(found.missing)} {unit} are missing: {named(found.missing)}")


def check_sides(examples: Sequence, found: Check, unit: str) -> None:
    """The same file (by size, then by content) in two splits.

    Args:
        examples: each with its `source` and `split`; several may have one source.
        found: what is found is added to it.
        unit: what an example is called, in the plural.
    """
    by_size: dict[int, list] = {}
    for each in examples:
        path = each.source.path
        if path is not None and os.path.isfile(path):
            by_size.setdefault(os.path.getsize(path), []).append(each)
    by_key: dict[str, list] = {}
    for alike in by_size.values():
        if len({each.split for each in alike}) > 1:
            for each in alike:
                try:
                    by_key.setdefault(each.source.key(), []).append(each)
                except CnnRnnError:
                    continue  # the extraction will report it
    both = [
        " = ".join(dict.fromkeys(each.source.name for each in alike))
        for alike in by_key.values()
        if len({each.split for each in alike}) > 1
    ]
    if both:
        found.rows.append((f"{unit} on two sides", str(len(both))))
        found.warnings.append(f"{len(both)} {unit} are in two splits: {named(both)}")


def check_groups(examples: Sequence, found: Check) -> None:
    """Groups that are in training and on another side too.

    Args:
        examples: each with its `group`, "" where it is of none, and `split`.
        found: what is found is added to it.
    """
    sides: dict[str, set[str]] = {}
    for each in examples:
        if each.group:
            sides.setdefault(each.group, set()).add(each.split)
    if sides:
        found.rows.append(("groups", str(len(sides))))
    both = sorted(group for group, splits in sides.items() if "train" in splits and len(splits) > 1)
    if both:
        found.warnings.append(
            f"{len(both)} groups are in training and on another side too: {named(both)}"
        )


def check_sentences(
    texts: Mapping[str, Sequence[str]], vocabulary: Vocabulary, longest: int, found: Check,
    unit: str,
) -> None:
    """Words that the vocabulary lacks, sentences that are cut, and one that is said of everything.

    Args:
        texts: the sentences of each split.
        vocabulary: of those of the split train.
        longest: words after which a sentence is cut.
        found: what is found is added to it.
        unit: what a sentence is called, in the plural.
    """
    tokenizer, words = Tokenizer(vocabulary.tokenizer), vocabulary.tokenizer
    found.rows.append(("vocabulary", f"{len(vocabulary)} {words}"))
    long = 0
    for split, here in texts.items():
        if not here:
            continue
        # Cut into words twice, for the words of all sentences at once would fill the memory.
        long += sum(len(tokenizer(text)) > longest for text in here)
        rate = vocabulary.unknown_rate(tokenizer(text) for text in here)
        found.rows.append((f"unknown {words} {split}", f"{rate:.2%}"))
        if rate > _UNKNOWN_SHARE:
            hint = " (a smaller --min-count knows more words)" if vocabulary.min_count > 1 else ""
            found.warnings.append(
                f"{rate:.0%} of the {words} in {split} are not in the vocabulary{hint}"
            )
    if long:
        found.warnings.append(f"{long} {unit} are longer than {longest} {words} and are cut")
    counted = Counter(text for here in texts.values() for text in here)
    text, times = counted.most_common(1)[0]
    if times > 1 and times > _CONSTANT_SHARE * counted.total():
        found.warnings.append(f"{times} of {counted.total()} {unit} are the same: {text[:60]!r}")


def named(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
