"""The splits: sizes, random numbers of each scene, and which combinations belong to which split.

A combination is (kind, colour, relation), e.g. a red dog *in* something. Of the eight colours of
each (kind, relation), one belongs to `val`, one to `test` and six to `train`, shifted from kind to
kind and from relation to relation as in a Latin square. A kind in a colour is seen in every split;
what it does in that colour is new.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from cnnrnn.errors import CnnRnnError
from cnnrnn.scenes.world import ALL_KINDS, COLOURS, RELATIONS, Scene

# A change of drawing or wording bumps it; caches and shipped models name the version they are of.
VERSION = 1
SPLITS = ("train", "val", "test")
SIZES = {"train": 4000, "val": 500, "test": 1000}


def generator(split: str, index: int) -> np.random.Generator:
    """The random numbers of one scene: depend on VERSION, split and index alone."""
    check(split, index)
    return np.random.default_rng([VERSION, SPLITS.index(split), index])


def check(split: str, index: int = 0) -> None:
    """Refuse a split or an index that does not exist."""
    if split not in SPLITS:
        raise CnnRnnError(
            f"the built-in data set has no split {split!r}", f"splits: {', '.join(SPLITS)}"
        )
    if index < 0:
        raise CnnRnnError(f"scene numbers start at 0, not {index}", "for example scenes:0")


def split_of(kind: str, colour: str, relation: str) -> str:
    """The split that a combination belongs to."""
    return split_at(kind, colour, RELATIONS.index(relation))


def split_at(kind: str, colour: str, shift: int) -> str:
    """The split of a kind in a colour in the Latin square that is shifted by `shift`."""
    place = list(ALL_KINDS).index(kind) + list(COLOURS).index(colour) + shift
    return {0: "val", 4: "test"}.get(place % len(COLOURS), "train")


@cache
def colours_of(kind: str, relation: str | None, split: str) -> tuple[str, ...]:
    """The colours that a kind may have in a relation in a split; all of them without a relation."""
    if relation is None:
        return tuple(COLOURS)
    return tuple(c for c in COLOURS if split_of(kind, c, relation) == split)


def combinations(scene: Scene) -> set[tuple[str, str, str]]:
    """The (kind, colour, relation) of every thing in a scene that has a relation."""
    return {(thing.kind, thing.colour, relation) for thing, relation, _ in scene.related()}
