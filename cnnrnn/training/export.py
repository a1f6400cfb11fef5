"""A run's model for other programs: a Keras file, a SavedModel or ONNX, opened again and compared.

    difference = export(opened, run, output, form)

`opened`, which each task's own `export` has, opens a run and says what other programs can ask its
model: endpoints. Each is tried with made-up inputs, before and after: a folder is there only where
both say the same.
"""

from __future__ import annotations

import importlib
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cnnrnn import backend, console
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.training.fit import load_model
from cnnrnn.training.run import Run

TOLERANCE = 1e-4  # between the outputs of the run and those of the file that was written
SERVE = "serve"  # the usual name of a model's only endpoint


@dataclass(frozen=True)
class Endpoint:
    """One thing that a model can be asked.

    name: of it in a SavedModel.
    ask: takes a model and a dictionary of inputs, and gives a tensor or a dictionary of them; for
        ONNX a dictionary.
    given: inputs that are tried.
    shapes: of the inputs by name, None for an axis that may have any length.
    """

    name: str
    ask: Callable[[Any, dict], Any]
    given: Mapping[str, np.ndarray]
    shapes: Mapping[str, tuple]


@dataclass(frozen=True)
class Opened:
    """A run as other programs are to have it.

    run: whose config.json goes along.
    model: a Keras model.
    endpoints: what it can be asked.
    files: other files of the run that go along, where it has them.
    """

    run: Run
    model: Any
    endpoints: Sequence[Endpoint]
    files: Sequence[str]


Answer = Callable[[Endpoint], Any]


def _keras(model: Any, endpoints: Sequence[Endpoint], folder: Path) -> Answer:
    path = folder / "model.keras"
    model.save(path)
    again = load_model(path)
    return lambda endpoint: endpoint.ask(again, dict(endpoint.given))


def _saved_model(model: Any, endpoints: Sequence[Endpoint], folder: Path) -> Answer:
    if backend.name() != "tensorflow":
        raise CnnRnnError("a SavedModel needs the TensorFlow backend", "use --as keras")
    path = folder / "saved_model"
    archive = backend.keras().export.ExportArchive()
    archive.track(model)
    for each in endpoints:
        archive.add_endpoint(each.name, _asking(each, model), [_signature(each)])
    # Keras prints the signature of what it writes.
    archive.write_out(str(path), verbose=False)

    def answer(endpoint: Endpoint) -> Any:
        layer = backend.keras().layers.TFSMLayer(str(path), call_endpoint=endpoint.name)
        return layer(dict(endpoint.given))

    return answer


def _onnx(model: Any, endpoints: Sequence[Endpoint], folder: Path) -> Answer:
    from onnxruntime import InferenceSession

    keras = backend.keras()

    class Asked(keras.Model):
        """An endpoint as a model of its own, which is what Keras can write."""

        def __init__(self, endpoint: Endpoint):
            super().__init__()
            self.model, self.ask = model, endpoint.ask

        def call(self, inputs):
            return self.ask(self.model, inputs)

    for each in endpoints:
        asked = Asked(each)
        asked(dict(each.given))  # builds it
        asked.export(
            str(folder / f"{each.name}.onnx"), format="onnx", verbose=False,
            input_signature=[_signature(each)],
        )  # fmt: skip

    def answer(endpoint: Endpoint) -> Any:
        session = InferenceSession(
            str(folder / f"{endpoint.name}.onnx"), providers=["CPUExecutionProvider"]
        )
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(None, dict(endpoint.given)), strict=True))

    return answer


def _asking(endpoint: Endpoint, model: Any) -> Callable[[dict], Any]:
    return lambda inputs: endpoint.ask(model, inputs)


def _signature(endpoint: Endpoint) -> dict:
    spec = backend.keras().InputSpec
    return {
        name: spec(shape=endpoint.shapes[name], dtype=str(value.dtype), name=name)
        for name, value in endpoint.given.items()
    }


FORMS: dict[str, Callable[[Any, Sequence[Endpoint], Path], Answer]] = {
    "keras": _keras,
    "saved-model": _saved_model,
    "onnx": _onnx,
}
_NEEDS = {"onnx": ("tf2onnx", "onnxruntime")}  # packages of the extra `onnx`


def export(
    opened: Callable[[Path | None], Opened], run: Path | None, output: Path, form: str = "keras"
) -> float:
    """Write a run's model, its config.json and its words or labels into a new folder.

    Args:
        opened: a task's own.
        run: its folder; None takes the newest one, else the shipped starter.
        output: the folder, which must not exist.
        form: a key of `FORMS`.

    Returns:
        the largest difference of an output between the run and the file, opened again.

    Raises:
        UsageError: the folder exists.
        CnnRnnError: the file does not say what the run says (nothing is left then), or what it
            needs is not installed.
    """
    check(output, form)  # before anything heavy is opened
    found = opened(run)
    console.info(f"run {found.run.path}")

    def fill(folder: Path) -> None:
        for name in ("config.json", *found.files):
            if (found.run.path / name).exists():
                shutil.copyfile(found.run.path / name, folder / name)

    return write(output, form, found.model, found.endpoints, fill)


def check(output: Path, form: str) -> None:
    """Refuse what cannot be written.

    Raises:
        UsageError: no such form, or the folder exists.
        CnnRnnError: what the form needs is not installed.
    """
    if form not in FORMS:
        raise UsageError(f"no form {form!r}", f"one of {', '.join(FORMS)}")
    if Path(output).exists():
        raise UsageError(f"{output} exists already", "choose a new folder")
    for package in _NEEDS.get(form, ()):
        try:
            importlib.import_module(package)
        except ImportError as error:
            raise CnnRnnError(
                f"--as {form} needs {package}", f"pip install 'cnnrnn[{form}]'"
            ) from error


def write(
    output: Path,
    form: str,
    model: Any,
    endpoints: Sequence[Endpoint],
    fill: Callable[[Path], None],
) -> float:
    """Write `model.keras`, `saved_model/` or an .onnx file an endpoint, and whatever else belongs
    to it, into a new folder.

    Args:
        output: the folder, see `check`.
        form: a key of `FORMS`.
        model: a Keras model.
        endpoints: what it can be asked.
        fill: writes the other files into the folder that it is given.

    Returns:
        the largest difference of an output between the model and the file, opened again.

    Raises:
        CnnRnnError: the disk does not take it, or the file does not say what the model says;
            nothing is left then.
    """
    output = Path(output)
    wanted = [_outputs(each.ask(model, dict(each.given))) for each in endpoints]
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=output.parent, prefix=f".{output.name}."))
    except OSError as error:
        raise CnnRnnError(f"cannot write {output}: {error.strerror or error}") from error
    try:
        answer = FORMS[form](model, endpoints, folder)
        said = [_outputs(answer(each)) for each in endpoints]
        difference = float(np.max([*map(_difference, said, wanted)]))  # a NaN stays one
        if not difference <= TOLERANCE:
            raise CnnRnnError(
                f"the exported model differs by {difference:.1e}", f"at most {TOLERANCE:.0e}"
            )
        fill(folder)
        os.chmod(folder, 0o755)
        os.replace(folder, output)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return difference


def _outputs(said: Any) -> dict[str, np.ndarray]:
    said = said if isinstance(said, dict) else {"": said}
    return {name: np.asarray(value, np.float64) for name, value in said.items()}


def _difference(said: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> float:
    return float(np.max([np.abs(said[name] - value).max() for name, value in wanted.items()]))
