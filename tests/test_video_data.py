"""Labelled clips from folders, tables, UCF101's lists and the built-in set; splits and checks."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.training.splits import folds, grouped_split, hold_out, split_word
from cnnrnn.video_classify import check as checks
from cnnrnn.video_classify import data
from cnnrnn.video_classify.layouts import group_of
from cnnrnn.video_classify.settings import TrainSettings


def load(path, **options) -> data.VideoData:
    return data.load(TrainSettings(data=str(path), **options))


def put(folder, *names) -> None:
    """Files with a content of their own."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def splits(found) -> dict[str, str]:
    return {each.id: each.split for each in found.examples}


def warnings(found) -> str:
    return "\n".join(checks.check(found).warnings)


# -- layouts ---------------------------------------------------------------------------------------


def test_a_folder_a_label(tmp_path):
    put(tmp_path, "wave/a.mp4", "wave/deep/b.avi", "clap/c.webm", "clap/notes.txt", "clap/.d.mp4")
    found = load(tmp_path)
    assert found.format == "folder"
    assert {(e.id, e.label) for e in found.examples} == {
        ("wave/a.mp4", "wave"), ("wave/deep/b.avi", "wave"), ("clap/c.webm", "clap"),
    }  # fmt: skip


def test_folders_may_say_the_split(tmp_path):
    put(tmp_path, "train/wave/a.mp4", "train/clap/b.mp4", "Test/wave/c.mp4", "dev/clap/d.mp4")
    assert splits(load(tmp_path)) == {
        "train/wave/a.mp4": "train", "train/clap/b.mp4": "train", "Test/wave/c.mp4": "test",
        "dev/clap/d.mp4": "val",
    }  # fmt: skip


def test_a_link_back_does_not_loop(tmp_path):
    put(tmp_path, "wave/a.mp4", "clap/b.mp4")
    (tmp_path / "wave" / "again").symlink_to(tmp_path)
    assert len(load(tmp_path).examples) == 2


def test_ten_thousand_files_in_a_folder(tmp_path):
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        for number in range(5000):
            (tmp_path / label / f"{number}.mp4").touch()
    found = load(tmp_path)
    sizes = Counter(each.split for each in found.examples)
    assert sum(sizes.values()) == 10_000
    assert sizes["test"] == pytest.approx(2000, abs=2)
    assert not checks.check(found).missing


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_tables(tmp_path, form):
    rows = [
        {"path": "x.mp4", "label": "wave", "split": "train", "group": "ann"},
        {"path": "sub/y.mp4", "label": "clap", "split": "test", "group": "bob"},
    ]
    file = tmp_path / f"clips.{form}"
    if form == "csv":
        lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
        file.write_text("\r\n".join(lines), encoding="utf-8-sig")
    else:
        file.write_text("\n".join(map(json.dumps, rows)))
    found = load(file)
    assert [(e.id, e.label, e.split, e.group) for e in found.examples] == [
        tuple(row.values()) for row in rows
    ]
    assert found.examples[1].source.path == tmp_path / "sub" / "y.mp4"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,label\na.mp4,\n", "row 1 has no path or no label"),
        ("name,label\na.mp4,wave\n", "row 1 has no path"),
        ("path,label\na.mp4,wave\na.mp4,clap\n", "a.mp4 twice, as 'wave' and 'clap'"),
        ("path,label,split\na.mp4,wave,sometimes\n", "unknown split 'sometimes'"),
        ("path,label\n", "no clips"),
    ],
)
def test_a_table_that_cannot_be_meant(tmp_path, text, message):
    (tmp_path / "c.csv").write_text(text)
    with pytest.raises(CnnRnnError, match=message):
        load(tmp_path / "c.csv")


def test_a_name_that_climbs_out_is_reported_not_read(tmp_path):
    (tmp_path / "c.csv").write_text("path,label\n../a.mp4,wave\nb.mp4,clap\n")
    assert "leads out" in load(tmp_path / "c.csv").examples[0].source.problem


def test_no_data_is_told(tmp_path):
    with pytest.raises(CnnRnnError, match="no data at"):
        load(tmp_path / "nowhere")
    with pytest.raises(CnnRnnError, match="no known layout"):
        load(tmp_path)


UCF = {
    "classInd.txt": "1 Archery\r\n2 HandstandPushups\r\n",
    "trainlist01.txt": "Archery/v_Archery_g08_c01.avi 1\r\n"
    "HandstandPushups/v_HandStandPushups_g08_c01.avi 2\r\n"
    "Archery/v_Archery_g09_c01.avi 2\r\n",
    "testlist01.txt": "Archery/v_Archery_g01_c01.avi\r\n"
    "HandstandPushups/v_HandStandPushups_g01_c01.avi\r\n",
    "trainlist02.txt": "Archery/v_Archery_g01_c01.avi 1\r\n",
    "testlist02.txt": "Archery/v_Archery_g08_c01.avi\r\n",
}


