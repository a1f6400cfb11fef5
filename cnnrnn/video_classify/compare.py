"""All models on the same features: who sees order, what it costs, and which claims hold.

What was trained stays in `runs/compare/NAME/`, one run a model, data set and seed, each with its
judgements of the test split in `judged.json`. Called again, the command trains only what is
missing; every figure is computed from these files.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from cnnrnn import console
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.files import read_json, write_json
from cnnrnn.training.run import Run
from cnnrnn.video_classify import train as training
from cnnrnn.video_classify.claims import claims
from cnnrnn.video_classify.classifier import VideoClassifier
from cnnrnn.video_classify.compare_report import show, write_page
from cnnrnn.video_classify.controls import controls
from cnnrnn.video_classify.data import load
from cnnrnn.video_classify.results import Result, Table
from cnnrnn.video_classify.settings import BUILT_IN, MODELS, TrainSettings

TASK = training.TASK
SEEDS = 3
# Models that choose frames, and what they are held against where most frames say nothing.
BUSY = ("mean", "lstm", "attention", "top-k")
_QUICK = {"limit": 300, "epochs": 8}
_TIMED = 20  # clips judged one by one for the time of one


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
    chosen = [name.strip() for name in models] if models else list(MODELS)
    for name in chosen:
        if name not in MODELS:
            raise UsageError(f"no model {name!r}", f"one of {', '.join(MODELS)}")
    if quick:
        unset = {key: value for key, value in _QUICK.items() if getattr(base, key) is None}
        base = replace(base, **unset)
    cells = [(base.data, name) for name in chosen]
    if base.data == BUILT_IN[0]:
        cells += [(BUILT_IN[1], name) for name in BUSY if name in chosen]
    return Plan(base, tuple(cells), seeds or (1 if quick else SEEDS), quick)


def compare(plan: Plan, root: Path | str, name: str | None, json: bool) -> int:
    """Train what is missing, then print tables and claims and write the page.

    Returns:
        1 if a clip could not be used, else 0.

    Raises:
        CnnRnnError: `name` holds the comparison of something else.
    """
    folder = _folder(plan, Path(root), name)
    failed = False
    results: dict[str, list[Result]] = {}
    todo = [(data, model, seed) for data, model in plan.cells for seed in range(plan.seeds)]
    for number, (data, model, seed) in enumerate(todo, 1):
        place = folder / TASK / f"{data_name(data)}-{model}-{seed}"
        found = _kept(place)
        if found is None:
            console.info(f"[{number}/{len(todo)}] {model} on {data}, seed {seed}")
            found, failures = _trained(plan.settings(data, model, seed), folder, place)
            failed |= bool(failures)
        results.setdefault(data, []).append(found)
    tables = {data: Table(data, found, _pairs(plan, data)) for data, found in results.items()}
    found = claims(tables)
    show(tables, found, json)
    write_page(folder / "report.html", tables, found, plan.quick)
    console.closing(
        ("compare", f"{len(todo)} trainings, {sum(c.held is True for c in found)} of "
                    f"{len(found)} claims held"),
        ("saved", f"{folder}/"),
        ("report", folder / "report.html"),
    )
    return 1 if failed else 0


def data_name(data: str) -> str:
    """A data set's name as part of a folder's."""
    return Path(data).stem


def _folder(plan: Plan, root: Path, name: str | None) -> Path:
    """The comparison's folder, made or found again."""
    name = name or data_name(plan.base.data) + "-quick" * plan.quick
    if not name or "/" in name or "\\" in name or name.startswith("."):
        raise UsageError(f"{name!r} cannot be the name of a comparison", "letters and digits")
    folder = root / "compare" / name
    file = folder / "plan.json"
    if file.exists():
        before = read_json(file)
        if before.get("base") != plan.as_config()["base"]:
            raise CnnRnnError(
                f"{folder} holds a comparison with other options", "choose another --name"
            )
    write_json(file, plan.as_config())
    return folder


def _kept(place: Path) -> Result | None:
    """The result of a training that was finished before; None where there is none."""
    try:
        return Result.from_json(read_json(place / "judged.json"))
    except CnnRnnError:
        return None


def _trained(settings: TrainSettings, folder: Path, place: Path) -> tuple[Result, list]:
    """Train, or go on, and judge the test split under all controls."""
    resume = None
    if place.exists():
        resume = place if (place / "config.json").exists() else None
    outcome = training.train(
        settings, folder, None if resume else place.name, resume=resume, brief=True
    )
    result = judged(outcome.run)
    write_json(place / "judged.json", result.as_json())
    return result, outcome.failures


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
    return Result(
        model=settings.model,
        seed=settings.seed,
        labels=classifier.labels,
        ids=[each.id for each in test.examples],
        names=[each.label for each in test.examples],
        probabilities=probabilities,
        validation_names=[each.label for each in validation.examples] if validation else [],
        validation=classifier.probabilities(validation) if validation else None,
        milliseconds=_time(classifier, test),
        parameters=int(classifier.model.count_params()),
    )


def _time(classifier: VideoClassifier, clips) -> float:
    """Milliseconds of the model for one clip, without what makes its features; the median."""
    from cnnrnn.video_classify.batches import inputs

    spent = []
    for number in range(min(_TIMED, len(clips.examples)) + 1):
        given = inputs(clips.streams, np.array([number % len(clips.examples)]))
        began = time.perf_counter()
        classifier.analyse(given)
        spent.append(time.perf_counter() - began)
    return 1000 * float(np.median(spent[1:] or spent))


def _pairs(plan: Plan, data: str) -> tuple[tuple[str, str], ...]:
    if data not in BUILT_IN:
        return ()
    from cnnrnn.scenes import clips

    return tuple(clips.PAIRS)
