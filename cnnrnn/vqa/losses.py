"""What an answering model learns by. Places without an answer to learn cost nothing."""

from __future__ import annotations

from cnnrnn import backend
from cnnrnn.text.vocabulary import PAD

keras = backend.keras()
ops = keras.ops

NONE = -1  # the number of an answer that is not there, or not among those that can be chosen


def _mean(losses, real):
    """The mean of losses (N,) where `real` (N,) bool; 0 where nothing is."""
    real = ops.cast(real, losses.dtype)
    return ops.sum(losses * real) / ops.maximum(ops.sum(real), 1.0)


@keras.saving.register_keras_serializable("cnnrnn.vqa")
class AnswerCrossEntropy(keras.losses.Loss):
    """Cross-entropy of numbers (N,) under logits (N, A), in nats, with label smoothing.

    Args:
        smoothing: share of the target that is spread over all answers, 0 to 1.
        absent: the number that stands for nothing to learn: NONE, or PAD for words.
    """

    def __init__(
        self, smoothing: float = 0.0, absent: int = NONE, name: str = "answer_cross_entropy",
        **kwargs,
    ):  # fmt: skip
        super().__init__(name=name, reduction="sum")
        self.smoothing, self.absent = smoothing, absent

    def call(self, targets, logits):
        targets = ops.cast(targets, "int32")
        total = ops.logsumexp(logits, axis=-1)
        right = ops.take_along_axis(logits, ops.maximum(targets, 0)[:, None], axis=-1)[:, 0]
        smoothed = (1 - self.smoothing) * right + self.smoothing * ops.mean(logits, axis=-1)
        return _mean(total - smoothed, targets != self.absent)

    def get_config(self):
        return {"name": self.name, "smoothing": self.smoothing, "absent": self.absent}


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
    """The loss of a head."""
    return {
        "classify": lambda: AnswerCrossEntropy(smoothing),
        "regress": VectorCosine,
        "generate": lambda: AnswerCrossEntropy(smoothing, PAD),
    }[answer]()
