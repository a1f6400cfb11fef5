"""What moves in a clip: differences and optical flow between neighbouring frames.

Both are taken between *neighbouring* decoded frames, however few of them a sampling picks, and the
mean over all frames of a step is kept as a small picture, step after step. A frame alone does not
tell a gesture in a fixed room; on UTD-MHAD (five gestures, leave one subject out) features of a
photo network reached 0.31 and 20 x 15 maps of the differences 0.60 without and 0.85 with their
order in time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from cnnrnn.media import images, video
from cnnrnn.media.opencv import cv2
from cnnrnn.media.sampling import Plan, Sampling
from cnnrnn.media.source import Source
from cnnrnn.media.video_decode import Pass
from cnnrnn.media.video_windows import slide

# What is compared: grey, this high and wide. Small enough that the grain of a camera is averaged
# away, large enough for a hand.
COMPARED = (120, 160)
CELLS = (15, 20)  # height and width of what is kept

# Two grey pictures (h, w) uint8, earlier first, to a map of what moved.
Compare = Callable[[np.ndarray, np.ndarray], np.ndarray]


def difference(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """How much each place became lighter or darker: float32 (h, w), 0 to 255."""
    return cv2.absdiff(before, after).astype(np.float32)


class Flow:
    """Where each place went: float32 (h, w, 2), right and down, in per cent of width and height.

    Dense inverse search (Kroeger et al., Fast Optical Flow using Dense Inverse Search, ECCV 2016).
    """

    def __init__(self):
        self._search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)

    def __call__(self, before: np.ndarray, after: np.ndarray) -> np.ndarray:
        height, width = before.shape
        flow = self._search.calc(before, after, None)
        return flow * (100 / np.array([width, height], np.float32))


def steps(
    source: Source,
    sampling: Sampling,
    compare: Compare,
    shape: tuple[int, ...] = CELLS,
    threads: int = 0,
) -> np.ndarray:
    """The mean of what moved in each step of a sampling.

    Args:
        source: the clip.
        sampling: its steps.
        compare: `difference` or a `Flow()`.
        shape: of a map: height and width, at most COMPARED, and 2 for a `Flow()`.
        threads: of the decoder.

    Returns:
        float32 (n, *shape); zeros where a step has no new frame.

    Raises:
        CnnRnnError: missing, unreadable, no video, no frames.
    """
    reel = video.open_reel(source)
    maps = _Maps(compare, shape)
    plan = Plan(np.zeros(0, int), np.zeros(1, int))

    def visit(times: np.ndarray, duration: float, met: Pass, threads: int) -> None:
        nonlocal plan, maps
        plan = sampling.plan(times, duration) if len(times) else plan
        maps = _Maps(compare, shape)
        maps.start(plan)
        wanted = lambda number: plan.firsts[0] - 1 <= number < plan.firsts[-1]  # noqa: E731
        for number, grey in reel.frames(wanted, COMPARED, True, met, threads):
            if grey is not None:
                maps.add(number, maps.moved(grey))

    video.gather(reel, visit, threads)
    return maps.means()


def windows(
    source: Source,
    seconds: float,
    step: float,
    frames: int,
    compare: Compare,
    shape: tuple[int, ...] = CELLS,
) -> Iterator[tuple[float, float, np.ndarray]]:
    """The same for windows that slide over a clip; see `video_windows.windows`."""
    maps = _Maps(compare, shape)
    reel = video.open_reel(source)
    need = lambda plan: np.arange(max(plan.firsts[0] - 1, 0), plan.firsts[-1])  # noqa: E731
    for start, end, plan, kept in slide(
        reel, seconds, step, frames, need, maps.moved, COMPARED, True
    ):
        if plan.firsts[0] in kept:
            maps.start(plan)
            for number in range(plan.firsts[0], plan.firsts[-1]):
                maps.add(number, kept.get(number))
            yield start, end, maps.means()


class _Maps:
    """The mean map of each step, as frames come in order."""

    def __init__(self, compare: Compare, shape: tuple[int, ...]):
        self.compare, self.shape = compare, shape
        self._before: np.ndarray | None = None

    def start(self, plan: Plan) -> None:
        """Begin with the steps of `plan`."""
        self._plan = plan
        self._sums = np.zeros((len(plan), *self.shape), np.float32)
        self._counts = np.zeros(len(plan), int)

    def moved(self, grey: np.ndarray) -> np.ndarray | None:
        """What moved since the frame before; None for the first."""
        before, self._before = self._before, grey
        return None if before is None else images.resize(self.compare(before, grey), self.shape[:2])

    def add(self, number: int, moved: np.ndarray | None) -> None:
        """Count what moved up to frame `number` to its step."""
        step = int(np.searchsorted(self._plan.firsts, number, "right")) - 1
        if moved is not None and 0 <= step < len(self._plan):
            self._sums[step] += moved
            self._counts[step] += 1

    def means(self) -> np.ndarray:
        """float32 (n, *shape)."""
        counts = np.maximum(self._counts, 1)
        return self._sums / counts.reshape(-1, *(1,) * len(self.shape)).astype(np.float32)
