"""Trial decoding: what is in a video file, against what it says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cnnrnn.media.source import Source
from cnnrnn.media.video import survey
from cnnrnn.media.video_decode import FileReel, Pass, missing_end, open_reel

# A frame that stays so many times as long as the usual one, or longer: the rate varies.
VARIES = 1.5


@dataclass(frozen=True)
class VideoReport:
    """What decoding a whole clip found.

    decoded: frames. header_frames: what the header says, None where it says nothing. width,
    height: upright, in pixels. fps: frames in a second, on average. duration: seconds. rotation:
    degrees against the clock by which the stored frames are turned, -180 to 180. problems: a line
    each; none where the clip is sound.
    """

    name: str
    decoded: int
    header_frames: int | None
    width: int
    height: int
    fps: float
    duration: float
    codec: str
    rotation: int
    problems: tuple[str, ...]


def check(source: Source) -> VideoReport:
    """Decode a clip from the beginning to the end.

    Raises:
        CnnRnnError: missing, unreadable, no video, no frames.
    """
    reel, met = open_reel(source), Pass()
    size = (0, 0)
    for _, frame in reel.frames(lambda number: number == 0, met=met, threads=1):
        size = size if frame is None else frame.shape[:2]
    found = survey(reel, met)
    decoded = len(found.times)
    fps = decoded / found.duration
    if not isinstance(reel, FileReel):
        return VideoReport(
            source.name, decoded, decoded, size[1], size[0], fps, found.duration, "array", 0, ()
        )
    header = reel.header
    return VideoReport(
        source.name, decoded, header.said, size[1], size[0], fps, found.duration,
        header.codec, met.rotation,
        (*_problems(reel, found.times), *found.notes),
    )  # fmt: skip


def _problems(reel: FileReel, times: np.ndarray) -> Iterator[str]:
    said, packets = reel.header.said, len(reel.header.stamps)
    if said is not None and said != len(times):
        yield f"the header says {said} frames, there are {len(times)}"
    if packets != len(times) and packets != said:
        yield f"{packets} frames are in the file, {len(times)} can be decoded"
    if cut := missing_end(reel):
        yield cut
    steps = np.diff(times)
    # One gap alone is a frame that was dropped; 1 ms is what MKV rounds times to.
    if len(steps) and np.sum(steps > VARIES * np.median(steps) + 1e-3) > 1:
        yield "the frame rate varies"
