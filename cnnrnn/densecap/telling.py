"""How much of a picture is told by what is said of it, and how much of what is said is true.

Of a scene of the built-in world all facts are known, see `scenes.facts`: told is the share of them
that some phrase tells, true the share of what the phrases tell that is so. Other pictures have the
phrases of people: told is the share of these that some phrase is like (language score above
ALIKE), true the share of the phrases said that are like one of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from cnnrnn import scenes
from cnnrnn.densecap.layouts import Example
from cnnrnn.regions.metrics import language_scores

ALIKE = 0.5  # half the words of a phrase, in its order


@dataclass
class Telling:
    """Of N pictures.

    told, true: (N,), shares, see above, NaN where there is nothing to tell and where nothing is
        said. words: (N,), how many are said.
    groups: by group of facts, how many there are and how many are told, in all pictures.
    language: the score by which phrases were compared; "" for scenes.
    """

    told: np.ndarray
    true: np.ndarray
    words: np.ndarray
    groups: dict[str, tuple[int, int]] = field(default_factory=dict)
    language: str = ""


def telling(
    examples: Sequence[Example], said: Sequence[Sequence[str]], java: bool = True
) -> Telling:
    """Compare what is said with what is there.

    Args:
        examples: N pictures, all of the built-in world or none.
        said: the phrases of each.
        java: take METEOR where Java is.
    """
    words = np.array([sum(len(phrase.split()) for phrase in each) for each in said], float)
    if all(each.source.scene for each in examples):
        return _of_scenes(examples, said, words)
    return _of_phrases(examples, said, words, java)


def _of_scenes(examples, said, words: np.ndarray) -> Telling:
    told, true = [], []
    there, known = Counter(), Counter()
    for example, phrases in zip(examples, said, strict=True):
        scene = scenes.scene(*example.source.scene)
        facts = scenes.facts(scene)
        claimed = set().union(*map(scenes.told, phrases))
        there.update(fact.group for fact in facts)
        known.update(fact.group for fact in facts & claimed)
        told.append(_share(facts & claimed, facts))
        true.append(_share(claimed & scenes.possible(scene), claimed))
    groups = {group: (there[group], known[group]) for group in scenes.GROUPS}
    return Telling(np.array(told), np.array(true), words, groups)


def _of_phrases(examples, said, words: np.ndarray, java: bool) -> Telling:
    pairs = [
        (region.phrase, phrase)
        for example, phrases in zip(examples, said, strict=True)
        for region in example.regions
        for phrase in phrases
    ]
    name, scores, _ = language_scores([[one] for one, _ in pairs], [two for _, two in pairs], java)
    told, true, first = [], [], 0
    for example, phrases in zip(examples, said, strict=True):
        shape = len(example.regions), len(phrases)
        alike = scores[first : first + shape[0] * shape[1]].reshape(shape) > ALIKE
        first += alike.size
        told.append(alike.any(axis=1).mean() if shape[0] else np.nan)
        true.append(alike.any(axis=0).mean() if shape[1] else np.nan)
    return Telling(np.array(told, float), np.array(true, float), words, language=name)


def _share(some: set, all_of_them: set) -> float:
    return len(some) / len(all_of_them) if all_of_them else np.nan
