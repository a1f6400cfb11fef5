"""The box transform: how a network says where a box is, seen from another one.

Format of boxes: (x1, y1, x2, y2) in pixels. With centre (x, y), width w and height h of a box and
(xa, ya, wa, ha) those of its anchor, the four deltas are (Girshick 2015)

    tx = (x - xa) / wa    ty = (y - ya) / ha    tw = log(w / wa)    th = log(h / ha)

and back: x = xa + tx wa, y = ya + ty ha, w = wa exp(tw), h = ha exp(th). The centre is x first;
`keras.utils.bounding_boxes`, which computes it, has y first unless told.

Dimension letters: B pictures, N boxes, G truths.
"""

from __future__ import annotations

import math

from cnnrnn import backend

keras = backend.keras()
ops = keras.ops

_CENTRES = "center_xywh"
_CORNERS = "xyxy"
# Of the logarithm of a size ratio: untrained deltas must not make boxes of infinite size.
MAX_GROWTH = math.log(1000 / 16)


def encode(boxes, anchors):
    """Deltas that lead from anchors to boxes: (..., N, 4) and (..., N, 4) to (..., N, 4)."""
    return keras.utils.bounding_boxes.encode_box_to_deltas(
        anchors, boxes, _CORNERS, _CORNERS, encoding_format=_CENTRES
    )


def decode(deltas, anchors):
    """Boxes at deltas from anchors: (..., N, 4) and (..., N, 4) to (..., N, 4).

    Differentiable in both. A box grows or shrinks at most exp(MAX_GROWTH) = 62.5 times.
    """
    limited = ops.clip(deltas[..., 2:], -MAX_GROWTH, MAX_GROWTH)
    deltas = ops.concatenate([deltas[..., :2], limited], axis=-1)
    return keras.utils.bounding_boxes.decode_deltas_to_boxes(
        anchors, deltas, _CORNERS, _CORNERS, encoded_format=_CENTRES
    )


def iou(first, second):
    """Intersection over union of every pair: (B, N, 4) and (B, G, 4) to (B, N, G)."""
    return keras.utils.bounding_boxes.compute_iou(first, second, _CORNERS)


def clip(boxes, width, height):
    """The parts of boxes (..., 4) that lie in a picture of width x height pixels.

    The sides may be tensors. A coordinate that is cut has no gradient.
    """
    sides = [ops.cast(side, "float32") for side in (width, height, width, height)]
    return ops.clip(boxes, 0.0, ops.stack(sides))
