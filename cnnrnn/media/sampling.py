"""Which frames of a clip are looked at.

Frames are chosen by *time*: frame i is on the screen from times[i] to times[i + 1], and the frame
of a moment is the one on the screen then. Where the rate is constant this is the usual rule, frame
floor((k + 1/2) N / n) of N; where it is not, a long still counts as long as it lasts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnrnn.errors import UsageError

MOST_FRAMES = 2048
# Seconds: above the rounding of time stamps in floating point, below any frame's duration.
_ROUNDING = 1e-7


@dataclass(frozen=True)
class Plan:
    """The frames of one clip, in steps.

    indices: int64 (n,), the frame that stands for each step; rising, and equal where one frame is
    on the screen for several steps. firsts: int64 (n + 1,): step k lasts from frame firsts[k] to
    before frame firsts[k + 1].
    """

    indices: np.ndarray
    firsts: np.ndarray

    def __len__(self) -> int:
        return len(self.indices)


@dataclass(frozen=True)
class Sampling:
    """How many frames, and how far apart.

    Without `fps` the whole clip is cut into `frames` spans of equal duration, and the middle of
    each is taken. With `fps` the spans last 1/fps seconds, and there are as many as the clip has,
    at most `frames` (then the middle of the clip is taken). A clip never gives more frames than it
    has: one with fewer than `frames` gives all of them once.
    """

    frames: int = 16  # 1 to MOST_FRAMES
    fps: float | None = None  # spans in a second, above 0

    def __post_init__(self):
        if not 1 <= self.frames <= MOST_FRAMES:
            raise UsageError(f"{self.frames} frames of a clip", f"1 to {MOST_FRAMES}")
        if self.fps is not None and not 0 < self.fps <= 1000:
            raise UsageError(f"{self.fps:g} frames in a second", "above 0, at most 1000")

    @property
    def name(self) -> str:
        """Short, for the cache: equal for equal samplings."""
        return f"{self.frames}frames" + (f"-{self.fps!r}fps" if self.fps else "")

    def plan(self, times: np.ndarray, duration: float) -> Plan:
        """The steps of one clip.

        Args:
            times: float64 (N,), when each frame appears, in seconds, rising from 0; N at least 1.
            duration: when the last one disappears.
        """
        total = len(times)
        if self.fps is None and total <= self.frames:
            return Plan(np.arange(total), np.arange(total + 1))
        if self.fps is None:
            bounds = np.linspace(0, duration, self.frames + 1)
        else:
            count = int(np.clip(duration * self.fps + _ROUNDING, 1, min(self.frames, total)))
            start = max(0.0, (duration - count / self.fps) / 2) if count == self.frames else 0.0
            bounds = start + np.arange(count + 1) / self.fps
        return _between(times, bounds)


def _between(times: np.ndarray, bounds: np.ndarray) -> Plan:
    middles = (bounds[:-1] + bounds[1:]) / 2
    indices = np.searchsorted(times, middles + _ROUNDING, "right") - 1
    firsts = np.searchsorted(times, bounds - _ROUNDING, "left")
    return Plan(np.clip(indices, 0, len(times) - 1), firsts)


def window(times: np.ndarray, start: float, end: float, frames: int) -> Plan:
    """The steps of a part of a clip: equal spans, or each frame where there are fewer than those.

    Args:
        times: as in `Sampling.plan`.
        start, end: seconds.
        frames: at most so many steps.
    """
    # The frame on the screen when the window opens belongs to it.
    first = max(int(np.searchsorted(times, start + _ROUNDING, "right")) - 1, 0)
    last = max(int(np.searchsorted(times, end - _ROUNDING)), first + 1)
    if last - first <= frames:
        return Plan(np.arange(first, last), np.arange(first, last + 1))
    return _between(times, np.linspace(start, end, frames + 1))
