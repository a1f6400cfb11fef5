"""Fonts on this machine, and which of them has the letters of a text.

The first font of a short list of well-made ones that has every letter is taken, then any other on
the machine. Pillow's own font (Latin only) is there always, so that a bare machine draws too.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

from cnnrnn import console
from cnnrnn.errors import CnnRnnError

# Beginnings of file names, small letters, in the order in which they are tried.
PREFERRED = (
    # Latin, Greek, Cyrillic
    "dejavusans.", "notosans-regular.", "notosans[", "liberationsans-regular.", "segoeui.",
    "sfns.", "helvetica.", "arial.", "roboto-regular.", "ubuntu-r.",
    # Chinese, Japanese, Korean
    "notosanscjk-regular.", "notosanscjk", "notosanssc-regular.", "notosanssc", "sourcehansans",
    "wqy-microhei.", "wqy-zenhei.", "droidsansfallback", "pingfang.", "hiragino sans gb.",
    "stheiti", "msyh.", "simhei.", "deng.", "simsun.", "yugoth", "meiryo.", "malgun.",
    "applesdgothicneo.",
    # All at once, less beautiful
    "arial unicode.", "arialuni.", "unifont",
)  # fmt: skip
SUFFIXES = (".ttf", ".ttc", ".otf", ".otc")

# Noncharacter: every font answers it with its sign for a missing letter.
MISSING = "\U0010fffe"
ELLIPSIS = "…"
TEST_SIZE = 24  # pixels; large enough that no two letters look alike


def load(string: str, size: int, path: Path | str | None = None) -> ImageFont.FreeTypeFont:
    """The font to write a text with.

    Where no font has all its letters, one that has most is returned and a line of advice is
    shown, once.

    Args:
        string: the text.
        size: height of the letters in pixels.
        path: a font that is to be used whatever the text.

    Raises:
        CnnRnnError: `path` is no font.
    """
    needed = frozenset(letter for letter in string if _is_visible(letter))
    if path is not None:
        font = _open(str(path), size)
        missing = _lacks(str(path), needed)
        if missing:
            _advise(f"the font {path} lacks {_sample(missing)}", "give another with --font")
        return font
    found, missing = _choose(needed)
    if missing:
        _advise(
            f"no font on this machine has {_sample(missing)}",
            "give one with --font FILE.ttf, or install one, e.g. apt-get install fonts-noto-cjk",
        )
    return _open(found, size)


def wrap(string: str, letters: ImageFont.FreeTypeFont, width: float) -> list[str]:
    """Break a text into lines, between words; inside a word only where it is wider than a line.

    Args:
        string: the text; scripts without spaces break anywhere.
        letters: the font.
        width: pixels.

    Returns:
        At least one line.
    """
    lines = [""]
    for word in string.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if letters.getlength(longer) <= width:
            lines[-1] = longer
            continue
        if lines[-1]:
            lines.append("")
        for letter in word:
            if lines[-1] and letters.getlength(lines[-1] + letter) > width:
                lines.append("")
            lines[-1] += letter
    return lines


def shortened(label: str, letters: ImageFont.FreeTypeFont, width: float) -> str:
    """A text cut with an ellipsis where it is wider than `width` pixels."""
    if letters.getlength(label) <= width:
        return label
    while label and letters.getlength(label + ELLIPSIS) > width:
        label = label[:-1]
    return label.rstrip() + ELLIPSIS


@lru_cache(maxsize=256)
def _choose(needed: frozenset[str]) -> tuple[str, frozenset[str]]:
    """The first font with all the letters, else the one that lacks fewest, and what it lacks."""
    best, best_missing = "", _lacks("", needed)
    for path in installed():
        missing = _lacks(path, needed)
        if not missing:
            return path, missing
        if len(missing) < len(best_missing):
            best, best_missing = path, missing
    return best, best_missing


@lru_cache
def installed() -> tuple[str, ...]:
    """Font files of this machine: the preferred ones in their order, then the others by name."""

    def rank(path: str) -> tuple[int, str]:
        name = os.path.basename(path).lower()
        places = (place for place, start in enumerate(PREFERRED) if name.startswith(start))
        return next(places, len(PREFERRED)), path

    return tuple(sorted(_files(), key=rank))


def _files() -> Iterator[str]:
    for folder in _folders():
        for parent, _, names in os.walk(folder):
            for name in names:
                # macOS's LastResort has a sign for every letter, and none is that letter.
                if name.lower().endswith(SUFFIXES) and not name.startswith("LastResort"):
                    yield os.path.join(parent, name)


def _folders() -> list[Path]:
    home = Path.home()
    if sys.platform == "win32":
        own = Path(os.environ.get("LOCALAPPDATA", home)) / "Microsoft" / "Windows" / "Fonts"
        return [Path(os.environ.get("WINDIR", "C:/Windows")) / "Fonts", own]
    if sys.platform == "darwin":
        return [Path("/System/Library/Fonts"), Path("/Library/Fonts"), home / "Library" / "Fonts"]
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    shared = [Path("/usr/share/fonts"), Path("/usr/local/share/fonts")]
    return [*shared, data / "fonts", home / ".fonts"]


@lru_cache(maxsize=64)
def _open(path: str, size: int) -> ImageFont.FreeTypeFont:
    """A font file, or for an empty path the font inside Pillow."""
    if not path:
        return ImageFont.load_default(size)
    try:
        # Not `truetype`, which takes a system font of the same name where the file is bad.
        return ImageFont.FreeTypeFont(path, size)
    except (OSError, ValueError) as error:
        raise CnnRnnError(
            f"{path} is no font that can be read", "give a .ttf, .otf or .ttc file"
        ) from error


def _is_visible(letter: str) -> bool:
    """Neither space, control nor mark: those leave no trace of their own in a font."""
    return unicodedata.category(letter)[0] not in "ZCM"


def _lacks(path: str, needed: frozenset[str]) -> frozenset[str]:
    return frozenset(letter for letter in needed if not _has(path, letter))


@lru_cache(maxsize=65536)
def _has(path: str, letter: str) -> bool:
    drawn = _drawn(path, letter)
    return bool(drawn.strip(b"\0")) and drawn != _drawn(path, MISSING)


@lru_cache(maxsize=4096)
def _drawn(path: str, letter: str) -> bytes:
    """The pixels of one letter; none where the font is broken."""
    try:
        return bytes(_open(path, TEST_SIZE).getmask(letter))
    except (OSError, CnnRnnError):
        return b""


def _sample(missing: frozenset[str]) -> str:
    letters = sorted(missing)
    return "".join(letters[:8]) + (" ..." if len(letters) > 8 else "")


_advised: set[str] = set()


def _advise(message: str, hint: str) -> None:
    """One line for each kind of lack and process: a folder of pictures must not repeat it."""
    if hint not in _advised:
        _advised.add(hint)
        console.warn(f"{message} ({hint})")
