"""Frames of a clip, one after the other: decoded from a file, or from an array.

PyAV decodes, and OpenCV does not, for reasons that were measured: both stand on the same FFmpeg
and take the same time to decode, but PyAV scales a frame while it turns it to RGB (a clip of
640 x 480 is read at 224 x 224 in half the time), decodes AV1, gives each frame's time, and goes on
behind damage where OpenCV stops (119 frames of a damaged file, against 61). FFmpeg decoded 6,000
files that were damaged at random without bringing the process down, so nothing is decoded in a
process of its own.

A damaged stream decoded in several threads differs from time to time. So several threads are a
first try: `Pass.clean` says whether it counts, and if not, one thread decodes again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from cnnrnn.media import images
from cnnrnn.media.opencv import cv2
from cnnrnn.media.source import Source
from cnnrnn.media.video_probe import Header, opened, probe, video_stream

ARRAY_RATE = 12.0  # frames in a second of clips that are no files
Wanted = Callable[[int], bool]


@dataclass
class Pass:
    """What one pass over the frames met."""

    times: list[float] = field(default_factory=list)  # of each frame, seconds; nan: unknown
    errors: int = 0  # packets that could not be decoded
    patched: int = 0  # frames in which the decoder filled gaps
    sizes: set[tuple[int, int]] = field(default_factory=set)  # width and height as stored
    rotation: int = 0  # degrees, against the clock

    @property
    def clean(self) -> bool:
        return not self.errors and not self.patched


class Reel(Protocol):
    """A clip that can be gone through any number of times.

    times: float64 (N,), when each frame is expected, in seconds; empty where nothing tells.
    duration: seconds.
    """

    name: str
    times: np.ndarray
    duration: float

    def frames(
        self,
        wanted: Wanted,
        size: tuple[int, int] | None = None,
        grey: bool = False,
        met: Pass | None = None,
        threads: int = 0,
    ) -> Iterator[tuple[int, np.ndarray | None]]:
        """All frames in order of showing.

        Args:
            wanted: of the number of a frame, from 0: whether its pixels are needed.
            size: height and width; None: those of the first wanted frame.
            grey: (h, w) instead of (h, w, 3) RGB.
            met: is told what was met.
            threads: of the decoder; 0: as many as it likes.

        Yields:
            (number, uint8 pixels, or None where not wanted).
        """


class FileReel:
    """A clip in a file.

    Raises:
        VideoError, CnnRnnError: see `video_probe.probe`.
    """

    def __init__(self, source: Source):
        self.source, self.name = source, source.name
        self.header: Header = probe(source)
        self.times, self.duration = self.header.times, self.header.duration

    def frames(
        self,
        wanted: Wanted,
        size: tuple[int, int] | None = None,
        grey: bool = False,
        met: Pass | None = None,
        threads: int = 0,
    ) -> Iterator[tuple[int, np.ndarray | None]]:
        met = Pass() if met is None else met
        picture = _Pictures(size, grey)
        for number, frame in enumerate(self._decoded(met, threads)):
            # `frame.time` is lost in the frames that the decoder holds till the end.
            met.times.append(math.nan if frame.pts is None else frame.pts * self.header.base)
            met.patched += frame.is_corrupt
            met.sizes.add((frame.width, frame.height))
            met.rotation = frame.rotation
            yield number, picture(frame) if wanted(number) else None

    def _decoded(self, met: Pass, threads: int) -> Iterator[Any]:
        with opened(self.source) as container:
            stream = video_stream(container, self.name)
            # A thread a frame, where there may be several: most streams have one slice a frame.
            stream.thread_type = "NONE" if threads == 1 else "AUTO"
            stream.codec_context.thread_count = threads
            # No stream makes more frames than this of its packets.
            left = 2 * len(self.header.stamps) + 100
            for packet in _packets(container, stream, met):
                try:
                    decoded = stream.codec_context.decode(packet)
                except (av.FFmpegError, OSError):
                    met.errors += 1
                    continue
                yield from decoded[:left]
                left -= len(decoded)
                if left <= 0:
                    return

    def sought(
        self, indices: np.ndarray, size: tuple[int, int] | None, grey: bool = False
    ) -> list[np.ndarray] | None:
        """Frames by seeking, each from the last key frame before it.

        Args:
            indices: rising; of `times`.

        Returns:
            One picture an index; None where a seek did not land on just the frame asked for.
        """
        picture, found = _Pictures(size, grey), {}
        with opened(self.source) as container:
            stream = video_stream(container, self.name)
            try:
                for index in np.unique(indices).tolist():
                    stamp = int(self.header.stamps[index])
                    container.seek(stamp, stream=stream, backward=True)
                    frame = next((f for f in container.decode(stream) if f.pts >= stamp), None)
                    if frame is None or frame.pts != stamp or frame.is_corrupt:
                        return None
                    found[index] = picture(frame)
            # TypeError: a frame without a time.
            except (av.FFmpegError, OSError, TypeError):
                return None
        return [found[index] for index in indices.tolist()]


def _packets(container: Any, stream: Any, met: Pass) -> Iterator[Any]:
    """The packets, and last None, which makes the decoder give what it still holds."""
    try:
        for packet in container.demux(stream):
            if packet.size:
                yield packet
    except (av.FFmpegError, OSError):
        met.errors += 1
    yield None


class _Pictures:
    """Decoded frames as upright arrays of one size."""

    def __init__(self, size: tuple[int, int] | None, grey: bool):
        self.size, self.format = size, "gray" if grey else "rgb24"
        self._reformatter = VideoReformatter()

    def __call__(self, frame: Any) -> np.ndarray:
        turns = round(frame.rotation / 90) % 4
        size = self.size or (frame.height, frame.width)[:: 1 if turns % 2 == 0 else -1]
        height, width = size[:: 1 if turns % 2 == 0 else -1]
        # AREA averages what shrinks; it also enlarges, but in blocks.
        shrinks = height <= frame.height and width <= frame.width
        scaled = self._reformatter.reformat(
            frame, width, height, self.format, interpolation="AREA" if shrinks else "BILINEAR"
        )
        self.size = size
        return np.rot90(scaled.to_ndarray(), turns) if turns else scaled.to_ndarray()


class ArrayReel:
    """A clip whose frames are there: uint8 (T, H, W, 3), RGB."""

    def __init__(self, name: str, array: np.ndarray):
        self.name, self.array = name, array
        self.times = np.arange(len(array)) / ARRAY_RATE
        self.duration = len(array) / ARRAY_RATE

    def frames(
        self,
        wanted: Wanted,
        size: tuple[int, int] | None = None,
        grey: bool = False,
        met: Pass | None = None,
        threads: int = 0,
    ) -> Iterator[tuple[int, np.ndarray | None]]:
        met = Pass() if met is None else met
        for number, frame in enumerate(self.array):
            met.times.append(float(self.times[number]))
            yield number, self._picture(frame, size, grey) if wanted(number) else None

    def _picture(
        self, frame: np.ndarray, size: tuple[int, int] | None, grey: bool
    ) -> np.ndarray:
        frame = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) if grey else frame
        return frame if size is None else images.resize(frame, size)


def missing_end(reel: FileReel | ArrayReel) -> str:
    """What a file lacks that was cut off, in words; "" for one that is whole."""
    # Fewer frames than the header counts are no sign: an edit list may leave some out.
    if not isinstance(reel, FileReel) or not reel.header.broken:
        return ""
    broken = reel.header.broken
    return f"damaged or cut short: {broken} packet{'s' * (broken > 1)} not whole"


def open_reel(source: Source) -> FileReel | ArrayReel:
    """The frames of a source.

    Raises:
        CnnRnnError: missing, unreadable, no video.
    """
    array = source.frames()
    return FileReel(source) if array is None else ArrayReel(source.name, array)
