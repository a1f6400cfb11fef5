"""Readers of captions on small files in the published layouts, and the check of what they give."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from cnnrnn.caption.check import MAX_WORDS, check
from cnnrnn.caption.data import CaptionData, load
from cnnrnn.caption.layouts import READERS
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.text.tokenizer import Tokenizer
from cnnrnn.text.vocabulary import Vocabulary


def picture(path: Path, value: int) -> Path:
    """A small picture; equal values give equal files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((4, 4, 3), value, np.uint8))
    return path


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def described(data: CaptionData) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {each.id: (each.split, each.captions) for each in data.examples}


def paths(data: CaptionData) -> list[Path]:
    return [each.source.path for each in data.examples]


# -- Flickr8k ------------------------------------------------------------------------------------

TOKENS = "".join(
    f"{name}#{k}\t{text}\r\n"
    for name, texts in {
        "1.jpg": ["A dog runs .", "The dog is  running ."],
        "2.jpg": ["Two girls", "girls"],
        "3.jpg": ["A boat ."],
        "4.jpg": ["not in any list"],
    }.items()
    for k, text in enumerate(texts)
)


@pytest.fixture(params=["flat", "as unpacked"])
def flickr(tmp_path, request):
    """The folder as the project keeps it, and as the two published archives unpack."""
    text = tmp_path if request.param == "flat" else tmp_path / "Flickr8k_text"
    write(text / "Flickr8k.token.txt", TOKENS)
    write(text / "Flickr_8k.trainImages.txt", "1.jpg\n2.jpg\n")
    write(text / "Flickr_8k.devImages.txt", "3.jpg\n")
    write(text / "Flickr_8k.testImages.txt", "")
    write(text / "CrowdFlowerAnnotations.txt", "something else\n")
    for number in (1, 2, 3, 4):
        picture(tmp_path / "Flicker8k_Dataset" / f"{number}.jpg", 40 * number)
    return tmp_path


def test_flickr8k(flickr):
    data = load(str(flickr))
    assert data.format == "flickr8k" and data.name == flickr.stem
    assert described(data) == {
        "1.jpg": ("train", ("A dog runs .", "The dog is running .")),
        "2.jpg": ("train", ("Two girls", "girls")),
        "3.jpg": ("val", ("A boat .",)),
    }
    assert all(path.is_file() for path in paths(data))


def test_a_listed_picture_without_a_caption_is_left_out_and_told(flickr):
    listing = next(flickr.glob("**/Flickr_8k.devImages.txt"))
    write(listing, "3.jpg\n9.jpg\n")
    data = load(str(flickr))
    assert set(described(data)) == {"1.jpg", "2.jpg", "3.jpg"}
    assert data.notes == ["1 pictures without captions left out"]


def test_flickr8k_without_its_lists_says_which_files_are_missing(flickr):
    for listing in list(flickr.glob("**/Flickr_8k.*Images.txt")):
        listing.unlink()
    with pytest.raises(CnnRnnError, match=r"no Flickr_8k\.\*Images\.txt"):
        load(str(flickr))


def test_flickr8k_names_the_damaged_line(flickr):
    write(next(flickr.glob("**/Flickr8k.token.txt")), TOKENS + "5.jpg#0 no tab\n")
    with pytest.raises(CnnRnnError, match="line 7 has no tab"):
        load(str(flickr))


def test_the_real_flickr8k(shared_data):
    data = load(str(shared_data / "flickr8k"))
    assert data.format == "flickr8k"
    assert Counter(each.split for each in data.examples) == {"train": 6000, "val": 1000}
    assert {len(each.captions) for each in data.examples} == {5}
    assert all(path.is_file() for path in paths(data)[::500])


# -- COCO and Karpathy ---------------------------------------------------------------------------


def coco(*images: tuple[int, str, list[str]]) -> str:
    notes = [
        {"image_id": number, "id": 100 * number + k, "caption": text}
        for number, _, texts in images
        for k, text in enumerate(texts)
    ]
    listed = [{"id": number, "file_name": name, "height": 4} for number, name, _ in images]
    return json.dumps({"info": {}, "licenses": [], "images": listed, "annotations": notes})


