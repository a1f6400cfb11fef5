"""The losses of a language model, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from cnnrnn import backend
from cnnrnn.text.heads import NearestWords
from cnnrnn.text.losses import CosineDistance, WordCrossEntropy

keras = backend.keras()

# softmax: (3/4, 1/4) and (1/2, 1/2)
LOGITS = np.array([[math.log(3), 0.0], [7.0, 7.0]], np.float32)


def values(loss, targets, logits) -> list[float]:
    return np.asarray(keras.ops.convert_to_numpy(loss(np.asarray(targets), logits))).tolist()


def test_without_smoothing_it_is_the_negative_log_probability_of_the_word():
    found = values(WordCrossEntropy(reduction=None), [1, 0], LOGITS)
    assert found == pytest.approx([math.log(4), math.log(2)], rel=1e-6)


def test_smoothing_mixes_in_the_mean_over_the_vocabulary():
    found = values(WordCrossEntropy(0.1, reduction=None), [0, 1], LOGITS)
    quarter, three = math.log(4), math.log(4 / 3)
    expected = 0.9 * three + 0.1 * (three + quarter) / 2
    assert found == pytest.approx([expected, math.log(2)], rel=1e-6)


def test_excluded_words_have_no_probability():
    logits = np.array([[50.0, 0.0, 0.0, 90.0]], np.float32)
    found = values(WordCrossEntropy(0.0, (0, 3), reduction=None), [2], logits)
    assert found == pytest.approx([math.log(2)])


@pytest.mark.parametrize("smoothing", [0.0, 0.3, 1.0])
def test_equal_logits_cost_the_log_of_the_vocabulary(smoothing):
    found = values(WordCrossEntropy(smoothing, reduction=None), [2], np.zeros((1, 5), np.float32))
    assert found == pytest.approx([math.log(5)], rel=1e-6)


def test_the_default_reduction_is_the_mean_over_words():
    each = values(WordCrossEntropy(0.1, reduction=None), [0, 1], LOGITS)
    assert values(WordCrossEntropy(0.1), [0, 1], LOGITS) == pytest.approx(sum(each) / 2, rel=1e-6)


def test_large_logits_do_not_overflow():
    logits = np.array([[3e4, -3e4]], np.float32)
    assert values(WordCrossEntropy(reduction=None), [0], logits) == [0.0]
    assert values(WordCrossEntropy(reduction=None), [1], logits) == [6e4]


def test_it_agrees_with_the_dense_formula_of_keras():
    random = np.random.default_rng(0)
    logits = random.normal(size=(6, 9)).astype(np.float32)
    targets = random.integers(0, 9, 6)
    dense = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=0.2, reduction=None
    )
    expected = values(dense, np.eye(9, dtype=np.float32)[targets], logits)
    assert values(WordCrossEntropy(0.2, reduction=None), targets, logits) == pytest.approx(
        expected, rel=1e-5
    )


def test_it_serialises():
    loss = WordCrossEntropy(0.0, (0, 3), name="words", reduction="sum")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert type(again) is WordCrossEntropy
    assert (again.excluded, again.name, again.reduction) == ((0, 3), "words", "sum")
    again = keras.losses.get(keras.losses.serialize(WordCrossEntropy(0.25)))
    assert again.smoothing == 0.25


def test_excluded_words_cannot_be_smoothed_over():
    with pytest.raises(ValueError, match="smoothing"):
        WordCrossEntropy(0.1, (0,))


def test_the_cosine_distance_by_hand():
    """Vectors (3, 4) and (0, -2) against that of the second word, (0, 5)."""
    head = NearestWords(4)
    vectors = np.array([[3.0, 4.0], [0.0, -2.0]], np.float32)
    words = np.array([[1, 0], [0, 5], [-1, 0], [0, -1]], np.float32)
    logits = head(vectors, words)
    found = values(CosineDistance(reduction=None), [1, 1], logits)
    assert found == pytest.approx([1 - 0.8, 1 + 1.0], abs=1e-6)
