"""All models on the same features: which kinds of question each can answer, and which claims hold.

One run a model and seed, each with how right its answers to the test questions were beside it.
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
from cnnrnn.vqa import train as training
from cnnrnn.vqa.answerer import TASK, Answerer
from cnnrnn.vqa.claims import claims
from cnnrnn.vqa.compare_report import show, write_page
from cnnrnn.vqa.compare_results import CHOICE, OWN, Result, Table
from cnnrnn.vqa.data import VqaData
from cnnrnn.vqa.evaluate import Evaluation
from cnnrnn.vqa.example import Example
from cnnrnn.vqa.judge import SHUFFLED, judge, majorities, scored, shuffled
from cnnrnn.vqa.settings import QUESTION_ONLY, TrainSettings

# What is compared: each with what it is told beside the options that all share.
VARIANTS: dict[str, dict] = {
    "san": {"model": "san"},
    "san-1": {"model": "san", "hops": 1},
    "lstm-cnn": {"model": "lstm-cnn"},
    QUESTION_ONLY: {"model": QUESTION_ONLY},
}
_QUICK = {"limit": 300, "epochs": 6}


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
    variants = chosen(models, list(VARIANTS))
    if quick:
        base = quickened(base, _QUICK)
    return Plan(base, variants, seeds or (1 if quick else SEEDS), quick)


def compare(plan: Plan, root: Path | str, name: str | None, json: bool) -> int:
    """Train what is missing, then print tables and claims and write the page.

    Returns:
        1 if a picture could not be used, else 0.

    Raises:
        CnnRnnError: `name` holds the comparison of something else.
    """
    name = name or f"vqa-{_name(plan.base.data)}" + "-quick" * plan.quick
    data = training.read(plan.base)
    folder = comparison_folder(Path(root), name, plan.as_config(), [data])
    todo = [
        Training(
            f"{variant}-{seed}",
            f"{variant}, seed {seed}",
            partial(training.train, plan.settings(variant, seed), brief=True, data=data),
            partial(judged, variant=variant, data=data),
        )
        for variant in plan.variants
        for seed in range(plan.seeds)
    ]
    results, failed = trained(folder, TASK, todo, Result.from_json)
    table = Table(_name(plan.base.data), results + _untrained(data, results[0].ids))
    found = claims(table)
    show(table, found, json)
    write_page(folder / "report.html", table, found, plan.quick)
    close(folder, len(todo), found)
    return 1 if failed else 0


def _name(data: str) -> str:
    """A data set's name as part of a folder's."""
    return Path(data).resolve().stem if data != "scenes" else data


def judged(run: Run, variant: str, data: VqaData) -> Result:
    """How right a run answers the test questions, also about shuffled pictures."""
    answerer = Answerer.open(run)
    questions = answerer.gather([each for each in data.split("test") if each.answers])
    own = scored(variant, questions.examples, judge(answerer, questions))
    values = _values(own, questions.examples)
    if questions.features is not None:
        other = judge(answerer, shuffled(questions, answerer.settings.seed))
        values[SHUFFLED] = scored(SHUFFLED, questions.examples, other).scores.values

    def alone(number: int) -> None:
        answerer.look(questions.part([number]), batch=1, places=1)

    return Result(
        model=variant,
        seed=answerer.settings.seed,
        ids=list(own.scores.ids),
        kinds=list(own.scores.kinds),
        values=values,
        shares=own.shares,
        milliseconds=milliseconds(alone, len(questions.examples)),
        parameters=int(answerer.model.count_params()),
        domains=list(own.scores.domains),
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
