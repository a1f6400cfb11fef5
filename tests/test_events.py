"""The log for TensorBoard: read again as TensorBoard reads it, an epoch drawn once."""

from __future__ import annotations

import builtins

import pytest

from cnnrnn.errors import UsageError
from cnnrnn.training.events import FOLDER, check_installed, write_events
from cnnrnn.training.outline import Flags, begin
from cnnrnn.training.run import Run


def scalars(folder) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard draws: (step, value) by tag."""
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="needs the extra tensorboard",
    )
    found = accumulator.EventAccumulator(str(folder), size_guidance={"tensors": 0})
    found.Reload()
    tags = found.Tags()["scalars"]
    return {tag: [(each.step, each.value) for each in found.Scalars(tag)] for tag in tags}


def test_each_epoch_is_drawn_once(tmp_path):
    pytest.importorskip("tensorboard", reason="needs the extra tensorboard")
    for epoch, loss in ((1, 3.0), (2, 9.0), (2, 2.0), (10, 1.0)):  # the second was done again
        write_events(tmp_path, {"epoch": epoch, "loss": loss, "note": None})
    assert scalars(tmp_path / FOLDER) == {"loss": [(1, 3.0), (2, 2.0), (10, 1.0)]}
    assert len(list((tmp_path / FOLDER).iterdir())) == 3


@pytest.fixture
def absent(monkeypatch):
    """The package is not installed."""
    found = builtins.__import__

    def imported(name, *more, **others):
        if name.split(".")[0] == "tensorboard":
            raise ImportError(name)
        return found(name, *more, **others)

    monkeypatch.setattr(builtins, "__import__", imported)


def test_without_the_extra_it_is_one_line(absent):
    with pytest.raises(UsageError, match=r"pip install 'cnnrnn\[tensorboard\]'"):
        check_installed()


def test_without_the_extra_nothing_begins(absent, tmp_path):
    with pytest.raises(UsageError, match="needs the package tensorboard"):
        begin(dict, {}, "caption", tmp_path, None, Flags(tensorboard=True), None)
    begin(dict, {}, "caption", tmp_path, None, Flags(), None)


def test_a_run_that_is_resumed_goes_on_writing(tmp_path):
    pytest.importorskip("tensorboard", reason="needs the extra tensorboard")
    from fit_helpers import Figures, start

    from cnnrnn.training.fit import Interrupted

    run = Run.create(tmp_path, "caption", "mine", {"tensorboard": True})
    assert Flags.of(run.config) == Flags(tensorboard=True)
    with pytest.raises(Interrupted):
        start(run, Figures(4.0, KeyboardInterrupt()))
    write_events(run.path, {"epoch": 2, "val_loss": 9.0})  # killed before the epoch was saved
    start(Run.open(run.path), Figures(3.0, 2.0, 1.0), resume=True)
    found = scalars(run.path / FOLDER)
    assert found["val_loss"] == [(1, 4.0), (2, 3.0), (3, 2.0), (4, 1.0)]
    assert set(found) == set(run.log()[0]) - {"epoch"}


def test_a_run_without_it_writes_none(tmp_path):
    from fit_helpers import Figures, start

    run = Run.create(tmp_path, "caption", "mine")
    start(run, Figures(4.0, 3.0, 2.0, 1.0))
    assert not (run.path / FOLDER).exists()
