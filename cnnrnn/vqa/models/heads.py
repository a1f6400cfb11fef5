"""The three ways to an answer: choose one, hit its word vector, or write it.

Dimension letters: N questions, H code, A answers, E word vector, T words of an answer, M real words
of a batch, V the vocabulary of answers.
"""

from __future__ import annotations

from cnnrnn import backend
from cnnrnn.text.language import LanguageModel
from cnnrnn.vqa.models.scale import PACKAGE

keras = backend.keras()
ops = keras.ops


@keras.saving.register_keras_serializable(PACKAGE)
class Classify(keras.layers.Layer):
    """A softmax layer over the answers: codes (N, H) -> logits (N, A).

    Args:
        size: A.
        code: H.
    """

    def __init__(self, size: int, code: int, **kwargs):
        super().__init__(**kwargs)
        self._settings = {"size": size, "code": code}
        self.size = size
        self.answer = keras.layers.Dense(size, name="answer", dtype=self.dtype_policy)

    def build(self, input_shape=None):
        self.answer.build((None, self._settings["code"]))
        self.built = True

    def call(self, codes, spoken=None, training=False):
        return ops.cast(self.answer(codes), "float32")

    def get_config(self):
        return {**super().get_config(), **self._settings}


@keras.saving.register_keras_serializable(PACKAGE)
class Regress(Classify):
    """A linear layer to the answer's word vector: codes (N, H) -> vectors (N, E).

    Whatever has a vector can be scored by its cosine, so that a choice need not be an answer that
    was ever trained on.

    Args:
        size: E.
        code: H.
    """


@keras.saving.register_keras_serializable(PACKAGE)
class Generate(keras.layers.Layer):
    """The language model of `text.language` writes the answer, with the code as its first input.

    In training `spoken` is (words (N, 1, T) int32, positions (M,) int32), see `LanguageModel`:
    codes (N, H) -> logits (M, V) of the word after each position.

    Args:
        size: V.
        code: H, also the units of its LSTM.
        embedding: size of its word vectors.
        dropout: share of units dropped in training, 0 to 1.
    """

    def __init__(
        self, size: int, code: int, embedding: int = 64, dropout: float = 0.0, **kwargs
    ):
        super().__init__(**kwargs)
        self._settings = {
            "size": size, "code": code, "embedding": embedding, "dropout": dropout,
        }  # fmt: skip
        self.language = LanguageModel(
            size, (code,), code, embedding, 0.0, dropout, name="language", dtype=self.dtype_policy
        )

    def build(self, input_shape=None):
        self.language.build()
        self.built = True

    def call(self, codes, spoken=None, training=False):
        words, positions = spoken
        given = {"features": codes, "words": words, "positions": positions}
        return self.language(given, training=training)

    def get_config(self):
        return {**super().get_config(), **self._settings}


HEADS = {"classify": Classify, "regress": Regress, "generate": Generate}
