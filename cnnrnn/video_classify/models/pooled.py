"""Frames pooled, then a softmax: the simple combination, which cannot see order."""

from __future__ import annotations

from cnnrnn.video_classify.models.base import (
    NEVER,
    PACKAGE,
    VideoModel,
    keras,
    masked_mean,
    ops,
)


@keras.saving.register_keras_serializable(PACKAGE)
class Mean(VideoModel):
    """The mean of the frames' features."""

    vectors = 1  # how many pooled vectors stand side by side

    def _build_frames(self, size: int) -> int:
        return self.vectors * size

    def look(self, inputs, training=False) -> dict:
        frames, mask = self.frames(inputs, training)
        pooled = self.dropout(self._pool(frames, mask), training=training)
        return {"logits": self.classify(pooled)}

    def _pool(self, frames, mask):
        return masked_mean(frames, mask)


@keras.saving.register_keras_serializable(PACKAGE)
class Max(Mean):
    """The largest value of each feature in any frame."""

    def _pool(self, frames, mask):
        highest = ops.max(ops.where(mask[..., None], frames, NEVER), axis=1)
        return ops.where(ops.any(mask, axis=1, keepdims=True), highest, 0.0)


@keras.saving.register_keras_serializable(PACKAGE)
class MeanStd(Mean):
    """Mean and standard deviation of each feature over the frames, side by side."""

    vectors = 2

    def _pool(self, frames, mask):
        mean = masked_mean(frames, mask)
        variance = masked_mean(ops.square(frames - mean[:, None]), mask)
        return ops.concatenate([mean, ops.sqrt(variance + 1e-6)], axis=-1)
