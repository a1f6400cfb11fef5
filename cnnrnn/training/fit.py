"""The fit loop of every task: clipping, adaptive rate, weight averaging, early stopping, resume.

One epoch is: train on its batches, average the weights, validate, keep the best, save everything
that is needed to go on. What an epoch draws at random (the order of its data, dropout) depends on
(seed, epoch) alone; so a training that was stopped and resumed ends with the weights of one that
was not.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np

from cnnrnn import backend, console
from cnnrnn.ahead import prefetched
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.training.events import write_events
from cnnrnn.training.optimizers import AdamWeightDecay
from cnnrnn.training.run import Run
from cnnrnn.training.settings import SCHEDULES, UNCHOSEN

keras = backend.keras()


class Diverged(CnnRnnError):
    """The loss is no longer a number."""


class Interrupted(CnnRnnError):
    """Ctrl-C in a training: the last finished epoch is saved."""

    exit_code = console.INTERRUPTED


@dataclass(frozen=True)
class FitSettings:
    """How weights are found.

    epochs: at most so many passes over the training data.
    learning_rate: of AdamW, at its highest.
    schedule: `cosine` falls to zero over all epochs, `plateau` is halved after each epoch whose
        figure is not the best so far, `fixed` stays.
    warmup: share of the first epoch over which the rate rises from zero, 0 to 1.
    clip_norm: gradients whose global norm is larger are scaled down to it; 0 does not clip.
    weight_decay: decoupled decay (Loshchilov and Hutter 2019); biases are left out.
    averaging: momentum of the moving average of the weights that is validated and kept, 0 to
        below 1; 0 keeps the weights as they are.
    patience: stop after so many epochs without a better figure.
    seed: of the order of the data and of dropout; the first weights are the caller's.
    """

    epochs: int = 15
    learning_rate: float = 1e-3
    schedule: str = "cosine"
    warmup: float = 1.0
    clip_norm: float = 5.0
    weight_decay: float = 1e-2
    averaging: float = 0.99
    patience: int = 5
    seed: int = 0

    def __post_init__(self):
        if self.schedule not in SCHEDULES:
            raise UsageError(f"no schedule {self.schedule!r}", f"one of {', '.join(SCHEDULES)}")
        for name in ("epochs", "patience"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} is {getattr(self, name)}", "at least 1")
        if not self.learning_rate > 0:
            raise UsageError(f"a learning rate of {self.learning_rate} learns nothing", "e.g. 1e-3")
        if not 0 <= self.averaging < 1:
            raise UsageError(f"averaging is {self.averaging}", "0 to below 1")
        if not self.clip_norm >= 0:
            raise UsageError(f"a gradient norm cannot be {self.clip_norm}", "0 does not clip")


    @classmethod
    def of(cls, settings: Any, **more: Any) -> FitSettings:
        """Those that a task's settings have too, and `more`."""
        shared = {each.name for each in fields(cls)} & {each.name for each in fields(settings)}
        return cls(**{name: getattr(settings, name) for name in shared} | more)


def averaging_of(steps: float) -> float:
    """Momentum of the average of the weights over about so many steps, 2 to 100."""
    return min(0.99, max(0.5, 1 - 1 / max(steps, 1.0)))


def last_epoch(model: Any) -> dict[str, float]:
    """For a training that keeps nothing aside: a figure that grows with every epoch."""
    return {UNCHOSEN: float(model.optimizer.iterations)}


class Batches(Protocol):
    """The training data of one task.

    Data that the model makes itself (self-critical training) has, instead of `epoch`, a method
    `online(model, generator)`; what it gives is drawn between the steps, not ahead of them.
    """

    def steps(self) -> int:
        """Batches of an epoch."""

    def epoch(self, generator: np.random.Generator) -> Iterable[tuple]:
        """The (inputs, targets) or (inputs, targets, weights) of one epoch in a new order."""


@dataclass(frozen=True)
class FitResult:
    """What a training came to."""

    epochs: int
    best_epoch: int
    best_value: float
    seconds: float
    stopped_early: bool


