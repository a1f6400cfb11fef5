"""Readers of captions on small files in the published layouts, and on tables of one's own."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from caption_helpers import picture, write

from cnnrnn.caption.data import CaptionData, load
from cnnrnn.caption.layouts import READERS
from cnnrnn.errors import CnnRnnError
from cnnrnn.text.tokenizer import Tokenizer
from cnnrnn.text.vocabulary import Vocabulary


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
