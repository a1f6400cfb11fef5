"""What is in the caches: listed, verified, cleared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from cnnrnn.features.cache_file import (
    BLOCK,
    CacheBusy,
    CacheDamaged,
    CacheError,
    beside,
    disk_error,
    drop_rows,
)
from cnnrnn.features.cache_growth import settled_layout
from cnnrnn.features.cache_lock import WriterLock
from cnnrnn.features.cache_map import CacheMap


def info(root: Path | str) -> list[dict[str, Any]]:
    """What each cache file under `root` holds.

    Returns:
        Sorted by name: `file` (name), `spec` (dict, empty where damaged), `rows` (usable ones),
        `bytes` (taken on the disk), `problem` ("" where sound as far as the metadata tells).
    """
    found = []
    for path in _files(root):
        row: dict[str, Any] = {"file": path.name, "spec": {}, "rows": 0, "bytes": _bytes(path)}
        try:
            opened, keys = _open(path)
            row |= {"spec": json.loads(opened.layout.spec), "rows": int(np.count_nonzero(keys))}
            found.append(row | {"problem": ""})
        except CacheError as error:
            found.append(row | {"problem": error.message})
    return found


def verify(root: Path | str) -> list[dict[str, Any]]:
    """Compare every row under `root` with its checksum; damaged ones are dropped.

    A dropped row is computed anew when it is next needed. Where another process is writing the
    file, its damaged rows are only counted.

    Returns:
        Sorted by name: `file`, `rows` (sound ones), `damaged` (rows found damaged now), `problem`
        ("", or why the file as a whole cannot be used; it is built anew at its next use).
    """
    return [_verify(path) for path in _files(root)]


def _verify(path: Path) -> dict[str, Any]:
    result = {"file": path.name, "rows": 0, "damaged": 0, "problem": ""}
    try:
        opened, present = _open(path)
        rows = np.flatnonzero(present)
        pieces = [opened.damaged(rows[i : i + BLOCK]) for i in range(0, len(rows), BLOCK)]
        bad = np.concatenate([np.zeros(0, np.int64), *pieces])
        result |= {"rows": len(rows) - len(bad), "damaged": len(bad)}
        if len(bad):
            with WriterLock(path), open(path, "r+b", buffering=0) as file:
                drop_rows(file, opened.layout, bad)
    except CacheBusy:
        pass
    except CacheError as error:
        result["problem"] = error.message
    except OSError as error:
        result["problem"] = disk_error(path, error).message
    return result


def clear(root: Path | str) -> int:
    """Remove every cache file under `root`; readers that have one open keep it until they close it.

    Returns:
        Bytes freed on the disk.

    Raises:
        CacheBusy: a file is being written; the others are removed.
        CacheError: a file cannot be removed.
    """
    freed, busy = 0, None
    for path in _files(root):
        try:
            lock = WriterLock(path)
        except CacheBusy as error:
            busy = error
            continue
        try:
            size = _bytes(path)
            path.unlink()
            for suffix in (".part", ".grow"):
                beside(path, suffix).unlink(missing_ok=True)
            freed += size
        except OSError as error:
            reason = error.strerror or error
            raise CacheError(f"cannot remove {path}: {reason}", "check its folder") from error
        finally:
            lock.release(remove=True)
    if busy is not None:
        raise busy
    return freed


def _files(root: Path | str) -> list[Path]:
    return sorted(Path(root).glob("*.h5"))


def _open(path: Path) -> tuple[CacheMap, np.ndarray]:
    """The file, and which of its rows have a key (bool)."""
    try:
        opened = CacheMap(path, settled_layout(path))
        count = opened.count()
        if count > opened.layout.capacity:
            raise CacheDamaged(f"the feature cache {path} is damaged: rows are missing")
        return opened, opened.take("keys", np.arange(count)).any(axis=1)
    except OSError as error:
        raise CacheError(f"cannot read {path}: {error.strerror}", "check its rights") from error


def _bytes(path: Path) -> int:
    status = path.stat()
    # The length counts holes; blocks (of 512 bytes, where the system tells them) count the disk.
    return status.st_blocks * 512 if hasattr(status, "st_blocks") else status.st_size
