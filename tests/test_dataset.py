"""What every task does with examples: splits, limits, files of predictions, the look at them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.media.sources import Source
from cnnrnn.text.vocabulary import Vocabulary
from cnnrnn.training.check import (
    Check,
    check_files,
    check_groups,
    check_sentences,
    check_sides,
    named,
)
from cnnrnn.training.dataset import DataSet, by_any_name, limited, tell_unmatched


@dataclass(frozen=True)
class Example:
    id: str
    split: str
    group: str = ""
    source: Source | None = None


class Questions(DataSet):
    UNIT = "questions"


def some(*pairs: str) -> list[Example]:
    """`a train` -> an example."""
    return [Example(*pair.split()) for pair in pairs]


def test_a_split():
    data = Questions("own", "csv", some("a train", "b val", "c train"))
    assert [each.id for each in data.split("train")] == ["a", "c"]
    assert data.split("all") == data.examples
    with pytest.raises(CnnRnnError, match="own has no questions in the split 'test'") as error:
        data.split("test")
    assert error.value.hint == "has train 2, val 1"
    with pytest.raises(UsageError, match="no split 'dev'"):
        data.split("dev")


def test_the_fingerprint_sees_the_facts():
    prints = {
        Questions("own", "csv", some(*pairs)).fingerprint()
        for pairs in (("a train",), ("a val",), ("b train",), ("a train", "b train"))
    }
    assert len(prints) == 4
    same = Questions("other", "jsonl", some("a train")).fingerprint()
    assert same in prints  # what a data set is called says nothing of it


def test_a_limit_is_of_each_split_and_takes_kinds_in_turn():
    examples = some("a train", "b train", "c train", "d val", "e train")
    assert [each.id for each in limited(examples, 2)] == ["a", "b", "d"]
    kinds = ["wave", "wave", "clap", "wave", "clap"]
    assert [each.id for each in limited(examples, 2, kinds)] == ["a", "c", "d"]
    assert [each.id for each in limited(examples, 3, kinds)] == ["a", "b", "c", "d"]


def test_names_that_predictions_may_use(capsys):
    first, second = some("there/a.jpg train", "b train")
    assert by_any_name([first, second]) == {
        "a": first, "a.jpg": first, "there/a.jpg": first, "b": second,
    }  # fmt: skip
    tell_unmatched(3, 1, [first, second], "answer", "questions")
    told = capsys.readouterr().err
    assert "3 answers are of questions that the data does not have" in told
    assert "1 of 2 questions have no answer" in told
    tell_unmatched(0, 2, [first, second], "answer", "questions")
    assert capsys.readouterr().err == ""


def test_files_and_sides(tmp_path):
    def at(name: str, split: str, text: str | None = None) -> Example:
        if text is not None:
            (tmp_path / name).write_text(text)
        return Example(name, split, "", Source(name, tmp_path / name))

    examples = [
        at("a.jpg", "train", "same"), at("b.jpg", "test", "same"), at("c.jpg", "test", "else"),
        at("gone.jpg", "val"), Example("d", "val", "", Source("../d", problem="leads out")),
    ]  # fmt: skip
    found = Check()
    check_files(examples, found, "questions")
    check_sides(examples, found, "questions")
    assert found.missing == ["gone.jpg", "../d"]
    assert found.rows == [("questions missing", "2"), ("questions on two sides", "1")]
    assert found.warnings[1] == "1 questions are in two splits: a.jpg = b.jpg"


def test_one_picture_with_examples_on_two_sides_is_named_once(tmp_path):
    (tmp_path / "a.jpg").write_text("picture")
    source, found = Source("a.jpg", tmp_path / "a.jpg"), Check()
    check_sides([Example("1", "train", "", source), Example("2", "val", "", source)], found, "q")
    assert found.warnings == ["1 q are in two splits: a.jpg"]


def test_groups(capsys):
    found = Check()
    check_groups(some("a train x", "b test x", "c val y", "d test y", "e train"), found)
    assert found.rows == [("groups", "2")]
    assert found.warnings == ["1 groups are in training and on another side too: x"]
    found.tell()
    assert capsys.readouterr().err.splitlines()[0].split() == ["groups", "2"]


def test_a_line_names_three():
    assert named(["a", "b", "c"]) == "a, b, c"
    assert named(list("abcde")) == "a, b, c and 2 more"


@pytest.mark.parametrize(("least", "hint"), [(1, False), (2, True)])
def test_rarer_words_are_advised_where_some_were_left_out(least, hint):
    known = Vocabulary([("dog", 3)], min_count=least)
    found, texts = Check(), {"train": ["dog"], "val": ["a cat"], "test": []}
    check_sentences(texts, known, 20, found, "captions")
    [warning] = found.warnings
    assert "100% of the words in val" in warning and ("--min-count" in warning) is hint
