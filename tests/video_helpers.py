"""What the tests of video share: small files whose frames tell their own number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from cnnrnn.media.source import Source

STEP = 8  # grey levels from one frame to the next: above what the codecs lose
CODECS = {  # suffix and codec -> options
    (".mp4", "libx264"): {"crf": "10"},
    (".mkv", "libx264"): {"crf": "10"},
    (".avi", "mpeg4"): {"qmin": "2", "qmax": "3"},
    (".webm", "libvpx-vp9"): {"crf": "20", "deadline": "realtime"},
    (".ts", "mpeg2video"): {"qmin": "2", "qmax": "3"},
    (".mp4", "libsvtav1"): {"preset": "12", "crf": "20"},
}


def greys(count: int, size: tuple[int, int] = (64, 80)) -> np.ndarray:
    """uint8 (count, *size, 3): frame i is evenly grey, 8 (i % 30)."""
    values = (np.arange(count) % 30 * STEP).astype(np.uint8)
    return np.broadcast_to(values[:, None, None, None], (count, *size, 3)).copy()


def numbers(frames: np.ndarray) -> list[int]:
    """Which frames of `greys` these are."""
    return np.rint(frames.mean((1, 2, 3)) / STEP).astype(int).tolist()


def encode(
    path: Path,
    frames: Iterable[np.ndarray],
    codec: str = "libx264",
    rate: int = 25,
    times: Sequence[float] | None = None,
    gop: int = 12,
    options: dict[str, str] | None = None,
    file=None,
) -> Source:
    """Write a video file; `times` (seconds) instead of a constant rate; to `file` if given."""
    container = av.open(file or str(path), "w", format="matroska" if file else None)
    with container:
        stream = container.add_stream(codec, rate)
        stream.pix_fmt, stream.gop_size = "yuv420p", gop
        stream.options = options if options is not None else CODECS.get((path.suffix, codec), {})
        if times is not None:
            stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for number, array in enumerate(frames):
            if not number:
                stream.height, stream.width = array.shape[:2]
            frame = av.VideoFrame.from_ndarray(array, "rgb24")
            frame.pts = number if times is None else round(1000 * times[number])
            frame.time_base = Fraction(1, rate) if times is None else Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return Source(path.name, path)


def encode_sound(path: Path) -> Source:
    """A second of silence."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", 44100)
        for number in range(43):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            frame.rate, frame.pts = 44100, number * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return Source(path.name, path)


def turned(source: Source) -> Source:
    """The same MP4 file, with a note that it is to be turned by 90 degrees."""
    one, last = (1 << 16).to_bytes(4, "big"), (1 << 30).to_bytes(4, "big")
    zero, minus = bytes(4), (0xFFFF0000).to_bytes(4, "big")
    upright = one + 3 * zero + one + 3 * zero + last
    quarter = zero + one + zero + minus + 4 * zero + last
    data = source.path.read_bytes()
    # The first matrix is that of the film, the second that of its track.
    at = data.index(upright, data.index(upright) + 1)
    source.path.write_bytes(data[:at] + quarter + data[at + len(upright) :])
    return source


def square(places: list[int]) -> np.ndarray:
    """A patterned square of 32 pixels that is at these columns of 160, in the middle row."""
    frames = np.zeros((len(places), 120, 160, 3), np.uint8)
    pattern = np.random.default_rng(0).integers(60, 255, (32, 32, 1), np.uint8)
    for frame, place in zip(frames, places, strict=True):
        frame[44:76, place : place + 32] = pattern
    return frames


def clip(first: int, count: int = 8, size: tuple[int, int] = (32, 32)) -> np.ndarray:
    """Frames with the even values first, first + 1 ..."""
    values = np.arange(first, first + count, dtype=np.uint8)
    return np.broadcast_to(values[:, None, None, None], (count, *size, 3)).copy()
