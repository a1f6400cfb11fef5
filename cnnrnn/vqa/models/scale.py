"""Numbers of one size: what is multiplied must not be small, or no gradient passes."""

from __future__ import annotations

from cnnrnn import backend

keras = backend.keras()
ops = keras.ops

PACKAGE = "cnnrnn.vqa"
# Low enough that no maximum or softmax notices, high enough for float16.
NEVER = -3e4


def to_unit_scale(features):
    """Each example's numbers divided by their root mean square: (N, ...), same shape; zeros stay.

    For a vector this is the L2 normalisation of Antol et al. 2015 ("norm I") times sqrt(D): with
    length 1 its entries would be so small that the product with the question starves the gradients.
    An LSTM's first states are as small.
    """
    axes = list(range(1, len(features.shape)))
    features = ops.cast(features, "float32")
    square = ops.mean(ops.square(features), axis=axes, keepdims=True)
    return features * ops.rsqrt(square + 1e-6)
