"""Clips: video files, arrays and the built-in clips to frames.

    clip = read(source, Sampling(16), (224, 224))
    clip.frames      # uint8 (16, 224, 224, 3), RGB, upright
    clip.total       # how many frames there really are

A first look goes over the packets (`video_probe`) and says which frames are wanted; one pass
decodes. Where that pass met another number of frames than the packets promised, the frames are
chosen again from those that are there. Long files are sought through instead (`LONG`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cnnrnn.media.medium import VIDEO_SUFFIXES
from cnnrnn.media.sampling import Plan, Sampling
from cnnrnn.media.source import Source
from cnnrnn.media.video_decode import FileReel, Pass, Reel, missing_end, open_reel
from cnnrnn.media.video_probe import VideoError

__all__ = [
    "VIDEO_SUFFIXES", "Clip", "Sampling", "Survey", "VideoError", "gather", "open_reel", "read"
]

# Frames from which on seeking pays, if the key frames lie close enough: some three minutes. Only in
# containers with an index that says where each frame is.
LONG = 5000
SOUGHT = ("mov", "matroska")


@dataclass(frozen=True)
class Clip:
    """Some frames of a clip, in order.

    frames: uint8 (n, H, W, 3), RGB. times: float64 (n,), when each appears, in seconds. total: how
    many frames there are. duration: of the whole clip, in seconds. notes: what is wrong or was done
    otherwise, a line each. cut: see `video_decode.missing_end`.
    """

    frames: np.ndarray
    times: np.ndarray
    total: int
    duration: float
    notes: tuple[str, ...] = ()
    cut: str = ""


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


def gather(
    reel: Reel, visit: Callable[[np.ndarray, float, Pass, int], None], threads: int = 0
) -> Survey:
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
        same = len(found.times) == len(times) and np.array_equal(found.times, times)
        if same and (threads == 1 or met.clean):
            break
        threads, times, duration = 1, found.times, found.duration
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
    times, cut = found.times[plan.indices], missing_end(reel)
    return Clip(frames, times, len(found.times), found.duration, found.notes, cut)


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
