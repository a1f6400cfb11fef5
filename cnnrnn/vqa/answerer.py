"""A trained answering model: a run opened for use.

    answerer = Answerer.load("runs/vqa/scenes-1")
    [reply] = answerer.ask("photo.jpg", ["what is in the basket?"])
    print(reply.answer, reply.probability)
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnrnn import backend, console
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.features.familiarity import Familiarity
from cnnrnn.features.selection import PictureRows
from cnnrnn.media.sources import Source
from cnnrnn.training.found import check_weights, found_run
from cnnrnn.training.run import Run
from cnnrnn.vqa.confidence import Confidence
from cnnrnn.vqa.example import Example
from cnnrnn.vqa.prepare import Questions, Words, batches, extractor, identity, with_features
from cnnrnn.vqa.replies import REPLIES, Replies
from cnnrnn.vqa.reply import Reply, remarks
from cnnrnn.vqa.settings import QUESTION_ONLY, TrainSettings

TASK = "vqa"
STARTER = Path(__file__).parent / "starter"
BATCH = 16  # rows that pass the model together
KEPT_PICTURES = 64  # whose features wait for further questions
TOP = 5
BLIND = "blind"  # the folder inside a run that has its question-only model


@dataclass
class Looked:
    """What a model found about N questions.

    outputs: (N, ...) what `Replies` reads.
    maps: float16 (N, hops, K), or None.
    """

    outputs: np.ndarray
    maps: np.ndarray | None


class Answerer:
    """A model, its words and what makes its features.

    Args:
        model: a Keras model of `cnnrnn.vqa.models`.
        words: of its questions and answers.
        settings: those that it was trained with.
        run: where it comes from.
        confidence: how sure its answers are.
        familiarity: knows what pictures it was trained on, or None.

    Raises:
        CnnRnnError: model and words do not belong together.
    """

    def __init__(
        self,
        model,
        words: Words,
        settings: TrainSettings,
        run: Run,
        confidence: Confidence | None = None,
        familiarity: Familiarity | None = None,
    ):
        wanted = (len(words.vocabulary), words.length, words.size)
        found = (model.words, model.length, model.size)
        if found != wanted:
            raise CnnRnnError(
                f"the model is for {found} words, places and answers, its files for {wanted}",
                "the files of two runs were mixed; copy the whole run folder again",
            )
        self.model, self.words, self.settings, self.run = model, words, settings, run
        self.confidence, self.familiarity = confidence or Confidence(), familiarity
        self._analyse = backend.compiled(model.analyse)
        self._rows: OrderedDict[str, np.ndarray] = OrderedDict()
        self._extractor = None

    @classmethod
    def load(cls, run: Path | str | None = None, root: Path | str = "runs") -> Answerer:
        """Open a run.

        Args:
            run: its folder; None takes the newest run under `root` that sees pictures with weights
                that are here, else the shipped starter.

        Raises:
            CnnRnnError: no such run, or a damaged one.
        """
        return cls.open(found_run(run, root, TASK, STARTER, _sees))

    @classmethod
    def open(cls, run: Run) -> Answerer:
        """The same of a run that was found."""
        from cnnrnn.training.fit import load_model
        from cnnrnn.vqa import losses, models  # noqa: F401  registers the classes

        if not run.usable:
            raise CnnRnnError(f"run {run.path} has no best.keras", "no epoch was finished there")
        confidence = None
        if (run.path / "confidence.json").exists():
            confidence = Confidence.from_json(run.read_json("confidence.json"))
        settings = TrainSettings.from_config(run.config)
        familiarity = Familiarity.load(run.path / "familiarity.npz")
        return cls(load_model(run.best), Words.load(run), settings, run, confidence, familiarity)

    @property
    def extractor(self):
        """What makes the features of pictures; its weights are those of the training. None for a
        model that does not look.

        Raises:
            CnnRnnError: they are not.
        """
        if self._extractor is None:
            self._extractor = _checked_extractor(self.run, self.settings)
        return self._extractor

    @property
    def replies(self) -> Replies:
        """What reads the model's output."""
        kind = REPLIES[self.settings.answer]
        extra = {}
        if self.settings.answer == "generate":
            extra["language"] = self.model.head.language
        if not hasattr(self, "_replies"):
            self._replies = kind(self.words, self.confidence.temperature, **extra)
        return self._replies

    def trust(self, confidence: Confidence) -> None:
        """Be so sure from now on."""
        self.confidence = confidence
        self.replies.temperature = confidence.temperature

    def blind(self) -> Answerer | None:
        """The question-only model that was trained beside this one; None where there is none."""
        path = self.run.path / BLIND
        if not (path / "best.keras").exists():
            return None
        from cnnrnn.training.fit import load_model

        config = self.run.config | {"model": QUESTION_ONLY, "weights_hash": ""}
        run = Run(path, config)
        model = load_model(run.best)
        return type(self)(model, self.words, TrainSettings.from_config(config), run)

    # -- questions that a person brings ----------------------------------------------------------

    def ask(
        self,
        picture: Source | str | Path | np.ndarray,
        questions: Sequence[str],
        choices: Sequence[str] = (),
        top: int = TOP,
    ) -> list[Reply]:
        """Replies to questions about one picture, a path, an array (H, W, 3) uint8 RGB, or a
        source. Its features are kept for the next questions.

        Args:
            picture: see above.
            questions: one or more.
            choices: the answers to choose from; none: all that the model knows.
            top: answers of each reply; of choices all are given.

        Raises:
            CnnRnnError: the picture cannot be read.
            UsageError: an empty question, or choices that are all empty.
        """
        source = as_source(picture)
        questions = [question.strip() for question in questions]
        for question in questions:
            if not question:
                raise UsageError("an empty question", "ask something, such as 'what is it?'")
        choices = [choice.strip() for choice in choices]
        if choices and not any(choices):
            raise UsageError("the choices are empty", "such as 'red,green,blue'")
        choices = [choice for choice in choices if choice]
        row = self._features(source)
        familiar = True
        if self.familiarity is not None and row is not None:
            familiar = bool(self.familiarity.known(row[None])[0])
        looked = self._look(source, row, questions)
        if choices:
            answers = self.replies.choose(looked.outputs, [choices] * len(questions))
        else:
            answers = self.replies.open(looked.outputs, top)
        found = []
        for number, (question, some) in enumerate(zip(questions, answers, strict=True)):
            maps = looked.maps[number] if looked.maps is not None else None
            notes = remarks(self.words, self.replies, question, choices)
            known = familiar and self._sure(question, some[0][1], bool(choices))
            found.append(
                Reply(source.name, question, some, known, familiar, notes, self._shaped(maps))
            )
        return found

    def _sure(self, question: str, probability: float, chosen: bool) -> bool:
        """Whether an answer is to be given, and not only guessed at."""
        if not any(word in self.words.vocabulary for word in self.words.tokenizer(question)):
            return False  # it was not understood at all
        least = self.confidence.choice_threshold if chosen else self.confidence.threshold
        return probability >= least and probability > 0

    def _look(self, source: Source, row: np.ndarray | None, questions: Sequence[str]) -> Looked:
        examples = [Example(str(n), source, text) for n, text in enumerate(questions)]
        features = None if row is None else _OneRow(row)
        asked = Questions(examples, np.zeros(len(examples), np.int64), features, [source], [])
        # One question, or up to eight: two shapes, each compiled once.
        return self.look(asked, batch=1, places=1 if len(questions) == 1 else 8)

    def _features(self, source: Source) -> np.ndarray | None:
        """A picture's features, (...) float16, through memory and the cache; None for a model
        that does not look: then the picture is only opened, for it may not be one."""
        if self.extractor is None:
            source.read(16)
            return None
        key = source.key()
        if key not in self._rows:
            table = self.extractor.extract([source])
            try:
                if table.failures:
                    raise CnnRnnError(table.failures[0][1])
                self._rows[key] = table.read([0])[0]
            finally:
                table.close()
            while len(self._rows) > KEPT_PICTURES:
                self._rows.popitem(last=False)
        self._rows.move_to_end(key)
        return self._rows[key]

    def _shaped(self, maps: np.ndarray | None) -> np.ndarray | None:
        """(hops, K) as (hops, rows, columns)."""
        if maps is None:
            return None
        rows, columns = self.model.grid_shape[:2]
        return maps.reshape(-1, rows, columns).astype(np.float32)

    # -- many questions of a data set ------------------------------------------------------------

    def gather(self, examples: Sequence[Example]) -> Questions:
        """The questions whose pictures can be read, with their features."""
        _ = self.extractor  # another backbone must be told before anything is computed
        return with_features(self.settings, examples)

    def look(self, questions: Questions, batch: int = BATCH, places: int | None = None) -> Looked:
        """What the model finds about all questions, in their order."""
        parts, numbers = [], []
        for found, asked in self.looks(questions, batch, places):
            parts.append(found)
            numbers.append(asked)
        order = np.argsort(np.concatenate(numbers))
        maps = None
        if parts[0].maps is not None:
            maps = np.concatenate([part.maps for part in parts])[order]
        return Looked(np.concatenate([part.outputs for part in parts])[order], maps)

    def looks(
        self, questions: Questions, batch: int = BATCH, places: int | None = None
    ) -> Iterator[tuple[Looked, np.ndarray]]:
        """The same batch by batch, with the numbers of the questions, for more than fit in memory.
        """
        places = places or self.run.config.get("places", 8)
        key = self.replies.output
        for inputs, _, asked in batches(questions, self.words, batch, places, False).in_order():
            found = self._analyse(inputs)
            asked = asked.ravel()
            real = asked < len(questions.examples)
            rows = found[key].reshape(len(asked), -1)[real]
            maps = None
            if "maps" in found:
                maps = found["maps"].reshape(len(asked), *found["maps"].shape[2:])[real]
                maps = maps.astype(np.float16)
            yield Looked(rows, maps), asked[real]


class _OneRow(PictureRows):
    """Features of one picture that are in memory."""

    def __init__(self, row: np.ndarray):
        self.row, self.row_shape = row, row.shape

    def read(self, indices: Sequence[int]) -> np.ndarray:
        return np.broadcast_to(self.row, (len(indices), *self.row_shape))


def as_source(picture: Source | str | Path | np.ndarray) -> Source:
    """A source of what a person may give."""
    if isinstance(picture, Source):
        return picture
    if isinstance(picture, np.ndarray):
        return Source(name="array", array=picture)
    return Source(name=str(picture), path=Path(picture))


def _checked_extractor(run: Run, settings: TrainSettings):
    """What makes the features of a run.

    Raises:
        CnnRnnError: its weights are not here, or are others than it was trained with.
    """
    made = extractor(settings)
    check_weights(run, identity(made)["weights_hash"])
    return made


def _sees(run: Run) -> bool:
    """Whether a run can look at pictures here and now; tells why where it cannot."""
    try:
        settings = TrainSettings.from_config(run.config)
        reason = "" if _checked_extractor(run, settings) else f"run {run.path} sees no pictures"
    except CnnRnnError as error:
        reason = error.message
    if reason:
        console.warn(f"{reason}: another run is used")
    return not reason
