"""A trained captioner: a run opened for use.

    captioner = Captioner.load("runs/caption/scenes-1")
    [caption] = captioner.caption(["photo.jpg"])
    print(caption.text)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from cnnrnn import backend
from cnnrnn.caption.familiarity import Familiarity
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.features.extractor import Extractor
from cnnrnn.media.sources import Source
from cnnrnn.text.decoder import DecodeSettings, Sentence, decode
from cnnrnn.text.tokenizer import Tokenizer
from cnnrnn.text.vocabulary import Vocabulary
from cnnrnn.training.run import Run, newest

TASK = "caption"
STARTER = Path(__file__).parent / "starter"
CHOICES = 5  # words a trace shows at each step
BATCH = 32


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


class GraphSteps:
    """A Keras captioner as the decoder's `StepModel`, compiled by the backend."""

    def __init__(self, model):
        ops = backend.keras().ops

        def advance(memory, state, parents, words):
            state = [ops.take(part, parents, axis=0) for part in state]
            log_probabilities, state, maps = model.advance(memory, state, words)
            return (*ops.top_k(log_probabilities, self.offered), state, maps)

        def begin(features):
            return model.begin(features)

        self.offered = CHOICES
        self._begin, self._advance = backend.compiled(begin), backend.compiled(advance)
        self._repeat = ops.repeat

    def begin(self, features: np.ndarray, copies: int) -> tuple[Any, Any]:
        """See `StepModel.begin`."""
        memory, state = self._begin(features)
        return memory, [self._repeat(part, copies, axis=0) for part in state]

    def advance(self, memory, state, parents, words):
        """See `StepModel.advance`."""
        return self._advance(memory, state, parents, words)


class Captioner:
    """A model, its words and its backbone.

    Args:
        model: a Keras captioner of `cnnrnn.caption.models`.
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
        if model.vocabulary_size != len(vocabulary):
            raise CnnRnnError(
                f"the model knows {model.vocabulary_size} words, its vocabulary {len(vocabulary)}",
                "the files of two runs were mixed; copy the whole run folder again",
            )
        self.model, self.vocabulary, self.extractor = model, vocabulary, extractor
        self.familiarity, self.run = familiarity, run
        self.tokenizer = Tokenizer(vocabulary.tokenizer)
        self._steps: GraphSteps | None = None

    @classmethod
    def load(cls, run: Path | str | None = None, root: Path | str = "runs") -> Captioner:
        """Open a run.

        Args:
            run: its folder; None takes the newest run under `root`, else the shipped starter.

        Raises:
            CnnRnnError: no such run, or a damaged one.
        """
        found = Run.open(run, TASK) if run else newest(root, TASK) or Run.open(STARTER, TASK)
        if not found.usable:
            raise CnnRnnError(f"run {found.path} has no best.keras", "no epoch was finished there")
        from cnnrnn.caption import models  # noqa: F401  registers the classes
        from cnnrnn.training.fit import load_model

        config = found.config
        extractor = None
        if config.get("backbone"):
            extractor = Extractor(
                backbone=config["backbone"],
                weights=config["weights"],
                output=config["feature_output"],
                size=config["image_size"],
                batch=BATCH,
            )
            if extractor.spec.weights_hash != config["weights_hash"]:
                raise CnnRnnError(
                    f"the {config['backbone']} weights {config['weights']} are not those that "
                    f"run {found.path} was trained with",
                    "put the same weights file back, or train again",
                )
        vocabulary = Vocabulary.load(found.path / "vocabulary.json")
        familiarity = Familiarity.load(found.path / "familiarity.npz")
        return cls(load_model(found.best), vocabulary, extractor, familiarity, found)

    @property
    def steps(self) -> GraphSteps:
        """The compiled step functions, made at first use."""
        if self._steps is None:
            self._steps = GraphSteps(self.model)
        return self._steps

    def caption(
        self,
        pictures: Iterable[Source | str | Path | np.ndarray],
        settings: DecodeSettings | None = None,
        start: str = "",
    ) -> list[Caption]:
        """Captions of pictures given as paths, arrays (H, W, 3) uint8 RGB, or sources.

        A picture that cannot be read gives a `Caption` with its `error`.
        """
        return list(self.stream(map(_source, pictures), settings, start))

    def stream(
        self, sources: Iterable[Source], settings: DecodeSettings | None = None, start: str = ""
    ) -> Iterator[Caption]:
        """The same, batch after batch in constant memory, in the order of the sources."""
        settings = settings or DecodeSettings()
        beginning = self.beginning(start)
        if self.extractor is None:
            raise CnnRnnError(
                "this run was trained on precomputed features and has no backbone",
                "use `caption evaluate --features FILE`",
            )
        sources = iter(sources)
        size = 1  # the first answer should not wait for a whole batch
        while batch := list(islice(sources, size)):
            yield from self._batch(batch, settings, beginning)
            size = BATCH

    def beginning(self, text: str) -> list[int]:
        """Word numbers of a sentence's beginning.

        Raises:
            UsageError: it has a word that the model does not know.
        """
        tokens = self.tokenizer(text)
        unknown = [token for token in tokens if token not in self.vocabulary]
        if unknown:
            raise UsageError(
                f"the model does not know {', '.join(map(repr, unknown))}",
                f"it knows {len(self.vocabulary)} words, see vocabulary.json of the run",
            )
        return self.vocabulary.encode(tokens)

    def describe(
        self, features: np.ndarray, settings: DecodeSettings, start: Sequence[int] = ()
    ) -> list[list[Sentence]]:
        """Sentences for features (n, ...), padded to one batch size so the graph compiles once."""
        found = []
        for first in range(0, len(features), BATCH):
            part = features[first : first + BATCH]
            # One picture has a graph of its own; anything between is filled up.
            full = 1 if len(part) == 1 else BATCH
            filled = np.concatenate([part, np.repeat(part[-1:], full - len(part), axis=0)])
            self.steps.offered = max(CHOICES, settings.beam_width)
            found += decode(self.steps, filled, settings, start)[: len(part)]
        return found

    def _batch(self, sources, settings, beginning) -> list[Caption]:
        pictures, captions = [], []
        for source in sources:
            caption = Caption(source.name)
            captions.append(caption)
            try:
                pictures.append((caption, source.read(self.extractor.min_side)))
            except CnnRnnError as error:
                caption.error = str(error)
        if pictures:
            features = self.extractor.compute([pixels for _, pixels in pictures])
            familiar = self.familiarity.known(features) if self.familiarity else None
            for number, sentences in enumerate(self.describe(features, settings, beginning)):
                caption = pictures[number][0]
                caption.sentences = [
                    (self.tokenizer.join(self.vocabulary.decode(each.words)), each)
                    for each in sentences
                ]
                caption.text = caption.sentences[0][0]
                caption.familiar = familiar is None or bool(familiar[number])
        return captions


def _source(picture: Source | str | Path | np.ndarray) -> Source:
    if isinstance(picture, Source):
        return picture
    if isinstance(picture, np.ndarray):
        return Source(name="array", array=picture)
    return Source(name=str(picture), path=Path(picture))


