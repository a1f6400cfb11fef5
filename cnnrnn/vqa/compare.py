"""All models on the same features: which kinds of question each can answer, and which claims hold.

What was trained stays in `runs/compare/NAME/`, one run a model and seed, each with how right its
answers to the test questions were in `judged.json`. Called again, the command trains only what is
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
from cnnrnn.vqa import train as training
from cnnrnn.vqa.answerer import TASK, Answerer
from cnnrnn.vqa.claims import claims
from cnnrnn.vqa.compare_report import show, write_page
from cnnrnn.vqa.compare_results import CHOICE, OWN, Result, Table
from cnnrnn.vqa.data import VqaData
from cnnrnn.vqa.evaluate import Evaluation
from cnnrnn.vqa.example import Example
from cnnrnn.vqa.judge import SHUFFLED, judge, majorities, scored, shuffled
from cnnrnn.vqa.settings import TrainSettings

SEEDS = 3
# What is compared: each with what it is told beside the options that all share.
VARIANTS: dict[str, dict] = {
    "san": {"model": "san"},
    "san-1": {"model": "san", "hops": 1},
    "lstm-cnn": {"model": "lstm-cnn"},
    "question-only": {"model": "question-only"},
}
_QUICK = {"limit": 300, "epochs": 6}
_TIMED = 20  # questions asked one by one for the time of one


@dataclass(frozen=True)
class Plan:
    """What is compared: each variant with each seed.

    base: the settings that all share.
    """

    base: TrainSettings
    variants: tuple[str, ...]
    seeds: int
    quick: bool

    def settings(self, variant: str, seed: int) -> TrainSettings:
        """The settings of one training."""
        return replace(self.base, **VARIANTS[variant], seed=seed)

    def as_config(self) -> dict:
        """In JSON types, to know the plan again."""
        return {"base": asdict(self.base), "variants": list(self.variants)}


def plan(
    base: TrainSettings, models: Sequence[str] | None, seeds: int | None, quick: bool
) -> Plan:
    """What the options mean.

    Args:
        base: the settings that were typed.
        models: some of `VARIANTS`; None for all.
        seeds: trainings of each; None: three, or one with `quick`.
        quick: less data and fewer epochs, where neither was typed.

    Raises:
        UsageError: a model that does not exist.
    """
    chosen = [name.strip() for name in models] if models else list(VARIANTS)
    for name in chosen:
        if name not in VARIANTS:
            raise UsageError(f"no model {name!r} to compare", f"one of {', '.join(VARIANTS)}")
    if quick:
        unset = {key: value for key, value in _QUICK.items() if getattr(base, key) is None}
        base = replace(base, **unset)
    return Plan(base, tuple(dict.fromkeys(chosen)), seeds or (1 if quick else SEEDS), quick)


def compare(plan: Plan, root: Path | str, name: str | None, json: bool) -> int:
    """Train what is missing, then print tables and claims and write the page.

    Returns:
        1 if a picture could not be used, else 0.

    Raises:
        CnnRnnError: `name` holds the comparison of something else.
    """
    folder = _folder(plan, Path(root), name)
    failed, results, data = False, [], training.read(plan.base)
    todo = [(variant, seed) for variant in plan.variants for seed in range(plan.seeds)]
    for number, (variant, seed) in enumerate(todo, 1):
        place = folder / TASK / f"{variant}-{seed}"
        found = _kept(place)
        if found is None:
            console.info(f"[{number}/{len(todo)}] {variant}, seed {seed}")
            found, failures = _trained(plan.settings(variant, seed), variant, data, place)
            failed |= bool(failures)
        results.append(found)
    table = Table(_name(plan.base.data), results + _untrained(data, results[0].ids))
    found = claims(table)
    show(table, found, json)
    write_page(folder / "report.html", table, found, plan.quick)
    held = sum(claim.held is True for claim in found)
    console.closing(
        ("compare", f"{len(todo)} trainings, {held} of {len(found)} claims held"),
        ("saved", f"{folder}/"),
        ("report", folder / "report.html"),
    )
    return 1 if failed else 0


def _name(data: str) -> str:
    """A data set's name as part of a folder's."""
    return Path(data).resolve().stem if data != "scenes" else data


def _folder(plan: Plan, root: Path, name: str | None) -> Path:
    """The comparison's folder, made or found again."""
    name = name or f"vqa-{_name(plan.base.data)}" + "-quick" * plan.quick
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


def _trained(
    settings: TrainSettings, variant: str, data: VqaData, place: Path
) -> tuple[Result, list]:
    """Train, or go on, and judge the answers to the test questions."""
    folder = place.parents[1]
    resume = None
    if place.exists():
        resume = place if (place / "config.json").exists() else None
    outcome = training.train(
        settings, folder, None if resume else place.name, resume=resume, brief=True,
        data=data,
    )  # fmt: skip
    result = judged(Answerer.open(outcome.run), variant, data)
    write_json(place / "judged.json", result.as_json())
    return result, outcome.failures


def judged(answerer: Answerer, variant: str, data: VqaData) -> Result:
    """How right a run answers the test questions, also about shuffled pictures."""
    questions = answerer.gather([each for each in data.split("test") if each.answers])
    own = scored(variant, questions.examples, judge(answerer, questions))
    values = _values(own, questions.examples)
    if questions.features is not None:
        other = judge(answerer, shuffled(questions, answerer.settings.seed))
        values[SHUFFLED] = scored(SHUFFLED, questions.examples, other).scores.values
    return Result(
        model=variant,
        seed=answerer.settings.seed,
        ids=list(own.scores.ids),
        kinds=list(own.scores.kinds),
        values=values,
        shares=own.shares,
        milliseconds=_time(answerer, questions),
        parameters=int(answerer.model.count_params()),
    )


def _values(found: Evaluation, examples: Sequence[Example]) -> dict[str, np.ndarray]:
    values = {OWN: found.scores.values}
    if found.choice is not None:
        row = np.full(len(examples), np.nan)
        row[[bool(each.candidates) for each in examples]] = found.choice.values
        values[CHOICE] = row
    return values


def _untrained(data: VqaData, ids: Sequence[str]) -> list[Result]:
    """The rivals that only count the training answers."""
    wanted = set(ids)
    examples = [each for each in data.split("test") if each.answers and each.id in wanted]
    training_ones = [each for each in data.split("train") if each.answers]
    return [
        Result(
            each.name, 0, list(each.scores.ids), list(each.scores.kinds), _values(each, examples)
        )
        for each in majorities(training_ones, examples)
    ]


def _time(answerer: Answerer, questions) -> float:
    """Milliseconds of the model for one picture and question; the median."""
    spent = []
    for number in range(min(_TIMED, len(questions.examples)) + 1):
        one = questions.part([number % len(questions.examples)])
        began = time.perf_counter()
        answerer.look(one, batch=1, places=1)
        spent.append(time.perf_counter() - began)
    return 1000 * float(np.median(spent[1:] or spent))
