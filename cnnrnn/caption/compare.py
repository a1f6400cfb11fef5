"""All captioners on the same features: what each is worth, and which claims of the course hold.

One run a variant and seed, each with what was judged of it beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from cnnrnn import console
from cnnrnn.caption import data as readers
from cnnrnn.caption import train as training
from cnnrnn.caption.captioner import TASK, Captioner
from cnnrnn.caption.claims import DEEP_CNN, DEEP_RNN, claims
from cnnrnn.caption.compare_report import show, write_page
from cnnrnn.caption.compare_results import FACTS, OWN, SHUFFLED, Result, Table
from cnnrnn.caption.data import CaptionData, Example
from cnnrnn.caption.evaluate import OTHER_RUN, Evaluation, most_frequent, nearest_neighbour, scored
from cnnrnn.caption.prepare import with_features
from cnnrnn.caption.settings import TrainSettings
from cnnrnn.caption.telling import facts_told
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.features import backbones
from cnnrnn.features.selection import tell_failures
from cnnrnn.media.medium import CLIPS, PICTURES
from cnnrnn.text import word2vec
from cnnrnn.text.decoder import DecodeSettings
from cnnrnn.text.tokenizer import Tokenizer
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

# What is compared: each with what it is told beside the options that all share.
VARIANTS: dict[str, dict] = {
    "attention": {},
    "inject-init": {"model": "inject-init"},
    "inject": {"model": "inject"},
    "merge": {"model": "merge"},
    "no-clipping": {"clip_norm": 0.0},
    "fixed-rate": {"schedule": "fixed"},
    DEEP_RNN: {"layers": 2},
    "word2vec": {"embeddings": "word2vec"},
    "vectors": {"embeddings": "word2vec", "output": "vectors"},
}
# The same of clips.
CLIP_VARIANTS: dict[str, dict] = {
    "clip-lstm": {"model": "clip-lstm"},
    "clip-mean": {"model": "inject-init"},
    "one-frame": {"model": "inject-init", "frames": 1},
}
# By medium. Small batches: in so few epochs a net learns to speak by many steps, at the same cost.
# What happens in a clip is harder to tell, and the ways are fewer.
_QUICK = {
    PICTURES: {"limit": 320, "epochs": 6, "batch": 8},
    CLIPS: {"limit": 600, "epochs": 12, "batch": 8},
}
# Of the built-in world: eight ways with three seeds each on all of it would take two hours.
_FULL = {
    PICTURES: {"limit": 800, "epochs": 6, "batch": 8},
    CLIPS: {"limit": 1000, "epochs": 12, "batch": 8},
}
_TAKE = {
    PICTURES: "for clips: --frames 8",
    CLIPS: "for pictures leave out --frames",
}  # what to do where the data are the other
_SEARCH = DecodeSettings()
_BATCH = 32  # pictures that are judged at once


@dataclass(frozen=True)
class Plan:
    """What is compared: each variant with each seed.

    base: the settings that all share.
    deeper: a deeper backbone, of the variant DEEP_CNN; None: there is none.
    """

    base: TrainSettings
    variants: tuple[str, ...]
    seeds: int
    quick: bool
    deeper: str | None = None

    def settings(self, variant: str, seed: int) -> TrainSettings:
        """The settings of one training."""
        known = _known(self.base)
        # The weights and the size that were chosen are those of --backbone.
        deeper = {"backbone": self.deeper, "weights": "auto", "image_size": None}
        changes = deeper if variant == DEEP_CNN else known[variant]
        return replace(self.base, **{"model": "attention", **changes}, seed=seed)

    def as_config(self) -> dict:
        """In JSON types, to know the plan again."""
        base = {**asdict(self.base), "deeper": self.deeper}
        return {"base": base, "variants": list(self.variants)}


def plan(
    base: TrainSettings,
    models: Sequence[str] | None,
    seeds: int | None,
    quick: bool,
    deeper: str | None = None,
) -> Plan:
    """What the options mean.

    Args:
        base: the settings that were typed.
        models: some of `VARIANTS`; None for all that can be trained here, the deeper RNN only
            beside a deeper CNN.
        seeds: trainings of each; None: three, or one with `quick`.
        quick: less data, where no limit was typed, and few epochs of small batches. Of the
            built-in world some pictures of each split and few epochs are taken in any case.
        deeper: a backbone to compare with that of the others.

    Raises:
        UsageError: a model or a backbone that does not exist.
        CnnRnnError: word vectors are to be trained, and gensim is missing.
    """
    known = _known(base)
    variants = chosen(models or _possible(known, deeper is None), list(known))
    if any("embeddings" in known[variant] for variant in variants):
        word2vec.check_installed()
    if deeper:
        if base.clips:
            raise UsageError("--deeper is for pictures", "leave it out for clips")
        backbones.get(deeper)
    if quick or base.built_in:
        base = quickened(base, (_QUICK if quick else _FULL)[base.medium])
    if deeper:
        variants += (DEEP_CNN,)
    return Plan(base, variants, seeds or (1 if quick else SEEDS), quick, deeper)


def _known(base: TrainSettings) -> dict[str, dict]:
    return CLIP_VARIANTS if base.clips else VARIANTS


def _possible(known: dict[str, dict], shallow: bool) -> list[str]:
    """All variants, without those that need a package that is not here; `shallow`: without the
    deeper RNN, which only tells something beside a deeper CNN."""
    names = [name for name in known if not (shallow and name == DEEP_RNN)]
    if not any("embeddings" in known[name] for name in names):
        return names
    try:
        word2vec.check_installed()
    except CnnRnnError as error:
        console.warn(f"{error.message}: word2vec and vectors are left out ({error.hint})")
        return [name for name in names if "embeddings" not in known[name]]
    return names


def compare(plan: Plan, root: Path | str, name: str | None, json: bool) -> int:
    """Train what is missing, then print tables and claims and write the page.

    Returns:
        1 if a training diverged or a picture could not be used, else 0.

    Raises:
        CnnRnnError: `name` holds the comparison of something else, there is no test split, or the
            data are clips where pictures are meant, or the reverse.
    """
    data = readers.load(plan.base.data, plan.base.format, plan.base.limit)
    data.taken_for(plan.base.medium, _TAKE[plan.base.medium])
    data.split("test")  # there is one: found out before anything is trained
    name = name or f"caption-{data.name}" + "-quick" * plan.quick
    folder = comparison_folder(Path(root), name, plan.as_config())
    todo = [
        Training(
            f"{variant}-{seed}",
            f"{variant}, seed {seed}",
            partial(training.train, plan.settings(variant, seed), brief=True),
            partial(judged, variant=variant, data=data),
        )
        for variant in plan.variants
        for seed in range(plan.seeds)
    ]
    results, failed = trained(folder, TASK, todo, Result.from_json)
    first = Run.open(folder / TASK / f"{results[0].model}-{results[0].seed}", TASK)
    rivals, failures = _untrained(first, data, results[0].ids)
    table = Table(data.name, results + rivals, data.UNIT)
    found = claims(table)
    show(table, found, json)
    write_page(folder / "report.html", table, found, plan.quick)
    close(folder, len(todo), found)
    return 1 if failed or failures else 0


def compare_runs(runs: Sequence[Path], data: str | None, format: str, json: bool) -> int:
    """Judge runs that exist already, by their own data or by other, and print tables and claims; a
    run of a comparison counts for the claims as what it was there.

    Args:
        runs: their folders.
        data, format: see `data.load`; None takes the first run's own.

    Returns:
        1 if a picture could not be used, else 0.

    Raises:
        UsageError: two runs that would be one model with one seed.
        CnnRnnError: no run, or there is no test split.
    """
    opened = [Run.open(path, TASK) for path in runs]
    names = [_variant(run) for run in opened]
    told_apart = {(name, run.config["seed"]) for name, run in zip(names, opened, strict=True)}
    if len(told_apart) < len(runs):
        raise UsageError("two of the runs have one name", "rename the folder of one")
    if data is None:
        data, format = opened[0].config["data"], opened[0].config["data_format"]
    found = readers.load(data, format)
    results = [judged(run, name, found) for run, name in zip(opened, names, strict=True)]
    rivals, failures = _untrained(opened[0], found, results[0].ids)
    table = Table(found.name, results + rivals, found.UNIT)
    show(table, claims(table), json)
    return 1 if failures else 0


def _variant(run: Run) -> str:
    """What a run was in the comparison that it was trained for; of any other its name."""
    variant, _, seed = run.name.rpartition("-")
    compared = (run.path.parent.parent / "plan.json").exists()
    return variant if compared and seed == str(run.config["seed"]) else run.name


def judged(run: Run, variant: str, data: CaptionData) -> Result:
    """What a run's captions of the test pictures are worth."""
    from cnnrnn.caption.validate import Validation, batches_of

    captioner = Captioner.load(run.path)
    settings = TrainSettings.from_config(run.config)
    data.taken_for(settings.medium, OTHER_RUN)
    pictures = with_features(settings, data.split("test"))
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
    run: Run, data: CaptionData, ids: Sequence[str]
) -> tuple[list[Result], list[tuple[str, str]]]:
    """The rivals that do not look, or do not think, and people; and the (name, reason) of the test
    pictures that could not be used, which are told."""
    settings = TrainSettings.from_config(run.config)
    pictures = with_features(settings, data.split("test"))
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
