"""Frames pooled, then a softmax: the simple combination, which cannot see order.

Each pooled vector is standardised once more, by the training clips: how much a feature varies
within a clip is a far smaller number than what it is, and would hardly be heard beside it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cnnrnn.video_classify.models.base import (
    NEVER,
    PACKAGE,
    Standardise,
    VideoModel,
    keras,
    masked_mean,
    ops,
)


@keras.saving.register_keras_serializable(PACKAGE)
class Mean(VideoModel):
    """The mean of the frames' features; motion and flow are taken cell by cell."""

    STEMS = False
    vectors = 1  # how many pooled vectors stand side by side

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        # A feature that comes and goes within a clip would look like one that varies.
        self.feature_dropout = keras.layers.Dropout(
            self._settings["feature_dropout"], noise_shape=(None, 1, None)
        )
        # A random kernel would stay random in every direction that few clips leave open.
        self.classify = keras.layers.Dense(
            self.labels, kernel_initializer="zeros", name="classify"
        )
        self.level = [Standardise(name=f"level_{number}") for number in range(self.vectors)]

    def _build_frames(self, size: int) -> int:
        for layer in self.level:
            layer.build((None, 1, size))
        return self.vectors * size

    def measure(self, rows: Mapping[str, np.ndarray], mask: np.ndarray) -> None:
        """Take the scale of each stream, then that of what is pooled."""
        super().measure(rows, mask)
        frames, real = self.frames({**rows, "mask": mask})
        for layer, vector in zip(self.level, self._pool(frames, real), strict=True):
            layer.measure(ops.convert_to_numpy(vector)[:, None], np.ones((len(mask), 1), bool))

    def look(self, inputs, training=False) -> dict:
        frames, mask = self.frames(inputs, training)
        one = ops.ones_like(mask[:, :1])
        parts = [
            layer(vector[:, None], one)[:, 0]
            for layer, vector in zip(self.level, self._pool(frames, mask), strict=True)
        ]
        pooled = parts[0] if len(parts) == 1 else ops.concatenate(parts, axis=-1)
        return {"logits": self.classify(self.dropout(pooled, training=training))}

    def _pool(self, frames, mask):
        """(B, T, D), (B, T) -> as many vectors (B, D) as `vectors` says."""
        return [masked_mean(frames, mask)]


@keras.saving.register_keras_serializable(PACKAGE)
class Max(Mean):
    """The largest value of each feature in any frame."""

    def _pool(self, frames, mask):
        highest = ops.max(ops.where(mask[..., None], frames, NEVER), axis=1)
        return [ops.where(ops.any(mask, axis=1, keepdims=True), highest, 0.0)]


@keras.saving.register_keras_serializable(PACKAGE)
class MeanStd(Mean):
    """Mean and standard deviation of each feature over the frames, side by side."""

    vectors = 2

    def _pool(self, frames, mask):
        mean = masked_mean(frames, mask)
        variance = masked_mean(ops.square(frames - mean[:, None]), mask)
        return [mean, ops.sqrt(variance + 1e-6)]
