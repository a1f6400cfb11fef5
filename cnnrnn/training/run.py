"""The run folder: `runs/TASK/NAME/` holds everything that one training made and needs.

    config.json      format, task, created, versions, then every option, seed and data fingerprint
    command.txt      the command lines that trained it, oldest first
    log.csv          one row an epoch
    best.keras       the model at its best epoch, what `predict` opens
    last.keras       the model after the last finished epoch, with its optimizer
    state.json       where training stands after that epoch: schedule, early stopping, random state
    metrics.json     what it reached, written when training ends
    vocabulary.json  (or labels.json) the words that its outputs stand for
    report.html      the same for a person
    MODEL_CARD.md    what the model is, learned from, reached, and cannot do
    events/          log.csv for TensorBoard, where it was asked for

Nothing in it names its own place, so a folder that was moved or renamed still opens. Each file is
replaced whole or not at all; `last.keras` and `state.json` are replaced as one.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cnnrnn.errors import CnnRnnError
from cnnrnn.files import atomic_write, read_json, write_json
from cnnrnn.training.checkpoint import Save, digest_of, write_model
from cnnrnn.training.log import append_row, read_log
from cnnrnn.training.origin import FORMAT, claim, count_on, now, own_command, read_config, versions

DIGEST = "last_digest"  # the key of state.json that says which last.keras it belongs to


class Run:
    """One run folder. Made by `create`, found again by `open`.

    Attributes:
        path: the folder, as it was given.
        config: what config.json holds.
    """

    def __init__(self, path: Path, config: dict[str, Any]):
        self.path = path
        self.config = config

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @classmethod
    def create(
        cls,
        root: Path | str,
        task: str,
        name: str | None = None,
        config: Mapping[str, Any] | None = None,
        command: str | None = None,
    ) -> Run:
        """Make the folder `root/task/name` with its configuration; never one that exists.

        Args:
            root: the folder of all runs.
            task: `caption`, `vqa`, ...
            name: the folder's name; None counts on: `scenes-1`, `scenes-2`, after `config["data"]`.
            config: options in JSON types.
            command: the command line to keep; None takes this process's own.

        Raises:
            UsageError: the name is taken or is no folder name.
            CnnRnnError: the folder cannot be written.
        """
        header = {
            "format": FORMAT,
            "task": task,
            "created": now(),
            "versions": versions(),
        }
        config = header | {key: value for key, value in (config or {}).items() if key not in header}
        folder = Path(root) / task
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path = claim(folder, name) if name is not None else count_on(folder, config)
        except OSError as error:
            raise CnnRnnError(
                f"cannot make a run in {folder}: {error.strerror or error}",
                "choose another folder for the runs",
            ) from error
        try:
            write_json(path / "config.json", config)
            run = cls(path, config)
            run.record_command(command)
        except BaseException:
            shutil.rmtree(path, ignore_errors=True)  # made a moment ago, by this call
            raise
        return run

    @classmethod
    def open(cls, path: Path | str, task: str | None = None) -> Run:
        """Open a run folder, finished or not.

        Args:
            path: the folder.
            task: the task that it must be of; None takes any.

        Raises:
            CnnRnnError: no such folder, no run in it, a damaged one, one of another task or one
                that a newer cnnrnn made.
        """
        path = Path(path)
        hint = f"`cnnrnn {task} runs` lists the runs" if task else "give the folder of a run"
        if not path.is_dir():
            what = "is a file, not the folder of a run" if path.exists() else "does not exist"
            raise CnnRnnError(f"run {path} {what}", hint)
        if not (path / "config.json").is_file():
            raise CnnRnnError(f"{path} is not a run: it has no config.json", hint)
        return cls(path, read_config(path / "config.json", task))

    @property
    def name(self) -> str:
        """The folder's name (a run that was opened as `.` has one too)."""
        return self.path.resolve().name

    @property
    def task(self) -> str:
        return self.config["task"]

    @property
    def best(self) -> Path:
        """The model at its best epoch."""
        return self.path / "best.keras"

    @property
    def last(self) -> Path:
        """The model after the last finished epoch."""
        return self.path / "last.keras"

    @property
    def usable(self) -> bool:
        """Whether there is a model to predict with."""
        return self.best.is_file() and self.best.stat().st_size > 0

    def read_json(self, name: str) -> Any:
        """Read the JSON file `name` of this run; CnnRnnError when missing or damaged."""
        return read_json(self.path / name)

    def write_json(self, name: str, value: Any) -> None:
        """Write the JSON file `name` of this run."""
        write_json(self.path / name, value)

    def record_command(self, command: str | None = None) -> None:
        """Add a line to command.txt; a resumed run has one for each time it was started."""
        path = self.path / "command.txt"
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        with atomic_write(path, "w") as file:
            file.write(before + (command or own_command()) + "\n")

    # -- models and training state ---------------------------------------------------------------

    def save_best(self, save: Save) -> None:
        """Replace best.keras by what `save(path)` writes, once it is written whole."""
        write_model(save, self.path / "best.new.keras")
        os.replace(self.path / "best.new.keras", self.best)

    def save_last(self, save: Save, state: Mapping[str, Any]) -> None:
        """Replace last.keras and state.json as one.

        The model waits beside its final name until state.json, which holds its digest, is written.
        Killed before that, the old pair stands; killed after, the next reader completes the new.
        """
        digest = write_model(save, self._waiting)
        self.write_state({**state, DIGEST: digest})
        os.replace(self._waiting, self.last)

    @property
    def _waiting(self) -> Path:
        return self.path / "last.new.keras"

    def write_state(self, state: Mapping[str, Any]) -> None:
        """Replace state.json alone; `save_last` keeps it in step with the model."""
        self.write_json("state.json", dict(state))

    def read_state(self) -> dict[str, Any] | None:
        """The training state that belongs to last.keras, or None before the first epoch's end.

        Raises:
            CnnRnnError: state.json is damaged, or last.keras is not the model it was written with.
        """
        if not (self.path / "state.json").exists():
            return None
        state = self.read_json("state.json")
        if not isinstance(state, dict):
            raise CnnRnnError(f"{self.path}/state.json is damaged", "start a new run")
        digest = state.pop(DIGEST, None)
        if digest is None:
            return state
        if self._waiting.exists() and digest_of(self._waiting) == digest:
            os.replace(self._waiting, self.last)
        elif not self.last.exists() or digest_of(self.last) != digest:
            raise CnnRnnError(
                f"{self.last} is missing or damaged: it is not the model that state.json describes",
                "start a new run; best.keras still predicts",
            )
        return state

    # -- log and outcome -------------------------------------------------------------------------

    def append_log(self, row: Mapping[str, Any]) -> None:
        """Add an epoch to log.csv; see `cnnrnn.training.log.append_row`."""
        append_row(self.path / "log.csv", row)

    def log(self) -> list[dict[str, Any]]:
        """The rows of log.csv, numbers as int or float, an empty cell as None."""
        return read_log(self.path / "log.csv")

    def finish(
        self,
        metric: str,
        value: float,
        epoch: int,
        scores: Mapping[str, Any] | None = None,
        lower_is_better: bool = False,
    ) -> None:
        """Write metrics.json, the mark of a training that came to its end.

        Args:
            metric: the figure that the best epoch was chosen by.
            value: its value at that epoch.
            epoch: that epoch, counted from 1.
            scores: further figures to keep, by name.
            lower_is_better: True for a loss.
        """
        self.write_json(
            "metrics.json",
            {
                "metric": metric,
                "value": float(value),
                "epoch": int(epoch),
                "lower_is_better": lower_is_better,
                "finished": now(),
                "scores": dict(scores or {}),
            },
        )


