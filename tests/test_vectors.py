"""Word vectors from files, and those made of spelling."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrnn.errors import CnnRnnError
from cnnrnn.text.vectors import SPELLED, Spelling, WordVectors, read_vectors


@pytest.fixture
def three() -> WordVectors:
    return WordVectors(["red", "dog", "two"], np.array([[3.0, 4], [0, 2], [1, 0]]))


def test_the_mean_of_known_words_has_length_one(three):
    np.testing.assert_allclose(three.of(["red"]), [0.6, 0.8])
    np.testing.assert_allclose(three.of(["dog", "unknown", "two"]), np.array([1, 2]) / np.sqrt(5))
    assert three.of(["unknown"]) is None and three.of([]) is None
    assert "red" in three and "blue" not in three and three.size == 2


def test_a_file_is_read_as_it_was_written(three, tmp_path):
    three.save(tmp_path / "v.npz")
    again = read_vectors(tmp_path / "v.npz")
    assert again.words == three.words
    np.testing.assert_allclose(again.vectors, three.vectors)


@pytest.mark.parametrize("head", ["", "2 3\n"])
def test_text_files_of_glove_and_word2vec(tmp_path, head):
    (tmp_path / "v.txt").write_text(head + "haus 1 0 0\nbär 0 0.5 -1\n", encoding="utf-8")
    found = read_vectors(tmp_path / "v.txt")
    assert found.words == ("haus", "bär")
    assert found.vectors.tolist() == [[1, 0, 0], [0, 0.5, -1]]


def test_given_vectors(shared_data):
    for path in sorted((shared_data / "wordvec").glob("*.npz")):
        found = read_vectors(path)
        assert len(found.words) >= 1000 and found.size in (50, 300)


@pytest.mark.parametrize(
    "content",
    [b"", b"one 1 2\ntwo 1\n", b"one a b\n", b"PK\x03\x04 not a zip", b"word nan 1\n"],
    ids=["empty", "ragged", "letters", "torn", "nan"],
)
def test_another_file_is_one_line(tmp_path, content):
    path = tmp_path / "v.txt"
    path.write_bytes(content)
    with pytest.raises(CnnRnnError, match=str(path)):
        read_vectors(path)
    with pytest.raises(CnnRnnError, match="cannot read"):
        read_vectors(tmp_path / "missing.txt")


def test_an_npz_of_something_else(tmp_path):
    np.savez(tmp_path / "v.npz", words=np.array(["a"]))
    with pytest.raises(CnnRnnError, match="holds no word vectors"):
        read_vectors(tmp_path / "v.npz")
    np.savez(tmp_path / "w.npz", words=np.array(["a"]), vectors=np.zeros((2, 3)))
    with pytest.raises(CnnRnnError, match="1 words cannot have"):
        read_vectors(tmp_path / "w.npz")


def test_words_that_are_spelled_alike_are_near():
    spelling = Spelling()
    dog, dogs, cat = (spelling.of([word]) for word in ("dog", "dogs", "cat"))
    assert dog.shape == (SPELLED,) and np.linalg.norm(dog) == pytest.approx(1)
    assert dog @ dogs > 0.2 > abs(dog @ cat) - 0.1
    np.testing.assert_array_equal(dog, Spelling().of(["dog"]))
    assert spelling.of([]) is None and spelling.of(["左"]) is not None
