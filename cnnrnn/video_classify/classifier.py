"""A trained video classifier: a run opened for use.

    classifier = VideoClassifier.load("runs/video-classify/clips-1")
    [judgement] = classifier.classify(["clip.mp4"])
    print(judgement.label, judgement.probability)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from cnnrnn import backend
from cnnrnn.errors import CnnRnnError
from cnnrnn.media.sampling import Sampling
from cnnrnn.media.sources import Source, as_source
from cnnrnn.media.video_decode import open_reel
from cnnrnn.training.found import check_weights, found_run
from cnnrnn.training.run import Run
from cnnrnn.video_classify.batches import inputs
from cnnrnn.video_classify.controls import Transform
from cnnrnn.video_classify.data import Example
from cnnrnn.video_classify.prepare import Clips, extractors, identity, with_features
from cnnrnn.video_classify.settings import TrainSettings
from cnnrnn.video_classify.validate import softmax

TASK = "video-classify"
ENSEMBLE = "ensemble"  # the model of a run that joins others
STARTER = Path(__file__).parent / "starter"
BATCH = 32


@dataclass
class Judgement:
    """What is said about one clip, or about one window of it.

    name: of the source.
    scores: probability by label, the most probable first.
    times: seconds at which its frames stand, float64 (n,).
    weights: how much each of these frames counted, or None; chosen: bool, the frames kept, or None.
    steps: (n, L) probabilities after each frame, labels in the classifier's order, or None.
    error: why there is no judgement; then the rest is empty.
    """

    name: str
    scores: dict[str, float] = field(default_factory=dict)
    times: np.ndarray | None = None
    weights: np.ndarray | None = None
    chosen: np.ndarray | None = None
    steps: np.ndarray | None = None
    error: str = ""

    @property
    def label(self) -> str:
        """The most probable label, "" with an error."""
        return next(iter(self.scores), "")

    @property
    def probability(self) -> float:
        """That of `label`."""
        return self.scores.get(self.label, 0.0)


class Classifier(Protocol):
    """A single run or an ensemble: what evaluation and prediction need of it."""

    labels: list[str]
    run: Run

    def data_settings(self) -> TrainSettings:
        """The settings that name the data it was trained on."""

    def gather(self, examples: Sequence[Example]) -> Any:
        """The examples that can be read, as `.examples`, with what `probabilities` needs, and the
        `.failures`."""

    def probabilities(self, clips: Any, transform: Transform | None = None) -> np.ndarray:
        """Probabilities (n, L) of what `gather` gave, after `transform`."""

    def stream(self, sources: Iterable[Source]) -> Iterator[Judgement]:
        """A judgement for each source, in their order."""

    def slide(
        self, source: Source, seconds: float, step: float
    ) -> Iterator[tuple[float, float, Judgement]]:
        """(start, end, judgement) of windows that slide over a clip."""


def ranked(labels: Sequence[str], probabilities: np.ndarray) -> dict[str, float]:
    """Probability by label, the most probable first."""
    order = np.argsort(-probabilities, kind="stable")
    return {labels[place]: float(probabilities[place]) for place in order}


class VideoClassifier:
    """A model, its labels and what makes its features.

    Args:
        model: a Keras model of `cnnrnn.video_classify.models`.
        labels: its labels, in the order of its outputs.
        settings: those that it was trained with.
        run: where it comes from, for messages.
    """

    def __init__(self, model, labels: Sequence[str], settings: TrainSettings, run: Run):
        if model.labels != len(labels):
            raise CnnRnnError(
                f"the model knows {model.labels} labels, labels.json {len(labels)}",
                "the files of two runs were mixed; copy the whole run folder again",
            )
        self.model, self.labels, self.settings, self.run = model, list(labels), settings, run
        self._analyse = backend.compiled(model.analyse)
        self._extractors: dict | None = None

    @classmethod
    def load(cls, run: Path | str | None = None, root: Path | str = "runs") -> VideoClassifier:
        """Open a run.

        Args:
            run: its folder; None takes the newest run under `root`, else the shipped starter.

        Raises:
            CnnRnnError: no such run, a damaged one, or an ensemble (see `load_classifier`).
        """
        return cls.open(found_run(run, root, TASK, STARTER))

    @classmethod
    def open(cls, run: Run) -> VideoClassifier:
        """The same of a run that was found."""
        from cnnrnn.training.fit import load_model
        from cnnrnn.video_classify import losses, models  # noqa: F401  registers the classes

        if run.config.get("model") == ENSEMBLE:
            raise CnnRnnError(f"run {run.path} is an ensemble", "open it with load_classifier")
        settings = TrainSettings.from_config(run.config)
        return cls(load_model(run.best), read_labels(run), settings, run)

    def data_settings(self) -> TrainSettings:
        """See `Classifier.data_settings`."""
        return self.settings

    @property
    def extractors(self) -> dict:
        """What makes the features of each stream; its weights are those of the training.

        Raises:
            CnnRnnError: they are not.
        """
        if self._extractors is None:
            made = extractors(self.settings)
            check_weights(self.run, identity(made)["weights_hash"])
            self._extractors = made
        return self._extractors

    def classify(self, clips: Iterable[Source | str | Path | np.ndarray]) -> list[Judgement]:
        """Judgements of clips given as paths, arrays (T, H, W, 3) uint8 RGB, or sources.

        A clip that cannot be read gives a `Judgement` with its `error`.
        """
        return list(self.stream(map(as_source, clips)))

    def gather(self, examples: Sequence[Example]) -> Clips:
        """See `Classifier.gather`."""
        _ = self.extractors  # another backbone must be told before anything is computed
        return with_features(self.settings, examples)

    def probabilities(self, clips: Clips, transform: Transform | None = None) -> np.ndarray:
        """See `Classifier.probabilities`."""
        parts = []
        for first in range(0, len(clips.examples), BATCH):
            numbers = np.arange(first, min(first + BATCH, len(clips.examples)))
            given = inputs(clips.streams, numbers)
            if transform:
                given = transform(given, numbers)
            parts.append(softmax(self.analyse(given)["logits"]))
        return np.concatenate(parts)

    def judged(self, clips: Clips, number: int) -> Judgement:
        """The judgement of one clip of what `gather` gave."""
        given = inputs(clips.streams, np.array([number]))
        return self._judgement(clips.examples[number].source.name, given)

    def stream(self, sources: Iterable[Source]) -> Iterator[Judgement]:
        """See `Classifier.stream`; memory does not grow with their number."""
        for source in sources:
            try:
                yield self._whole(source)
            except CnnRnnError as error:
                yield Judgement(source.name, error=str(error))

    def slide(
        self, source: Source, seconds: float, step: float
    ) -> Iterator[tuple[float, float, Judgement]]:
        """Judgements of windows that slide over a clip.

        Args:
            source: the clip, of any length.
            seconds: a window's duration.
            step: seconds from one beginning to the next.

        Yields:
            (start, end, judgement), seconds.

        Raises:
            CnnRnnError: it cannot be read.
        """
        made = [each.windows(source, seconds, step) for each in self.extractors.values()]
        for parts in zip(*made, strict=False):
            start, end = parts[0][:2]
            judgement = self._judge([steps for *_, steps in parts], source.name)
            judgement.times = np.linspace(start, end, 2 * len(parts[0][2]) + 1)[1::2]
            yield start, end, judgement

    def _whole(self, source: Source) -> Judgement:
        steps = [each.pixels(source) for each in self.extractors.values()]
        judgement = self._judge(steps, source.name)
        judgement.times = _times(source, Sampling(self.settings.frames, self.settings.fps),
                                 len(steps[0]))
        return judgement

    def _judge(self, steps: Sequence[np.ndarray], name: str) -> Judgement:
        """The judgement of one clip by what its streams' extractors made of it."""
        given, masks = {}, []
        for (stream, extractor), some in zip(self.extractors.items(), steps, strict=True):
            given[stream], mask = extractor.compute_steps([some])
            masks.append(mask)
        given["mask"] = np.logical_and.reduce(masks)
        return self._judgement(name, given)

    def _judgement(self, name: str, given: dict) -> Judgement:
        found = self.analyse(given)
        real = given["mask"][0]
        parts = {
            key: found[key][0][real] if key in found else None for key in ("weights", "chosen")
        }
        steps = softmax(found["steps"][0][real]) if "steps" in found else None
        scores = ranked(self.labels, softmax(found["logits"])[0])
        return Judgement(name, scores, steps=steps, **parts)

    def analyse(self, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """What the model finds in n clips, see `VideoModel.analyse`; filled up to one batch size
        so that the graph compiles once."""
        count = len(given["mask"])
        full = 1 if count == 1 else BATCH
        filled = {
            name: np.concatenate([rows, np.repeat(rows[-1:], full - count, axis=0)])
            for name, rows in given.items()
        }
        return {key: value[:count] for key, value in self._analyse(filled).items()}


def _times(source: Source, sampling: Sampling, count: int) -> np.ndarray:
    """When the sampled frames appear, seconds (count,)."""
    reel = open_reel(source)
    if len(reel.times):
        times = reel.times[sampling.plan(reel.times, reel.duration).indices]
        if len(times) == count:
            return times
    # A damaged file holds other frames than it says.
    return np.linspace(0, reel.duration, 2 * count + 1)[1::2]


def read_labels(run: Run) -> list[str]:
    """The labels of a run, in the order of its outputs.

    Raises:
        CnnRnnError: labels.json is missing or damaged.
    """
    labels = run.read_json("labels.json")
    if not isinstance(labels, list) or not all(isinstance(each, str) for each in labels):
        raise CnnRnnError(f"{run.path}/labels.json is damaged", "copy the run again")
    return labels


def load_classifier(run: Path | str | None = None, root: Path | str = "runs") -> Classifier:
    """Open a run of any kind, an ensemble too."""
    found = found_run(run, root, TASK, STARTER)
    if found.config.get("model") == ENSEMBLE:
        from cnnrnn.video_classify.ensemble import Ensemble

        return Ensemble.open(found)
    return VideoClassifier.open(found)
