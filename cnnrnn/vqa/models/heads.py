"""The three ways to an answer: choose one, hit its word vector, or write it.

Dimension letters: N questions, H code, A answers, E word vector, T words of an answer, V the
decoder's vocabulary.
"""

from __future__ import annotations

from cnnrnn import backend
from cnnrnn.text.vocabulary import UNSPOKEN
from cnnrnn.vqa.models.question import NEVER, PACKAGE

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
    """An LSTM that begins with the code writes the answer word by word.

    In training `spoken` (N, T) int32 is START and the answer, PAD behind it: codes (N, H) ->
    logits (N * T, V) of the word after each. In use `begin` and `advance` are the step functions
    of `text.decoder`, whose features are the codes.

    Args:
        size: V.
        code: H, also the units of the LSTM.
        embedding: size of its word vectors.
        dropout: share of hidden units dropped in training, 0 to 1.
    """

    def __init__(
        self, size: int, code: int, embedding: int = 64, dropout: float = 0.0, **kwargs
    ):
        super().__init__(**kwargs)
        self._settings = {
            "size": size, "code": code, "embedding": embedding, "dropout": dropout,
        }  # fmt: skip
        self.size = size
        policy = self.dtype_policy
        self.embed = keras.layers.Embedding(size, embedding, name="embed", dtype=policy)
        self.first = keras.layers.Dense(code, activation="tanh", name="first", dtype=policy)
        self.lstm = keras.layers.LSTM(
            code, return_sequences=True, unroll=True, name="lstm", dtype=policy
        )
        self.dropout = keras.layers.Dropout(dropout, dtype=policy)
        self.word = keras.layers.Dense(size, name="word", dtype=policy)

    def build(self, input_shape=None):
        settings = self._settings
        self.embed.build((None, None))
        self.first.build((None, settings["code"]))
        self.lstm.build((None, None, settings["embedding"]))
        self.word.build((None, settings["code"]))
        self.built = True

    def call(self, codes, spoken=None, training=False):
        _, state = self.begin(codes)
        hidden = self.lstm(self.embed(spoken), initial_state=state, training=training)
        hidden = self.dropout(ops.reshape(hidden, (-1, hidden.shape[-1])), training=training)
        return ops.cast(self.word(hidden), "float32")

    def begin(self, codes):
        """Codes (N, H) -> nothing to look at again, and the first state [(N, H), (N, H)]."""
        codes = ops.cast(codes, self.compute_dtype)
        return (), [self.first(codes), ops.zeros_like(codes)]

    def advance(self, memory, state, words):
        """One word further: log-probabilities (S, V), the new state, no maps."""
        hidden, state = self.lstm.cell(self.embed(words), list(state))
        logits = ops.cast(self.word(hidden), "float32")
        number = ops.arange(self.size)[:, None]
        never = ops.any(number == ops.convert_to_tensor(UNSPOKEN, number.dtype), axis=-1)
        return ops.log_softmax(ops.where(never, NEVER, logits)), state, None

    def get_config(self):
        return {**super().get_config(), **self._settings}


HEADS = {"classify": Classify, "regress": Regress, "generate": Generate}
