"""From settings to what a captioner is trained on: words, pictures, features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cnnrnn import console
from cnnrnn.caption.data import CaptionData, Example
from cnnrnn.caption.familiarity import pooled
from cnnrnn.caption.settings import TrainSettings
from cnnrnn.errors import CnnRnnError
from cnnrnn.features.extractor import Extractor
from cnnrnn.text.tokenizer import Tokenizer
from cnnrnn.text.vocabulary import Vocabulary

FEATURE_OUTPUT = {"attention": "grid", "inject-init": "pooled"}
_BLOCK = 64


class Selection:
    """Some pictures of a table of features; row i is the i-th of them."""

    def __init__(self, table, numbers: Sequence[int]):
        self.table, self.numbers = table, np.asarray(numbers, np.int64)
        self.row_shape = table.row_shape

    def __len__(self) -> int:
        return len(self.numbers)

    def read(self, indices: Sequence[int]) -> np.ndarray:
        """Features (n, ...) of the chosen pictures with these numbers."""
        return self.table.read(self.numbers[np.asarray(indices, np.int64)])

    def pooled(self) -> np.ndarray:
        """Mean features of all of them, float32 (n, D), without holding their grids."""
        parts = [
            pooled(self.read(np.arange(at, min(at + _BLOCK, len(self)))))
            for at in range(0, len(self), _BLOCK)
        ]
        return np.concatenate(parts)


@dataclass
class Pictures:
    """Examples that have features.

    failures: (name, reason) of the examples that have none and are left out.
    """

    examples: list[Example]
    features: Selection
    failures: list[tuple[str, str]]

    def part(self, numbers: Sequence[int]) -> Pictures:
        """Some of them."""
        numbers = np.asarray(numbers, np.int64)
        chosen = Selection(self.features.table, self.features.numbers[numbers])
        return Pictures([self.examples[number] for number in numbers], chosen, [])


def build_vocabulary(settings: TrainSettings, training: Sequence[Example]) -> Vocabulary:
    """The words of the training captions."""
    tokenizer = Tokenizer(settings.tokenizer)
    tokens = (tokenizer(text) for each in training for text in each.captions)
    return Vocabulary.build(tokens, settings.min_count or 1, settings.tokenizer)


def extractor(settings: TrainSettings, variant: str = "") -> Extractor:
    """The backbone that the settings name."""
    return Extractor(
        backbone=settings.backbone,
        weights=settings.weights,
        output=FEATURE_OUTPUT[settings.model],
        size=settings.image_size,
        variant=variant,
    )


def with_features(
    settings: TrainSettings, examples: Sequence[Example], variant: str = ""
) -> Pictures:
    """Find or compute the features of pictures; those that cannot be read are told and left out.

    Raises:
        CnnRnnError: not one picture could be read.
    """
    sources = [each.source for each in examples]
    if settings.features:
        from cnnrnn.features.precomputed import open_features

        table = open_features(settings.features)
        numbers = table.find(source.name for source in sources)
        failures = [
            (source.name, f"has no row in {settings.features}")
            for source, number in zip(sources, numbers, strict=True)
            if number < 0
        ]
        kept = [each for each, number in zip(examples, numbers, strict=True) if number >= 0]
        numbers = numbers[numbers >= 0]
    else:
        label = "features of mirrored pictures" if variant else "features"
        with console.Progress(len(sources), label, "pictures") as progress:
            table = extractor(settings, variant).extract(sources, progress)
        console.info(f"{label}: {table.hits} from the cache, {table.misses} computed")
        numbers, failures = np.flatnonzero(table.ok), table.failures
        kept = [examples[number] for number in numbers]
    if not kept:
        name, reason = failures[0] if failures else ("", "no pictures")
        raise CnnRnnError(f"not one of {len(sources)} pictures can be used; {name}: {reason}")
    return Pictures(kept, Selection(table, numbers), list(failures))


def hold_out(settings: TrainSettings, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the training pictures that are trained on, and of those kept aside.

    Args:
        count: all training pictures.

    Raises:
        CnnRnnError: nothing would be left to train on.
    """
    if count <= settings.holdout:
        raise CnnRnnError(
            f"{count} training pictures, and {settings.holdout} are to be kept aside",
            "lower --holdout or bring more pictures",
        )
    order = np.random.default_rng([settings.seed, 0]).permutation(count)
    return np.sort(order[settings.holdout :]), np.sort(order[: settings.holdout])


def source_problems(data: CaptionData, failures: Sequence[tuple[str, str]]) -> None:
    """Tell the first few pictures that could not be used."""
    for name, reason in failures[:5]:
        console.warn(reason if name in reason else f"{name}: {reason}")
    if len(failures) > 5:
        console.warn(f"... and {len(failures) - 5} more pictures of {data.name}")
