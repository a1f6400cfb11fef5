"""From sources to features: the one path that training and prediction share.

Pictures are read, hashed, looked up and decoded in threads while the network computes. A picture's
bytes are read once, so that the key in the cache is that of the pixels in the network. Memory holds
two batches of pictures, whatever their number; the features go to the cache batch by batch.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

from cnnrnn import backend
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.features import backbones, engines
from cnnrnn.features.cache import FeatureSpec
from cnnrnn.features.table import FAILED, FeatureTable, Shelves
from cnnrnn.files import cache_root
from cnnrnn.media import images
from cnnrnn.media.sources import Source

VARIANTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "": lambda pictures: pictures,
    "mirror": lambda pictures: pictures[:, :, ::-1],  # (B, h, w, 3)
}
PIXELS_VERSION = 1  # counts up when decoding or resizing changes what `pixels` holds
FLOAT16_MAX = float(np.finfo(np.float16).max)
AHEAD = 2  # batches that may wait, decoded, for the network

# Pictures of the next batch, by key: the pixels, and the positions in the table that want them.
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


class Extractor:
    """Turns pictures into the features of one backbone.

    Args:
        backbone: a name in `backbones.REGISTRY`.
        weights: `auto` (shipped, or else imagenet), `imagenet`, `random` or a path.
        output: `grid` (H, W, D), `pooled` (D,) or `pixels` (h, w, 3).
        size: side of the network's input in pixels, or (height, width); None: its usual one.
        variant: "" or `mirror` (left and right exchanged before the network).
        engine: `auto` or a name in `engines.ENGINES`.
        batch: pictures that pass the network together.
        cache_dir: folder of the cache; None: the user's.

    Raises:
        UsageError: an argument that cannot be meant.
        CnnRnnError: the weights are not there.

    Keras is imported when the first picture has to be computed, not before.
    """

    def __init__(
        self,
        backbone: str = "scenes",
        weights: str | Path = "auto",
        output: str = "grid",
        size: int | tuple[int, int] | None = None,
        variant: str = "",
        engine: str = "auto",
        batch: int = 32,
        cache_dir: Path | str | None = None,
    ):
        self.backbone = backbones.get(backbone)
        self.weights, self.output, self.engine = str(weights), output, engine
        self.size = self.backbone.input_size(size, output)
        self.row_shape = self.backbone.row_shape(output, self.size)
        engines.check(engine)
        if variant not in VARIANTS:
            raise UsageError(f"no variant {variant!r}", "mirror, or nothing")
        if batch < 1:
            raise UsageError(f"a batch of {batch}", "at least 1")
        self.variant, self.batch = variant, batch
        self.cache_dir = cache_folder(cache_dir)
        if output != "pixels":
            self.backbone.weights_file(self.weights, output, self.size)

    @cached_property
    def spec(self) -> FeatureSpec:
        """What identifies the features in the cache.

        Raises:
            CnnRnnError: ImageNet weights that are not there yet and cannot be downloaded.
        """
        height, width = self.size
        size = height if height == width else self.size
        if self.output == "pixels":
            # Pixels are the same for every network that takes this size.
            return FeatureSpec(
                "pixels", "", "pixels", size, "uint8", PIXELS_VERSION, variant=self.variant
            )
        return FeatureSpec(
            self.backbone.name,
            self.backbone.weights_hash(self.weights, self.output, self.size),
            self.output,
            size,
            preprocessing=self.backbone.preprocessing,
            variant=self.variant,
        )

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
        shelves = Shelves(self.cache_dir, self.spec, self.row_shape)
        table = FeatureTable(shelves, self.row_shape, self.spec.dtype)
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

    def compute(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """Features of a few pictures, without the cache, by the same path.

        Args:
            pictures: uint8 (H, W, 3) RGB each, of any sizes.

        Returns:
            float16 (n, *row_shape); uint8 for the output `pixels`.

        Raises:
            CnnRnnError: an array that is no picture; the network cannot be built.
        """
        rows = np.empty((len(pictures), *self.row_shape), self._dtype)
        for first in range(0, len(pictures), self.batch):
            some = pictures[first : first + self.batch]
            fitted = [images.resize(images.rgb(picture), self.size) for picture in some]
            rows[first : first + len(some)] = self._features(np.stack(fitted))
        return rows

    def pixels(self, source: Source, data: bytes | None = None) -> np.ndarray:
        """A source at the size that the network takes: uint8 (h, w, 3), RGB.

        A picture read by this gives the same features through `compute` as through `extract`.

        Args:
            source: where the picture is.
            data: the file's bytes, where they were read already.

        Raises:
            CnnRnnError: it cannot be read.
        """
        return images.resize(source.read(max(self.size), data), self.size)

    @property
    def _dtype(self) -> str:
        return "uint8" if self.output == "pixels" else "float16"

    @cached_property
    def _engine(self) -> Callable[[np.ndarray], np.ndarray]:
        return engines.make(self.backbone.build(self.weights, self.output, self.size), self.engine)

    def _features(self, pictures: np.ndarray) -> np.ndarray:
        """uint8 (B, h, w, 3) -> (B, *row_shape)."""
        pictures = VARIANTS[self.variant](pictures)
        if self.output == "pixels":
            return pictures
        rows = self._engine(np.ascontiguousarray(pictures))
        # Beyond float16 a feature would become infinite, and every loss not a number.
        return np.clip(rows, -FLOAT16_MAX, FLOAT16_MAX).astype(np.float16)

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
        features = self._features(np.stack([pixels for pixels, _ in waiting.values()]))
        rows = shelves.keep(list(waiting), features)
        for row, (_, positions) in zip(rows.tolist(), waiting.values(), strict=True):
            for position in positions:
                table.place(position, row)
        waiting.clear()

    def _read(self, source: Source, shelves: Shelves) -> _Read:
        """Runs in the threads."""
        try:
            data = source.content()
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
