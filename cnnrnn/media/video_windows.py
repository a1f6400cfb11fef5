"""Windows that slide over a clip, decoded in one pass; memory holds those under way."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from cnnrnn.errors import UsageError
from cnnrnn.media.sampling import Plan, window
from cnnrnn.media.source import Source
from cnnrnn.media.video import Clip, open_reel
from cnnrnn.media.video_decode import Reel
from cnnrnn.media.video_probe import VideoError

# Start and end in seconds, the steps, and what was kept of the frames by their number.
Window = tuple[float, float, Plan, dict[int, Any]]


def windows(
    source: Source,
    seconds: float,
    step: float,
    frames: int = 16,
    size: tuple[int, int] | None = None,
) -> Iterator[tuple[float, float, Clip]]:
    """Some frames of each window.

    Args:
        source: where the clip is.
        seconds: a window's duration; a shorter clip is one window.
        step: seconds from one beginning to the next; the last window ends with the clip.
        frames: of each window at most.
        size: height and width in pixels; None: as they are.

    Yields:
        (start, end, clip): seconds; the clip's `times` are those in the whole video, its `total`
        is what the packets promise.

    Raises:
        UsageError: a duration or step that is not above 0.
        CnnRnnError: missing, unreadable, no video, no frames.
    """
    reel = open_reel(source)
    need = lambda plan: plan.indices  # noqa: E731
    for start, end, plan, kept in slide(reel, seconds, step, frames, need, size=size):
        there = [index for index in plan.indices.tolist() if index in kept]
        if there:
            pictures = np.stack([kept[index] for index in there])
            yield start, end, Clip(pictures, reel.times[there], len(reel.times), reel.duration)


def slide(
    reel: Reel,
    seconds: float,
    step: float,
    frames: int,
    need: Callable[[Plan], np.ndarray],
    keep: Callable[[np.ndarray], Any] = lambda picture: picture,
    size: tuple[int, int] | None = None,
    grey: bool = False,
) -> Iterator[Window]:
    """The windows of a clip, each when its last frame has come.

    Args:
        need: the numbers of the frames, rising, that a window is made of.
        keep: what is kept of a frame; called once for each needed frame, in order.
        reel, seconds, step, frames, size, grey: as in `windows` and `Reel.frames`.

    A file that ends before its packets promised gives no windows beyond its end, and the one
    before that has fewer frames.
    """
    if not seconds > 0 or not step > 0:
        raise UsageError(f"windows of {seconds:g} s every {step:g} s", "both above 0")
    upcoming = _spans(reel, seconds, step, frames) if len(reel.times) else iter(())
    pending: deque[tuple[float, float, Plan, np.ndarray]] = deque()
    kept: dict[int, Any] = {}
    following = next(upcoming, None)
    number = -1

    def wanted(number: int) -> bool:
        nonlocal following
        while following is not None and (numbers := need(following[2]))[0] <= number:
            pending.append((*following, numbers))
            following = next(upcoming, None)
        return any(_holds(numbers, number) for *_, numbers in pending)

    for number, picture in reel.frames(wanted, size, grey, threads=1):  # noqa: B007
        if picture is not None:
            kept[number] = keep(picture)
        while pending and pending[0][3][-1] <= number:
            start, end, plan, _ = pending.popleft()
            yield start, end, plan, kept
            first = pending[0][3][0] if pending else number + 1
            kept = {index: value for index, value in kept.items() if index >= first}
    if number < 0:
        raise VideoError(f"{reel.name} holds no frame that can be decoded", "download it again")
    for start, end, plan, _ in pending:
        yield start, end, plan, kept


def _holds(numbers: np.ndarray, number: int) -> bool:
    place = np.searchsorted(numbers, number)
    return place < len(numbers) and numbers[place] == number


def _spans(
    reel: Reel, seconds: float, step: float, frames: int
) -> Iterator[tuple[float, float, Plan]]:
    last = max(0.0, reel.duration - seconds)
    for number in range(int(np.ceil(last / step - 1e-9)) + 1):
        start = min(number * step, last)
        end = min(start + seconds, reel.duration)
        yield start, end, window(reel.times, start, end, frames)
