"""Captions by split, the limit, the built-in world, and the check of what readers give."""

from __future__ import annotations

from pathlib import Path

import pytest
from caption_helpers import picture, write

from cnnrnn.caption.check import check
from cnnrnn.caption.data import CaptionData, load
from cnnrnn.caption.prepare import build_vocabulary
from cnnrnn.caption.settings import TrainSettings
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.text.tokenizer import Tokenizer
from cnnrnn.text.vocabulary import Vocabulary

# -- splits, limit, fingerprint ------------------------------------------------------------------


@pytest.fixture
def own(tmp_path):
    """Six pictures, four to train on."""
    splits = ["train", "test", "train", "train", "val", "train"]
    rows = [f"{n}.png,a dog number {n},{split}\n" for n, split in enumerate(splits)]
    for n in range(6):
        picture(tmp_path / f"{n}.png", 10 * n)
    return write(tmp_path / "own.csv", "image,caption,split\n" + "".join(rows))


def test_split(own):
    data = load(str(own))
    assert [each.id for each in data.split("train")] == ["0.png", "2.png", "3.png", "5.png"]
    assert len(data.split("all")) == 6
    with pytest.raises(UsageError, match="no split 'tests'"):
        data.split("tests")
    data.examples = data.split("train")
    with pytest.raises(CnnRnnError, match=r"no pictures in the split 'val' \(has train 4\)"):
        data.split("val")


def test_limit_is_of_each_split(own):
    assert [each.id for each in load(str(own), limit=2).examples] == [
        "0.png", "1.png", "2.png", "4.png",
    ]  # fmt: skip


def test_the_fingerprint_sees_names_captions_and_splits(own):
    text = own.read_text()
    prints = {load(str(own)).fingerprint()}
    assert len(prints | {load(str(own)).fingerprint()}) == 1
    for old, new in (("0.png", "9.png"), ("number 3", "number 4"), ("val", "test")):
        own.write_text(text.replace(old, new))
        prints.add(load(str(own)).fingerprint())
    assert len(prints) == 4


def test_the_built_in_world():
    data = load("scenes", limit=3)
    assert data.format == "scenes" and len(data.examples) == 9
    first = data.split("test")[0]
    assert first.id == first.source.name == "scenes:test:0"
    assert len(first.captions) == 5 and first.source.read().shape == (112, 112, 3)
    assert len({each.source.key() for each in data.examples}) == 9


# -- the check -----------------------------------------------------------------------------------


def words_of(data: CaptionData, split: str = "train") -> Vocabulary:
    tokenizer = Tokenizer()
    return Vocabulary.build(
        [tokenizer(text) for each in data.split(split) for text in each.captions]
    )


def checked(file: Path):
    data = load(str(file))
    return check(data, words_of(data))


def test_good_data_has_no_warnings(own):
    found = checked(own)
    assert found.missing == [] and [w for w in found.warnings if "not in the vocab" not in w] == []
    rows = dict(found.rows)
    assert (rows["pictures train"], rows["pictures val"], rows["pictures test"]) == ("4", "1", "1")
    assert rows["captions"] == "6 (1.0 each)"
    assert rows["vocabulary"] == "11 words"  # a dog number 0 2 3 5, and the four special ones
    assert rows["unknown words train"] == "0.00%" and rows["unknown words val"] == "25.00%"


def test_unknown_words_are_warned_of(own):
    [warning] = [each for each in checked(own).warnings if "in val" in each]
    assert warning == "25% of the words in val are not in the vocabulary"


def test_missing_pictures_are_named(own):
    for name in ("0.png", "1.png", "3.png", "5.png"):
        (own.parent / name).unlink()
    own.write_text(own.read_text() + "../climbs.png,a dog number 0,train\n")
    found = checked(own)
    assert found.missing == ["0.png", "1.png", "3.png", "5.png", "../climbs.png"]
    assert "5 pictures are missing: 0.png, 1.png, 3.png and 2 more" in found.warnings
    assert ("pictures missing", "5") in found.rows


def test_the_same_picture_on_both_sides_is_named(own):
    picture(own.parent / "4.png", 0)  # the validation picture is now that of 0.png
    picture(own.parent / "3.png", 20)  # two equal training pictures are nobody's harm
    found = checked(own)
    assert "1 pictures are in two splits: 0.png = 4.png" in found.warnings
    assert ("pictures on two sides", "1") in found.rows


def test_constant_captions_are_warned_of(own):
    text = own.read_text()
    assert not [each for each in checked(own).warnings if "are the same" in each]
    for number in range(4):
        text = text.replace(f"number {number},", "number 7,")
    own.write_text(text)
    assert "4 of 6 captions are the same: 'a dog number 7'" in checked(own).warnings


def test_long_captions_are_warned_of(own):
    own.write_text(
        own.read_text() + f"0.png,{'dog ' * 500},train\n2.png,{'a ' * 30},train\n"
    )
    assert "1 captions are longer than 30 words and are cut" in checked(own).warnings


def test_empty_splits_are_warned_of(own):
    own.write_text(own.read_text().replace(",val", ",train").replace(",test", ",train"))
    warnings = checked(own).warnings
    assert "no pictures in the split val: nothing to evaluate there" in warnings
    assert "no pictures in the split test: nothing to evaluate there" in warnings


def test_notes_of_the_reader_are_among_the_warnings(own):
    own.write_text(own.read_text() + "0.png,,train\n")
    assert "1 empty captions left out" in checked(own).warnings


def test_nothing_to_train_on(own):
    own.write_text(own.read_text().replace(",train", ",test"))
    data = load(str(own))
    with pytest.raises(CnnRnnError, match="own has no training pictures"):
        check(data, words_of(data, "test"))


def test_the_chinese_sample_is_read_by_characters():
    found = load(str(Path(__file__).resolve().parents[1] / "data" / "captions-zh.csv"))
    assert len(found.split("train")) == 8 and len(found.split("test")) == 2
    settings = TrainSettings(tokenizer="characters", min_count=1)
    words = build_vocabulary(settings, found.split("train"))
    assert {"狗", "红", "子"} <= set(words.counts) and max(map(len, words.counts)) == 1
