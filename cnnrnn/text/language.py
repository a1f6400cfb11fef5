"""The LSTM language model that captions, region phrases and answers are written by.

Dimension letters: B codes (of pictures, regions or questions), C sentences a code, T words, K grid
cells, D a code's numbers, E word embedding, H hidden size, V vocabulary, N real words of a batch,
S sequences being decoded.

It is one step function seen twice. In training the whole sentence passes at once (teacher
forcing); in decoding `begin` and `advance` carry the LSTM's state from word to word, which
`text.writer` compiles and `text.decoder` searches with.
"""

from __future__ import annotations

from cnnrnn import backend
from cnnrnn.text.vocabulary import UNSPOKEN

keras = backend.keras()
ops = keras.ops

# Low enough that no softmax notices, high enough for float16.
_NEVER = -3e4


@keras.saving.register_keras_serializable("cnnrnn.text")
class LanguageModel(keras.Model):
    """A code is the first input of the LSTM, then come the words (Vinyals et al. 2015).

    A task's own model either is one (a subclass, which may look at more at each word through
    `_look`, `_attend` and `_joined_size`), or has one as a layer and hands it the codes that it
    makes.

    Training input is a dictionary:
        `features` (B, D) float: the codes;
        `words` (B, C, T) int32: START and the sentence, PAD behind it;
        `positions` (N,) int32: where the real words stand in the flattened (B * C * T).
    Output: logits (N, V) of the word after each of these positions; padding costs nothing.

    Args:
        vocabulary_size: V.
        feature_shape: (D,), the shape of a code.
        hidden: H, units of the LSTM.
        embedding: E, size of the word vectors.
        feature_dropout: share of a code's numbers dropped in training, 0 to 1.
        dropout: share of word-vector and hidden units dropped in training, 0 to 1.
    """

    def __init__(
        self,
        vocabulary_size: int,
        feature_shape: tuple[int, ...],
        hidden: int = 512,
        embedding: int = 384,
        feature_dropout: float = 0.3,
        dropout: float = 0.5,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._settings = {
            "vocabulary_size": vocabulary_size,
            "feature_shape": list(feature_shape),
            "hidden": hidden,
            "embedding": embedding,
            "feature_dropout": feature_dropout,
            "dropout": dropout,
        }
        self.vocabulary_size, self.hidden = vocabulary_size, hidden
        policy = self.dtype_policy
        self.feature_dropout = keras.layers.Dropout(feature_dropout, dtype=policy)
        self.dropout = keras.layers.Dropout(dropout, dtype=policy)
        self.opening = keras.layers.Dense(embedding, name="opening", dtype=policy)
        self.embed = keras.layers.Embedding(
            vocabulary_size, embedding, name="embed", dtype=policy
        )
        self.lstm = keras.layers.LSTM(
            hidden, return_sequences=True, return_state=True, name="lstm", dtype=policy
        )
        self.join = keras.layers.Dense(embedding, activation="tanh", name="join", dtype=policy)
        self.vocabulary = keras.layers.Dense(vocabulary_size, name="vocabulary", dtype=policy)

    def build(self, input_shape=None):
        """Make every weight now, so that a loaded model needs no first call."""
        settings = self._settings
        self.opening.build((None, settings["feature_shape"][-1]))
        self.embed.build((None, None))
        self.lstm.build((None, None, settings["embedding"]))
        self.join.build((None, self._joined_size()))
        self.vocabulary.build((None, settings["embedding"]))
        self.built = True

    @property
    def feature_shape(self) -> tuple[int, ...]:
        """Shape of one code."""
        return tuple(self._settings["feature_shape"])

    def _joined_size(self) -> int:
        return self.hidden

    def call(self, inputs, training=False):
        words = inputs["words"]
        _, captions, length = ops.shape(words)
        memory, state = self._look(inputs["features"], training)
        state = [ops.repeat(part, captions, axis=0) for part in state]
        vectors = self.dropout(self.embed(ops.reshape(words, (-1, length))), training=training)
        hidden, *_ = self.lstm(vectors, initial_state=state, training=training)
        joined, _ = self._attend(memory, ops.reshape(hidden, (-1, captions * length, self.hidden)))
        joined = ops.reshape(joined, (-1, self._joined_size()))  # (B * C * T, ...)
        joined = ops.take(joined, inputs["positions"], axis=0)  # (N, ...)
        return self._logits(joined, training)

    def _look(self, features, training=False):
        """B codes -> what decoding looks at again, and the LSTM's first state."""
        features = self.feature_dropout(ops.cast(features, self.compute_dtype), training=training)
        return (), self._first_state(features, training)

    def _first_state(self, vector, training):
        vector = self.opening(vector)
        zeros = ops.zeros((ops.shape(vector)[0], self.hidden), dtype=vector.dtype)
        _, state = self.lstm.cell(vector, [zeros, zeros], training=training)
        return state

    def _attend(self, memory, hidden):
        """Hidden states (B, M, H) -> what the word is read from (B, M, ...), maps or None."""
        return hidden, None

    def _logits(self, joined, training=False):
        joined = self.join(joined)
        return ops.cast(self.vocabulary(self.dropout(joined, training=training)), "float32")

    def begin(self, features):
        """Look at the codes.

        Args:
            features: as in training.

        Returns:
            memory: what each step looks at again, leading dimension B.
            state: [(B, H), (B, H)], the LSTM's state before the first word.
        """
        return self._look(features)

    def advance(self, memory, state, words):
        """One word further, for S sequences about B codes (S a multiple of B, in their order).

        Args:
            memory: from `begin`.
            state: [(S, H), (S, H)].
            words: (S,) int32, the words chosen last.

        Returns:
            log-probabilities (S, V) of the next word, the new state, and the attention maps
            (S, K), or None for a model without attention. What is UNSPOKEN is never offered.
        """
        hidden, state = self.lstm.cell(self.embed(words), list(state))
        codes = ops.shape(memory[0])[0] if memory else ops.shape(words)[0]
        joined, maps = self._attend(memory, ops.reshape(hidden, (codes, -1, self.hidden)))
        logits = self._logits(ops.reshape(joined, (-1, self._joined_size())))
        logits = ops.where(self._never(), _NEVER, logits)
        if maps is not None:
            maps = ops.reshape(maps, (-1, ops.shape(maps)[-1]))
        return ops.log_softmax(logits), state, maps

    def _never(self):
        number = ops.arange(self.vocabulary_size)[:, None]
        return ops.any(number == ops.convert_to_tensor(UNSPOKEN, number.dtype), axis=-1)

    def get_config(self):
        return {**super().get_config(), **self._settings}
