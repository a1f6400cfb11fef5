"""All models on the same features: who sees order, what it costs, and which claims hold.

One run a model, data set and seed, each with its judgements of the test split beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from cnnrnn.training.comparison import (
    SEEDS,
    Training,
    chosen,
    close,
    comparison_folder,
    milliseconds,
    quickened,
    trained,
)
from cnnrnn.training.run import Run
from cnnrnn.video_classify import train as training
from cnnrnn.video_classify.batches import inputs
from cnnrnn.video_classify.claims import claims
from cnnrnn.video_classify.classifier import VideoClassifier
from cnnrnn.video_classify.compare_report import show, write_page
from cnnrnn.video_classify.controls import controls
from cnnrnn.video_classify.data import load
from cnnrnn.video_classify.results import Result, Table
from cnnrnn.video_classify.settings import BUILT_IN, MODELS, TrainSettings

TASK = training.TASK
# Models that choose frames, and what they are held against where most frames say nothing.
BUSY = ("mean", "lstm", "attention", "top-k")
_QUICK = {"limit": 300, "epochs": 8}


@dataclass(frozen=True)
class Plan:
    """What is compared: each model on its data sets with each seed.

    base: the settings that all share. cells: (data, model) in the order of training.
    """

    base: TrainSettings
    cells: tuple[tuple[str, str], ...]
    seeds: int
    quick: bool

    def settings(self, data: str, model: str, seed: int) -> TrainSettings:
        """The settings of one training."""
        changes = {"data": data, "model": model, "seed": seed}
        if model == "c3d":
            # It sees pixels, whatever the others see.
            changes |= {"stream": "rgb", "grid": None, "view": None}
            changes |= {"frames": None, "image_size": None}
        return replace(self.base, **changes)

    def as_config(self) -> dict:
        """In JSON types, to know the plan again."""
        return {"base": asdict(self.base), "cells": [list(cell) for cell in self.cells]}


def plan(
    base: TrainSettings, models: Sequence[str] | None, seeds: int | None, quick: bool
) -> Plan:
    """What the options mean.

    Args:
        base: the settings that were typed.
        models: some of the registry; None for all.
        seeds: trainings of each; None: three, or one with `quick`.
        quick: less data and fewer epochs, where neither was typed.

    Raises:
        UsageError: a model that does not exist.
    """
    names = chosen(models, MODELS)
    if quick:
        base = quickened(base, _QUICK)
    cells = [(base.data, name) for name in names]
    if base.data == BUILT_IN[0]:
        cells += [(BUILT_IN[1], name) for name in BUSY if name in names]
    return Plan(base, tuple(cells), seeds or (1 if quick else SEEDS), quick)


def compare(plan: Plan, root: Path | str, name: str | None, json: bool) -> int:
    """Train what is missing, then print tables and claims and write the page.

    Returns:
        1 if a clip could not be used, else 0.

    Raises:
        CnnRnnError: `name` holds the comparison of something else.
    """
    name = name or data_name(plan.base.data) + "-quick" * plan.quick
    read = [load(replace(plan.base, data=data)) for data in dict(plan.cells)]
    folder = comparison_folder(Path(root), name, plan.as_config(), read)
    cells = [(data, model, seed) for data, model in plan.cells for seed in range(plan.seeds)]
    todo = [
        Training(
            f"{data_name(data)}-{model}-{seed}",
            f"{model} on {data}, seed {seed}",
            partial(training.train, plan.settings(data, model, seed), brief=True),
            judged,
        )
        for data, model, seed in cells
    ]
    found, failed = trained(folder, TASK, todo, Result.from_json)
    results: dict[str, list[Result]] = {}
    for (data, _, _), result in zip(cells, found, strict=True):
        results.setdefault(data, []).append(result)
    tables = {data: Table(data, found, _pairs(plan, data)) for data, found in results.items()}
    found = claims(tables)
    show(tables, found, json)
    write_page(folder / "report.html", tables, found, plan.quick)
    close(folder, len(todo), found)
    return 1 if failed else 0


def data_name(data: str) -> str:
    """A data set's name as part of a folder's."""
    return Path(data).stem


def judged(run: Run) -> Result:
    """A run's judgements of the test split and of the clips that chose its epoch."""
    classifier = VideoClassifier.open(run)
    settings = classifier.settings
    data = load(settings)
    test = classifier.gather(data.split("test"))
    probabilities = {"classifier": classifier.probabilities(test)}
    for control, transform in controls(settings.seed).items():
        probabilities[control] = classifier.probabilities(test, transform)
    aside = [each for each in data.examples if each.split == "val"]
    validation = classifier.gather(aside) if aside else None

    def alone(number: int) -> None:
        classifier.analyse(inputs(test.streams, np.array([number])))

    return Result(
        model=settings.model,
        seed=settings.seed,
        labels=classifier.labels,
        ids=[each.id for each in test.examples],
        names=[each.label for each in test.examples],
        probabilities=probabilities,
        validation_names=[each.label for each in validation.examples] if validation else [],
        validation=classifier.probabilities(validation) if validation else None,
        milliseconds=milliseconds(alone, len(test.examples)),
        parameters=int(classifier.model.count_params()),
    )


def _pairs(plan: Plan, data: str) -> tuple[tuple[str, str], ...]:
    if data not in BUILT_IN:
        return ()
    from cnnrnn.scenes import clips

    return tuple(clips.PAIRS)
