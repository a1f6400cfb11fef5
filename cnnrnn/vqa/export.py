"""A run's model for other programs, see `training.export`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cnnrnn.training import export as exporting
from cnnrnn.vqa.answerer import Answerer

_PICTURES, _QUESTIONS = 2, 3  # that are tried
_TEXTS = ("vocabulary.json", "answers.json", "spoken.json", "vectors.npz")


def opened(run: Path | None) -> exporting.Opened:
    """A run's answerer and its words.

    A SavedModel takes three questions a picture and gives what `VqaModel.analyse` gives; of a
    model that writes its answers these are the codes.
    """
    answerer = Answerer.load(run)
    model = answerer.model
    shapes: dict[str, tuple] = {"words": (None, _QUESTIONS, model.length)}
    if model.feature_shape:
        shapes["features"] = (None, *model.feature_shape)
    asked = exporting.Endpoint(
        exporting.SERVE, lambda model, inputs: model.analyse(inputs), _examples(model), shapes
    )
    return exporting.Opened(answerer.run, model, [asked], _TEXTS)


def _examples(model) -> dict[str, np.ndarray]:
    """Random pictures and questions, one of them empty."""
    generator = np.random.default_rng(0)
    words = generator.integers(4, max(5, model.words), (_PICTURES, _QUESTIONS, model.length))
    words[0, 0] = 0
    given = {"words": words.astype(np.int32)}
    if model.feature_shape:
        shape = (_PICTURES, *model.feature_shape)
        given["features"] = generator.uniform(0, 2, shape).astype(np.float32)
    return given