@pytest.mark.parametrize("folder", ["annotations", "."])
def test_a_coco_folder(tmp_path, folder):
    train = coco((1, "000001.jpg", ["a dog", "a dog\n runs"]), (2, "000002.jpg", ["two cats"]))
    write(tmp_path / folder / "captions_train2017.json", train)
    write(tmp_path / folder / "captions_val2017.json", coco((7, "000007.jpg", ["a boat"])))
    write(tmp_path / folder / "instances_val2017.json", "{}")
    picture(tmp_path / "train2017" / "000001.jpg", 1)
    picture(tmp_path / "val2017" / "000007.jpg", 1)
    data = load(str(tmp_path))
    assert data.format == "coco"
    assert described(data) == {
        "1": ("train", ("a dog", "a dog runs")),
        "2": ("train", ("two cats",)),
        "7": ("val", ("a boat",)),
    }
    assert [path.is_file() for path in paths(data)] == [True, False, True]
    assert data.examples[2].source.name == "000007.jpg"


def test_a_single_coco_file_is_divided_by_name(tmp_path):
    images = [(number, f"{number}.jpg", ["words"]) for number in range(300)]
    file = write(tmp_path / "captions_val2014.json", coco(*images))
    picture(tmp_path / "images" / "5.jpg", 1)
    data = load(str(file))
    assert data.format == "coco" and len(data.examples) == 300
    sizes = Counter(each.split for each in data.examples)
    assert 200 < sizes["train"] < 270 and sizes["val"] > 10 and sizes["test"] > 10
    assert data.examples[5].source.path.is_file()


def test_coco_pictures_may_lie_beside_the_file(tmp_path):
    file = write(tmp_path / "own.json", coco((1, "a/x.jpg", ["a dog"])))
    picture(tmp_path / "a" / "x.jpg", 1)
    assert load(str(file)).examples[0].source.path.is_file()


def karpathy(**first) -> str:
    images = [
        {"filename": "a.jpg", "split": "train", "sentences": [{"raw": "A dog.", "tokens": ["a"]}]},
        {"filename": "b.jpg", "split": "restval", "sentences": [{"raw": "Two."}, {"raw": "2"}]},
        {"filename": "c.jpg", "split": "val", "sentences": [{"raw": "Three"}]},
        {"filename": "d.jpg", "split": "test", "sentences": [{"raw": "Four"}]},
    ]
    images[0] |= first
    return json.dumps({"dataset": "flickr30k", "images": images})


@pytest.mark.parametrize("whole_folder", [True, False])
def test_karpathy(tmp_path, whole_folder):
    file = write(tmp_path / "dataset_flickr30k.json", karpathy())
    picture(tmp_path / "images" / "a.jpg", 1)
    data = load(str(tmp_path if whole_folder else file))
    assert data.format == "karpathy"
    assert described(data) == {
        "a.jpg": ("train", ("A dog.",)),
        "b.jpg": ("train", ("Two.", "2")),
        "c.jpg": ("val", ("Three",)),
        "d.jpg": ("test", ("Four",)),
    }
    assert data.examples[0].source.path == tmp_path / "images" / "a.jpg"


def test_karpathy_coco_has_folders_and_numbers(tmp_path):
    file = write(tmp_path / "d.json", karpathy(filepath="val2014", cocoid=42))
    picture(tmp_path / "val2014" / "a.jpg", 1)
    first = load(str(file)).examples[0]
    assert (first.id, first.source.name) == ("42", "val2014/a.jpg")
    assert first.source.path.is_file()


# -- one's own files -----------------------------------------------------------------------------

ROWS = [("a.jpg", "a dog", "train"), ("a.jpg", "it runs", "train"), ("sub/b.jpg", "a cat", "test")]
EXPECTED = {"a.jpg": ("train", ("a dog", "it runs")), "sub/b.jpg": ("test", ("a cat",))}