def fit(
    model,
    loss,
    batches: Batches,
    validate: Callable[[Any], Mapping[str, float]],
    monitor: str,
    settings: FitSettings,
    run: Run,
    resume: bool = False,
    by: Any = None,
    loss_weights: Mapping[str, float] | None = None,
) -> FitResult:
    """Train `model` and keep it in `run`.

    Args:
        model: a built Keras model; with `resume` it is replaced by the run's own.
        loss: a registered Keras loss of (targets, outputs); for a model with several outputs a
            dictionary of them, and each is logged under its own name too.
        batches: the training data.
        validate: gives the figures of held-out data for a model, by name.
        monitor: the figure that chooses the best epoch; higher is better unless its name ends
            in `loss`. Of epochs that are alike in it the lower `val_loss` is better: a net that
            cannot speak yet has a CIDEr of 0 for a while and learns all the same.
        settings: see `FitSettings`.
        run: the folder that takes log.csv, best.keras, last.keras and state.json.
        resume: go on after the last finished epoch of `run`.
        by: the optimizer; None takes AdamW, see `optimizer`.
        loss_weights: of several losses in their sum.

    Raises:
        Diverged: the loss is no longer a number (the last good epoch is kept).
        Interrupted: Ctrl-C.
    """
    state = run.read_state() if resume else None
    if state:
        model = load_model(run.last, compiled=True)
    else:
        state = {"epoch": 0, "best": None, "best_epoch": 0, "rate": 1.0, "seconds": 0.0}
        model.compile(by or optimizer(settings), loss, loss_weights)
        # Variables that the first step makes would have it compiled twice.
        model.optimizer.build(model.trainable_variables)
    try:
        return _fit(model, batches, validate, monitor, settings, run, state)
    except KeyboardInterrupt:
        where = f"cnnrnn {run.task} train --resume {run.path}"
        hint = f"go on with: {where}" if run.last.exists() else "no epoch was finished"
        raise Interrupted(f"stopped; {state['epoch']} epochs are saved", hint) from None


def _fit(model, batches, validate, monitor, settings, run, state) -> FitResult:
    sign = -1.0 if monitor.endswith("loss") else 1.0
    if state["best"] is not None:  # of a run that was begun before there were ranks
        state.setdefault("rank", [sign * state["best"], 0.0])

    def stopped() -> bool:
        return state["epoch"] - state["best_epoch"] >= settings.patience

    while state["epoch"] < settings.epochs and not stopped():
        began = time.monotonic()
        epoch = state["epoch"] + 1
        losses, rate = _train_epoch(model, batches, settings, epoch, state["rate"])
        with averaged(model):
            figures = {key: float(value) for key, value in validate(model).items()}
            rank = (sign * figures[monitor], -figures.get("val_loss", 0.0))
            better = not state.get("rank") or rank > tuple(state["rank"])
            if better:
                state.update(best=figures[monitor], rank=rank, best_epoch=epoch)
                run.save_best(_without_optimizer(model).save)
        if not better and settings.schedule == "plateau":
            state["rate"] /= 2
        spent = time.monotonic() - began
        state.update(epoch=epoch, seconds=state["seconds"] + spent)
        row = {"epoch": epoch, **losses, **figures, "rate": rate, "seconds": spent}
        run.append_log(row)
        if run.config.get("tensorboard"):
            write_events(run.path, row)
        run.save_last(model.save, state)
        console.info(_line(row, settings.epochs, monitor, better))
    return FitResult(
        state["epoch"], state["best_epoch"], state["best"], state["seconds"], stopped()
    )


def _line(row: dict[str, float], epochs: int, monitor: str, better: bool) -> str:
    # The parts of a loss are in the log; in one line they would hide the rest.
    left_out = {"epoch", "rate", "seconds"} | {key for key in row if key.endswith("_loss")}
    left_out -= {"val_loss"}
    figures = [f"{key} {row[key]:.3f}" for key in row if key not in left_out]
    mark = f"  (best {monitor})" if better else ""
    spent = console.duration(row["seconds"])
    return f"epoch {row['epoch']}/{epochs}  {'  '.join(figures)}  {spent}{mark}"


