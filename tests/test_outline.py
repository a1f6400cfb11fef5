"""What every task's training does alike: its beginning, its settings, the run that is used."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from cnnrnn import console
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.media.sources import Source, check_place
from cnnrnn.training.found import check_weights, found_run, tell_run
from cnnrnn.training.outline import (
    Flags,
    TrainOutcome,
    begin,
    check_usable,
    new_run,
    reached,
    step_seconds,
    tell_estimate,
    tell_outcome,
    weights_place,
)
from cnnrnn.training.run import Run
from cnnrnn.training.settings import (
    as_config,
    check_choices,
    check_counts,
    check_fit,
    check_shares,
    filled,
)

TASK = "caption"


@dataclass(frozen=True)
class Settings:
    data: str = "own.csv"
    format: str = "csv"
    kind: str | None = "big"
    hidden: int | None = None
    dropout: float | None = None
    schedule: str = "cosine"
    learning_rate: float | None = 1e-3
    clip_norm: float = 5.0
    patience: int = 7

    @classmethod
    def from_config(cls, config) -> Settings:
        return cls(data=config["data"])


# -- settings ------------------------------------------------------------------------------------


def test_choices():
    check_choices(Settings(), {"kind": ("big", "small")})
    check_choices(Settings(kind=None), {"kind": (None, "big")})
    with pytest.raises(UsageError, match="no kind 'odd'") as error:
        check_choices(Settings(kind="odd"), {"kind": (None, "big", "small")})
    assert error.value.hint == "one of big, small"
    with pytest.raises(UsageError, match="no kind None"):
        check_choices(Settings(kind=None), {"kind": ("big",)})


@pytest.mark.parametrize(
    ("check", "names", "wrong"),
    [
        (check_shares, ("dropout",), {"dropout": 1.0}),
        (check_shares, ("dropout",), {"dropout": -0.1}),
        (check_counts, ("hidden",), {"hidden": 0}),
        (check_fit, (), {"schedule": "odd"}),
        (check_fit, (), {"learning_rate": float("inf")}),
        (check_fit, (), {"learning_rate": 0.0}),
        (check_fit, (), {"clip_norm": float("nan")}),
    ],
)
def test_numbers_that_cannot_be_meant(check, names, wrong):
    check(Settings(), *names)  # None is chosen later
    with pytest.raises(UsageError, match=next(iter(wrong))):
        check(Settings(**wrong), *names)


def test_what_nobody_chose_is_filled_in():
    found = filled(Settings(hidden=3), {"hidden": 9, "dropout": 0.5})
    assert (found.hidden, found.dropout) == (3, 0.5)


def test_a_config_calls_the_layout_data_format():
    config = as_config(Settings())
    assert config["data_format"] == "csv" and "format" not in config


def test_fit_takes_what_settings_share():
    from cnnrnn.training.fit import FitSettings

    found = FitSettings.of(Settings(learning_rate=2e-3), averaging=0.5)
    assert (found.patience, found.learning_rate, found.averaging) == (7, 2e-3, 0.5)
    assert found.epochs == FitSettings().epochs  # Settings has none


# -- beginning -----------------------------------------------------------------------------------


def test_a_new_training(tmp_path):
    begun = begin(Settings, Settings(), TASK, tmp_path, "mine", Flags(True), None)
    assert (begun.settings, begun.flags, begun.run) == (Settings(), Flags(True), None)
    run = new_run(tmp_path, TASK, "mine", {"data": "x"}, 12, "regions")
    assert run.config["usable_regions"] == 12
    with pytest.raises(UsageError, match="exists already"):
        begin(Settings, Settings(), TASK, tmp_path, "mine", Flags(), None)


def test_a_resumed_training_takes_the_runs_own(tmp_path):
    run = Run.create(tmp_path, TASK, "mine", {"data": "theirs", "deterministic": True})
    begun = begin(Settings, Settings(), TASK, tmp_path, None, Flags(), run.path)
    assert (begun.settings.data, begun.flags) == ("theirs", Flags(deterministic=True))
    assert begun.run.path == run.path


def test_as_many_examples_as_before(tmp_path):
    run = new_run(tmp_path, TASK, None, {"data": "x"}, 12, "regions")
    check_usable(run, 12, "regions")
    with pytest.raises(CnnRnnError, match="11 training regions can be read, run .* with 12"):
        check_usable(run, 11, "regions")


def test_a_weights_file_is_named_by_its_whole_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.h5").touch()
    assert weights_place("w.h5") == {"weights": str((tmp_path / "w.h5").resolve())}
    assert weights_place("imagenet") == {}


def test_a_step_is_tried_with_all_batches_in_turn_after_two_that_compile():
    class Model:
        seen: list = []

        def compile(self, optimizer, loss):
            self.loss = loss

        def train_on_batch(self, inputs, targets):
            self.seen.append(inputs)

    assert step_seconds(Model(), "loss", [("a", 0), ("b", 0)]) >= 0
    assert Model.seen == ["a", "b", "a", "b", "a"]


# -- what is told --------------------------------------------------------------------------------


def test_the_line_of_what_was_reached():
    @dataclass
    class Result:
        epochs, seconds, best_epoch, stopped_early = 8, 102.0, 6, True

    line = reached(Result(), "BLEU-4 0.610 on 9 pictures kept aside")
    assert line == (
        f"8 epochs in {console.duration(102)}, BLEU-4 0.610 on 9 pictures kept aside, "
        "at epoch 6 (best), stopped early"
    )


def test_closing_lines_and_estimate(tmp_path, capsys):
    run = Run.create(tmp_path, TASK, "mine", {"data": "x"})
    assert tell_outcome(TASK, TrainOutcome(run, "done", []), "ask", "photo.jpg") == 0
    told = capsys.readouterr().err
    assert f"cnnrnn caption ask photo.jpg --run {run.path}" in told and "report.html" in told
    assert tell_outcome(TASK, TrainOutcome(run, "done", [("a", "b")]), "ask", "photo.jpg") == 1
    capsys.readouterr()
    tell_estimate({"extraction_seconds": 60, "training_seconds": 120, "disk_bytes": 2048})
    told = capsys.readouterr().err
    assert told.startswith(f"estimate  {console.duration(180)} ({console.duration(60)} features")


# -- the run that is used ------------------------------------------------------------------------


def usable(root, name: str) -> Run:
    run = Run.create(root, TASK, name, {"data": "x", "backbone": "b", "weights": "w"})
    run.save_best(lambda path: path.write_bytes(b"model"))
    return run


def test_the_named_run_the_newest_or_the_starter(tmp_path, capsys):
    starter = usable(tmp_path / "package", "starter").path
    runs = tmp_path / "runs"
    assert found_run(None, runs, TASK, starter).path == starter
    first, second = usable(runs, "first"), usable(runs, "second")
    assert found_run(None, runs, TASK, starter).path == second.path
    assert found_run(first.path, runs, TASK, starter).path == first.path
    refused = found_run(None, runs, TASK, starter, lambda run: run.name == "first")
    assert refused.path == first.path
    unfinished = Run.create(runs, TASK, "third", {"data": "x"})
    with pytest.raises(CnnRnnError, match="has no best.keras"):
        found_run(unfinished.path, runs, TASK, starter)
    tell_run(first, starter, "the built-in world")
    tell_run(Run.open(starter), starter, "the built-in world")
    told = capsys.readouterr().err.splitlines()
    assert told[0] == f"run {first.path}" and "which knows the built-in world" in told[1]


def test_other_weights_are_refused(tmp_path):
    run = usable(tmp_path, "mine")
    run.config["weights_hash"] = "abc"
    check_weights(run, "abc")
    with pytest.raises(CnnRnnError, match="the b weights w are not those"):
        check_weights(run, "def")


def test_the_end_of_a_prediction(capsys):
    report = console.Report("pictures")
    with pytest.raises(CnnRnnError, match="no pictures"):
        report.closed("give files")
    report.ok()
    assert report.closed("give files") == 0 and capsys.readouterr().err == ""
    report.fail("a.jpg", "is empty")
    assert report.closed("give files") == 1
    assert "1 picture done, 1 failed" in capsys.readouterr().err


def test_a_picture_is_not_drawn_over(tmp_path):
    source = Source("a.jpg", tmp_path / "a.jpg")
    check_place(source, tmp_path / "out")
    with pytest.raises(CnnRnnError, match="a.jpg lies in the output folder"):
        check_place(source, tmp_path)