def as_csv(header: str, separator: str = ",") -> str:
    return "\r\n".join([header, *(separator.join(row) for row in ROWS)]) + "\r\n"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("own.csv", as_csv("image,caption,split")),
        ("own.CSV", as_csv("File , Text, SPLIT")),
        ("own.tsv", as_csv("filename\tsentence\tsplit", "\t")),
        (
            "own.jsonl",
            '{"image": "a.jpg", "caption": ["a dog", "it runs"], "split": "train"}\n\n'
            '{"image": "sub/b.jpg", "caption": "a cat", "split": "test"}\n',
        ),
        (
            "own.ndjson",
            '{"path": "a.jpg", "text": "a dog", "split": "train", "by": "me"}\n'
            '{"path": "sub/b.jpg", "text": "a cat", "split": "TEST"}\n'
            '{"path": "a.jpg", "text": "it runs", "split": "train"}',
        ),
    ],
    ids=["csv", "other names", "tsv", "jsonl lists", "ndjson"],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_own_data(tmp_path, name, text, encoding):
    data = load(str(write(tmp_path / name, text, encoding)))
    assert described(data) == EXPECTED
    assert data.name == "own" and data.notes == []
    assert paths(data) == [tmp_path / "a.jpg", tmp_path / "sub" / "b.jpg"]


def test_quotes_commas_and_line_ends_inside_a_caption(tmp_path):
    text = 'image,caption\na.jpg,"a ""big"" dog,\nrunning"\n'
    data = load(str(write(tmp_path / "own.csv", text)))
    assert data.examples[0].captions == ('a "big" dog, running',)


@pytest.mark.parametrize("given", ["dev", "valid", "Validation ", "val"])
def test_other_names_of_a_split(tmp_path, given):
    file = write(tmp_path / "own.csv", f"image,caption,split\na.jpg,a dog,{given}\n")
    assert load(str(file)).examples[0].split == "val"


def test_without_a_split_pictures_are_divided_for_good(tmp_path):
    rows = [f"{number}.jpg,a dog,\n" for number in range(400)]
    some = load(str(write(tmp_path / "a.csv", "image,caption,split\n" + "".join(rows[:200]))))
    more = load(str(write(tmp_path / "b.csv", "image,caption,split\n" + "".join(rows))))
    before, after = described(some), described(more)
    assert all(after[name] == entry for name, entry in before.items())
    shares = Counter(each.split for each in more.examples)
    assert 280 < shares["train"] < 360 and 20 < shares["val"] < 60 and 20 < shares["test"] < 60


def test_chinese(tmp_path):
    file = write(tmp_path / "描述.csv", "image,caption\n图片/一.jpg,一只狗在跑。\n", "utf-8-sig")
    data = load(str(file))
    assert data.name == "描述"
    assert described(data)["图片/一.jpg"][1] == ("一只狗在跑。",)
    vocabulary = Vocabulary.build([Tokenizer("characters")("一只狗在跑。")], 1, "characters")
    assert len(vocabulary) == 4 + 5


def test_text_in_another_encoding_is_told(tmp_path):
    file = write(tmp_path / "own.csv", "image,caption\na.jpg,一只狗\nb.jpg,a dog\n", "gbk")
    assert load(str(file)).notes == ["1 captions are not UTF-8; the unreadable letters were lost"]


def test_empty_captions_are_left_out_and_told(tmp_path):
    text = "image,caption\na.jpg,a dog\na.jpg,\nb.jpg,   \n"
    data = load(str(write(tmp_path / "own.csv", text)))
    assert [each.captions for each in data.examples] == [("a dog",)]
    assert data.notes == ["2 empty captions left out", "1 pictures without captions left out"]


def test_names_that_climb_are_reported_and_not_read(tmp_path):
    picture(tmp_path / "secret.jpg", 1)
    names = ["../secret.jpg", str(tmp_path / "secret.jpg"), "a/../../secret.jpg", "fine.jpg"]
    rows = "".join(f"{name},a dog\n" for name in names)
    data = load(str(write(tmp_path / "in" / "own.csv", "image,caption\n" + rows)))
    for each in data.examples[:3]:
        assert each.source.path is None and "leads out of" in each.source.problem
        with pytest.raises(CnnRnnError, match="leads out of"):
            each.source.read()
    assert data.examples[3].source.path == tmp_path / "in" / "fine.jpg"


