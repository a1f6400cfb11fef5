"""Sentences to tokens and back, for models (metrics have their own rules: see `text.ptb`)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from cnnrnn.errors import UsageError

MODES = ("words", "characters")
# Tokens of a sentence that are read, in training, and that are said; a Chinese word has about two.
READ = {"words": 30, "characters": 60}
SAID = {"words": 20, "characters": 40}

_APOSTROPHES = str.maketrans("\u2018\u2019\u02bc\u2032\u0060\u00b4", "''''''")
_JOINERS = "'-.,:"
_B = rf"[^\s{re.escape(_JOINERS)}]"  # what words are made of, once `_Body` has run

# "dog 's", "do n't": some data sets (Flickr8k is one) come with the parts already cut apart.
_CUT_APART = re.compile(r"(?<=\w)\s+(?=(?:n't|'(?:s|re|ve|ll|d|m))(?![\w']))")
_WORD = re.compile(
    rf"(?<={_B})'s(?!{_B})"  # the possessive is a word of its own, as it is in those data sets
    rf"|{_B}+(?:(?:'(?!s(?!{_B}))|-|(?<=\d)[.,:](?=\d)){_B}+)*"  # don't  t-shirt  3.5  1,000  10:30
)
# Scripts written without spaces between words: a space there is layout and carries nothing.
_SPACELESS = (
    r"\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_LAYOUT_SPACE = re.compile(rf"(?<=[{_SPACELESS}])\s+|\s+(?=[{_SPACELESS}])")


class _Body(dict):
    """Translation table: letters, marks, numbers and joiners stay, all else becomes a space.

    Marks must stay: the vowels of many scripts are marks, and `\\w` does not match them.
    """

    def __missing__(self, code: int) -> str:
        character = chr(code)
        keep = character in _JOINERS or unicodedata.category(character)[0] in "LMN"
        self[code] = character if keep else " "
        return self[code]


_BODY = _Body()


class Tokenizer:
    """Lower-case tokens without punctuation.

    `words` keeps apostrophes and hyphens inside a word (`don't`, `t-shirt`) and numbers whole
    (`3.5`, `1,000`), and makes the possessive a token of its own (`dog`, `'s`). `characters` makes
    every letter, digit and space a token, for text without spaces such as Chinese; a space beside
    a character of such a script is dropped. Both drop `. , ! ? ; : " ( )` and all other
    punctuation and symbols, and read full-width forms as plain ones (Unicode NFKC).

    Args:
        mode: `words` or `characters`.

    Raises:
        UsageError: `mode` is neither.
    """

    def __init__(self, mode: str = "words"):
        if mode not in MODES:
            raise UsageError(f"unknown tokenizer {mode!r}", f"choose one of: {', '.join(MODES)}")
        self.mode = mode

    def __call__(self, text: str) -> list[str]:
        """The tokens of `text`; an empty list where it holds no letter and no digit."""
        text = unicodedata.normalize("NFKC", text.translate(_APOSTROPHES)).lower()
        words = _WORD.findall(_CUT_APART.sub("", text).translate(_BODY))
        if self.mode == "words":
            return words
        return list(_LAYOUT_SPACE.sub("", self._sentence(words)))

    def join(self, tokens: Sequence[str]) -> str:
        """The sentence that `tokens` stand for; tokenizing it gives `tokens` again."""
        return self._sentence(tokens) if self.mode == "words" else "".join(tokens).strip()

    @staticmethod
    def _sentence(words: Sequence[str]) -> str:
        return " ".join(words).replace(" 's", "'s")
