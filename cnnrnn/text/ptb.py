"""The tokens of a caption as the reference caption metrics see them, without Java.

`pycocoevalcap` splits captions with the Penn Treebank tokenizer of Stanford CoreNLP 3.4.1
(options `-preserveLines -lowerCase`, a Java program) and then drops punctuation. The rules here
were found by comparing outputs, and are kept only as far as captions and questions need them:
on the captions of Flickr8k both give the same tokens. What looks odd is theirs, and the published
scores contain it: brackets stay as `-lrb-` (the list of punctuation to drop has them in upper
case), and so do `!!` and `&`; `can't` becomes `ca n't`.
"""

from __future__ import annotations

import re
from functools import lru_cache

_ABBREVIATIONS = r"""
    mr mrs ms dr prof st jr sr etc co corp inc ltd ave blvd rd vs al est dept univ assn bros gen
    col lt sgt capt maj cpl pvt adm cmdr gov govs sen sens rep reps pres hon rev messrs mme mlle
    mt ft jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thurs fri ala
    ariz calif colo conn fla ga ind kan kans ky md mich minn mo mont neb nev okla penn tenn va
    vt wis wyo ph ph\.d cf bldg sq ct supt det insp atty asst intl natl cie plc bhd cos ext tel
    drs esq rt treas ste dak adj adv ens lieut brig comdr msgr profs mfg pty pte
""".split()
_CAPITAL_ABBREVIATIONS = "Ark Del Ill La Mass Miss Ore Pa Tex Wash".split()
_BEFORE_NUMBER = "no nos pp fig figs op ca art".split()
_SENTENCE_STARTS = """
    A About After An As At But He Her Here However If In It Last Many More Now One Other Our She
    Since So Some Such That The Their Then There These They This We What When While You
""".split()

_SPLIT = {
    "cannot": ("can", "not"),
    "gonna": ("gon", "na"),
    "gotta": ("got", "ta"),
    "wanna": ("wan", "na"),
    "gimme": ("gim", "me"),
    "lemme": ("lem", "me"),
    "'tis": ("'t", "is"),
    "'twas": ("'t", "was"),
}

_CHARACTERS = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201b", "'")
    | dict.fromkeys("\u201c\u201d\u00ab\u00bb", '"')
    | dict.fromkeys("\u2013\u2014\u2015", "--")
    | dict.fromkeys("\u2039\u203a\u300c\u300d\u200b\ufeff", " ")
    | dict.fromkeys("\u00ad\ufe0f")  # soft hyphen, emoji selector: no character of the text
    | {"\u2026": " ... ", "\u00a3": "#", "\u20ac": "$", "\u00a2": " cents "}
    | {"\u00bd": " 1/2 ", "\u00bc": " 1/4 ", "\u00be": " 3/4 "}
)
_BEYOND_JAVA_CHAR = re.compile("[\U00010000-\U0010ffff]")  # emoji: the reference deletes them
_BRACKETS = str.maketrans(
    {"(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-"}
)

# Letters, and the vowel signs of Indic scripts and Thai, which are none to `re`.
_L = r"(?:[^\W\d_]|[\u0900-\u0963\u0966-\u0eff])"
_A = rf"(?:{_L}|\d)"
_WORD = rf"{_L}{_A}*(?:[.!?]{_L}{_A}*)*"  # dog  mp3  end.of
_NUMBER = r"[-+]?(?:\d*(?:[.,:]\d+)+|\d+)"  # -5  .5  1,000  10:30
_WITH_APOSTROPHE = (  # o'clock  d'angelo  O'BRIEN; all others are cut at the apostrophe
    rf"(?:[dlno]|(?-i:[A-HJ-XZ])|qu(?=.[aeiou]))'(?!(?:re|ve|ll)(?!{_A})){_L}{{2,}}"
    r"|ma'am|e'er|ne'er|c'mon|s'mores?|hallowe'en|nat'l|cap'n|li'l|ol'|dunkin'|somethin'|d'y[ae]"
)
_COMPOUND = (  # black-and-white  4-wheeler  u.s.-made  1,000-piece  hot_dog  and/or  1/2-inch
    rf"(?:{_WITH_APOSTROPHE}|\d+(?:[.,]\d+)+(?=-)|(?:{_A}+\.)+(?:{_A}+)?(?=-)|{_A}+)"
    rf"(?:[-_\u2010\u2011](?:o'{_L}{{2,}}|{_A}+))*(?:/{_A}+(?:-{_L}{_A}*)*){{0,2}}"
)

