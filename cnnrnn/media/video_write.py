"""Clips to files: MP4 (H.264, which every browser plays) and GIF, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import IO

import av
import numpy as np
from PIL import Image

from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.files import atomic_write
from cnnrnn.media import images

# The first that this FFmpeg has; builds without H.264 have MPEG-4.
CODECS = {"libx264": {"crf": "20", "preset": "veryfast"}, "mpeg4": {"qscale": "3"}}
COLOURS = 128  # of a GIF's palette: more hardly shows and makes files half as large again


def write(path: Path | str, frames: Iterable[np.ndarray], fps: float = 12.0) -> None:
    """Write a clip; the suffix gives the format.

    Args:
        path: `.mp4` or `.gif`.
        frames: uint8 (H, W, 3), RGB, all of one size; taken one by one.
        fps: frames in a second, above 0.

    Raises:
        UsageError: another suffix; a rate that cannot be meant.
        CnnRnnError: no frames, frames of several sizes, a disk that does not take the file.
    """
    writer = WRITERS.get(os.path.splitext(path)[1].lower())
    if writer is None:
        raise UsageError(f"cannot write clips as '{path}'", "use " + " or ".join(WRITERS))
    if not 0 < fps <= 1000:
        raise UsageError(f"{fps:g} frames in a second", "above 0, at most 1000")
    pictures = (images.rgb(frame, "frame") for frame in frames)
    first = next(pictures, None)
    if first is None:
        raise CnnRnnError(f"no frames to write to {path}")
    with atomic_write(path) as file:
        writer(file, _alike(first, pictures), fps)


def _alike(first: np.ndarray, others: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    for frame in chain([first], others):
        if frame.shape != first.shape:
            raise CnnRnnError(f"a frame of {frame.shape} among those of {first.shape}")
        yield frame


def _mp4(file: IO[bytes], frames: Iterator[np.ndarray], fps: float) -> None:
    codec = next(name for name in CODECS if name in av.codecs_available)
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream(codec, Fraction(fps).limit_denominator(1001))
        stream.pix_fmt, stream.options = "yuv420p", CODECS[codec]
        for number, frame in enumerate(frames):
            # Colour is stored for two by two pixels: an odd side is repeated once.
            frame = np.pad(frame, [(0, s % 2) for s in frame.shape[:2]] + [(0, 0)], "edge")
            if not number:
                stream.height, stream.width = frame.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        container.mux(stream.encode())


def _gif(file: IO[bytes], frames: Iterator[np.ndarray], fps: float) -> None:
    pictures = (Image.fromarray(frame).quantize(COLOURS) for frame in frames)
    # GIF counts hundredths of a second, and players take less than 2 for 10.
    duration = max(2, round(100 / fps)) * 10
    next(pictures).save(
        file, "GIF", save_all=True, append_images=pictures, duration=duration, loop=0
    )


WRITERS: dict[str, Callable[[IO[bytes], Iterator[np.ndarray], float], None]] = {
    ".mp4": _mp4,
    ".gif": _gif,
}
