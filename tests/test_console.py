"""What a person sees: lines, tables, progress, exit codes."""

import json
import math

import numpy as np
import pytest

from cnnrnn import console
from cnnrnn.errors import CnnRnnError, UsageError


@pytest.fixture(autouse=True)
def loud():
    """Leave the process as it was: neither quiet nor in debug mode."""
    yield
    console.set_verbosity(False)
    console.set_debug(False)


@pytest.fixture
def clock(monkeypatch):
    """A clock that the test moves: `clock[0]` is the time in seconds."""
    time = [100.0]
    monkeypatch.setattr(console.time, "monotonic", lambda: time[0])
    return time


def test_results_go_to_stdout_and_the_rest_to_stderr(capsys):
    console.result("a dog runs")
    console.info("reading")
    console.warn("small")
    console.error(CnnRnnError("no such file a.jpg", "check the name"))
    out, err = capsys.readouterr()
    assert out == "a dog runs\n"
    assert err == "reading\nwarning: small\nerror: no such file a.jpg (check the name)\n"


def test_quiet_keeps_warnings_and_errors(capsys):
    console.set_verbosity(quiet=True)
    console.info("reading")
    console.closing(("caption", "done"))
    with console.Progress(2, "features") as progress:
        progress.update(2)
    console.warn("small")
    console.error("broken")
    assert capsys.readouterr().err == "warning: small\nerror: broken\n"


def test_an_error_is_one_line_whatever_its_text(capsys):
    console.error(CnnRnnError("two\nlines"))
    console.error(KeyError("x"))
    first, second = capsys.readouterr().err.splitlines()
    assert first == "error: two lines"
    assert second.startswith("error: unexpected KeyError: 'x'") and "--debug" in second


def test_json_line_knows_numpy_and_has_no_nan(capsys):
    console.json_line({"a": np.float32(0.5), "b": np.arange(2), "c": [math.nan, 1], "d": "é"})
    line = capsys.readouterr().out
    assert line == '{"a": 0.5, "b": [0, 1], "c": [null, 1], "d": "é"}\n'
    assert json.loads(line)["c"] == [None, 1]


def test_a_name_stays_in_its_line():
    assert console.field("new\nline\t图片 été.jpg") == "new\\nline\\t图片 été.jpg"


def test_one_is_singular():
    assert [console.counted(n, "epochs") for n in (0, 1, 2)] == ["0 epochs", "1 epoch", "2 epochs"]


def test_table_aligns_words_left_numbers_right_and_wide_characters():
    text = console.table(["model", "BLEU"], [["attention", 0.25], ["图像", None], ["x", 12.5]])
    assert text.splitlines() == [
        "model        BLEU",
        "---------  ------",
        "attention   0.250",
        "图像            -",
        "x          12.500",
    ]


def test_table_without_rows_is_its_head():
    assert console.table(["run", "model"], []) == "run  model\n---  -----"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.42, "0.4 s"), (59.6, "1 min 00 s"), (102, "1 min 42 s"), (7500, "2 h 05 min")],
)
def test_duration(seconds, text):
    assert console.duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(812, "812 B"), (1440, "1.4 kB"), (25e6, "25 MB"), (4.2e12, "4200 GB")]
)
def test_size(count, text):
    assert console.size(count) == text


def test_closing_lines(capsys):
    console.closing(
        ("caption", "8 epochs in 1 min 42 s"),
        ("saved", "runs/caption/scenes-1/"),
        ("report", "runs/caption/scenes-1/report.html"),
        ("next", "cnnrnn caption predict photo.jpg"),
    )
    assert capsys.readouterr().err.splitlines() == [
        "caption: 8 epochs in 1 min 42 s",
        "saved    runs/caption/scenes-1/            report  runs/caption/scenes-1/report.html",
        "next     cnnrnn caption predict photo.jpg",
    ]


def test_progress_in_a_log_is_a_line_every_ten_seconds(capsys, clock):
    with console.Progress(1000, "features", "pictures") as progress:
        for _ in range(4):
            clock[0] += 4.0
            progress.update(50)
    # The third update, after 12 s, is the only one due: 12.5 a second, so 68 s for the other 850.
    err = capsys.readouterr().err
    assert err == "features  150/1000   15%  12 pictures/s  1 min 08 s left\n"


def test_progress_on_a_terminal_is_rewritten_and_vanishes(capsys, clock, monkeypatch):
    monkeypatch.setattr(console.sys.stderr, "isatty", lambda: True, raising=False)
    with console.Progress(4, "epoch 1") as progress:
        progress.update(note="loss 2.5")  # a sign of life at once
        clock[0] += 0.05
        progress.update()  # too soon
        clock[0] += 2.0
        progress.update()
        console.info("saved")
    err = capsys.readouterr().err
    assert err.count("epoch 1") == 2
    assert "epoch 1  3/4   75%  1.46/s  0.7 s left  loss 2.5" in err
    assert err.endswith("\r\x1b[Ksaved\n")


def test_progress_without_a_total_counts(capsys, clock):
    with console.Progress(None, "features") as progress:
        clock[0] += 20.0
        progress.update(5)
    assert capsys.readouterr().err == "features  5  0.25/s\n"


def test_report_counts_and_decides_the_exit_code(capsys):
    report = console.Report("pictures")
    report.ok(98)
    assert (report.exit_code, report.summary()) == (0, "98 pictures done")
    report.fail("a.jpg", "empty file")
    report.fail("b.jpg", CnnRnnError("b.jpg is not an image"))
    assert (report.exit_code, report.summary()) == (1, "98 pictures done, 2 failed")
    assert capsys.readouterr().err == "error: a.jpg: empty file\nerror: b.jpg is not an image\n"


@pytest.mark.parametrize(
    ("failure", "code", "line"),
    [
        (CnnRnnError("no run", "train first"), 1, "error: no run (train first)\n"),
        (UsageError("no model x"), 2, "error: no model x\n"),
        (KeyboardInterrupt(), 130, "stopped\n"),
        (MemoryError(), 1, "error: out of memory (try a smaller --batch or --limit)\n"),
    ],
)
def test_guard(capsys, failure, code, line):
    def callback():
        raise failure

    with pytest.raises(SystemExit) as caught:
        console.guard(callback)()
    assert caught.value.code == code
    assert caught.value.__cause__ is failure
    assert capsys.readouterr().err == line


def test_debug_shows_the_traceback_before_the_line(capsys):
    console.set_debug(True)
    with pytest.raises(SystemExit):
        console.guard(lambda: {}["missing"])()
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("Traceback") and lines[-1].startswith("error: unexpected KeyError")
