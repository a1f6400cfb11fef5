"""Captioners: where the picture enters the language model, see `text.language`.

Dimension letters as there: the codes are B pictures, D is the backbone's feature.
"""

from __future__ import annotations

import math

from cnnrnn import backend
from cnnrnn.text.language import LanguageModel

keras = backend.keras()
ops = keras.ops

_PACKAGE = "cnnrnn.caption"


@keras.saving.register_keras_serializable(_PACKAGE)
class InjectInit(LanguageModel):
    """The picture is the first input of the net (Vinyals et al. 2015, "Show and Tell").

    `features` are (B, D), the backbone's output `pooled`.
    """

    feature_output = "pooled"


@keras.saving.register_keras_serializable(_PACKAGE)
class Inject(LanguageModel):
    """The net reads the picture with every word (Mao et al. 2015, Donahue et al. 2015): features
    and n-th word vector give word n + 1.

        input of the net at each word = (word vector, W f)

    `features` are (B, D), the backbone's output `pooled`.
    """

    feature_output = "pooled"

    def _input_size(self) -> int:
        return 2 * self._settings["embedding"]

    def _look(self, features, training=False):
        features = self.feature_dropout(ops.cast(features, self.compute_dtype), training=training)
        seen = self.opening(features)  # (B, E)
        return (seen,), self._no_state(seen)

    def _inputs(self, memory, vectors, captions):
        seen = ops.repeat(memory[0], captions, axis=0)[:, None]  # (B * C, 1, E)
        return ops.concatenate([vectors, ops.broadcast_to(seen, ops.shape(vectors))], axis=-1)


FUSIONS = {
    "concat": lambda hidden, seen: ops.concatenate([hidden, seen], axis=-1),
    "multiply": ops.multiply,
    "add": ops.add,
}


@keras.saving.register_keras_serializable(_PACKAGE)
class Merge(LanguageModel):
    """The net reads words only, and the picture is joined with what it makes of them (Tanti et al.
    2018, "Where to put the image in an image caption generator").

        the next word is read from fusion(h, tanh(W f))

    The tanh brings the picture into the range of the net's output, (-1, 1), so that a sum or a
    product has something of both. `features` are (B, D), the backbone's output `pooled`.

    Args:
        fusion: a key of `FUSIONS`.
    """

    feature_output = "pooled"

    def __init__(self, *args, fusion: str = "concat", **kwargs):
        super().__init__(*args, **kwargs)
        self.fusion = fusion
        self._settings["fusion"] = fusion

    def _opening_size(self) -> int:
        return self._settings["hidden"]

    def _joined_size(self) -> int:
        return 2 * self.hidden if self.fusion == "concat" else self.hidden

    def _look(self, features, training=False):
        features = self.feature_dropout(ops.cast(features, self.compute_dtype), training=training)
        seen = ops.tanh(self.opening(features))  # (B, H)
        return (seen,), self._no_state(seen)

    def _attend(self, memory, hidden):
        seen = ops.broadcast_to(memory[0][:, None], ops.shape(hidden))  # (B, M, H)
        return FUSIONS[self.fusion](hidden, seen), None


@keras.saving.register_keras_serializable(_PACKAGE)
class Attention(LanguageModel):
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


@keras.saving.register_keras_serializable(_PACKAGE)
class ClipLstm(LanguageModel):
    """An LSTM watches the frames of a clip and their changes; what it then remembers, beside the
    mean of the frames, is the first input of the net that writes (after Venugopalan et al. 2015,
    "Sequence to Sequence - Video to Text").

        frame t of its input = (norm(f), norm(f of t less f of t - 1))

    Without the norm (Ba et al. 2016) the LSTM is saturated by what all frames have alike, without
    the mean it must remember what any single frame shows.

    `features` are (B, frames, D), zeros behind the frames of a clip that has fewer.
    """

    feature_output = "steps"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        policy = self.dtype_policy
        self.frame_norm, self.change_norm = (
            keras.layers.LayerNormalization(name=name, dtype=policy)
            for name in ("frame_norm", "change_norm")
        )
        self.watch = keras.layers.LSTM(self.hidden, name="watch", dtype=policy)

    def build(self, input_shape=None):
        size = self._settings["feature_shape"][-1]
        self.frame_norm.build((None, None, size))
        self.change_norm.build((None, None, size))
        self.watch.build((None, None, 2 * size))
        super().build(input_shape)

    def _code_size(self) -> int:
        return self.hidden + self._settings["feature_shape"][-1]

    def _look(self, features, training=False):
        features = ops.cast(features, self.compute_dtype)
        real = ops.any(ops.not_equal(features, 0), axis=-1)  # (B, frames)
        before = ops.concatenate([features[:, :1], features[:, :-1]], axis=1)
        frames, changes = self.frame_norm(features), self.change_norm(features - before)
        steps = self.feature_dropout(ops.concatenate([frames, changes], axis=-1), training=training)
        watched = self.watch(steps, mask=real, training=training)
        share = ops.cast(real, frames.dtype)[..., None]
        mean = ops.sum(frames * share, axis=1) / ops.maximum(ops.sum(share, axis=1), 1)
        return (), self._first_state(ops.concatenate([watched, mean], axis=-1), training)


MODELS = {
    "inject-init": InjectInit,
    "inject": Inject,
    "merge": Merge,
    "attention": Attention,
    "clip-lstm": ClipLstm,
}
