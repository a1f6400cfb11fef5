"""Captioners whose backbone's top is trained too, from the command line to what they say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from caption_helpers import call, write_data

from cnnrnn import backend
from cnnrnn.caption.captioner import Captioner
from cnnrnn.caption.fine_tuned import FineTuned
from cnnrnn.caption.settings import TrainSettings
from cnnrnn.caption.warm_start import check_alike
from cnnrnn.errors import CnnRnnError
from cnnrnn.features import tops
from cnnrnn.features.extractor import Extractor
from cnnrnn.media.sources import as_source
from cnnrnn.text.writer import GraphSteps
from cnnrnn.training import fit
from cnnrnn.training.run import Run

numpy = backend.keras().ops.convert_to_numpy
PICTURES = 16
DATA = ["--data", "captions.csv", "--backbone", "scenes"]
SMALL = ["--hidden", "16", "--embedding", "8", "--batch", "8", "--holdout", "4"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Pictures, captions, and the runs `plain` and, begun from it, `tuned`."""
    folder = tmp_path_factory.mktemp("tuned")
    write_data(folder, PICTURES, 3)
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        patched.setenv("CNNRNN_CACHE", str(folder / "cache"))
        train = ("caption", "train", "--name")
        assert call(*train, "plain", *DATA, *SMALL, "--epochs", "1") == 0
        begun = ("--init", "runs/caption/plain", "--fine-tune", "--batch", "8")
        assert call(*train, "tuned", *begun, "--epochs", "2") == 0
        assert call(*train, "still", *begun, "--epochs", "1", "--cnn-rate", "0") == 0
    return folder


@pytest.fixture(autouse=True)
def inside(place, monkeypatch):
    monkeypatch.chdir(place)
    monkeypatch.setenv("CNNRNN_CACHE", str(place / "cache"))


def opened(name: str) -> Captioner:
    return Captioner.load(f"runs/caption/{name}")


def shipped():
    return tops.build("scenes", "auto", "grid", (112, 112))


def test_the_top_moves_and_what_lies_below_does_not():
    captioner = opened("tuned")
    config = captioner.run.config
    assert (config["feature_output"], config["cnn_rate"]) == ("below", 1e-4)
    assert captioner.extractor.spec == Extractor("scenes", output="below").spec
    assert captioner.model.feature_shape == captioner.extractor.row_shape == (14, 14, 112)
    moved = {
        after.path: not np.array_equal(numpy(before), numpy(after))
        for before, after in zip(shipped().weights, captioner.model.top.weights, strict=True)
    }
    assert moved.pop("things_convolution/kernel") and moved.pop("grid_convolution/kernel")
    assert not any(moved.values()), moved  # the normalisations
    assert "fine tune" in (captioner.run.path / "report.html").read_text().replace("_", " ")


def test_a_top_that_does_not_move_gives_the_usual_features():
    captioner = opened("still")
    for before, after in zip(shipped().weights, captioner.model.top.weights, strict=True):
        np.testing.assert_allclose(numpy(after), numpy(before), atol=1e-6)
    pictures = [as_source(f"{number}.jpg").read() for number in range(3)]
    maps = captioner.extractor.compute(pictures)
    usual = Extractor("scenes", output="grid").compute(pictures).astype(np.float32)
    # The cache rounds both to 11 bits.
    found = numpy(captioner.model.look(maps))
    np.testing.assert_allclose(found, usual, atol=2e-3 * usual.max())
    assert np.abs(found - usual).mean() < 1e-3


def test_a_run_says_the_same_whenever_it_is_opened(capsys):
    pictures = ["16.jpg", "17.jpg", "18.jpg"]
    captions = opened("tuned").caption(pictures)
    assert call("caption", "predict", *pictures, "--run", "runs/caption/tuned", "--json") == 0
    said = [json.loads(line)["caption"] for line in capsys.readouterr().out.splitlines()]
    assert said == [each.text for each in captions]
    assert call(
        "caption", "evaluate", "--run", "runs/caption/tuned", "--no-baselines", "-o", "said.json"
    ) == 0
    results = json.loads(Path("said.json").read_text())
    assert [each["caption"] for each in results] == said


def test_where_it_looked_is_shown(tmp_path):
    assert call(
        "caption", "predict", "16.jpg", "--run", "runs/caption/tuned", "-o", tmp_path / "out"
    ) == 0
    assert len(list((tmp_path / "out").iterdir())) > 1


