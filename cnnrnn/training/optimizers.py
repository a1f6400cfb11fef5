"""The optimizers of all trainings, as Keras opens them again with a model that is resumed."""

from __future__ import annotations

from cnnrnn import backend

keras = backend.keras()
ops = keras.ops

_PACKAGE = "cnnrnn.training"


@keras.saving.register_keras_serializable(_PACKAGE)
class AdamWeightDecay(keras.optimizers.AdamW):
    """AdamW that leaves biases out of the decay, and still does when it was saved and opened."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.exclude_from_weight_decay(var_names=["bias"])


@keras.saving.register_keras_serializable(_PACKAGE)
class TwoSpeeds(AdamWeightDecay):
    """A pretrained network learns by SGD with momentum, what stands on it by AdamW.

    The two of DenseCap (Johnson et al. 2016) in one, so that clipping, averaging and saving see
    one optimizer. For the first variables, those of the network:

        v <- momentum * v + gradient,    w <- w - share * learning rate * v

    and nothing happens to them in the first `wait` steps, in which what stands on the network
    still passes noise down to it. They are not decayed.

    Args:
        slow: how many of the variables, in the model's order, are the network's.
        share: of the learning rate.
        momentum: 0 to below 1.
        wait: steps.
    """

    def __init__(
        self,
        *args,
        slow: int = 0,
        share: float = 1.0,
        momentum: float = 0.9,
        wait: int = 0,
        **kwargs,
    ):
        super().__init__(*args, **kwargs)
        self.slow, self.share, self.momentum, self.wait = slow, share, momentum, wait

    def build(self, variables):
        if not self.built:
            self.exclude_from_weight_decay(variables[: self.slow], ["bias"])
        super().build(variables)

    def update_step(self, gradient, variable, learning_rate):
        """See `keras.optimizers.Optimizer`."""
        number = self._get_variable_index(variable)
        if number >= self.slow:
            super().update_step(gradient, variable, learning_rate)
            return
        awake = ops.cast(self.iterations >= self.wait, variable.dtype)
        rate = ops.cast(learning_rate, variable.dtype) * self.share * awake
        velocity = self._momentums[number]
        moved = self.momentum * velocity + ops.cast(gradient, variable.dtype)
        self.assign(velocity, awake * moved)
        self.assign_sub(variable, rate * moved)

    def get_config(self):
        own = {
            "slow": self.slow, "share": self.share, "momentum": self.momentum, "wait": self.wait,
        }  # fmt: skip
        return {**super().get_config(), **own}