@dataclass(frozen=True)
class RunSummary:
    """One line of a list of runs.

    Attributes:
        epochs: how many are logged.
        metric: what the best epoch was chosen by; None before the first epoch's end.
        value: its value there.
        created: ISO 8601, UTC.
        finished: the same, or None where training was stopped or still goes on.
    """

    name: str
    path: Path
    model: str
    data: str
    epochs: int
    metric: str | None
    value: float | None
    lower_is_better: bool
    created: str
    finished: str | None

    def as_dict(self) -> dict[str, Any]:
        """The fields in JSON types."""
        return asdict(self) | {"path": str(self.path)}


def newest(root: Path | str, task: str, accepts: Callable[[Run], bool] | None = None) -> Run | None:
    """The run of `task` under `root` that was made last, of those that can predict.

    Args:
        accepts: further condition, such as the medium; a run whose files it finds damaged
            (CnnRnnError) is passed over like one that it refuses.
    """
    for run in sorted(_runs(root, task), key=_created, reverse=True):
        try:
            if run.usable and (accepts is None or accepts(run)):
                return run
        except CnnRnnError:
            continue
    return None


def list_runs(root: Path | str, task: str) -> list[RunSummary]:
    """All runs of `task` that open, best first within one metric, those without a figure last."""
    summaries = [_summary(run) for run in sorted(_runs(root, task), key=_created, reverse=True)]

    def rank(each: RunSummary) -> tuple[bool, str, float]:
        if each.value is None:
            return True, "", 0.0
        return False, each.metric or "", each.value if each.lower_is_better else -each.value

    return sorted(summaries, key=rank)


def _runs(root: Path | str, task: str) -> Iterator[Run]:
    folder = Path(root) / task
    try:
        paths = sorted(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        raise CnnRnnError(f"cannot list {folder}: {error.strerror or error}") from error
    for path in paths:
        try:
            yield Run.open(path, task)
        except CnnRnnError:
            continue


def _created(run: Run) -> str:
    return str(run.config.get("created", ""))


def _summary(run: Run) -> RunSummary:
    try:
        rows = run.log()
    except CnnRnnError:
        rows = []
    try:
        outcome = run.read_json("metrics.json")
        metric, value = outcome["metric"], float(outcome["value"])
        lower, finished = bool(outcome["lower_is_better"]), str(outcome["finished"])
    except (CnnRnnError, KeyError, TypeError, ValueError):
        losses = [row["val_loss"] for row in rows if _finite(row.get("val_loss"))]
        metric, value = ("val_loss", min(losses)) if losses else (None, None)
        lower, finished = True, None
    return RunSummary(
        name=run.name,
        path=run.path,
        model=str(run.config.get("model", "")),
        data=str(run.config.get("data", "")),
        epochs=len(rows),
        metric=metric,
        value=value if _finite(value) else None,
        lower_is_better=lower,
        created=_created(run),
        finished=finished,
    )


def _finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)
