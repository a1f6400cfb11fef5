"""Which script a text is written in, and of Latin text which language."""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import lru_cache

# The first word of a letter's Unicode name; one text mixes those that are called alike here.
_CALLED = {
    "CJK": "Chinese or Japanese",
    "HIRAGANA": "Chinese or Japanese",
    "KATAKANA": "Chinese or Japanese",
    "BOPOMOFO": "Chinese or Japanese",
    "HANGUL": "Korean",
}
# Scripts whose words no space parts.
SPACELESS = frozenset({"Chinese or Japanese", "Thai", "Lao", "Khmer", "Myanmar", "Tibetan"})
# Small words that among these languages are of one alone.
_SMALL_WORDS = {
    "English": "the on of with and at by from there while it two his her their",
    "French": "le les du dans sur est avec et deux une aux sont près",
    "German": "der das ein eine einen einem einer auf mit und ist zwei vor sitzt",
    "Spanish": "el los las y está por dos sobre junto",
    "Italian": "il gli di nel nella sono due della è sul sulla",
    "Portuguese": "os um uma dois com está na são perto ao",
    "Dutch": "het een twee zijn naar voor aan staat zit",
}
_LANGUAGES: dict[str, set[str]] = {}
for _name, _text in _SMALL_WORDS.items():
    for _word in _text.split():
        _LANGUAGES.setdefault(_word, set()).add(_name)


def language_of(text: str) -> str:
    """The language of a text in Latin letters, by its small words; "" where they do not tell."""
    counted = Counter(
        name
        for word in text.lower().split()
        if len(names := _LANGUAGES.get(word, ())) == 1
        for name in names
    )
    return counted.most_common(1)[0][0] if counted else ""


def script_of(text: str) -> str:
    """The script of most of a text's letters, such as `Latin`; "" where it has no letters."""
    if text.isascii():  # as most texts are: the same, sooner
        return "Latin" if any(map(str.isalpha, text)) else ""
    # Wide and narrow forms are letters of their own in Unicode, but for this.
    letters = filter(str.isalpha, unicodedata.normalize("NFKC", text))
    counted = Counter(map(_script, letters))
    return counted.most_common(1)[0][0] if counted else ""


@lru_cache(maxsize=4096)
def _script(letter: str) -> str:
    first = unicodedata.name(letter, "OTHER").split()[0]
    return _CALLED.get(first, first.capitalize())
