"""A new captioner that begins with the weights of another run, however their words differ."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cnnrnn import backend, console
from cnnrnn.errors import CnnRnnError
from cnnrnn.text.vocabulary import Vocabulary
from cnnrnn.training.run import Run

TASK = "caption"


def warm_start(model, vocabulary: Vocabulary, path: Path | str) -> None:
    """Take over the weights of a run; words that it did not have keep their first weights.

    Args:
        model: a built captioner; its weights are replaced.
        vocabulary: its words.
        path: the run to begin with.

    Raises:
        CnnRnnError: no such run, or its weights are of another shape.
    """
    from cnnrnn.training.fit import load_model

    run = Run.open(path, TASK)
    other = load_model(run.best)
    theirs = Vocabulary.load(run.path / "vocabulary.json")
    numbers = {word: number for number, word in enumerate(theirs.words)}
    shared = [(new, numbers[word]) for new, word in enumerate(vocabulary.words) if word in numbers]
    # These have a row or column for each word; every other weight is taken as it is.
    axes = {
        model.embed.embeddings.path: 0, model.vocabulary.kernel.path: 1,
        model.vocabulary.bias.path: 0,
    }  # fmt: skip
    numpy = backend.keras().ops.convert_to_numpy
    if len(model.weights) != len(other.weights):
        raise _unlike(run)
    for variable, known in zip(model.weights, other.get_weights(), strict=True):
        axis = axes.get(variable.path)
        if axis is not None:
            known = _by_word(numpy(variable), known, axis, shared)
        if known.shape != tuple(variable.shape):
            raise _unlike(run)
        variable.assign(known)
    console.info(
        f"{'begins with':<24}{run.path}, which knows {len(shared)} of {len(vocabulary)} words"
    )


def _by_word(
    new: np.ndarray, known: np.ndarray, axis: int, shared: list[tuple[int, int]]
) -> np.ndarray:
    """`new` with what `known` has along `axis` for the words that both have, (new, known)."""
    new, known = np.moveaxis(new, axis, 0), np.moveaxis(known, axis, 0)
    if new.shape[1:] != known.shape[1:]:
        return known
    ours, theirs = map(list, zip(*shared, strict=True))
    new[ours] = known[theirs]
    return np.moveaxis(new, 0, axis)


def _unlike(run: Run) -> CnnRnnError:
    return CnnRnnError(
        f"the model of {run.path} has another shape",
        "leave out --model, --hidden, --embedding and --backbone: they are taken from that run",
    )
