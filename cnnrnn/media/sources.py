"""Which pictures and clips are meant: files, folders, globs, lists, stdin, the built-in data set.

Sources are streamed: nothing is decoded before it is read, and of a folder tree only the folders
on the way to the present one are held.
"""

from __future__ import annotations

import glob
import itertools
import os
import posixpath
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PureWindowsPath

import numpy as np

from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.media.medium import PICTURES, Medium
from cnnrnn.media.source import Source

__all__ = ["OutputNames", "Source", "expand", "output_names", "safe_join"]

LIST_SUFFIX = ".txt"
# What some file system refuses in a name.
UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
BUILT_IN = re.compile(r"(?:(?P<split>[a-z-]+):)?(?P<first>\d{1,9})(?:-(?P<last>\d{1,9}))?")


def expand(
    args: Iterable[str], base: Path | str | None = None, medium: Medium = PICTURES
) -> Iterator[Source]:
    """The pictures or clips that arguments mean, one after the other.

    An argument is a file; a folder (its pictures, recursively, sorted in each folder); a glob
    (`**` too; its pictures, sorted); `@list` or `list.txt` (one picture a line); `-` (the same
    from stdin, as the lines come); `scenes:3`, `scenes:0-9` (test split) or `scenes:train:3`, also
    `scenes:test-riddles:3`; of clips `clips:3` and so on, also `clips:test-busy:3`.
    What exists under its literal name is never taken as a glob. A file that does not exist, a
    folder or glob without pictures and a list that cannot be read each give a source whose `read`
    says so: one bad argument does not stop the others.

    Args:
        args: as typed.
        base: the folder of relative names; the current one by default.
        medium: PICTURES or CLIPS; a single file is taken for it whatever its suffix.

    Raises:
        UsageError: an empty argument, a `scenes:` or `clips:` form that does not exist; at the
            call, before the first source.
    """
    args = list(args)
    for arg in args:
        if not arg:
            raise UsageError(
                "an empty source", f"give a file, folder, glob, list, - or {medium.built_in}:N"
            )
        if arg.startswith(f"{medium.built_in}:") and not os.path.lexists(
            os.path.join(base or "", arg)
        ):
            _built_in(arg, medium)
    return _expanded(args, base, medium)


def _expanded(args: list[str], base: Path | str | None, medium: Medium) -> Iterator[Source]:
    for arg in args:
        path = os.path.join(base or "", arg)
        if arg == "-":
            yield from _listed(_stdin(), base, medium)
        elif os.path.isdir(path):
            yield from _some(_folder(path, medium), arg, f"{arg} holds no {medium.many}", medium)
        elif os.path.lexists(path) and not arg.lower().endswith(LIST_SUFFIX):
            yield Source(arg, Path(path))
        elif arg.startswith(f"{medium.built_in}:"):
            yield from _built_in(arg, medium)
        elif arg.startswith("@") or arg.lower().endswith(LIST_SUFFIX):
            yield from _list(arg, base, medium)
        elif glob.has_magic(arg):
            yield from _some(_glob(path, medium), arg, f"no {medium.one} matches {arg}", medium)
        else:
            yield Source(arg, Path(path))


def _stdin() -> Iterable[bytes]:
    """The lines of stdin, each as soon as it is there.

    They are read past its buffer: that has a lock, and a thread that waits with it for a line makes
    Python abort where the program ends meanwhile.
    """
    try:
        return open(sys.stdin.fileno(), "rb", buffering=0, closefd=False)
    except (OSError, ValueError):  # no file
        return sys.stdin.buffer


def _some(
    sources: Iterator[Source], name: str, message: str, medium: Medium
) -> Iterator[Source]:
    empty = True
    for source in sources:
        empty = False
        yield source
    if empty:
        suffixes = " ".join(sorted(medium.suffixes))
        yield Source(name, problem=f"{message} ({medium.many} are {suffixes})")


def _is_meant(name: str, medium: Medium) -> bool:
    # Hidden names are not pictures: ._photo.jpg is what macOS leaves beside photo.jpg.
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in medium.suffixes


def _folder(
    folder: str, medium: Medium, above: tuple[tuple[int, int], ...] = ()
) -> Iterator[Source]:
    """What lies below a folder. `above` are the folders on the way: a link into them loops."""
    try:
        status = os.stat(folder)
        with os.scandir(folder) as entries:
            found = sorted((entry.name, entry.is_dir()) for entry in entries)
    except OSError as error:
        yield Source(folder, problem=f"cannot read folder {folder}: {error.strerror or error}")
        return
    here = (status.st_dev, status.st_ino)
    if here in above:
        return
    for name, is_folder in found:
        path = os.path.join(folder, name)
        if is_folder:
            if not name.startswith("."):
                yield from _folder(path, medium, (*above, here))
        elif _is_meant(name, medium):
            yield Source(path, Path(path))


def _glob(pattern: str, medium: Medium) -> Iterator[Source]:
    for path in sorted(glob.iglob(pattern, recursive=True)):
        if _is_meant(os.path.basename(path), medium) and not os.path.isdir(path):
            yield Source(path, Path(path))


def _list(arg: str, base: Path | str | None, medium: Medium) -> Iterator[Source]:
    name = arg.removeprefix("@")
    path = os.path.join(base or "", name)
    try:
        with open(path, "rb") as lines:
            yield from _listed(lines, base, medium, os.path.dirname(path))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        yield Source(arg, problem=f"cannot read the list {name}: {reason}")


