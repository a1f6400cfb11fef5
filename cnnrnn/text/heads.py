"""How a language model reads the next word from a vector: one number (logit) for each word.

Dimension letters: N vectors, E their numbers, V words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cnnrnn import backend

keras = backend.keras()
ops = keras.ops

_PACKAGE = "cnnrnn.text"
# Cosines lie between -1 and 1: so much times larger they are logits that single out a word.
SHARPNESS = 20.0


class _ByVector(keras.layers.Layer):
    """A layer that takes word vectors beside its input and has V units."""

    def __init__(self, units: int, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable(_PACKAGE)
class TiedWords(_ByVector):
    """A word's weights are its vector (Press and Wolf 2017): logits = x . embeddings^T + b.

    Args:
        units: V.
    """

    def build(self, input_shape):
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")
        self.built = True

    def call(self, inputs, embeddings):
        """(N, E), embeddings (V, E) -> logits (N, V)."""
        return ops.matmul(inputs, ops.transpose(embeddings)) + self.bias


@keras.saving.register_keras_serializable(_PACKAGE)
class NearestWords(_ByVector):
    """The vector is taken for that of the next word, and the nearest word is the likeliest:

        logits = SHARPNESS * cosine(x, embeddings - their mean)

    Embeddings, made as long as each other, are counted from their mean (Mu and Viswanath 2018):
    those of a small text have most of their length in common, and a net that says only that would
    be near to every word.

    Args:
        units: V.
    """

    def build(self, input_shape):
        self.built = True

    def call(self, inputs, embeddings):
        """(N, E), embeddings (V, E) -> logits (N, V)."""
        embeddings = ops.normalize(embeddings, axis=-1)
        embeddings = ops.normalize(embeddings - ops.mean(embeddings, axis=0), axis=-1)
        return SHARPNESS * ops.matmul(ops.normalize(inputs, axis=-1), ops.transpose(embeddings))


@dataclass(frozen=True)
class Head:
    """A way of reading words.

    layer: makes the layer for V words. Files of models hold it by the name of its class.
    activation: of the vector that it reads.
    by_vector: the layer takes the word vectors too.
    by_word: of the layer, its weights that have a part for each word, with the axis of the words.
    """

    layer: Callable
    activation: str | None
    by_vector: bool
    by_word: Callable


HEADS = {
    # Each word has weights of its own.
    "free": Head(
        keras.layers.Dense, "tanh", False, lambda layer: [(layer.kernel, 1), (layer.bias, 0)]
    ),
    "tied": Head(TiedWords, "tanh", True, lambda layer: [(layer.bias, 0)]),
    # A vector may point anywhere.
    "nearest": Head(NearestWords, None, True, lambda layer: []),
}
