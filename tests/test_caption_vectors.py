"""The word vectors that a captioner begins with."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrnn.caption import vectors
from cnnrnn.caption.data import Example
from cnnrnn.caption.settings import TrainSettings
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.media.sources import Source
from cnnrnn.text.vectors import WordVectors
from cnnrnn.text.vocabulary import END, PAD, START, Vocabulary

WORDS = Vocabulary([("dog", 6), ("red", 3), ("sits", 1)])


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "v.txt"
    path.write_text("cat 1 0 0\nred 0 2 0\ndog 3 0 4\n")
    return path


def settings(file, **more) -> TrainSettings:
    return TrainSettings(embeddings=str(file), **more)


def test_words_of_the_file_keep_their_direction_and_others_are_drawn(file, capsys):
    found = vectors.from_file(settings(file), WORDS)
    table = vectors.table(found, WORDS, seed=0)
    np.testing.assert_allclose(table[WORDS.encode(["dog", "red"])], [[0.6, 0, 0.8], [0, 1, 0]])
    np.testing.assert_allclose(np.linalg.norm(table, axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(table, vectors.table(found, WORDS, seed=0))
    vectors.tell_coverage(found, WORDS, "v.txt")
    assert "v.txt has 2 of 3 words, 90.0% of the text" in capsys.readouterr().err


def test_vectors_of_another_size_are_refused(file):
    assert vectors.from_file(settings(file, embedding=3), WORDS).size == 3
    with pytest.raises(UsageError, match="have 3 numbers, not 8 .leave out --embedding"):
        vectors.from_file(settings(file, embedding=8), WORDS)


def test_vectors_without_one_known_word_are_refused(file):
    with pytest.raises(CnnRnnError, match="knows not one of the 1 words"):
        vectors.from_file(settings(file), Vocabulary([("狗", 2)]))


def test_learned_vectors_need_no_file():
    assert vectors.from_file(TrainSettings(), WORDS) is None


def test_vectors_trained_on_captions_have_every_word_and_the_end():
    pytest.importorskip("gensim")
    examples = [Example("1", Source("1"), ("A red dog.", "The dog sits!"), "train")]
    found = vectors.trained(TrainSettings(embedding=4), WORDS, examples)
    assert isinstance(found, WordVectors) and found.size == 4
    assert all(WORDS.words[number] in found for number in (START, END, *WORDS.encode(["sits"])))
    assert WORDS.words[PAD] not in found
