"""`cnnrnn caption` as a person calls it: one small training, and what it makes of bad input."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from caption_helpers import call, write_data

from cnnrnn.training.run import Run

SMALL = ["--hidden", "16", "--embedding", "8", "--batch", "8", "--holdout", "4", "--epochs", "2"]
PICTURES = 24


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with pictures of scenes, a table of their captions, and a cache for them."""
    folder = tmp_path_factory.mktemp("place")
    write_data(folder, PICTURES, 4)
    return folder


@pytest.fixture(autouse=True)
def inside(place, monkeypatch):
    monkeypatch.chdir(place)
    monkeypatch.setenv("CNNRNN_CACHE", str(place / "cache"))


def train(*more: str) -> int:
    return call("caption", "train", "--data", "captions.csv", "--backbone", "scenes", *SMALL, *more)


@pytest.fixture(scope="module")
def run(place):
    """One finished run, `runs/caption/first`."""
    before, cache = os.getcwd(), os.environ.get("CNNRNN_CACHE")
    os.chdir(place)
    os.environ["CNNRNN_CACHE"] = str(place / "cache")
    try:
        assert train("--name", "first") == 0
    finally:
        os.chdir(before)
        os.environ["CNNRNN_CACHE"] = cache or ""
    return Run.open(place / "runs/caption/first", "caption")


def weights_of(path: Path) -> list[np.ndarray]:
    from cnnrnn.caption import models  # noqa: F401  registers the classes
    from cnnrnn.training.fit import load_model

    return load_model(path).get_weights()


def assert_same_weights(path: Path, other: Path) -> None:
    """Equal but for the order in which threads add up (`--deterministic` fixes that too)."""
    for found, expected in zip(weights_of(path), weights_of(other), strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


# -- training ------------------------------------------------------------------------------------


def test_a_run_holds_all_that_it_promises(run):
    names = {path.name for path in run.path.iterdir()}
    assert names >= {
        "config.json", "command.txt", "log.csv", "best.keras", "last.keras", "state.json",
        "vocabulary.json", "metrics.json", "report.html", "familiarity.npz", "MODEL_CARD.md",
    }  # fmt: skip
    assert len(run.log()) == 2 and run.config["seed"] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--name", "first"], "exists already"),
        (["--name", "first", "--dry-run"], "exists already"),
        (["--name", "../x"], "cannot be the name of a run"),
        (["--weights", "nope.h5"], "no weights nope.h5"),
        (["--features", "nope.npz"], "leave out --backbone"),
        (["--holdout", "24"], "24 are to be kept aside"),
    ],
)
def test_what_cannot_be_meant_is_one_line_before_any_work(run, capsys, options, message):
    assert train(*options) in (1, 2)
    said = capsys.readouterr().err.strip()
    assert message in said and "\n" not in said


def test_stopped_and_resumed_gives_the_weights_of_one_that_was_not(run, monkeypatch, capsys):
    """Ctrl-C in the second epoch: the hint is a command that ends with the very same weights."""
    from cnnrnn.training import fit

    def stop(*_):
        raise KeyboardInterrupt

    epochs = []
    once = fit._train_epoch

    def interrupted(*arguments):
        epochs.append(arguments[3])
        return once(*arguments) if len(epochs) == 1 else stop()

    with monkeypatch.context() as patched:
        patched.setattr(fit, "_train_epoch", interrupted)
        assert train("--name", "second") == 130
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert "1 epochs are saved" in line
    hint = line[line.index("cnnrnn caption train --resume") :].rstrip(")").split()
    assert call(*hint[1:]) == 0
    assert_same_weights(run.last, Path("runs/caption/second/last.keras"))
    assert len((Path("runs/caption/second") / "command.txt").read_text().splitlines()) == 2


def test_resume_takes_no_other_options(run, capsys):
    assert call("caption", "train", "--resume", run.path, "--epochs", "9") == 2
    assert "--epochs is another" in capsys.readouterr().err


@pytest.mark.parametrize("what", ["nothing", "0.jpg", "cache"])
def test_resume_of_what_is_no_run(run, what, capsys):
    assert call("caption", "train", "--resume", what) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_the_starter_cannot_be_resumed_over(run, capsys):
    from cnnrnn.caption.captioner import STARTER

    before = {path.name: path.stat().st_mtime_ns for path in STARTER.iterdir()}
    assert call("caption", "train", "--resume", STARTER) == 1
    assert "finished and keeps no state" in capsys.readouterr().err
    assert {path.name: path.stat().st_mtime_ns for path in STARTER.iterdir()} == before


def test_a_configuration_is_repeated(run):
    assert call("caption", "train", "--config", run.path / "config.json", "--name", "again") == 0
    assert_same_weights(run.last, Path("runs/caption/again/last.keras"))


