"""Which examples are trained on, which choose the best epoch, and which are only scored.

A split that is drawn here depends on names alone, through their hash: the same files are divided
in the same way everywhere, in whatever order they are listed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np

from cnnrnn.errors import CnnRnnError

SPLITS = ("train", "val", "test")
SPLIT_NAMES = {name: name for name in SPLITS} | {
    "dev": "val", "valid": "val", "validation": "val", "restval": "train",
}  # fmt: skip
_VAL_SHARE = _TEST_SHARE = 10  # percent, for data that comes without splits


def split_of(given: object, name: str) -> str:
    """The split that a data file gives `name`; drawn where it says nothing.

    Raises:
        CnnRnnError: no such split.
    """
    return drawn_split(name) if given in (None, "") else split_word(given, name)


def common_split(given: Iterable[object], name: str, file: object) -> str:
    """The one split that all rows of `file` give `name`; drawn where they say nothing.

    Raises:
        CnnRnnError: no such split, or several.
    """
    found = list(dict.fromkeys(split_of(each, name) for each in given))
    if len(found) > 1:
        raise CnnRnnError(f"{name} is in the splits {found[0]} and {found[1]} of {file}")
    return found[0]


def split_word(given: object, name: str) -> str:
    """The split of `name` by any of its usual words: `dev` is `val`.

    Raises:
        CnnRnnError: no such split.
    """
    split = SPLIT_NAMES.get(str(given).strip().lower())
    if split is None:
        raise CnnRnnError(f"unknown split {given!r} of {name}", f"use {', '.join(SPLITS)}")
    return split


def drawn_split(name: str) -> str:
    """80 % train, 10 % val, 10 % test, by the hash of the name."""
    percent = hashed(name) % 100
    if percent < _TEST_SHARE:
        return "test"
    return "val" if percent < _TEST_SHARE + _VAL_SHARE else "train"


def hashed(name: str) -> int:
    """A number below 2**32 that depends on the name alone."""
    digest = hashlib.blake2b(name.encode("utf-8", "surrogateescape"), digest_size=4).digest()
    return int.from_bytes(digest, "big")


def hold_out(
    count: int, holdout: int, seed: int, unit: str = "pictures"
) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the training examples that are trained on, and of those kept aside.

    Args:
        count: all training examples.
        holdout: how many are kept aside.
        seed: of the draw.
        unit: what an example is called, in the plural.

    Raises:
        CnnRnnError: nothing would be left to train on.
    """
    if count <= holdout:
        raise CnnRnnError(
            f"{count} training {unit}, and {holdout} are to be kept aside",
            f"lower --holdout or bring more {unit}",
        )
    order = np.random.default_rng([seed, 0]).permutation(count)
    return np.sort(order[holdout:]), np.sort(order[:holdout])


def grouped_split(
    labels: Sequence[str], groups: Sequence[str], share: float, taken: Sequence[bool] = ()
) -> np.ndarray:
    """Choose whole groups until about a share of every label is chosen.

    Groups are tried in the order of their hashes; a group is chosen where it brings some label
    nearer to its share than it takes others beyond theirs. Without groups (each example its own)
    this is a stratified draw.

    Args:
        labels, groups: of each of the N examples.
        share: of the examples of a label, 0 to 1.
        taken: (N,) bool, examples that were given away before and count only for the share.

    Returns:
        bool (N,). At least one group is left where there are two or more.
    """
    taken = np.asarray(taken, bool) if len(taken) else np.zeros(len(labels), bool)
    names, kinds, counts, group_of = _counted(labels, groups)
    wanted = share * counts.sum(0)
    used = np.zeros(len(names), bool)
    used[group_of[taken]] = True
    order = sorted(np.flatnonzero(~used), key=lambda group: (hashed(names[group]), names[group]))
    have = np.zeros(len(kinds))
    chosen: list[int] = []
    for group in order[:-1]:
        if np.abs(wanted - have - counts[group]).sum() < np.abs(wanted - have).sum():
            have += counts[group]
            chosen.append(group)
    if not chosen and len(order) > 1:
        chosen = order[:1]
    return np.isin(group_of, chosen)


def _counted(labels: Sequence[str], groups: Sequence[str]) -> tuple:
    """Group names (G,), label names (L,), examples (G, L), and the group number of each (N,)."""
    names, group_of = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    kinds, codes = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    counts = np.zeros((len(names), len(kinds)), np.int64)
    np.add.at(counts, (group_of, codes), 1)
    return names.tolist(), kinds, counts, group_of


def folds(labels: Sequence[str], groups: Sequence[str], count: int, seed: int = 0) -> np.ndarray:
    """Divide examples into folds: whole groups, each label as even as they allow.

    With as many folds as groups each fold is one group (leave one subject out).

    Args:
        labels, groups: of each of the N examples.
        count: of folds, at least 2.
        seed: of the draw.

    Returns:
        int (N,), the fold of each example, from 0.

    Raises:
        CnnRnnError: fewer groups than folds.
    """
    names, kinds, counts, group_of = _counted(labels, groups)
    if count < 2 or len(names) < count:
        raise CnnRnnError(f"{len(names)} groups cannot make {count} folds", "2 to that many")
    order = np.random.default_rng(seed).permutation(len(names))
    # Large groups first: the small ones even out what they leave. The sort is stable.
    order = order[np.argsort(-counts[order].sum(1), kind="stable")]
    have = np.zeros((count, len(kinds)))
    fold_of = np.zeros(len(names), np.int64)
    for place, group in enumerate(order):
        # A fold that has much of the group's labels, then one that has much of all, waits.
        load = (have * counts[group]).sum(1) + 1e-3 * have.sum(1)
        best = place if place < count else int(np.argmin(load))
        fold_of[group] = best
        have[best] += counts[group]
    return fold_of[group_of]
