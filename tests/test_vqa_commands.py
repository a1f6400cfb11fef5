"""`cnnrnn vqa` end to end, on pictures of a red or blue square, left or right.

The pictures are tiny and pass a small CNN that is trained with the rest, so that no backbone is
needed.
"""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from cnnrnn import console, scenes
from cnnrnn.cli import main
from cnnrnn.errors import CnnRnnError
from cnnrnn.media import images, video_write
from cnnrnn.media.sources import expand
from cnnrnn.vqa import Answerer
from cnnrnn.vqa.answerer import BLIND
from cnnrnn.vqa.reply import Reply
from cnnrnn.vqa.show import shown

SIDE = 16
SMALL = [
    "--backbone", "own", "--image-size", SIDE, "--width", 4, "--shift", 0, "--hidden", 16,
    "--embedding", 8, "--batch", 4,
]  # fmt: skip
RUNS = Path("runs/vqa")
COLOUR, PLACE, RED = "what colour is the square?", "is the square left or right?", "is it red?"


def picture(red: bool, left: bool, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    found = generator.integers(90, 110, (SIDE, SIDE, 3)).astype(np.uint8)
    top, first = int(generator.integers(2, 9)), int(generator.integers(0, 3)) + (0 if left else 8)
    found[top : top + 5, first : first + 5] = (220, 20, 20) if red else (20, 20, 220)
    return found


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with 40 pictures and three questions of each, in which runs are written."""
    folder = tmp_path_factory.mktemp("world")
    rows = []
    for seed in range(40):
        red, left = seed % 2 == 0, seed % 4 < 2
        name = f"images/{seed}.png"
        images.save(folder / name, picture(red, left, seed))
        split = "test" if seed >= 32 else "val" if seed >= 24 else "train"
        for question, answer, choices, kind in (
            (COLOUR, "red" if red else "blue", "red|blue", "colour"),
            (PLACE, "left" if left else "right", "left|right", "relation"),
            (RED, "yes" if red else "no", "yes|no", "yes/no"),
        ):
            rows.append([name, question, answer, choices, kind, split])
    with open(folder / "asked.csv", "w", newline="") as file:
        csv.writer(file).writerows(
            [["image", "question", "answer", "choices", "kind", "split"], *rows]
        )
    return folder


@pytest.fixture(autouse=True)
def inside(world, monkeypatch):
    monkeypatch.chdir(world)
    monkeypatch.setenv("CNNRNN_CACHE", str(world / "cache"))
    yield
    console.set_verbosity(False)


def call(*args, code=0):
    result = CliRunner().invoke(main, ["vqa", *map(str, args)], prog_name="cnnrnn")
    assert result.exit_code == code, result.stderr
    return result


def objects(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(scope="module")
def run(world):
    """A finished run that can answer the three questions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(world)
        patch.setenv("CNNRNN_CACHE", str(world / "cache"))
        result = call(
            "train", "--data", "asked.csv", *SMALL, "--epochs", 60, "--learning-rate", 0.01,
            "--patience", 60, "--name", "made", "--dropout", 0,
        )
    return world / RUNS / "made", result


def test_training_ends_with_a_run_and_three_lines(run):
    path, result = run
    assert result.stdout == ""
    last = result.stderr.splitlines()[-3:]
    assert last[0].startswith("vqa: ") and "accuracy" in last[0]
    for rival in ("question-only", "majority", "majority per kind", "shuffled pictures"):
        assert rival in last[0]
    assert last[1].startswith("saved ") and "report.html" in last[1]
    assert last[2].startswith("next ") and "vqa ask" in last[2]
    files = {file.name for file in path.iterdir()}
    assert {
        "config.json", "vocabulary.json", "answers.json", "confidence.json", "best.keras",
        "metrics.json", "report.html", "MODEL_CARD.md", BLIND,
    } <= files  # fmt: skip
    page = (path / "report.html").read_text()
    for part in ("Accuracy", "Confusion of answers", "Calibration", "question-only", "hop by hop"):
        assert part in page


def test_the_data_is_told_before_training(run):
    _, result = run
    for line in ("coverage test           100.00% (0 outside)", "questions train         72"):
        assert line in result.stderr


def test_what_was_learned_needs_the_picture(run):
    path, _ = run
    result = call("evaluate", "--run", path, "--json", "-o", "said.json")
    found = {each["name"]: each for each in objects(result.stdout)}
    assert list(found)[0] == "san"
    assert found["san"]["overall"] >= 80
    assert found["san"]["multipleChoice"]["overall"] >= found["san"]["overall"]
    assert set(found["san"]["kinds"]) == {"colour", "relation", "yes/no"}
    for rival in ("shuffled pictures", "question-only", "majority", "lookup"):
        assert found[rival]["overall"] <= 75
    again = call("evaluate", "--data", "asked.csv", "--predictions", "said.json", "--json")
    assert objects(again.stdout)[0]["overall"] == found["san"]["overall"]
    text = call("evaluate", "--run", path, "--split", "all", "--no-rivals")
    assert "kind of question" in text.stdout and "paired bootstrap" not in text.stderr


def test_answers_to_several_questions(run):
    path, _ = run
    result = call("ask", "images/36.png", COLOUR, PLACE, RED, "--run", path, "--json")
    found = objects(result.stdout)
    assert [each["question"] for each in found] == [COLOUR, PLACE, RED]
    assert [each["answer"] for each in found] == ["red", "left", "yes"]
    assert all(each["known"] and not each["notes"] for each in found)
    assert sum(each["probability"] for each in found[0]["answers"]) <= 1.0001
    assert np.array(found[0]["maps"]).shape == (2, 2, 2)
    np.testing.assert_allclose(np.array(found[0]["maps"]).sum(axis=(1, 2)), 1, atol=1e-3)
    assert all(len(str(share)) <= 7 for share in np.ravel(found[0]["maps"]).tolist())
    text = call("ask", "images/36.png", COLOUR, "--run", path, "--top", 2).stdout
    name, question, said = text.strip().split("\t")
    assert (name, question) == ("images/36.png", COLOUR) and said.startswith("red ")
    assert len(said.split("  ")) == 2


def test_the_shipped_starter_knows_what_is_in_the_basket(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # no runs here
    result = call("ask", "scenes:5", "what is in the basket?", "--json")
    (found,) = objects(result.stdout)
    (source,) = expand(["scenes:5"])
    (truth,) = [each.answer for each in scenes.questions(scenes.scene(*source.scene))
                if each.text == "what is in the basket?"]  # fmt: skip
    assert found["answer"] == truth and found["known"] and found["familiar"]
    assert [len(found["answers"]), len(found["maps"])] == [5, 2]
    assert "the shipped starter model, which knows the built-in world" in result.stderr


def test_choices(run):
    path, _ = run
    given = ["ask", "images/37.png", "what colour is it?", "--run", path, "--json", "--choices"]
    result = call(*given, "red,green,blue,Red,")
    (found,) = objects(result.stdout)
    assert [each["answer"] for each in found["answers"]][0] == "blue"
    assert {each["answer"] for each in found["answers"]} == {"red", "green", "blue"}
    assert "choices that this model can never give: green" in result.stderr
    (found,) = objects(call(*given, "blue").stdout)
    assert found["answers"] == [{"answer": "blue", "probability": 1.0}]
    result = call(*given, "green,pink")
    (found,) = objects(result.stdout)
    assert not found["known"] and found["probability"] == 0
    assert "no choices" in call(*given, " , ,", code=2).stderr
    assert "all choices are shown" in call(*given, "red,blue", "--top", 1, code=2).stderr
    odd = call("ask", "images/37.png", COLOUR, "--run", path, "--choices", "red\x1b[31m,\tb\tc")
    assert "\x1b" not in odd.stdout + odd.stderr and odd.stdout.count("\t") == 2


def test_a_picture_says_what_the_line_says():
    known = Reply("a.png", RED, [("yes", 0.9), ("no", 0.1)])
    unknown = replace(known, known=False)
    assert known.said() == "yes 0.90, no 0.10" and known.said(1) == "yes 0.90"
    assert unknown.said(1) == "I do not know; perhaps yes 0.90"
    bars = [shown(picture(True, True), each) for each in (known, unknown)]
    assert bars[0].shape != bars[1].shape or (bars[0] != bars[1]).any()


def test_a_folder_and_one_question_asks_every_picture(run):
    path, _ = run
    result = call("ask", "images", RED, "--run", path, "--limit", 5)
    lines = [line.split("\t") for line in result.stdout.splitlines()]
    assert [Path(name).name for name, *_ in lines] == ["0.png", "1.png", "10.png", "11.png",
                                                       "12.png"]  # fmt: skip
    assert [said.split()[0] for *_, said in lines] == ["yes", "no", "yes", "no", "yes"]


def test_where_it_looked(run):
    path, _ = run
    result = call("ask", "images/36.png", COLOUR, RED, "--run", path, "--show", "-o", "where")
    assert {file.name for file in Path("where").iterdir()} == {"36.jpg", "36-2.jpg"}
    assert "shown  where/36.jpg" in result.stderr
    shown = images.decode(Path("where/36.jpg").read_bytes(), "36.jpg")
    assert shown.shape[1] > 3 * 100  # the picture and two hops
    result = call("ask", "images/36.png", RED, "--run", path, "--show", "-o", "images", code=1)
    assert "could be overwritten" in result.stderr
    long = call("ask", "images/36.png", "red " * 5000, "--run", path, "--show", "-o", "long")
    assert "shown  long/36.jpg" in long.stderr
    assert images.decode(Path("long/36.jpg").read_bytes(), "36.jpg").shape[0] < 600
    assert "add --show" in call("ask", "images/36.png", RED, "-o", "x", code=2).stderr


@pytest.mark.parametrize(
    ("option", "line"),
    [(("-o", "asked.csv"), "cannot write into asked.csv"), (("--font", "asked.csv"), "is no font")],
)
def test_what_would_fail_for_every_picture_is_told_once(run, option, line):
    result = call("ask", "images", RED, "--run", run[0], "--show", *option, code=1)
    (message,) = result.stderr.splitlines()
    assert line in message and result.stdout == ""


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("?", "the question has no words"),
        ("red " * 5000, "the question has 5000 words, and only the first"),
        ("какого цвета квадрат?", "unknown words: какого, цвета, квадрат"),
        ("这是什么颜色", "unknown words: 这是什么颜色"),
        ("what \x07\x1b[31m colour \x00 is it", "unknown words: 31m"),
        ("what " + "x" * 3000, "unknown words: xxxxx"),
        ("צבע", "unknown words: צבע"),
    ],
)
def test_strange_questions_have_an_answer_and_a_remark(run, question, told):
    path, _ = run
    result = call("ask", "images/36.png", question, "--run", path)
    (line,) = result.stdout.splitlines()
    assert told in result.stderr and line.count("\t") == 2
    assert all(letter.isprintable() or letter == "\t" for letter in line)
    assert all(len(each) < 300 for each in result.stderr.splitlines())
    if "colour" not in question and "red" not in question and "what" not in question:
        assert "I do not know" in line


