"""`cnnrnn vqa evaluate --predictions`: official results read, scored, told and written."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cnnrnn.cli import main
from cnnrnn.errors import CnnRnnError
from cnnrnn.vqa import data, evaluate
from cnnrnn.vqa.example import Example
from cnnrnn.vqa.results import read_results, write_results

ROWS = """image,question,answer,choices,kind,split
a.jpg,what is in the basket?,dog,dog|cat,two-step,test
a.jpg,is it red?,yes,,yes/no,test
b.jpg,is it blue?,no,,yes/no,test
c.jpg,what is it?,cow,,object,train
"""
ANSWERS = {"a.jpg#0": "The dog.", "a.jpg#1": "yes", "b.jpg#0": "yes"}


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "q.csv").write_text(ROWS)
    write_results(tmp_path / "r.json", ANSWERS)
    return tmp_path


def call(capsys, *arguments) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command line."""
    with pytest.raises(SystemExit) as stopped:
        main(["vqa", *map(str, arguments)])
    told = capsys.readouterr()
    return stopped.value.code, told.out, told.err


def evaluated(capsys, *arguments) -> tuple[int, str, str]:
    return call(capsys, "evaluate", "--data", "q.csv", "--predictions", "r.json", *arguments)


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("all_yes", False), ("first_human", True), ("majority_noisy", False),
        ("prior_per_question_type", False),
    ],
)  # fmt: skip
def test_the_official_figures_at_the_command_line(shared_data, tmp_path, capsys, name, pack):
    reference = shared_data / "reference" / "vqa"
    run = reference / "official" / "reference_run"
    results = tmp_path / "results.json"
    content = (run / f"{name}_results.json").read_bytes()
    results.write_bytes(gzip.compress(content) if pack else content)
    code, out, err = call(
        capsys, "evaluate", "--data", reference / "vqa2_text", "--predictions", results, "--json"
    )
    assert code == 0 and err == ""
    (line,) = out.splitlines()
    found = json.loads(line)
    wanted = json.loads((run / f"{name}_accuracy.json").read_text())
    assert {key: found[key] for key in wanted} == wanted
    assert found["questions"] == 2962


def test_plain_annotations_do_as_well(shared_data, tmp_path, capsys):
    reference = shared_data / "reference" / "vqa"
    for file in (reference / "vqa2_text").iterdir():
        (tmp_path / file.stem).write_bytes(gzip.decompress(file.read_bytes()))
    run = reference / "official" / "reference_run"
    code, out, _ = call(
        capsys, "evaluate", "--data", tmp_path, "--predictions", run / "all_yes_results.json",
        "--json",
    )  # fmt: skip
    assert code == 0 and json.loads(out)["overall"] == 22.37


def test_one_s_own_questions(place, capsys):
    code, out, err = evaluated(capsys, "--json")
    assert code == 0 and err == ""
    found = json.loads(out)
    assert found["overall"] == found["plain"] == 66.67 and found["questions"] == 3
    assert found["perQuestionType"] == {"two-step": 100.0, "yes/no": 50.0}
    assert found["perAnswerType"] == {}
    assert found["kinds"]["yes/no"]["questions"] == 2
    assert found["interval"]["low"] <= 66.67 <= found["interval"]["high"]


def test_a_table_for_people(place, capsys):
    code, out, err = evaluated(capsys)
    assert code == 0
    rows = [line.split() for line in out.splitlines()]
    assert rows[-1][:3] == ["all", "3", "0.667"]
    assert ["yes/no", "2", "0.500"] in [row[:3] for row in rows]


def test_answers_are_written_as_official_results(place, capsys):
    code, _, _ = evaluated(capsys, "-o", "again.json")
    assert code == 0
    assert json.loads(Path("again.json").read_text()) == json.loads(Path("r.json").read_text())
    write_results(Path("n.json"), {"12": "yes", "a.jpg#0": "no"})
    assert json.loads(Path("n.json").read_text()) == [
        {"question_id": 12, "answer": "yes"}, {"question_id": "a.jpg#0", "answer": "no"}
    ]  # fmt: skip