def test_a_reward_goes_on_from_a_run(run):
    arguments = ["--init", run.path, "--reward", "cider", "--epochs", "1", "--batch", "8"]
    assert call("caption", "train", *arguments, "--name", "rewarded") == 0
    rewarded = Run.open("runs/caption/rewarded", "caption")
    assert rewarded.config["data"] == "captions.csv" and rewarded.config["hidden"] == 16
    assert call("caption", "train", "--reward", "cider") == 2


def test_missing_pictures_names_that_climb_and_long_captions_are_told_and_left_out(capsys, place):
    lines = (place / "captions.csv").read_text().splitlines()
    long = " ".join(["very"] * 500)
    extra = ["gone.jpg,a dog,train", "../out.jpg,a cat,train", f"1.jpg,{long},train",
             "2.jpg,,train"]
    (place / "bad.csv").write_text("\n".join(lines + extra))
    code = call("caption", "train", "--data", "bad.csv", "--backbone", "scenes", *SMALL)
    said = capsys.readouterr().err
    assert code == 1
    told = "gone.jpg does not exist", "../out.jpg", "longer than 30 words", "1 empty caption"
    assert all(text in said for text in told)
    assert "saved" in said


def test_a_picture_missing_at_the_resume_stops_it(run, capsys):
    shutil.copytree(run.path, "runs/caption/cut", dirs_exist_ok=True)
    state = json.loads(Path("runs/caption/cut/state.json").read_text())
    assert state["epoch"] == 2
    Path("3.jpg").rename("hidden.jpg")
    try:
        assert call("caption", "train", "--resume", "runs/caption/cut") == 1
    finally:
        Path("hidden.jpg").rename("3.jpg")
    assert "put the same pictures back" in capsys.readouterr().err


# -- a run that is not whole ---------------------------------------------------------------------


def test_a_run_with_the_words_of_another_is_told(run, capsys, place):
    mixed = place / "mixed"
    shutil.copytree(run.path, mixed, dirs_exist_ok=True)
    from cnnrnn.caption.captioner import STARTER

    shutil.copyfile(STARTER / "vocabulary.json", mixed / "vocabulary.json")
    assert call("caption", "predict", "0.jpg", "--run", mixed) == 1
    assert "the files of two runs were mixed" in capsys.readouterr().err


def test_a_run_of_a_newer_version_is_told(run, capsys, place):
    newer = place / "newer"
    shutil.copytree(run.path, newer, dirs_exist_ok=True)
    config = json.loads((newer / "config.json").read_text())
    (newer / "config.json").write_text(json.dumps(config | {"format": 99}))
    assert call("caption", "predict", "0.jpg", "--run", newer) == 1
    assert "update cnnrnn" in capsys.readouterr().err


def test_a_moved_run_predicts(run, capsys, tmp_path):
    shutil.copytree(run.path, tmp_path / "moved")
    assert call("caption", "predict", "0.jpg", "--run", tmp_path / "moved") == 0
    assert capsys.readouterr().out.startswith("0.jpg\t")


# -- predict -------------------------------------------------------------------------------------


def test_one_bad_file_in_a_folder_is_one_line_and_the_rest_goes_on(run, capsys, tmp_path):
    for index in range(9):
        shutil.copyfile(f"{index}.jpg", tmp_path / f"{index}.jpg")
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    assert call("caption", "predict", tmp_path, "--run", run.path, "--json") == 1
    said = capsys.readouterr()
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert len(lines) == 10 and [bool(line.get("error")) for line in lines].count(True) == 1
    assert len([line for line in said.err.splitlines() if line.startswith("error")]) == 1
    assert "9 pictures done, 1 failed" in said.err


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.jpg", b""),
        ("text.png", b"hello"),
        ("cut.jpg", None),
        ("missing.jpg", False),
    ],
)
def test_a_photo_that_is_none(run, capsys, tmp_path, name, content):
    path = tmp_path / name
    if content is None:
        path.write_bytes(Path("0.jpg").read_bytes()[:900])
    elif content is not False:
        path.write_bytes(content)
    assert call("caption", "predict", path, "--run", run.path) == 1
    said = capsys.readouterr()
    assert said.out == ""
    errors = [line for line in said.err.splitlines() if line.startswith("error")]
    assert len(errors) == 1 and name in errors[0]


