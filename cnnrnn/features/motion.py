"""What moves in a clip: differences and optical flow between neighbouring frames.

Both are taken between *neighbouring* decoded frames, however few of them a sampling picks, and the
mean over all frames of a step is kept as a small picture, step after step. A frame alone does not
tell a gesture in a fixed room; on UTD-MHAD (five gestures, leave one subject out) features of a
photo network reached 0.31 and 20 x 15 maps of the differences 0.60 without and 0.85 with their
order in time.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cnnrnn.media import images, video
from cnnrnn.media.opencv import cv2
from cnnrnn.media.sampling import Plan, Sampling
from cnnrnn.media.source import Source
from cnnrnn.media.video_decode import Pass

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
    cells: tuple[int, int] = CELLS,
    threads: int = 0,
) -> np.ndarray:
    """The mean of what moved in each step of a sampling.

    Args:
        source: the clip.
        sampling: its steps.
        compare: `difference` or a `Flow()`.
        cells: height and width of the maps, at most COMPARED.
        threads: of the decoder.

    Returns:
        float32 (n, *cells) or (n, *cells, 2); zeros where a step has no new frame.

    Raises:
        CnnRnnError: missing, unreadable, no video, no frames.
    """
    reel = video.open_reel(source)
    sums: dict[int, np.ndarray] = {}
    plan, counts = Plan(np.zeros(0, int), np.zeros(1, int)), np.zeros(0, int)

    def visit(times: np.ndarray, duration: float, met: Pass, threads: int) -> None:
        nonlocal plan, counts
        plan = sampling.plan(times, duration) if len(times) else plan
        counts, before = np.zeros(len(plan), int), None
        sums.clear()
        first, last = plan.firsts[0] - 1, plan.firsts[-1]
        wanted = lambda number: first <= number < last  # noqa: E731
        for number, grey in reel.frames(wanted, COMPARED, True, met, threads):
            step = int(np.searchsorted(plan.firsts, number, "right")) - 1
            if before is not None and grey is not None and 0 <= step < len(plan):
                moved = images.resize(compare(before, grey), cells)
                sums[step] = sums[step] + moved if counts[step] else moved
                counts[step] += 1
            before = grey

    video.gather(reel, visit, threads)
    still = compare(*np.zeros((2, *COMPARED), np.uint8))
    result = np.zeros((len(plan), *cells, *still.shape[2:]), np.float32)
    for step, total in sums.items():
        result[step] = total / counts[step]
    return result
