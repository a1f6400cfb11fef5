"""The recurrent language model that captions, region phrases and answers are written by.

Dimension letters: B codes (of pictures, regions or questions), C sentences a code, T words, K grid
cells, D a code's numbers, E word embedding, I input of the recurrent net, H hidden size,
V vocabulary, N real words of a batch, S sequences being decoded.

It is one step function seen twice. In training the whole sentence passes at once (teacher
forcing); in decoding `begin` and `advance` carry the state from word to word, which
`text.writer` compiles and `text.decoder` searches with. The state is a list of (S, H): of an LSTM
two each layer (hidden, cell), of a GRU one.
"""

from __future__ import annotations

import numpy as np

from cnnrnn import backend
from cnnrnn.text.heads import HEADS
from cnnrnn.text.vocabulary import UNSPOKEN

keras = backend.keras()
ops = keras.ops

# Low enough that no softmax notices, high enough for float16.
_NEVER = -3e4

RNNS = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}


@keras.saving.register_keras_serializable("cnnrnn.text")
class LanguageModel(keras.Model):
    """A code is the first input of the recurrent net, then come the words (Vinyals et al. 2015).

    A task's own model either is one (a subclass, which may give the net more at each word through
    `_look`, `_inputs` and `_attend`, and says with `_code_size`, `_opening_size`, `_input_size`
    and `_joined_size` how large what they make is), or has one as a layer and hands it the codes
    that it makes.

    Training input is a dictionary:
        `features` (B, D) float: the codes;
        `words` (B, C, T) int32: START and the sentence, PAD behind it;
        `positions` (N,) int32: where the real words stand in the flattened (B * C * T).
    Output: logits (N, V) of the word after each of these positions; padding costs nothing.

    Args:
        vocabulary_size: V.
        feature_shape: (D,), the shape of a code.
        hidden: H, units of each recurrent layer.
        embedding: E, size of the word vectors.
        feature_dropout: share of a code's numbers dropped in training, 0 to 1.
        dropout: share of word-vector and hidden units dropped in training, 0 to 1; also between
            recurrent layers (Zaremba et al. 2014).
        rnn: a key of `RNNS`.
        layers: recurrent layers, each fed by the one below.
        head: how a word is read, a key of `heads.HEADS`.
        frozen_words: word vectors are not trained.
    """

    def __init__(
        self,
        vocabulary_size: int,
        feature_shape: tuple[int, ...],
        hidden: int = 512,
        embedding: int = 384,
        feature_dropout: float = 0.3,
        dropout: float = 0.5,
        rnn: str = "lstm",
        layers: int = 1,
        head: str = "free",
        frozen_words: bool = False,
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
            "rnn": rnn,
            "layers": layers,
            "head": head,
            "frozen_words": frozen_words,
        }
        self.vocabulary_size, self.hidden, self.rnn = vocabulary_size, hidden, rnn
        policy = self.dtype_policy
        self.feature_dropout = keras.layers.Dropout(feature_dropout, dtype=policy)
        self.dropout = keras.layers.Dropout(dropout, dtype=policy)
        self.opening = keras.layers.Dense(self._opening_size(), name="opening", dtype=policy)
        self.embed = keras.layers.Embedding(
            vocabulary_size, embedding, name="embed", dtype=policy, trainable=not frozen_words
        )
        # The first layer is the attribute `lstm` or `gru`: files of models hold it by that name.
        first, *self.upper = (
            RNNS[rnn](
                hidden, return_sequences=True, return_state=True, dtype=policy,
                name=rnn if number == 1 else f"{rnn}_{number}",
            )
            for number in range(1, layers + 1)
        )  # fmt: skip
        setattr(self, rnn, first)
        self.join = keras.layers.Dense(
            embedding, activation=HEADS[head].activation, name="join", dtype=policy
        )
        self.head = HEADS[head]
        self.vocabulary = self.head.layer(vocabulary_size, name="vocabulary", dtype=policy)

    def build(self, input_shape=None):
        """Make every weight now, so that a loaded model needs no first call."""
        settings = self._settings
        self.opening.build((None, self._code_size()))
        self.embed.build((None, None))
        for number, layer in enumerate(self.recurrent):
            layer.build((None, None, self.hidden if number else self._input_size()))
        self.join.build((None, self._joined_size()))
        self.vocabulary.build((None, settings["embedding"]))
        self.built = True

    @property
    def feature_shape(self) -> tuple[int, ...]:
        """Shape of one code."""
        return tuple(self._settings["feature_shape"])

    @property
    def recurrent(self) -> list:
        """The recurrent layers, lowest first."""
        return [getattr(self, self.rnn), *self.upper]

    @property
    def state_parts(self) -> int:
        """How many tensors (S, H) a state is."""
        return len(keras.tree.flatten([layer.cell.state_size for layer in self.recurrent]))

    def _code_size(self) -> int:
        return self._settings["feature_shape"][-1]

    def _opening_size(self) -> int:
        return self._settings["embedding"]

    def _input_size(self) -> int:
        return self._settings["embedding"]

    def _joined_size(self) -> int:
        return self.hidden

    def call(self, inputs, training=False):
        words = inputs["words"]
        _, captions, length = ops.shape(words)
        memory, state = self._look(inputs["features"], training)
        state = [ops.repeat(part, captions, axis=0) for part in state]
        vectors = self.dropout(self.embed(ops.reshape(words, (-1, length))), training=training)
        hidden = self._inputs(memory, vectors, captions)
        for number, (layer, part) in enumerate(self._with_states(state)):
            if number:
                hidden = self.dropout(hidden, training=training)
            hidden, *_ = layer(hidden, initial_state=part, training=training)
        joined, _ = self._attend(memory, ops.reshape(hidden, (-1, captions * length, self.hidden)))
        joined = ops.reshape(joined, (-1, self._joined_size()))  # (B * C * T, ...)
        joined = ops.take(joined, inputs["positions"], axis=0)  # (N, ...)
        return self._logits(joined, training)

    def _look(self, features, training=False):
        """B codes -> what decoding looks at again, and the first state."""
        features = self.feature_dropout(ops.cast(features, self.compute_dtype), training=training)
        return (), self._first_state(features, training)

    def _first_state(self, vector, training):
        vector = self.opening(vector)
        return self._step(vector, self._no_state(vector), training)[1]

    def _no_state(self, vectors) -> list:
        """The state before anything was read, for as many sequences as there are vectors."""
        zeros = ops.zeros((ops.shape(vectors)[0], self.hidden), dtype=vectors.dtype)
        return [zeros] * self.state_parts

    def _step(self, vectors, state, training=False):
        """One input (S, I) further: hidden states (S, H) of the highest layer, the new state."""
        new = []
        for layer, part in self._with_states(state):
            if new:
                vectors = self.dropout(vectors, training=training)
            vectors, part = layer.cell(vectors, part, training=training)
            new += part
        return vectors, new

    def _with_states(self, state) -> list[tuple]:
        """Each recurrent layer with its part of the state."""
        each = len(state) // len(self.recurrent)
        return [
            (layer, list(state[number * each : (number + 1) * each]))
            for number, layer in enumerate(self.recurrent)
        ]

    def _inputs(self, memory, vectors, captions):
        """What the net reads: word vectors (B * captions, T, E) -> (B * captions, T, I)."""
        return vectors

    def _attend(self, memory, hidden):
        """Hidden states (B, M, H) -> what the word is read from (B, M, ...), maps or None."""
        return hidden, None

    def _logits(self, joined, training=False):
        joined = self.dropout(self.join(joined), training=training)
        more = [ops.convert_to_tensor(self.embed.embeddings)] if self.head.by_vector else []
        return ops.cast(self.vocabulary(joined, *more), "float32")

    def by_word(self) -> list[tuple]:
        """The weights that have a part for each word, with the axis of the words."""
        return [(self.embed.embeddings, 0), *self.head.by_word(self.vocabulary)]

    def begin_with(self, vectors: np.ndarray) -> None:
        """Take word vectors float32 (V, E) as the first ones."""
        self.embed.embeddings.assign(vectors)

    def word_vectors(self) -> np.ndarray:
        """Its word vectors (V, E)."""
        return ops.convert_to_numpy(self.embed.embeddings)

    def begin(self, features):
        """Look at the codes.

        Args:
            features: as in training.

        Returns:
            memory: what each step looks at again, leading dimension B.
            state: a list of (B, H), the state before the first word.
        """
        return self._look(features)

    def advance(self, memory, state, words):
        """One word further, for S sequences about B codes (S a multiple of B, in their order).

        Args:
            memory: from `begin`.
            state: a list of (S, H).
            words: (S,) int32, the words chosen last.

        Returns:
            log-probabilities (S, V) of the next word, the new state, and the attention maps
            (S, K), or None for a model without attention. What is UNSPOKEN is never offered.
        """
        codes = ops.shape(memory[0])[0] if memory else ops.shape(words)[0]
        vectors = self._inputs(memory, self.embed(words)[:, None], ops.shape(words)[0] // codes)
        hidden, state = self._step(vectors[:, 0], state)
        joined, maps = self._attend(memory, ops.reshape(hidden, (codes, -1, self.hidden)))
        logits = self._logits(ops.reshape(joined, (-1, self._joined_size())))
        logits = self.spoken(logits)
        if maps is not None:
            maps = ops.reshape(maps, (-1, ops.shape(maps)[-1]))
        return ops.log_softmax(logits), state, maps

    def spoken(self, logits):
        """Logits (n, V) of which what is UNSPOKEN is impossible."""
        number = ops.arange(self.vocabulary_size)[:, None]
        never = ops.any(number == ops.convert_to_tensor(UNSPOKEN, number.dtype), axis=-1)
        return ops.where(never, _NEVER, logits)

    def get_config(self):
        return {**super().get_config(), **self._settings}
