"""A cache file read as a memory map: rows at their chunk offsets, and their checksums."""

from __future__ import annotations

import mmap
import zlib
from pathlib import Path

import numpy as np

from cnnrnn.features.cache_file import CacheDamaged, Layout, Table

# Pages of a map count as this process's memory once touched. They are given back after this many
# bytes (the system keeps them cached), so that memory does not grow with the rows that are read.
TOUCHED_LIMIT = 128 << 20


class CacheMap:
    """Reads the rows that were in the file when `layout` was read, and sees the count move on.

    Raises:
        CacheDamaged: the file is shorter than its layout says.
        FileNotFoundError, PermissionError: it cannot be opened.
    """

    def __init__(self, path: Path, layout: Layout):
        self.path, self.layout = path, layout
        with open(path, "rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if len(self._map) < layout.size:
            raise CacheDamaged(f"the feature cache {path} is damaged: it is truncated")
        self._count = np.frombuffer(self._map, np.uint64, 2, layout.count_offset)
        self._windows = {name: self._window(table) for name, table in layout.tables.items()}
        self._touched = 0

    def _window(self, table: Table) -> np.ndarray:
        # Row k of this view starts k items into the file, so rows overlap. Indexed with the rows'
        # offsets, it lets numpy gather rows of any chunks in one call.
        item = table.dtype.itemsize
        inner = np.empty(table.row_shape, table.dtype).strides
        length = (len(self._map) - table.row_bytes) // item + 1
        return np.ndarray(
            (length, *table.row_shape), table.dtype, self._map, strides=(item, *inner)
        )

    def count(self) -> int:
        """The committed rows at this moment.

        Raises:
            CacheDamaged: the count is not one.
        """
        for _ in range(100):  # a reader may catch the record half written, but not for long
            rows, complement = (int(value) for value in self._count)
            if rows ^ complement == 2**64 - 1:
                return rows
        raise CacheDamaged(f"the feature cache {self.path} is damaged: its row count is not valid")

    def starts(self, name: str, rows: np.ndarray) -> np.ndarray:
        """Where `rows` (int64) of a dataset start, in items of its dtype from the file's start."""
        table = self.layout.tables[name]
        return table.offsets(rows) // table.dtype.itemsize

    def gather(self, name: str, starts: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """A copy of the rows of a dataset that start there, in `out` where it is given."""
        self._touch(len(starts) * self.layout.tables[name].row_bytes)
        window = self._windows[name]
        if out is None:
            return window[starts]
        for target, start in zip(out, starts.tolist(), strict=True):
            target[...] = window[start]
        return out

    def take(self, name: str, rows: np.ndarray) -> np.ndarray:
        """A copy of `rows` (int64) of a dataset."""
        return self.gather(name, self.starts(name, rows))

    def damaged(self, rows: np.ndarray) -> np.ndarray:
        """Those of `rows` (int64) whose bytes disagree with their checksum.

        Dropped rows (no key, no checksum) count as damaged: they hold nothing to be read.
        """
        if not len(rows):
            return rows
        table = self.layout.tables["features"]
        keys, sums = self.take("keys", rows), self.take("checksums", rows)
        right = np.empty(len(rows), bool)
        with memoryview(self._map) as data:
            for i, offset in enumerate(table.offsets(rows).tolist()):
                self._touch(table.row_bytes)
                row = data[offset : offset + table.row_bytes]
                right[i] = checksum(keys[i], row) == sums[i]
                row.release()
        return rows[~right]

    def _touch(self, size: int) -> None:
        self._touched += size
        if self._touched > TOUCHED_LIMIT and hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)
            self._touched = size


def checksum(key: np.ndarray, row: memoryview | np.ndarray) -> int:
    """crc32 of the 16 bytes of `key` followed by the bytes of `row`; 1 in place of 0.

    Zero is kept for "dropped", and for the hole that a row is before it is written.
    """
    return zlib.crc32(row, zlib.crc32(key)) or 1
