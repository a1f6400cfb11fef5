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
from cnnrnn.video_classify.classifier import VideoClassifier

TOLERANCE = 1e-4  # between the logits of the run and those of the file that was written
_TRIED = 4  # clips of random features


def _keras(model, folder: Path) -> Callable:
    path = folder / "model.keras"
    model.save(path)
    again = load_model(path)
    return lambda inputs: again.predict_on_batch(inputs)


def _saved_model(model, folder: Path) -> Callable:
    if backend.name() != "tensorflow":
        raise CnnRnnError("a SavedModel needs the TensorFlow backend", "use --as keras")
    path = folder / "saved_model"
    archive = backend.keras().export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", model.call, [_signature(model)])
    # Keras prints the signature of what it writes.
    archive.write_out(str(path), verbose=False)
    again = backend.keras().layers.TFSMLayer(str(path), call_endpoint="serve")
    return lambda inputs: again(inputs)


def _signature(model) -> dict:
    spec = backend.keras().InputSpec
    found = {
        stream: spec(shape=(None, *shape), dtype="float32")
        for stream, shape in model.shapes.items()
    }
    return found | {"mask": spec(shape=(None, model.length), dtype="bool")}


FORMS: dict[str, Callable] = {"keras": _keras, "saved-model": _saved_model}


def export(run: Path | None, output: Path, form: str = "keras") -> float:
    """Write `model.keras` or `saved_model/`, labels.json and config.json into a new folder.

    Args:
        run: its folder; None takes the newest one, else the shipped starter.
        output: the folder, which must not exist.
        form: a key of `FORMS`.

    Returns:
        the largest difference of a logit between the run and the file, opened again.

    Raises:
        UsageError: the folder exists.
        CnnRnnError: the file does not say what the run says; nothing is left then.
    """
    if form not in FORMS:
        raise UsageError(f"no form {form!r}", f"one of {', '.join(FORMS)}")
    output = Path(output)
    if output.exists():
        raise UsageError(f"{output} exists already", "choose a new folder")
    classifier = VideoClassifier.load(run)
    given = _examples(classifier.model)
    wanted = np.asarray(classifier.model.predict_on_batch(given))
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=output.parent, prefix=f".{output.name}."))
    except OSError as error:
        raise CnnRnnError(f"cannot write {output}: {error.strerror or error}") from error
    try:
        said = FORMS[form](classifier.model, folder)(given)
        difference = float(np.abs(np.asarray(said) - wanted).max())
        if not difference <= TOLERANCE:
            raise CnnRnnError(
                f"the exported model differs by {difference:.1e}", f"at most {TOLERANCE:.0e}"
            )
        write_json(folder / "labels.json", classifier.labels)
        write_json(folder / "config.json", classifier.run.config)
        os.chmod(folder, 0o755)
        os.replace(folder, output)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return difference


def _examples(model) -> dict[str, np.ndarray]:
    """Random clips, one of them short."""
    generator = np.random.default_rng(0)
    given = {
        stream: generator.uniform(0, 2, (_TRIED, *shape)).astype(np.float32)
        for stream, shape in model.shapes.items()
    }
    mask = np.ones((_TRIED, model.length), bool)
    mask[0, model.length // 2 + 1 :] = False
    return given | {"mask": mask}
