"""Non-maximum suppression: of boxes that lie over each other only the best stays.

TensorFlow's own operation does it in compiled code, a hundred times faster than Python; this is
the one place of `regions` that names it. On another backend the same is done in NumPy.
"""

from __future__ import annotations

import numpy as np

from cnnrnn import backend
from cnnrnn.regions.boxes import iou

OVERLAP = 0.7  # IoU of two proposals of which one is dropped


def suppress(boxes: np.ndarray, scores: np.ndarray, threshold: float, count: int) -> np.ndarray:
    """Choose boxes greedily: the best one, then the best that overlaps none of the chosen.

    Args:
        boxes: float (N, 4), (x1, y1, x2, y2).
        scores: float (N,), in any scale.
        threshold: IoU above which a box overlaps another, 0 to 1.
        count: how many are chosen at most.

    Returns:
        int (M,) with M at most `count`, numbers of the chosen boxes, best first.
    """
    if not len(boxes):
        return np.empty(0, np.int64)
    if backend.name() == "tensorflow":
        return _tensorflow(boxes, scores, threshold, count)
    return plain(boxes, scores, threshold, count)


def _tensorflow(boxes, scores, threshold, count) -> np.ndarray:
    import tensorflow as tf

    # It takes corners in either order of the axes: IoU is the same.
    chosen = tf.image.non_max_suppression(
        np.asarray(boxes, np.float32), np.asarray(scores, np.float32), count, threshold
    )
    return chosen.numpy().astype(np.int64)


def plain(boxes: np.ndarray, scores: np.ndarray, threshold: float, count: int) -> np.ndarray:
    """The same in NumPy, see `suppress`."""
    boxes, scores = np.asarray(boxes, np.float64), np.asarray(scores, np.float64)
    order = np.argsort(-scores, kind="stable")
    chosen: list[int] = []
    while len(order) and len(chosen) < count:
        best, order = order[0], order[1:]
        chosen.append(int(best))
        order = order[iou(boxes[best], boxes[order])[0] <= threshold]
    return np.array(chosen, np.int64)


def best_proposals(
    boxes: np.ndarray, scores: np.ndarray, count: int, overlap: float = OVERLAP
) -> tuple[np.ndarray, np.ndarray]:
    """The proposals of each picture that are worth a closer look.

    Args:
        boxes: (B, N, 4), clipped to the picture.
        scores: (B, N) logits.
        count: so many of each picture at most.
        overlap: IoU above which the worse of two is dropped.

    Returns:
        numbers int (B, count), best first, and bool (B, count), False in a place that was not
        needed; its number is 0.
    """
    index = np.zeros((len(boxes), count), np.int32)
    found = np.zeros((len(boxes), count), bool)
    for picture in range(len(boxes)):
        chosen = suppress(boxes[picture], scores[picture], overlap, count)
        index[picture, : len(chosen)] = chosen
        found[picture, : len(chosen)] = True
    return index, found
