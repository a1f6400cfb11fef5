"""The few sizes at which a network looks for regions.

Pictures of like proportions share a size, so that they can share a batch and a compiled graph; a
picture is stretched into the nearest one, and its boxes with it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from cnnrnn.features import trunks

# Height over width.
PROPORTIONS = (1.0, 3 / 4, 4 / 3, 1 / 2, 2.0)


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


def nearest(size: tuple[int, int], among: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The (height, width) whose proportions are nearest to those of a picture (width, height)."""
    wanted = math.log(size[1] / size[0])
    return min(among, key=lambda each: abs(math.log(each[0] / each[1]) - wanted))