def test_wups_by_a_table(place, capsys):
    words = {"truth": ["no", "dog"], "prediction": ["yes", "the dog."]}
    np.savez("t.npz", **words, similarity=[[0.5, 0.0], [0.0, 0.95]])
    code, out, _ = evaluated(capsys, "--json", "--wups", "t.npz")
    found = json.loads(out)
    assert code == 0
    assert found["wups@0.9"] == round(100 * (0.95 + 1 + 0.05) / 3, 2)
    assert found["wups@0.0"] == round(100 * (0.95 + 1 + 0.5) / 3, 2)
    code, _, err = evaluated(capsys, "--wups", "nowhere.npz")
    assert code == 1 and err.count("\n") == 1 and "cannot read nowhere.npz" in err


def test_results_for_other_questions_are_one_clear_error(place, capsys):
    write_results(place / "r.json", {"1": "yes", "2": "no"})
    code, out, err = evaluated(capsys, "--json")
    assert code == 1 and out == "" and err.count("\n") == 1
    assert "not one of the 2 results in r.json is of a question of the data" in err


def test_results_of_some_questions_are_told(place, capsys):
    write_results(place / "r.json", {"a.jpg#0": "dog", "z.jpg#0": "no"})
    code, out, err = evaluated(capsys, "--json")
    assert code == 0 and json.loads(out)["questions"] == 1
    assert "1 of 2 results are not of the 3 questions that are scored" in err
    assert "2 of 3 questions have no result and are not scored" in err


def test_what_was_left_out_of_the_data_is_told(tmp_path, capsys):
    """An annotation that is missing, one without a number, and one that is there twice."""
    questions = [{"question_id": n, "image_id": 1, "question": "What?"} for n in range(4)]
    notes = [{"question_id": n, "answers": [{"answer": "dog"}] * 10} for n in (0, 1, 1, 2)]
    notes.append({"answers": []})
    (tmp_path / "q.json").write_text(json.dumps({"questions": questions}))
    (tmp_path / "a.json").write_text(json.dumps({"annotations": notes}))
    write_results(tmp_path / "r.json", {str(n): "dog" for n in range(4)})
    code, out, err = call(
        capsys, "evaluate", "--data", tmp_path, "--predictions", tmp_path / "r.json", "--split",
        "all", "--json",
    )  # fmt: skip
    assert code == 0 and json.loads(out)["questions"] == 3
    for line in (
        "1 annotations are of a question that has one: the last one counts",
        "1 annotations have no question_id and are left out",
        "1 questions have no annotation and are left out",
        "1 of 4 results are not of the 3 questions that are scored",
    ):
        assert err.count(line) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"question_id": 1}', "is not a list of results"),
        ('[{"question_id": 1}]', "result 1 has no question_id or no answer"),
        ("[5]", "result 1 has no question_id or no answer"),
        ("[", "is not JSON"),
        (
            '[{"question_id": "a.jpg#0", "answer": "x"},\n'
            ' {"question_id": "a.jpg#0", "answer": "y"}]',
            "two answers to question a.jpg#0",
        ),
        ("[]", "not one of the 0 results"),
    ],
)
def test_a_file_that_is_no_results(place, capsys, content, message):
    (place / "r.json").write_text(content)
    code, out, err = evaluated(capsys)
    assert code == 1 and out == "" and err.count("\n") == 1 and message in err


def test_odd_answers_are_scored_like_any_other(place, capsys):
    odd = {"a.jpg#0": "word " * 5000, "a.jpg#1": "\x00?", "b.jpg#0": "狗"}
    write_results(place / "r.json", odd)
    code, out, _ = evaluated(capsys, "--json")
    assert code == 0 and json.loads(out)["overall"] == 0.0


def test_which_split_is_scored(place, capsys):
    write_results(place / "r.json", {**ANSWERS, "c.jpg#0": "cow"})
    assert json.loads(evaluated(capsys, "--json", "--split", "all")[1])["questions"] == 4
    assert json.loads(evaluated(capsys, "--json", "--split", "train")[1])["questions"] == 1
    code, _, err = evaluated(capsys, "--split", "val")
    assert code == 1 and "no questions in the split 'val'" in err and "test 3" in err
    (place / "q.csv").write_text(ROWS.replace(",test", ",val").replace(",train", ",val"))
    assert json.loads(evaluated(capsys, "--json")[1])["questions"] == 4


