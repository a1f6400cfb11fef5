"""The language head: a phrase from the code of a region.

The code is the first input of the LSTM, as the picture is in "Show and Tell"; then come START and
the words (Johnson et al. 2016, sec. 3.2.4). The model speaks of all regions of a batch at once.

Dimension letters: R regions, C code size, T words, E word embedding, H hidden size, V vocabulary.
"""

from __future__ import annotations

from cnnrnn import backend
from cnnrnn.text.vocabulary import UNSPOKEN

keras = backend.keras()
ops = keras.ops

# Low enough that no softmax notices, high enough for float16.
_NEVER = -3e4


@keras.saving.register_keras_serializable("cnnrnn.densecap")
class PhraseWriter(keras.layers.Layer):
    """An LSTM language model that begins with a region.

    Args:
        vocabulary_size: V.
        hidden: H, units of the LSTM.
        embedding: E, size of the word vectors.
        dropout: share of word-vector and hidden units dropped in training, 0 to 1.
    """

    def __init__(
        self, vocabulary_size: int, hidden: int, embedding: int, dropout: float = 0.0, **kwargs
    ):
        super().__init__(**kwargs)
        self._settings = {
            "vocabulary_size": vocabulary_size,
            "hidden": hidden,
            "embedding": embedding,
            "dropout": dropout,
        }
        self.vocabulary_size, self.hidden, self.embedding = vocabulary_size, hidden, embedding
        policy = self.dtype_policy
        self.dropout = keras.layers.Dropout(dropout, dtype=policy)
        self.region = keras.layers.Dense(
            embedding, activation="relu", name="region", dtype=policy
        )
        self.embed = keras.layers.Embedding(
            vocabulary_size, embedding, name="embed", dtype=policy
        )
        self.lstm = keras.layers.LSTM(
            hidden, return_sequences=True, return_state=True, name="lstm", dtype=policy
        )
        self.vocabulary = keras.layers.Dense(vocabulary_size, name="vocabulary", dtype=policy)

    def build(self, input_shape):
        self.region.build(input_shape)
        self.embed.build((None, None))
        self.lstm.build((None, None, self.embedding))
        self.vocabulary.build((None, self.hidden))
        self.built = True

    def call(self, codes, words, training=False):
        """Codes (R, C), START and words (R, T) int32 -> logits (R, T, V) of the word after each."""
        state = self._first_state(codes, training)
        vectors = self.dropout(self.embed(words), training=training)
        hidden, *_ = self.lstm(vectors, initial_state=state, training=training)
        return self._logits(hidden, training)

    def _first_state(self, codes, training=False):
        vector = self.region(codes)
        zeros = ops.zeros((ops.shape(vector)[0], self.hidden), dtype=vector.dtype)
        _, state = self.lstm.cell(vector, [zeros, zeros], training=training)
        return state

    def _logits(self, hidden, training=False):
        return ops.cast(self.vocabulary(self.dropout(hidden, training=training)), "float32")

    def begin(self, codes):
        """Codes (R, C) to what each step looks at again (nothing) and the LSTM's first state."""
        return (), self._first_state(codes)

    def advance(self, memory, state, words):
        """One word further.

        Args:
            memory: from `begin`.
            state: [(R, H), (R, H)].
            words: (R,) int32, the words chosen last.

        Returns:
            log-probabilities (R, V) of the next word, the new state, and None: there is no
            attention. What is UNSPOKEN is never offered.
        """
        hidden, state = self.lstm.cell(self.embed(words), list(state))
        number = ops.arange(self.vocabulary_size)[:, None]
        never = ops.any(number == ops.convert_to_tensor(UNSPOKEN, number.dtype), axis=-1)
        return ops.log_softmax(ops.where(never, _NEVER, self._logits(hidden))), state, None

    def get_config(self):
        return {**super().get_config(), **self._settings}
