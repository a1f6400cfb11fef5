"""Clips are captioned: their vectors by hand, and one small training to what it says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from cnnrnn.caption.data import load
from cnnrnn.caption.prepare import picture_of
from cnnrnn.cli import main
from cnnrnn.errors import CnnRnnError
from cnnrnn.features.clip_vectors import ClipVectors
from cnnrnn.media.sources import Source
from cnnrnn.training.run import Run

DOOR = Path(__file__).resolve().parents[1] / "data" / "door.mp4"


def call(*arguments: str) -> int:
    """Run a command; its exit code."""
    with pytest.raises(SystemExit) as stopped:
        main(list(map(str, arguments)))
    return stopped.value.code


def test_the_mean_is_of_the_frames_that_are_there():
    rows = np.array([[[1, 2], [3, 4], [9, 9]], [[5, 6], [0, 0], [0, 0]]], np.float16)
    mask = np.array([[True, True, False], [True, False, False]])
    assert ClipVectors("scenes", frames=3).joined(rows, mask).tolist() == [[2, 3], [5, 6]]
    steps = ClipVectors("scenes", frames=3, mean=False)
    assert steps.joined(rows, mask) is rows and steps.row_shape[0] == 3


def test_extracted_and_computed_vectors_are_the_same(tmp_path):
    made = ClipVectors("scenes", frames=2)
    made.clips.cache_dir = tmp_path
    sources = [Source("clips:0", clip=("test", 0)), Source("door", path=DOOR)]
    table = made.extract(sources)
    assert table.ok.all() and table.row_shape == made.row_shape
    found = made.compute([made.pixels(source) for source in sources])
    np.testing.assert_allclose(table.read([0, 1]), found, atol=2e-3)


def test_a_picture_is_no_clip(tmp_path):
    with pytest.raises(CnnRnnError, match="x.jpg is a picture, not a clip"):
        ClipVectors("scenes").pixels(Source("x.jpg", path=tmp_path / "x.jpg"))


def test_the_built_in_clips_have_five_captions_each():
    found = load("clips", limit=3)
    assert len(found.split("train")) == 3 and len(found.examples[0].captions) == 5
    assert picture_of(found.examples[0].source).ndim == 3


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the run `film`."""
    folder = tmp_path_factory.mktemp("clips")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        patched.setenv("CNNRNN_CACHE", str(folder / "cache"))
        assert call(
            "caption", "train", "--data", "clips", "--model", "clip-lstm", "--frames", "3",
            "--limit", "8", "--holdout", "3", "--epochs", "1", "--hidden", "8", "--embedding", "8",
            "--name", "film",
        ) == 0  # fmt: skip
    return folder


@pytest.fixture(autouse=True)
def inside(place, monkeypatch):
    monkeypatch.chdir(place)
    monkeypatch.setenv("CNNRNN_CACHE", str(place / "cache"))


def test_clips_find_their_run_and_pictures_theirs(place, capsys):
    assert Run.open(place / "runs/caption/film", "caption").config["frames"] == 3
    assert call("caption", "predict", "clips:3", DOOR, "--json", "-o", "shown") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["run"] for line in lines] == ["runs/caption/film"] * 2
    assert len(list(Path("shown").iterdir())) == 2
    assert call("caption", "predict", "scenes:3") == 0
    assert "starter" in capsys.readouterr().err
    Path("films").mkdir()
    shutil.copy(DOOR, "films/door.mp4")
    Path("films/.door.jpg").touch()  # hidden, as some systems leave them
    assert call("caption", "predict", "films") == 0
    assert capsys.readouterr().out.startswith("films/door.mp4")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["scenes:3", "--run", "runs/caption/film"], "scenes:3 is a picture"),
        ([str(DOOR), "scenes:3"], "scenes:3 is a picture"),
        (["photo.jpg", "--run", "runs/caption/film"], "photo.jpg is a picture"),
    ],
)
def test_a_picture_where_a_clip_is_wanted(capsys, arguments, message):
    assert call("caption", "predict", *arguments) == 2
    assert message in capsys.readouterr().err


def test_a_clip_where_a_picture_is_wanted(capsys):
    from cnnrnn.caption.captioner import STARTER

    for clip in (str(DOOR), "clips:3"):
        assert call("caption", "predict", clip, "--run", STARTER) == 2
        assert "is a clip, and" in capsys.readouterr().err


def test_without_a_run_for_clips_it_is_one_line(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call("caption", "predict", "clips:3") == 1
    assert "there is no run for clips here" in capsys.readouterr().err


def test_a_data_set_of_clips_where_pictures_are_wanted(capsys, place):
    Path("films.csv").write_text(f"clip,caption\n{DOOR},a door opens\n", encoding="utf-8")
    assert call("caption", "train", "--data", "films.csv", "--dry-run") == 2
    assert "films has captions of clips, and pictures are wanted (for clips: " in (
        capsys.readouterr().err
    )
    assert call("caption", "compare", "--data", "films.csv") == 2
    assert "pictures are wanted (for clips: --frames 8)" in capsys.readouterr().err
    run = place / "runs/caption/film"
    assert call("caption", "evaluate", "--data", "scenes", "--limit", "2", "--run", run) == 2
    assert "scenes has captions of pictures, and clips are wanted (name a run" in (
        capsys.readouterr().err
    )


def test_a_data_set_of_pictures_where_clips_are_wanted(capsys):
    photos = DOOR.parent / "captions.csv"
    options = ("--data", photos, "--frames", "3", "--model", "clip-lstm", "--dry-run")
    assert call("caption", "train", *options) == 2
    assert "captions of pictures, and clips are wanted (for pictures leave out --frames" in (
        capsys.readouterr().err
    )


def test_clips_are_called_clips(capsys, place):
    run = place / "runs/caption/film"
    assert "3 training clips kept aside" in (run / "report.html").read_text(encoding="utf-8")
    card = (run / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "a sentence for a clip" in card and "On 3 clips kept aside" in card
    options = ("--data", "clips", "--limit", "4", "--run", run)
    assert call("caption", "evaluate", *options) == 0
    found = capsys.readouterr()
    assert "bootstrap over clips" in found.err and "pictures" not in found.out + found.err
    assert call("caption", "evaluate", *options, "--no-baselines", "--json") == 0
    assert json.loads(capsys.readouterr().out)["clips"] == 4