@pytest.mark.slow
def test_stopped_and_resumed_gives_the_weights_of_one_that_was_not(monkeypatch):
    epochs = []
    once = fit._train_epoch

    def interrupted(*arguments):
        epochs.append(arguments[3])
        if len(epochs) > 1:
            raise KeyboardInterrupt
        return once(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(fit, "_train_epoch", interrupted)
        begun = ("--config", "runs/caption/tuned/config.json", "--name", "stopped")
        assert call("caption", "train", *begun) == 130
    assert call("caption", "train", "--resume", "runs/caption/stopped") == 0
    first, second = (
        fit.load_model(Path(f"runs/caption/{name}/last.keras")) for name in ("tuned", "stopped")
    )
    for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_allclose(other, one, rtol=0, atol=1e-5)


def test_one_that_was_fine_tuned_goes_on_so(capsys):
    """Its top is taken over, and learns from the captions that it draws."""
    assert call(
        "caption", "train", "--init", "runs/caption/tuned", "--reward", "cider", "--epochs", "1",
        "--batch", "8", "--cnn-rate", "0", "--name", "rewarded",
    ) == 0  # fmt: skip
    captioner = opened("rewarded")
    assert captioner.run.config["fine_tune"]
    tuned = opened("tuned").model.top.get_weights()
    for one, other in zip(captioner.model.top.get_weights(), tuned, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    for changes in ({"fine_tune": False}, {"backbone": "mobilenet_v2"}):
        config = {**captioner.run.config, "init": "runs/caption/tuned", "cnn_rate": None}
        with pytest.raises(CnnRnnError, match="another shape: it has --fine-tune True|--backbone"):
            check_alike(TrainSettings.from_config(config | changes))


@pytest.mark.slow
def test_it_captions_with_others_and_is_exported(tmp_path, capsys):
    runs = "runs/caption/plain,runs/caption/tuned,runs/caption/still"
    assert call("caption", "evaluate", "--runs", runs, "--no-baselines", "--json") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[0])["pictures"] == 3
    assert call("caption", "predict", "16.jpg", "--runs", runs) == 0
    assert call(
        "caption", "export", "--run", "runs/caption/tuned", "-o", tmp_path / "keras"
    ) == 0
    assert (tmp_path / "keras" / "model.keras").exists()


def test_a_dry_run_tells_the_disk_that_the_maps_and_the_models_take(capsys):
    from cnnrnn.caption.train import dry_run

    run = Run.open("runs/caption/tuned", "caption")
    both_ways = 2 * PICTURES  # photos are also mirrored
    maps = both_ways * 14 * 14 * 112 * 2
    models = 5 * 4 * fit.load_model(run.best).count_params()
    assert dry_run(TrainSettings.from_config(run.config))["disk_bytes"] == maps + models
    # The last one is saved with two means and the average of each weight.
    saved = run.best.stat().st_size + run.last.stat().st_size
    assert models == pytest.approx(saved, rel=0.3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["inject-init", "inject", "merge"])
def test_every_model_stands_on_a_top(kind, tmp_path):
    backend.configure(seed=0)
    model = FineTuned(
        "scenes", (112, 112), kind, {"vocabulary_size": 9, "hidden": 6, "embedding": 5}, "auto"
    )
    model.build()
    maps = np.random.default_rng(0).uniform(0, 1, (2, 14, 14, 112)).astype(np.float16)
    model.save(tmp_path / "model.keras")
    again = fit.load_model(tmp_path / "model.keras")
    assert again.feature_shape == model.feature_shape == (14, 14, 112)
    found = []
    for each in (model, again):
        steps = GraphSteps(each, 3)
        memory, state = steps.begin(maps, 1)
        best, *_ = steps.advance(memory, state, np.arange(2, dtype=np.int32), np.full(2, 1))
        found.append(best)
    np.testing.assert_allclose(found[1], found[0], atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--features", "f.npz"], "no backbone whose top could be fine-tuned"),
        (["--data", "clips", "--model", "merge"], "--fine-tune is for pictures"),
        (["--backbone", "inception_v3", "--weights", "random"], "inception_v3 has no top"),
        (
            ["--backbone", "vgg16", "--weights", "random", "--model", "merge"],
            "vgg16 pooled is its layer fc2, too large to fine-tune",
        ),
    ],
)
def test_what_cannot_be_fine_tuned_is_one_line(capsys, options, message):
    assert call("caption", "train", "--data", "captions.csv", "--fine-tune", *options) == 2
    said = capsys.readouterr().err.strip()
    assert message in said and "\n" not in said


def test_a_run_that_was_fine_tuned_takes_no_features_of_others(capsys):
    assert call("caption", "evaluate", "--run", "runs/caption/tuned", "--features", "f.npz") == 2
    assert "needs the pictures" in capsys.readouterr().err
