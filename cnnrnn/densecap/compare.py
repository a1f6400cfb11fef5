"""Dense phrases beside one sentence, and what training end to end and the words are good for.

One run a variant and seed, each with what it makes of the test pictures beside it.

On the built-in world some pairs, of an object and a colour and of a part and an object, are held
out of all trainings: what `find` makes of them is what it makes of words in new combinations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from cnnrnn import console
from cnnrnn.densecap import train as training
from cnnrnn.densecap.claims import claims
from cnnrnn.densecap.compare_report import show, write_page
from cnnrnn.densecap.compare_results import DATA, REGIONS, WHOLE, Result, Sought, Table, Told
from cnnrnn.densecap.data import BUILT_IN, shows
from cnnrnn.densecap.describer import DenseCaptioner, Described, DescribeSettings
from cnnrnn.densecap.layouts import Example
from cnnrnn.densecap.pictures import readable
from cnnrnn.densecap.search import Finder
from cnnrnn.densecap.settings import WEIGHTS, TrainSettings
from cnnrnn.densecap.telling import telling
from cnnrnn.densecap.train import TASK
from cnnrnn.densecap.validate import compared
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.regions.metrics import region_scores
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

VARIANTS = ("end-to-end", "frozen", "no-words")
# Held out of every training on the built-in world, and pairs of the same kind that are not.
UNSEEN = ("a red car", "a blue mushroom", "head of a robot", "handle of a cup")
SEEN = ("an orange car", "a red mushroom", "head of a cat", "handle of a basket")
SHOWN = DescribeSettings(max_regions=10, least=0.1)  # what `predict` tells of a picture
_QUICK = {"limit": 600, "epochs": 3}
_SAMPLES = 6


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
        settings = replace(self.base, seed=seed)
        if variant == "frozen":
            return replace(settings, frozen=True)
        if variant == "no-words":
            weights = self.base.loss_weights or list(WEIGHTS.values())
            return replace(settings, loss_weights=[*weights[:-1], 0.0])
        return settings

    @property
    def phrases(self) -> dict[str, bool]:
        """What is looked for, and whether it is held out of the trainings."""
        held_out = dict.fromkeys(self.base.without or (), True)
        return held_out | dict.fromkeys(SEEN if self.base.built_in else (), False)

    def as_config(self) -> dict:
        """In JSON types, to know the plan again."""
        return {"base": asdict(self.base), "variants": list(self.variants)}


def plan(
    base: TrainSettings, variants: Sequence[str] | None, seeds: int | None, quick: bool
) -> Plan:
    """What the options mean.

    Args:
        base: the settings that were typed.
        variants: some of `VARIANTS`; None for all.
        seeds: trainings of each; None: three, or one with `quick`.
        quick: less data and fewer epochs, where neither was typed.

    Raises:
        UsageError: a variant that does not exist, or one that the settings rule out.
    """
    variants = chosen(variants, VARIANTS, "variant")
    if base.frozen:
        raise UsageError("--frozen is one of the variants that are compared", "leave it out")
    if base.without is None and base.built_in:
        base = replace(base, without=list(UNSEEN))
    if quick:
        base = quickened(base, _QUICK)
    return Plan(base, variants, seeds or (1 if quick else SEEDS), quick)


def compare(plan: Plan, root: Path | str, name: str | None, json: bool) -> int:
    """Train what is missing, then print tables and claims and write the page.

    Returns:
        1 if a picture could not be used, else 0.

    Raises:
        CnnRnnError: no test pictures, or `name` holds the comparison of something else.
    """
    data_name = _name(plan.base.data)
    name = name or f"{TASK}-{data_name}" + "-quick" * plan.quick
    data = training.read(plan.base)
    tested = data.split("test")
    if not tested:
        raise CnnRnnError(f"{data.name} has no test pictures", "check the column split")
    folder = comparison_folder(Path(root), name, plan.as_config(), [data])
    examples, unreadable = readable(tested)
    todo = [
        Training(
            f"{variant}-{seed}",
            f"{variant}, seed {seed}",
            partial(training.train, plan.settings(variant, seed), data=data),
            partial(judged, variant=variant, examples=examples, phrases=plan.phrases),
        )
        for variant in plan.variants
        for seed in range(plan.seeds)
    ]
    results, failed = trained(folder, TASK, todo, Result.from_json)
    table = Table(data_name, results + _untrained(examples, results[0].ids))
    found = claims(table)
    show(table, found, json)
    write_page(folder / "report.html", table, found, examples, plan.quick)
    close(folder, len(todo), found)
    return 1 if failed or unreadable else 0


def _name(data: str) -> str:
    """A data set's name as part of a folder's."""
    return Path(data).resolve().stem if data != BUILT_IN else data


def judged(run: Run, variant: str, examples: Sequence[Example], phrases: dict[str, bool]) -> Result:
    """What a run makes of the test pictures.

    Args:
        phrases: to be looked for, and whether they were held out of the training.
    """
    describer = DenseCaptioner.load(run.path)
    settings = DescribeSettings()
    described = list(describer.stream((each.source for each in examples), settings))
    result = Result(variant, run.config["seed"], [each.id for each in examples])
    result.ways[REGIONS] = _scored(examples, described, result)
    speaks = bool(run.config["loss_weights"][-1])
    if speaks:
        said = [
            [r.phrase for r in found.regions[: SHOWN.max_regions] if r.score >= SHOWN.least]
            for found in described
        ]
        whole = [_whole(describer, each) for each in examples]
        result.ways[REGIONS].add(telling(examples, said))
        result.ways[WHOLE] = _scored(examples, whole, result)
        sentences = [[region.phrase for region in found.regions] for found in whole]
        result.ways[WHOLE].add(telling(examples, sentences))
        result.samples = _samples(described, said, sentences)
        result.sought = _sought(describer, examples, phrases)
    result.milliseconds = milliseconds(
        lambda number: describer.describe([examples[number].source], SHOWN), len(examples)
    )
    result.parameters = int(describer.model.count_params())
    return result


def _whole(describer: DenseCaptioner, example: Example) -> Described:
    """The whole picture as its only region, in words of the run's own."""
    try:
        width, height = example.source.size() or example.size
        return describer.describe_boxes(example.source, np.array([[0, 0, width, height]]))
    except CnnRnnError as error:
        return Described(example.source.name, error=str(error))


