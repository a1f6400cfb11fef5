"""Boxes as NumPy arrays, for readers, checks and metrics; the network's side is in `transform`.

A box is (x1, y1, x2, y2) in pixels, x to the right and y down. Coordinates lie *between* pixels:
the whole of a picture of W x H is (0, 0, W, H), and a box is x2 - x1 wide. Other formats exist in
files only, and their readers convert them here:

    corner and size     (x, y, w, h)              pixels           Visual Genome, COCO
    inclusive           (x1, y1, x2, y2)          pixels from 1    Pascal VOC, DenseCap's program
    relative centres    (xc / W, yc / H, w / W, h / H)             YOLO
"""

from __future__ import annotations

import numpy as np


def from_sized(boxes: np.ndarray) -> np.ndarray:
    """(x, y, w, h) -> (x1, y1, x2, y2): (..., 4) to (..., 4)."""
    boxes = np.asarray(boxes, np.float64)
    return np.concatenate([boxes[..., :2], boxes[..., :2] + boxes[..., 2:]], axis=-1)


def to_sized(boxes: np.ndarray) -> np.ndarray:
    """(x1, y1, x2, y2) -> (x, y, w, h): (..., 4) to (..., 4)."""
    boxes = np.asarray(boxes, np.float64)
    return np.concatenate([boxes[..., :2], boxes[..., 2:] - boxes[..., :2]], axis=-1)


def from_inclusive(boxes: np.ndarray) -> np.ndarray:
    """Numbers of the first and the last pixel, counted from 1 -> (x1, y1, x2, y2)."""
    return np.asarray(boxes, np.float64) - [1, 1, 0, 0]


def from_relative_centres(boxes: np.ndarray, width: float, height: float) -> np.ndarray:
    """(xc, yc, w, h) as shares of the picture's sides -> (x1, y1, x2, y2) in pixels."""
    boxes = np.asarray(boxes, np.float64) * [width, height, width, height]
    half = boxes[..., 2:] / 2
    return np.concatenate([boxes[..., :2] - half, boxes[..., :2] + half], axis=-1)


def area(boxes: np.ndarray) -> np.ndarray:
    """Square pixels, 0 for a box that is turned inside out: (..., 4) to (...)."""
    boxes = np.asarray(boxes, np.float64)
    return np.prod(np.maximum(boxes[..., 2:] - boxes[..., :2], 0.0), axis=-1)


def iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union of every pair: (N, 4) and (M, 4) to (N, M), 0 to 1.

        IoU(a, b) = area(a and b) / (area(a) + area(b) - area(a and b))

    A box without area has none with any other.
    """
    first = np.asarray(first, np.float64).reshape(-1, 4)
    second = np.asarray(second, np.float64).reshape(-1, 4)
    shared = np.ones((len(first), len(second)))  # side by side: thousands of boxes fit in memory
    for low, high in ((0, 2), (1, 3)):
        side = np.minimum(first[:, None, high], second[None, :, high])
        side -= np.maximum(first[:, None, low], second[None, :, low])
        shared *= np.maximum(side, 0.0, out=side)
    total = area(first)[:, None] + area(second)[None] - shared
    return np.divide(shared, total, out=np.zeros_like(shared), where=total > 0)


def clip(boxes: np.ndarray, width: float, height: float) -> np.ndarray:
    """The parts of boxes (..., 4) that lie in a picture; a box outside of it loses its area."""
    return np.clip(np.asarray(boxes, np.float64), 0.0, [width, height, width, height])


def scaled(boxes: np.ndarray, x: float, y: float) -> np.ndarray:
    """Boxes (..., 4) in a picture that is enlarged `x` times in width and `y` times in height."""
    return np.asarray(boxes, np.float64) * [x, y, x, y]


def mirrored(boxes: np.ndarray, width: float) -> np.ndarray:
    """Boxes (..., 4) in the picture with left and right exchanged."""
    boxes = np.asarray(boxes, np.float64)
    x1, x2 = width - boxes[..., 2], width - boxes[..., 0]
    return np.stack([x1, boxes[..., 1], x2, boxes[..., 3]], axis=-1)


def degenerate(boxes: np.ndarray, smallest: float = 1.0) -> np.ndarray:
    """Which boxes (N, 4) are less than `smallest` pixels wide or high, or are no numbers."""
    boxes = np.asarray(boxes, np.float64)
    sides = boxes[..., 2:] - boxes[..., :2]
    return ~(np.isfinite(boxes).all(axis=-1) & (sides >= smallest).all(axis=-1))


def like_shares(boxes: np.ndarray) -> bool:
    """Whether boxes (N, 4) look like shares of a picture's sides: there are some, and none reaches
    beyond 1."""
    return len(boxes) > 0 and bool(np.max(boxes) <= 1.0)


def merge(boxes: np.ndarray, threshold: float = 0.7) -> list[np.ndarray]:
    """Groups of boxes that mean one place, as in the evaluation of DenseCap.

    The box with the most others at `threshold` IoU or more takes them all (itself too); then the
    same among what is left.

    Args:
        boxes: (N, 4).
        threshold: IoU, 0 to 1.

    Returns:
        numbers of the boxes of each group; every box is in one.
    """
    near = iou(boxes, boxes) >= threshold
    np.fill_diagonal(near, True)  # a box without area has no overlap even with itself
    left = np.ones(len(near), bool)
    counts = near.sum(axis=1)  # of those that are left, near each
    groups = []
    while left.any():
        best = np.argmax(np.where(left, counts, 0))
        group = np.flatnonzero(near[best] & left)
        groups.append(group)
        left[group] = False
        counts -= near[:, group].sum(axis=1)
    return groups
