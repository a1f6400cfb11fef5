"""From settings to what a classifier is trained on: clips, their features, their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cnnrnn import console
from cnnrnn.errors import CnnRnnError
from cnnrnn.features.clips import ClipExtractor
from cnnrnn.media.video import Sampling
from cnnrnn.training.splits import grouped_split
from cnnrnn.video_classify.batches import ClipRows
from cnnrnn.video_classify.check import near_duplicates
from cnnrnn.video_classify.data import Example, grouping
from cnnrnn.video_classify.settings import TrainSettings

_LOOKED_AT, _LOOK_SIDE = 4, 12  # frames and pixels a side by which clips are compared


@dataclass
class Clips:
    """Examples that have features.

    streams: the rows of each stream, by name.
    failures: (name, reason) of the examples that have none and are left out.
    """

    examples: list[Example]
    streams: dict[str, ClipRows]
    failures: list[tuple[str, str]]

    def part(self, numbers: Sequence[int]) -> Clips:
        """Some of them."""
        numbers = np.asarray(numbers, np.int64)
        streams = {name: rows.part(numbers) for name, rows in self.streams.items()}
        return Clips([self.examples[number] for number in numbers], streams, [])

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """(T, ...) of each stream."""
        return {name: tuple(rows.row_shape) for name, rows in self.streams.items()}

    def numbers(self, labels: Sequence[str]) -> np.ndarray:
        """int64 (n,), each clip's place in `labels`, -1 where it is not among them."""
        places = {label: place for place, label in enumerate(labels)}
        return np.array([places.get(each.label, -1) for each in self.examples], np.int64)


def extractors(settings: TrainSettings) -> dict[str, ClipExtractor]:
    """What makes each stream's features."""
    sampling = Sampling(settings.frames, settings.fps)
    size = settings.image_size
    made = {}
    for stream in settings.streams:
        if stream == "rgb":
            made[stream] = ClipExtractor(
                backbone=settings.backbone,
                weights=settings.weights,
                output="pixels" if settings.model == "c3d" else settings.rgb_output,
                size=tuple(size) if isinstance(size, list) else size,
                sampling=sampling,
                grid=settings.grid,
            )
        else:
            made[stream] = ClipExtractor(size=settings.cells, sampling=sampling, stream=stream)
    return made


def identity(made: dict[str, ClipExtractor]) -> dict:
    """What a run's config.json holds of its extractors, so that another backbone is noticed."""
    if "rgb" not in made:
        return {"weights_hash": "", "image_size": None}
    spec = made["rgb"].spec
    size = [spec.size, spec.size] if isinstance(spec.size, int) else list(spec.size)
    return {"weights_hash": spec.weights_hash, "image_size": size}


def pictures(settings: TrainSettings) -> tuple[str, ...]:
    """The streams whose rows are small pictures that pass a trained CNN."""
    return tuple(each for each in settings.streams if each != "rgb" and not settings.grid)


def with_features(settings: TrainSettings, examples: Sequence[Example]) -> Clips:
    """Find or compute the features of clips; those that cannot be read are told and left out.

    Raises:
        CnnRnnError: not one clip could be read.
    """
    sources = [each.source for each in examples]
    tables, ok, failures = {}, np.ones(len(sources), bool), {}
    for stream, extractor in extractors(settings).items():
        label = "features" if stream == "rgb" else f"features ({stream})"
        with console.Progress(len(sources), label, "clips") as progress:
            table = extractor.extract(sources, progress)
        console.info(f"{label}: {table.hits} from the cache, {table.misses} computed")
        tables[stream] = table
        ok &= table.ok
        failures |= {name: reason for name, reason in table.failures}
    if not ok.any():
        name, reason = next(iter(failures.items()), ("", "no clips"))
        raise CnnRnnError(f"not one of {len(sources)} clips can be used; {name}: {reason}")
    numbers = np.flatnonzero(ok)
    streams = {stream: ClipRows(table, numbers) for stream, table in tables.items()}
    return Clips([examples[number] for number in numbers], streams, list(failures.items()))


def hold_out(settings: TrainSettings, clips: Clips) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the training clips that are trained on, and of those kept aside: whole groups,
    about `holdout` clips.

    Raises:
        CnnRnnError: nothing would be left to train on.
    """
    count = len(clips.examples)
    if not settings.holdout:
        return np.arange(count), np.arange(0)
    if count <= settings.holdout:
        raise CnnRnnError(
            f"{count} training clips, and {settings.holdout} are to be kept aside",
            "lower --holdout or bring more clips",
        )
    labels = [each.label for each in clips.examples]
    groups = grouping(clips.examples, settings.split_by == "group")
    # Not by the seed: runs that only differ in it can be compared and joined on these clips.
    aside = grouped_split(labels, groups, settings.holdout / count)
    return np.flatnonzero(~aside), np.flatnonzero(aside)


def look_alikes(examples: Sequence[Example]) -> list[tuple[str, str]]:
    """Names of clips that look the same and lie on two sides, (training clip, other clip).

    A few coarse frames of each clip are compared; they come through the cache.
    """
    extractor = ClipExtractor(
        output="pixels", size=_LOOK_SIDE, sampling=Sampling(frames=_LOOKED_AT)
    )
    with console.Progress(len(examples), "comparing", "clips") as progress:
        table = extractor.extract([each.source for each in examples], progress)
    numbers = np.flatnonzero(table.ok)
    if not len(numbers):
        return []
    grey = np.concatenate(
        [
            table.read(numbers[at : at + 256]).astype(np.float32).mean(axis=-1)
            for at in range(0, len(numbers), 256)
        ]
    )
    pairs = near_duplicates(grey, [examples[number].split for number in numbers])
    return [
        (examples[numbers[one]].source.name, examples[numbers[other]].source.name)
        for one, other in pairs
    ]
