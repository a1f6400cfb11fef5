"""Official accuracy to its last decimal, WUPS, calibration, choices, intervals."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from cnnrnn.errors import CnnRnnError
from cnnrnn.vqa import calibration, data, metrics, wups
from cnnrnn.vqa.example import Example
from cnnrnn.vqa.normalise import normalised


@pytest.fixture(scope="module")
def reference(request):
    return request.getfixturevalue("shared_data") / "reference" / "vqa"


def cases(path, key) -> list[dict]:
    return json.loads((path / "official" / path_of(key)).read_text())[key]


def path_of(key: str) -> str:
    return "normaliser_edge_cases.json" if key == "cases" else "axlearn_cases.json"


# -- official ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "count"), [("normalise", 48), ("cases", 41)])
def test_every_published_case_of_the_normaliser(reference, key, count):
    found = cases(reference, key)
    assert len(found) == count
    for case in found:
        assert normalised(case["in"]) == case["out"], case


def test_every_published_case_of_the_accuracy(reference):
    found = cases(reference, "accuracy")
    assert len(found) == 15
    for case in found:
        value = metrics.official_accuracy(case["answer"], case["humans"])
        assert round(100 * value, 2) == round(100 * case["expected"], 2), case


@pytest.mark.parametrize(
    "name", ["all_yes", "first_human", "majority_noisy", "prior_per_question_type"]
)
def test_the_official_program_on_real_questions(reference, name):
    examples = data.load(str(reference / "vqa2_text")).examples
    run = reference / "official" / "reference_run"
    answers = {str(each["question_id"]): each["answer"]
               for each in json.loads((run / f"{name}_results.json").read_text())}  # fmt: skip
    found = metrics.score(examples, [answers[each.id] for each in examples])
    assert found.official() == json.loads((run / f"{name}_accuracy.json").read_text())
    by_question = json.loads((run / f"{name}_evalQA.json").read_text())
    mine = dict(zip(found.ids, found.values.tolist(), strict=True))
    assert {key: round(100 * mine[key], 2) for key in by_question} == by_question


def test_the_normaliser_by_hand():
    assert normalised("The 2 dogs, and A cat.") == "2 dogs and cat"
    assert normalised("ten") == "10" and normalised("eleven") == "eleven"
    assert normalised("wont") == "won't" and normalised("im") == "im"
    assert normalised("hed've") == normalised("he'dve") == "he'd've"
    assert normalised("somebody'd") == "somebodyd"
    assert normalised("black-white") == normalised("black -white") == "black white"
    assert normalised("1,000-2") == "10002"  # a number with a comma: all punctuation vanishes
    assert normalised("a.b" * 40).count(".") == 8  # only 32 full stops are taken out


def test_official_accuracy_by_hand():
    humans = ["dog"] * 2 + ["cat"] * 8
    # The two who said dog have one other each, the eight have two others: (2 * 1/3 + 8 * 2/3) / 10.
    assert metrics.official_accuracy("Dog.", humans) == pytest.approx(0.6)
    assert metrics.official_accuracy("a cat", humans) == 1.0
    assert metrics.official_accuracy("cow", humans) == 0.0
    # Where all agree to the letter, the answer must too.
    assert metrics.official_accuracy("Dog", ["dog"] * 10) == 0.0
    assert metrics.official_accuracy("dog\n", ["dog"] * 10) == 1.0


def test_fewer_than_ten_people():
    assert metrics.official_accuracy("dog", ["dog", "dog", "dog", "cat"]) == pytest.approx(
        (3 * 2 / 3 + 1) / 4
    )
    assert metrics.official_accuracy("dog", ["dog", "cat"]) == pytest.approx(1 / 6)
    # The word of one person is right or wrong.
    assert metrics.accuracy("The dog", ["dog"]) == 1.0 and metrics.accuracy("cat", ["dog"]) == 0.0
    with pytest.raises(CnnRnnError, match="without people's answers"):
        metrics.official_accuracy("dog", [])
    with pytest.raises(CnnRnnError, match="no answer to be scored by"):
        metrics.plain_accuracy("dog", [])


@pytest.mark.parametrize(
    "answer", ["", "?", "\x00\x07", "🐕", "собака", "狗", "word " * 5000, "  \n\t "]
)  # fmt: skip
def test_any_answer_can_be_scored(answer):
    assert metrics.accuracy(answer, ["dog", "cat"]) == 0.0
    assert metrics.accuracy(answer, [answer]) == 1.0


# -- scores --------------------------------------------------------------------------------------


def questions(count=60) -> list[Example]:
    return [
        Example(str(n), None, "what?", ("dog",), kind="object" if n % 3 else "colour",
                answer_type="other")
        for n in range(count)
    ]  # fmt: skip


def test_each_kind_apart_with_its_interval():
    found = metrics.score(questions(), ["dog" if n % 2 else "cat" for n in range(60)])
    assert found.overall == 0.5
    kinds = found.by_kind()
    assert list(kinds) == ["object", "colour"]  # the most frequent first
    assert (kinds["object"].count, kinds["colour"].count) == (40, 20)
    for figure in (*kinds.values(), found.figure()):
        assert figure.value == 0.5 and 0.2 < figure.low < 0.5 < figure.high < 0.8
    assert found.figure() == found.figure()
    assert found.official() == {
        "overall": 50.0, "perAnswerType": {"other": 50.0},
        "perQuestionType": {"colour": 50.0, "object": 50.0},
    }  # fmt: skip


def test_a_paired_difference_is_that_of_the_same_questions():
    right = metrics.score(questions(), ["dog"] * 60)
    half = metrics.score(questions(), ["dog" if n % 2 else "cat" for n in range(60)])
    assert right.difference(half).value == 0.5
    assert right.difference(half, kind="colour").value == 0.5
    assert right.difference(right).low == right.difference(right).high == 0.0
    with pytest.raises(CnnRnnError, match="different questions"):
        right.difference(metrics.score(questions(9), ["dog"] * 9))
    with pytest.raises(CnnRnnError, match="no questions of the kind 'number'"):
        right.difference(half, kind="number")


def test_nothing_to_score_is_told():
    with pytest.raises(CnnRnnError, match="no questions"):
        metrics.score([], [])


# -- WUPS ----------------------------------------------------------------------------------------


def alike(true: str, said: str) -> float:
    return 1.0 if true == said else {("chair", "stool"): 0.95, ("chair", "table"): 0.8}.get(
        (true, said), 0.0
    )  # fmt: skip


def test_wups_by_hand():
    assert wups.wups("chair", "chair", alike, 0.9) == 1.0
    assert wups.wups("stool", "chair", alike, 0.9) == 0.95
    assert wups.wups("table", "chair", alike, 0.9) == pytest.approx(0.08)
    assert wups.wups("table", "chair", alike, 0.0) == 0.8
    assert wups.wups("lamp", "chair", alike, 0.0) == 0.0


def test_wups_of_lists_is_the_smaller_of_both_directions():
    assert wups.wups("chair, lamp", "lamp,chair", alike, 0.9) == 1.0
    # Every word said is near a true one (0.95), but the lamp is near nothing that was said.
    assert wups.wups("stool", "chair, lamp", alike, 0.0) == 0.0
    assert wups.wups("stool, table", "chair", alike, 0.0) == pytest.approx(0.95 * 0.8)
    assert wups.wups("", "chair", alike, 0.0) == 0.0 and wups.wups("", "", alike, 0.0) == 1.0


def test_a_table_of_similarities(tmp_path):
    path = tmp_path / "t.npz"
    np.savez(path, truth=["chair"], prediction=["stool", "chair"], similarity=[[0.95, 1.0]])
    similarity = wups.similarity_of(str(path))
    assert similarity("chair", "stool") == 0.95
    assert similarity("stool", "stool") == 1.0 and similarity("chair", "lamp") == 0.0
    for broken in ({"truth": ["a"]}, {"truth": ["a"], "prediction": ["b"], "similarity": [1.0]}):
        np.savez(path, **broken)
        with pytest.raises(CnnRnnError, match="is no table of similarities"):
            wups.read_table(path)
    path.write_text("chair")
    with pytest.raises(CnnRnnError, match="is no table of similarities"):
        wups.read_table(path)
    words = np.array(["chair", 1], object)
    np.savez(path, truth=words, prediction=["b"], similarity=[[1.0], [0.0]])
    with pytest.raises(CnnRnnError, match="is no table of similarities"):
        wups.read_table(path)  # nothing is unpickled


def test_the_given_table_covers_daquar(reference, shared_data):
    similarity = wups.read_table(reference / "wups_raw_similarity.npz")
    assert similarity("table", "chair") == pytest.approx(0.842105)
    assert similarity("2", "3") == 0.875 and similarity("night_stand", "table") == 0.0
    examples = data.load(str(shared_data / "daquar"), format="daquar-single").examples
    answers = ["chair"] * len(examples)
    plain = metrics.score(examples, answers).overall
    figures = [metrics.score(examples, answers, wups.rule(similarity, at)).overall
               for at in (1.0, 0.9, 0.0)]  # fmt: skip
    assert plain < figures[0] <= figures[1] < figures[2] < 1
    # At a threshold of 1 all but the same word counts a tenth.
    assert figures[0] == pytest.approx(plain + 0.1 * (figures[2] - plain), abs=1e-9)


def test_wordnet_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "nltk", None)
    monkeypatch.setitem(sys.modules, "nltk.corpus", None)
    with pytest.raises(CnnRnnError, match=r"needs nltk.*cnnrnn\[wups\]"):
        wups.wordnet()


def test_wordnet_takes_the_nearest_noun_senses(monkeypatch):
    class Sense:
        def __init__(self, place):
            self.place = place

        def wup_similarity(self, other):
            return None if self.place == 9 else 1 / (1 + abs(self.place - other.place))

    class Words:
        NOUN = "n"

        @staticmethod
        def synsets(word, pos):
            assert pos == "n"
            senses = {"chair": [0, 5], "table": [6, 9], "stool": [9]}.get(word, [])
            return [Sense(place) for place in senses]

    module = type(sys)("nltk.corpus")
    module.wordnet = Words
    monkeypatch.setitem(sys.modules, "nltk", type(sys)("nltk"))
    monkeypatch.setitem(sys.modules, "nltk.corpus", module)
    similarity = wups.similarity_of("wordnet")
    assert similarity("table", "chair") == 0.5
    assert similarity("stool", "chair") == 0.0  # senses without a common root
    assert similarity("xyzzy", "chair") == 0.0 and similarity("xyzzy", "xyzzy") == 1.0


# -- calibration ---------------------------------------------------------------------------------


def test_calibration_by_hand():
    probabilities, values = [0.15, 0.18, 0.95, 1.0], [0.0, 1.0, 1.0, 1.0]
    bins = calibration.reliability(probabilities, values)
    assert len(bins) == 10 and [each.count for each in bins] == [0, 2, 0, 0, 0, 0, 0, 0, 0, 2]
    assert bins[1].confidence == pytest.approx(0.165) and bins[1].accuracy == 0.5
    assert np.isnan(bins[0].accuracy)
    error = calibration.calibration_error(probabilities, values)
    assert error == pytest.approx(0.5 * 0.335 + 0.5 * 0.025)
    assert calibration.calibration_error([0.5, 0.5], [1.0, 0.0]) == 0.0


@pytest.mark.parametrize(
    ("probabilities", "values"), [([], []), ([0.5], [0.5, 1.0]), ([1.5], [1.0]), ([np.nan], [1.0])]
)  # fmt: skip
def test_what_cannot_be_calibrated_is_refused(probabilities, values):
    with pytest.raises(CnnRnnError):
        calibration.calibration_error(probabilities, values)


def test_the_threshold_is_where_answers_become_good_enough():
    probabilities = np.linspace(0, 1, 1001)
    values = (probabilities > 0.42).astype(float)
    assert calibration.threshold(probabilities, values) == pytest.approx(0.42, abs=0.01)
    # An over-confident model: of answers of probability p, p squared are right.
    generator = np.random.default_rng(0)
    probabilities = generator.random(20000)
    values = (generator.random(20000) < probabilities**2).astype(float)
    assert calibration.threshold(probabilities, values) == pytest.approx(0.5**0.5, abs=0.04)
    assert calibration.threshold(probabilities, np.ones(20000)) == 0.0
    assert calibration.threshold(probabilities, np.zeros(20000)) == 1.0
    assert calibration.threshold([0.5] * 4, [1.0, 0.0, 1.0, 1.0]) == 0.0  # equal: one block
