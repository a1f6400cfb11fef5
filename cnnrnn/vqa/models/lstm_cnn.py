"""Deeper LSTM question + normalised image (Antol et al. 2015, "VQA: Visual Question Answering").

    q = tanh(W_q [h_1, c_1, h_2, c_2])      states of two LSTM layers after the last word
    v = tanh(W_v I / |I| * sqrt(D))         one vector a picture
    u = tanh(W_u (q * v))                   or [q, v], or q + v; then the head
"""

from __future__ import annotations

from cnnrnn.vqa.models.base import PACKAGE, VqaModel, by_picture, flat, keras, ops
from cnnrnn.vqa.models.question import LstmQuestion

# How question (B, Q, H) and picture (B, 1, H) become one.
FUSIONS = {
    "multiply": lambda question, picture: question * picture,
    "concat": lambda question, picture: ops.concatenate(
        [question, ops.broadcast_to(picture, ops.shape(question))], axis=-1
    ),
    "add": lambda question, picture: question + picture,
}


@keras.saving.register_keras_serializable(PACKAGE)
class LstmCnn(VqaModel):
    """See above.

    Args:
        fusion: key of `FUSIONS`.
        layers: LSTM layers.
    """

    OPTIONS = ("fusion", "layers")

    def __init__(self, *args, fusion: str = "multiply", layers: int = 2, **kwargs):
        super().__init__(*args, **kwargs)
        self._settings |= {"fusion": fusion, "layers": layers}
        self.fuse = FUSIONS[fusion]
        settings, policy = self._settings, self.dtype_policy
        self.read = LstmQuestion(
            settings["words"], self.length, self.hidden, settings["embedding"], layers,
            whole_state=True, dropout=settings["dropout"], name="read", dtype=policy,
        )  # fmt: skip
        self.feature_dropout = keras.layers.Dropout(settings["feature_dropout"], dtype=policy)
        self.see = keras.layers.Dense(self.hidden, activation="tanh", name="see", dtype=policy)
        self.join = keras.layers.Dense(self.hidden, activation="tanh", name="join", dtype=policy)

    def _build_family(self) -> None:
        self.read.build()
        size = 1
        for side in self.grid_shape:
            size *= side
        self.see.build((None, size))
        twice = self._settings["fusion"] == "concat"
        self.join.build((None, None, self.hidden * (1 + twice)))

    def look(self, inputs, training=False) -> dict:
        words = inputs["words"]
        question = by_picture(self.read(flat(words), training=training), words)
        features = self.picture(inputs, training)
        features = ops.reshape(features, (ops.shape(features)[0], -1))
        picture = self.see(self.feature_dropout(features, training=training))[:, None]
        fused = self.dropout(self.fuse(question, picture), training=training)
        return {"codes": self.dropout(self.join(fused), training=training)}
