"""A run's model for other programs, see `training.export`."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from cnnrnn.files import write_json
from cnnrnn.training import export as exporting
from cnnrnn.vqa.answerer import Answerer

_PICTURES, _QUESTIONS = 2, 3  # that are tried
_TEXTS = ("vocabulary.json", "answers.json", "spoken.json", "vectors.npz")


def export(run: Path | None, output: Path, form: str = "keras") -> float:
    """Write `model.keras` or `saved_model/`, the words and config.json into a new folder.

    A SavedModel takes three questions a picture and gives what `VqaModel.analyse` gives; of a
    model that writes its answers these are the codes.

    Args:
        run: its folder; None takes the newest one, else the shipped starter.
        output: the folder, which must not exist.
        form: a key of `training.export.FORMS`.

    Returns:
        the largest difference of an output between the run and the file, opened again.

    Raises:
        UsageError: the folder exists.
        CnnRnnError: the file does not say what the run says; nothing is left then.
    """
    exporting.check(output, form)
    answerer = Answerer.load(run)
    model = answerer.model
    shapes: dict[str, tuple] = {"words": (None, _QUESTIONS, model.length)}
    if model.feature_shape:
        shapes["features"] = (None, *model.feature_shape)

    def fill(folder: Path) -> None:
        for name in _TEXTS:
            if (answerer.run.path / name).exists():
                shutil.copyfile(answerer.run.path / name, folder / name)
        write_json(folder / "config.json", answerer.run.config)

    asked = exporting.Endpoint(
        exporting.SERVE, lambda model, inputs: model.analyse(inputs), _examples(model), shapes
    )
    return exporting.write(output, form, model, [asked], fill)


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
