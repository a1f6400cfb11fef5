"""What a video classifier learns by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnrnn import backend

keras = backend.keras()
ops = keras.ops


@keras.saving.register_keras_serializable("cnnrnn.video_classify")
class LabelCrossEntropy(keras.losses.Loss):
    """Cross-entropy of label numbers (B,) under logits (B, L), each clip weighed by its label.

        loss = sum_i w(y_i) CE_i / sum_i w(y_i)

    Args:
        weights: (L,) of the labels; None weighs all alike.
        smoothing: share of the target that is spread over all labels, 0 to 1.
    """

    def __init__(
        self,
        weights: Sequence[float] | None = None,
        smoothing: float = 0.0,
        name: str = "label_cross_entropy",
        **kwargs,
    ):
        super().__init__(name=name, reduction="sum")
        self.weights = None if weights is None else [float(each) for each in weights]
        self.smoothing = smoothing

    def call(self, targets, logits):
        labels = logits.shape[-1]
        targets = ops.one_hot(ops.cast(targets, "int32"), labels, dtype=logits.dtype)
        weights = ops.ones((labels,)) if self.weights is None else ops.array(self.weights)
        weight = ops.sum(targets * ops.cast(weights, logits.dtype), axis=-1)
        smoothed = (1 - self.smoothing) * targets + self.smoothing / labels
        losses = -ops.sum(smoothed * ops.log_softmax(logits, axis=-1), axis=-1)
        return weight * losses / ops.maximum(ops.sum(weight), 1e-6)

    def get_config(self):
        return {"name": self.name, "weights": self.weights, "smoothing": self.smoothing}


def class_weights(labels: np.ndarray, count: int) -> list[float]:
    """Weights of the labels so that each counts alike in sum: n / (L n_label), float (L,).

    Args:
        labels: (n,) label numbers.
        count: L; a label without a clip gets the weight 1.
    """
    sizes = np.bincount(labels, minlength=count)
    present = sizes[sizes > 0]
    scale = len(labels) / len(present)
    return [float(scale / size) if size else 1.0 for size in sizes]
