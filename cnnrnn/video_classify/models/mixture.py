"""Several models' probabilities joined by fixed weights: the last step of an ensemble."""

from __future__ import annotations

from collections.abc import Sequence

from cnnrnn.video_classify.models.base import PACKAGE, keras, ops


@keras.saving.register_keras_serializable(PACKAGE)
class Mixture(keras.Model):
    """Probabilities (B, M, L) of M members -> (B, L), their mean by the weights.

    Args:
        weights: (M,) of the members, not negative, with the sum 1.
    """

    def __init__(self, weights: Sequence[float], **kwargs):
        super().__init__(**kwargs)
        self.shares = [float(each) for each in weights]

    def build(self, input_shape=None):
        self.built = True

    def call(self, probabilities):
        shares = ops.array(self.shares, dtype=probabilities.dtype)
        return ops.sum(probabilities * shares[None, :, None], axis=1)

    def get_config(self):
        return {**super().get_config(), "weights": self.shares}
