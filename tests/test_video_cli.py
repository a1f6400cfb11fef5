"""`cnnrnn video-classify` end to end, on clips of a bright square that goes left or right.

The clips are tiny and seen as motion in 1 x 4 cells, so that no backbone is needed.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from cnnrnn import console
from cnnrnn.cli import main
from cnnrnn.media import video_write
from cnnrnn.video_classify import VideoClassifier
from cnnrnn.video_classify.classifier import load_classifier

FRAMES = 8
SIDE = 32
SMALL = ["--stream", "motion", "--grid", "1x4", "--frames", "6", "--hidden", "8", "--batch", "8"]
RUNS = Path("runs/video-classify")


def film(leftwards: bool, seed: int) -> np.ndarray:
    """uint8 (8, 32, 32, 3): a square that crosses the picture."""
    generator = np.random.default_rng(seed)
    frames = np.full((FRAMES, SIDE, SIDE, 3), 40, np.uint8)
    top = int(generator.integers(2, 20))
    for number, frame in enumerate(frames):
        frame[top : top + 8, 3 * number : 3 * number + 8] = 240 - seed  # no two clips alike
    return frames[::-1] if leftwards else frames


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with 2 x 12 clips in which runs and caches are written."""
    folder = tmp_path_factory.mktemp("world")
    for seed in range(24):
        label = "left" if seed % 2 else "right"
        video_write.write(folder / "clips" / label / f"{seed}.mp4", film(seed % 2 == 1, seed))
    return folder


@pytest.fixture(autouse=True)
def inside(world, monkeypatch):
    monkeypatch.chdir(world)
    monkeypatch.setenv("CNNRNN_CACHE", str(world / "cache"))
    yield
    console.set_verbosity(False)


def call(*args, code=0):
    result = CliRunner().invoke(main, ["video-classify", *map(str, args)], prog_name="cnnrnn")
    assert result.exit_code == code, result.stderr
    return result