def _scored(examples, described: Sequence[Described], result: Result) -> Told:
    pairs = zip(examples, described, strict=True)
    figures = region_scores([compared(*pair) for pair in pairs])
    result.language = figures.language
    scores = {"map": figures.map, "detmap": figures.detmap, "ap50": figures.det[0.5]}
    drawn = {key: row.round(5).tolist() for key, row in figures.resamplings().items()}
    return Told(scores, drawn)


def _samples(described, said, sentences) -> list[dict]:
    return [
        {
            "boxes": [list(region.box) for region in found.regions[: len(phrases)]],
            "phrases": phrases,
            "sentence": "".join(sentence),
        }
        for found, phrases, sentence in zip(
            described[:_SAMPLES], said[:_SAMPLES], sentences[:_SAMPLES], strict=True
        )
    ]


def _sought(
    describer: DenseCaptioner, examples: Sequence[Example], phrases: dict[str, bool]
) -> dict[str, Sought]:
    """Each phrase in each picture; a phrase with words that the model does not know is told."""
    finders: dict[str, Finder] = {}
    for phrase in phrases:
        try:
            finders[phrase] = Finder(describer, phrase)
        except UsageError as error:
            console.warn(f"{phrase!r} is not looked for: {error.message}")
    found = {phrase: Sought(phrases[phrase], [], []) for phrase in finders}
    if not finders:
        return found
    for example in examples:
        seen = describer.candidates(example.source, DescribeSettings())
        for phrase, finder in finders.items():
            found[phrase].shows.append(shows(example, phrase))
            found[phrase].scores.append(round(float(finder.scores(seen).max()), 4))
    return found


def _untrained(examples: Sequence[Example], ids: Sequence[str]) -> list[Result]:
    """What people would tell: the phrases of the data, and of the built-in world the first of its
    sentences."""
    from cnnrnn import scenes

    if not all(each.source.scene for each in examples):
        return []
    phrases = [[region.phrase for region in each.regions] for each in examples]
    first = [[scenes.captions(scenes.scene(*each.source.scene))[0]] for each in examples]
    result = Result(DATA, 0, list(ids))
    for way, said in ((REGIONS, phrases), (WHOLE, first)):
        result.ways[way] = Told()
        result.ways[way].add(telling(examples, said))
    return [result]