@pytest.mark.parametrize("name", ["coco.json", "karpathy.json"])
def test_names_that_climb_in_published_layouts_are_reported(tmp_path, name):
    text = {
        "coco.json": coco((1, "../x.jpg", ["a dog"])),
        "karpathy.json": karpathy(filename="x.jpg", filepath=".."),
    }[name]
    first = load(str(write(tmp_path / name, text))).examples[0]
    assert first.source.path is None and "leads out of" in first.source.problem


# -- what cannot be read -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("own.csv", "picture,words\na.jpg,a dog\n", "row 1 has no image or no caption.*picture"),
        ("own.csv", "image;caption\na.jpg;a dog\n", "row 1 has no image or no caption.*image;cap"),
        ("own.csv", "image,caption\na.jpg,a dog\n,a cat\n", "row 2 has no image"),
        ("own.csv", "image,caption\na.jpg\n", "row 1 has no image or no caption"),
        ("own.csv", "image,caption,split\na.jpg,a dog,later\n", "unknown split 'later' of a.jpg"),
        (
            "own.csv",
            "image,caption,split\na.jpg,a dog,train\na.jpg,it,test\n",
            "a.jpg is in the splits train and test",
        ),
        ("own.csv", "", "no captions in"),
        ("own.csv", "image,caption\n", "no captions in"),
        ("own.csv", 'image,caption\na.jpg,"' + "x" * 200_000 + '"\n', "own.csv.*field"),
        (
            "own.jsonl",
            '{"image": "a.jpg", "caption": "x"}\n{"image": \n',
            "line 2 is no JSON object",
        ),
        ("own.jsonl", '["a.jpg", "x"]\n', "line 1 is no JSON object"),
        ("own.json", "[1, 2]", "no known layout"),
        ("own.json", "{", "is not JSON"),
        ("own.json", '{"annotations": 3}', "has no list 'annotations'"),
        ("own.json", '{"annotations": [], "images": {}}', "has no list 'images'"),
        ("own.json", '{"annotations": [{"caption": "x"}], "images": []}', "image_id"),
        ("own.json", '{"annotations": [], "images": [{"id": 1}]}', "file_name"),
        ("own.json", '{"annotations": ["x"], "images": []}', "own.json"),
        ("own.json", '{"images": [{"filename": "a.jpg"}]}', "sentences"),
        ("own.json", '{"images": [{"sentences": []}]}', "filename"),
        ("own.json", '{"images": ["a.jpg"]}', "own.json"),
        ("own.txt", "a.jpg a dog", "no known layout"),
    ],
)
def test_a_file_that_cannot_be_meant_is_told_in_one_line(tmp_path, name, text, message):
    file = write(tmp_path / name, text)
    with pytest.raises(CnnRnnError, match=message) as caught:
        load(str(file))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("format", READERS)
@pytest.mark.parametrize("kind", ["folder", "file"])
def test_every_reader_refuses_what_is_not_its_own(tmp_path, format, kind):
    data = tmp_path / "empty" if kind == "folder" else write(tmp_path / "a.txt", "what is this\n")
    if kind == "folder":
        data.mkdir()
    with pytest.raises(CnnRnnError):
        load(str(data), format)


def test_no_data_at_all(tmp_path):
    with pytest.raises(CnnRnnError, match="no data at .*nowhere"):
        load(str(tmp_path / "nowhere"))
    with pytest.raises(CnnRnnError, match="no known layout"):
        load(str(tmp_path))


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
    assert warning.startswith("25% of the words in val") and "--min-count" in warning


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
        own.read_text() + f"0.png,{'dog ' * 500},train\n2.png,{'a ' * MAX_WORDS},train\n"
    )
    assert f"1 captions are longer than {MAX_WORDS} words and are cut" in checked(own).warnings


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
