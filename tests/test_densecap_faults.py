"""What `cnnrnn densecap` makes of faults: strange pictures and boxes, a loss that is no number, a
kill."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from densecap_helpers import SMALL, call, lines, write_data

from cnnrnn import scenes
from cnnrnn.densecap import data as readers
from cnnrnn.densecap.describer import DenseCaptioner
from cnnrnn.errors import CnnRnnError
from cnnrnn.media import images
from cnnrnn.regions.boxes import iou, merge
from cnnrnn.regions.metrics import Found, region_scores
from cnnrnn.training.run import Run

DATA = ["--data", "regions.csv", "--backbone", "scenes", *SMALL]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("place")
    write_data(folder)
    return folder


@pytest.fixture(autouse=True)
def inside(place, monkeypatch):
    monkeypatch.chdir(place)
    monkeypatch.setenv("CNNRNN_CACHE", str(place / "cache"))


@pytest.fixture(scope="module")
def run(place):
    """A run of one epoch, `runs/densecap/short`."""
    before = os.getcwd()
    os.chdir(place)
    try:
        assert call("train", *DATA, "--epochs", 1, "--name", "short") == 0
    finally:
        os.chdir(before)
    return Run.open(place / "runs/densecap/short", "densecap")


def edited(run: Run, **changes) -> None:
    """Change the options of a run, as a person may."""
    path = run.path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


# -- data ----------------------------------------------------------------------------------------


def test_pictures_without_regions_are_told_and_left_out(tmp_path, place):
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes((place / "0.jpg").read_bytes())
    content = {
        "images": [
            {"id": n, "file_name": name, "width": 112, "height": 112}
            for n, name in enumerate(("a.jpg", "b.jpg"))
        ],
        "categories": [{"id": 1, "name": "dog"}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": [5, 5, 20, 20]}],
    }
    (tmp_path / "instances_all.json").write_text(json.dumps(content))
    data = readers.load(str(tmp_path))
    assert [each.id for each in data.examples] == ["1"]
    assert data.notes == ["1 pictures without regions left out"]


def table(folder: Path, rows: list[str]) -> Path:
    """A table of regions of 0.jpg."""
    (folder / "0.jpg").write_bytes(images.encode(scenes.render(scenes.scene("train", 0)), ".jpg"))
    lines_of_it = ["image,x,y,width,height,phrase,split", *rows]
    (folder / "some.csv").write_text("\n".join(lines_of_it) + "\n")
    return folder / "some.csv"


def test_regions_without_words_are_told_and_left_out(tmp_path):
    path = table(tmp_path, ["0.jpg,5,5,20,20,,train", "0.jpg,9,9,20,20,  ,train",
                            "0.jpg,30,30,20,20,a dog,train"])  # fmt: skip
    data = readers.load(str(path))
    assert [region.phrase for region in data.examples[0].regions] == ["a dog"]
    assert data.notes == ["2 regions without words left out"]
    with pytest.raises(CnnRnnError, match="no regions"):
        readers.load(str(table(tmp_path, ["0.jpg,5,5,20,20,,train"])))


def test_three_thousand_regions_in_one_picture_are_trained_on_and_scored(
    tmp_path, monkeypatch, capsys
):
    generator = np.random.default_rng(0)
    x, y = generator.uniform(0, 90, (2, 3000))
    rows = [f"0.jpg,{a:.1f},{b:.1f},20,20,a red dog,train" for a, b in zip(x, y, strict=True)]
    for name in ("1.jpg", "2.jpg"):
        images.save(tmp_path / name, scenes.render(scenes.scene("train", 1)))
        rows.append(f"{name},5,5,40,40,a car,train")
    rows.append("1.jpg,9,9,50,50,a car,train")
    path = table(tmp_path, rows)
    monkeypatch.chdir(tmp_path)
    small = [*SMALL, "--holdout", "1"]
    assert call("train", "--data", path, "--backbone", "scenes", *small, "--epochs", 1) == 0
    assert "a picture has 3000 regions; each epoch draws at most 64" in capsys.readouterr().err
    boxes = np.stack([x, y, x + 20, y + 20], axis=1)
    found = Found(boxes[:50], np.ones(50), ["a red dog"] * 50, boxes, ["a red dog"] * 3000)
    scores = region_scores([found], java=False)
    assert 50 < scores.truths < 3000 and scores.det[0.3] > 0


def test_merging_many_boxes_is_merging_few_by_few():
    generator = np.random.default_rng(1)
    corners = generator.uniform(0, 30, (60, 2))
    boxes = np.concatenate([corners, corners + 20], axis=1)
    near, left, expected = iou(boxes, boxes) >= 0.5, np.ones(60, bool), []
    while left.any():  # as it is written in the paper's program
        counts = [(near[n] & left).sum() if left[n] else 0 for n in range(60)]
        group = np.flatnonzero(near[np.argmax(counts)] & left)
        left[group] = False
        expected.append(group.tolist())
    assert [group.tolist() for group in merge(boxes, 0.5)] == expected


# -- boxes of one's own --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("0.jpg,10,10,0,20", "box 1 has no area in 0.jpg"),
        ("0.jpg,10,10,20,20\n0.jpg,30,30,20,0", "box 2 has no area in 0.jpg"),
        ("0.jpg,0.1,0.2,0.5,0.6", "look like shares of the picture's sides (0 to 1), not pixels"),
    ],
)
def test_given_boxes_that_are_none(run, place, capsys, rows, reason):
    (place / "given.csv").write_text(f"image,x,y,width,height\n{rows}\n")
    assert call("predict", "--boxes", "given.csv", "--run", run.path) == 1
    said = capsys.readouterr()
    assert reason in said.err and not said.out


def test_a_given_box_that_sticks_out_is_told_as_it_was_given(run, place, capsys):
    (place / "given.csv").write_text("image,x,y,width,height\n0.jpg,60,60,200,200\n")
    assert call("predict", "--boxes", "given.csv", "--run", run.path, "--json") == 0
    [found] = lines(capsys)
    assert found["regions"][0]["box"] == [60, 60, 260, 260]


# -- pictures ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(12, 3000), (3000, 12), (1, 1), (2, 900)])
def test_very_long_thin_and_small_pictures(run, place, capsys, size):
    colours = np.random.default_rng(0).integers(0, 255, (*size, 3)).astype(np.uint8)
    images.save(place / "odd.png", colours)
    assert call("predict", "odd.png", "--run", run.path, "--json", "--least", "0") == 0
    [found] = lines(capsys)
    assert found["size"] == [size[1], size[0]]
    for region in found["regions"]:
        x1, y1, x2, y2 = region["box"]
        assert 0 <= x1 <= x2 <= size[1] and 0 <= y1 <= y2 <= size[0]


def test_a_long_thin_picture_is_trained_on(place, capsys):
    picture = np.random.default_rng(0).integers(0, 255, (20, 2000, 3)).astype(np.uint8)
    images.save(place / "thin.png", picture)
    rows = (place / "regions.csv").read_text().splitlines()
    thin = [f"thin.png,{x},5,400,10,a long thin dog,train" for x in (0, 500, 1000, 1500)]
    # Nothing else to learn from, so that a batch without it cannot hide it.
    few = [row for row in rows[1:] if row.split(",")[0] in ("0.jpg", "1.jpg")]
    (place / "thin.csv").write_text("\n".join([rows[0], *thin, *few]) + "\n")
    given = ["--data", "thin.csv", *DATA[2:], "--holdout", "1", "--epochs", "2"]
    assert call("train", *given, "--name", "thin") == 0
    run = Run.open(place / "runs/densecap/thin", "densecap")
    assert run.config["pictures"] == 3 and "long" in (run.path / "vocabulary.json").read_text()
    assert all(np.isfinite(row["loss"]) for row in run.log())
    [found] = DenseCaptioner.load(run.path).describe(["thin.png"])
    assert found.size == (2000, 20) and not found.error


def test_what_is_no_picture_is_told_and_the_rest_goes_on(run, place, capsys):
    (place / "text.jpg").write_text("no picture")
    (place / "empty.jpg").write_bytes(b"")
    whole = (place / "1.jpg").read_bytes()
    (place / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    given = ["text.jpg", "0.jpg", "empty.jpg", "cut.jpg", "missing.jpg", "1.jpg"]
    assert call("predict", *given, "--run", run.path, "--json") == 1
    said = capsys.readouterr()
    found = [json.loads(line) for line in said.out.splitlines()]
    assert [each["source"] for each in found] == given
    assert ["error" in each for each in found] == [True, False, True, True, True, False]
    assert all(name in said.err for name in ("text.jpg", "empty.jpg", "cut.jpg", "missing.jpg"))
    assert "Traceback" not in said.err


# -- training ------------------------------------------------------------------------------------


def test_a_loss_that_is_no_number_stops_says_where_and_keeps_the_last_good_epoch(
    run, tmp_path, capsys
):
    shutil.copytree(run.path, tmp_path / "wild")
    run = Run.open(tmp_path / "wild", "densecap")
    good = run.best.read_bytes()
    edited(run, epochs=3, learning_rate=1e30, clip_norm=0.0, cnn_rate=1e30)
    capsys.readouterr()
    assert call("train", "--resume", run.path) == 1
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error")]
    assert len(said) == 1
    assert "the loss became" in said[0] and "in epoch 2, step " in said[0]
    assert "the last good epoch is kept" in said[0]
    assert run.best.read_bytes() == good
    assert call("predict", "0.jpg", "--run", run.path) == 0


@pytest.mark.slow
def test_a_killed_training_goes_on_after_its_last_epoch(place, capsys):
    command = [sys.executable, "-m", "cnnrnn", "densecap", "train", *DATA]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    process = subprocess.Popen(
        [*command, "--epochs", "40", "--patience", "40", "--name", "killed"], cwd=place,
        env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    state = place / "runs/densecap/killed/state.json"
    until = time.monotonic() + 120
    while not state.exists() and process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    run = Run.open(place / "runs/densecap/killed", "densecap")
    finished = run.log()[-1]["epoch"]
    assert finished >= 1 and not (run.path / "metrics.json").exists()
    edited(run, epochs=finished + 2)
    assert call("train", "--resume", run.path) == 0
    assert [row["epoch"] for row in run.log()] == list(range(1, finished + 3))
    assert (run.path / "metrics.json").exists()


@pytest.mark.slow
def test_resume_ends_with_the_same_weights(place):
    given = [*DATA, "--schedule", "fixed", "--seed", 1]
    assert call("train", *given, "--epochs", 3, "--name", "whole") == 0
    assert call("train", *given, "--epochs", 1, "--name", "part") == 0
    part = Run.open(place / "runs/densecap/part", "densecap")
    edited(part, epochs=3)
    assert call("train", "--resume", part.path) == 0
    whole = Run.open(place / "runs/densecap/whole", "densecap")
    models = [DenseCaptioner.load(run.path).model for run in (whole, part)]
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
