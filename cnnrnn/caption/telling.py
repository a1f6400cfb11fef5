"""How much of what is true of a scene or a clip of the built-in world its caption tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from cnnrnn import scenes
from cnnrnn.caption.data import Example
from cnnrnn.scenes import clips
from cnnrnn.scenes.clip_facts import clip_facts, told_of_clip


def facts_told(examples: Sequence[Example], texts: Mapping[str, str]) -> np.ndarray | None:
    """The share of its facts that each caption tells, see `scenes.facts` and `scenes.clip_facts`.

    Args:
        examples: N pictures or clips.
        texts: their captions, by `Example.id`.

    Returns:
        (N,), 0 to 1; None where not all are of the built-in world.
    """
    if not all(each.source.scene or each.source.clip for each in examples):
        return None
    return np.array([_share(each, texts[each.id]) for each in examples])


def _share(example: Example, text: str) -> float:
    there = _facts(example.source.scene, example.source.clip)
    said = told_of_clip(text) if example.source.clip else scenes.told(text)
    return len(there & said) / max(len(there), 1)


# A comparison asks for the same test pictures once for each training.
@lru_cache(maxsize=2048)
def _facts(scene: tuple[str, int] | None, clip: tuple[str, int] | None) -> frozenset:
    """What is so in the one of the two that is given."""
    return frozenset(
        clip_facts(clips.clip(*clip)) if clip else scenes.facts(scenes.scene(*scene))
    )
