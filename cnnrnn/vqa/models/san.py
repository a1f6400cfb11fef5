"""Stacked attention (Yang et al. 2016): the question looks at the picture, and looks again.

    a_k = w . tanh(W_V v_k + W_Q u + b)     for each cell k
    p = softmax(a)                          the map of this hop
    s = sum_k p_k v_k                       what was seen there
    u <- u + s                              refines the question

with u = q, the question's code, before the first hop. Two things are added. The paper's second look
knows what the first one saw, but not where; here it knows the place, and the question may move it
(*in* the basket, *below* the house). With c_k the code of cell k's place, sines and cosines:

    a_k <- a_k + shift_q(sum_j p_j c_j) . c_k       from the second hop on, p of the hop before

And the paper's softmax layer takes the last u. A sum cannot tell whether what was seen is what was
asked for, and a softmax forgets how well anything fits ("is there a red dog?"). The head takes

    relu(W [u, q * s_1 ... q * s_n, f_1 ... f_n]),      f = log mean_k exp(a_k)

of all hops: many questions are answered by the first look.
"""

from __future__ import annotations

import math

from cnnrnn.vqa.models.base import PACKAGE, VqaModel, by_picture, flat, keras, ops
from cnnrnn.vqa.models.picture import PLACE_DEPTH, Cells, place_code, shifted_place
from cnnrnn.vqa.models.question import ENCODERS


@keras.saving.register_keras_serializable(PACKAGE)
class Hop(keras.layers.Layer):
    """One look.

    Args:
        units: rows of W_V and W_Q.
        hidden: H.
        follows: whether it is told where the hop before has looked.
        dropout: share of the tanh units dropped in training, 0 to 1.
    """

    def __init__(
        self, units: int, hidden: int, follows: bool = False, dropout: float = 0.0, **kwargs
    ):
        super().__init__(**kwargs)
        self._settings = {
            "units": units, "hidden": hidden, "follows": follows, "dropout": dropout,
        }  # fmt: skip
        policy = self.dtype_policy
        dense = keras.layers.Dense
        self.of_cells = dense(units, use_bias=False, name="of_cells", dtype=policy)
        self.of_query = dense(units, name="of_query", dtype=policy)
        self.dropout = keras.layers.Dropout(dropout, dtype=policy)
        self.score = dense(1, use_bias=False, name="score", dtype=policy)
        self.cosine = self.sine = None
        if follows:
            # It begins by looking near where the hop before has looked.
            self.cosine = dense(
                PLACE_DEPTH, kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
                bias_initializer="ones", name="cosine", dtype=policy,
            )  # fmt: skip
            self.sine = dense(
                PLACE_DEPTH, kernel_initializer=keras.initializers.RandomNormal(stddev=0.05),
                name="sine", dtype=policy,
            )  # fmt: skip

    def build(self, *_):
        size = self._settings["hidden"]
        self.of_cells.build((None, None, size))
        self.of_query.build((None, None, size))
        self.score.build((None, self._settings["units"]))
        if self.cosine is not None:
            self.cosine.build((None, None, size))
            self.sine.build((None, None, size))
        self.built = True

    def call(self, cells, query, question=None, place=None, code=None, training=False):
        """Look at the cells.

        Args:
            cells: v, (B, K, H).
            query: u, (B, Q, H).
            question: q, (B, Q, H); place: where the hop before has looked, (B, Q, P); code: of the
                cells, (K, P). For a hop that follows one.

        Returns:
            seen (B, Q, H), map (B, Q, K) float32, fit (B, Q, 1).
        """
        met = self.of_cells(cells)[:, None] + self.of_query(query)[:, :, None]  # (B, Q, K, .)
        met = self.dropout(ops.tanh(met), training=training)
        scores = ops.squeeze(self.score(met), axis=-1)
        if self.cosine is not None:
            near = shifted_place(place, self.cosine(question), self.sine(question))
            scores = scores + ops.matmul(near, ops.transpose(code))
        scores = ops.cast(scores, "float32")
        total = ops.logsumexp(scores, axis=-1, keepdims=True)
        where = ops.exp(scores - total)
        fit = ops.cast(total - math.log(cells.shape[1]), cells.dtype)
        return ops.matmul(ops.cast(where, cells.dtype), cells), where, fit

    def compute_output_shape(self, cells, query, *_):
        return tuple(query), (*query[:2], cells[1]), (*query[:2], 1)

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

    def __init__(self, *args, hops: int = 2, encoder: str = "lstm", **kwargs):
        super().__init__(*args, **kwargs)
        self._settings |= {"hops": hops, "encoder": encoder}
        settings, policy = self._settings, self.dtype_policy
        self.read = ENCODERS[encoder](
            settings["words"], self.length, self.hidden, settings["embedding"],
            dropout=settings["dropout"], name="read", dtype=policy,
        )  # fmt: skip
        self.code = place_code(*self.grid_shape[:2])
        self.cells = Cells(
            self.hidden, self.grid_shape, settings["feature_dropout"], name="cells",
            dtype=policy,
        )  # fmt: skip
        self.hops = [
            Hop(self.hidden, self.hidden, number > 1, settings["feature_dropout"],
                name=f"hop_{number}", dtype=policy)
            for number in range(1, hops + 1)
        ]  # fmt: skip
        self.join = keras.layers.Dense(self.hidden, activation="relu", name="join", dtype=policy)

    def _build_family(self) -> None:
        self.read.build()
        self.cells.build()
        for hop in self.hops:
            hop.build()
        looks = len(self.hops)
        self.join.build((None, None, (1 + looks) * self.hidden + looks))

    def look(self, inputs, training=False) -> dict:
        words = inputs["words"]
        question = by_picture(self.read(flat(words), training=training), words)  # (B, Q, H)
        cells = self.cells(self.picture(inputs, training), training=training)  # (B, K, H)
        code = ops.cast(self.code, self.compute_dtype)
        met, maps, fits, query, place = [], [], [], question, None
        for hop in self.hops:
            seen, where, fit = hop(cells, query, question, place, code, training=training)
            query = query + seen
            place = ops.matmul(ops.cast(where, self.compute_dtype), code)
            met.append(question * seen)
            maps.append(where)
            fits.append(fit)
        found = ops.concatenate([query, *met], axis=-1)
        found = ops.concatenate([self.dropout(found, training=training), *fits], axis=-1)
        codes = self.join(found)
        return {"codes": self.dropout(codes, training=training), "maps": ops.stack(maps, axis=2)}
