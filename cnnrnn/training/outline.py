"""What every task's `train` does alike before and after it fits.

    begun = begin(TrainSettings, settings, TASK, root, name, flags, resume)
    ...                              the task reads its data and makes its features
    run = begun.run or new_run(root, TASK, name, config, usable, "pictures")
    result = fit(...)
    return TrainOutcome(run, f"{reached(result, 'BLEU-4 0.2')}", failures)
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnrnn import console
from cnnrnn.errors import CnnRnnError
from cnnrnn.training.chosen import opened_to_resume
from cnnrnn.training.events import check_installed
from cnnrnn.training.origin import check_name
from cnnrnn.training.run import Run

TRIAL_STEPS = 3


@dataclass
class TrainOutcome:
    """What a training left behind.

    run: its folder.
    summary: the line of what was reached.
    failures: (name, reason) of the examples that could not be used.
    """

    run: Run
    summary: str
    failures: list[tuple[str, str]]


@dataclass(frozen=True)
class Flags:
    """What can be chosen about how a training is done, not about what it comes to.

    deterministic: the same seed gives the same weights to the last bit.
    tensorboard: the log is also written for TensorBoard.
    """

    deterministic: bool = False
    tensorboard: bool = False

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Flags:
        """Those among a command's parameters, or in a run's config.json."""
        return cls(**{name: bool(given.get(name)) for name in cls.__dataclass_fields__})


NO_FLAGS = Flags()


@dataclass
class Begun:
    """How a training begins.

    settings, flags: as given, or those of the run that is resumed.
    run: that run; None for a new training.
    """

    settings: Any
    flags: Flags
    run: Run | None


def begin(
    kind: type,
    settings: Any,
    task: str,
    root: Path | str,
    name: str | None,
    flags: Flags,
    resume: Path | str | None,
) -> Begun:
    """Refuse a name that is taken, and open the run that is resumed; nothing is written.

    Args:
        kind: the dataclass of settings, with `from_config`.
        settings, flags: of a new training.
        task, root, name: where its run will be, see `Run.create`.
        resume: a run to go on with, or None.

    Raises:
        UsageError: the name is taken or is no folder name, or TensorBoard is wanted and absent.
        CnnRnnError: `resume` is no run that can go on.
    """
    if resume:
        run = opened_to_resume(resume, task)
        begun = Begun(kind.from_config(run.config), Flags.of(run.config), run)
    else:
        begun = Begun(settings, flags, None)
    check_begin(root, task, None if resume else name, begun.flags)
    return begun


def check_begin(root: Path | str, task: str, name: str | None, flags: Flags) -> None:
    """Refuse what a new run could not be called or do; see `begin`.

    Raises:
        UsageError: the name is taken or is no folder name, or TensorBoard is wanted and absent.
    """
    if name is not None:
        check_name(Path(root) / task, name)
    if flags.tensorboard:
        check_installed()


def new_run(
    root: Path | str,
    task: str,
    name: str | None,
    config: Mapping[str, Any],
    usable: int,
    unit: str,
) -> Run:
    """Make the run of a new training, see `Run.create`; it remembers how many examples it had."""
    return Run.create(root, task, name, {**config, f"usable_{unit}": usable})


def check_usable(run: Run, usable: int, unit: str) -> None:
    """A run goes on only with as many examples as it began with.

    Args:
        run: the run that is resumed.
        usable: training examples that can be read now.
        unit: what an example is called, in the plural.

    Raises:
        CnnRnnError: it had more or fewer.
    """
    before = run.config.get(f"usable_{unit}", usable)
    if before != usable:
        raise CnnRnnError(
            f"{usable} training {unit} can be read, run {run.path} began with {before}",
            f"put the same {unit} back, or start a new run",
        )


def weights_place(weights: str) -> dict[str, str]:
    """For config.json: a weights file by its full path, so that the run finds it again from
    wherever it is used; nothing for weights that are no file."""
    return {"weights": str(Path(weights).resolve())} if Path(weights).exists() else {}


def step_seconds(model: Any, loss: Any, batches: Sequence[tuple]) -> float:
    """Seconds of one training step, tried with the first of some batches.

    Args:
        model: it is compiled and trained a little.
        batches: (inputs, targets), used in turn.
    """
    model.compile("adam", loss)
    for batch in batches[:2]:  # sentences of another length compile the step once more
        model.train_on_batch(*batch)
    began = time.perf_counter()
    for number in range(TRIAL_STEPS):
        model.train_on_batch(*batches[number % len(batches)])
    return (time.perf_counter() - began) / TRIAL_STEPS


def run_bytes(model: Any) -> int:
    """Bytes of a run's two models: the best one, and the last with the averaged weights and AdamW's
    two means."""
    return (1 + 4) * 4 * model.count_params()


def reached(result: Any, scores: str) -> str:
    """The line of what a training reached.

    Args:
        result: a `training.fit.FitResult`.
        scores: what the best epoch scores, and on what.
    """
    stop = ", stopped early" if result.stopped_early else ""
    epochs = console.counted(result.epochs, "epochs")
    return (
        f"{epochs} in {console.duration(result.seconds)}, {scores}, "
        f"at epoch {result.best_epoch} (best){stop}"
    )


def tell_estimate(cost: Mapping[str, float]) -> None:
    """Tell what `--dry-run` found.

    Args:
        cost: `extraction_seconds`, `training_seconds`, `disk_bytes`.
    """
    extraction, training = cost["extraction_seconds"], cost["training_seconds"]
    console.info(
        f"estimate  {console.duration(extraction + training)} "
        f"({console.duration(extraction)} features, {console.duration(training)} training), "
        f"{console.size(cost['disk_bytes'])} of disk"
    )


def tell_outcome(task: str, outcome: TrainOutcome, verb: str, example: str) -> int:
    """The closing lines of a training.

    Args:
        task: as it is typed.
        outcome: what `train` gave.
        verb: what comes next, such as `predict`.
        example: what it may be given.

    Returns:
        1 if an example could not be used, else 0.
    """
    path = outcome.run.path
    console.closing(
        (task, outcome.summary),
        ("saved", f"{path}/"),
        ("report", path / "report.html"),
        ("next", f"cnnrnn {task} {verb} {example} --run {path}"),
    )
    return 1 if outcome.failures else 0
