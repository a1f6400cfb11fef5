"""All captioners on the same features: what each is worth, and which claims of the course hold.

One run a variant and seed, each with what was judged of it beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from cnnrnn.caption import data as readers
from cnnrnn.caption import train as training
from cnnrnn.caption.captioner import TASK, Captioner
from cnnrnn.caption.claims import DEEP_CNN, claims
from cnnrnn.caption.compare_plan import Plan
from cnnrnn.caption.compare_report import show, write_page
from cnnrnn.caption.compare_results import FACTS, OWN, SHUFFLED, Result, Table
from cnnrnn.caption.data import CaptionData, Example
from cnnrnn.caption.evaluate import (
    OTHER_RUN,
    Evaluation,
    most_frequent,
    nearest_neighbour,
    own_data,
    scored,
)
from cnnrnn.caption.prepare import extractor, with_features
from cnnrnn.caption.settings import TrainSettings
from cnnrnn.caption.telling import facts_told
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.features.selection import tell_failures
from cnnrnn.media.medium import CLIPS, PICTURES
from cnnrnn.text.decoder import DecodeSettings
from cnnrnn.text.tokenizer import Tokenizer
from cnnrnn.training.comparison import (
    Training,
    close,
    comparison_folder,
    milliseconds,
    trained,
)
from cnnrnn.training.run import Run

_TAKE = {
    PICTURES: "for clips: --frames 8",
    CLIPS: "for pictures leave out --frames",
}  # what to do where the data are the other
_SEARCH = DecodeSettings()
_BATCH = 32  # pictures that are judged at once


def compare(plan: Plan, root: Path | str, name: str | None, json: bool) -> int:
    """Train what is missing, then print tables and claims and write the page.

    Returns:
        1 if a training diverged or a picture could not be used, else 0.

    Raises:
        CnnRnnError: `name` holds the comparison of something else, there is no such split, or the
            data are clips where pictures are meant, or the reverse.
    """
    data = readers.load(plan.base.data, plan.base.format, plan.base.limit)
    data.taken_for(plan.base.medium, _TAKE[plan.base.medium])
    data.split(plan.split)  # there is one: found out before anything is trained
    if plan.deeper:
        # Weights that are not there would be missed only after all other trainings.
        _ = extractor(training.prepare(plan.settings(DEEP_CNN, 0)).settings).spec
    name = name or f"caption-{data.name}" + "-quick" * plan.quick
    folder = comparison_folder(Path(root), name, plan.as_config(), [data])
    todo = [
        Training(
            f"{variant}-{seed}",
            f"{variant}, seed {seed}",
            partial(training.train, plan.settings(variant, seed), brief=True),
            partial(judged, variant=variant, data=data, split=plan.split),
        )
        for variant in plan.variants
        for seed in range(plan.seeds)
    ]
    results, failed = trained(folder, TASK, todo, Result.from_json)
    first = Run.open(folder / TASK / f"{results[0].model}-{results[0].seed}", TASK)
    rivals, failures = _untrained(first, data, plan.split, results[0].ids)
    table = Table(_told(data, plan.split), results + rivals, data.UNIT)
    found = claims(table)
    show(table, found, json)
    write_page(folder / "report.html", table, found, plan.quick)
    close(folder, len(todo), found)
    return 1 if failed or failures else 0


def compare_runs(
    runs: Sequence[Path], data: str | None, format: str, limit: int | None, split: str, json: bool
) -> int:
    """Judge runs that exist already, by their own data or by other, and print tables and claims; a
    run of a comparison counts for the claims as what it was there.

    Args:
        runs: their folders.
        data, format, limit: see `data.load`; None takes the first run's own.
        split: what is captioned and judged.

    Returns:
        1 if a picture could not be used, else 0.

    Raises:
        UsageError: two runs that would be one model with one seed.
        CnnRnnError: no run, or there is no such split.
    """
    opened = [Run.open(path, TASK) for path in runs]
    names = [_variant(run) for run in opened]
    told_apart = {(name, run.config["seed"]) for name, run in zip(names, opened, strict=True)}
    if len(told_apart) < len(runs):
        raise UsageError("two of the runs have one name", "rename the folder of one")
    found = readers.load(data, format, limit) if data else own_data(opened[0], limit)
    results = [judged(run, name, found, split) for run, name in zip(opened, names, strict=True)]
    rivals, failures = _untrained(opened[0], found, split, results[0].ids)
    table = Table(_told(found, split), results + rivals, found.UNIT)
    show(table, claims(table), json)
    return 1 if failures else 0


def _told(data: CaptionData, split: str) -> str:
    """What is captioned."""
    return data.name if split == "test" else f"{data.name} ({split})"


def _variant(run: Run) -> str:
    """What a run was in the comparison that it was trained for; of any other its name."""
    variant, _, seed = run.name.rpartition("-")
    compared = (run.path.parent.parent / "plan.json").exists()
    return variant if compared and seed == str(run.config["seed"]) else run.name


def judged(run: Run, variant: str, data: CaptionData, split: str = "test") -> Result:
    """What a run's captions of the pictures of a split are worth."""
    from cnnrnn.caption.validate import Validation, batches_of

    captioner = Captioner.load(run.path)
    settings = TrainSettings.from_config(run.config)
    data.taken_for(settings.medium, OTHER_RUN)
    pictures = with_features(settings, data.split(split))
    texts = captioner.texts(pictures, _SEARCH)
    words = captioner.vocabulary
    found = _scored(variant, pictures.examples, texts, words.tokenizer, settings.seed)
    batches = batches_of(words, pictures, _BATCH)
    found.perplexity = Validation(words, pictures, batches).perplexity(captioner.model)
    tokenizer = Tokenizer(words.tokenizer)
    said = [tuple(tokenizer(text)) for text in texts.values()]
    known = {tuple(tokenizer(text)) for each in data.split("train") for text in each.captions}
    found.words = len({word for text in said for word in text})
    found.new = float(np.mean([text not in known for text in said]))
    # The first epoch compiles too.
    found.seconds = float(np.median([row["seconds"] for row in run.log()]))
    found.parameters = int(captioner.model.count_params())
    found.milliseconds = milliseconds(
        lambda number: captioner.writer.write(pictures.features.read([number]), _SEARCH),
        len(pictures.examples),
    )
    return found


