"""A trained captioner: a run opened for use.

    captioner = Captioner.load("runs/caption/scenes-1")
    [caption] = captioner.caption(["photo.jpg"])
    print(caption.text)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from cnnrnn import console
from cnnrnn.ahead import arriving
from cnnrnn.errors import CnnRnnError
from cnnrnn.features.clip_vectors import ClipVectors
from cnnrnn.features.extractor import Extractor
from cnnrnn.features.familiarity import Familiarity
from cnnrnn.media.medium import CLIPS, PICTURES, Medium
from cnnrnn.media.sources import Source, as_source
from cnnrnn.text.decoder import DecodeSettings, Sentence
from cnnrnn.text.vocabulary import Vocabulary
from cnnrnn.text.writer import BATCH, Writer
from cnnrnn.training.found import check_weights, found_run
from cnnrnn.training.run import Run

TASK = "caption"
STARTER = Path(__file__).parent / "starter"


@dataclass
class Caption:
    """What is said about one picture.

    name: of the source.
    text: the best sentence.
    sentences: all hypotheses, best first, as (text, `Sentence`).
    familiar: False for a picture unlike everything the model was trained on.
    error: why there is no sentence; then the rest is empty.
    """

    name: str
    text: str = ""
    sentences: list[tuple[str, Sentence]] = field(default_factory=list)
    familiar: bool = True
    error: str = ""


class Captioner:
    """A model, its words and its backbone.

    Args:
        model: a Keras captioner of `cnnrnn.caption.models` or `fine_tuned`.
        vocabulary: its words.
        extractor: makes its features.
        familiarity: knows what it was trained on, or None.
        run: where it comes from, for messages.
    """

    def __init__(
        self,
        model,
        vocabulary: Vocabulary,
        extractor: Extractor | None,
        familiarity: Familiarity | None = None,
        run: Run | None = None,
    ):
        self.writer = Writer(model, vocabulary)
        self.model, self.vocabulary, self.extractor = model, vocabulary, extractor
        self.familiarity, self.run = familiarity, run
        self.runs = [run]

    @property
    def clips(self) -> bool:
        """Whether it captions clips, not pictures."""
        return self.run is not None and _takes_clips(self.run)

    @property
    def medium(self) -> Medium:
        """What it captions."""
        return CLIPS if self.clips else PICTURES

    @classmethod
    def load(
        cls, run: Path | str | None = None, root: Path | str = "runs", clips: bool = False
    ) -> Captioner:
        """Open a run.

        Args:
            run: its folder; None takes the newest run under `root` that sees pictures with weights
                that are here, else the shipped starter.
            clips: with None, the newest run that sees clips instead; there is no starter for them.

        Raises:
            CnnRnnError: no such run, or a damaged one.
        """
        found = found_run(run, root, TASK, STARTER, partial(_sees, clips=clips))
        if run is None and clips and not _takes_clips(found):
            raise CnnRnnError(
                "there is no run for clips here",
                "train one: cnnrnn caption train --data clips --model clip-lstm",
            )
        from cnnrnn.caption import fine_tuned  # noqa: F401  registers the classes
        from cnnrnn.training.fit import load_model

        extractor = _extractor(found)
        vocabulary = Vocabulary.load(found.path / "vocabulary.json")
        familiarity = Familiarity.load(found.path / "familiarity.npz")
        return cls(load_model(found.best), vocabulary, extractor, familiarity, found)

    def caption(
        self,
        pictures: Iterable[Source | str | Path | np.ndarray],
        settings: DecodeSettings | None = None,
        start: str = "",
    ) -> list[Caption]:
        """Captions of pictures given as paths, arrays (H, W, 3) uint8 RGB, or sources.

        A picture that cannot be read gives a `Caption` with its `error`.
        """
        return list(self.stream(map(as_source, pictures), settings, start))

    def stream(
        self,
        sources: Iterable[Source],
        settings: DecodeSettings | None = None,
        start: str = "",
        slow: bool = False,
    ) -> Iterator[Caption]:
        """The same, batch after batch in constant memory, in the order of the sources.

        Args:
            sources: the pictures.
            settings, start: as in `caption`.
            slow: the sources come from a pipe: each caption as soon as it is known, together only
                with those of pictures that have come meanwhile.
        """
        settings = settings or DecodeSettings()
        beginning = self.writer.beginning(start)
        if self.extractor is None:
            raise self._blind()
        for batch in arriving(sources, BATCH) if slow else _batches(sources):
            yield from self._batch(batch, settings, beginning)

    @staticmethod
    def _blind() -> CnnRnnError:
        return CnnRnnError(
            "this run was trained on precomputed features and has no backbone",
            "use `caption evaluate --features FILE`",
        )

    def texts(self, pictures, settings: DecodeSettings) -> dict[str, str]:
        """The best sentence for each of some `prepare.Pictures`, by `Example.id`."""
        found = {}
        for first in range(0, len(pictures.examples), BATCH):
            part = range(first, min(first + BATCH, len(pictures.examples)))
            described = self.writer.write(pictures.features.read(part), settings)
            for number, sentences in zip(part, described, strict=True):
                found[pictures.examples[number].id] = self.writer.text(sentences[0])
        return found

    def attention_strip(
        self, picture: np.ndarray, sentence: Sentence, font: Path | None = None
    ) -> np.ndarray | None:
        """Where the model looked at each word, as one picture; None without attention."""
        if sentence.attention is None or self.extractor is None:
            return None
        from cnnrnn.media import drawing

        # What is cached may lie below the grid that the model looks at.
        seen = self.extractor
        rows, columns, _ = seen.backbone.row_shape("grid", seen.size)
        maps = sentence.attention.reshape(-1, rows, columns)
        return drawing.attention_strip(picture, self.writer.words(sentence), maps, font=font)

    def _batch(self, sources, settings, beginning) -> list[Caption]:
        pictures, captions = [], []
        for source in sources:
            caption = Caption(source.name)
            captions.append(caption)
            try:
                pictures.append((caption, self._look(source)))
            except CnnRnnError as error:
                caption.error = str(error)
        if pictures:
            features = self._features([looked for _, looked in pictures])
            familiar = self._known(features) if self.familiarity else None
            described = self.writer.write(features, settings, beginning)
            for number, sentences in enumerate(described):
                caption = pictures[number][0]
                caption.sentences = [(self.writer.text(each), each) for each in sentences]
                caption.text = caption.sentences[0][0]
                caption.familiar = familiar is None or bool(familiar[number])
        return captions

    def _look(self, source: Source):
        """What is read of a picture before its features are made."""
        return self.extractor.pixels(source)

    def _features(self, looked):
        """The features of what `_look` gave for some pictures."""
        return self.extractor.compute(looked)

    def _known(self, features):
        return self.familiarity.known(features)


def _batches(sources: Iterable[Source]) -> Iterator[list[Source]]:
    sources = iter(sources)
    size = 1  # the first answer should not wait for a whole batch
    while batch := list(islice(sources, size)):
        yield batch
        size = BATCH


def _takes_clips(run: Run) -> bool:
    return bool(run.config.get("frames"))


def _extractor(run: Run) -> Extractor | ClipVectors | None:
    """The backbone of a run; None for one that was trained on precomputed features.

    Raises:
        CnnRnnError: its weights are not here, or are others than it was trained with.
    """
    config = run.config
    if not config.get("backbone"):
        return None
    size = tuple(config["image_size"])
    if _takes_clips(run):
        mean = config["feature_output"] != "steps"
        extractor = ClipVectors(
            config["backbone"], config["weights"], size, config["frames"], mean
        )
    else:
        extractor = Extractor(
            backbone=config["backbone"],
            weights=config["weights"],
            output=config["feature_output"],
            size=size,
            batch=BATCH,
        )
    check_weights(run, extractor.spec.weights_hash)
    return extractor


def _sees(run: Run, clips: bool) -> bool:
    """Whether a run can look at pictures, or at clips, here and now; tells why where it cannot."""
    if _takes_clips(run) != clips:
        return False
    try:
        reason = "" if _extractor(run) else f"run {run.path} needs precomputed features"
    except CnnRnnError as error:
        reason = error.message
    if reason:
        console.warn(f"{reason}: another run is used")
    return not reason
