"""The feature cache: what a backbone made of a picture, kept under the hash of its content.

One HDF5 file per `FeatureSpec` (`cache_file` has its layout). One process writes a file at a time,
any number read it meanwhile. A row is on record as soon as `append` returns: killed at any moment,
a writer loses only what it was appending. Each row carries a checksum, looked at the first time the
row is read; a row that fails is forgotten, told in one line, and computed anew when next needed.

Memory: about 200 bytes a row for the index from key to row; the rows themselves stay in the file.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from cnnrnn import console
from cnnrnn.features.cache_admin import clear, info, verify
from cnnrnn.features.cache_file import (
    BLOCK,
    KEY_BYTES,
    CacheBusy,
    CacheDamaged,
    CacheError,
    CacheFull,
    Layout,
    count_record,
    create,
    disk_error,
    drop_rows,
    read_layout,
    sync,
    write_at,
)
from cnnrnn.features.cache_growth import finish_growth, grow, settled_layout
from cnnrnn.features.cache_lock import WriterLock
from cnnrnn.features.cache_map import CacheMap, checksum
from cnnrnn.features.cache_spec import FeatureSpec

__all__ = [
    "CacheBusy",
    "CacheDamaged",
    "CacheError",
    "CacheFull",
    "FeatureCache",
    "FeatureSpec",
    "clear",
    "info",
    "verify",
]

NO_KEY = bytes(KEY_BYTES)
# Beyond the end of every file: numpy's own check finds it, which keeps small reads fast.
FAR = np.iinfo(np.int64).max


class FeatureCache:
    """The cached rows of one spec.

    Args:
        root: folder of the cache files; made when writing.
        spec: which features.
        row_shape: shape of a row, e.g. (49, 1280).
        mode: "r" to read, "a" to read and append. Mode "a" tells of a damaged file and builds it
            anew.
        wait: seconds to wait for another writer of this file.
        tell: takes the one line about damage that was found.

    Raises:
        CacheBusy: mode "a", and another process is writing this file.
        CacheDamaged: mode "r", and the file is damaged.
        CacheFull, CacheError: it cannot be read or made.

    `find` and `read` may be called from several threads.
    """

    def __init__(
        self,
        root: Path | str,
        spec: FeatureSpec,
        row_shape: Sequence[int],
        mode: str = "r",
        wait: float = 3.0,
        tell: Callable[[str], object] = console.warn,
    ):
        if mode not in ("r", "a"):
            raise ValueError(f"mode is 'r' or 'a', not {mode!r}")
        self.path = Path(root) / spec.filename
        self.spec, self.row_shape = spec, tuple(int(side) for side in row_shape)
        self.dtype = np.dtype(spec.dtype)
        self._tell, self._guard = tell, threading.RLock()
        self._file = self._lock = None
        self._index: dict[bytes, int] = {}
        self._known = 0  # rows that the index has seen
        # Where each row starts in the file; FAR until its checksum was found right.
        self._starts = np.zeros(0, np.int64)
        try:
            self._open() if mode == "r" else self._open_to_write(wait)
        except OSError as error:
            self.close()
            raise disk_error(self.path, error) from error
        except CacheError:
            self.close()
            raise

    def _open(self) -> None:
        try:
            self._use(settled_layout(self.path))
            self._refresh()
        except FileNotFoundError as error:
            raise CacheError(f"no features are cached in {self.path}") from error

    def _open_to_write(self, wait: float) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = WriterLock(self.path, wait)
        try:
            if self.path.exists():
                finish_growth(self.path)
            self._use(read_layout(self.path))
            self._refresh()
        except (FileNotFoundError, CacheDamaged) as error:
            if isinstance(error, CacheDamaged):
                self._tell(f"{error.message}; it is built anew")
            self._starts = np.zeros(0, np.int64)
            create(self.path, self.spec.json, self.row_shape, self.dtype)
            self._use(read_layout(self.path))
        self._file = open(self.path, "r+b", buffering=0)

    def _use(self, layout: Layout) -> None:
        features = layout.tables["features"]
        if (features.row_shape, features.dtype) != (self.row_shape, self.dtype):
            raise CacheDamaged(
                f"the feature cache {self.path} holds {features.dtype} rows of shape "
                f"{features.row_shape}, not {self.dtype} {self.row_shape}"
            )
        if layout.spec != self.spec.json:
            raise CacheDamaged(f"the feature cache {self.path} holds other features: {layout.spec}")
        self._map = CacheMap(self.path, layout)
        starts = np.full(layout.capacity, FAR)
        starts[: len(self._starts)] = self._starts
        self._starts = starts

    def _refresh(self) -> None:
        """Take in the rows that were committed since the last look."""
        with self._guard:
            count = self._map.count()
            if count > self._map.layout.capacity and self._file is None:
                self._use(settled_layout(self.path))
            if count > self._map.layout.capacity:
                raise CacheDamaged(f"the feature cache {self.path} is damaged: rows are missing")
            if count > self._known:
                new = np.arange(self._known, count)
                keys = self._map.take("keys", new).tobytes()
                self._add(new, [keys[i : i + KEY_BYTES] for i in range(0, len(keys), KEY_BYTES)])

    def _add(self, rows: np.ndarray, keys: list[bytes]) -> None:
        self._index.update(zip(keys, rows.tolist(), strict=True))
        self._index.pop(NO_KEY, None)
        self._known = int(rows[-1]) + 1

    def __len__(self) -> int:
        """The rows that can be found."""
        self._refresh()
        return len(self._index)

    def find(self, keys: Sequence[str], check: bool = False) -> np.ndarray:
        """The rows of `keys`.

        Args:
            keys: 32 hexadecimal digits each.
            check: look at the checksums of the rows found (once per row and open cache), so that a
                later `read` of them cannot find damage. Costs one pass over those rows.

        Returns:
            int64 (n,), -1 where the key is not in the cache.
        """
        self._refresh()
        rows = np.array([self._index.get(key, -1) for key in _digests(keys)], np.int64)
        if check:
            bad = self._damaged(rows[rows >= 0])
            if len(bad):
                self._forget(bad)
                rows[np.isin(rows, bad)] = -1
        return rows

    def read(
        self, indices: Sequence[int] | np.ndarray, out: np.ndarray | None = None
    ) -> np.ndarray:
        """Copies of rows.

        Args:
            indices: rows as `find` and `append` return them, in any order.
            out: takes the rows where given: (n, *row_shape) in the cache's dtype.

        Returns:
            (n, *row_shape).

        Raises:
            IndexError: there is no such row.
            CacheDamaged: a row is not what was written; it is forgotten, `find` returns -1 for it.
        """
        rows = np.asarray(indices, np.int64)
        if len(rows) and rows.min() < 0:
            raise IndexError("a row below 0: the key was not found")
        try:
            return self._map.gather("features", self._starts[rows], out)
        except IndexError:  # a row that was not looked at yet, or that is not there
            self._first_look(rows)
        return self._map.gather("features", self._starts[rows], out)

    def _first_look(self, rows: np.ndarray) -> None:
        if rows.max() >= self._known:
            raise IndexError(f"the cache has rows 0 to {self._known - 1}")
        bad = self._damaged(rows)
        if len(bad):
            self._forget(bad)
            raise CacheDamaged(
                f"{len(bad)} rows of the feature cache {self.path} are damaged",
                "run the command again: they are computed anew",
            )

    def _damaged(self, rows: np.ndarray) -> np.ndarray:
        """The damaged rows among those of `rows` that were not looked at yet."""
        fresh = rows[self._starts[rows] == FAR]
        if not len(fresh):
            return fresh
        fresh = np.unique(fresh)
        bad = self._map.damaged(fresh)
        sound = np.setdiff1d(fresh, bad)
        self._starts[sound] = self._map.starts("features", sound)
        return bad

    def _forget(self, bad: np.ndarray) -> None:
        with self._guard:
            gone = set(bad.tolist())
            self._index = {key: row for key, row in self._index.items() if row not in gone}
            if self._file is not None:
                drop_rows(self._file, self._map.layout, bad)
        self._tell(f"{len(bad)} damaged rows in the feature cache {self.path}: computed anew")

    def append(self, keys: Sequence[str], rows: np.ndarray) -> np.ndarray:
        """Add rows; a key that is there already keeps its row.

        Args:
            keys: 32 hexadecimal digits each, in mode "a" only.
            rows: (n, *row_shape), cast to the cache's dtype.

        Returns:
            int64 (n,): where the rows are.

        Raises:
            CacheFull: no room left; nothing of this call is added, everything before stays.
            CacheError: the disk fails otherwise.
        """
        if self._file is None:
            raise ValueError("the cache is not open for appending")
        rows = np.ascontiguousarray(rows, self.dtype)
        digests = _digests(keys)
        if rows.shape != (len(digests), *self.row_shape):
            raise ValueError(f"rows {rows.shape} for {len(digests)} keys of {self.row_shape}")
        with self._guard:
            new = {key: i for i, key in enumerate(digests) if key not in self._index}
            if new:
                try:
                    self._write(list(new), rows if len(new) == len(rows) else rows[[*new.values()]])
                except OSError as error:
                    raise disk_error(self.path, error) from error
            return np.array([self._index[key] for key in digests], np.int64)

    def _write(self, keys: list[bytes], rows: np.ndarray) -> None:
        start, stop = self._known, self._known + len(keys)
        capacity = self._map.layout.capacity
        while capacity < stop:
            capacity += max(BLOCK, capacity // 2 // BLOCK * BLOCK)
        if capacity > self._map.layout.capacity:
            if not os.path.samestat(os.fstat(self._file.fileno()), os.stat(self.path)):
                raise CacheError(f"the feature cache {self.path} was replaced while in use")
            self._use(grow(self.path, capacity))
        flat = rows.reshape(len(rows), -1).view(np.uint8)
        sums = [checksum(key, row) for key, row in zip(keys, flat, strict=True)]
        self._put("features", start, flat)
        self._put("keys", start, np.frombuffer(b"".join(keys), np.uint8).reshape(-1, KEY_BYTES))
        self._put("checksums", start, np.array(sums, np.uint32))
        # Written last and in one page: from here on the rows are there.
        write_at(self._file, self._map.layout.count_offset, count_record(stop).tobytes())
        new = np.arange(start, stop)
        self._add(new, keys)
        self._starts[new] = self._map.starts("features", new)

    def _put(self, name: str, start: int, rows: np.ndarray) -> None:
        data = rows.reshape(len(rows), -1).view(np.uint8)
        for offset, first, end in self._map.layout.tables[name].pieces(start, start + len(rows)):
            write_at(self._file, offset, data[first - start : end - start].reshape(-1).data)

    def flush(self) -> None:
        """Bring the rows to the disk itself: from then on they outlive a power cut too."""
        if self._file is not None:
            try:
                sync(self._file)
            except OSError as error:
                raise disk_error(self.path, error) from error

    def close(self) -> None:
        """Flush, and let the next writer in."""
        try:
            self.flush()
        finally:
            if self._file is not None:
                self._file.close()
            if self._lock is not None:
                self._lock.release()
            self._file = self._lock = None

    def __enter__(self) -> FeatureCache:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _digests(keys: Sequence[str]) -> list[bytes]:
    digests = [bytes.fromhex(key) for key in keys]
    if any(len(digest) != KEY_BYTES for digest in digests):
        raise ValueError(f"a key has {2 * KEY_BYTES} hexadecimal digits")
    return digests
