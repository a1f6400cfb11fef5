"""The project's own backbone: a small network for the built-in data set, stride 8.

    convolution 5x5 / 2 -> 3x3 / 2 -> 3x3 -> 3x3 / 2 -> + position code -> 3x3 -> 1x1 = `grid`
    `grid` -> 1x1 -> averages of a 3 x 3 mesh -> dense = `pooled`

A cell of the grid sees 41 x 41 pixels, less than half of a picture's side: how things far apart
relate is left to the model above. Where a cell lies is added as a code of sines and cosines
(Vaswani et al. 2017, in two dimensions), since no convolution could tell.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnrnn import backend

SIZE, STRIDE = 112, 8
GRID_DEPTH, POOLED_DEPTH = 128, 192
CODED = 112  # channels where the position code is added


def build(size: int | tuple[int, int] = SIZE) -> Any:
    """The network, with untrained weights.

    Args:
        size: pixels of a side, or (h, w); at least 32. The same weights fit every size.

    Returns:
        A Keras model from (B, h, w, 3) RGB in [0, 255] to [(B, h/8, w/8, 128), (B, 192)], the
        outputs of its layers `grid` and `pooled`, both 0 or more.
    """
    keras = backend.keras()
    layers = keras.layers
    height, width = (size, size) if isinstance(size, int) else size

    def convolution(x, depth: int, kernel: int, stride: int, name: str):
        x = layers.Conv2D(
            depth, kernel, stride, padding="same", use_bias=False, name=f"{name}_convolution"
        )(x)
        x = layers.BatchNormalization(momentum=0.97, name=f"{name}_normalised")(x)
        return layers.ReLU(name=name)(x)

    pictures = keras.Input((height, width, 3), name="pictures")
    x = layers.Rescaling(1 / 127.5, -1.0, name="centred")(pictures)
    x = convolution(x, 24, 5, 2, "edges")
    x = convolution(x, 48, 3, 2, "strokes")
    x = convolution(x, 64, 3, 1, "shapes")
    x = convolution(x, CODED, 3, 2, "parts")
    # A Rescaling's offset may be an array: it adds a constant map with a layer that every engine
    # and every backend knows.
    code = position_code(x.shape[1], x.shape[2], CODED)
    x = layers.Rescaling(1.0, code.tolist(), name="placed")(x)
    x = convolution(x, GRID_DEPTH, 3, 1, "things")
    grid = convolution(x, GRID_DEPTH, 1, 1, "grid")

    x = convolution(grid, 40, 1, 1, "narrow")
    strides = [max(1, side * 2 // 7) for side in grid.shape[1:3]]
    windows = [side - 2 * stride for side, stride in zip(grid.shape[1:3], strides, strict=True)]
    x = layers.AveragePooling2D(windows, strides, name="mesh")(x)
    x = layers.Flatten(name="row")(x)
    pooled = layers.Dense(POOLED_DEPTH, activation="relu", name="pooled")(x)
    return keras.Model(pictures, [grid, pooled], name="scenes_cnn")


def position_code(height: int, width: int, depth: int) -> np.ndarray:
    """Sines and cosines of each cell's place, float32 (height, width, depth).

    Half of the channels code x and half y, both from 0 to 1 across the picture, with wave lengths
    from twice the picture down to a sixteenth of that.
    """
    waves = np.pi * 2.0 ** np.linspace(0, 4, depth // 4)
    y = (np.arange(height)[:, None, None] + 0.5) / height * waves
    x = (np.arange(width)[None, :, None] + 0.5) / width * waves
    shape = (height, width, depth // 4)
    code = [np.broadcast_to(wave, shape) for wave in (np.sin(x), np.cos(x), np.sin(y), np.cos(y))]
    return np.concatenate(code, axis=-1).astype(np.float32)