def _train_epoch(model, batches, settings, epoch, scale) -> tuple[dict[str, float], float]:
    """Returns the mean training loss, with its parts where it has any, and the last rate."""
    generator = np.random.default_rng([settings.seed, epoch])
    _reseed(model, generator)
    steps = batches.steps()
    total: Counter = Counter()
    count = rate = 0
    online = getattr(batches, "online", None)
    ready = online(model, generator) if online else prefetched(batches.epoch(generator))
    with console.Progress(steps, f"epoch {epoch}", "steps") as progress, closing(ready):
        for step, batch in enumerate(ready):
            rate = scale * _rate(settings, (epoch - 1) * steps + step, steps)
            model.optimizer.learning_rate.assign(rate)
            values = model.train_on_batch(*batch, return_dict=True)
            value = float(values["loss"])
            if not math.isfinite(value):
                kept = "; the last good epoch is kept" if epoch > 1 else ""
                raise Diverged(
                    f"the loss became {value} in epoch {epoch}, step {step + 1}",
                    f"use a smaller --learning-rate{kept}",
                )
            # train_on_batch reports the mean since its last reset, and resets at every call.
            total.update({name: float(part) for name, part in values.items()})
            count += 1
            progress.update(1, f"loss {total['loss'] / count:.3f}")
    return {name: part / max(count, 1) for name, part in total.items()}, rate


def _reseed(model, generator: np.random.Generator) -> None:
    """Give every random layer a new state; a model file does not hold the old one."""
    for variable in model.variables:
        if variable.path.endswith("seed_generator_state"):
            variable.assign(generator.integers(0, 2**31, variable.shape))


def _rate(settings: FitSettings, step: int, steps: int) -> float:
    """The learning rate of a step, counted from 0 over all epochs of `steps` each."""
    rate = settings.learning_rate
    warmup = settings.warmup * steps
    if step < warmup:
        rate *= (step + 1) / warmup
    if settings.schedule == "cosine":
        rate *= 0.5 * (1 + math.cos(math.pi * step / (settings.epochs * steps)))
    return rate


def optimizer(settings: FitSettings, kind: type = AdamWeightDecay, **more: Any):
    """The optimizer of a training.

    Args:
        settings: see `FitSettings`.
        kind: a class of `training.optimizers`.
        more: what else it takes.
    """
    return kind(
        settings.learning_rate,
        weight_decay=settings.weight_decay,
        global_clipnorm=settings.clip_norm or None,
        use_ema=settings.averaging > 0,
        ema_momentum=settings.averaging or 0.99,
        **more,
    )


@contextmanager
def averaged(model) -> Iterator[None]:
    """Within the block the model has its averaged weights, if its optimizer keeps an average."""
    if not model.optimizer.use_ema:
        yield
        return
    raw = [keras.ops.copy(variable) for variable in model.trainable_variables]
    model.optimizer.finalize_variable_values(model.trainable_variables)
    for variable in model.trainable_variables:
        # On JAX it is one array with its average, and a prediction gives arrays away.
        variable.assign(keras.ops.copy(variable))
    try:
        yield
    finally:
        for variable, value in zip(model.trainable_variables, raw, strict=True):
            variable.assign(value)


def _without_optimizer(model):
    """A copy of the model that was never compiled: a .keras file keeps whatever optimizer it has,
    and that is three times the size of the weights. It computes in float32, which every machine
    does well."""
    plain = type(model).from_config({**model.get_config(), "dtype": "float32"})
    if not plain.built:
        plain.build(None)
    plain.set_weights(model.get_weights())
    return plain


def load_model(path, compiled: bool = False):
    """Open a model file in Keras's safe mode; its classes must have been imported.

    Args:
        path: a .keras file.
        compiled: with optimizer and loss, to train on.

    Raises:
        CnnRnnError: missing, damaged, or not a model of this cnnrnn.
    """
    try:
        return keras.saving.load_model(path, compile=compiled, safe_mode=True)
    except CnnRnnError:
        raise
    except Exception as error:  # Keras raises whatever the damage happens to break
        reason = " ".join(str(error).split())[:120]
        raise CnnRnnError(
            f"cannot open the model {path}: {reason}", "it is damaged or of another version"
        ) from error