# Each rule is (token) and what must follow it. As in the generated scanners of compilers the
# longest match wins, the following part counted, and the first rule among equals.
_RULES = [
    re.compile(rule, re.IGNORECASE)
    for rule in (
        rf"({_WORD})",
        rf"({_NUMBER})",
        rf"({_COMPOUND})",
        rf"({_L}{_A}*?)n't(?!{_A})",
        rf"(n't|'(?:s|re|ve|ll|d|m|n|em|till?|cause|tis|twas))(?!{_A})",
        r"('n'|'\d\ds?(?![\w'])|[dl]'|[jy]'(?=[aeiou])|y'(?=know))",
        rf"((?:{_WORD}|{_NUMBER}|{_COMPOUND})\.)[,:;]",
        rf"((?:{'|'.join(_ABBREVIATIONS)})\.)",
        rf"((?-i:{'|'.join(_CAPITAL_ABBREVIATIONS)})\.)",
        rf"((?:{'|'.join(_BEFORE_NUMBER)})\.)\d",
        r"((?:[a-z]\.)+)",
        r"((?-i:[A-Z]+(?:&[A-Z]+)+))",
        r"([#@][a-z][a-z_]*|c\+\+|[cf]#)",
        rf"([:;=][-o*']?(?:[()]|[dp](?!{_A})))",
        r"(<[a-z/][^<>\s:]*>)",
        r"([\w.+-]*\w@\w+(?:[.-]\w+)*)",
        r"((?:(?:https?|ftp)://|www\.)[^\s\"'`<>(){}|]*[^\s\"'`<>(){}|.,:;?!])",
        r"([!?]{2,}|\*+|_+|[^\s\w.,:;?!'\"`-])",
    )
]
# A single letter is an abbreviation ("J. Smith") unless a new sentence visibly starts after it.
# The reference looks into the next caption for that; here the end of a caption always counts.
_LETTER_BEFORE_SENTENCE = re.compile(
    r"(?<![\w.'-])([A-Za-z])\.(?=\s*$|\s+(?:" + "|".join(_SENTENCE_STARTS) + r")(?!\w))"
)
_NUMBER_FOLLOWS = re.compile(rf"\b({'|'.join(_BEFORE_NUMBER)})\.\s+(?=\d)", re.IGNORECASE)


@lru_cache(maxsize=1 << 16)
def _split(chunk: str) -> tuple[str, ...]:
    """Tokens of a text without white space; what no rule matches is what is dropped."""
    tokens, start = [], 0
    while start < len(chunk):
        matches = [match for rule in _RULES if (match := rule.match(chunk, start))]
        if not matches:
            start += 1
            continue
        best = max(matches, key=re.Match.end)
        token = best[1].lower().translate(_BRACKETS)
        tokens.extend(_SPLIT.get(token, (token,)))
        start = best.end(1)
    return tuple(tokens)


def tokenize(caption: str) -> list[str]:
    """The lower-case tokens of `caption` without punctuation; empty for an empty caption."""
    text = _BEYOND_JAVA_CHAR.sub(" ", caption.translate(_CHARACTERS)).replace("&amp;", "&")
    text = _LETTER_BEFORE_SENTENCE.sub(r"\1", text)
    text = _NUMBER_FOLLOWS.sub(r"\1.", text)
    return [token for chunk in text.split() for token in _split(chunk)]
