"""The two media that sources come in: pictures and clips."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from cnnrnn.media import images

VIDEO_SUFFIXES = frozenset(
    ".mp4 .m4v .mov .avi .mkv .webm .mpg .mpeg .ts .mts .m2ts .wmv .asf .flv .ogv .3gp .gif"
    .split()
)
BUSY = "-busy"  # behind a split's name: its clips among frames of other scenes
RIDDLES = "-riddles"  # behind a split's name: its pictures for questions of two steps


@dataclass(frozen=True)
class Medium:
    """What a folder is searched for, and how the built-in data set names its own."""

    one: str  # what messages call it
    many: str
    suffixes: frozenset[str]
    built_in: str  # the word before the colon: scenes:3
    field: str  # of `Source`
    kinds: tuple[str, ...] = ("",)  # behind the name of a split


PICTURES = Medium("picture", "pictures", images.SUFFIXES, "scenes", "scene", ("", RIDDLES))
CLIPS = Medium("clip", "clips", VIDEO_SUFFIXES, "clips", "clip", ("", BUSY))


def medium_of(name: str) -> Medium | None:
    """What an argument or a file is called after; None where it may be either, as a GIF may.

    Args:
        name: of a file, or such as `clips:3`.
    """
    suffix = PurePath(name).suffix.lower()
    for medium, other in ((PICTURES, CLIPS), (CLIPS, PICTURES)):
        built_in = name.startswith(f"{medium.built_in}:")
        if built_in or suffix in medium.suffixes - other.suffixes:
            return medium
    return None
