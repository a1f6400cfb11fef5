"""A run's model for other programs: one Keras file, or a SavedModel."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cnnrnn import backend
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.files import write_json
from cnnrnn.training.fit import load_model
from cnnrnn.vqa.answerer import Answerer

TOLERANCE = 1e-4  # between the outputs of the run and those of the file that was written
_PICTURES, _QUESTIONS = 2, 3  # that are tried
_TEXTS = ("vocabulary.json", "answers.json", "spoken.json", "vectors.npz")


def _keras(model, folder: Path) -> Callable:
    path = folder / "model.keras"
    model.save(path)
    return load_model(path).analyse


def _saved_model(model, folder: Path) -> Callable:
    if backend.name() != "tensorflow":
        raise CnnRnnError("a SavedModel needs the TensorFlow backend", "use --as keras")
    path = folder / "saved_model"
    archive = backend.keras().export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", model.analyse, [_signature(model)])
    # Keras prints the signature of what it writes.
    archive.write_out(str(path), verbose=False)
    return backend.keras().layers.TFSMLayer(str(path), call_endpoint="serve")


def _signature(model) -> dict:
    spec = backend.keras().InputSpec
    found = {"words": spec(shape=(None, _QUESTIONS, model.length), dtype="int32")}
    if model.feature_shape:
        found["features"] = spec(shape=(None, *model.feature_shape), dtype="float32")
    return found


FORMS: dict[str, Callable] = {"keras": _keras, "saved-model": _saved_model}


def export(run: Path | None, output: Path, form: str = "keras") -> float:
    """Write `model.keras` or `saved_model/`, the words and config.json into a new folder.

    A SavedModel takes three questions a picture and gives what `VqaModel.analyse` gives; of a
    model that writes its answers these are the codes.

    Args:
        run: its folder; None takes the newest one, else the shipped starter.
        output: the folder, which must not exist.
        form: a key of `FORMS`.

    Returns:
        the largest difference of an output between the run and the file, opened again.

    Raises:
        UsageError: the folder exists.
        CnnRnnError: the file does not say what the run says; nothing is left then.
    """
    if form not in FORMS:
        raise UsageError(f"no form {form!r}", f"one of {', '.join(FORMS)}")
    output = Path(output)
    if output.exists():
        raise UsageError(f"{output} exists already", "choose a new folder")
    answerer = Answerer.load(run)
    model = answerer.model
    given = _examples(model)
    wanted = model.analyse(given)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=output.parent, prefix=f".{output.name}."))
    except OSError as error:
        raise CnnRnnError(f"cannot write {output}: {error.strerror or error}") from error
    try:
        said = FORMS[form](model, folder)(given)
        difference = max(
            float(np.abs(np.asarray(said[key]) - np.asarray(wanted[key])).max()) for key in wanted
        )
        if not difference <= TOLERANCE:
            raise CnnRnnError(
                f"the exported model differs by {difference:.1e}", f"at most {TOLERANCE:.0e}"
            )
        for name in _TEXTS:
            if (answerer.run.path / name).exists():
                shutil.copyfile(answerer.run.path / name, folder / name)
        write_json(folder / "config.json", answerer.run.config)
        os.chmod(folder, 0o755)
        os.replace(folder, output)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return difference


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
