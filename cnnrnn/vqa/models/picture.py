"""Pictures for a question: cells that know their place, and a small CNN of its own.

Dimension letters as in `models.base`: B pictures, h x w x 3 pixels, rows x columns = K cells,
D features of a cell.
"""

from __future__ import annotations

import math

import numpy as np

from cnnrnn import backend
from cnnrnn.features.scenes_cnn import position_code
from cnnrnn.vqa.models.scale import PACKAGE, to_unit_scale

keras = backend.keras()
ops = keras.ops

PLACE_DEPTH = 16  # channels of the position code


def place_code(rows: int, columns: int) -> np.ndarray:
    """Where each cell lies, float32 (K, P): sines and cosines of x, then of y."""
    code = position_code(rows, columns, PLACE_DEPTH)
    return np.ascontiguousarray(code.reshape(rows * columns, PLACE_DEPTH))


def shifted_place(place, cosine, sine):
    """Places (B, Q, P) moved by a step that is different for each: a shift of a sine by an angle is
    a mixture of sine and cosine, weighed by the cosine and the sine of the angle, (B, Q, P)."""
    sin_x, cos_x, sin_y, cos_y = ops.split(place, 4, axis=-1)
    quarter = ops.concatenate([cos_x, -sin_x, cos_y, -sin_y], axis=-1)
    return place * cosine + quarter * sine


@keras.saving.register_keras_serializable(PACKAGE)
class Standardise(keras.layers.Layer):
    """Each picture at unit scale, then (x - mean) / scale with the figures of training pictures:
    (B, ..., D) -> the same shape.

    The figures are weights that are measured once, by `measure`, and not trained.
    """

    def build(self, input_shape):
        size = (input_shape[-1],)
        self.mean = self.add_weight(shape=size, initializer="zeros", trainable=False, name="mean")
        self.scale = self.add_weight(shape=size, initializer="ones", trainable=False, name="scale")

    def measure(self, rows: np.ndarray) -> None:
        """Take the figures of features (n, ..., D).

        A feature that hardly varies is not blown up: its scale is at least a tenth of the mean one.
        """
        rows = ops.convert_to_numpy(to_unit_scale(rows)).reshape(-1, rows.shape[-1])
        deviation = rows.std(axis=0)
        self.mean.assign(rows.mean(axis=0))
        self.scale.assign(np.maximum(deviation, 0.1 * deviation.mean() + 1e-6))

    def call(self, features):
        scaled = (to_unit_scale(features) - self.mean) / self.scale
        return ops.cast(scaled, self.compute_dtype)


@keras.saving.register_keras_serializable(PACKAGE)
class Cells(keras.layers.Layer):
    """A grid's cells with their places: (B, rows, columns, D) -> (B, K, H).

        v_k = tanh(W f_k + P p_k + b)

    p_k, a code of sines and cosines, says where a cell lies: nothing else could answer `left of`.
    W f_k is computed once a picture, however many questions it has.

    Args:
        units: H.
        shape: (rows, columns, D).
        dropout: share of features dropped in training, 0 to 1.
    """

    def __init__(self, units: int, shape: tuple[int, int, int], dropout: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self._settings = {"units": units, "shape": list(shape), "dropout": dropout}
        self.units = units
        self.code = place_code(*shape[:2])[None]
        policy = self.dtype_policy
        self.dropout = keras.layers.Dropout(dropout, dtype=policy)
        self.project = keras.layers.Dense(units, name="project", dtype=policy)
        self.place = keras.layers.Dense(units, use_bias=False, name="place", dtype=policy)

    def build(self, input_shape=None):
        self.project.build((None, None, self._settings["shape"][-1]))
        self.place.build((None, None, PLACE_DEPTH))
        self.built = True

    def call(self, grid, training=False):
        rows, columns, depth = self._settings["shape"]
        cells = ops.reshape(ops.cast(grid, self.compute_dtype), (-1, rows * columns, depth))
        cells = self.project(self.dropout(cells, training=training))
        return ops.tanh(cells + self.place(ops.cast(self.code, self.compute_dtype)))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], math.prod(self._settings["shape"][:2]), self.units)

    def get_config(self):
        return {**super().get_config(), **self._settings}


@keras.saving.register_keras_serializable(PACKAGE)
class OwnCnn(keras.layers.Layer):
    """A small CNN that is trained with the rest: pixels (B, h, w, 3) in [0, 255] -> a grid.

    Four 3 x 3 convolutions with batch normalisation, three of stride 2: (B, h/8, w/8, 4 * width).
    In training each picture is shifted by some pixels, at random and its edges repeated.

    Args:
        width: filters of the first convolution; then twice, three and four times as many.
        shift: pixels, at most.
        seed: of the shifts.
    """

    STRIDES = (2, 2, 1, 2)

    def __init__(self, width: int = 24, shift: int = 2, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.width, self.shift, self.seed = width, shift, seed
        self.generator = keras.random.SeedGenerator(seed)
        policy = self.dtype_policy
        self.blocks = [
            (
                keras.layers.Conv2D(
                    width * number, 3, stride, "same", use_bias=False, name=f"conv_{number}",
                    dtype=policy,
                ),
                keras.layers.BatchNormalization(momentum=0.97, name=f"norm_{number}", dtype=policy),
            )
            for number, stride in enumerate(self.STRIDES, 1)
        ]  # fmt: skip

    def build(self, input_shape):
        shape = tuple(input_shape)
        for convolution, norm in self.blocks:
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
            norm.build(shape)
        self.built = True

    def call(self, pixels, training=False):
        x = ops.cast(pixels, self.compute_dtype) / 127.5 - 1.0
        if training and self.shift:
            x = self._shifted(x)
        for convolution, norm in self.blocks:
            x = ops.relu(norm(convolution(x), training=training))
        return x

    def _shifted(self, x):
        """All pictures of a batch by the same two numbers; the next batch has others."""
        pad = self.shift
        height, width, depth = x.shape[1:]
        x = ops.pad(x, [[0, 0], [pad, pad], [pad, pad], [0, 0]], mode="symmetric")
        corner = keras.random.randint((2,), 0, 2 * pad + 1, seed=self.generator)
        zero = ops.zeros_like(corner[0])
        start = ops.stack([zero, corner[0], corner[1], zero])
        return ops.slice(x, start, (ops.shape(x)[0], height, width, depth))

    def compute_output_shape(self, input_shape):
        shape = tuple(input_shape)
        for convolution, _ in self.blocks:
            shape = convolution.compute_output_shape(shape)
        return shape

    def get_config(self):
        own = {"width": self.width, "shift": self.shift, "seed": self.seed}
        return {**super().get_config(), **own}
