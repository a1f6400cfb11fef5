"""The exported decoder alone says what a greedy search says."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cnnrnn import backend
from cnnrnn.caption.export import endpoint
from cnnrnn.caption.fine_tuned import FineTuned
from cnnrnn.caption.models import MODELS
from cnnrnn.text.decoder import DecodeSettings, decode
from cnnrnn.text.vocabulary import END
from cnnrnn.text.writer import GraphSteps
from cnnrnn.training import export as exporting
from cnnrnn.training.fit import load_model

V = 12
MAX_WORDS = 20


def greedy_search(model, features):
    """Words and log-probabilities of a full greedy search, its end included where there is one."""
    found = decode(GraphSteps(model, 5), features, DecodeSettings(1, MAX_WORDS))
    return [
        (each[0].words + [END] * (len(each[0].words) < MAX_WORDS), each[0].log_probability)
        for each in found
    ]


def assert_same(said, model, features):
    for (words, total), numbers, gains in zip(
        greedy_search(model, features), np.asarray(said["words"]),
        np.asarray(said["log_probabilities"]), strict=True,
    ):  # fmt: skip
        assert numbers[: len(words)].tolist() == words
        assert gains[: len(words)].sum() == pytest.approx(total, abs=1e-4)


def fresh(name: str):
    if name == "fine-tuned":
        writer = {"vocabulary_size": V, "hidden": 12, "embedding": 8}
        return FineTuned("scenes", (32, 32), "attention", writer)
    if name in ("tied", "nearest"):  # and a deeper net
        return MODELS["inject"](V, (6,), hidden=12, embedding=8, rnn="gru", layers=2, head=name)
    kind = MODELS[name]
    shape = {"grid": (2, 2, 6), "pooled": (6,), "steps": (3, 6)}[kind.feature_output]
    return kind(V, shape, hidden=12, embedding=8)


KINDS = ("attention", "merge", "fine-tuned")
MORE = ("inject-init", "clip-lstm", "tied", "nearest")


@pytest.fixture(
    scope="module", params=[*KINDS, *(pytest.param(name, marks=pytest.mark.slow) for name in MORE)]
)
def model(request):
    backend.keras().utils.set_random_seed(4)
    model = fresh(request.param)
    model.build()
    for variable in model.trainable_variables:  # a fresh net says one word for ever
        size = np.prod(variable.shape[:-1]) ** -0.5 if len(variable.shape) == 4 else 0.7
        variable.assign(np.random.default_rng(1).normal(0, size, variable.shape))
    return model


@pytest.mark.parametrize("form", exporting.FORMS)
def test_a_written_decoder_reproduces_a_whole_greedy_search(model, tmp_path, form):
    if form == "onnx":
        pytest.importorskip("tf2onnx")
        pytest.importorskip("onnxruntime")
    shape = model.feature_shape
    features = np.random.default_rng(3).normal(size=(5, *shape)).astype(np.float32)
    asked = endpoint(model, MAX_WORDS)
    output = tmp_path / "out"
    assert exporting.write(output, form, model, [asked], lambda folder: None) <= 1e-4
    if form == "keras":
        said = asked.ask(load_model(output / "model.keras"), {"features": features})
    elif form == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(output / "serve.onnx"))
        names = [each.name for each in session.get_outputs()]
        said = dict(zip(names, session.run(None, {"features": features}), strict=True))
    else:
        layer = backend.keras().layers.TFSMLayer(str(output / "saved_model"), call_endpoint="serve")
        said = layer({"features": features})
    assert_same(said, model, features)


def test_the_command_writes_words_and_configuration(tmp_path, monkeypatch, capsys):
    from cnnrnn.caption.captioner import STARTER
    from cnnrnn.cli import main

    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(["caption", "export", "--run", str(STARTER), "-o", "out"])
    told = capsys.readouterr().err
    assert stopped.value.code == 0 and "outputs agree" in told and f"run {STARTER}" in told
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "model.keras", "vocabulary.json", "config.json",
    }  # fmt: skip
    assert json.loads((tmp_path / "out" / "config.json").read_text())["task"] == "caption"
