"""The figures of a classifier on clips that it does not learn from, after each epoch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnrnn.video_classify.batches import ClipBatches
from cnnrnn.video_classify.metrics import score
from cnnrnn.video_classify.prepare import Clips

MONITOR = "val_log_loss"


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities (n, L) of logits (n, L), float64."""
    logits = np.asarray(logits, np.float64)
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


class Validation:
    """Log-loss and accuracies of the clips kept aside.

    Args:
        clips: those.
        labels: the model's labels.
        batch: clips that pass the model together.
    """

    def __init__(self, clips: Clips, labels: Sequence[str], batch: int):
        self.clips, self.labels = clips, labels
        self.batches = ClipBatches(clips.streams, clips.numbers(labels), batch)

    def __call__(self, model) -> dict[str, float]:
        """`val_log_loss` in nats, `val_top1`, `val_mean_class`, 0 to 1."""
        parts = [model.predict_on_batch(inputs) for inputs, _ in self.batches.in_order()]
        names = [each.label for each in self.clips.examples]
        ids = [each.id for each in self.clips.examples]
        found = score(ids, names, self.labels, softmax(np.concatenate(parts))).overall
        return {f"val_{key}": found[key] for key in ("log_loss", "top1", "mean_class")}
