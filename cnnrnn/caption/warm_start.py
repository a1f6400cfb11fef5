"""A new captioner that begins with the weights of another run, however their words differ."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cnnrnn import backend, console
from cnnrnn.caption.data import load
from cnnrnn.caption.prepare import feature_size
from cnnrnn.caption.settings import TrainSettings
from cnnrnn.errors import UsageError
from cnnrnn.media.medium import PICTURES
from cnnrnn.text.vocabulary import Vocabulary
from cnnrnn.training.origin import read_config
from cnnrnn.training.run import Run

TASK = "caption"
_KEPT_BY_INIT = (
    "data", "format", "limit", "frames", "model", "rnn", "layers", "fusion", "backbone",
    "weights", "image_size", "features", "fine_tune", "tokenizer", "min_count", "hidden",
    "embedding", "frozen_words", "output", "tie", "holdout", "seed",
)  # fmt: skip
_OF_DATA = ("format", "limit", "min_count", "holdout")
_OF_BACKBONE = ("backbone", "weights", "image_size")
# What decides the shape of a net, and what it is called where it differs.
_SHAPE = {
    "feature_shape": "features of", "rnn": "--rnn", "layers": "--layers", "hidden": "--hidden",
    "embedding": "--embedding", "head": "the output", "fusion": "--fusion",
}  # fmt: skip


def begun_from(run: Path | str, changes: Mapping[str, Any]) -> TrainSettings:
    """The settings of a training that begins with the weights of a run.

    Of the run's own it keeps the data, what is kept aside of it, and the shape of the net; of other
    data what was decided for the run's is decided anew.

    Args:
        run: its folder.
        changes: the settings that were chosen.

    Raises:
        UsageError: they do not go together.
        CnnRnnError: no such run.
    """
    base = TrainSettings.from_config(read_config(Path(run) / "config.json", TASK))
    for name in ("model", "output", "tokenizer"):
        theirs = getattr(base, name)
        if (other := changes.get(name, theirs)) != theirs:
            raise UsageError(
                f"the {name} of {run} is {theirs}, not {other}", f"leave out --{name}"
            )
    kept = set(_KEPT_BY_INIT)
    if "data" in changes:
        kept -= set(_OF_DATA)
        if base.frames and load(changes["data"], changes.get("format", "auto")).surely(PICTURES):
            kept -= {"frames"}
    kept -= set(_OF_BACKBONE) if changes.get("features") else set()
    kept -= {"features"} if set(_OF_BACKBONE) & set(changes) else set()
    return TrainSettings(
        **{"init": str(run), **{name: getattr(base, name) for name in kept}, **changes}
    )


def warm_start(model, vocabulary: Vocabulary, path: Path | str) -> None:
    """Take over the weights of a run; words that it did not have keep their first weights.

    Args:
        model: a built captioner; its weights are replaced.
        vocabulary: its words.
        path: the run to begin with.

    Raises:
        CnnRnnError: no such run.
        UsageError: its weights are of another shape.
    """
    from cnnrnn.caption.fine_tuned import parts
    from cnnrnn.training.fit import load_model

    run = Run.open(path, TASK)
    other = load_model(run.best)
    theirs = Vocabulary.load(run.path / "vocabulary.json")
    numbers = {word: number for number, word in enumerate(theirs.words)}
    shared = [(new, numbers[word]) for new, word in enumerate(vocabulary.words) if word in numbers]
    (top, writer), (their_top, their_writer) = parts(model), parts(other)
    _check_same_shape(writer, their_writer, run)
    if their_top is not None:
        top.set_weights(their_top.get_weights())
    # These have a row or column for each word; every other weight is taken as it is.
    axes = {variable.path: axis for variable, axis in writer.by_word()}
    numpy = backend.keras().ops.convert_to_numpy
    for variable, known in zip(writer.weights, their_writer.get_weights(), strict=True):
        axis = axes.get(variable.path)
        if axis is not None:
            known = _by_word(numpy(variable), known, axis, shared)
        variable.assign(known)
    console.info(
        f"{'begins with':<24}{run.path}, which knows {len(shared)} of {len(vocabulary)} words"
    )


def _by_word(
    new: np.ndarray, known: np.ndarray, axis: int, shared: list[tuple[int, int]]
) -> np.ndarray:
    """`new` with what `known` has along `axis` for the words that both have, (new, known)."""
    new, known = np.moveaxis(new, axis, 0), np.moveaxis(known, axis, 0)
    ours, theirs = map(list, zip(*shared, strict=True))
    new[ours] = known[theirs]
    return np.moveaxis(new, 0, axis)


def check_alike(settings: TrainSettings) -> None:
    """Raise early, before a run is made, where the options ask for another net than --init has.

    Raises:
        CnnRnnError: no such run.
        UsageError: its net has another shape.
    """
    run = Run.open(settings.init, TASK)
    theirs = TrainSettings.from_config(run.config)
    names = ("model", "rnn", "layers", "hidden", "embedding", "output", "tie", "fusion")
    pairs = {f"--{name}": (getattr(theirs, name), getattr(settings, name)) for name in names}
    sizes = feature_size(theirs), feature_size(settings)
    if None not in sizes:
        pairs["features of"] = sizes
    if theirs.fine_tune:  # a top can be begun with what is not fine-tuned, but not left out
        pairs |= {
            "--fine-tune": (True, settings.fine_tune),
            "--backbone": (theirs.backbone, settings.backbone),
        }
    _refuse(run, pairs)


def _check_same_shape(model, other, run: Run) -> None:
    """Raise where a net differs from that of a run in more than its words and its dropout."""
    kinds = (_name(other), _name(model))
    pairs = {"--model": kinds}
    if kinds[0] == kinds[1]:
        ours, theirs = (
            each.get_config() | {"feature_shape": each.feature_shape[-1]}
            for each in (model, other)
        )
        pairs |= {said: (theirs.get(key), ours.get(key)) for key, said in _SHAPE.items()}
    _refuse(run, pairs)


def _refuse(run: Run, pairs: dict[str, tuple]) -> None:
    """Raise if in one of the pairs, by what they are called, theirs is not ours."""
    differ = [f"{said} {theirs}, not {ours}" for said, (theirs, ours) in pairs.items()
              if theirs != ours]  # fmt: skip
    if differ:
        raise UsageError(
            f"the model of {run.path} has another shape: it has {', '.join(differ)}",
            "leave such options out: they are taken from that run",
        )


def _name(model) -> str:
    """What the command line calls a model."""
    from cnnrnn.caption.models import MODELS

    return next(name for name, kind in MODELS.items() if kind is type(model))