def _listed(
    lines: Iterable[bytes], base: Path | str | None, medium: Medium, beside: str | None = None
) -> Iterator[Source]:
    """One source a line: a file or a form as `scenes:3`, taken literally.

    A relative name that is not found from `base` is looked for in the folder of the list.
    """
    for line in lines:
        name = os.fsdecode(line.rstrip(b"\r\n").removeprefix(b"\xef\xbb\xbf"))
        if not name.strip():
            continue
        path = os.path.join(base or "", name)
        if name.startswith(f"{medium.built_in}:") and not os.path.lexists(path):
            yield from _built_in(name, medium)
            continue
        if beside is not None and not os.path.lexists(path):
            other = os.path.join(beside, name)
            path = other if os.path.lexists(other) else path
        yield Source(name, Path(path))


def _built_in(arg: str, medium: Medium) -> Iterator[Source]:
    """What a form such as `scenes:0-9` means; UsageError, at the call, where it means nothing."""
    from cnnrnn.scenes import SPLITS

    word = medium.built_in
    splits = [split + kind for kind in medium.kinds for split in SPLITS]
    match = BUILT_IN.fullmatch(arg.removeprefix(f"{word}:"))
    split = match and (match["split"] or "test")
    if not match or split not in splits:
        raise UsageError(
            f"'{arg}' names no {word}",
            f"write {word}:3, {word}:0-9 or {word}:train:3; splits: {', '.join(splits)}",
        )
    first = int(match["first"])
    last = int(match["last"] or first)
    if last < first:
        raise UsageError(f"'{arg}' ends before it begins", f"write {word}:{split}:{last}-{first}")
    prefix = word if match["split"] is None else f"{word}:{split}"
    return (
        Source(f"{prefix}:{index}", **{medium.field: (split, index)})
        for index in range(first, last + 1)
    )


def as_source(given: Source | str | Path | np.ndarray) -> Source:
    """A source of what a person may give: a path, or the pixels of a picture or clip."""
    if isinstance(given, Source):
        return given
    if isinstance(given, np.ndarray):
        return Source(name="array", array=given)
    return Source(name=str(given), path=Path(given))


def check_place(source: Source, folder: Path) -> None:
    """What is drawn of a source goes into another folder than its own.

    Raises:
        CnnRnnError: it lies there, and could be overwritten.
    """
    if source.path and source.path.parent.resolve() == folder.resolve():
        raise CnnRnnError(
            f"{source.name} lies in the output folder {folder} and could be overwritten",
            "choose another folder",
        )


def safe_join(base: Path | str, name: str) -> Path:
    """A name from a data file, below its folder.

    Links inside the folder are the owner's choice and may lead anywhere.

    Raises:
        CnnRnnError: the name is empty, absolute, or climbs out of the folder.
    """
    windows = PureWindowsPath(name)
    climbs = posixpath.normpath(name.replace("\\", "/")).split("/")[0] == ".."
    if not name.strip() or "\0" in name or name.startswith("/") or windows.anchor or climbs:
        raise CnnRnnError(
            f"the name '{name}' leads out of {base}", "names in a data file stay below its folder"
        )
    return Path(base, name)


class OutputNames:
    """File names for one output folder, different for every source.

    `a/x.jpg` gives `x.jpg`; then `b/x.jpg` gives `b_x.jpg`, and where that is taken too, longer
    pieces of the path and last a number. Upper and lower case count as equal, as on macOS and
    Windows.

    Args:
        suffix: replaces the sources' own suffixes.
    """

    MAX_BYTES = 200  # file systems take 255; the rest is for what a writer adds

    def __init__(self, suffix: str | None = None):
        self.suffix = suffix
        self.taken: set[str] = set()

    def __call__(self, name: str, folders: int = 0) -> str:
        """The next name.

        Args:
            name: a source's name: path or `scenes:3`.
            folders: how many enclosing folders the result shows at least.
        """
        chosen = next(
            flat
            for flat in self._candidates(name, folders)
            if flat.casefold() not in self.taken and len(os.fsencode(flat)) <= self.MAX_BYTES
        )
        self.taken.add(chosen.casefold())
        return chosen

    def _candidates(self, name: str, folders: int) -> Iterator[str]:
        parts = [UNSAFE.sub("_", part) for part in Path(name).parts if part not in ("/", "..")]
        stem, suffix = os.path.splitext(parts.pop() if parts else "picture")
        suffix = suffix if self.suffix is None else self.suffix
        flat = [
            "_".join([*parts[len(parts) - count :], stem])
            for count in range(min(folders, len(parts)), len(parts) + 1)
        ]
        yield from (name + suffix for name in flat)
        short = os.fsencode(flat[0])[: self.MAX_BYTES // 2].decode(errors="ignore")
        for number in itertools.count(2):
            yield f"{short}-{number}{suffix}"


def output_names(names: Sequence[str], suffix: str | None = None) -> list[str]:
    """File names for one output folder; with all names known, equal ones all show their folder.

    `a/x.jpg` and `b/x.jpg` give `a_x.jpg` and `b_x.jpg`.

    Args:
        names: the sources' names.
        suffix: replaces their own suffixes.
    """

    def plain(name: str) -> str:
        path = Path(name)
        return (path.name if suffix is None else path.stem).casefold()

    counts = Counter(map(plain, names))
    unique = OutputNames(suffix)
    return [unique(name, folders=int(counts[plain(name)] > 1)) for name in names]
