"""A captioner with the top of its backbone, both trained together."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnrnn import backend
from cnnrnn.caption.models import MODELS
from cnnrnn.features import tops

keras = backend.keras()
ops = keras.ops


@keras.saving.register_keras_serializable("cnnrnn.caption")
class FineTuned(keras.Model):
    """The top makes the features of which a captioner of `models` writes.

    To everything that trains or decodes it is a captioner whose `features` are the maps below the
    top (B, H, W, D), the backbone's output `below`.

    Args:
        backbone, size: see `features.tops`.
        model: a key of `MODELS`.
        writer: what that is made with, besides the shape of its features.
        weights: of the backbone; a file of the model brings its own.
    """

    def __init__(
        self, backbone: str, size: tuple[int, int], model: str, writer: dict[str, Any],
        weights: str = "random", **kwargs,
    ):  # fmt: skip
        # In mixed precision the maps would be cut to it before the top sees them.
        super().__init__(autocast=False, **kwargs)
        kind = MODELS[model]
        self._settings = {
            "backbone": backbone, "size": list(size), "model": model, "writer": dict(writer),
        }  # fmt: skip
        self.backbone = backbone
        # First: the optimizer tells it apart by its place.
        self.top = tops.build(backbone, weights, kind.feature_output, tuple(size))
        seen = self.top.output.shape[1:]
        self.writer = kind(feature_shape=seen, **writer, name="writer", dtype=self.dtype_policy)

    def build(self, input_shape=None):
        """Make every weight now, so that a loaded model needs no first call."""
        self.writer.build()
        self.built = True

    @property
    def feature_shape(self) -> tuple[int, ...]:
        """Shape of the map of one picture."""
        return tuple(self.top.input.shape[1:])

    @property
    def vocabulary_size(self) -> int:
        """How many words it knows."""
        return self.writer.vocabulary_size

    @property
    def state_parts(self) -> int:
        """See `LanguageModel.state_parts`."""
        return self.writer.state_parts

    def look(self, maps):
        """Maps (B, H, W, D) -> features; normalisation stays as it was learned, in training too."""
        return self.top(ops.cast(maps, "float32"), training=False)

    def call(self, inputs, training=False):
        """See `LanguageModel`."""
        features = self.look(inputs["features"])
        return self.writer({**inputs, "features": features}, training=training)

    def begin(self, features):
        """See `LanguageModel.begin`."""
        return self.writer.begin(self.look(features))

    def advance(self, memory, state, words):
        """See `LanguageModel.advance`."""
        return self.writer.advance(memory, state, words)

    def spoken(self, logits):
        """See `LanguageModel.spoken`."""
        return self.writer.spoken(logits)

    def begin_with(self, vectors: np.ndarray) -> None:
        """See `LanguageModel.begin_with`."""
        self.writer.begin_with(vectors)

    def word_vectors(self) -> np.ndarray:
        """See `LanguageModel.word_vectors`."""
        return self.writer.word_vectors()

    def get_config(self):
        return {**super().get_config(), **self._settings}


def parts(model) -> tuple[Any, Any]:
    """The top of a captioner, or None, and what writes."""
    return (model.top, model.writer) if isinstance(model, FineTuned) else (None, model)
