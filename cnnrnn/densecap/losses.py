"""The five losses of DenseCap, each of the places in which it is meant.

Dimension letters: B pictures, S places of a sample, N words of a batch, V vocabulary.
"""

from __future__ import annotations

from cnnrnn import backend

keras = backend.keras()
ops = keras.ops

# How far boxes usually are from what they begin as, in deltas (Ren et al. 2015): positive ones
# overlap their truth by 0.7. Counted plainly, boxes would have a hundredth of the words' say.
SPREAD = (0.1, 0.1, 0.2, 0.2)


@keras.saving.register_keras_serializable("cnnrnn.densecap")
class Given(keras.losses.Loss):
    """The loss is what the model gives: it has the truths among its inputs, to sample by them."""

    def call(self, y_true, y_pred):
        return y_pred


def mean_where(values, mask):
    """Mean of the values whose mask is True, 0 where there is none."""
    mask = ops.cast(mask, values.dtype)
    return ops.sum(values * mask) / ops.maximum(ops.sum(mask), 1.0)


def objectness(logits, positive, drawn):
    """Logistic loss in nats: log(1 + exp(-z)) of positives, log(1 + exp(z)) of negatives.

    All (B, S); the mean over the places that are drawn.
    """
    sign = ops.where(positive, -1.0, 1.0)
    return mean_where(ops.softplus(sign * logits), drawn)


def box_distance(deltas, wanted, positive):
    """Smooth L1 (Girshick 2015) of deltas (B, S, 4): x^2 / 2 below 1, |x| - 1/2 beyond.

    The distance x is counted in SPREAD. The mean over the positive places (B, S) and the four
    coordinates.
    """
    apart = ops.abs(deltas - wanted) / ops.convert_to_tensor(SPREAD, deltas.dtype)
    smooth = ops.where(apart < 1.0, 0.5 * ops.square(apart), apart - 0.5)
    return mean_where(ops.mean(smooth, axis=-1), positive)


def words(logits, targets, real):
    """Cross-entropy of the next word in nats: logits (N, V), targets and mask (N,)."""
    total = ops.logsumexp(logits, axis=-1)
    right = ops.take_along_axis(logits, targets[..., None], axis=-1)[..., 0]
    return mean_where(total - right, real)
