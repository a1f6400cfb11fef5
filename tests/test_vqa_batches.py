"""Questions of one picture share a row; padding and unknown answers never enter the loss."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrnn.text.vocabulary import PAD, START
from cnnrnn.vqa.answers import NONE
from cnnrnn.vqa.batches import QuestionBatches, places_for, read_rows


class Rows:
    """Row i is filled with i; counts how many rows were read."""

    row_shape = (2,)

    def __init__(self):
        self.asked = []

    def read(self, indices):
        self.asked += list(indices)
        return np.repeat(np.asarray(indices, np.float16)[:, None], 2, axis=1)


INDEX = np.array([0, 2, 0, 1, 0, 2, 0])  # four questions of picture 0, one of 1, two of 2
WORDS = np.array([[4 + n, 0] for n in range(7)], np.int32)
TARGETS = np.array([0, 1, 2, NONE, 4, 5, 6], np.int32)


def batches(**options) -> QuestionBatches:
    given = {"batch": 2, "places": 3} | options
    return QuestionBatches(Rows(), INDEX, WORDS, TARGETS, **given)


def epoch(made, seed=0) -> list:
    return list(made.epoch(np.random.default_rng(seed)))


def test_rows_by_hand():
    pictures, questions = batches().rows(None)
    assert pictures.tolist() == [0, 0, 1, 2]
    assert questions.tolist() == [[0, 2, 4], [6, 7, 7], [3, 7, 7], [1, 5, 7]]


def test_every_question_once_an_epoch_about_its_own_picture():
    made = batches()
    seen = []
    assert made.steps() == len(epoch(made)) == 2
    for inputs, targets in epoch(made):
        assert inputs["words"].shape == (2, 3, 2) and targets.shape == (6,)
        for picture, words in zip(inputs["features"], inputs["words"], strict=True):
            for first, second in words:
                assert second == PAD
                if first != PAD:
                    seen.append(first - 4)
                    assert INDEX[first - 4] == picture[0]
    assert sorted(seen) == list(range(7))


def test_targets_stand_where_their_questions_do():
    for inputs, targets in epoch(batches()):
        for word, target in zip(inputs["words"][..., 0].ravel(), targets, strict=True):
            assert target == (NONE if word == PAD else TARGETS[word - 4])


def test_epochs_differ_and_depend_on_the_generator_alone():
    made = batches()
    one, again, other = epoch(made, 1), epoch(made, 1), epoch(made, 2)
    assert all(np.array_equal(a["words"], b["words"]) for (a, _), (b, _) in zip(one, again,
                                                                                strict=True))
    assert any(not np.array_equal(a["words"], b["words"]) for (a, _), (b, _) in zip(one, other,
                                                                                    strict=True))


def test_the_last_batch_has_the_shape_of_the_others():
    for inputs, _ in epoch(batches(batch=3)):
        assert inputs["features"].shape == (3, 2)
    made = batches(batch=3)
    found = list(made.in_order())
    assert [inputs["words"].shape for inputs, *_ in found] == [(3, 3, 2)] * 2
    asked = np.concatenate([asked.ravel() for *_, asked in found])
    assert sorted(asked[asked < 7]) == list(range(7))
    assert (found[1][0]["words"][1:] == PAD).all()  # what fills it up asks nothing
    assert (found[1][1][3:] == NONE).all()


def test_a_picture_with_two_rows_in_a_batch_is_read_once():
    rows = Rows()
    np.testing.assert_array_equal(read_rows(rows, np.array([3, 1, 3]))[:, 0], [3, 1, 3])
    assert rows.asked == [1, 3]


def test_a_model_without_pictures_gets_none():
    made = QuestionBatches(None, INDEX, WORDS, TARGETS, batch=2, places=3)
    assert "features" not in epoch(made)[0][0]


def test_vectors_as_targets():
    targets = np.eye(7, 4, dtype=np.float32)
    made = QuestionBatches(Rows(), INDEX, WORDS, targets, batch=2, places=3)
    for inputs, found in epoch(made):
        assert found.shape == (6, 4)
        empty = inputs["words"][..., 0].ravel() == PAD
        assert (found[empty] == 0).all()


def test_answers_to_be_written():
    spoken = [[5], [6, 7], [8], [], [9], [10], [11]]
    made = QuestionBatches(Rows(), INDEX, WORDS, TARGETS, spoken, batch=2, places=3)
    for inputs, targets in epoch(made):
        words, positions = inputs["spoken"], inputs["positions"]
        assert words.shape[:2] == (6, 1) and len(positions) == len(targets)
        for question, (row,) in zip(inputs["words"][..., 0].ravel(), words, strict=True):
            answer = spoken[question - 4] if question != PAD else []
            expected = [START, *answer] if answer else []
            assert row[row != PAD].tolist() == expected
    no_answer = QuestionBatches(Rows(), INDEX, WORDS, TARGETS, [[]] * 7, batch=2, places=3)
    assert epoch(no_answer) == [] and list(no_answer.in_order()) == []


@pytest.mark.parametrize(
    ("counts", "places"),
    [([1, 1, 1], 1), ([4] * 10, 4), ([8] * 10, 8), ([1] * 50 + [9], 1), ([], 1), ([100], 25)],
)
def test_places_with_the_least_work(counts, places):
    assert places_for(np.repeat(np.arange(len(counts)), counts)) == places