@pytest.mark.parametrize("question", ["", "   ", "\n\t"])
def test_an_empty_question_is_a_usage_error(run, question):
    path, _ = run
    for questions in ([question], [RED, question]):
        result = call("ask", "images/36.png", *questions, "--run", path, code=2)
        assert "an empty question" in result.stderr and result.stdout == ""


def test_a_batch_goes_on_behind_what_is_no_picture(run):
    path, _ = run
    bad = Path("bad")
    bad.mkdir(exist_ok=True)
    (bad / "a.png").write_text("no picture at all")
    video_write.write(bad / "film.mp4", np.zeros((4, 32, 32, 3), np.uint8))
    shutil.copy(bad / "film.mp4", bad / "b.jpg")  # a video that calls itself a picture
    shutil.copy("images/36.png", bad / "c.png")
    shutil.copy("images/36.png", bad / "picture.mp4")  # a picture that calls itself a video
    result = call("ask", "bad", COLOUR, "--run", path, "--json", code=1)
    found = {each["source"]: each for each in objects(result.stdout)}
    assert set(found) == {"bad/a.png", "bad/b.jpg", "bad/c.png"}
    assert found["bad/c.png"]["answer"] == "red"
    assert {name for name, each in found.items() if "error" in each} == {"bad/a.png", "bad/b.jpg"}
    assert "1 picture done, 2 failed" in result.stderr
    assert "film.mp4" in call("ask", "bad/film.mp4", COLOUR, "--run", path, code=1).stderr
    assert "red" in call("ask", "bad/picture.mp4", COLOUR, "--run", path).stdout
    assert "does not exist" in call("ask", "bad/none.png", RED, "--run", path, code=1).stderr


