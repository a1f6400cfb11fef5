"""From clips to features, through the cache: one row is one clip.

A row of the cache is flat: first the number n of steps that are real, then T steps of which those
from n on are zero. `ClipTable` gives them back as (T, *frame_shape) with a mask.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from cnnrnn.errors import UsageError
from cnnrnn.features import streams
from cnnrnn.features.cache import FeatureSpec
from cnnrnn.features.pipeline import Pipeline, cache_folder
from cnnrnn.features.table import FeatureTable, Shelves
from cnnrnn.media.sampling import Sampling
from cnnrnn.media.source import Source

# The largest number of steps that the first number of a row can hold.
MOST_STEPS = {"uint8": 255, "float16": 2048}


class ClipTable(FeatureTable):
    """What `ClipExtractor.extract` gives: one entry for each clip, in their order."""

    def __init__(self, shelves: Shelves, row_shape: Sequence[int], dtype: str):
        super().__init__(shelves, row_shape, dtype)
        self._counts = array("h")  # real steps by position; -1 where no row was read yet

    def read(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """Features of clips: (n, T, *frame_shape), zeros where a clip has no more steps.

        Args:
            indices: positions in the list of sources, in any order.

        Raises:
            CnnRnnError: a source without features; damage in the cache since the extraction.
        """
        return self.read_masked(indices)[0]

    def mask(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """Which steps are real: bool (n, T). Costs nothing for clips that were read before."""
        positions = np.asarray(indices, np.int64)
        unread = [i for i in positions.tolist() if self._count(i) < 0]
        if unread:
            self.read_masked(unread)
        return self._mask(positions)

    def read_masked(self, indices: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`read` and `mask` in one."""
        positions = np.asarray(indices, np.int64)
        if not len(positions):
            return np.zeros((0, *self.row_shape), self.dtype), self._mask(positions)
        stored = super().read(positions)
        for position, count in zip(positions.tolist(), stored[:, 0].tolist(), strict=True):
            self._count(position)
            self._counts[position] = int(count)
        return stored[:, 1:].reshape(len(stored), *self.row_shape), self._mask(positions)

    def _count(self, position: int) -> int:
        if position >= len(self._counts):
            self._counts.extend([-1] * (len(self) - len(self._counts)))
        return self._counts[position]

    def _mask(self, positions: np.ndarray) -> np.ndarray:
        counts = np.array([self._counts[i] for i in positions.tolist()], np.int64)
        return np.arange(self.row_shape[0]) < counts[:, None]


class ClipExtractor(Pipeline):
    """Turns clips into the features of their steps.

    Args:
        backbone: a name in `backbones.REGISTRY`; streams `motion` and `flow` need none.
        weights, output, size, engine: as in `Extractor`; `size` is (height, width) in cells for
            `motion` and `flow`.
        sampling: which frames.
        stream: a name in `streams.STREAMS`.
        grid: `2x2` averages the backbone's grid to so many cells (output `grid`).
        batch: frames that pass the network together, of several clips if need be.
        cache_dir: folder of the cache; None: the user's.

    Attributes:
        row_shape: (T, *frame_shape).

    Raises:
        UsageError: an argument that cannot be meant.
        CnnRnnError: the weights are not there.
    """

    def __init__(
        self,
        backbone: str = "scenes",
        weights: str | Path = "auto",
        output: str = "pooled",
        size: int | tuple[int, int] | None = None,
        sampling: Sampling = Sampling(),  # noqa: B008 - frozen
        stream: str = "rgb",
        grid: str | None = None,
        engine: str = "auto",
        batch: int = 32,
        cache_dir: Path | str | None = None,
    ):
        settings = streams.Settings(
            backbone, weights, output, size, sampling, grid, engine, batch
        )
        self.sampling = sampling
        self.stream = streams.make(stream, settings)
        self.row_shape = (sampling.frames, *self.stream.frame_shape)
        self.dtype = "uint8" if stream == "rgb" and output == "pixels" else "float16"
        if sampling.frames > MOST_STEPS[self.dtype]:
            raise UsageError(
                f"{sampling.frames} frames of a clip", f"at most {MOST_STEPS[self.dtype]} here"
            )
        # Two batches of frames: most clips fill one only in part.
        self.batch = max(1, 2 * batch // sampling.frames)
        self.cache_dir = cache_folder(cache_dir)

    @property
    def spec(self) -> FeatureSpec:
        """What identifies the features in the cache."""
        return self.stream.spec

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """Flat, with the number of real steps before them."""
        return (1 + math.prod(self.row_shape),)

    def table(self, shelves: Shelves) -> ClipTable:
        """An empty table."""
        return ClipTable(shelves, self.row_shape, self.dtype)

    def content(self, source: Source) -> None:
        """Nothing: a video is hashed in blocks and decoded from its file, never held."""

    def pixels(self, source: Source, data: bytes | None = None) -> np.ndarray:
        """What the rows of a clip are made of: (n, ...), n at most T."""
        return self.stream.steps(source, threads=1)

    def rows(self, pixels: Sequence[np.ndarray]) -> np.ndarray:
        """What `pixels` gave for some clips, as rows of the cache."""
        stored = np.zeros((len(pixels), *self.stored_shape), self.dtype)
        for row, features in zip(stored, streams.joined(pixels, self.stream), strict=True):
            row[0] = len(features)
            row[1 : 1 + features.size] = features.ravel()
        return stored

    def compute(self, clips: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Features of a few clips that are arrays, without the cache, by the same path.

        Args:
            clips: uint8 (frames, H, W, 3) RGB each, all frames or those that `video.read` gave.

        Returns:
            (n, T, *frame_shape), and the mask, bool (n, T).

        Raises:
            CnnRnnError: an array that is no clip; the network cannot be built.
        """
        sources = [Source(f"clip {number}", array=clip) for number, clip in enumerate(clips)]
        return self.compute_steps([self.pixels(source) for source in sources])

    def compute_steps(self, steps: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """The same from what `pixels` or `windows` gave."""
        rows = np.zeros((len(steps), *self.row_shape), self.dtype)
        mask = np.zeros(rows.shape[:2], bool)
        for first in range(0, len(steps), self.batch):
            some = streams.joined(steps[first : first + self.batch], self.stream)
            for number, features in enumerate(some, first):
                rows[number, : len(features)] = features
                mask[number, : len(features)] = True
        return rows, mask

    def windows(
        self, source: Source, seconds: float, step: float
    ) -> Iterator[tuple[float, float, np.ndarray]]:
        """Windows that slide over a clip, for `compute_steps`.

        Args:
            seconds: a window's duration; a shorter clip is one window.
            step: seconds from one beginning to the next.

        Yields:
            (start, end, steps): seconds, and (n, ...) as `pixels` gives.

        Raises:
            UsageError: a duration or step that is not above 0.
            CnnRnnError: missing, unreadable, no video, no frames.
        """
        return self.stream.windows(source, seconds, step)
