"""The streams of a clip: what is looked at in each of its steps.

    rgb     the sampled frame through a backbone: pooled, grid (2x2 cells if asked), or its pixels
    motion  how much each place changed, a grey picture of 15 x 20 cells
    flow    where each place went, 15 x 20 cells of two numbers

A stream turns a source into n steps, at most `sampling.frames`, and those into rows. Shapes: T
steps, h x w pixels or cells, D features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from cnnrnn import console
from cnnrnn.errors import UsageError
from cnnrnn.features import motion
from cnnrnn.features.cache import FeatureSpec
from cnnrnn.features.extractor import Extractor
from cnnrnn.media import video
from cnnrnn.media.sampling import Sampling
from cnnrnn.media.source import Source
from cnnrnn.media.video_windows import windows

READING_VERSION = 1  # counts up when the choice, decoding or resizing of frames changes
MOTION_VERSION = 1  # the same for what is made of neighbouring frames


@dataclass(frozen=True)
class Settings:
    """What a stream is asked for; `motion` and `flow` need no backbone.

    backbone, weights, output, engine, batch: as in `Extractor`. size: of the backbone's input, or
    the cells (height, width) of motion and flow. grid: `2x2` averages the backbone's grid to so
    many cells. sampling: which frames.
    """

    backbone: str = "scenes"
    weights: str | Path = "auto"
    output: str = "pooled"
    size: int | tuple[int, int] | None = None
    sampling: Sampling = Sampling()
    grid: str | None = None
    engine: str = "auto"
    batch: int = 32


class Stream(Protocol):
    """One way of looking at a clip.

    frame_shape: of one step's features. spec: what identifies them in the cache.
    """

    frame_shape: tuple[int, ...]

    @property
    def spec(self) -> FeatureSpec: ...

    def steps(self, source: Source, threads: int) -> np.ndarray:
        """What the rows of a clip are made of, (n, ...)."""

    def windows(
        self, source: Source, seconds: float, step: float
    ) -> Iterator[tuple[float, float, np.ndarray]]:
        """Start, end and steps of windows that slide over a clip."""

    def features(self, steps: np.ndarray) -> np.ndarray:
        """The steps of some clips in a row, (N, ...), to (N, *frame_shape)."""


class Rgb:
    """Frames through a backbone."""

    def __init__(self, settings: Settings):
        self.sampling, self.cells = settings.sampling, _cells(settings)
        self.extractor = Extractor(
            settings.backbone, settings.weights, settings.output, settings.size,
            engine=settings.engine, batch=settings.batch,
        )  # fmt: skip
        shape = self.extractor.row_shape
        if self.cells and (self.cells[0] > shape[0] or self.cells[1] > shape[1]):
            raise UsageError(
                f"a grid of {settings.grid} cells",
                f"{settings.backbone} has {shape[0]}x{shape[1]} at this size",
            )
        self.frame_shape = (*self.cells, shape[2]) if self.cells else shape

    @property
    def spec(self) -> FeatureSpec:
        spec = self.extractor.spec
        cells = "-{}x{}".format(*self.cells) if self.cells else ""
        variant = f"{self.sampling.name}{cells}-v{READING_VERSION}"
        return FeatureSpec(
            spec.backbone, spec.weights_hash, spec.output, spec.size, spec.dtype,
            spec.preprocessing, variant,
        )  # fmt: skip

    def steps(self, source: Source, threads: int) -> np.ndarray:
        clip = video.read(source, self.sampling, self.extractor.size, threads)
        if clip.cut:
            console.warn(f"{source.name} is {clip.cut}")
        return clip.frames

    def windows(
        self, source: Source, seconds: float, step: float
    ) -> Iterator[tuple[float, float, np.ndarray]]:
        size, frames = self.extractor.size, self.sampling.frames
        for start, end, clip in windows(source, seconds, step, frames, size):
            yield start, end, clip.frames

    def features(self, steps: np.ndarray) -> np.ndarray:
        rows = self.extractor.compute(steps)
        return _averaged(rows, self.cells) if self.cells else rows


def _cells(settings: Settings) -> tuple[int, int] | tuple[()]:
    if settings.grid is None:
        return ()
    parts = settings.grid.lower().split("x")
    if len(parts) != 2 or not all(part.isdecimal() and int(part) for part in parts):
        raise UsageError(f"a grid of '{settings.grid}'", "for example 2x2")
    if settings.output != "grid":
        raise UsageError(f"a grid of {settings.grid} cells of {settings.output}", "output grid")
    return int(parts[0]), int(parts[1])


def _averaged(rows: np.ndarray, cells: tuple[int, int]) -> np.ndarray:
    """(N, H, W, D) -> (N, *cells, D); parts overlap by a cell where they do not divide."""
    for axis, count in zip((1, 2), cells, strict=True):
        side = rows.shape[axis]
        parts = [
            np.take(rows, np.arange(i * side // count, -(-(i + 1) * side // count)), axis)
            for i in range(count)
        ]
        rows = np.stack([part.mean(axis, dtype=np.float32) for part in parts], axis)
    return rows.astype(np.float16)


class _Moved:
    """What neighbouring frames differ in."""

    name: str
    channels: tuple[int, ...] = ()

    def __init__(self, settings: Settings):
        size = settings.size or motion.CELLS
        self.sampling = settings.sampling
        self.cells = (size, size) if isinstance(size, int) else tuple(size)
        if min(self.cells) < 1 or any(np.greater(self.cells, motion.COMPARED)):
            height, width = motion.COMPARED
            raise UsageError(
                "{} of {}x{} cells".format(self.name, *self.cells), f"at most {height}x{width}"
            )
        self.frame_shape = (*self.cells, *self.channels)

    def compare(self) -> motion.Compare:
        """For one thread."""
        raise NotImplementedError

    @property
    def spec(self) -> FeatureSpec:
        return FeatureSpec(
            self.name, "", "steps", self.cells, "float16", MOTION_VERSION,
            f"{self.sampling.name}-v{READING_VERSION}",
        )  # fmt: skip

    def steps(self, source: Source, threads: int) -> np.ndarray:
        return motion.steps(source, self.sampling, self.compare(), self.frame_shape, threads)

    def windows(
        self, source: Source, seconds: float, step: float
    ) -> Iterator[tuple[float, float, np.ndarray]]:
        return motion.windows(
            source, seconds, step, self.sampling.frames, self.compare(), self.frame_shape
        )

    def features(self, steps: np.ndarray) -> np.ndarray:
        return steps.astype(np.float16)


class Motion(_Moved):
    """How much each place changed, 0 to 255."""

    name = "motion"

    def compare(self) -> motion.Compare:
        return motion.difference


class Flow(_Moved):
    """Where each place went, right and down, in per cent of width and height a frame."""

    name, channels = "flow", (2,)

    def compare(self) -> motion.Compare:
        return motion.Flow()


STREAMS: dict[str, Callable[[Settings], Stream]] = {"rgb": Rgb, "motion": Motion, "flow": Flow}


def make(name: str, settings: Settings) -> Stream:
    """The stream of that name.

    Raises:
        UsageError: there is none, or its settings cannot be meant.
        CnnRnnError: the weights are not there.
    """
    if name not in STREAMS:
        raise UsageError(f"no stream {name!r}", f"one of {', '.join(STREAMS)}")
    return STREAMS[name](settings)


def joined(clips: Sequence[np.ndarray], stream: Stream) -> list[np.ndarray]:
    """The features of some clips, (n, *frame_shape) each; their frames share batches."""
    ends = np.cumsum([len(clip) for clip in clips])
    return np.split(stream.features(np.concatenate(clips)), ends[:-1])
