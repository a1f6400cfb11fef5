"""The loss of a language model."""

from __future__ import annotations

from cnnrnn import backend

keras = backend.keras()
ops = keras.ops


@keras.saving.register_keras_serializable("cnnrnn.text")
class WordCrossEntropy(keras.losses.Loss):
    """Cross-entropy of the next word in nats, with label smoothing (Szegedy et al. 2016).

        loss = (1 - s) * -log p(word) + s * mean over the vocabulary of -log p

    Logits (N, V) and word numbers (N,) give (N,); no one-hot matrix is made.

    Args:
        smoothing: s, 0 (plain cross-entropy) to 1.
    """

    def __init__(self, smoothing: float = 0.0, name: str = "word_cross_entropy", **kwargs):
        super().__init__(name=name, **kwargs)
        self.smoothing = smoothing

    def call(self, y_true, y_pred):
        total = ops.logsumexp(y_pred, axis=-1)
        right = ops.take_along_axis(y_pred, ops.cast(y_true, "int32")[:, None], axis=-1)[:, 0]
        return total - (1 - self.smoothing) * right - self.smoothing * ops.mean(y_pred, axis=-1)

    def get_config(self):
        return {**super().get_config(), "smoothing": self.smoothing}
