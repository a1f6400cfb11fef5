"""How a language model reads the next word from a vector: one number (logit) for each word.

Dimension letters: N vectors, E their numbers, V words.
"""

from __future__ import annotations

from cnnrnn import backend

keras = backend.keras()
ops = keras.ops

_PACKAGE = "cnnrnn.text"
# Cosines lie between -1 and 1: so much times larger they are logits that single out a word.
SHARPNESS = 20.0


@keras.saving.register_keras_serializable(_PACKAGE)
class FreeWords(keras.layers.Dense):
    """Each word has weights of its own."""

    activation_before = "tanh"

    def call(self, inputs, embeddings):
        """(N, E), embeddings (V, E), which are not looked at -> logits (N, V)."""
        return super().call(inputs)

    @property
    def by_word(self) -> list[tuple]:
        """Its weights that have a part for each word, with the axis that the words lie along."""
        return [(self.kernel, 1), (self.bias, 0)]


@keras.saving.register_keras_serializable(_PACKAGE)
class TiedWords(keras.layers.Layer):
    """A word's weights are its vector (Press and Wolf 2017): logits = x . embeddings^T + b.

    Args:
        units: V.
    """

    activation_before = "tanh"

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")
        self.built = True

    def call(self, inputs, embeddings):
        """(N, E), embeddings (V, E) -> logits (N, V)."""
        return ops.matmul(inputs, ops.transpose(embeddings)) + self.bias

    @property
    def by_word(self) -> list[tuple]:
        """See `FreeWords`."""
        return [(self.bias, 0)]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable(_PACKAGE)
class NearestWords(keras.layers.Layer):
    """The vector is taken for that of the next word, and the nearest word is the likeliest:

        logits = SHARPNESS * cosine(x, embeddings)

    Args:
        units: V.
    """

    activation_before = None  # a vector may point anywhere
    by_word = ()  # see `FreeWords`

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.built = True

    def call(self, inputs, embeddings):
        """(N, E), embeddings (V, E) -> logits (N, V)."""
        inputs = ops.normalize(inputs, axis=-1)
        return SHARPNESS * ops.matmul(inputs, ops.transpose(ops.normalize(embeddings, axis=-1)))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


HEADS = {"free": FreeWords, "tied": TiedWords, "nearest": NearestWords}
