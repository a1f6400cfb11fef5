"""A model written for other programs is opened again, and must say the same."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from cnnrnn import backend
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.training import export
from cnnrnn.training.export import Endpoint

keras = backend.keras()


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    entry = keras.Input((3,))
    return keras.Model(entry, keras.layers.Dense(2)(entry))


def endpoint(name="serve", ask=None) -> Endpoint:
    given = {"rows": np.arange(6, dtype=np.float32).reshape(2, 3)}
    ask = ask or (lambda model, inputs: {"twice": 2 * model(inputs["rows"])})
    return Endpoint(name, ask, given, {"rows": (None, 3)})


@pytest.mark.parametrize("form", export.FORMS)
def test_what_is_written_says_the_same(model, tmp_path, form):
    if form == "onnx":
        pytest.importorskip("tf2onnx")
        pytest.importorskip("onnxruntime")
    plain = endpoint("plain", lambda model, inputs: {"once": model(inputs["rows"])})

    def fill(folder):
        (folder / "words.txt").write_text("a b")

    output = tmp_path / "new" / "exported"
    difference = export.write(output, form, model, [endpoint(), plain], fill)
    assert 0 <= difference <= export.TOLERANCE
    files = {path.name for path in output.iterdir()} - {"words.txt"}
    assert (output / "words.txt").exists() and len(files) == (2 if form == "onnx" else 1)
    assert [path.name for path in output.parent.iterdir()] == ["exported"]


def test_a_saved_model_takes_any_number_of_rows(model, tmp_path):
    tf = pytest.importorskip("tensorflow")
    export.write(tmp_path / "out", "saved-model", model, [endpoint()], lambda folder: None)
    served = tf.saved_model.load(str(tmp_path / "out" / "saved_model"))
    rows = np.ones((5, 3), np.float32)
    found = served.serve({"rows": tf.constant(rows)})["twice"].numpy()
    np.testing.assert_allclose(found, 2 * np.asarray(model(rows)), atol=1e-5)


def test_nothing_is_left_of_a_model_that_says_something_else(model, tmp_path):
    calls = []

    def moody(model, inputs):
        calls.append(1)
        return model(inputs["rows"]) + len(calls)

    with pytest.raises(CnnRnnError, match="the exported model differs by 1"):
        export.write(tmp_path / "out", "keras", model, [endpoint(ask=moody)], lambda folder: None)
    assert not list(tmp_path.iterdir())


def test_outputs_that_are_no_numbers_do_not_agree(model, tmp_path):
    def none(model, inputs):
        return model(inputs["rows"]) * np.nan

    with pytest.raises(CnnRnnError, match="differs by nan"):
        export.write(tmp_path / "out", "keras", model, [endpoint(ask=none)], lambda folder: None)


def test_what_cannot_be_written_is_told_before_any_work(tmp_path):
    with pytest.raises(UsageError, match="no form 'tflite'"):
        export.check(tmp_path / "out", "tflite")
    with pytest.raises(UsageError, match="exists already"):
        export.check(tmp_path, "keras")


def test_onnx_without_its_packages_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2onnx", None)
    with pytest.raises(CnnRnnError, match="--as onnx needs tf2onnx .pip install 'cnnrnn.onnx.'"):
        export.check(tmp_path / "out", "onnx")


def test_a_place_that_cannot_be_written_is_told(model, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CnnRnnError, match="cannot write"):
        export.write(tmp_path / "file" / "out", "keras", model, [endpoint()], lambda folder: None)
