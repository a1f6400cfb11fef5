"""RoI pooling by bilinear interpolation, differentiable in the features and in the boxes.

A box (x1, y1, x2, y2) in pixels is divided into P x P parts, and the grid is read at the middle of
each (Johnson et al. 2016, after the spatial transformer of Jaderberg et al. 2015):

    x_j = x1 + (j + 0.5) / P * (x2 - x1),  j = 0 ... P - 1          (pixels; y_i likewise)
    u_j = x_j / stride - 0.5                                        (cells: 0 is the first middle)
    V[i, j] = sum over cells r, c of  k(v_i - r) k(u_j - c) U[r, c],   k(d) = max(0, 1 - |d|)

Places outside of the middles of the border cells are read there. As k is the same in both
directions, V is two small matrix products: cheap on a processor, and their gradients, in U and by
way of k in the corners of the box, are those of plain matrix products.

Dimension letters: B pictures, R boxes, H x W cells, D features, P parts a side.
"""

from __future__ import annotations

from cnnrnn import backend

keras = backend.keras()
ops = keras.ops


@keras.saving.register_keras_serializable("cnnrnn.regions")
class RoiPooling(keras.layers.Layer):
    """The features of boxes, each at P x P places.

    Args:
        stride: pixels from one cell of the grid to the next.
        parts: P.
    """

    def __init__(self, stride: int, parts: int = 7, **kwargs):
        super().__init__(**kwargs)
        self.stride, self.parts = stride, parts

    def call(self, features, boxes):
        """Features (B, H, W, D) and boxes (B, R, 4) float32 in pixels to (B, R, P, P, D)."""
        height, width, depth = ops.shape(features)[1:]
        count = ops.shape(boxes)[1]
        across = self._kernel(boxes[..., 0], boxes[..., 2], width, features.dtype)
        down = self._kernel(boxes[..., 1], boxes[..., 3], height, features.dtype)
        down = ops.reshape(down, (-1, count * self.parts, height))  # (B, R * P, H)
        rows = ops.matmul(down, ops.reshape(features, (-1, height, width * depth)))
        rows = ops.reshape(rows, (-1, count, self.parts, width, depth))  # (B, R, P, W, D)
        return ops.matmul(across[:, :, None], rows)  # (B, R, P, P, D)

    def _kernel(self, low, high, cells: int, dtype):
        """k at the P places between two sides (B, R): (B, R, P, cells)."""
        shares = (ops.arange(self.parts, dtype="float32") + 0.5) / self.parts
        places = low[..., None] + shares * (high - low)[..., None]  # (B, R, P), pixels
        places = places / self.stride - 0.5
        places = ops.clip(places, 0.0, ops.cast(cells - 1, "float32"))
        distance = ops.abs(places[..., None] - ops.arange(cells, dtype="float32"))
        return ops.cast(ops.maximum(1.0 - distance, 0.0), dtype)

    def compute_output_shape(self, features_shape, boxes_shape):
        return (*boxes_shape[:2], self.parts, self.parts, features_shape[-1])

    def get_config(self):
        return {**super().get_config(), "stride": self.stride, "parts": self.parts}
