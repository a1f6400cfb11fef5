"""The HDF5 file behind the feature cache: its layout, its birth, its growth and its lock.

One file holds the rows of one `FeatureSpec`. Any HDF5 tool reads it; `h5dump` shows:

    attribute `format`   fixed string  "cnnrnn-features-1"
    attribute `spec`     fixed string  JSON of the FeatureSpec
    `rows`       uint64 (2,)             number of committed rows, then its bitwise complement
    `features`   dtype (C, *row_shape)   the rows, valid below rows[0]; plain, 64 rows a chunk
    `keys`       uint8 (C, 16)           content hash of the row's source; all zero: dropped
    `checksums`  uint32 (C,)             crc32 of the key followed by the row; 0: dropped

C, the capacity, grows in steps. Chunks are allocated early and never filled, so the capacity
beyond the rows is a hole in the file that takes no disk where the file system knows holes.

What makes it survive `kill -9`: the HDF5 library never changes a file in use. Rows are written by
plain writes at the chunks' offsets, and count only once the 16 bytes of `rows`, written last, say
so. The metadata changes only when the capacity grows (`cache_growth`).
"""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import h5py
import numpy as np

from cnnrnn.errors import CnnRnnError

FORMAT = "cnnrnn-features-1"
BLOCK = 64  # rows of `features` in a chunk
INDEX_BLOCK = 4096  # rows of `keys` and `checksums` in a chunk: small rows, so more of them
KEY_BYTES = 16
TABLES = {"features": BLOCK, "keys": INDEX_BLOCK, "checksums": INDEX_BLOCK}
PAGE = 4096
# v110: all metadata carries checksums of its own. Chunks on page bounds keep rows aligned for
# numpy. HDF5's own file locks are off: `cache_lock` has the one that counts, and theirs would make
# a growth fail while somebody looks into the file.
HDF5 = {
    "libver": ("v110", "v110"),
    "locking": False,
    "alignment_threshold": 1024,
    "alignment_interval": PAGE,
}
# What h5py and the checks here raise for bytes that are not the file they should be.
UNREADABLE = (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError)
DISK_FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}


class CacheError(CnnRnnError):
    """The cache cannot be used; the features can still be computed without it."""


class CacheBusy(CacheError):
    """Another process is writing this file."""


class CacheFull(CacheError):
    """The disk, the quota or the largest file size is used up; rows already there stay."""


class CacheDamaged(CacheError):
    """The file, or some rows in it, are not what was written."""