def test_usage_errors(place, capsys):
    code, _, err = evaluated(capsys, "--fold", "3/2")
    assert code == 2 and "fold is '3/2'" in err
    code, _, err = evaluated(capsys, "--limit", "0")
    assert code == 2


def test_the_built_in_questions_are_scored_too(place, capsys):
    found = data.load(limit=7)
    write_results(place / "r.json", {each.id: each.answer for each in found.split("test")})
    code, out, err = call(
        capsys, "evaluate", "--limit", 7, "--predictions", "r.json", "--json"
    )
    assert code == 0 and json.loads(out)["overall"] == 100.0
    assert "chained" in json.loads(out)["kinds"]


def test_no_keras_is_loaded(place):
    code = (
        "import sys\nfrom cnnrnn.cli import main\ntry:\n"
        "    main(['vqa', 'evaluate', '--data', 'q.csv', '--predictions', 'r.json', '-q'])\n"
        "except SystemExit as stopped:\n    assert stopped.code == 0\n"
        "assert not {'keras', 'tensorflow'} & set(sys.modules)"
    )
    root = str(Path(__file__).resolve().parents[1])
    subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=place, capture_output=True,
        env=os.environ | {"PYTHONPATH": root},
    )  # fmt: skip


def test_choices_and_probabilities_beside_open_answers():
    examples = [
        Example("1", None, "what?", ("dog",), ("dog", "cat"), "object"),
        Example("2", None, "what?", ("cat",), kind="object"),
    ]
    found = evaluate.evaluation(
        "model", examples, ["cat", "cat"], chosen=["dog"], probabilities=np.array([0.5, 1.0])
    )
    assert found.scores.overall == found.plain == 0.5 and found.choice.overall == 1.0
    line = found.as_json()
    assert line["multipleChoice"]["overall"] == 100.0
    assert line["calibrationError"] == found.calibration_error == 0.25
    assert sum(each["count"] for each in line["reliability"]) == 2


def test_a_baseline_beside_the_answers(capsys):
    examples = [Example(str(n), None, "what?", ("dog",), kind="object") for n in range(20)]
    best = evaluate.evaluation("model", examples, ["dog"] * 20)
    other = evaluate.evaluation("majority", examples, ["cat"] * 20)
    evaluate.show([best, other], json=False)
    told = capsys.readouterr()
    assert "model 1.000 is +1.000 (+1.000 to +1.000) against majority 0.000" in told.err
    evaluate.show([best, other], json=True)
    assert [json.loads(line)["name"] for line in capsys.readouterr().out.splitlines()] == [
        "model", "majority"
    ]  # fmt: skip


def test_real_and_abstract_pictures_stand_apart(capsys):
    examples = [
        Example(str(n), None, "what?", ("dog",), domain="real" if n < 5 else "abstract")
        for n in range(20)
    ]
    found = evaluate.evaluation("model", examples, ["dog"] * 5 + ["cat"] * 15)
    evaluate.show([found], json=False)
    rows = [line.split()[:4] for line in capsys.readouterr().out.splitlines()]
    assert ["real", "pictures", "5", "1.000"] in rows
    assert ["abstract", "pictures", "15", "0.000"] in rows
    assert found.as_json()["domains"]["real"]["value"] == 100.0
    unsaid = [Example("1", None, "what?", ("dog",))]
    assert "domains" not in evaluate.evaluation("model", unsaid, ["dog"]).as_json()


def test_results_keep_the_order_of_the_data(tmp_path):
    examples = [Example(str(n), None, "what?", ("dog",)) for n in range(3)]
    write_results(tmp_path / "r.json", {"2": "c", "0": "a"})
    found, answers = read_results(tmp_path / "r.json", examples)
    assert [each.id for each in found] == ["0", "2"] and answers == ["a", "c"]
    with pytest.raises(CnnRnnError, match="cannot read"):
        read_results(tmp_path / "nowhere.json", examples)