def test_ucf101_lists_as_published(tmp_path):
    for name, text in UCF.items():
        (tmp_path / name).write_bytes(text.encode())
    put(tmp_path, "Archery/v_Archery_g08_c01.mp4")
    put(tmp_path, "Handstandpushups/v_handstandPushups_g01_c01.avi")
    found = load(tmp_path)
    assert found.format == "ucf101"
    labels = [(e.label, e.split, e.group) for e in found.examples]
    assert labels == [
        ("Archery", "train", "g08"), ("HandstandPushups", "train", "g08"),
        ("Archery", "train", "g09"), ("Archery", "test", "g01"),
        ("HandstandPushups", "test", "g01"),
    ]  # fmt: skip
    notes = "\n".join(found.notes)
    assert "1 numbers in trainlist01.txt are not those of their folders" in notes
    assert "2 clips named v_HandStandPushups_... belong to HandstandPushups" in notes
    assert "2 clips were found under another suffix or case" in notes
    assert found.examples[0].source.path.suffix == ".mp4"
    assert len(load(tmp_path / "trainlist02.txt").examples) == 2


def test_the_real_ucf101_lists(shared_data):
    found = load(shared_data / "video" / "ucf_lists")
    sizes = Counter(each.split for each in found.examples)
    assert (sizes["train"], sizes["test"]) == (9537, 3783)
    assert len(found.labels) == 101 and "HandstandPushups" in found.labels
    assert any("v_HandStandPushups" in note for note in found.notes)
    assert not any("numbers" in note for note in found.notes)


def test_the_built_in_clips():
    found = data.load(TrainSettings(limit=20))
    assert Counter(each.split for each in found.examples) == {"train": 20, "val": 20, "test": 20}
    assert len(found.labels) == 10 and len(found.pairs) == 5
    assert found.examples[0].source.clip == ("train", 0)
    busy = data.load(TrainSettings(data="clips-busy", limit=20))
    assert busy.examples[0].source.clip == ("train-busy", 0)
    assert busy.examples[0].id == "clips:train-busy:0"


# -- splits ----------------------------------------------------------------------------------------


def test_groups_that_names_tell_of():
    assert group_of("HandstandPushups/v_HandStandPushups_g12_c03.avi") == "g12"
    assert group_of("clips/a1_s7_t4_color.mp4") == "s7"
    assert group_of("wave.mp4") == ""


def test_whole_groups_stay_on_one_side(tmp_path):
    names = [f"{label}/v_x_g{g:02d}_c{c}.mp4" for label in "ab" for g in range(10) for c in "123"]
    put(tmp_path, *names)
    found = load(tmp_path)
    sides: dict[str, set] = {}
    for each in found.examples:
        sides.setdefault(each.group, set()).add(each.split)
    assert all(len(splits) == 1 for splits in sides.values())
    assert {split for splits in sides.values() for split in splits} == {"train", "val", "test"}
    assert "10 whole groups" in found.notes[0]
    one_by_one = load(tmp_path, split_by="clip")
    assert "each label alike" in one_by_one.notes[0]
    assert "on another side too" in warnings(one_by_one)
    assert "on another side" not in warnings(found)


def test_a_draw_is_stratified_and_depends_on_names_alone():
    labels = ["a"] * 40 + ["b"] * 10
    names = [f"{n}.mp4" for n in range(50)]
    drawn = grouped_split(labels, names, 0.2)
    assert Counter(np.array(labels)[drawn]) == {"a": 8, "b": 2}
    order = np.random.default_rng(0).permutation(50)
    again = grouped_split([labels[n] for n in order], [names[n] for n in order], 0.2)
    assert {names[n] for n in np.flatnonzero(drawn)} == {
        names[order[n]] for n in np.flatnonzero(again)
    }
    second = grouped_split(labels, names, 0.2, taken=drawn)
    assert second.any() and not (second & drawn).any()


def test_a_draw_leaves_something_to_train_on():
    assert grouped_split(["a"], ["g"], 0.9).sum() == 0
    assert grouped_split(["a", "a"], ["g", "h"], 0.9).sum() == 1


def test_folds_keep_groups_whole_and_labels_even():
    labels = ["a", "b"] * 24
    groups = [f"g{n // 4}" for n in range(48)]  # 12 groups, two of each label
    found = folds(labels, groups, 4)
    for fold in range(4):
        inside = found == fold
        assert Counter(np.array(labels)[inside]) == {"a": 6, "b": 6}
    assert all(len(set(found[np.array(groups) == g])) == 1 for g in set(groups))
    each = folds(labels, groups, 12)
    assert sorted(Counter(each.tolist()).values()) == [4] * 12
    with pytest.raises(CnnRnnError, match="12 groups cannot make 13 folds"):
        folds(labels, groups, 13)


def test_a_fold_is_the_test_split_and_a_test_split_stays_unseen(tmp_path):
    names = [f"{label}/v_x_g{g}_c{c}.mp4" for label in "ab" for g in range(4) for c in "12"]
    put(tmp_path, *names)
    tested = []
    for number in range(1, 5):
        found = load(tmp_path, fold=f"{number}/4")
        there = [each.id for each in found.split("test")]
        assert len({each.group for each in found.split("test")}) == 1
        tested += there
    assert sorted(tested) == sorted(names)
    lines = ["path,label,split", *(f"{name},{name[0]},train" for name in names), "z.mp4,a,test"]
    (tmp_path / "c.csv").write_text("\n".join(lines))
    assert "z.mp4" not in splits(load(tmp_path / "c.csv", fold="1/4"))