def _scored(
    name: str, examples: Sequence[Example], texts: dict[str, str], tokenizer: str, seed: int = 0
) -> Result:
    """A result of captions, also beside the pictures of others."""
    own = scored(name, examples, texts, tokenizer, intervals=False)
    ids = [each.id for each in examples]
    if len(ids) < 2:
        raise CnnRnnError("one test example is too few to compare captions on")
    # No picture keeps its own caption where all move on by as many places in a drawn order.
    order = np.random.default_rng([seed, 3]).permutation(len(ids))
    moved = {ids[to]: texts[ids[at]] for at, to in zip(order, np.roll(order, 1), strict=True)}
    other = scored(name, examples, moved, tokenizer, meteor=False, intervals=False)
    found = _plain(own, examples, seed)
    found.values[SHUFFLED] = other.detail.each["CIDEr"]
    return found


def _untrained(
    run: Run, data: CaptionData, split: str, ids: Sequence[str]
) -> tuple[list[Result], list[tuple[str, str]]]:
    """The rivals that do not look, or do not think, and people; and the (name, reason) of the
    pictures of the split that could not be used, which are told."""
    settings = TrainSettings.from_config(run.config)
    pictures = with_features(settings, data.split(split))
    tell_failures(data.name, pictures.failures, data.UNIT)
    training_ones = with_features(settings, data.split("train"))
    examples, words = pictures.examples, settings.tokenizer
    rivals = {
        "nearest neighbour": nearest_neighbour(training_ones, pictures),
        "most frequent caption": most_frequent(training_ones.examples, examples),
    }
    found = [
        _plain(scored(name, examples, texts, words, intervals=False), examples)
        for name, texts in rivals.items()
    ]
    if all(len(each.captions) > 1 for each in examples):
        others = [replace(each, captions=each.captions[1:]) for each in examples]
        first = {each.id: each.captions[0] for each in examples}
        found.append(_plain(scored("human", others, first, words, intervals=False), others))
    return [each for each in found if each.ids == list(ids)], pictures.failures


def _plain(found: Evaluation, examples: Sequence[Example], seed: int = 0) -> Result:
    values = {OWN: found.detail.each["CIDEr"]}
    if (told := facts_told(examples, found.texts)) is not None:
        values[FACTS] = told
    return Result(found.name, seed, list(found.texts), values, found.scores)
