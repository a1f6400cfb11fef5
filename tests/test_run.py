"""The run folder: made once, found again, whole after any kill."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading

import pytest

from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.training.origin import FORMAT, read_config
from cnnrnn.training.run import Run, list_runs, newest


def saver(content: bytes):
    return lambda path: path.write_bytes(content)


def test_create_writes_header_options_and_command(tmp_path):
    run = Run.create(
        tmp_path, "caption", "mine", {"data": "scenes", "lr": 0.1, "task": "vqa"}, "cnnrnn x"
    )
    assert run.path == tmp_path / "caption" / "mine"
    config = json.loads((run.path / "config.json").read_text())
    assert list(config)[:4] == ["format", "task", "created", "versions"]
    assert config["task"] == "caption" and config["lr"] == 0.1 and config["format"] == FORMAT
    assert {"cnnrnn", "keras", "backend", "numpy"} <= config["versions"].keys()
    assert config["versions"]["keras"][0].isdigit() and config["versions"]["numpy"][0].isdigit()
    run.record_command("cnnrnn x --resume")
    assert (run.path / "command.txt").read_text() == "cnnrnn x\ncnnrnn x --resume\n"


@pytest.mark.parametrize(
    "data, expected",
    [
        ("scenes", "scenes-1"),
        ("/some/Flickr 8k/", "Flickr-8k-1"),
        ("own.csv", "own-1"),
        ("图片.csv", "图片-1"),
        ("..", "run-1"),
        (None, "run-1"),
    ],
)
def test_automatic_name_comes_from_the_data(tmp_path, data, expected):
    assert Run.create(tmp_path, "caption", config={"data": data}).name == expected


def test_automatic_names_count_on_past_gaps(tmp_path):
    (tmp_path / "caption" / "scenes-7").mkdir(parents=True)
    (tmp_path / "caption" / "scenes-x9").mkdir()
    assert Run.create(tmp_path, "caption", config={"data": "scenes"}).name == "scenes-8"


def test_runs_that_start_at_once_get_folders_of_their_own(tmp_path):
    names, barrier = [], threading.Barrier(8)

    def start():
        barrier.wait()
        names.append(Run.create(tmp_path, "caption", config={"data": "scenes"}).name)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(names) == [f"scenes-{n}" for n in range(1, 9)]


def test_an_existing_name_is_refused_and_left_alone(tmp_path):
    run = Run.create(tmp_path, "caption", "mine", {"seed": 1})
    with pytest.raises(UsageError, match="exists already.*--resume"):
        Run.create(tmp_path, "caption", "mine", {"seed": 2})
    assert Run.open(run.path).config["seed"] == 1


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\\b", ".hidden", "line\nbreak", "x" * 101])
def test_a_name_that_leaves_the_folder_is_refused(tmp_path, name):
    with pytest.raises(UsageError, match="cannot be the name"):
        Run.create(tmp_path, "caption", name)
    assert list((tmp_path / "caption").iterdir()) == []


def test_a_configuration_that_is_not_json_leaves_no_folder(tmp_path):
    with pytest.raises(TypeError):
        Run.create(tmp_path, "caption", "mine", {"data": object()})
    assert list((tmp_path / "caption").iterdir()) == []


def test_a_root_that_is_a_file_is_one_clear_error(tmp_path):
    (tmp_path / "runs").write_text("")
    with pytest.raises(CnnRnnError, match="cannot make a run in"):
        Run.create(tmp_path / "runs", "caption")


def test_a_moved_run_opens(tmp_path, monkeypatch):
    run = Run.create(tmp_path / "a", "caption", "old", {"data": "scenes"})
    run.save_best(saver(b"model"))
    run.save_last(saver(b"last"), {"epoch": 2})
    run.append_log({"epoch": 1, "loss": 2.0})
    shutil.move(run.path, tmp_path / "new")
    monkeypatch.chdir(tmp_path / "new")
    moved = Run.open(".")
    assert moved.name == "new" and moved.best.read_bytes() == b"model"
    assert moved.read_state() == {"epoch": 2} and len(moved.log()) == 1
    assert str(tmp_path) not in (tmp_path / "new" / "config.json").read_text()


def damage(path, text):
    (path / "config.json").write_text(text)


@pytest.mark.parametrize(
    "text, message",
    [
        ('{"format": 1, "ta', "is not JSON"),
        ("", "is not JSON"),
        ("[]", "not the configuration"),
        ('{"task": "caption"}', "not the configuration"),
        ('{"format": true, "task": "caption"}', "not the configuration"),
        ('{"format": 1, "task": 3}', "not the configuration"),
        ('{"format": 1, "task": "vqa"}', "is of a vqa run, not of caption"),
        (json.dumps({"format": FORMAT + 1, "task": "caption"}), "newer cnnrnn.*update"),
    ],
)
def test_a_damaged_foreign_or_newer_configuration_is_one_line(tmp_path, text, message):
    run = Run.create(tmp_path, "caption", "mine")
    damage(run.path, text)
    with pytest.raises(CnnRnnError, match=message) as caught:
        Run.open(run.path, "caption")
    assert "\n" not in str(caught.value)
    with pytest.raises(CnnRnnError, match=message):
        read_config(run.path / "config.json", "caption")


def test_what_is_no_run_folder_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CnnRnnError, match="does not exist.*`cnnrnn caption runs`"):
        Run.open(tmp_path / "none", "caption")
    with pytest.raises(CnnRnnError, match="is a file"):
        Run.open(tmp_path / "file")
    with pytest.raises(CnnRnnError, match="no config.json"):
        Run.open(tmp_path)


# -- log.csv ------------------------------------------------------------------------------------


def test_log_keeps_columns_and_types(tmp_path):
    run = Run.create(tmp_path, "caption", "mine")
    assert run.log() == []
    run.append_log({"epoch": 1, "loss": 0.1 + 0.2, "note": 'a, "b"\nc'})
    run.append_log({"epoch": 2, "note": "", "loss": 1e-7, "CIDEr": 0.5})
    assert run.log() == [
        {"epoch": 1, "loss": 0.1 + 0.2, "note": 'a, "b"\nc', "CIDEr": None},
        {"epoch": 2, "loss": 1e-7, "note": None, "CIDEr": 0.5},
    ]
    assert (run.path / "log.csv").read_text().startswith("epoch,loss,note,CIDEr\n")


@pytest.mark.parametrize("tail", ["3,0", "3,0.25", "3", "\x00\x00\x00", "3,0.2\n", "3,1,2,9\n"])
def test_a_half_written_last_line_is_dropped(tmp_path, tail):
    run = Run.create(tmp_path, "caption", "mine")
    (run.path / "log.csv").write_text("epoch,loss,lr\n1,0.9,1\n2,0.5,1\n" + tail)
    assert [row["epoch"] for row in run.log()] == [1, 2]
    run.append_log({"epoch": 3, "loss": 0.4, "lr": 1})
    assert run.log()[2] == {"epoch": 3, "loss": 0.4, "lr": 1} and len(run.log()) == 3


def test_an_epoch_that_is_trained_again_is_logged_once(tmp_path):
    run = Run.create(tmp_path, "caption", "mine")
    for epoch, loss in [(1, 3.0), (2, 2.0), (3, 1.0), (2, 2.5)]:
        run.append_log({"epoch": epoch, "loss": loss})
    assert [tuple(row.values()) for row in run.log()] == [(1, 3.0), (2, 2.5)]


# -- models and state ---------------------------------------------------------------------------


def test_state_belongs_to_the_last_model(tmp_path):
    run = Run.create(tmp_path, "caption", "mine")
    assert run.read_state() is None
    run.save_last(saver(b"one"), {"epoch": 1, "random": [1, 2]})
    assert run.read_state() == {"epoch": 1, "random": [1, 2]}
    assert run.last.read_bytes() == b"one"


def test_a_kill_before_the_state_keeps_the_old_pair(tmp_path, monkeypatch):
    run = Run.create(tmp_path, "caption", "mine")
    run.save_last(saver(b"one"), {"epoch": 1})
    monkeypatch.setattr(run, "write_state", lambda state: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        run.save_last(saver(b"two"), {"epoch": 2})
    again = Run.open(run.path)
    assert again.read_state() == {"epoch": 1} and again.last.read_bytes() == b"one"


def test_a_kill_after_the_state_completes_the_new_pair(tmp_path, monkeypatch):
    run = Run.create(tmp_path, "caption", "mine")
    run.save_last(saver(b"one"), {"epoch": 1})
    write_state = run.write_state

    def then_die(state):
        write_state(state)
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "write_state", then_die)
    with pytest.raises(KeyboardInterrupt):
        run.save_last(saver(b"two"), {"epoch": 2})
    assert run.last.read_bytes() == b"one"
    again = Run.open(run.path)
    assert again.read_state() == {"epoch": 2} and again.last.read_bytes() == b"two"


def test_a_damaged_last_model_is_not_resumed(tmp_path):
    run = Run.create(tmp_path, "caption", "mine")
    run.save_last(saver(b"one"), {"epoch": 1})
    run.last.write_bytes(b"0ne")
    with pytest.raises(CnnRnnError, match="missing or damaged"):
        run.read_state()
    run.last.unlink()
    with pytest.raises(CnnRnnError, match="missing or damaged"):
        run.read_state()


def test_a_save_that_fails_leaves_the_model_before_it(tmp_path):
    run = Run.create(tmp_path, "caption", "mine")
    run.save_best(saver(b"good"))

    def full(path):
        path.write_bytes(b"ha")
        raise OSError(28, "No space left on device")

    for save in (run.save_best, lambda save: run.save_last(save, {})):
        with pytest.raises(CnnRnnError, match="No space left on device"):
            save(full)
    assert run.best.read_bytes() == b"good"
    assert sorted(os.listdir(run.path)) == ["best.keras", "command.txt", "config.json"]


# -- finding runs -------------------------------------------------------------------------------


def make(root, name, value=None, metric="CIDEr", best=True, lower=False, **config):
    run = Run.create(root, "caption", name, {"data": "scenes", "model": "attention", **config})
    if best:
        run.save_best(saver(b"model"))
    if value is not None:
        run.append_log({"epoch": 1, "val_loss": 2.0})
        run.finish(metric, value, 1, lower_is_better=lower)
    return run


def test_newest_passes_over_what_cannot_predict(tmp_path):
    assert newest(tmp_path, "caption") is None
    make(tmp_path, "z-old", medium="photo")
    make(tmp_path, "good", medium="scenes")
    make(tmp_path, "unfinished", best=False)
    make(tmp_path, "empty", best=False).best.touch()
    damage(make(tmp_path, "broken").path, "{")
    make(tmp_path, "newer").write_json("config.json", {"format": FORMAT + 1, "task": "caption"})
    (tmp_path / "caption" / "foreign").mkdir()
    (tmp_path / "caption" / "file.txt").touch()
    Run.create(tmp_path, "vqa", "other").save_best(saver(b"model"))
    assert newest(tmp_path, "caption").name == "good"
    photo = newest(tmp_path, "caption", lambda run: run.config["medium"] == "photo")
    assert photo.name == "z-old"
    assert newest(tmp_path, "caption", lambda run: run.read_json("absent.json")) is None


def test_list_is_best_first(tmp_path):
    make(tmp_path, "low", 0.2)
    make(tmp_path, "high", 0.7, model="inject-init")
    make(tmp_path, "nan", float("nan"))
    make(tmp_path, "loss-2", 2.0, "loss", lower=True)
    make(tmp_path, "loss-1", 1.0, "loss", lower=True)
    stopped = make(tmp_path, "stopped")
    for epoch, loss in enumerate([3.0, 2.5, 2.75, None], 1):
        stopped.append_log({"epoch": epoch, "val_loss": loss})
    make(tmp_path, "started", best=False)
    summaries = list_runs(tmp_path, "caption")
    names = [each.name for each in summaries]
    assert names == ["high", "low", "loss-1", "loss-2", "stopped", "started", "nan"]
    best, by_name = summaries[0], dict(zip(names, summaries, strict=True))
    assert (best.model, best.data, best.epochs) == ("inject-init", "scenes", 1)
    assert (best.metric, best.value) == ("CIDEr", 0.7) and best.finished > best.created
    assert json.loads(json.dumps(best.as_dict()))["path"] == str(best.path)
    stopped = by_name["stopped"]
    assert (stopped.metric, stopped.value, stopped.epochs) == ("val_loss", 2.5, 4)
    assert stopped.finished is None and by_name["started"].value is None


def test_a_damaged_outcome_counts_as_unfinished(tmp_path):
    run = make(tmp_path, "mine", 0.5)
    for text in ("{", "[]", '{"metric": "CIDEr"}', '{"metric": "CIDEr", "value": "high"}'):
        (run.path / "metrics.json").write_text(text)
        (summary,) = list_runs(tmp_path, "caption")
        assert summary.finished is None and summary.value == 2.0  # the val_loss of its log


def test_no_keras_and_no_numpy_is_needed():
    code = (
        "import sys, cnnrnn.training.run; sys.exit(bool({'keras', 'tensorflow', 'numpy'}"
        " & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
