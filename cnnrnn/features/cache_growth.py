"""More capacity for a cache file, in a way that a kill at any moment cannot break.

HDF5 gives no promise for a process that dies while it changes metadata, so it never works on the
file in use. It grows a hollow copy (`FILE.part`: the metadata without the chunks). Once that is
whole it is renamed `FILE.grow`, and its metadata is copied over. Where `FILE.grow` exists the copy
may have been cut short, and whoever opens the file makes it again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import h5py

from cnnrnn.features.cache_file import (
    HDF5,
    TABLES,
    CacheBusy,
    CacheDamaged,
    Layout,
    beside,
    disk_error,
    read_layout,
    sync,
    write_at,
)
from cnnrnn.features.cache_lock import PAUSE, WriterLock


def grow(path: Path, capacity: int) -> Layout:
    """Bring the file to `capacity` rows at least. Needs the writer's lock.

    Returns:
        The new layout.

    Raises:
        CacheFull, CacheError: the disk does not take it; the file holds what it held.
    """
    part = beside(path, ".part")
    try:
        finish_growth(path)  # one that failed half way would be lost under this one
        layout = read_layout(path)
        if layout.capacity >= capacity:
            return layout
        with open(path, "rb") as source, open(part, "wb", buffering=0) as hollow:
            hollow.truncate(layout.size)
            _copy(source, hollow, layout.metadata())
        with h5py.File(part, "r+", **HDF5) as file:
            for name in TABLES:
                file[name].resize(capacity, axis=0)
        grown = read_layout(part)
        with open(part, "r+b", buffering=0) as source, open(path, "r+b", buffering=0) as target:
            target.truncate(grown.size)
            # The metadata behind the old end needs room on the disk. It is written while nothing
            # refers to it yet, so that a full disk leaves the file as it was.
            old = layout.size
            _copy(source, target, [(max(a, old), b) for a, b in grown.metadata() if b > old])
            sync(source)
            sync(target)
        os.replace(part, beside(path, ".grow"))
        finish_growth(path)
        return grown
    except (OSError, RuntimeError) as error:
        part.unlink(missing_ok=True)
        raise disk_error(path, error) from error


def finish_growth(path: Path) -> None:
    """Take over the metadata of `FILE.grow` where there is one. Needs the writer's lock.

    Raises:
        CacheDamaged: `FILE.grow` cannot be read.
        OSError: the disk does not take it.
    """
    side = beside(path, ".grow")
    if not side.exists():
        return
    grown = read_layout(side)
    with open(side, "rb") as source, open(path, "r+b", buffering=0) as target:
        if os.fstat(target.fileno()).st_size < grown.size:
            target.truncate(grown.size)
        _copy(source, target, grown.metadata())
        sync(target)
    side.unlink()


def _copy(source: IO[bytes], target: IO[bytes], ranges: Iterable[tuple[int, int]]) -> None:
    for start, stop in ranges:
        source.seek(start)
        write_at(target, start, source.read(stop - start))


def settled_layout(path: Path, wait: float = 5.0) -> Layout:
    """`read_layout` for a reader, who holds no lock while a writer may be growing the file.

    Args:
        wait: seconds to wait for a growth to end (it takes milliseconds).

    Raises:
        CacheDamaged, FileNotFoundError, PermissionError: as `read_layout`.
        CacheBusy: the file did not come to rest.
    """
    side, deadline, before = beside(path, ".grow"), time.monotonic() + wait, None
    while time.monotonic() < deadline:
        if side.exists():
            _help_growth(path)
            continue
        try:
            seen: Layout | CacheDamaged = read_layout(path)
            state: tuple | str = (seen.size, seen.capacity)
        except CacheDamaged as error:
            seen, state = error, str(error)
        # The same twice in a row with no growth at the end: not read in the middle of one.
        if state == before and not side.exists():
            if isinstance(seen, CacheDamaged):
                raise seen
            return seen
        before = state
    raise CacheBusy(f"the feature cache {path} is being changed by another process", "try again")


def _help_growth(path: Path) -> None:
    """Finish what a killed writer left, or give a living one the time to finish."""
    try:
        with WriterLock(path):
            finish_growth(path)
    except CacheBusy:
        time.sleep(PAUSE)
    except OSError as error:
        raise disk_error(path, error) from error
