"""Which script a text is written in, by the names that Unicode gives its letters."""

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
