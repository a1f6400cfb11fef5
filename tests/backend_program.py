"""Trains models for one step on the backend that KERAS_BACKEND names, and opens them again.

    KERAS_BACKEND=jax python tests/backend_program.py caption attention merge

The step is that of the fit loop: its optimizer, clipping and averaging, and its files. Prints a
JSON line for each model: its loss, and the largest difference between its outputs and its file's,
or what went wrong. The models and what they are given are those of the tests of each task;
`test_backends` calls this.
"""

from __future__ import annotations

import json
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnrnn import backend
from cnnrnn.training.fit import FitSettings, fit, load_model, optimizer
from cnnrnn.training.optimizers import TwoSpeeds
from cnnrnn.training.run import Run

SETTINGS = FitSettings(epochs=1)


@dataclass
class Case:
    """A model, what it learns by and from, what is compared, and its optimizer."""

    model: Any
    loss: Any
    batch: tuple
    outputs: Callable[[Any], Any]
    by: Any = None

    def steps(self) -> int:
        return 1

    def epoch(self, generator):
        yield self.batch


def _caption(name: str) -> Case:
    from test_caption_models import batch, loss_of, made

    model = made(name)
    inputs, targets = batch(model)
    return Case(model, loss_of(model), (inputs, targets), lambda it: it(inputs))


def _densecap(name: str) -> Case:
    from test_densecap_models import WEIGHTS, batch, losses, made

    model, given = made(), batch()
    targets = {key: np.zeros(len(given["pictures"]), np.float32) for key in WEIGHTS}

    def outputs(it):
        grid = it.proposals.look(given["pictures"])
        boxes, scores = it.proposals.propose(grid)
        return boxes, scores, it.recognise(grid, boxes[:, :9])

    loss = {key: losses.Given() for key in WEIGHTS}
    by = optimizer(SETTINGS, TwoSpeeds, slow=model.trunk_variables())
    return Case(model, loss, (given, targets), outputs, by)


def _video_classify(name: str) -> Case:
    from test_video_models import L, clips, losses, made

    model = made(name)
    given = clips(model)
    loss = losses.LabelCrossEntropy()
    return Case(model, loss, (given, np.arange(L)), lambda it: it.analyse(given))


def _vqa(name: str) -> Case:
    from test_vqa_models import B, Q, asked, losses, made

    model = made(name)
    given = asked(model)
    loss = losses.loss_of("classify", 0.1)
    return Case(model, loss, (given, np.arange(B * Q)), lambda it: it.analyse(given))


TASKS = {
    "caption": _caption, "densecap": _densecap, "video_classify": _video_classify, "vqa": _vqa,
}  # fmt: skip


def flat(outputs: Any) -> list[np.ndarray]:
    """The tensors of nested outputs."""
    keras = backend.keras()
    return list(map(keras.ops.convert_to_numpy, keras.tree.flatten(outputs)))


def tried(task: str, name: str) -> dict[str, float]:
    """Train, open, compare."""
    case = TASKS[task](name)
    with tempfile.TemporaryDirectory() as folder:
        run = Run.create(folder, task)
        fit(case.model, case.loss, case, lambda _: {"score": 1}, "score", SETTINGS, run, by=case.by)
        before, after = flat(case.outputs(case.model)), flat(case.outputs(load_model(run.last)))
        load_model(run.best)
        (row,) = run.log()
    difference = max(
        float(np.abs(one * 1.0 - other * 1.0).max(initial=0))
        for one, other in zip(before, after, strict=True)
    )
    return {"loss": row["loss"], "difference": difference}


def main(task: str, *names: str) -> None:
    """One JSON object a model on stdout; one that fails does not hide the others."""
    for name in names:
        try:
            found = tried(task, name)
        except Exception:
            found = {"error": traceback.format_exc()[-2000:]}
        print(json.dumps({"model": name, "backend": backend.name(), **found}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