@pytest.mark.parametrize("fold", ["0/4", "5/4", "1/1", "2", "a/b"])
def test_a_fold_that_cannot_be_meant(fold):
    with pytest.raises(UsageError, match="fold is"):
        TrainSettings(fold=fold)


def test_a_limit_takes_the_labels_in_turn(tmp_path):
    put(tmp_path, *(f"train/{label}/{n}.mp4" for label in "abc" for n in range(5)))
    found = load(tmp_path, limit=6)
    assert Counter(each.label for each in found.examples) == {"a": 2, "b": 2, "c": 2}


def test_split_words():
    assert split_word("Validation", "x") == "val"
    with pytest.raises(CnnRnnError, match="unknown split 'later' of x"):
        split_word("later", "x")
    with pytest.raises(CnnRnnError, match="3 training clips, and 3"):
        hold_out(3, 3, 0, "clips")


# -- checks ----------------------------------------------------------------------------------------


def table(tmp_path, *rows):
    (tmp_path / "c.csv").write_text("\n".join(["path,label,split,group", *rows]))
    return load(tmp_path / "c.csv")


def test_what_is_odd_is_one_line_each(tmp_path):
    found = table(
        tmp_path, "a.mp4,wave,train,", "b.mp4,Wave,train,", "c.mp4,clap,train,x",
        "d.mp4,clap,test,x", "e.mp4,jump,test,", "f.mp4,jump,test,",
    )  # fmt: skip
    told = warnings(found).splitlines()
    for line in (
        "the labels 'Wave' and 'wave' differ only in case and are told apart",
        "labels with one clip alone: Wave, wave",
        "the label 'jump' has no training clip: its 2 clips count as mistakes",
        "6 clips are missing: a.mp4, b.mp4, c.mp4 and 3 more",
        "1 groups are in training and on another side too: x",
    ):
        assert told.count(line) == 1, line


def test_the_same_file_on_two_sides(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"same")
    (tmp_path / "b.mp4").write_bytes(b"same")
    (tmp_path / "c.mp4").write_bytes(b"else")
    found = table(tmp_path, "a.mp4,wave,train,", "b.mp4,wave,test,", "c.mp4,clap,train,")
    assert "1 clips are in two splits: a.mp4 = b.mp4" in warnings(found)


def test_nothing_to_learn_is_an_error(tmp_path):
    with pytest.raises(CnnRnnError, match="no training clips"):
        checks.check(table(tmp_path, "a.mp4,wave,test,", "b.mp4,clap,test,"))
    with pytest.raises(CnnRnnError, match="two labels or more"):
        checks.check(table(tmp_path, "a.mp4,wave,train,", "b.mp4,wave,train,"))


def test_near_duplicates_are_found_and_others_are_not():
    generator = np.random.default_rng(0)
    clips = generator.integers(0, 256, (4, 2, 3, 3)).astype(float)
    clips[2] = clips[0] + 4  # another encoding
    clips[3] = clips[1]
    clips[3, 0, 0, 0] += 60  # somebody stands there
    assert checks.near_duplicates(clips, ["train", "train", "test", "test"]) == [(0, 2)]
    assert checks.near_duplicates(clips, ["train", "train", "train", "test"]) == []


def test_uneven_labels_are_weighed():
    settings = TrainSettings(data="x").resolved(60, uneven=True)
    assert settings.balance and settings.backbone == "mobilenet_v2"
    assert TrainSettings().resolved(60).balance is False


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"model": "vgg"}, "no model 'vgg'"),
        ({"stream": "sound"}, "no stream 'sound'"),
        ({"votes": "most"}, "no votes 'most'"),
        ({"grid": "2"}, "grid is '2'"),
        ({"grid": "0x2"}, "grid is '0x2'"),
        ({"model": "c3d", "stream": "flow"}, "c3d sees pixels only"),
        ({"model": "c3d", "grid": "2x2"}, "c3d sees pixels only"),
        ({"frames": 0}, "frames is 0"),
        ({"fps": 0.0}, "fps is 0.0"),
        ({"holdout": -1}, "holdout is -1"),
        ({"keep": 0}, "keep is 0"),
        ({"smoothing": 1.0}, "smoothing is 1.0"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_once(wrong, message):
    with pytest.raises(UsageError, match=message):
        TrainSettings(**wrong)


def test_settings_come_back_from_a_config():
    settings = TrainSettings(data="x.csv", format="csv", grid="2x3", fold="1/4", fps=5.0)
    config = json.loads(json.dumps(settings.as_config() | {"format": 1, "task": "video-classify"}))
    assert TrainSettings.from_config(config) == settings
    with pytest.raises(CnnRnnError, match="frames is 'many'"):
        TrainSettings.from_config(config | {"frames": "many"})
