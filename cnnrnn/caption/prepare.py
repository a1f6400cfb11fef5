"""From settings to what a captioner is trained on: words, pictures, features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnrnn import console
from cnnrnn.caption.data import Example
from cnnrnn.caption.settings import TrainSettings
from cnnrnn.errors import CnnRnnError
from cnnrnn.features import backbones, tops
from cnnrnn.features.clip_vectors import ClipVectors
from cnnrnn.features.extractor import Extractor
from cnnrnn.features.precomputed import open_features
from cnnrnn.features.selection import PictureRows
from cnnrnn.media import video
from cnnrnn.media.medium import VIDEO_SUFFIXES
from cnnrnn.media.sampling import Sampling
from cnnrnn.media.sources import Source
from cnnrnn.text.tokenizer import Tokenizer
from cnnrnn.text.vocabulary import Vocabulary

FEATURE_OUTPUT = {
    "attention": "grid", "inject-init": "pooled", "inject": "pooled", "merge": "pooled",
    "clip-lstm": "steps",
}  # fmt: skip


@dataclass
class Pictures:
    """Examples that have features.

    failures: (name, reason) of the examples that have none and are left out.
    """

    examples: list[Example]
    features: PictureRows
    failures: list[tuple[str, str]]

    def part(self, numbers: Sequence[int]) -> Pictures:
        """Some of them."""
        return Pictures(
            [self.examples[number] for number in numbers], self.features.part(numbers), []
        )


def build_vocabulary(settings: TrainSettings, training: Sequence[Example]) -> Vocabulary:
    """The words of the training captions."""
    tokenizer = Tokenizer(settings.tokenizer)
    tokens = (tokenizer(text) for each in training for text in each.captions)
    return Vocabulary.build(tokens, settings.min_count or 1, settings.tokenizer)


def feature_output(settings: TrainSettings) -> str:
    """What of the backbone is cached."""
    return "below" if settings.fine_tune else FEATURE_OUTPUT[settings.model]


def seen_output(model: str) -> str:
    """What of the backbone a captioner reads of a picture, or of each frame of a clip."""
    output = FEATURE_OUTPUT[model]
    return "pooled" if output == "steps" else output


def feature_size(settings: TrainSettings) -> int | None:
    """D of what a captioner reads; None where the file that it came from is gone."""
    if not settings.features:
        return backbones.get(settings.backbone).row_shape(seen_output(settings.model))[-1]
    if not Path(settings.features).exists():
        return None
    table = open_features(settings.features)
    table.close()
    return table.row_shape[-1]


def extractor(settings: TrainSettings, variant: str = "") -> Extractor | ClipVectors:
    """The backbone that the settings name, for pictures or clips; of one whose top is trained what
    lies below.

    Raises:
        UsageError: it has no such output.
        CnnRnnError: its weights are not there.
    """
    if settings.clips:
        size = settings.image_size
        return ClipVectors(
            settings.backbone,
            settings.weights,
            tuple(size) if isinstance(size, list) else size,
            settings.frames,
            mean=FEATURE_OUTPUT[settings.model] != "steps",
        )
    if settings.fine_tune:
        tops.check(settings.backbone, FEATURE_OUTPUT[settings.model])
    return Extractor(
        backbone=settings.backbone,
        weights=settings.weights,
        output=feature_output(settings),
        size=settings.image_size,
        variant=variant,
    )


def picture_of(source: Source) -> np.ndarray:
    """What is shown of a source, uint8 (H, W, 3): of a clip its middle frame."""
    film = source.path is not None and source.path.suffix.lower() in VIDEO_SUFFIXES - {".gif"}
    if source.clip is None and not film:
        return source.read()
    return video.read(source, Sampling(1)).frames[0]


def with_features(
    settings: TrainSettings, examples: Sequence[Example], variant: str = ""
) -> Pictures:
    """Find or compute the features of pictures; those that cannot be read are told and left out.

    Raises:
        CnnRnnError: not one picture could be read.
    """
    sources = [each.source for each in examples]
    if settings.features:
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
        with console.Progress(len(sources), label, settings.medium.many) as progress:
            table = extractor(settings, variant).extract(sources, progress)
        console.info(f"{label}: {table.hits} from the cache, {table.misses} computed")
        numbers, failures = np.flatnonzero(table.ok), table.failures
        kept = [examples[number] for number in numbers]
    if not kept:
        unit = settings.medium.many
        name, reason = failures[0] if failures else ("", f"no {unit}")
        raise CnnRnnError(f"not one of {len(sources)} {unit} can be used; {name}: {reason}")
    return Pictures(kept, PictureRows(table, numbers), list(failures))
