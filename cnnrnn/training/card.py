"""MODEL_CARD.md: what a run's model is, learned from, reached, and cannot do.

After Mitchell et al. 2019, Model Cards for Model Reporting. A task says what is its own in a
`Purpose`; everything else stands in the run. The card names no place, so it moves with its folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnrnn.features.backbones import REGISTRY
from cnnrnn.files import atomic_write
from cnnrnn.training.run import Run

CARD = "MODEL_CARD.md"
TEST = "the test split of the built-in world"  # what starters are scored on
FEW = 10_000  # examples below which a training is called small
_WORLD = ("scenes_version", "clips_version")  # the keys of a run on the built-in world
_LEARNED_HERE = (None, "learned", "word2vec")  # word vectors that are not of a file

_IMAGENET = (
    "The weights of the backbone are those of `keras.applications`, trained on ImageNet, whose "
    "pictures are for non-commercial research and teaching: see the terms of both."
)


@dataclass(frozen=True)
class Purpose:
    """What a task says of its models.

    does: what they do, a sentence.
    unit: what they were trained on, in the plural, as in the run's `usable_UNIT`.
    seen: what they are shown, in the plural.
    limits: what they cannot do beyond what no model of a run can, a sentence each.
    use: a command line but for its --run.
    """

    does: str
    unit: str
    seen: str
    limits: Sequence[str]
    use: str


def write_card(
    run: Run,
    model: Any,
    purpose: Purpose,
    keys: Sequence[str],
    rows: Iterable[Sequence[Any]],
    which: str,
) -> None:
    """Write `MODEL_CARD.md` of a finished run.

    Args:
        run: it has its metrics.json.
        model: its Keras model.
        purpose: what its task says.
        keys: the exact names of the figures.
        rows: the model's first, then the baselines': a name and its figures, None where there is
            none.
        which: what was scored, in words.
    """
    config, outcome = run.config, run.read_json("metrics.json")
    built_in = any(key in config for key in _WORLD)
    lines = [
        f"# Model card: `cnnrnn {run.task}`, {config['model']}",
        "",
        purpose.does,
        "",
        *_table(("what", "value"), _identity(config, model)),
        "",
        "## What it learned from",
        "",
        *_table(("what", "value"), _origin(config, purpose.unit, built_in)),
        "",
        *_items([_licence(built_in), *_borrowed(config)]),
        "",
        "## What it reached",
        "",
        *_table(("", *keys), rows),
        "",
        f"On {which}; seed {config['seed']}, one training. The epoch, {outcome['epoch']}, was "
        f"chosen by `{outcome['metric']}`, {outcome['value']:.4g} there.",
        "",
        "## What it cannot do",
        "",
        *_items([*purpose.limits, *_limits(config, purpose, built_in)]),
        "",
        "## How to use it",
        "",
        f"    {purpose.use} --run FOLDER",
        "",
        "FOLDER is the one that this card lies in.",
        "",
        "## Versions",
        "",
        *_table(("what", "version"), config["versions"].items()),
    ]
    with atomic_write(run.path / CARD, "w") as file:
        file.write("\n".join(lines) + "\n")


def _identity(config: Mapping[str, Any], model: Any) -> Iterable[tuple[str, Any]]:
    yield "task", config["task"]
    yield "model", config["model"]
    if config.get("backbone"):
        yield "backbone", config["backbone"]
    yield "parameters of best.keras", f"{model.count_params():,}"
    yield "made", config["created"][:10]


def _origin(
    config: Mapping[str, Any], unit: str, built_in: bool
) -> Iterable[tuple[str, Any]]:
    name = Path(config["data"]).name
    versions = ", ".join(
        f"{key.replace('_', ' ')} {config[key]}" for key in _WORLD if key in config
    )
    yield "data", f"{name}, the built-in world ({versions})" if built_in else name
    yield unit, f"{config[f'usable_{unit}']:,}, with those that were kept aside"
    yield "fingerprint of the data", config["data_fingerprint"]


def _licence(built_in: bool) -> str:
    if built_in:
        return "The data was drawn by cnnrnn itself and is, as cnnrnn is, under the MIT licence."
    return (
        "The licence of the data is the owner's: see there before you pass this model or its "
        "pictures on."
    )


def _borrowed(config: Mapping[str, Any]) -> Iterable[str]:
    """Where weights, features and word vectors come from that were not learned here."""
    backbone, weights = REGISTRY.get(config.get("backbone")), config.get("weights")
    if config.get("features"):
        yield "Its features came in a file: the terms are those of the network that made them."
    elif backbone and weights not in ("auto", "imagenet", "random"):
        yield "The weights of the backbone came in a file: the terms are those of its maker."
    elif backbone and backbone.application and weights != "random":
        yield _IMAGENET
    if config.get("embeddings") not in _LEARNED_HERE:
        yield "Its word vectors came in a file: the terms are those of its maker."
    if config.get("init"):
        yield "It began with the weights of another run: the card of that run counts here too."


def _limits(config: Mapping[str, Any], purpose: Purpose, built_in: bool) -> Iterable[str]:
    seen = purpose.seen
    if built_in:
        yield f"It has seen drawn {seen} only: what it says of a photo or film means nothing."
    else:
        yield f"Of {seen} unlike those that it learned from it may say anything."
    if config[f"usable_{purpose.unit}"] < FEW:
        yield f"Its data is small (fewer than {FEW:,} {purpose.unit}): it has seen little."
    yield "The figures above are of data like its own; of other data they say nothing."
    yield (
        "It repeats what its data says, prejudice and mistakes too: it is for learning and trying, "
        "and never for decisions about people or where an error does harm."
    )


def _items(sentences: Iterable[str]) -> list[str]:
    return [f"- {sentence}" for sentence in sentences]


def _table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    return [_row(heads), _row(["---"] * len(heads)), *(_row(row) for row in rows)]


def _row(cells: Iterable[Any]) -> str:
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    text = f"{value:.3f}" if isinstance(value, float) else str(value)
    return " ".join(text.split()).replace("|", "\\|")
