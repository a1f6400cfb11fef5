"""The fast CIDEr-D against the published program and against values worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from pycocoevalcap.cider.cider_scorer import CiderScorer

from cnnrnn.text.cider import CiderD


def published(references, sentences) -> np.ndarray:
    scorer = CiderScorer(n=4, sigma=6.0)
    for texts, words in zip(references, sentences, strict=True):
        scorer += (" ".join(map(str, words)), [" ".join(map(str, text)) for text in texts])
    return scorer.compute_score()[1]


def test_random_sentences_score_as_by_the_published_program():
    generator = np.random.default_rng(0)

    def draw():
        return generator.integers(0, 30, generator.integers(1, 15)).tolist()

    references = [[draw() for _ in range(5)] for _ in range(40)]
    sentences = [draw() for _ in range(38)] + [references[38][2], [99, 98]]
    reward = CiderD(references)
    found = [reward.score(item, words) for item, words in enumerate(sentences)]
    assert found == pytest.approx(published(references, sentences), abs=1e-9)
    assert max(found) > 0.5 and found[39] == 0


def test_by_hand():
    """Two items with one word each: the right word has cosine 1 for n = 1 and nothing above."""
    reward = CiderD([[[7]], [[8]]])
    assert reward.score(0, [7]) == pytest.approx(10 / 4)
    assert reward.score(0, [8]) == 0
    # Twice the word: clipped to once, norm doubled, and one pair longer.
    assert reward.score(0, [7, 7]) == pytest.approx(10 / 8 * math.exp(-1 / 72))


def test_a_word_of_every_item_is_worth_nothing():
    assert CiderD([[[1, 5]], [[1, 6]]]).score(0, [1]) == 0


def test_an_empty_sentence_scores_nothing():
    assert CiderD([[[1, 5]], [[2]]]).score(0, []) == 0
