"""Word vectors trained on sentences."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from cnnrnn.errors import CnnRnnError
from cnnrnn.text import word2vec
from cnnrnn.text.vectors import nearest


def test_words_with_the_same_neighbours_are_near():
    """Two worlds: in one, cats and dogs sit; in the other, cars and buses drive."""
    pytest.importorskip("gensim")
    sentences = [["the", "cat", "sits", "down"], ["the", "dog", "sits", "down"],
                 ["a", "car", "drives", "away"], ["a", "bus", "drives", "away"]] * 400  # fmt: skip
    found = word2vec.trained(sentences, size=12, seed=1)
    assert set(found.words) == {word for each in sentences for word in each} and found.size == 12
    table = found.table(["cat", "dog", "car", "bus"])
    assert table[0] @ table[1] > table[0] @ table[2] and table[2] @ table[3] > table[2] @ table[1]
    again = word2vec.trained(sentences, size=12, seed=1)
    np.testing.assert_array_equal(again.vectors, found.vectors)
    assert nearest(found.words, found.vectors, [0], 1)


def test_without_gensim_it_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "gensim", None)
    monkeypatch.setitem(sys.modules, "gensim.models", None)
    with pytest.raises(CnnRnnError, match="needs gensim .pip install 'cnnrnn.word2vec.'"):
        word2vec.trained([["a"]], 2)
