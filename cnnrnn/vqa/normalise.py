"""Answers made alike before they are compared, exactly as the official VQA program does.

That program (Antol et al. 2015, vqaEval.py of 2021) is followed in its oddities too, for published
figures hold them: an apostrophe is put back into `dont` but not into `im`; punctuation vanishes
beside a space and becomes one elsewhere, but always vanishes where the answer has a number such as
1,000; of full stops only the first 32 are taken out, and none before a digit.
"""

from __future__ import annotations

import re
from functools import lru_cache

_PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'
_COMMA = re.compile(r"\d,\d")
_FULL_STOP = re.compile(r"\.(?!\d)")
_MOST_STOPS = 32
_NUMBERS = {
    word: str(number)
    for number, word in enumerate("zero one two three four five six seven eight nine ten".split())
} | {"none": "0"}
_ARTICLES = ("a", "an", "the")
# Contractions that are recognised without their apostrophe ...
_SHORT = (
    "ain't aren't can't could've couldn't didn't doesn't don't hadn't hasn't haven't he'd he's "
    "how'd how'll how's isn't it'd it'll ma'am mightn't might've mustn't must've needn't not've "
    "o'clock oughtn't shan't should've shouldn't somebody'll somebody's someone'd someone'll "
    "someone's something'd something'll that's there'd there're there's they'd they'll they're "
    "they've 'twas wasn't we've weren't what'll what're what's what've when's where'd where's "
    "where've who'd who'll who's who've why'll why're why's won't would've wouldn't y'all you'd "
    "you'll you're you've"
).split()
# ... and those that are where one of several apostrophes is missing.
_LONG = (
    "couldn't've hadn't've he'd've it'd've mightn't've 'ow's'at she'd've shouldn't've "
    "somebody'd've someone'd've something'd've there'd've they'd've we'd've who'd've wouldn't've "
    "y'all'll y'all'd've you'd've"
).split()
_CONTRACTIONS = (
    {word.replace("'", ""): word for word in _SHORT}
    | {word[:at] + word[at + 1 :]: word for word in _LONG for at in range(len(word))
       if word[at] == "'"}
    | {"somebody'd": "somebodyd"}
)  # fmt: skip


def stripped(answer: str) -> str:
    """An answer on one line without the space around it: all that is done where people agree."""
    return answer.replace("\n", " ").replace("\t", " ").strip()


@lru_cache(maxsize=1 << 16)
def normalised(answer: str) -> str:
    """An answer without case, punctuation and articles, numbers up to ten as digits."""
    answer = stripped(answer)
    everywhere = _COMMA.search(answer) is not None
    text = answer
    for mark in _PUNCTUATION:
        if mark in text:
            beside = f"{mark} " in answer or f" {mark}" in answer
            text = text.replace(mark, "" if beside or everywhere else " ")
    text = _FULL_STOP.sub("", text, count=_MOST_STOPS)
    words = (_NUMBERS.get(word, word) for word in text.lower().split())
    return " ".join(_CONTRACTIONS.get(word, word) for word in words if word not in _ARTICLES)
