"""Questions from official JSON, DAQUAR, easy-VQA, tables and the built-in world; splits, checks."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from cnnrnn import scenes
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.media import images
from cnnrnn.scenes import riddles
from cnnrnn.vqa import data, prepare
from cnnrnn.vqa.answers import Answers
from cnnrnn.vqa.check import check
from cnnrnn.vqa.cli import FORMATS
from cnnrnn.vqa.example import Example, kind_of, media_of
from cnnrnn.vqa.layouts import READERS
from cnnrnn.vqa.settings import TrainSettings


def load(path, **options) -> data.VqaData:
    return data.load(str(path), **options)


def answered(identity: int, *answers: str, question_type: str = "what is", **more) -> dict:
    """An annotation as published; the last answer is repeated until there are ten."""
    given = [*answers, *answers[-1:] * (10 - len(answers))]
    return {
        "question_id": identity, "image_id": identity // 10, "question_type": question_type,
        "answer_type": "other", "multiple_choice_answer": answers[0] if answers else "",
        "answers": [{"answer_id": n, "answer": a} for n, a in enumerate(given, 1)], **more,
    }  # fmt: skip


def asked(identity: int, question: str = "What is it?", **more) -> dict:
    return {
        "question_id": identity, "image_id": identity // 10, "question": question, **more
    }  # fmt: skip


def publish(folder, questions, annotations=None, part="mscoco_train2014", prefix="v2_", pack=False):
    """Files with the published names; the family and the part of the data are in the names."""
    folder.mkdir(exist_ok=True)
    write(folder / f"{prefix}OpenEnded_{part}_questions.json", {"questions": questions}, pack)
    if annotations is not None:
        file = folder / f"{prefix}{part}_annotations.json"
        write(file, {"annotations": annotations}, pack)


def write(path, content, pack=False):
    text = json.dumps({"info": {}, **content} if isinstance(content, dict) else content).encode()
    path.write_bytes(gzip.compress(text) if pack else text)


# -- official ------------------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [False, True])
def test_official_files_plain_or_packed_whatever_their_names_say(tmp_path, pack):
    publish(tmp_path, [asked(425), asked(426)], [answered(425, "dog"), answered(426, "cat")],
            pack=pack)  # fmt: skip
    found = load(tmp_path)
    assert found.format == "vqa" and not found.notes
    first, second = found.examples
    assert (first.id, first.question, first.answer) == ("425", "What is it?", "dog")
    assert len(first.answers) == 10 and first.kind == "what is" and first.answer_type == "other"
    assert (first.split, first.domain) == ("train", "real")
    assert first.source is second.source and first.group == second.group
    assert first.source.name == "COCO_train2014_000000000042.jpg"


@pytest.mark.parametrize(
    "place", ["train2014", "Images/mscoco/train2014", "images", "."]
)  # fmt: skip
def test_pictures_are_found_where_people_put_them(tmp_path, place):
    name = "COCO_train2014_000000000042.jpg"
    (tmp_path / place).mkdir(parents=True, exist_ok=True)
    (tmp_path / place / name).touch()
    publish(tmp_path, [asked(425)], [answered(425, "dog")])
    assert load(tmp_path).examples[0].source.path == tmp_path / place / name


def test_abstract_scenes_and_pictures_beside_the_questions_folder(tmp_path):
    (tmp_path / "val2015").mkdir()
    (tmp_path / "val2015" / "abstract_v002_val2015_000000000042.png").touch()
    publish(tmp_path / "Questions", [asked(425)], [answered(425, "dog")],
            "abstract_v002_val2015", "")  # fmt: skip
    (found,) = load(tmp_path / "Questions").examples
    assert (found.domain, found.split) == ("abstract", "val")
    assert found.source.path.is_file()


def test_real_and_abstract_side_by_side(tmp_path):
    publish(tmp_path, [asked(425)], [answered(425, "dog")])
    publish(tmp_path, [asked(511)], [answered(511, "cat")], "abstract_v002_train2015", "")
    assert [each.domain for each in load(tmp_path).examples] == ["abstract", "real"]
    publish(tmp_path, [asked(425)], [answered(425, "cat")], "abstract_v002_train2015", "")
    with pytest.raises(CnnRnnError, match="the question number 425 of .* is another one"):
        load(tmp_path)


def test_what_the_file_says_of_itself_counts_more_than_its_name(tmp_path):
    content = {"data_type": "abstract_v002", "data_subtype": "val2015", "questions": [asked(425)]}
    write(tmp_path / "q.json", content)
    notes = {"data_type": "abstract_v002", "data_subtype": "val2015"}
    write(tmp_path / "a.json", {**notes, "annotations": [answered(425, "dog")]})
    (found,) = load(tmp_path / "q.json").examples
    assert (found.split, found.domain, found.answer) == ("val", "abstract", "dog")
    assert found.source.name == "abstract_v002_val2015_000000000042.png"


def test_multiple_choice_joins_the_open_ended_question(tmp_path):
    publish(tmp_path, [asked(425), asked(426)], [answered(425, "dog"), answered(426, "cat")])
    choices = [asked(425, multiple_choices=["dog", "cat"]), asked(426, multiple_choices=["cat"])]
    write(tmp_path / "v2_MultipleChoice_mscoco_train2014_questions.json", {"questions": choices})
    found = load(tmp_path)
    assert [each.candidates for each in found.examples] == [("dog", "cat"), ("cat",)]
    assert not found.notes


def test_questions_without_annotations_are_kept_to_be_asked(tmp_path):
    publish(tmp_path, [asked(425)], part="mscoco_test-dev2015")
    (found,) = load(tmp_path).examples
    assert found.answers == () and found.answer == "" and found.split == "test"
    assert found.source.name == "COCO_test2015_000000000042.jpg"


def test_what_is_wrong_with_ids_is_counted_and_the_rest_goes_on(tmp_path):
    questions = [asked(425), asked(426), asked(427), asked(425), asked(426, "Another?"), asked(428)]
    questions.append({"image_id": 3, "question": "Whose?"})
    annotations = [answered(425, "dog"), answered(426, "cat"), answered(426, "cow"),
                   answered(999, "fish"), answered(428)]  # fmt: skip
    del annotations[0]["question_id"]
    annotations += [answered(425, "dog"), answered(427, "ox", answers=[])]
    publish(tmp_path, questions, annotations)
    found = load(tmp_path)
    assert {each.id: each.answer for each in found.examples} == {
        "425": "dog", "426": "cow", "427": "ox",
    }  # fmt: skip
    assert sorted(found.notes) == [
        "1 annotations are of a question that has one: the last one counts",
        "1 annotations are of questions that are not there",
        "1 annotations have no question_id and are left out",
        "1 questions are there again and are left out",
        "1 questions have no answers and are left out",
        "1 questions have no question_id and are left out",
        "1 questions have the number of another one and are left out",
    ]


def test_a_question_without_annotation_is_left_out_where_others_have_one(tmp_path):
    publish(tmp_path, [asked(425), asked(426)], [answered(425, "dog")])
    found = load(tmp_path)
    assert [each.id for each in found.examples] == ["425"]
    assert found.notes == ["1 questions have no annotation and are left out"]


def test_missing_pictures_among_thousands_are_counted_and_the_rest_goes_on(tmp_path):
    publish(tmp_path, [asked(n) for n in range(5000)],
            [answered(n, "dog" if n % 2 else "cat") for n in range(5000)])  # fmt: skip
    for number in range(0, 500, 2):
        (tmp_path / f"COCO_train2014_{number:012d}.jpg").write_text(str(number))
    found = check(load(tmp_path))
    assert len(found.missing) == 250 and "COCO_train2014_000000000001.jpg" in found.missing
    assert any("250 pictures are missing" in line for line in found.warnings)
    assert dict(found.rows)["pictures"] == "500 (10.0 questions each)"


def test_thousands_of_questions_are_gathered_without_those_of_missing_pictures(tmp_path):
    """The pictures that are not there are listed; all others go on, with their own features."""
    publish(tmp_path, [asked(n) for n in range(3000)], [answered(n, "dog") for n in range(3000)])
    there = [number for number in range(300) if number % 3]
    for number in there:
        name = f"COCO_train2014_{number:012d}.jpg"
        images.save(tmp_path / name, np.full((8, 8, 3), number % 256, np.uint8))
    settings = TrainSettings(data=str(tmp_path), backbone="own", image_size=8)
    found = prepare.with_features(settings, load(tmp_path).examples)
    assert len(found.examples) == 2000 and len(found.media) == 200
    assert [name for name, _ in found.failures] == [
        f"COCO_train2014_{number:012d}.jpg" for number in range(0, 300, 3)
    ]
    assert all("does not exist" in reason for _, reason in found.failures)
    for number in (0, 1999):
        picture = int(found.examples[number].id) // 10
        row = found.features.read([int(found.index[number])])
        assert abs(int(row.mean()) - picture % 256) <= 2


def test_an_image_name_that_climbs_out_is_refused(tmp_path):
    outside = asked(425)
    outside["image_id"] = "../secret.jpg"
    publish(tmp_path, [outside], [answered(425, "dog")])
    (found,) = load(tmp_path).examples
    assert "leads out of" in found.source.problem


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"questions": [{"question_id": 1', "is not JSON"),
        (b'{"questions": [{"question_id": 1, "question": "a?"}]}', "an entry has no 'image_id'"),
        (b"\x1f\x8b broken", "no known layout"),
        (b'{"annotations": [{"question_id": 1}]}', "no file of questions"),
        (b'{"questions": [5, {"question_id": 1}]}', "cannot read"),
    ],
)
def test_a_damaged_file_is_one_line(tmp_path, content, message):
    (tmp_path / "questions.json").write_bytes(content)
    with pytest.raises(CnnRnnError, match=message) as failed:
        load(tmp_path)
    assert "\n" not in str(failed.value)


def test_the_real_questions(shared_data):
    found = load(shared_data / "reference" / "vqa" / "vqa2_text")
    assert len(found.examples) == 2962 and len(found.media) == 2878
    assert {each.split for each in found.examples} == {"test"}
    assert all(len(each.answers) == 10 for each in found.examples) and not found.notes


# -- DAQUAR --------------------------------------------------------------------------------------

PAIRS = """what is on the desk in the image3 ?
book, scissor
how many chairs are there in this image3 ?
2
what is left of the lamp image12?
night_stand
"""


def test_daquar_text_as_published(tmp_path):
    (tmp_path / "qa.894.raw.train.txt").write_text(PAIRS)
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "image12.png").touch()
    found = load(tmp_path)
    assert found.format == "daquar"
    assert [(e.question, e.answer, e.kind, e.split, e.group) for e in found.examples] == [
        ("what is on the desk", "book, scissor", "other", "train", "image3"),
        ("how many chairs are there", "2", "number", "train", "image3"),
        ("what is left of the lamp", "night_stand", "other", "train", "image12"),
    ]
    assert found.examples[0].source is found.examples[1].source
    assert found.examples[2].source.path == tmp_path / "images" / "image12.png"
    single = load(tmp_path, format="daquar-single")
    assert len(single.examples) == 2
    assert single.notes == ["1 questions have several answers at once and are left out"]


@pytest.mark.parametrize(
    ("text", "message"),
    [("what is it ?\ndesk\n", "names no image"), (PAIRS + "what in image3 ?\n", "without answer")],
)
def test_damaged_daquar_text(tmp_path, text, message):
    (tmp_path / "qa.37.raw.test.txt").write_text(text)
    with pytest.raises(CnnRnnError, match=message):
        load(tmp_path)


def test_the_real_daquar(shared_data, tmp_path):
    found = load(shared_data / "daquar")
    assert len(found.examples) == 6795 and len(found.media) == 794
    assert all(each.source.path.is_file() for each in found.examples)
    assert len(load(shared_data / "daquar", format="daquar-single").examples) == 6149
    # The same in the official text.
    entries = json.loads((shared_data / "daquar" / "qa_train.json").read_text())
    text = "".join(f"{each['question_raw']}\n{each['answer_raw']}\n" for each in entries)
    (tmp_path / "qa.894.raw.train.txt").write_text(text)
    same = [
        (one.question, one.answer, one.group) == (other.question, other.answer, other.group)
        for one, other in zip(found.examples, load(tmp_path).examples, strict=True)
    ]
    assert sum(same) >= len(same) - 1  # one is misspelled: `in th eimage999`


# -- easy-VQA ------------------------------------------------------------------------------------


def test_easy_vqa_packed_and_in_folders(tmp_path):
    entries = [["what is the blue shape?", "circle", 1], ["is there a red shape?", "no", 1],
               ["what color is the circle?", "blue", 0]]  # fmt: skip
    packed, folders = tmp_path / "packed", tmp_path / "folders"
    packed.mkdir()
    write(packed / "questions_train.json", entries)
    pictures = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)
    np.savez(packed / "images.npz", train=pictures)
    (folders / "train").mkdir(parents=True)
    write(folders / "train" / "questions.json", entries)
    one, other = load(packed), load(folders)
    assert one.format == other.format == "easy-vqa"
    assert [e.kind for e in one.examples] == ["shape", "yes/no", "colour"]
    assert one.examples[0].source is one.examples[1].source
    assert np.array_equal(one.examples[0].source.read(), pictures[1])
    assert other.examples[0].source.path == folders / "train" / "images" / "1.png"
    write(packed / "questions_train.json", [["what?", "no", 7]])
    assert "no picture train:7" in load(packed).examples[0].source.problem
    write(packed / "questions_train.json", [["what?", "no"]])
    with pytest.raises(CnnRnnError, match="has .'what\\?', 'no'."):
        load(packed)


def test_the_real_easy_vqa(shared_data):
    found = load(shared_data / "easy_vqa")
    sizes = Counter(each.split for each in found.examples)
    assert sizes == {"train": 38575, "test": 9673} and len(found.media) == 5000
    assert len({each.answer for each in found.examples}) == 13


# -- tables --------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_tables(tmp_path, form):
    rows = [
        {"image": "x.jpg", "question": "what is  it?", "answer": "a dog", "choices": "a dog|a cat",
         "kind": "object", "split": "train"},
        {"image": "x.jpg", "question": "how many?", "answer": "2|2|3", "split": "dev"},
        {"image": "", "question": "is it, or not?", "answer": "yes", "split": "test"},
    ]  # fmt: skip
    file = tmp_path / f"q.{form}"
    if form == "csv":
        lines = [",".join(f'"{row.get(key, "")}"' for key in rows[0]) for row in rows]
        file.write_text("\r\n".join([",".join(rows[0]), *lines]), encoding="utf-8-sig")
    else:
        rows[0]["choices"] = ["a dog", "a cat"]
        file.write_text("\n".join(map(json.dumps, rows)))
    first, second, third = load(file).examples
    assert first.candidates == ("a dog", "a cat") and first.question == "what is it?"
    assert (first.id, second.id, third.id) == ("x.jpg#0", "x.jpg#1", "#0")
    assert first.source is second.source and third.source is None
    assert second.answers == ("2", "2", "3") and second.answer == "2"
    assert (first.kind, second.kind, third.kind) == ("object", "number", "yes/no")
    assert (first.split, second.split, third.split) == ("train", "val", "test")


def test_names_that_climb_out_and_files_that_are_no_pictures_are_told_when_read(tmp_path):
    (tmp_path / "film.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    (tmp_path / "q.csv").write_text(
        "image,question,answer\n../a.jpg,what?,dog\nfilm.mp4,what?,cat\ngone.jpg,what?,cow\n"
    )
    found = load(tmp_path / "q.csv")
    for source, message in zip(
        found.media, ("leads out of", "film.mp4 is not a picture", "gone.jpg does not exist"),
        strict=True,
    ):  # fmt: skip
        with pytest.raises(CnnRnnError, match=message) as failed:
            source.read()
        assert "\n" not in str(failed.value)


def test_rows_that_say_nothing_are_counted(tmp_path):
    (tmp_path / "q.csv").write_text(
        "image,question,answer,question_id\na.jpg,,dog,1\na.jpg,what?,,2\na.jpg,what?,dog,3\n"
        "a.jpg,who?,dog,3\n"
    )
    found = load(tmp_path / "q.csv")
    assert len(found.examples) == 1
    assert found.notes[:3] == [
        "1 rows have no question and are left out",
        "1 rows have no answer and are left out",
        "1 rows have the question_id of another one and are left out",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,question\na.jpg,what?\n", "row 1 has no question or no answer"),
        ("image,question,answer,split\na.jpg,what?,dog,later\n", "unknown split 'later'"),
        ("image,question,answer\n", "no questions"),
    ],
)
def test_a_table_that_cannot_be_meant(tmp_path, text, message):
    (tmp_path / "q.csv").write_text(text)
    with pytest.raises(CnnRnnError, match=message):
        load(tmp_path / "q.csv")


def test_the_shipped_sample():
    found = load(Path(__file__).parents[1] / "data" / "questions.csv")
    assert len(found.media) == 12 and all(each.path.is_file() for each in found.media)
    assert {each.split for each in found.examples} == {"train", "val", "test"}
    assert {each.kind for each in found.examples} == set(scenes.KINDS_OF_QUESTION)


def test_the_command_line_names_every_reader():
    assert FORMATS == ("auto", *READERS)


def test_no_data_is_told(tmp_path):
    with pytest.raises(CnnRnnError, match="no data at"):
        load(tmp_path / "nowhere")
    with pytest.raises(CnnRnnError, match="no known layout"):
        load(tmp_path)
    with pytest.raises(UsageError, match="is drawn, not read as csv"):
        load("scenes", format="csv")


# -- the built-in world ----------------------------------------------------------------------------


def test_scenes_and_riddles_come_mixed():
    found = load("scenes", limit=14)
    pictures = {split: [m for m in found.media if m.scene[0].startswith(split)]
                for split in scenes.SPLITS}  # fmt: skip
    for several in pictures.values():
        assert len(several) == 14
        assert sum(m.scene[0].endswith("-riddles") for m in several) == 6
    for each in found.examples:
        assert each.answer in each.candidates
        assert bool(each.boxes) == ("-riddles:" in each.id)
        if each.kind == "chained":
            assert set(each.boxes) == {"anchor", "container", "content"}
    assert {"two-step", "chained", "number", "yes/no"} <= {each.kind for each in found.examples}
    riddle = next(each for each in found.examples if each.id == "scenes:test-riddles:2#0")
    assert riddle.question == riddles.riddles(riddles.scene("test", 2))[0].question.text


def test_media_come_once_each():
    examples = [each for each in load("scenes", limit=2).examples if each.split == "val"]
    examples.insert(1, Example("x", None, "why?", ("because",)))
    media, index = media_of(examples)
    assert len(media) == 2 and index[1] == -1
    assert all(media[place] is each.source
               for place, each in zip(index, examples, strict=True) if place >= 0)  # fmt: skip


def test_a_fingerprint_tells_what_changed():
    one, same, other = (load("scenes", limit=n) for n in (2, 2, 3))
    assert one.fingerprint() == same.fingerprint() != other.fingerprint()


# -- splits ----------------------------------------------------------------------------------------


def table(tmp_path, pictures=20, each=3, columns="image,question,answer"):
    rows = [f"p{p}.jpg,what is it {q}?,{'dog' if p % 2 else 'cat'}"
            for p in range(pictures) for q in range(each)]  # fmt: skip
    (tmp_path / "q.csv").write_text("\n".join([columns, *rows]))
    return tmp_path / "q.csv"


def test_no_picture_is_on_two_sides(tmp_path):
    found = load(table(tmp_path))
    sides = {}
    for example in found.examples:
        sides.setdefault(example.group, set()).add(example.split)
    assert all(len(splits) == 1 for splits in sides.values())
    assert Counter(each.split for each in found.examples) == {"train": 39, "test": 12, "val": 9}
    assert found.notes == ["no splits in the data: divided, 20 whole pictures"]
    assert "on another side" not in " ".join(check(found).warnings)


def test_folds_are_of_whole_pictures(tmp_path):
    file = table(tmp_path)
    tested = []
    for number in range(1, 6):
        found = load(file, fold=f"{number}/5")
        there = {each.group for each in found.split("test")}
        assert len(there) == 4
        assert not there & {each.group for each in found.split("train")}
        tested += there
    assert len(tested) == len(set(tested)) == 20
    with pytest.raises(CnnRnnError, match="20 groups cannot make 21 folds"):
        load(file, fold="1/21")
    with pytest.raises(UsageError, match="fold is '6/5'"):
        load(file, fold="6/5")


def test_a_test_split_of_the_data_stays_unseen_by_folds(tmp_path):
    file = table(tmp_path, columns="image,question,answer,split")
    lines = file.read_text().splitlines()
    lines[1:] = [f"{line},{'test' if n < 6 else 'train'}" for n, line in enumerate(lines[1:])]
    file.write_text("\n".join(lines))
    assert not {"p0.jpg", "p1.jpg"} & {e.group for e in load(file, fold="1/3").examples}


def test_a_limit_takes_whole_pictures(tmp_path):
    found = load(table(tmp_path), limit=2)
    assert Counter(each.split for each in found.examples) == {"train": 6, "val": 6, "test": 6}


# -- the look at the data --------------------------------------------------------------------------


def of(*rows: tuple) -> data.VqaData:
    """(question, answers, split, more) each."""
    examples = [
        Example(str(n), None, question, tuple(answers), split=split, **more)
        for n, (question, answers, split, more) in enumerate(rows)
    ]
    return data.VqaData("sample", "csv", examples)


def test_answers_outside_of_training_are_counted():
    found = check(of(
        ("what?", ["dog"], "train", {}), ("what?", ["cat"], "train", {}),
        ("what?", ["cow"], "test", {}), ("what?", ["dog"], "test", {}),
    ))  # fmt: skip
    assert dict(found.rows)["coverage test"] == "50.00% (1 outside)"
    assert dict(found.rows)["coverage train"] == "100.00% (0 outside)"
    assert any("1 of 2 questions in test" in line and "'cow'" in line for line in found.warnings)


def test_a_smaller_answer_space_covers_less():
    sample = of(*[("what?", [answer], "train", {}) for answer in ("dog", "dog", "cat", "cow")])
    rows = dict(check(sample, Answers.build(["dog", "cat"])).rows)
    assert rows["coverage train"] == "75.00% (1 outside)"


def test_nothing_to_learn_is_an_error():
    with pytest.raises(CnnRnnError, match="all training questions of sample have the answer 'yes'"):
        check(of(("is it?", ["yes"], "train", {}), ("was it?", ["yes"], "train", {})))
    with pytest.raises(CnnRnnError, match="one answer alone could be given, of 2 different ones"):
        rows = of(("is it?", ["yes"], "train", {}), ("was it?", ["no"], "train", {}))
        check(rows, Answers.build(["yes", "no"], most=1))
    with pytest.raises(CnnRnnError, match="have no answers"):
        check(of(("is it?", [], "train", {})))
    with pytest.raises(CnnRnnError, match="no training questions"):
        check(of(("is it?", ["yes"], "test", {})))


def test_fewer_than_ten_people_are_told():
    rows = [("what?", ["dog"] * 10, "train", {}), ("what?", ["cat"] * 3, "train", {})]
    (line,) = [line for line in check(of(*rows)).warnings if "fewer than ten" in line]
    assert "1 questions have fewer than ten answers (the fewest: 3)" in line and "four" in line
    assert not any("ten" in line for line in check(of(
        ("what?", ["dog"], "train", {}), ("what?", ["cat"], "train", {})
    )).warnings)  # fmt: skip


def test_odd_choices_and_questions_are_told():
    told = "\n".join(check(of(
        ("what?", ["dog"], "train", {"candidates": ("cat", "cow")}),
        ("what?", ["cat"], "train", {"candidates": ("cat",)}),
        ("what?", ["cat"], "train", {"candidates": ("cat", "cat", "dog")}),
        ("?", ["cat"], "train", {}),
        ("word " * 5000, ["cat"], "test", {}),
    )).warnings)  # fmt: skip
    for line in (
        "1 questions have an answer that is not among their choices: 0",
        "1 questions have one choice alone: 1",
        "1 questions have the same choice twice: 2",
        "1 questions are longer than 60 words and are cut: 4",
        "1 questions are empty: 3",
    ):
        assert told.count(line) == 1, line


def test_a_picture_on_two_sides_is_told(tmp_path):
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (tmp_path / name).write_text("same" if name < "c" else "else")
    (tmp_path / "q.csv").write_text(
        "image,question,answer,split\na.jpg,what?,dog,train\nb.jpg,what?,dog,test\n"
        "c.jpg,what?,cat,train\nc.jpg,who?,dog,val\n"
    )
    told = "\n".join(check(load(tmp_path / "q.csv")).warnings)
    assert "a.jpg = b.jpg" in told
    assert "1 groups are in training and on another side too: c.jpg" in told


def test_kinds_by_words_and_answer():
    assert kind_of("Is it a dog?", "Yes") == "yes/no"
    assert kind_of("how many dogs?", "many") == kind_of("which one?", "2") == "number"
    assert kind_of("What color is it?", "red") == kind_of("what colours?", "red") == "colour"
    assert kind_of("what is it?", "dog") == "other"
