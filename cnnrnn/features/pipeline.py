"""From sources to rows of the cache: the one path that pictures and clips share.

Sources are read, hashed, looked up and decoded in threads while the network computes. Memory holds
two batches of them, whatever their number; the features go to the cache batch by batch.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from cnnrnn import backend
from cnnrnn.errors import CnnRnnError
from cnnrnn.features.cache import FeatureSpec
from cnnrnn.features.table import FAILED, FeatureTable, Shelves
from cnnrnn.files import cache_root
from cnnrnn.media.source import Source

AHEAD = 2  # batches that may wait, decoded, for the network

# What the next batch is made of, by key: the pixels, and the positions in the table that want them.
_Waiting = dict[str, tuple[np.ndarray, list[int]]]


class Progress(Protocol):
    """What hears how far the work is; `console.Progress` is one."""

    def update(self, n: int = 1, note: str = "") -> None: ...


@dataclass(frozen=True)
class _Read:
    """One source as the threads leave it: a row, pixels to compute one from, or a reason."""

    name: str
    key: str = ""
    row: int = FAILED
    pixels: np.ndarray | None = None
    reason: str = ""


def cache_folder(cache_dir: Path | str | None = None) -> Path:
    """The folder of the feature cache: `cache_dir`, or else the user's own."""
    return Path(cache_dir).expanduser() if cache_dir else cache_root() / "features"


class Pipeline(ABC):
    """Sources to a table of features; what a source becomes, the subclasses say.

    Attributes:
        batch: sources whose rows are made together.
        cache_dir: folder of the cache.
        row_shape: the shape of one source's features.
    """

    batch: int
    cache_dir: Path
    row_shape: tuple[int, ...]

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """The shape of a row in the cache."""
        return self.row_shape

    def table(self, shelves: Shelves) -> FeatureTable:
        """An empty table of what `extract` gives."""
        return FeatureTable(shelves, self.row_shape, self.spec.dtype)

    @property
    @abstractmethod
    def spec(self) -> FeatureSpec:
        """What identifies the features in the cache."""

    @abstractmethod
    def content(self, source: Source) -> bytes | None:
        """What of a source is read once, for its key and its pixels; None: nothing is kept."""

    @abstractmethod
    def pixels(self, source: Source, data: bytes | None = None) -> np.ndarray:
        """What the rows are made of. Runs in the threads; `data` is what `content` gave.

        Raises:
            CnnRnnError: the source cannot be read.
        """

    @abstractmethod
    def rows(self, pixels: Sequence[np.ndarray]) -> np.ndarray:
        """What `pixels` gave for n sources, at most `batch`, to (n, *stored_shape)."""

    def extract(self, sources: Iterable[Source], progress: Progress | None = None) -> FeatureTable:
        """Features of many sources, through the cache.

        Args:
            sources: any number; they are taken one by one, as they are needed.
            progress: hears of every source that is done.

        Returns:
            A table with one entry a source; those that cannot be read are in its `failures`.

        Raises:
            CnnRnnError: the network cannot be built, or nothing takes its results.
        """
        shelves = Shelves(self.cache_dir, self.spec, self.stored_shape)
        table = self.table(shelves)
        waiting: _Waiting = {}
        try:
            for read in self._read_ahead(sources, shelves):
                self._enter(read, table, shelves, waiting)
                if len(waiting) == self.batch:
                    self._compute_waiting(waiting, table, shelves)
                if progress is not None:
                    progress.update(1)
            self._compute_waiting(waiting, table, shelves)
        finally:
            shelves.settle()
        return table

    def _enter(self, read: _Read, table: FeatureTable, shelves: Shelves, waiting: _Waiting) -> None:
        """Enter one source in the table, and among those waiting if it has to be computed."""
        position = table.add(read.name, read.key, read.row)
        if read.reason:
            table.failures.append((read.name, read.reason))
        elif read.pixels is None:
            table.hits += 1
        elif read.key in waiting:
            table.hits += 1
            waiting[read.key][1].append(position)
        # An equal picture may have been computed while this one was decoded.
        elif (row := shelves.find(read.key)) != FAILED:
            table.hits += 1
            table.place(position, row)
        else:
            table.misses += 1
            waiting[read.key] = (read.pixels, [position])

    def _compute_waiting(self, waiting: _Waiting, table: FeatureTable, shelves: Shelves) -> None:
        if not waiting:
            return
        features = self.rows([pixels for pixels, _ in waiting.values()])
        rows = shelves.keep(list(waiting), features)
        for row, (_, positions) in zip(rows.tolist(), waiting.values(), strict=True):
            for position in positions:
                table.place(position, row)
        waiting.clear()

    def _read(self, source: Source, shelves: Shelves) -> _Read:
        """Runs in the threads."""
        try:
            data = self.content(source)
            key = source.key(data)
            row = shelves.find(key)
            pixels = self.pixels(source, data) if row == FAILED else None
            return _Read(source.name, key, row, pixels)
        except CnnRnnError as error:
            return _Read(source.name, reason=str(error))

    def _read_ahead(self, sources: Iterable[Source], shelves: Shelves) -> Iterator[_Read]:
        """Sources as they are read, in order, with a bounded number under way."""
        pool = ThreadPoolExecutor(max(2, backend.threads()), thread_name_prefix="decode")
        ahead: deque[Future] = deque()
        try:
            for source in sources:
                ahead.append(pool.submit(self._read, source, shelves))
                if len(ahead) > AHEAD * self.batch:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
