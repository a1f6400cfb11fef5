"""The proposal head: from a grid of features to boxes in which something may be.

    grid -> 3x3 convolution -> at every cell, for each of k anchors: objectness, four deltas

(Ren et al. 2015; the localization layer of Johnson et al. 2016.) It knows no words: a task that
wants boxes only stops here. Format of boxes: (x1, y1, x2, y2) in pixels of the network's picture.

Dimension letters: B pictures, H x W cells, D features, k anchors a cell, N = H * W * k boxes.
"""

from __future__ import annotations

import numpy as np

from cnnrnn import backend
from cnnrnn.regions import transform
from cnnrnn.regions.anchors import anchors

keras = backend.keras()
ops = keras.ops

# Before anything is learned one box in a hundred is believed in: most hold nothing, and thousands
# of them must not drown the first steps (Lin et al. 2017).
_PRIOR = -float(np.log(99))


@keras.saving.register_keras_serializable("cnnrnn.regions")
class ProposalHead(keras.layers.Layer):
    """Scores and boxes of all anchors.

    Args:
        stride: pixels from one cell of the grid to the next.
        sizes: (k, 2) widths and heights of the anchors in pixels.
        filters: channels of the 3x3 convolution.
    """

    def __init__(self, stride: int, sizes, filters: int = 256, **kwargs):
        super().__init__(**kwargs)
        self.stride, self.filters = stride, filters
        self.sizes = np.asarray(sizes, np.float32).reshape(-1, 2)
        policy = self.dtype_policy
        self.look = keras.layers.Conv2D(
            filters, 3, padding="same", activation="relu", name="look", dtype=policy
        )
        self.objectness = keras.layers.Conv2D(
            len(self.sizes), 1, name="objectness", dtype=policy,
            bias_initializer=keras.initializers.Constant(_PRIOR),
        )  # fmt: skip
        # Small, so that the first proposals are the anchors.
        self.deltas = keras.layers.Conv2D(
            4 * len(self.sizes), 1, name="deltas", dtype=policy,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.001),
        )  # fmt: skip

    def build(self, input_shape):
        self.look.build(input_shape)
        seen = (*input_shape[:-1], self.filters)
        self.objectness.build(seen)
        self.deltas.build(seen)
        self.built = True

    def call(self, features):
        """Features (B, H, W, D) to a dictionary, all float32:

        `scores` (B, N) logits of objectness, `deltas` (B, N, 4), `anchors` (1, N, 4) and `boxes`
        (B, N, 4), anchors and deltas put together and clipped to the picture.
        """
        height, width = ops.shape(features)[1:3]
        seen = self.look(features)
        scores = ops.cast(self.objectness(seen), "float32")
        deltas = ops.cast(self.deltas(seen), "float32")
        count = height * width * len(self.sizes)
        scores = ops.reshape(scores, (-1, count))
        deltas = ops.reshape(deltas, (-1, count, 4))
        starts = anchors(height, width, self.stride, self.sizes)[None]
        boxes = transform.decode(deltas, starts)
        boxes = transform.clip(boxes, width * self.stride, height * self.stride)
        return {"scores": scores, "deltas": deltas, "anchors": starts, "boxes": boxes}

    def get_config(self):
        own = {"stride": self.stride, "sizes": self.sizes.tolist(), "filters": self.filters}
        return {**super().get_config(), **own}
