"""Runs of unusual options, from the command line to what they say: two small trainings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from caption_helpers import call, write_data

from cnnrnn import scenes
from cnnrnn.training.run import Run

SMALL = ["--hidden", "16", "--batch", "8", "--holdout", "4", "--epochs", "2",
         "--backbone", "scenes"]  # fmt: skip
PICTURES = 16
A = ["--model", "merge", "--fusion", "multiply", "--rnn", "gru", "--layers", "2", "--tie",
     "--embeddings", "v.txt", "--scheduled", "0.5"]  # fmt: skip
B = ["--model", "attention", "--output", "vectors", "--embeddings", "v.txt"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Pictures, captions, word vectors, and the runs `a` and `b`."""
    folder = tmp_path_factory.mktemp("ways")
    texts = write_data(folder, PICTURES, 3)
    words = {word for text in texts for word in text.lower().replace(",", "").split()}
    drawn = np.random.default_rng(0).normal(size=(len(words), 8))
    lines = [  # one word has no vector
        f"{word} {' '.join(map(str, row))}"
        for word, row in zip(sorted(words)[1:], drawn[1:], strict=True)
    ]
    (folder / "v.txt").write_text("\n".join(lines))
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        patched.setenv("CNNRNN_CACHE", str(folder / "cache"))
        for name, options in (("a", A), ("b", B)):
            assert call(
                "caption", "train", "--data", "captions.csv", *SMALL, *options, "--name", name
            ) == 0
    return folder


@pytest.fixture(autouse=True)
def inside(place, monkeypatch):
    monkeypatch.chdir(place)
    monkeypatch.setenv("CNNRNN_CACHE", str(place / "cache"))


def test_the_runs_remember_their_ways(place):
    a, b = (Run.open(place / "runs/caption" / name, "caption") for name in "ab")
    assert a.config["embedding"] == b.config["embedding"] == 8  # that of the file
    assert a.config["embeddings"] == str(place / "v.txt")
    assert (a.config["rnn"], a.config["layers"], a.config["fusion"]) == ("gru", 2, "multiply")
    assert b.config["frozen_words"] and not a.config["frozen_words"]
    assert all(0 < row["loss"] < 2 for row in b.log())  # cosine distances
    page = (a.path / "report.html").read_text()
    assert "Nearest words" in page and "Deep CNN, shallow RNN" in page


def test_frozen_vectors_are_still_those_of_the_file(place):
    from cnnrnn.caption.captioner import Captioner
    from cnnrnn.text.vectors import read_vectors

    captioner = Captioner.load(place / "runs/caption/b")
    words = list(captioner.vocabulary.counts)
    expected = read_vectors(place / "v.txt").table(words)
    known = ~np.isnan(expected[:, 0])
    assert known.sum() >= len(words) - 1
    found = captioner.model.word_vectors()[4:]
    np.testing.assert_allclose(found[known], expected[known], atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--embeddings", "v.txt", "--embedding", "9"], "have 8 numbers, not 9"),
        (["--embeddings", "none.txt"], "cannot read none.txt"),
        (["--embeddings", "strange.txt"], "knows not one of the"),
        (["--output", "vectors"], "needs word vectors to aim at"),
        (["--model", "attention", "--fusion", "add"], "the model attention has no --fusion"),
        (["--init", "runs/caption/a", "--rnn", "lstm"], "it has --rnn gru, not lstm"),
    ],
)
def test_what_does_not_fit_is_one_line(capsys, options, message):
    Path("strange.txt").write_text("zeppelin 1 2\n")
    data = [] if "--init" in options else ["--data", "captions.csv", *SMALL]
    assert call("caption", "train", *data, *options, "--name", "x", "-q") in (1, 2)
    said = capsys.readouterr().err.strip()
    assert message in said and "\n" not in said


