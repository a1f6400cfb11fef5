"""Numbers of words, and files that are not vocabularies."""

import json

import numpy as np
import pytest

from cnnrnn.errors import CnnRnnError
from cnnrnn.text.vocabulary import END, PAD, START, UNKNOWN, Vocabulary

TEXT = [["a", "dog", "runs"], ["a", "cat"], ["a", "dog"]]


def test_words_are_numbered_by_count_then_spelling():
    vocabulary = Vocabulary.build(TEXT)
    assert vocabulary.words == ("<pad>", "<start>", "<end>", "<unk>", "a", "dog", "cat", "runs")
    assert (PAD, START, END, UNKNOWN) == (0, 1, 2, 3)
    assert len(vocabulary) == 8
    assert vocabulary.counts == {"a": 3, "dog": 2, "cat": 1, "runs": 1}
    assert Vocabulary.build(TEXT[::-1]).words == vocabulary.words


def test_minimum_count_and_unknown_rate():
    vocabulary = Vocabulary.build(TEXT, min_count=2)
    assert vocabulary.words[4:] == ("a", "dog")
    assert vocabulary.encode(["a", "cat", "dog"]) == [4, UNKNOWN, 5]
    assert vocabulary.unknown_rate(TEXT) == pytest.approx(2 / 7)
    assert vocabulary.unknown_rate([]) == 0.0
    assert "dog" in vocabulary and "cat" not in vocabulary and "<pad>" not in vocabulary


def test_decode_stops_at_end_and_skips_pad_and_start():
    vocabulary = Vocabulary.build(TEXT)
    ids = np.array([START, 4, PAD, 5, UNKNOWN, END, 7])
    assert vocabulary.decode(ids) == ["a", "dog", "<unk>"]
    assert vocabulary.decode(vocabulary.encode(["a", "cat"])) == ["a", "cat"]


@pytest.mark.parametrize("number", [8, -1])
def test_decode_of_another_vocabulary_s_number_is_told(number):
    with pytest.raises(CnnRnnError, match="outside this vocabulary of 8 words"):
        Vocabulary.build(TEXT).decode([number])


def test_no_word_left_is_told():
    with pytest.raises(CnnRnnError, match="at least 9 times"):
        Vocabulary.build(TEXT, min_count=9)


def test_saved_and_loaded(tmp_path):
    path = tmp_path / "vocabulary.json"
    built = Vocabulary.build([["一", "只", "狗"], ["狗"]], min_count=1, tokenizer="characters")
    built.save(path)
    loaded = Vocabulary.load(path)
    assert loaded.words == built.words
    assert loaded.counts == built.counts
    assert (loaded.tokenizer, loaded.min_count) == ("characters", 1)
    assert "狗" in path.read_text(encoding="utf-8")


GOOD = {
    "format": "cnnrnn-vocabulary",
    "version": 1,
    "tokenizer": "words",
    "min_count": 1,
    "words": {"a": 2},
}


@pytest.mark.parametrize(
    "content, message",
    [
        ([], "not a vocabulary"),
        ({"a": 1}, "not a vocabulary"),
        ({**GOOD, "version": 2}, "version 2"),
        ({**GOOD, "words": {}}, "damaged"),
        ({**GOOD, "words": ["a"]}, "damaged"),
        ({**GOOD, "words": {"a": "2"}}, "damaged"),
        ({**GOOD, "words": {"a": True}}, "damaged"),
        ({**GOOD, "words": {"<pad>": 3}}, "damaged"),
        ({**GOOD, "tokenizer": "bytes"}, "damaged"),
        ({**GOOD, "min_count": None}, "damaged"),
    ],
)
def test_other_content_is_refused(tmp_path, content, message):
    path = tmp_path / "vocabulary.json"
    path.write_text(json.dumps(content))
    with pytest.raises(CnnRnnError, match=message):
        Vocabulary.load(path)


def test_good_content_is_taken_and_a_cut_file_refused(tmp_path):
    path = tmp_path / "vocabulary.json"
    path.write_text(json.dumps(GOOD))
    assert Vocabulary.load(path).words[4:] == ("a",)
    path.write_text(json.dumps(GOOD)[:-5])
    with pytest.raises(CnnRnnError, match="not JSON"):
        Vocabulary.load(path)
    with pytest.raises(CnnRnnError, match="cannot read"):
        Vocabulary.load(tmp_path / "absent.json")
