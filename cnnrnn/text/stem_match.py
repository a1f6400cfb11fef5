"""`StemMatch`: a score of one phrase against others by equal words and equal stems.

It stands in where METEOR's program cannot run, and it is not METEOR: it knows no synonyms, no
paraphrases and no function words, so its figures are other ones and carry this name. The formulas
are those of METEOR (Denkowski and Lavie 2014) with its parameters for English:

    m    = 1 * equal words + 0.6 * equal stems                      matched words of each side
    P    = m / words of the hypothesis,  R = m / words of the reference
    F    = P R / (alpha P + (1 - alpha) R)
    score = F (1 - gamma (chunks / matches) ** beta)

A chunk is a run of matches in the same order on both sides; a hypothesis that is its reference
has no penalty. Words are matched one to one, equal ones first, neighbours of matches before
others. Of several references the best counts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnrnn.text.stems import stem

KEY = "StemMatch"
_ALPHA, _BETA, _GAMMA = 0.85, 0.2, 0.6  # METEOR's for English
_STEM = 0.6


def scores(references: Sequence[Sequence[str]], hypotheses: Sequence[str]) -> np.ndarray:
    """The score of each hypothesis, 0 to 1.

    Args:
        references: for each hypothesis one or more texts of space-separated tokens.
        hypotheses: texts of space-separated tokens.

    Returns:
        float64 (N,).
    """
    known: dict[tuple[str, str], float] = {}
    found = np.zeros(len(hypotheses))
    for number, (texts, said) in enumerate(zip(references, hypotheses, strict=True)):
        for text in texts:
            pair = text, said
            if pair not in known:
                known[pair] = _score(text.split(), said.split())
            found[number] = max(found[number], known[pair])
    return found


def _score(reference: list[str], hypothesis: list[str]) -> float:
    if not reference or not hypothesis:
        return 0.0
    if reference == hypothesis:
        return 1.0
    partner = [-1] * len(hypothesis)
    taken = [False] * len(reference)
    weight = 0.0
    for share, form in ((1.0, lambda word: word), (_STEM, stem)):
        weight += share * _match([*map(form, reference)], [*map(form, hypothesis)], partner, taken)
    matches = sum(place >= 0 for place in partner)
    if not matches:
        return 0.0
    precision, recall = weight / len(hypothesis), weight / len(reference)
    mean = precision * recall / (_ALPHA * precision + (1 - _ALPHA) * recall)
    return mean * (1 - _GAMMA * (_chunks(partner) / matches) ** _BETA)


def _match(
    reference: list[str], hypothesis: list[str], partner: list[int], taken: list[bool]
) -> int:
    """Pair equal words that are still free; returns how many pairs were made."""
    made = 0
    for place, word in enumerate(hypothesis):
        if partner[place] >= 0:
            continue
        free = [at for at, other in enumerate(reference) if other == word and not taken[at]]
        if not free:
            continue
        # The word after the partner of the word before continues its chunk.
        wanted = partner[place - 1] + 1 if place and partner[place - 1] >= 0 else place
        chosen = min(free, key=lambda at, wanted=wanted: abs(at - wanted))
        partner[place], taken[chosen] = chosen, True
        made += 1
    return made


def _chunks(partner: list[int]) -> int:
    runs, before = 0, None
    for place in partner:
        if place >= 0 and (before is None or place != before + 1):
            runs += 1
        before = place if place >= 0 else None
    return runs
