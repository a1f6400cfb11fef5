"""The blind rival: an LSTM answers the question without looking."""

from __future__ import annotations

from cnnrnn.vqa.models.base import PACKAGE, VqaModel, by_picture, flat, keras
from cnnrnn.vqa.models.question import LstmQuestion


@keras.saving.register_keras_serializable(PACKAGE)
class QuestionOnly(VqaModel):
    """Question -> LSTM -> head. What another model is better than this, it has seen.

    `features` may be absent.
    """


    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        settings = self._settings
        self.read = LstmQuestion(
            settings["words"], self.length, self.hidden, settings["embedding"],
            dropout=settings["dropout"], name="read", dtype=self.dtype_policy,
        )  # fmt: skip

    def _build_family(self) -> None:
        self.read.build()

    def look(self, inputs, training=False) -> dict:
        words = inputs["words"]
        codes = self.dropout(self.read(flat(words), training=training), training=training)
        return {"codes": by_picture(codes, words)}
