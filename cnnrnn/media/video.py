"""Clips: video files, arrays and the built-in clips to frames.

    clip = read(source, Sampling(16), (224, 224))
    clip.frames      # uint8 (16, 224, 224, 3), RGB, upright
    clip.total       # how many frames there really are

A first look goes over the packets (`video_probe`) and says which frames are wanted; one pass
decodes. Where that pass met another number of frames than the packets promised, the frames are
chosen again from those that are there. Long files are sought through instead (`LONG`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from cnnrnn.errors import UsageError
from cnnrnn.media.medium import VIDEO_SUFFIXES
from cnnrnn.media.sampling import Plan, Sampling, window
from cnnrnn.media.source import Source
from cnnrnn.media.video_decode import FileReel, Pass, Reel, open_reel
from cnnrnn.media.video_probe import VideoError

__all__ = [
    "VIDEO_SUFFIXES", "Clip", "Sampling", "Survey", "VideoError", "gather", "open_reel", "read",
    "windows",
]  # fmt: skip

# Frames from which on seeking pays, if the key frames lie close enough: some three minutes. Only in
# containers with an index that says where each frame is.
LONG = 5000
SOUGHT = ("mov", "matroska")


@dataclass(frozen=True)
class Clip:
    """Some frames of a clip, in order.

    frames: uint8 (n, H, W, 3), RGB. times: float64 (n,), when each appears, in seconds. total: how
    many frames there are. duration: of the whole clip, in seconds. notes: what is wrong or was done
    otherwise, a line each.
    """

    frames: np.ndarray
    times: np.ndarray
    total: int
    duration: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Survey:
    """When the frames of a clip really appear, and what was met on the way."""

    times: np.ndarray
    duration: float
    met: Pass

    @property
    def notes(self) -> tuple[str, ...]:
        met, notes = self.met, []
        if met.errors:
            notes.append(f"{met.errors} {'packets' if met.errors > 1 else 'packet'} not decodable")
        if met.patched:
            notes.append(f"{met.patched} {'frames' if met.patched > 1 else 'frame'} damaged")
        if len(met.sizes) > 1:
            sizes = " and ".join(f"{width} x {height}" for width, height in sorted(met.sizes))
            notes.append(f"the resolution changes: {sizes}")
        return tuple(notes)


def survey(reel: Reel, met: Pass) -> Survey:
    """What a whole pass found: `reel.times` where it gave as many frames, else the frames' own.

    Raises:
        VideoError: no frame at all.
    """
    count = len(met.times)
    if not count:
        raise VideoError(f"{reel.name} holds no frame that can be decoded", "download it again")
    if count == len(reel.times):
        return Survey(reel.times, reel.duration, met)
    step = reel.duration / max(len(reel.times), 1) or 1 / 25
    times = np.array(met.times)
    # The last frames of a damaged stream come without a time.
    for number in np.flatnonzero(np.isnan(times)).tolist():
        times[number] = times[number - 1] + step if number else 0.0
    times -= times[0]
    if np.any(np.diff(times) <= 0) or times[-1] > max(reel.duration, count * step) + 1:
        times = np.arange(count) * step
    return Survey(times, float(times[-1]) + step, met)


def gather(reel: Reel, visit, threads: int = 0) -> Survey:
    """Go through a clip until what was visited agrees with the frames that there are.

    Args:
        visit: `visit(times, duration, met, threads)` makes one pass with `reel.frames` and keeps
            what it gathers; the last call counts.
        threads: as in `Reel.frames`.
    """
    times, duration = reel.times, reel.duration
    for _ in range(3):
        met = Pass()
        visit(times, duration, met, threads)
        found = survey(reel, met)
        if threads != 1 and not (met.clean and len(found.times) == len(times)):
            threads = 1
        elif len(found.times) == len(times):
            break
        times, duration = found.times, found.duration
    return found


def read(
    source: Source,
    sampling: Sampling = Sampling(),  # noqa: B008 - frozen
    size: tuple[int, int] | None = None,
    threads: int = 0,
) -> Clip:
    """The frames of a clip that a sampling wants.

    Args:
        source: where the clip is.
        sampling: which frames.
        size: height and width in pixels; None: as they are.
        threads: of the decoder, 0: as many as it likes; the result is the same.

    Raises:
        CnnRnnError: missing, unreadable, no video, no frames.
    """
    reel = open_reel(source)
    if (clip := _sought(reel, sampling, size)) is not None:
        return clip
    plan, kept = Plan(np.zeros(0, int), np.zeros(1, int)), {}

    def visit(times: np.ndarray, duration: float, met: Pass, threads: int) -> None:
        nonlocal plan, kept
        plan = sampling.plan(times, duration) if len(times) else plan
        kept, wanted = {}, set(plan.indices.tolist())
        for number, picture in reel.frames(wanted.__contains__, size, False, met, threads):
            if picture is not None:
                kept[number] = picture

    found = gather(reel, visit, threads)
    frames = np.stack([kept[index] for index in plan.indices.tolist()])
    return Clip(
        frames, found.times[plan.indices], len(found.times), found.duration, found.notes
    )


def _sought(reel: Reel, sampling: Sampling, size: tuple[int, int] | None) -> Clip | None:
    """The frames of a long file by seeking; None where that is not possible, or does not pay."""
    if not isinstance(reel, FileReel) or len(reel.times) < LONG or reel.header.broken:
        return None
    if not reel.header.format.startswith(SOUGHT):
        return None
    plan = sampling.plan(reel.times, reel.duration)
    wanted = np.unique(plan.indices)
    keys = np.flatnonzero(reel.header.keys)
    before = np.searchsorted(keys, wanted, "right") - 1
    if len(keys) == 0 or before.min() < 0:
        return None
    # Half of what one pass takes, since seeking starts the decoder anew.
    if 2 * int((wanted - keys[before]).sum()) > len(reel.times):
        return None
    frames = reel.sought(plan.indices, size)
    if frames is None:
        return None
    notes = ("frames counted, not all decoded",)
    times = reel.times[plan.indices]
    return Clip(np.stack(frames), times, len(reel.times), reel.duration, notes)


def windows(
    source: Source,
    seconds: float,
    step: float,
    frames: int = 16,
    size: tuple[int, int] | None = None,
) -> Iterator[tuple[float, float, Clip]]:
    """Windows that slide over a clip, decoded in one pass; memory holds those under way.

    Args:
        seconds: a window's duration; a shorter clip is one window.
        step: seconds from one beginning to the next.
        frames: of each window at most.
        size: height and width in pixels; None: as they are.

    Yields:
        (start, end, clip): seconds; the clip's `times` are those in the whole video.

    Raises:
        UsageError: a duration or step that is not above 0.
        CnnRnnError: missing, unreadable, no video, no frames.
    """
    if not seconds > 0 or not step > 0:
        raise UsageError(f"windows of {seconds:g} s every {step:g} s", "both above 0")
    reel = open_reel(source)
    times, met, kept = reel.times, Pass(), {}
    if not len(times):
        raise VideoError(f"{reel.name} holds no frame that can be decoded", "download it again")
    pending: deque[tuple[float, float, np.ndarray]] = deque()
    ahead = _spans(times, reel.duration, seconds, step, frames)
    upcoming = next(ahead, None)

    def open_until(number: int) -> None:
        nonlocal upcoming
        while upcoming is not None and upcoming[2][0] <= number:
            pending.append(upcoming)
            upcoming = next(ahead, None)

    def wanted(number: int) -> bool:
        open_until(number)
        return any(number in each for _, _, each in pending)

    def clip(indices: np.ndarray) -> Clip:
        there = [index for index in indices.tolist() if index in kept]
        pictures = np.stack([kept[index] for index in there])
        return Clip(pictures, times[there], len(times), reel.duration)

    count = 0
    for number, picture in reel.frames(wanted, size, False, met, 1):
        count = number + 1
        if picture is not None:
            kept[number] = picture
        while pending and pending[0][2][-1] <= number:
            start, end, indices = pending.popleft()
            yield start, end, clip(indices)
            first = min((each[2][0] for each in pending), default=number + 1)
            kept = {index: value for index, value in kept.items() if index >= first}
    if not count:
        raise VideoError(f"{reel.name} holds no frame that can be decoded", "download it again")
    # A file cut short has begun windows that it does not end.
    for start, end, indices in pending:
        if any(index in kept for index in indices.tolist()):
            yield start, end, clip(indices)


def _spans(
    times: np.ndarray, duration: float, seconds: float, step: float, frames: int
) -> Iterator[tuple[float, float, np.ndarray]]:
    """Start, end and frames of each window; the last one ends with the clip."""
    last = max(0.0, duration - seconds)
    for number in range(int(np.ceil(last / step - 1e-9)) + 1):
        start = min(number * step, last)
        yield start, min(start + seconds, duration), window(
            times, start, min(start + seconds, duration), frames
        )