def test_a_run_that_begins_with_another_keeps_its_ways(place):
    arguments = ["--init", "runs/caption/a", "--epochs", "1", "--batch", "8", "--name", "c"]
    assert call("caption", "train", *arguments) == 0
    config = Run.open(place / "runs/caption/c", "caption").config
    assert (config["rnn"], config["layers"], config["tie"]) == ("gru", 2, True)
    assert config["embeddings"] == "learned" and config["init"].endswith("runs/caption/a")


def test_an_existing_captioner_begins_on_other_data(place):
    """What was decided for the other data, as how much is kept aside, is decided anew."""
    write_data(place / "few", 6, 1)
    begun = ["--init", "runs/caption/a", "--data", "few/captions.csv", "--name", "few"]
    assert call("caption", "train", *begun, "--epochs", "1", "--batch", "4") == 0
    config = Run.open(place / "runs/caption/few", "caption").config
    assert (config["holdout"], config["min_count"], config["rnn"]) == (1, 1, "gru")


def test_features_of_another_size_leave_no_run(place, capsys):
    begun = ["--init", "runs/caption/a", "--backbone", "mobilenet_v2", "--weights", "random"]
    assert call("caption", "train", *begun, "--name", "other") == 2
    assert "another shape: it has features of" in capsys.readouterr().err
    assert not (place / "runs/caption/other").exists()


def test_runs_caption_together(capsys):
    together = ["--runs", "runs/caption/a,runs/caption/b"]
    assert call("caption", "predict", "0.jpg", "1.jpg", *together, "--json") == 0
    said = capsys.readouterr()
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert all(line["caption"] for line in lines) and lines[0]["runs"][1].endswith("/b")
    assert call("caption", "evaluate", *together, "--no-baselines", "--json") == 0
    assert json.loads(capsys.readouterr().out)["pictures"] == 3


def test_runs_are_compared_without_training(capsys):
    runs = "runs/caption/a,runs/caption/b"
    assert call("caption", "compare", "--runs", runs, "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["model"] for line in lines if "model" in line][:3] == [
        "a", "b", "nearest neighbour",
    ]  # fmt: skip
    assert all(line["held"] is None for line in lines if "beats" in line.get("claim", ""))
    assert lines[0]["perplexity"] > 1 and 0 <= lines[0]["new"] <= 1 and lines[0]["words"] >= 1
    some = ("--split", "test", "--limit", "2", "--json")
    assert call("caption", "compare", "--runs", "runs/caption/a, runs/caption/b", *some) == 0
    assert call("caption", "compare", "--runs", runs, "--split", "val") == 1
    assert "has no pictures in the split 'val'" in capsys.readouterr().err
    assert call("caption", "compare", "--runs", runs, "--epochs", "3") == 2
    assert "--epochs does not go with --runs" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--runs", "runs/caption/a"], "1 run is no ensemble"),
        (["--runs", "runs/caption/a,runs/caption/b", "--run", "runs/caption/a"], "give one of"),
    ],
)
def test_runs_that_cannot_caption_together(capsys, options, message):
    assert call("caption", "predict", "0.jpg", *options) == 2
    assert message in capsys.readouterr().err


def test_a_run_with_other_words_does_not_join(capsys):
    from cnnrnn.caption.captioner import STARTER

    assert call("caption", "predict", "0.jpg", "--runs", f"runs/caption/a,{STARTER}") == 1
    assert "know different words" in capsys.readouterr().err


@pytest.mark.slow
def test_a_caption_comes_out_of_a_pipe_before_the_next_name_goes_in(place):
    program = subprocess.Popen(
        [sys.executable, "-m", "cnnrnn", "caption", "predict", "-", "--json", "--run",
         "runs/caption/a"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(Path(scenes.__file__).parents[2])},
    )  # fmt: skip
    for name in ("0.jpg", "gone.jpg", "scenes:2", "1.jpg"):
        program.stdin.write(f"{name}\n")
        program.stdin.flush()
        line = json.loads(program.stdout.readline())
        assert line["source"] == name and ("caption" in line) == (name != "gone.jpg")
    program.stdin.close()
    assert program.wait(60) == 1
