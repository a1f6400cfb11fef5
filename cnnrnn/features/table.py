"""The features of a list of sources, wherever their rows lie.

A row lies on one of three shelves: in the cache since before, in the cache since now, or, where
the cache cannot take it (another process writes it, the disk is full), in a temporary file that
goes away with the table. In memory are only names, keys and row numbers.
"""

from __future__ import annotations

import tempfile
import threading
from array import array
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cnnrnn import console
from cnnrnn.errors import CnnRnnError
from cnnrnn.features.cache import CacheError, FeatureCache, FeatureSpec

FAILED = -1
SHELF = 1 << 40  # rows of one shelf; a row number is shelf * SHELF + row
SPILL_IN_MEMORY = 256 << 20  # bytes, before the temporary file goes to the disk


class Spill:
    """Rows in a temporary file, with `find`, `append` and `read` as the cache has them."""

    def __init__(self, row_shape: Sequence[int], dtype: str):
        self.row_shape, self.dtype = tuple(row_shape), np.dtype(dtype)
        self._bytes = int(np.prod(self.row_shape)) * self.dtype.itemsize
        self._file = tempfile.SpooledTemporaryFile(SPILL_IN_MEMORY)
        self._index: dict[str, int] = {}
        self._guard = threading.Lock()

    def find(self, keys: Sequence[str], check: bool = False) -> np.ndarray:
        """`check` changes nothing: no other program writes here."""
        return np.array([self._index.get(key, FAILED) for key in keys], np.int64)

    def append(self, keys: Sequence[str], rows: np.ndarray) -> np.ndarray:
        """Raises CnnRnnError where there is no room for temporary files either."""
        first = len(self._index)
        with self._guard:
            try:
                self._file.seek(first * self._bytes)
                self._file.write(np.ascontiguousarray(rows, self.dtype).tobytes())
            except OSError as error:
                raise CnnRnnError(
                    f"no room for the features: {error.strerror or error}",
                    "free some disk, or set TMPDIR to a folder that has room",
                ) from error
        self._index.update(zip(keys, range(first, first + len(keys)), strict=True))
        return np.arange(first, first + len(keys))

    def read(self, indices: np.ndarray) -> np.ndarray:
        rows = np.empty((len(indices), *self.row_shape), self.dtype)
        with self._guard:
            for row, index in zip(rows, indices.tolist(), strict=True):
                self._file.seek(index * self._bytes)
                data = self._file.read(self._bytes)
                row[...] = np.frombuffer(data, self.dtype).reshape(self.row_shape)
        return rows

    def close(self) -> None:
        self._file.close()


class Shelves:
    """Finds, keeps and reads rows. `find` may be called from several threads.

    Args:
        root: folder of the cache files.
        spec: which features.
        row_shape: the shape of a row.
    """

    def __init__(self, root: Path, spec: FeatureSpec, row_shape: Sequence[int]):
        self._arguments = (root, spec, row_shape)
        self._shelves: list[FeatureCache | Spill | None] = [None, None, None]
        try:
            self._shelves[0] = FeatureCache(*self._arguments, mode="r")
        except CacheError:
            pass  # nothing is cached yet, or damaged: the writer says so and builds it anew

    def find(self, key: str) -> int:
        """The row of `key`, or FAILED."""
        for number, shelf in enumerate(self._shelves):
            if shelf is None:
                continue
            # A damaged row found now can still be computed anew; found while training it stops all.
            row = int(shelf.find([key], check=True)[0])
            if row != FAILED:
                return number * SHELF + row
        return FAILED

    def keep(self, keys: Sequence[str], rows: np.ndarray) -> np.ndarray:
        """Store rows that `find` did not have; returns their row numbers, int64 (n,).

        Raises:
            CnnRnnError: neither the cache nor the temporary folder takes them.
        """
        _, writer, spill = self._shelves
        if spill is None:
            try:
                if writer is None:
                    writer = self._shelves[1] = FeatureCache(*self._arguments, mode="a")
                writer.find(keys, check=True)  # drops what is damaged: `append` keeps what it has
                return SHELF + writer.append(keys, rows)
            except CacheError as error:
                console.warn(f"{error.message}; the rest is computed without being cached")
                _, spec, row_shape = self._arguments
                spill = self._shelves[2] = Spill(row_shape, spec.dtype)
        return 2 * SHELF + spill.append(keys, rows)

    def read(self, numbers: np.ndarray) -> np.ndarray:
        """Copies of rows by their numbers."""
        shelves, rows = np.divmod(numbers, SHELF)
        used = np.unique(shelves)
        if len(used) == 1:
            return self._shelves[used[0]].read(rows)
        _, spec, row_shape = self._arguments
        result = np.empty((len(rows), *row_shape), spec.dtype)
        for shelf in used:
            here = shelves == shelf
            result[here] = self._shelves[shelf].read(rows[here])
        return result

    def settle(self) -> None:
        """Let the next writer in; reading goes on."""
        if self._shelves[1] is not None:
            self._shelves[1].close()

    def close(self) -> None:
        for shelf in self._shelves:
            if shelf is not None:
                shelf.close()


class FeatureTable:
    """What `Extractor.extract` gives: one entry for each source, in their order.

    Attributes:
        names, keys: list[str]; the key of a source that could not be read is "".
        rows: int64 (n,), the row number of each source, -1 where it failed.
        failures: [(name, reason)].
        hits: sources that were cached already, or have the content of an earlier source.
        misses: pictures that were computed.
        row_shape, dtype: of one row.
    """

    def __init__(self, shelves: Shelves, row_shape: Sequence[int], dtype: str):
        self.row_shape, self.dtype = tuple(row_shape), np.dtype(dtype)
        self.names: list[str] = []
        self.keys: list[str] = []
        self.failures: list[tuple[str, str]] = []
        self.hits = self.misses = 0
        self._shelves = shelves
        self._rows = array("q")

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def rows(self) -> np.ndarray:
        return np.array(self._rows, np.int64)

    @property
    def ok(self) -> np.ndarray:
        """bool (n,): which sources have features."""
        return self.rows != FAILED

    def add(self, name: str, key: str = "", row: int = FAILED) -> int:
        """Enter one source; returns its position."""
        self.names.append(name)
        self.keys.append(key)
        self._rows.append(row)
        return len(self._rows) - 1

    def place(self, position: int, row: int) -> None:
        """Enter the row of a source that was computed after it was added."""
        self._rows[position] = row

    def read(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """Features of sources.

        Args:
            indices: positions in the list of sources (not row numbers), in any order.

        Returns:
            (n, *row_shape) copies, float16 (uint8 for the output `pixels`).

        Raises:
            CnnRnnError: a source without features; damage in the cache since the extraction.
        """
        positions = np.asarray(indices, np.int64)
        numbers = np.array([self._rows[i] for i in positions.tolist()], np.int64)
        if not len(numbers):
            return np.empty((0, *self.row_shape), self.dtype)
        if numbers.min() < 0:
            name = self.names[positions[numbers.argmin()]]
            raise CnnRnnError(f"{name} has no features", "leave out the sources that failed")
        return self._shelves.read(numbers)

    def close(self) -> None:
        """Let go of the files."""
        self._shelves.close()
