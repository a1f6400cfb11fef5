"""Tables of one's own: columns by what they mean, rows of one picture together."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from cnnrnn.errors import CnnRnnError
from cnnrnn.media import tables
from cnnrnn.training.splits import common_split, drawn_split

NEEDED = {"image": ("image", "file"), "question": ("question",)}
OTHERS = {"split": ("split", "part")}
HERE = Path("own.csv")


def cells(*rows: dict, **more) -> list[dict]:
    return list(tables.cells(HERE, rows, NEEDED, OTHERS, **more))


def test_columns_have_several_names_and_the_first_that_speaks_counts():
    [row] = cells({"file": "a.jpg", "image": " ", "question": "what?", "part": "val", "x": 1})
    assert row == {"image": "a.jpg", "question": "what?", "split": "val"}
    assert cells({"image": 7, "question": "what?"}) == [
        {"image": 7, "question": "what?", "split": None}
    ]


@pytest.mark.parametrize("given", [{"image": "a.jpg"}, {"image": "a.jpg", "question": "  "}])
def test_a_row_without_a_needed_value_is_told(given):
    with pytest.raises(CnnRnnError) as error:
        cells({"image": "a.jpg", "question": "what?"}, given)
    assert error.value.message == (
        f"own.csv row 2 has no image or no question (columns: {', '.join(given)})"
    )
    assert error.value.hint == "give the columns image and question"


def test_what_may_be_empty_must_still_be_there():
    [row] = cells({"image": "a.jpg", "question": ""}, may_be_empty=("question",))
    assert row["question"] == ""
    with pytest.raises(CnnRnnError, match="row 1"):
        cells({"image": "a.jpg"}, may_be_empty=("question",))


def test_rows_of_one_picture_come_together_in_order():
    rows = [{"image": "b", "n": 1}, {"image": "a", "n": 2}, {"image": "b", "n": 3}]
    found = tables.gathered(rows, "image")
    assert list(found) == ["b", "a"] and [row["n"] for row in found["b"]] == [1, 3]


def test_a_picture_has_one_split():
    assert common_split(["dev", "val"], "a.jpg", HERE) == "val"
    assert common_split([None, ""], "a.jpg", HERE) == drawn_split("a.jpg")
    with pytest.raises(CnnRnnError, match="a.jpg is in the splits train and test of own.csv"):
        common_split(["train", "test"], "a.jpg", HERE)


@pytest.mark.parametrize(
    ("name", "format"),
    [("a.csv", "csv"), ("a.TSV", "csv"), ("a.jsonl", "jsonl"), ("a.ndjson", "jsonl"),
     ("a.json", None), ("csv", None)],
)  # fmt: skip
def test_formats_by_suffix(name, format):
    assert tables.own_format(Path(name)) == format


@pytest.mark.parametrize(
    ("stumbled", "reason"),
    [(KeyError("image"), "an entry has no 'image'"), (TypeError("no list"), "no list"),
     (csv.Error("line contains NUL"), "line contains NUL"),
     (PermissionError(13, "Permission denied"), "Permission denied")],
)  # fmt: skip
def test_whatever_a_reader_stumbles_over_is_one_line(stumbled, reason):
    with pytest.raises(CnnRnnError) as error, tables.reading(HERE, "coco"):
        raise stumbled
    assert error.value.message == f"cannot read own.csv as coco: {reason}"


def test_what_a_reader_says_itself_stays():
    with pytest.raises(CnnRnnError, match="^row 3$"), tables.reading(HERE, "coco"):
        raise CnnRnnError("row 3")


def test_a_list_of_a_json_file():
    assert tables.list_of({"images": [1]}, "images", HERE) == [1]
    for content in ({}, {"images": 3}, [1]):
        with pytest.raises(CnnRnnError, match="own.csv has no list 'images'"):
            tables.list_of(content, "images", HERE)


@pytest.mark.parametrize(("name", "mark"), [("a.csv", ","), ("a.csv", ";"), ("a.tsv", "\t")])
def test_what_parts_the_columns_is_found_out(tmp_path, name, mark):
    lines = [["image", "caption"], ["a.jpg", "a dog"], ["b.jpg", "a cat; no dog"]]
    with open(tmp_path / name, "w", newline="") as file:
        csv.writer(file, delimiter=mark).writerows(lines)
    found = list(tables.csv_rows(tmp_path / name))
    assert found == [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]
