"""Average precision by hand, and the figures of DenseCap against those of its own evaluation."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from cnnrnn.errors import CnnRnnError
from cnnrnn.regions import boxes, metrics
from cnnrnn.regions.metrics import Found, average_precision, box_precision, region_scores
from cnnrnn.text import meteor

needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="METEOR needs Java")


def test_average_precision_by_hand():
    # Right, wrong, right of 4: precision 1 up to recall 0.25, 2/3 up to 0.5, then nothing.
    found = average_precision(np.array([True, False, True]), 4)
    assert found == pytest.approx((26 * 1 + 25 * 2 / 3) / 100)
    assert average_precision(np.array([True, True]), 2) == 1
    assert average_precision(np.array([False]), 2) == 0
    assert average_precision(np.array([], bool), 2) == average_precision(np.array([True]), 0) == 0


TRUTHS = [[0, 0, 10, 10], [0, 0, 10, 9], [50, 50, 70, 70]]
TEXTS = ["red car", "a car", "dog"]


def test_truths_that_overlap_are_one_with_all_their_phrases():
    found = Found([[0, 0, 10, 9.5]], [1.0], ["a car"], TRUTHS, TEXTS)
    scores = region_scores([found], java=False)
    assert (scores.truths, scores.predictions) == (2, 1)
    # One of two truths, at every overlap: the merged box is the mean (0, 0, 10, 9.5).
    assert scores.detmap == pytest.approx(0.51)
    assert scores.map == pytest.approx(0.51)
    assert scores.phrase == 1


def test_a_phrase_must_be_like_the_truths():
    wrong = Found([[50, 50, 70, 70]], [1.0], ["blue sky"], TRUTHS, TEXTS)
    scores = region_scores([wrong], java=False)
    assert scores.detmap == pytest.approx(0.51) and scores.map == 0


def test_only_the_best_prediction_of_a_truth_is_right():
    twice = Found(
        [[50, 50, 70, 70], [50, 50, 70, 69], [80, 0, 90, 9]], [0.2, 0.9, 0.5], ["dog"] * 3,
        [[50, 50, 70, 70]], ["dog"],
    )  # fmt: skip
    scores = region_scores([twice], java=False)
    assert scores.detmap == 1  # the first one is right, and what follows costs nothing
    first_wrong = Found([[80, 0, 90, 9], [50, 50, 70, 70]], [2, 1], ["", ""], TRUTHS[2:], ["dog"])
    assert region_scores([first_wrong], java=False).detmap == pytest.approx(0.5)


def test_scores_rank_over_all_pictures():
    right = Found([[0, 0, 10, 10]], [0.1], ["dog"], [[0, 0, 10, 10]], ["dog"])
    wrong = Found([[0, 0, 10, 10]], [0.9], ["dog"], np.empty((0, 4)), [])
    assert region_scores([right, wrong], java=False).detmap == pytest.approx(0.5)


def test_no_truth_at_all_is_refused():
    with pytest.raises(CnnRnnError, match="nothing to score"):
        region_scores([Found([], [], [], [], [])])


def test_pictures_without_predictions_count():
    found = Found(np.empty((0, 4)), [], [], TRUTHS, TEXTS)
    assert region_scores([found], java=False).figures() == {
        "map_StemMatch": 0, "detmap": 0, "ap30": 0, "ap40": 0, "ap50": 0, "ap60": 0, "ap70": 0,
        "StemMatch": 0,
    }  # fmt: skip


def test_boxes_of_some_sizes_only():
    found = Found(
        [[0, 0, 10, 10], [50, 50, 70, 70], [200, 0, 204, 4]], [0.9, 0.8, 0.7], [""] * 3,
        [[0, 0, 10, 10], [50, 50, 70, 70], [100, 0, 130, 30]], [""] * 3,
    )  # fmt: skip
    assert box_precision([found]) == pytest.approx(67 / 100)
    assert box_precision([found], sides=(16, np.inf)) == pytest.approx(51 / 100)
    assert box_precision([found], sides=(0, 16)) == 1


def test_without_java_the_substitute_has_its_own_name(monkeypatch):
    def absent():
        raise CnnRnnError("METEOR needs Java")

    monkeypatch.setattr(meteor, "shared", absent)
    scores = region_scores([Found(TRUTHS, [1, 1, 1], TEXTS, TRUTHS, TEXTS)])
    assert scores.language == "StemMatch" and scores.missing == "METEOR needs Java"
    assert "map" not in scores.figures() and "METEOR" not in scores.figures()


@pytest.fixture(scope="module")
def golden(shared_data):
    content = json.loads((shared_data / "reference/densecap/map_golden_coco.json").read_text())
    found = [
        Found(
            boxes.from_inclusive(np.reshape(each["boxes"], (-1, 4))), each["scores"],
            each["captions"], boxes.from_inclusive(np.reshape(each["gt_boxes"], (-1, 4))),
            each["gt_captions"],
        )
        for each in content["images"]
    ]  # fmt: skip
    return found, content["expected"]["clean"]


def test_boxes_equal_the_reference(golden):
    found, expected = golden
    scores = region_scores(found, java=False)
    assert (scores.truths, scores.predictions) == (expected["npos"], expected["n_det"])
    assert scores.detmap == pytest.approx(expected["detmap"], abs=1e-6)
    for overlap, value in scores.det.items():
        assert value == pytest.approx(expected["det"][f"ov{overlap}"], abs=1e-6)


@needs_java
def test_phrases_equal_the_reference(golden):
    found, expected = golden
    scores = region_scores(found)
    assert scores.language == "METEOR" and not scores.missing
    assert scores.map == pytest.approx(expected["map"], abs=1e-6)
    assert list(scores.figures())[:2] == ["map", "detmap"]
    for (overlap, language), value in scores.ap.items():
        name = f"ov{overlap}_score{language:g}"
        assert value == pytest.approx(expected["ap"][name], abs=1e-6)


def test_the_substitute_is_near(golden):
    found, expected = golden
    scores = region_scores(found, java=False)
    assert scores.map == pytest.approx(expected["map"], abs=0.01)


def test_grids_of_thresholds():
    assert len(metrics.OVERLAPS) * len(metrics.LANGUAGE) == 30


# -- intervals -----------------------------------------------------------------------------------


def drawn(pictures: int = 12, seed: int = 0) -> list[Found]:
    """Pictures with two truths each, of which random ones are found, some of them twice."""
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(pictures):
        moved = np.array(TRUTHS[1:]) + generator.integers(0, 5, (2, 1))
        rows = np.concatenate([moved, moved[generator.random(2) < 0.5] + 1, [[80, 0, 90, 9]]])
        phrases = list(generator.choice(["a car", "dog", "red car", "blue sky"], len(rows)))
        found.append(Found(rows, generator.random(len(rows)), phrases, TRUTHS[1:], TEXTS[1:]))
    return found


def test_resampling_is_scoring_the_pictures_that_were_drawn():
    found = drawn()
    scores = region_scores(found, java=False)
    once = scores.ranked.resampled(np.ones(len(found), int))
    assert once["map"] == pytest.approx(scores.map) and 0 < scores.map < scores.detmap < 1
    assert once["detmap"] == pytest.approx(scores.detmap)
    assert once["ap50"] == pytest.approx(scores.det[0.5])
    copies = np.array([0, 2, 1, 0, 3, 1, 1, 0, 2, 1, 1, 0])
    again = region_scores([found[n] for n in np.repeat(np.arange(12), copies)], java=False)
    some = scores.ranked.resampled(copies)
    assert some["map"] == pytest.approx(again.map)
    assert some["detmap"] == pytest.approx(again.detmap)


def test_intervals_hold_the_figure_and_shrink_with_more_pictures():
    few, many = (region_scores(drawn(count), java=False) for count in (10, 160))
    for scores in (few, many):
        assert list(scores.intervals()) == ["map_StemMatch", "detmap", "ap50"]
        for key, (low, high) in scores.intervals().items():
            assert low <= scores.figures()[key] <= high
    wide, narrow = (np.diff(scores.intervals()["detmap"])[0] for scores in (few, many))
    assert 0 < narrow < wide / 2
    assert few.intervals() == few.intervals()


def test_intervals_without_any_prediction_are_nothing():
    found = Found(np.empty((0, 4)), [], [], TRUTHS, TEXTS)
    assert set(region_scores([found] * 3, java=False).intervals().values()) == {(0.0, 0.0)}
