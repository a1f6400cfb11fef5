"""What is true of a clip, and what a text tells of it: as in `facts`, and what happens.

    action      (label,)                        a door opens

The other facts are the objects and colours of its things, be they still or not.
"""

from __future__ import annotations

import re
from functools import cache

from cnnrnn.scenes.clips import Clip
from cnnrnn.scenes.facts import Fact, told
from cnnrnn.scenes.retelling import CLAUSES

_NAME = r"(?:a|an|the) [a-z ]+"


def clip_facts(clip: Clip) -> set[Fact]:
    """What is true of a clip."""
    found = {Fact("action", (clip.label,))}
    for thing in clip.scene.things:
        found |= {Fact("object", (thing.kind,)), Fact("colour", (thing.colour, thing.kind))}
    return found


def told_of_clip(text: str) -> set[Fact]:
    """What a text tells that is worded as the captions of this world's clips are."""
    happens = {Fact("action", (label,)) for label, clause in _patterns() if clause.search(text)}
    return told(text) | happens


@cache
def _patterns() -> list[tuple[str, re.Pattern]]:
    """Every way to say that something happens."""
    return [
        (label, re.compile(rf"\b{clause.format(a=_NAME, b=_NAME)}\b"))
        for label, clauses in CLAUSES.items()
        for clause in clauses
    ]