@dataclass(frozen=True)
class Table:
    """Where the rows of one dataset lie.

    `chunks`: file offset of every chunk (int64); `block`: rows in a chunk; `row_shape` and `dtype`
    are those of a row.
    """

    chunks: np.ndarray
    block: int
    row_shape: tuple[int, ...]
    dtype: np.dtype

    @property
    def row_bytes(self) -> int:
        return self.dtype.itemsize * math.prod(self.row_shape)

    def offsets(self, rows: np.ndarray) -> np.ndarray:
        """The file offset of each of `rows`."""
        return self.chunks[rows // self.block] + rows % self.block * self.row_bytes

    def pieces(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """Rows [start, stop) as (file offset, first row, last row + 1), one per chunk."""
        while start < stop:
            end = min(stop, (start // self.block + 1) * self.block)
            offset = int(self.chunks[start // self.block]) + start % self.block * self.row_bytes
            yield offset, start, end
            start = end


@dataclass(frozen=True)
class Layout:
    """What a file says about itself; `size` is the length that HDF5 expects, in bytes."""

    spec: str
    capacity: int
    count_offset: int
    size: int
    tables: dict[str, Table]

    def metadata(self) -> Iterator[tuple[int, int]]:
        """The byte ranges [start, stop) between the chunks, in order."""
        extents = sorted(
            (int(offset), int(offset) + table.block * table.row_bytes)
            for table in self.tables.values()
            for offset in table.chunks
        )
        position = 0
        for start, stop in extents:
            if start > position:
                yield position, start
            position = stop
        if self.size > position:
            yield position, self.size


def beside(path: Path, suffix: str) -> Path:
    """A companion of the cache file: `.lock`, `.part` (being made), `.grow` (see the module)."""
    return path.with_name(path.name + suffix)


def disk_error(path: Path, error: Exception) -> CacheError:
    """The one-line form of a failure of the disk or its rights."""
    # h5py passes the system's error number on only as text, and a failed close as RuntimeError.
    number = getattr(error, "errno", None)
    if number in DISK_FULL or any(f"errno = {code}," in str(error) for code in DISK_FULL):
        return CacheFull(
            f"no room left for the feature cache {path}",
            "free some disk, or let `features --clear` empty the cache",
        )
    reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
    return CacheError(f"cannot use the feature cache {path}: {reason}", "check its folder")


def write_at(file: IO[bytes], offset: int, data: bytes | memoryview) -> None:
    """Write all of `data`, a buffer of bytes, at `offset` of an unbuffered file."""
    data = memoryview(data)
    file.seek(offset)
    while data:
        # A disk that is nearly full takes a part first and fails on the rest.
        data = data[file.write(data) :]


def sync(file: IO[bytes]) -> None:
    """Bring the file to the disk itself, so that it outlives a power cut."""
    os.fsync(file.fileno())


def create(path: Path, spec: str, row_shape: tuple[int, ...], dtype: np.dtype) -> None:
    """Make an empty cache file, in place of any other at `path`. Needs the writer's lock.

    Raises:
        CacheFull, CacheError: the disk does not take it; what was at `path` is still there.
    """
    part = beside(path, ".part")
    shapes = {"features": row_shape, "keys": (KEY_BYTES,), "checksums": ()}
    dtypes = {"features": dtype, "keys": np.dtype("u1"), "checksums": np.dtype("u4")}
    try:
        with h5py.File(part, "w", **HDF5) as file:
            file.attrs["format"] = np.bytes_(FORMAT)
            file.attrs["spec"] = np.bytes_(spec)
            file.create_dataset("rows", data=count_record(0))
            for name, block in TABLES.items():
                _create_table(file, name, shapes[name], dtypes[name], block)
        with open(part, "r+b", buffering=0) as file:
            sync(file)
        # A growth that was cut short belongs to the file that goes away now.
        beside(path, ".grow").unlink(missing_ok=True)
        os.replace(part, path)
    except (OSError, RuntimeError) as error:
        part.unlink(missing_ok=True)
        raise disk_error(path, error) from error


def _create_table(
    file: h5py.File, name: str, row_shape: tuple[int, ...], dtype: np.dtype, block: int
) -> None:
    options = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    options.set_chunk((block, *row_shape))
    options.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    options.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    space = h5py.h5s.create_simple((BLOCK, *row_shape), (h5py.h5s.UNLIMITED, *row_shape))
    h5py.h5d.create(file.id, name.encode(), h5py.h5t.py_create(dtype), space, options)


def count_record(rows: int) -> np.ndarray:
    """The content of the dataset `rows`."""
    return np.array([rows, ~np.uint64(rows)], np.uint64)


def read_layout(path: Path) -> Layout:
    """Read and check the metadata of the file at `path`.

    Raises:
        CacheDamaged: it is truncated, not HDF5, or not laid out as this module says.
        FileNotFoundError, PermissionError: it cannot be opened.
    """
    length = os.stat(path).st_size
    with open(path, "rb"):  # tells a missing right from a missing header, which h5py does not
        pass
    try:
        with h5py.File(path, "r", locking=False) as file:
            if bytes(file.attrs["format"]) != FORMAT.encode():
                raise ValueError("another version's format")
            tables = {name: _read_table(file[name], block) for name, block in TABLES.items()}
            layout = Layout(
                spec=bytes(file.attrs["spec"]).decode(),
                capacity=len(file["features"]),
                count_offset=file["rows"].id.get_offset() or 0,
                size=_end_of_file(path),
                tables=tables,
            )
            _check(layout, file, length)
            return layout
    except UNREADABLE as error:
        reason = str(error).strip("'\"").splitlines()[0] if str(error) else type(error).__name__
        raise CacheDamaged(f"the feature cache {path} is damaged: {reason}") from error


def _read_table(dataset: h5py.Dataset, block: int) -> Table:
    filters = dataset.id.get_create_plist().get_nfilters()
    if filters or dataset.chunks != (block, *dataset.shape[1:]):
        raise ValueError(f"`{dataset.name}` is chunked otherwise")
    count = -(-len(dataset) // block)
    if dataset.id.get_num_chunks() != count:
        raise ValueError(f"`{dataset.name}` lacks chunks")
    chunks = np.full(count, -1, np.int64)

    def store(info: h5py.h5d.StoreInfo) -> None:
        chunks[info.chunk_offset[0] // block] = info.byte_offset

    dataset.id.chunk_iter(store)
    return Table(chunks, block, dataset.shape[1:], dataset.dtype)


def _end_of_file(path: Path) -> int:
    # Superblock version 3: signature 8, version 1, sizes 2, flags 1, base 8, extension 8, end 8.
    with open(path, "rb") as file:
        return int.from_bytes(file.read(36)[28:], "little")


def _check(layout: Layout, file: h5py.File, length: int) -> None:
    if length < layout.size:
        raise ValueError("it is truncated")
    if not layout.capacity or layout.capacity % BLOCK:
        raise ValueError("its capacity is no multiple of the block")
    if any(len(file[name]) != layout.capacity for name in TABLES):
        raise ValueError("its datasets differ in length")
    for table in layout.tables.values():
        ends = table.chunks + table.block * table.row_bytes
        if table.chunks.min() < 0 or ends.max() > layout.size:
            raise ValueError("a chunk lies outside of it")
        if np.any(table.chunks % table.dtype.itemsize):
            raise ValueError("a chunk is not aligned")
    if file["rows"].shape != (2,) or file["rows"].dtype != np.uint64:
        raise ValueError("it has no row count")
    # 16 bytes on a multiple of 16 lie in one page, which a kill leaves written whole or not at all.
    if layout.count_offset <= 0 or layout.count_offset % 16:
        raise ValueError("its row count is misplaced")


def drop_rows(file: IO[bytes], layout: Layout, rows: np.ndarray) -> None:
    """Take away the key and the checksum of `rows` (int64). Needs the writer's lock."""
    for name in ("keys", "checksums"):
        table = layout.tables[name]
        for offset in table.offsets(rows).tolist():
            write_at(file, offset, bytes(table.row_bytes))