def test_python_takes_paths_and_arrays_and_keeps_features(run, monkeypatch):
    path, _ = run
    answerer = Answerer.load(path)
    [first] = answerer.ask("images/36.png", [COLOUR])
    again = answerer.ask(picture(False, False, 99), [COLOUR, PLACE])
    assert (first.answer, [each.answer for each in again]) == ("red", ["blue", "right"])
    assert first.maps.shape == (2, 2, 2) and 0 < first.probability <= 1

    def never(*args):
        raise AssertionError("features were computed again")

    monkeypatch.setattr(type(answerer.extractor), "extract", never)
    assert answerer.ask("images/36.png", [PLACE])[0].answer == "left"
    with pytest.raises(CnnRnnError, match="empty question"):
        answerer.ask("images/36.png", [""])
    with pytest.raises(CnnRnnError, match="does not exist"):
        answerer.ask("missing.png", [RED])


def test_one_question_is_answered_as_many_are(run):
    path, _ = run
    answerer = Answerer.load(path)
    together = answerer.ask("images/37.png", [COLOUR, PLACE, RED])
    for question, reply in zip([COLOUR, PLACE, RED], together, strict=True):
        [alone] = answerer.ask("images/37.png", [question])
        assert [text for text, _ in alone.answers] == [text for text, _ in reply.answers]
        np.testing.assert_allclose(
            [share for _, share in alone.answers], [share for _, share in reply.answers], atol=1e-5
        )


