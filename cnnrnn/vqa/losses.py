"""What an answering model learns by. Places without an answer to learn cost nothing."""

from __future__ import annotations

from cnnrnn import backend
from cnnrnn.text.losses import WordCrossEntropy
from cnnrnn.vqa.answers import NONE

keras = backend.keras()
ops = keras.ops


def _mean(losses, real):
    """The mean of losses (N,) where `real` (N,) bool; 0 where nothing is."""
    real = ops.cast(real, losses.dtype)
    return ops.sum(losses * real) / ops.maximum(ops.sum(real), 1.0)


@keras.saving.register_keras_serializable("cnnrnn.vqa")
class AnswerCrossEntropy(keras.losses.Loss):
    """Cross-entropy of numbers (N,) under logits (N, A), in nats, with label smoothing.

    Args:
        smoothing: share of the target that is spread over all answers, 0 to 1.
    """

    def __init__(self, smoothing: float = 0.0, name: str = "answer_cross_entropy", **kwargs):
        super().__init__(name=name, reduction="sum")
        self.smoothing = smoothing

    def call(self, targets, logits):
        targets = ops.cast(targets, "int32")
        total = ops.logsumexp(logits, axis=-1)
        right = ops.take_along_axis(logits, ops.maximum(targets, 0)[:, None], axis=-1)[:, 0]
        smoothed = (1 - self.smoothing) * right + self.smoothing * ops.mean(logits, axis=-1)
        return _mean(total - smoothed, targets != NONE)

    def get_config(self):
        return {"name": self.name, "smoothing": self.smoothing}


@keras.saving.register_keras_serializable("cnnrnn.vqa")
class VectorCosine(keras.losses.Loss):
    """1 - cosine of vectors (N, E) and their targets (N, E); a target of zeros is none."""

    def __init__(self, name: str = "vector_cosine", **kwargs):
        super().__init__(name=name, reduction="sum")

    def call(self, targets, vectors):
        length = ops.sqrt(ops.sum(ops.square(vectors), axis=-1) + 1e-12)
        cosine = ops.sum(targets * vectors, axis=-1) / length
        return _mean(1 - cosine, ops.any(targets != 0, axis=-1))

    def get_config(self):
        return {"name": self.name}


def loss_of(answer: str, smoothing: float):
    """The loss of a head, by its key in `heads.HEADS`."""
    return {
        "classify": lambda: AnswerCrossEntropy(smoothing),
        "regress": VectorCosine,
        "generate": lambda: WordCrossEntropy(smoothing),
    }[answer]()
