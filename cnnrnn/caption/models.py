"""Captioners: where the picture enters the language model.

Dimension letters: B pictures, C captions a picture, T words, K grid cells, D backbone feature,
E word embedding, H hidden size, V vocabulary, N real words of a batch, S sequences being decoded.

Every captioner is one step function seen twice. In training the whole sentence passes at once
(teacher forcing); in decoding `begin` and `advance` carry the LSTM's state from word to word.
"""

from __future__ import annotations

import math

from cnnrnn import backend
from cnnrnn.text.vocabulary import UNSPOKEN

keras = backend.keras()
ops = keras.ops

_PACKAGE = "cnnrnn.caption"
# Low enough that no softmax notices, high enough for float16.
_NEVER = -3e4


@keras.saving.register_keras_serializable(_PACKAGE)
class InjectInit(keras.Model):
    """The picture is the first input of the LSTM (Vinyals et al. 2015, "Show and Tell").

    Training input is a dictionary:
        `features` (B, D) float: one backbone vector a picture;
        `words` (B, C, T) int32: START and the caption, PAD behind it;
        `positions` (N,) int32: where the real words stand in the flattened (B * C * T).
    Output: logits (N, V) of the word after each of these positions; padding costs nothing.

    Args:
        vocabulary_size: V.
        feature_shape: (D,) of the backbone's output `pooled`.
        hidden: H, units of the LSTM.
        embedding: E, size of the word vectors.
        feature_dropout: share of the picture's features dropped in training, 0 to 1.
        dropout: share of word-vector and hidden units dropped in training, 0 to 1.
    """

    feature_output = "pooled"

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
        self.picture = keras.layers.Dense(embedding, name="picture", dtype=policy)
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
        self.picture.build((None, settings["feature_shape"][-1]))
        self.embed.build((None, None))
        self.lstm.build((None, None, settings["embedding"]))
        self.join.build((None, self._joined_size()))
        self.vocabulary.build((None, settings["embedding"]))
        self.built = True

    @property
    def feature_shape(self) -> tuple[int, ...]:
        """Shape of one picture's features."""
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
        """Features of B pictures -> what decoding looks at again, and the LSTM's first state."""
        features = self.feature_dropout(ops.cast(features, self.compute_dtype), training=training)
        return (), self._first_state(features, training)

    def _first_state(self, vector, training):
        vector = self.picture(vector)
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
        """Look at the pictures.

        Args:
            features: as in training.

        Returns:
            memory: what each step looks at again, leading dimension B.
            state: [(B, H), (B, H)], the LSTM's state before the first word.
        """
        return self._look(features)

    def advance(self, memory, state, words):
        """One word further, for S sequences of B pictures (S a multiple of B, in picture order).

        Args:
            memory: from `begin`.
            state: [(S, H), (S, H)].
            words: (S,) int32, the words chosen last.

        Returns:
            log-probabilities (S, V) of the next word, the new state, and the attention maps
            (S, K), or None for a model without attention. What is UNSPOKEN is never offered.
        """
        hidden, state = self.lstm.cell(self.embed(words), list(state))
        pictures = ops.shape(memory[0])[0] if memory else ops.shape(words)[0]
        joined, maps = self._attend(memory, ops.reshape(hidden, (pictures, -1, self.hidden)))
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


@keras.saving.register_keras_serializable(_PACKAGE)
class Attention(InjectInit):
    """Every word looks at the grid through the LSTM's *new* state (Lu et al. 2017).

    As the query is the LSTM's output and the context feeds the word, not the next LSTM step, the
    attention of all words of a picture's captions is one batched product:

        scores = (W_q h) . (W_k v) / sqrt(H / heads),  context = softmax(scores) . (W_k v)

    `features` are (B, rows, columns, D), the backbone's output `grid`, read as (B, K, D); their
    mean is the LSTM's first input.
    Maps are the mean over the heads and sum to 1 over the K cells.

    Args:
        heads: into how many parts H is divided, at most; fewer where it cannot be divided so.
    """

    feature_output = "grid"

    def __init__(self, *args, heads: int = 8, **kwargs):
        super().__init__(*args, **kwargs)
        self.heads = math.gcd(heads, self.hidden)
        self._settings["heads"] = self.heads
        policy = self.dtype_policy
        self.project = keras.layers.Dense(
            self.hidden, activation="relu", name="project", dtype=policy
        )
        self.query = keras.layers.Dense(self.hidden, name="query", dtype=policy)

    def build(self, input_shape=None):
        self.project.build((None, None, self._settings["feature_shape"][-1]))
        self.query.build((None, None, self.hidden))
        super().build(input_shape)

    def _joined_size(self) -> int:
        return 2 * self.hidden

    def _look(self, features, training=False):
        cells = ops.reshape(features, (ops.shape(features)[0], -1, ops.shape(features)[-1]))
        cells = self.feature_dropout(ops.cast(cells, self.compute_dtype), training=training)
        grid = self.project(cells)  # (B, K, H)
        return (grid,), self._first_state(ops.mean(cells, axis=1), training)

    def _attend(self, memory, hidden):
        (grid,) = memory
        keys = self._split(grid)  # (B, heads, K, H / heads)
        queries = self._split(self.query(hidden))  # (B, heads, M, H / heads)
        scores = ops.matmul(queries, ops.transpose(keys, (0, 1, 3, 2)))
        weights = ops.softmax(scores * (self.hidden // self.heads) ** -0.5)  # (B, heads, M, K)
        context = ops.transpose(ops.matmul(weights, keys), (0, 2, 1, 3))
        context = ops.reshape(context, ops.shape(hidden))
        return ops.concatenate([hidden, context], axis=-1), ops.mean(weights, axis=1)

    def _split(self, vectors):
        batch, length, _ = ops.shape(vectors)
        vectors = ops.reshape(vectors, (batch, length, self.heads, self.hidden // self.heads))
        return ops.transpose(vectors, (0, 2, 1, 3))


MODELS = {"inject-init": InjectInit, "attention": Attention}
