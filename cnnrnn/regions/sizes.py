"""The few sizes at which a network looks for regions, and the shapes of those.

Pictures of like proportions share a size, so that they can share a batch and a compiled graph; a
picture is stretched into the nearest one, and its boxes with it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from cnnrnn.features import trunks

# Height over width.
PROPORTIONS = (1.0, 3 / 4, 4 / 3, 1 / 2, 2.0)

# Of anchors, see `anchors`: (width, height) for a longer side of 720 pixels.
PUBLISHED = (
    (45, 90), (90, 45), (64, 64), (90, 180), (180, 90), (128, 128),
    (181, 362), (362, 181), (256, 256), (362, 724), (724, 362), (512, 512),
)  # fmt: skip
PUBLISHED_SIDE = 720


def sizes(backbone: str, side: int | None = None) -> list[tuple[int, int]]:
    """(height, width) of the pictures that a network takes.

    Args:
        backbone: a name in `trunks.TRUNKS`.
        side: pixels of the longer side; None: its usual one.
    """
    trunk = trunks.get(backbone)
    side = side or trunk.side
    if trunk.fixed:
        return [(side, side)]

    def whole(length: float) -> int:
        return max(1, round(length / trunk.stride)) * trunk.stride

    return [(whole(side * min(1, each)), whole(side / max(1, each))) for each in PROPORTIONS]


def fewest_boxes(backbone: str, side: int | None = None) -> int:
    """How many boxes are proposed of a picture at the smallest of `sizes`."""
    stride = trunks.get(backbone).stride
    cells = min(rows * columns for rows, columns in sizes(backbone, side)) // stride**2
    return cells * len(PUBLISHED)


def nearest(size: tuple[int, int], among: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The (height, width) whose proportions are nearest to those of a picture (width, height)."""
    wanted = math.log(size[1] / size[0])
    return min(among, key=lambda each: abs(math.log(each[0] / each[1]) - wanted))
