"""Questions to vectors: an LSTM, or convolutions over words.

Dimension letters as in `models.base`: N questions, L words, E word embedding, H code.
"""

from __future__ import annotations

from cnnrnn import backend
from cnnrnn.text.vocabulary import PAD
from cnnrnn.vqa.models.scale import NEVER, PACKAGE, to_unit_scale

keras = backend.keras()
ops = keras.ops

# A loop of so many steps or fewer is written out: TensorFlow's own loop costs more than it holds.
UNROLLED = 32


def _embedding(words: int, size: int, policy):
    """Word vectors of unit variance: with Keras's usual ones, a thirtieth of that, all questions
    look alike for many epochs."""
    return keras.layers.Embedding(
        words, size, embeddings_initializer=keras.initializers.RandomNormal(stddev=1.0),
        name="embed", dtype=policy,
    )  # fmt: skip


@keras.saving.register_keras_serializable(PACKAGE)
class LstmQuestion(keras.layers.Layer):
    """An LSTM reads the words: (N, L) int32 -> (N, H).

    With `whole_state` this is the "deeper LSTM" of Antol et al. 2015: hidden and cell states of
    every layer after the last word, joined by a dense layer with tanh. Else it is the last layer's
    hidden state. States are brought to unit scale. Words behind the question (PAD) change nothing;
    an empty question gives the state before the first word, zeros.

    Args:
        words: size of the vocabulary.
        length: L; longer questions were cut.
        hidden: H, also the units of each LSTM layer.
        embedding: E.
        layers: LSTM layers, one above the other.
        whole_state: see above.
        dropout: share of word-vector units dropped in training, 0 to 1.
    """

    def __init__(
        self,
        words: int,
        length: int,
        hidden: int,
        embedding: int,
        layers: int = 1,
        whole_state: bool = False,
        dropout: float = 0.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._settings = {
            "words": words, "length": length, "hidden": hidden, "embedding": embedding,
            "layers": layers, "whole_state": whole_state, "dropout": dropout,
        }  # fmt: skip
        self.hidden = hidden
        policy = self.dtype_policy
        self.embed = _embedding(words, embedding, policy)
        self.dropout = keras.layers.Dropout(dropout, dtype=policy)
        self.lstms = [
            keras.layers.LSTM(
                hidden, return_sequences=number < layers - 1, return_state=True,
                unroll=length <= UNROLLED, name=f"lstm_{number}", dtype=policy,
            )
            for number in range(layers)
        ]  # fmt: skip
        self.join = None
        if whole_state:
            self.join = keras.layers.Dense(hidden, activation="tanh", name="join", dtype=policy)

    def build(self, input_shape=None):
        settings = self._settings
        self.embed.build((None, settings["length"]))
        size = settings["embedding"]
        for lstm in self.lstms:
            lstm.build((None, settings["length"], size))
            size = self.hidden
        if self.join is not None:
            self.join.build((None, 2 * len(self.lstms) * self.hidden))
        self.built = True

    def call(self, words, training=False):
        mask = words != PAD
        sequence = self.dropout(self.embed(words), training=training)
        states = []
        for lstm in self.lstms:
            sequence, hidden, cell = lstm(sequence, mask=mask, training=training)
            states += [hidden, cell]
        if self.join is None:
            return self._scaled(states[-2])
        return self.join(self._scaled(ops.concatenate(states, axis=-1)))

    def _scaled(self, states):
        return ops.cast(to_unit_scale(states), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.hidden)

    def get_config(self):
        return {**super().get_config(), **self._settings}


@keras.saving.register_keras_serializable(PACKAGE)
class CnnQuestion(keras.layers.Layer):
    """Convolutions over one, two and three words, each by its maximum over the question
    (Yang et al. 2016; Kim 2014): (N, L) int32 -> (N, H).

    A window begins at every real word and reads zeros behind the last one; an empty question is
    zeros.

    Args: as `LstmQuestion`.
    """

    WIDTHS = (1, 2, 3)  # words

    def __init__(
        self, words: int, length: int, hidden: int, embedding: int, dropout: float = 0.0, **kwargs
    ):
        super().__init__(**kwargs)
        self._settings = {
            "words": words, "length": length, "hidden": hidden, "embedding": embedding,
            "dropout": dropout,
        }  # fmt: skip
        self.hidden = hidden
        policy = self.dtype_policy
        self.embed = _embedding(words, embedding, policy)
        self.dropout = keras.layers.Dropout(dropout, dtype=policy)
        share = hidden // len(self.WIDTHS)
        sizes = [hidden - share * (len(self.WIDTHS) - 1)] + [share] * (len(self.WIDTHS) - 1)
        self.convolutions = [
            keras.layers.Conv1D(size, width, activation="tanh", name=f"grams_{width}", dtype=policy)
            for width, size in zip(self.WIDTHS, sizes, strict=True)
            if size
        ]

    def build(self, input_shape=None):
        settings = self._settings
        self.embed.build((None, settings["length"]))
        for convolution in self.convolutions:
            convolution.build((None, settings["length"], settings["embedding"]))
        self.built = True

    def call(self, words, training=False):
        real = (words != PAD)[..., None]
        vectors = self.dropout(self.embed(words), training=training)
        vectors = ops.where(real, vectors, 0.0)
        found = []
        for convolution, width in zip(self.convolutions, self.WIDTHS, strict=False):
            grams = convolution(ops.pad(vectors, [[0, 0], [0, width - 1], [0, 0]]))  # (N, L, .)
            found.append(ops.max(ops.where(real, grams, NEVER), axis=1))
        code = ops.concatenate(found, axis=-1)
        return ops.where(ops.any(real, axis=1), self._scaled(code), 0.0)

    def _scaled(self, code):
        return ops.cast(to_unit_scale(code), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.hidden)

    def get_config(self):
        return {**super().get_config(), **self._settings}


ENCODERS = {"lstm": LstmQuestion, "cnn": CnnQuestion}
