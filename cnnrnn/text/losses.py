"""The losses of a language model."""

from __future__ import annotations

from collections.abc import Sequence

from cnnrnn import backend
from cnnrnn.text.heads import SHARPNESS

keras = backend.keras()
ops = keras.ops

_NEVER = -1e9


@keras.saving.register_keras_serializable("cnnrnn.text")
class WordCrossEntropy(keras.losses.Loss):
    """Cross-entropy of the next word in nats, with label smoothing (Szegedy et al. 2016).

        loss = (1 - s) * -log p(word) + s * mean over the vocabulary of -log p

    Logits (N, V) and word numbers (N,) give (N,); no one-hot matrix is made.

    Args:
        smoothing: s, 0 (plain cross-entropy) to 1.
        excluded: word numbers that have no probability, whatever their logits. Where a model learns
            from what it drew itself they are those that it cannot draw: else it would make an
            unwanted word unlikely by way of them, and forget its language.
    """

    def __init__(
        self,
        smoothing: float = 0.0,
        excluded: Sequence[int] = (),
        name: str = "word_cross_entropy",
        **kwargs,
    ):
        if smoothing and excluded:
            raise ValueError("smoothing gives every word a share, excluded ones too")
        super().__init__(name=name, **kwargs)
        self.smoothing, self.excluded = smoothing, tuple(excluded)

    def call(self, y_true, y_pred):
        for number in self.excluded:
            gone = ops.arange(ops.shape(y_pred)[-1]) == number
            y_pred = ops.where(gone, _NEVER, y_pred)
        total = ops.logsumexp(y_pred, axis=-1)
        right = ops.take_along_axis(y_pred, ops.cast(y_true, "int32")[:, None], axis=-1)[:, 0]
        return total - (1 - self.smoothing) * right - self.smoothing * ops.mean(y_pred, axis=-1)

    def get_config(self):
        own = {"smoothing": self.smoothing, "excluded": list(self.excluded)}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("cnnrnn.text")
class CosineDistance(keras.losses.Loss):
    """How far a vector points away from that of the next word: 1 - cosine, 0 to 2.

    Logits (N, V) of `heads.NearestWords`, which are cosines, and word numbers (N,) give (N,).
    """

    def __init__(self, name: str = "cosine_distance", **kwargs):
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        right = ops.take_along_axis(y_pred, ops.cast(y_true, "int32")[:, None], axis=-1)[:, 0]
        return 1 - right / SHARPNESS
