"""Clips as a captioner takes them: one vector each, the mean of its frames, or a row of vectors.

It has what callers of `extractor.Extractor` use, so that clips and pictures pass the same code.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cnnrnn import console
from cnnrnn.errors import CnnRnnError
from cnnrnn.features.clips import ClipExtractor, ClipTable
from cnnrnn.media import images
from cnnrnn.media.medium import VIDEO_SUFFIXES
from cnnrnn.media.sampling import Sampling
from cnnrnn.media.source import Source


class ClipVectors:
    """Turns clips into vectors of one backbone.

    Args:
        backbone, weights, size: as in `Extractor`.
        frames: of a clip.
        mean: one vector (D,) a clip, the mean of its frames; else (frames, D), zeros behind the
            frames of a clip that has fewer.
    """

    def __init__(
        self,
        backbone: str,
        weights: str | Path = "auto",
        size: int | tuple[int, int] | None = None,
        frames: int = 8,
        mean: bool = True,
    ):
        self.clips = ClipExtractor(
            backbone=backbone, weights=weights, size=size, sampling=Sampling(frames)
        )
        self.mean = mean
        self.row_shape = self.clips.row_shape[1:] if mean else self.clips.row_shape

    @property
    def spec(self):
        """What identifies the features of the frames in the cache."""
        return self.clips.spec

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the network's input."""
        return self.clips.stream.extractor.size

    def content(self, source: Source) -> None:
        """Nothing: a film is not held in memory."""

    def pixels(self, source: Source, data: bytes | None = None) -> np.ndarray:
        """The frames of a clip that are looked at.

        Raises:
            CnnRnnError: it cannot be read, or is a picture.
        """
        suffix = source.path.suffix.lower() if source.path else ""
        if suffix in images.SUFFIXES - VIDEO_SUFFIXES:
            raise CnnRnnError(f"{source.name} is a picture, not a clip", "give a video file")
        return self.clips.pixels(source)

    def compute(self, steps: Sequence[np.ndarray]) -> np.ndarray:
        """The vectors of what `pixels` gave for some clips, float16 (n, *row_shape)."""
        return self.joined(*self.clips.compute_steps(steps))

    def extract(self, sources: Sequence[Source], progress: console.Progress | None = None):
        """See `pipeline.Pipeline.extract`."""
        return _Table(self.clips.extract(sources, progress), self)

    def joined(self, rows: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Vectors of frames (n, T, D) and which are real, as this gives them."""
        if not self.mean:
            return rows
        real = mask[..., None]
        total = np.where(real, rows, 0).astype(np.float32).sum(axis=1)
        return (total / np.maximum(real.sum(axis=1), 1)).astype(rows.dtype)


class _Table:
    """A `ClipTable` whose rows are those of a `ClipVectors`."""

    def __init__(self, table: ClipTable, vectors: ClipVectors):
        self.table, self.vectors, self.row_shape = table, vectors, vectors.row_shape
        self.ok, self.hits, self.misses = table.ok, table.hits, table.misses
        self.failures = table.failures

    def __len__(self) -> int:
        return len(self.table)

    def read(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """Vectors (n, *row_shape) of the clips with these numbers."""
        return self.vectors.joined(*self.table.read_masked(indices))
