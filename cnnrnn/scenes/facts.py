"""What is true of a scene, and what a text tells of it, as facts that can be counted.

    object      (kind)                          there is a dog
    colour      (colour, kind)                  there is a red dog
    part        (part, kind)                    a dog's head can be seen
    relation    (kind, relation, kind)          a dog in a basket

`facts` has what can be said of a scene by sight: as with regions, mostly hidden things and parts
count for nothing. `told` reads texts that are worded as this world's captions and region phrases
are.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import NamedTuple

from cnnrnn.scenes import sketches
from cnnrnn.scenes.draw import layout
from cnnrnn.scenes.regions import PART_SHOWN, SMALLEST, THING_SHOWN, shorter_side
from cnnrnn.scenes.wording import OTHER_NAMES, RELATION_WORDS, YOUNG, plural
from cnnrnn.scenes.world import ALL_KINDS, COLOURS, Scene

GROUPS = ("object", "colour", "part", "relation")
_ARTICLES = ("a", "an", "the")
_IRREGULAR = {"leaves": "leaf", "antennae": "antenna"}


class Fact(NamedTuple):
    """One thing that is so. group: one of GROUPS; words: see above."""

    group: str
    words: tuple[str, ...]


class _Noun(NamedTuple):
    """A thing in a text: its kind and colour ("" for none), and its tokens [first, last]."""

    kind: str
    colour: str
    first: int
    last: int


@lru_cache(8192)  # a comparison asks of the same scenes for every model
def facts(scene: Scene, shown: float = THING_SHOWN) -> frozenset[Fact]:
    """What is true of a scene.

    Args:
        shown: visible share of a thing, 0 to 1, from which it counts.
    """
    seen = layout(scene)
    found = set()
    for thing, share in zip(scene.things, seen.shown, strict=True):
        if share >= shown:
            found |= {Fact("object", (thing.kind,)), Fact("colour", (thing.colour, thing.kind))}
    for index, part, box, share in seen.part_boxes:
        # The conditions under which a part is a region.
        visible = share >= PART_SHOWN and seen.shown[index] >= THING_SHOWN
        if visible and shorter_side(box) >= SMALLEST:
            found.add(Fact("part", (part, scene.things[index].kind)))
    for thing, relation, anchor in scene.related():
        pair = [seen.shown[scene.things.index(each)] for each in (thing, anchor)]
        if min(pair) >= shown:
            found.add(Fact("relation", (thing.kind, relation, anchor.kind)))
    return frozenset(found)


def told(text: str) -> set[Fact]:
    """What a text tells."""
    tokens = text.split()
    nouns = _nouns(tokens)
    found = set()
    for noun in nouns:
        found.add(Fact("object", (noun.kind,)))
        if noun.colour:
            found.add(Fact("colour", (noun.colour, noun.kind)))
    for place, token in enumerate(tokens):
        part = _singular(token)
        owner = _owner(tokens, nouns, place)
        if owner and part in sketches.parts(owner.kind):
            found.add(Fact("part", (part, owner.kind)))
    for one, other in zip(nouns, nouns[1:], strict=False):
        if relation := _relation(tokens, one, other):
            found.add(Fact("relation", relation))
    return found


def _nouns(tokens: list[str]) -> list[_Noun]:
    names, found, first = _names(), [], 0
    for place, token in enumerate(tokens):
        if token in _ARTICLES or token in ("with", "of", "and"):
            first = place
        elif token in names:
            colours = [word for word in tokens[first:place] if word in COLOURS]
            found.append(_Noun(names[token], colours[-1] if colours else "", first, place))
            first = place + 1
    return found


@cache
def _names() -> dict[str, str]:
    """The kind that each name of a thing means."""
    names = {kind: kind for kind in ALL_KINDS}
    names |= {plural(kind): kind for kind in ALL_KINDS}
    return names | {name: kind for more in (YOUNG, OTHER_NAMES) for kind, name in more.items()}


def _owner(tokens: list[str], nouns: list[_Noun], place: int) -> _Noun | None:
    """Whose part a token may name: `roof of a house` that which follows, else what was named."""
    if tokens[place + 1 : place + 2] == ["of"]:
        return next((noun for noun in nouns if noun.last > place), None)
    return next((noun for noun in reversed(nouns) if noun.last < place), None)


def _singular(token: str) -> str:
    return _IRREGULAR.get(token, token.removesuffix("s"))


def _relation(tokens: list[str], one: _Noun, other: _Noun) -> tuple[str, str, str] | None:
    """`a dog in a basket`, `a basket with a dog in it`; None where nothing is said."""
    between = " ".join(tokens[one.last + 1 : other.first])
    if tokens[other.last + 1 : other.last + 3] == ["in", "it"]:
        return other.kind, "in", one.kind
    wordings = [(words, relation) for relation, many in RELATION_WORDS.items() for words in many]
    # The longest first: `on` ends no wording of `on top of`, but `of` begins many things.
    for words, relation in sorted(wordings, key=lambda pair: -len(pair[0])):
        if f" {between}".endswith(f" {words}"):
            return one.kind, relation, other.kind
    return None


def possible(scene: Scene) -> set[Fact]:
    """All that may truly be said of a scene: also of what is mostly hidden, and of every part of
    what is there."""
    kinds = {thing.kind for thing in scene.things}
    parts = {Fact("part", (part, kind)) for kind in kinds for part in sketches.parts(kind)}
    return facts(scene, 0.0) | parts