def test_small_large_grey_and_animated_pictures_get_a_caption(run, capsys, tmp_path):
    from PIL import Image

    Image.new("RGB", (1, 1)).save(tmp_path / "one.png")
    Image.new("CMYK", (60, 40)).save(tmp_path / "cmyk.jpg")
    frames = [Image.new("P", (30, 30), colour) for colour in (1, 2)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    cv2.imwrite(str(tmp_path / "grey.png"), np.zeros((50, 3000), np.uint8))
    assert call("caption", "predict", tmp_path, "--run", run.path) == 0
    assert len(capsys.readouterr().out.splitlines()) == 4


def test_equal_names_of_different_folders_get_files_of_their_own(run, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        shutil.copyfile("0.jpg", tmp_path / folder / "x.jpg")
    out = tmp_path / "out"
    arguments = [tmp_path / "a", tmp_path / "b", "--run", run.path, "-o", out]
    assert call("caption", "predict", *arguments) == 0
    names = {path.name for path in out.iterdir()}
    assert len(names) == 4 and sum("attention" in name for name in names) == 2


def test_a_beginning_with_an_unknown_word_is_refused(run, capsys):
    assert call("caption", "predict", "0.jpg", "--run", run.path, "--start", "a zeppelin") == 2
    assert "'zeppelin'" in capsys.readouterr().err


def test_a_beginning_and_a_trace(run, capsys):
    assert call("caption", "predict", "0.jpg", "--run", run.path, "--start", "a", "--trace") == 0
    first, *steps = capsys.readouterr().out.splitlines()
    assert first.split("\t")[1].startswith("a ")
    assert steps[0].split()[0] == "a" and len(steps[1].split()) == 11  # a word, five and shares


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--temperature", "0.5"], "--temperature is of what is drawn"),
        (["--seed", "1"], "--seed is of what is drawn"),
        (["--sample", "2", "--beam", "2"], "--beam is of a search"),
        (["--diversity", "1"], "--diversity is how groups avoid each other"),
        (["--groups", "2"], "a beam of 3 cannot be divided into 2 equal groups"),
        (["--min-words", "30"], "a sentence of 30 to 20 words"),
        (["--min-words", "9", "--max-words", "8"], "a sentence of 9 to 8 words"),
    ],
)
def test_options_that_would_be_ignored_are_refused(run, capsys, options, message):
    assert call("caption", "predict", "0.jpg", "--run", run.path, *options) == 2
    assert message in capsys.readouterr().err


def test_drawn_diverse_and_long_sentences(run, capsys):
    def said(*options) -> list[str]:
        assert call("caption", "predict", "0.jpg", "--run", run.path, "--json", *options) == 0
        [line] = capsys.readouterr().out.splitlines()
        return [each["caption"] for each in json.loads(line)["beam"]]

    drawn = said("--sample", "4", "--top-p", "0.95", "--seed", "3")
    assert len(drawn) == 4 and drawn == said("--sample", "4", "--top-p", "0.95", "--seed", "3")
    assert len(set(said("--beam", "4", "--groups", "2", "--diversity", "3"))) >= 2
    assert all(len(text.split()) >= 12 for text in said("--min-words", "12"))


# -- evaluate ------------------------------------------------------------------------------------


def test_features_of_another_network_are_told(run, capsys, place):
    np.savez(place / "other.npz", names=["24.jpg"], features=np.ones((1, 5), np.float16))
    arguments = ["--run", run.path, "--features", "other.npz", "--no-baselines"]
    assert call("caption", "evaluate", *arguments) == 1
    assert "the features have the shape (5,)" in capsys.readouterr().err


def test_a_run_that_cannot_see_is_passed_over(run, capsys, place):
    """The newest run was trained on precomputed features: another one predicts, and says so."""
    blind = place / "runs" / "caption" / "blind"
    shutil.copytree(run.path, blind)
    config = json.loads((blind / "config.json").read_text())
    later = config | {"backbone": None, "created": "2999-01-01T00:00:00"}
    (blind / "config.json").write_text(json.dumps(later))
    try:
        assert call("caption", "predict", "0.jpg") == 0
    finally:
        shutil.rmtree(blind)
    assert "needs precomputed features: another run is used" in capsys.readouterr().err


def test_an_empty_folder_does_not_stop_the_rest(run, capsys, tmp_path):
    (tmp_path / "none").mkdir()
    assert call("caption", "predict", tmp_path / "none", "0.jpg", "--run", run.path) == 1
    said = capsys.readouterr()
    assert said.out.startswith("0.jpg\t") and "holds no pictures" in said.err


def test_an_output_folder_that_cannot_be_is_told_at_once(run, capsys):
    assert call("caption", "predict", "0.jpg", "1.jpg", "--run", run.path, "-o", "0.jpg/x") == 1
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("error") == 1


def test_evaluate_scores_on_the_runs_own_data_unless_told(run, capsys):
    assert call("caption", "evaluate", "--run", run.path, "--no-baselines") == 0
    assert "data captions.csv" in capsys.readouterr().err


def test_evaluate_shows_the_baselines_beside_the_model(run, capsys):
    arguments = ["--data", "captions.csv", "--run", run.path, "--json"]
    assert call("caption", "evaluate", *arguments) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["name"] for line in lines] == [
        "captioner", "nearest neighbour", "most frequent caption",
    ]  # fmt: skip
    assert all(line["pictures"] == 4 and "CIDEr" in line for line in lines)
    assert lines[0]["intervals"]["CIDEr"][0] <= lines[0]["CIDEr"]


def test_the_starter_goes_with_the_shipped_weights():
    from cnnrnn.caption.captioner import STARTER
    from cnnrnn.features.extractor import Extractor

    starter = Run.open(STARTER, "caption")
    look = Extractor("scenes", output=starter.config["feature_output"])
    assert starter.config["weights_hash"] == look.spec.weights_hash