def test_a_run_can_be_moved(run, tmp_path):
    path, _ = run
    shutil.copytree(path, tmp_path / "elsewhere")
    said = call("ask", "images/36.png", RED, "--run", tmp_path / "elsewhere").stdout
    assert said == call("ask", "images/36.png", RED, "--run", path).stdout
    (tmp_path / "elsewhere" / "answers.json").write_text(
        '{"format": "cnnrnn-answers", "version": 1, "answers": {"red": 1}}'
    )
    result = call("ask", "images/36.png", RED, "--run", tmp_path / "elsewhere", code=1)
    assert "the files of two runs were mixed" in result.stderr


@pytest.mark.parametrize("form", ["keras", "saved-model"])
def test_export_says_the_same(run, form):
    path, _ = run
    shutil.rmtree("written", ignore_errors=True)
    result = call("export", "--run", path, "-o", "written", "--as", form)
    assert "outputs agree" in result.stderr
    model = {"keras": "model.keras", "saved-model": "saved_model"}[form]
    assert {f.name for f in Path("written").iterdir()} == {
        model, "vocabulary.json", "answers.json", "config.json",
    }  # fmt: skip
    assert "exists already" in call("export", "--run", path, "-o", "written", code=2).stderr


def test_a_dry_run_trains_nothing(run):
    before = sorted(RUNS.glob("*"))
    result = call("train", "--data", "asked.csv", *SMALL, "--dry-run")
    assert "estimate" in result.stderr
    assert sorted(RUNS.glob("*")) == before


def test_runs_are_listed(run):
    (found,) = [each for each in objects(call("runs", "--json").stdout) if each["name"] == "made"]
    assert found["model"] == "san" and found["metric"] == "val_accuracy" and found["finished"]


def test_pictures_that_are_missing_are_left_out_of_training():
    rows = Path("asked.csv").read_text().replace("images/3.png", "images/gone.png")
    Path("some.csv").write_text(rows)
    result = call(
        "train", "--data", "some.csv", *SMALL, "--epochs", 1, "--name", "short", "--model",
        "lstm-cnn", code=1,
    )  # fmt: skip
    assert "images/gone.png" in result.stderr
    config = json.loads((RUNS / "short" / "config.json").read_text())
    assert config["usable_questions"] == 72 - 3 + 24
    assert call("ask", "images/36.png", RED, "--run", RUNS / "short").stdout  # no maps
    call("ask", "images/36.png", RED, "--run", RUNS / "short", "--show", "-o", "plain")


