"""Anchors: the boxes that a proposal starts from, the same k at every cell of a grid.

Their shapes are the twelve of DenseCap, three proportions at four scales, chosen there for
pictures whose longer side is 720 pixels. Here they are scaled to the picture that the network
takes; none is smaller than a cell of its grid in area, because two boxes in one cell could not be
told apart.

Anchor number (row * W + column) * k + shape belongs to the cell (row, column) of a grid H x W; it
lies about the middle of the cell, ((column + 0.5) stride, (row + 0.5) stride). Format:
(x1, y1, x2, y2) in pixels of the network's picture; at the border anchors reach out of it.
"""

from __future__ import annotations

import numpy as np

from cnnrnn import backend
from cnnrnn.regions.sizes import PUBLISHED, PUBLISHED_SIDE

keras = backend.keras()
ops = keras.ops


def shapes(side: int, stride: int) -> np.ndarray:
    """Widths and heights of the k anchors of a cell.

    Args:
        side: pixels of the longer side of the network's picture.
        stride: pixels from one cell of the grid to the next.

    Returns:
        float32 (k, 2).
    """
    found = np.array(PUBLISHED, np.float64) * (side / PUBLISHED_SIDE)
    smallest = np.sqrt(found.prod(axis=1).min())
    return (found * max(1.0, stride / smallest)).astype(np.float32)


def anchors(rows, columns, stride: int, sizes: np.ndarray):
    """The anchors of a grid.

    Args:
        rows, columns: H and W of the grid; numbers, or tensors where a graph serves all sizes.
        stride: pixels from one cell to the next.
        sizes: (k, 2) widths and heights in pixels.

    Returns:
        a float32 tensor (H * W * k, 4).
    """
    y = ops.repeat((ops.arange(rows, dtype="float32") + 0.5) * stride, columns)
    x = ops.tile((ops.arange(columns, dtype="float32") + 0.5) * stride, [rows])
    middles = ops.stack([x, y], axis=-1)[:, None, :]  # (H * W, 1, 2)
    half = ops.convert_to_tensor(np.asarray(sizes, np.float32) / 2)[None]  # (1, k, 2)
    return ops.reshape(ops.concatenate([middles - half, middles + half], axis=-1), (-1, 4))
