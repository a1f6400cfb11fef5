"""Word vectors from files, and those made of spelling."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrnn.errors import CnnRnnError
from cnnrnn.text.vectors import SPELLED, Spelling, WordVectors, nearest, read_vectors


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


def test_a_word_of_glove_may_hold_spaces(tmp_path):
    (tmp_path / "v.txt").write_text("dog 1 0\n. . 0 1\n")
    assert read_vectors(tmp_path / "v.txt").words == ("dog", ". .")


def binary(words: dict, end: bytes) -> bytes:
    size = len(next(iter(words.values())))
    parts = [f"{len(words)} {size}\n".encode()]
    for word, numbers in words.items():
        parts += [word.encode(), b" ", np.array(numbers, "<f4").tobytes(), end]
    return b"".join(parts)


# The numbers hold the bytes of a space and of a new line.
SPACES = np.frombuffer(b" \n\n   \n ", "<f4")
ODD = {"haus": [8.0, 0.5], "b\u00e4r": [2.0**-95, -1.0], "x": SPACES.tolist()}


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_binary_files_of_word2vec(tmp_path, end):
    (tmp_path / "v.bin").write_bytes(binary(ODD, end))
    found = read_vectors(tmp_path / "v.bin")
    assert found.words == tuple(ODD)
    np.testing.assert_array_equal(found.vectors, np.array(list(ODD.values()), np.float32))
    few = read_vectors(tmp_path / "v.bin", only={"x"})
    assert "x" in few and "b\u00e4r" not in few and few.size == 2


def test_a_binary_file_that_breaks_off(tmp_path):
    (tmp_path / "v.bin").write_bytes(binary(ODD, b"\n")[:-9])
    with pytest.raises(CnnRnnError, match="breaks off after 2 of 3 words"):
        read_vectors(tmp_path / "v.bin")
    (tmp_path / "w.bin").write_bytes(b"3 999999999999\nword \x80\x81")
    with pytest.raises(CnnRnnError, match="vectors of 999999999999 numbers"):
        read_vectors(tmp_path / "w.bin")


def test_a_file_that_would_have_to_be_unpickled_is_refused(tmp_path):
    words = np.array(["a", {"not": "a word"}], dtype=object)
    np.savez(tmp_path / "v.npz", words=words, vectors=np.zeros((2, 3)))
    with pytest.raises(CnnRnnError, match="holds no word vectors"):
        read_vectors(tmp_path / "v.npz")


def test_a_table_has_a_row_for_each_word(three):
    found = three.table(["dog", "none", "red"])
    np.testing.assert_allclose(found[[0, 2]], [[0, 1], [0.6, 0.8]])
    assert np.isnan(found[1]).all()


def test_the_nearest_words_by_hand():
    vectors = np.array([[1.0, 0], [2, 0.1], [0, 3], [0, 0]])
    [[first, second]] = nearest(["a", "b", "c", "none"], vectors, [0], count=2)
    assert first == ("b", pytest.approx(2 / np.hypot(2, 0.1)))
    assert second == ("c", pytest.approx(0))
    assert len(nearest(["a", "b"], vectors[:2], [0, 1])[1]) == 1


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
