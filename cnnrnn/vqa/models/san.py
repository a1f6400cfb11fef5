"""Stacked attention (Yang et al. 2016): the question looks at the picture, and looks again.

    a_k = w . tanh(W_V v_k + W_Q u + b)     for each cell k
    p = softmax(a)                          the map of this hop
    s = sum_k p_k v_k                       what was seen there
    f = log mean_k exp(a_k)                 how well the best places fit
    u <- u + s                              refines the question

with u = q, the question's code, before the first hop. The paper's softmax layer takes the last u. A
sum cannot tell whether what was seen is what was asked for, and a softmax forgets how well anything
fits ("is there a red dog?"). Here the head takes

    relu(W [u, q * s, f_1 ... f_n])
"""

from __future__ import annotations

import math

from cnnrnn.vqa.models.base import PACKAGE, VqaModel, by_picture, flat, keras, ops
from cnnrnn.vqa.models.picture import Cells
from cnnrnn.vqa.models.question import ENCODERS


@keras.saving.register_keras_serializable(PACKAGE)
class Hop(keras.layers.Layer):
    """One look: cells (B, K, H), queries (B, Q, H) ->
    seen (B, Q, H), maps (B, Q, K), fit (B, Q, 1).

    Args:
        units: size of h.
        hidden: H.
        dropout: share of h dropped in training, 0 to 1.
    """

    def __init__(self, units: int, hidden: int, dropout: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self._settings = {"units": units, "hidden": hidden, "dropout": dropout}
        policy = self.dtype_policy
        self.of_cells = keras.layers.Dense(units, use_bias=False, name="of_cells", dtype=policy)
        self.of_query = keras.layers.Dense(units, name="of_query", dtype=policy)
        self.dropout = keras.layers.Dropout(dropout, dtype=policy)
        self.score = keras.layers.Dense(1, use_bias=False, name="score", dtype=policy)

    def build(self, *_):
        self.of_cells.build((None, None, self._settings["hidden"]))
        self.of_query.build((None, None, self._settings["hidden"]))
        self.score.build((None, self._settings["units"]))
        self.built = True

    def call(self, cells, queries, training=False):
        met = self.of_cells(cells)[:, None] + self.of_query(queries)[:, :, None]  # (B, Q, K, .)
        met = self.dropout(ops.tanh(met), training=training)
        scores = ops.cast(ops.squeeze(self.score(met), axis=-1), "float32")
        total = ops.logsumexp(scores, axis=-1, keepdims=True)
        maps = ops.exp(scores - total)
        fit = ops.cast(total - math.log(cells.shape[1]), cells.dtype)
        return ops.matmul(ops.cast(maps, cells.dtype), cells), maps, fit

    def compute_output_shape(self, cells, queries):
        return tuple(queries), (*queries[:2], cells[1]), (*queries[:2], 1)

    def get_config(self):
        return {**super().get_config(), **self._settings}


@keras.saving.register_keras_serializable(PACKAGE)
class San(VqaModel):
    """See above.

    Args:
        hops: looks, 1 or more.
        encoder: key of `question.ENCODERS`.
    """

    OPTIONS = ("hops", "encoder")
    feature_output = "grid"

    def __init__(self, *args, hops: int = 2, encoder: str = "lstm", **kwargs):
        super().__init__(*args, **kwargs)
        self._settings |= {"hops": hops, "encoder": encoder}
        settings, policy = self._settings, self.dtype_policy
        self.read = ENCODERS[encoder](
            settings["words"], self.length, self.hidden, settings["embedding"],
            dropout=settings["dropout"], name="read", dtype=policy,
        )  # fmt: skip
        self.cells = Cells(
            self.hidden, self.grid_shape, settings["feature_dropout"], name="cells",
            dtype=policy,
        )  # fmt: skip
        self.hops = [
            Hop(self.hidden, self.hidden, settings["feature_dropout"], name=f"hop_{number}",
                dtype=policy)
            for number in range(1, hops + 1)
        ]  # fmt: skip
        self.join = keras.layers.Dense(self.hidden, activation="relu", name="join", dtype=policy)

    def _build_family(self) -> None:
        self.read.build()
        self.cells.build()
        for hop in self.hops:
            hop.build()
        self.join.build((None, None, 2 * self.hidden + len(self.hops)))

    def look(self, inputs, training=False) -> dict:
        words = inputs["words"]
        question = by_picture(self.read(flat(words), training=training), words)  # (B, Q, H)
        cells = self.cells(self.picture(inputs, training), training=training)  # (B, K, H)
        maps, fits, query = [], [], question
        for hop in self.hops:
            seen, where, fit = hop(cells, query, training=training)
            query = query + seen
            maps.append(where)
            fits.append(fit)
        found = ops.concatenate([query, question * seen], axis=-1)
        found = ops.concatenate([self.dropout(found, training=training), *fits], axis=-1)
        codes = self.join(found)
        return {"codes": self.dropout(codes, training=training), "maps": ops.stack(maps, axis=2)}