@pytest.mark.parametrize(
    ("args", "line"),
    [
        (("train", "--fold", "9/4"), "fold is '9/4'"),
        (("train", "--dropout", "1.5"), "dropout is 1.5"),
        (("train", "--resume", "x", "--hops", "3"), "--hops is another"),
        (("train", "--backbone", "vgg99"), "no backbone 'vgg99'"),
        (("train", "--model", "lstm-cnn", "--hops", "3"), "--hops is for --model san"),
        (("train", "--layers", "3"), "--layers is for --model lstm-cnn"),
        (("train", "--width", "8"), "--width is for --backbone own"),
        (("train", "--backbone", "own", "--weights", "random"), "--weights is for a backbone"),
        (("train", "--answer", "regress", "--smoothing", "0.1"), "--smoothing is for answers"),
        (("train", "--model", "question-only", "--backbone", "scenes"), "models that see"),
        (("train", "--embeddings", "v.npz", "--embedding", "9"), "--embedding is for word"),
        (("evaluate", "--predictions", "x", "--run", "y"), "--run does not go with"),
        (("compare", "--models", "san,vgg"), "no model 'vgg'"),
        (("ask", "a.png"), "Missing argument 'QUESTIONS...'"),
        (("ask", "a.png", "what?", "--choices", ","), "no choices in ','"),
        (("export", "-o", "images"), "images exists already"),
    ],
)
def test_usage_errors_are_one_line(args, line):
    result = call(*args, code=2)
    (message,) = [each for each in result.stderr.splitlines() if each.startswith("error: ")]
    assert line in message


@pytest.mark.slow
@pytest.mark.parametrize("answer", ["regress", "generate"])
def test_the_other_ways_to_an_answer(answer):
    name = f"by-{answer}"
    call(
        "train", "--data", "asked.csv", *SMALL, "--epochs", 50, "--learning-rate", 0.003,
        "--patience", 50, "--answer", answer, "--name", name, "--dropout", 0,
        # What writes has a language to learn as well: 16 units with 8 numbers a word do not.
        "--hidden", 64, "--embedding", 32,
    )  # fmt: skip
    own, *_ = objects(call("evaluate", "--run", RUNS / name, "--json", "--no-rivals").stdout)
    assert own["overall"] >= 75
    (found,) = objects(call(
        "ask", "images/36.png", COLOUR, "--run", RUNS / name, "--json", "--choices",
        "red,blue,purple",
    ).stdout)  # fmt: skip
    assert found["answer"] == "red"
    assert "outputs agree" in call("export", "--run", RUNS / name, "-o", f"out-{answer}").stderr


@pytest.mark.slow
def test_resume_ends_with_the_same_weights():
    given = ["train", "--data", "asked.csv", *SMALL, "--schedule", "fixed", "--encoder", "cnn"]
    call(*given, "--epochs", 3, "--name", "whole")
    call(*given, "--epochs", 1, "--name", "part")
    config = RUNS / "part" / "config.json"
    content = json.loads(config.read_text())
    config.write_text(json.dumps(content | {"epochs": 3}))
    call("train", "--resume", RUNS / "part")
    whole, part = (Answerer.load(RUNS / name).model for name in ("whole", "part"))
    for one, other in zip(whole.get_weights(), part.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert (RUNS / "part" / BLIND / "best.keras").exists()


@pytest.mark.slow
def test_compare_goes_on_where_it_was_stopped():
    given = [
        "compare", "--data", "asked.csv", *SMALL, "--models", "san,san-1,lstm-cnn,question-only",
        "--seeds", 1, "--epochs", 3,
    ]  # fmt: skip
    first = call(*given)
    assert "[4/4] question-only" in first.stderr and "held" in first.stdout
    assert "majority per kind" in first.stdout and "multiple choice" in first.stdout
    (Path("runs/compare/vqa-asked/vqa/lstm-cnn-0/judged.json")).unlink()
    second = call(*given, "--json")
    assert "[3/4] lstm-cnn" in second.stderr and "[1/4]" not in second.stderr
    lines = objects(second.stdout)
    assert any(each.get("model") == "lookup" for each in lines)
    assert all({"claim", "held", "numbers"} <= set(each) for each in lines if "claim" in each)
    assert Path("runs/compare/vqa-asked/report.html").stat().st_size > 5_000
    result = call(*given, "--hidden", 9, code=1)
    assert "holds a comparison with other options" in result.stderr