@pytest.fixture(scope="module")
def run(world):
    """A finished run: an LSTM that can tell left from right."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(world)
        patch.setenv("CNNRNN_CACHE", str(world / "cache"))
        result = call(
            "train", "--data", "clips/", *SMALL, "--epochs", 30, "--name", "made",
            "--learning-rate", 0.02, "--dropout", 0,
        )
    return world / RUNS / "made", result


def objects(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_training_ends_with_a_run_and_three_lines(run):
    path, result = run
    assert result.stdout == ""
    last = result.stderr.splitlines()[-3:]
    assert last[0].startswith("video-classify: ") and "top-1" in last[0]
    assert last[1].startswith("saved ") and "report.html" in last[1]
    assert last[2].startswith("next ")
    files = {file.name for file in path.iterdir()}
    assert {
        "config.json", "labels.json", "best.keras", "metrics.json", "report.html", "MODEL_CARD.md",
    } <= files  # fmt: skip
    page = (path / "report.html").read_text()
    for part in ("Confusion", "shuffled frames", "majority label", "Timelines"):
        assert part in page


def test_the_data_is_told_before_training(run):
    _, result = run
    for line in ("labels                  2: ", "divided, clip by clip, each label alike"):
        assert line in result.stderr


def test_evaluation_with_its_controls(run):
    path, _ = run
    result = call("evaluate", "--run", path, "--json", "-o", "scores.jsonl")
    own, shuffled, single, majority = objects(result.stdout)
    assert [o["name"] for o in (own, shuffled, single, majority)] == [
        "classifier", "shuffled frames", "single frame", "majority label",
    ]  # fmt: skip
    assert own["top1"] > majority["top1"] and own["top1"] >= single["top1"]
    assert np.sum(own["confusion"]["counts"]) == own["clips"]
    again = call("evaluate", "--data", "clips/", "--predictions", "scores.jsonl", "--json")
    (scored,) = objects(again.stdout)
    assert scored["top1"] == own["top1"]
    assert scored["log_loss"] == pytest.approx(own["log_loss"])
    text = call("evaluate", "--run", path, "--split", "all", "--no-controls").stdout
    assert "true \\ guessed" in text and "classifier" in text


def test_a_batch_goes_on_behind_what_cannot_be_read(run):
    path, _ = run
    bad = Path("bad")
    bad.mkdir(exist_ok=True)
    (bad / "empty.mp4").touch()
    (bad / "text.mp4").write_text("no film at all")
    video_write.write(bad / "-dash.gif", film(False, 99))
    video_write.write(bad / "one.mp4", film(False, 98)[:1])
    result = call("predict", "bad", "bad/missing.mp4", "--run", path, "--json", code=1)
    found = {each["path"]: each for each in objects(result.stdout)}
    assert set(found) == {f"bad/{n}" for n in (
        "empty.mp4", "text.mp4", "-dash.gif", "one.mp4", "missing.mp4")}
    assert {name for name, each in found.items() if "error" in each} == {
        "bad/empty.mp4", "bad/text.mp4", "bad/missing.mp4",
    }  # fmt: skip
    assert found["bad/-dash.gif"]["label"] == "right"
    assert sum(found["bad/one.mp4"]["scores"].values()) == pytest.approx(1)
    assert [len(found[f"bad/{n}"]["steps"]["left"]) for n in ("-dash.gif", "one.mp4")] == [6, 1]
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 3 and "2 clips done, 3 failed" in result.stderr


def test_a_name_that_begins_with_a_dash(run):
    path, _ = run
    video_write.write(Path("-left.mp4"), film(True, 50))
    assert call("predict", "--run", path, "--", "-left.mp4").stdout.startswith("-left.mp4\tleft ")


def test_windows_slide_over_a_long_clip(run):
    path, _ = run
    video_write.write(Path("long.mp4"), np.concatenate([film(False, 1), film(True, 2)]), fps=8)
    result = call("predict", "long.mp4", "--run", path, "--window", 1, "--json")
    found = objects(result.stdout)
    assert [each["start"] for each in found] == [0, 0.5, 1]
    assert (found[0]["label"], found[-1]["label"]) == ("right", "left")
    assert len(call("predict", "long.mp4", "--run", path, "--window", 1).stdout.splitlines()) == 3


def test_annotated_clips(run):
    path, _ = run
    call("predict", "clips/left/1.mp4", "clips/right/2.mp4", "--run", path, "-o", "judged")
    assert {file.name for file in Path("judged").iterdir()} == {"1.mp4", "2.mp4"}
    call("predict", "clips/left/1.mp4", "--run", path, "-o", "one.gif")
    assert Path("one.gif").read_bytes()[:3] == b"GIF"
    result = call("predict", "clips/left/1.mp4", "--run", path, "-o", "clips/left", code=1)
    assert "could be overwritten" in result.stderr
    result = call("predict", "clips/left", "--run", path, "-o", "two.gif", code=2)
    assert "is one file" in result.stderr


def test_python_takes_paths_and_arrays(run):
    path, _ = run
    classifier = VideoClassifier.load(path)
    first, second, bad = classifier.classify(
        ["clips/left/1.mp4", film(False, 60), np.zeros((2, 2), np.uint8)]
    )
    assert (first.label, second.label) == ("left", "right")
    assert first.steps.shape == (6, 2) and first.times.shape == (6,)
    assert bad.error and not bad.scores
    assert 0.5 < first.probability <= 1


def test_a_run_can_be_moved(run, tmp_path):
    path, _ = run
    shutil.copytree(path, tmp_path / "elsewhere")
    said = call("predict", "clips/left/1.mp4", "--run", tmp_path / "elsewhere").stdout
    assert said == call("predict", "clips/left/1.mp4", "--run", path).stdout


def test_export_says_the_same(run):
    path, _ = run
    shutil.rmtree("written", ignore_errors=True)
    result = call("export", "--run", path, "-o", "written")
    assert "outputs agree" in result.stderr
    assert {f.name for f in Path("written").iterdir()} == {
        "model.keras", "labels.json", "config.json",
    }  # fmt: skip
    assert "exists already" in call("export", "--run", path, "-o", "written", code=2).stderr


def test_check_tells_what_is_in_a_clip():
    result = call("check", "clips/left/1.mp4", "--json")
    (found,) = objects(result.stdout)
    assert (found["decoded"], found["width"], found["height"]) == (FRAMES, SIDE, SIDE)
    Path("broken.mp4").write_bytes(b"\0" * 100)
    result = call("check", "clips/left/1.mp4", "broken.mp4", code=1)
    assert "8 frames (header: 8), 32x32" in result.stdout
    assert "broken.mp4" in result.stderr and "1 clip done, 1 failed" in result.stderr


def test_features_are_found_again():
    given = ["features", "clips/left", "--stream", "motion", "--grid", "1x4", "--frames", 5]
    assert "12 clips: 0 from the cache, 12 computed" in call(*given).stdout
    assert "12 clips: 12 from the cache, 0 computed" in call(*given).stdout
    assert call("features", "--info").stdout
    assert call("features", code=2).stderr.startswith("error: Missing argument")


def test_a_dry_run_trains_nothing():
    before = sorted(RUNS.glob("*"))
    result = call("train", "--data", "clips/", *SMALL, "--model", "mean", "--dry-run")
    assert "estimate" in result.stderr
    assert sorted(RUNS.glob("*")) == before


def test_a_clip_that_cannot_be_read_is_left_out_of_training(tmp_path):
    for number in range(6):
        shutil.copy(f"clips/left/{2 * number + 1}.mp4", tmp_path / f"l{number}.mp4")
        shutil.copy(f"clips/right/{2 * number}.mp4", tmp_path / f"r{number}.mp4")
    (tmp_path / "l0.mp4").write_bytes(b"")
    rows = [f"{side}{n}.mp4,{side},{'test' if n > 3 else 'train'}" for n in range(6) for side in
            "lr"]
    (tmp_path / "c.csv").write_text("\n".join(["path,label,split", *rows]))
    result = call(
        "train", "--data", tmp_path / "c.csv", *SMALL, "--model", "mean", "--epochs", 1,
        "--holdout", 0, "--name", "short", code=1,
    )
    assert "l0.mp4 is empty" in result.stderr
    config = json.loads((RUNS / "short" / "config.json").read_text())
    assert config["usable_clips"] == 7


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (("train", "--grid", "2"), "grid is '2'"),
        (("train", "--fold", "9/4"), "fold is '9/4'"),
        (("train", "--model", "c3d", "--stream", "flow"), "c3d sees pixels only"),
        (("train", "--members", "a"), "--members goes with --model ensemble only"),
        (("train", "--model", "ensemble", "--members", "a"), "needs two runs or more"),
        (("train", "--model", "ensemble", "--epochs", "3"), "--epochs does not go with"),
        (("evaluate", "--predictions", "x", "--run", "y"), "--run does not go with"),
        (("compare", "--models", "mean,vgg"), "no model 'vgg'"),
        (("predict", "a.mp4", "--window", "0"), "Invalid value for '--window'"),
    ],
)
def test_usage_errors_are_one_line(args, line):
    result = call(*args, code=2)
    (message,) = [each for each in result.stderr.splitlines() if each.startswith("error: ")]
    assert line in message


@pytest.mark.slow
def test_an_ensemble_holds_its_members(run):
    path, _ = run
    call("train", "--data", "clips/", *SMALL, "--model", "mean", "--epochs", 2, "--name", "plain")
    result = call(
        "train", "--model", "ensemble", "--members", path, "--members", RUNS / "plain",
        "--name", "both",
    )
    assert "equal weights" in result.stdout and "paired bootstrap" in result.stderr
    shutil.rmtree(RUNS / "plain")
    ensemble = load_classifier(RUNS / "both")
    assert ensemble.weights.sum() == pytest.approx(1)
    said = call("predict", "clips/left/1.mp4", "--run", RUNS / "both").stdout
    assert said.split("\t")[1].startswith("left")
    assert call("predict", "clips/left/1.mp4", "--run", RUNS / "both", "--window", 0.3).stdout
    assert call("evaluate", "--run", RUNS / "both", "--no-controls", "--json").stdout


@pytest.mark.slow
def test_resume_ends_with_the_same_weights():
    given = ["train", "--data", "clips/", *SMALL, "--model", "gru", "--schedule", "fixed"]
    call(*given, "--epochs", 3, "--name", "whole")
    call(*given, "--epochs", 1, "--name", "part")
    config = RUNS / "part" / "config.json"
    content = json.loads(config.read_text())
    config.write_text(json.dumps(content | {"epochs": 3}))
    call("train", "--resume", RUNS / "part")
    whole, part = (VideoClassifier.load(RUNS / name).model for name in ("whole", "part"))
    for one, other in zip(whole.get_weights(), part.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.slow
def test_compare_goes_on_where_it_was_stopped():
    given = [
        "compare", "--data", "clips/", *SMALL, "--models", "mean,lstm", "--seeds", 1, "--epochs", 2,
    ]
    first = call(*given)
    assert "[2/2] lstm" in first.stderr and "held" in first.stdout
    lost = Path("runs/compare/clips/video-classify/clips-lstm-0/judged.json")
    lost.unlink()
    second = call(*given)
    assert "[2/2] lstm" in second.stderr and "[1/2]" not in second.stderr
    assert "mean" in second.stdout
    assert Path("runs/compare/clips/report.html").stat().st_size > 10_000
    result = call(*given, "--hidden", 9, code=1)
    assert "holds a comparison with other options" in result.stderr
