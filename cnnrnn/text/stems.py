"""Words without their endings: the stemmer of Porter (1980), "An algorithm for suffix stripping".

    caresses -> caress    ponies -> poni    running -> run    relational -> relat

In a word c stands for consonants and v for vowels in a row; its measure m counts the pairs in
[c](vc)^m[v]. A rule takes off an ending where what is left fulfils its condition. The rules are
English; other words mostly stay as they are.
"""

from __future__ import annotations

from functools import lru_cache

_VOWELS = "aeiou"

# Ending -> what takes its place, where m > 0 (steps 2 and 3). The longest ending decides.
_STEP_2 = {
    "ational": "ate", "tional": "tion", "enci": "ence", "anci": "ance", "izer": "ize",
    "abli": "able", "alli": "al", "entli": "ent", "eli": "e", "ousli": "ous", "ization": "ize",
    "ation": "ate", "ator": "ate", "alism": "al", "iveness": "ive", "fulness": "ful",
    "ousness": "ous", "aliti": "al", "iviti": "ive", "biliti": "ble",
}  # fmt: skip
_STEP_3 = {
    "icate": "ic", "ative": "", "alize": "al", "iciti": "ic", "ical": "ic", "ful": "", "ness": "",
}  # fmt: skip
# Taken off where m > 1 (step 4); `ion` only after s or t.
_STEP_4 = (
    "ement", "ance", "ence", "able", "ible", "ment", "ant", "ent", "ion", "ism", "ate", "iti",
    "ous", "ive", "ize", "al", "er", "ic", "ou",
)  # fmt: skip


@lru_cache(maxsize=65536)
def stem(word: str) -> str:
    """The stem of a lower-case word; words of one or two letters are their own."""
    if len(word) <= 2:
        return word
    word = _step_1(word)
    word = _replaced(word, _STEP_2)
    word = _replaced(word, _STEP_3)
    return _step_5(_step_4(word))


def _consonant(word: str, place: int) -> bool:
    letter = word[place]
    if letter in _VOWELS:
        return False
    # y is a vowel after a consonant: `syzygy`, but `toy`.
    return letter != "y" or place == 0 or not _consonant(word, place - 1)


def _kinds(word: str) -> str:
    """`v` and `c`, one for each letter."""
    return "".join("c" if _consonant(word, place) else "v" for place in range(len(word)))


def _measure(word: str) -> int:
    return _kinds(word).count("vc")


def _short(word: str) -> bool:
    """Ends in consonant, vowel, consonant, the last not w, x or y: `hop`, not `snow`."""
    return len(word) >= 3 and _kinds(word).endswith("cvc") and word[-1] not in "wxy"


def _double(word: str) -> bool:
    return len(word) >= 2 and word[-1] == word[-2] and _consonant(word, len(word) - 1)


def _step_1(word: str) -> str:
    """Plurals, -ed and -ing, and y after a vowel."""
    if word.endswith(("sses", "ies")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith("ss"):
        word = word[:-1]
    if word.endswith("eed"):
        if _measure(word[:-3]) > 0:
            word = word[:-1]
    else:
        for ending in ("ed", "ing"):
            if word.endswith(ending) and "v" in _kinds(word[: -len(ending)]):
                word = _mended(word[: -len(ending)])
                break
    if word.endswith("y") and "v" in _kinds(word[:-1]):
        word = word[:-1] + "i"
    return word


def _mended(word: str) -> str:
    """What is left of -ed and -ing: `conflat` gets its e back, `hopp` loses a p."""
    if word.endswith(("at", "bl", "iz")):
        return word + "e"
    if _double(word) and word[-1] not in "lsz":
        return word[:-1]
    if _measure(word) == 1 and _short(word):
        return word + "e"
    return word


def _replaced(word: str, endings: dict[str, str]) -> str:
    for ending in sorted(endings, key=len, reverse=True):
        if word.endswith(ending):
            left = word[: -len(ending)]
            return left + endings[ending] if _measure(left) > 0 else word
    return word


def _step_4(word: str) -> str:
    for ending in _STEP_4:
        if word.endswith(ending):
            left = word[: -len(ending)]
            fits = ending != "ion" or left.endswith(("s", "t"))
            return left if fits and _measure(left) > 1 else word
    return word


def _step_5(word: str) -> str:
    """A last e and a double l."""
    if word.endswith("e"):
        left = word[:-1]
        if _measure(left) > 1 or (_measure(left) == 1 and not _short(left)):
            word = left
    if word.endswith("ll") and _measure(word[:-1]) > 1:
        word = word[:-1]
    return word
