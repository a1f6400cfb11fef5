"""From settings to what an answering model is trained on: words, answers, pictures, targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from cnnrnn import console
from cnnrnn.errors import CnnRnnError
from cnnrnn.features.extractor import Extractor
from cnnrnn.features.selection import PictureRows
from cnnrnn.text.tokenizer import Tokenizer
from cnnrnn.text.vectors import Spelling, WordVectors, read_vectors
from cnnrnn.text.vocabulary import PAD, Vocabulary
from cnnrnn.training.run import Run
from cnnrnn.training.splits import grouped_split
from cnnrnn.vqa.answers import Answers
from cnnrnn.vqa.batches import QuestionBatches
from cnnrnn.vqa.example import Example, media_of
from cnnrnn.vqa.settings import QUESTION_ONLY, TrainSettings

# What each family takes of the backbone; "": it sees nothing.
FEATURE_OUTPUT = {"san": "grid", "lstm-cnn": "pooled", QUESTION_ONLY: ""}


@dataclass
class Questions:
    """Questions whose pictures have features.

    examples: the N questions.
    index: int64 (N,), the row of each one's picture in `features`.
    features: rows of M pictures; None where the model sees none.
    media: their M sources.
    failures: (name, reason) of the pictures that cannot be used; their questions are left out.
    """

    examples: list[Example]
    index: np.ndarray
    features: PictureRows | None
    media: list
    failures: list[tuple[str, str]]

    def part(self, numbers: Sequence[int]) -> Questions:
        """Some of them, with the same pictures."""
        numbers = np.asarray(numbers, np.int64)
        some = [self.examples[number] for number in numbers]
        return Questions(some, self.index[numbers], self.features, self.media, [])


@dataclass
class Words:
    """Everything of a run that is text: what questions and answers are made of.

    vocabulary: the questions' words. answers: what can be chosen. length: words of a question at
    most. spoken: the answers' words, for answers that are written. vectors: what gives a word its
    vector, for `regress`. first: what the questions' words begin with, in training.
    """

    vocabulary: Vocabulary
    answers: Answers
    length: int
    spoken: Vocabulary | None = None
    vectors: WordVectors | Spelling | None = None
    first: WordVectors | None = None

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """Of questions and answers."""
        return Tokenizer(self.vocabulary.tokenizer)

    @classmethod
    def build(cls, settings: TrainSettings, training: Sequence[Example]) -> Words:
        """The words of the training questions and answers.

        Raises:
            CnnRnnError: no words, no answers, or a file of word vectors that cannot be read.
        """
        tokenizer = Tokenizer()
        tokens = [tokenizer(each.question) for each in training]
        vocabulary = Vocabulary.build(tokens, settings.min_count)
        answers = Answers.build(
            (each.answer for each in training), settings.answers, settings.min_answers
        )
        answers.judge(zip(tokens, (each.answer for each in training), strict=True))
        length = max(1, min(max(map(len, tokens)), settings.max_words))
        spoken = None
        if settings.answer == "generate":
            spoken = Vocabulary.build(map(tokenizer, answers.texts))
        first = read_vectors(settings.embeddings) if settings.embeddings else None
        known = (first or Spelling()) if settings.answer == "regress" else None
        return cls(vocabulary, answers, length, spoken, known, first)

    @property
    def size(self) -> int:
        """How many numbers the head gives."""
        if self.spoken is not None:
            return len(self.spoken)
        return len(self.answers) if self.vectors is None else self.vectors.size

    def first_vectors(self) -> np.ndarray:
        """The file's vectors of the questions' words, see `WordVectors.table`."""
        return self.first.table(self.vocabulary.words)

    def save(self, run: Run) -> None:
        """Write vocabulary.json, answers.json and, where there are such, spoken.json and
        vectors.npz."""
        self.vocabulary.save(run.path / "vocabulary.json")
        self.answers.save(run.path / "answers.json")
        if self.spoken is not None:
            self.spoken.save(run.path / "spoken.json")
        if isinstance(self.vectors, WordVectors):
            self.vectors.save(run.path / "vectors.npz")

    @classmethod
    def load(cls, run: Run) -> Words:
        """What `save` wrote.

        Raises:
            CnnRnnError: a file is missing or damaged.
        """
        path: Path = run.path
        vocabulary = Vocabulary.load(path / "vocabulary.json")
        found = cls(vocabulary, Answers.load(path / "answers.json"), run.config["question_words"])
        if run.config["answer"] == "generate":
            found.spoken = Vocabulary.load(path / "spoken.json")
        if run.config["answer"] == "regress":
            file = path / "vectors.npz"
            found.vectors = read_vectors(file) if file.exists() else Spelling()
        return found

    def encoded(self, questions: Sequence[str]) -> np.ndarray:
        """Word numbers int32 (n, L); longer questions are cut."""
        found = np.full((len(questions), self.length), PAD, np.int32)
        for row, text in zip(found, questions, strict=True):
            numbers = self.vocabulary.encode(self.tokenizer(text)[: self.length])
            row[: len(numbers)] = numbers
        return found

    def targets(self, answers: Sequence[str]) -> np.ndarray:
        """What the head learns of these answers, "" for none: numbers int32 (n,), NONE where there
        is none in the vocabulary; or vectors float32 (n, E), zeros where there is none."""
        if self.vectors is None:
            return self.answers.numbers(answers).astype(np.int32)
        found = np.zeros((len(answers), self.vectors.size), np.float32)
        for row, text in zip(found, answers, strict=True):
            vector = self.vectors.of(self.tokenizer(text))
            if vector is not None:
                row[...] = vector
        return found

    def said(self, answers: Sequence[str]) -> list[list[int]] | None:
        """Word numbers of each answer that is in the vocabulary, [] for others; None for a model
        that does not write."""
        if self.spoken is None:
            return None
        return [
            self.spoken.encode(self.tokenizer(text)) if text in self.answers else []
            for text in answers
        ]


def extractor(settings: TrainSettings) -> Extractor | None:
    """What makes the features that the settings ask for; None for a model that sees nothing."""
    output = FEATURE_OUTPUT[settings.model]
    if not output:
        return None
    size = settings.image_size
    return Extractor(
        # Pixels are the same whatever the network.
        backbone="scenes" if settings.own else settings.backbone,
        weights="auto" if settings.own else settings.weights,
        output="pixels" if settings.own else output,
        size=tuple(size) if isinstance(size, list) else size,
    )


def identity(made: Extractor | None) -> dict:
    """What a run's config.json holds of its extractor, so that another backbone is noticed."""
    if made is None:
        return {"weights_hash": "", "image_size": None}
    return {"weights_hash": made.spec.weights_hash, "image_size": list(made.size)}


def with_features(
    settings: TrainSettings, examples: Sequence[Example], label: str = "features"
) -> Questions:
    """Find or compute the features of the questions' pictures, each picture once.

    Raises:
        CnnRnnError: not one picture can be used.
    """
    media, index = media_of(examples)
    made = extractor(settings)
    if made is None:
        # Questions about nothing are answered by such a model too.
        return Questions(list(examples), np.maximum(index, 0), None, media, [])
    with console.Progress(len(media), label, "pictures") as progress:
        table = made.extract(media, progress)
    console.info(f"{label}: {table.hits} from the cache, {table.misses} computed")
    rows = np.flatnonzero(table.ok)
    if not len(rows):
        name, reason = table.failures[0] if table.failures else ("", "no pictures")
        raise CnnRnnError(f"not one of {len(media)} pictures can be used; {name}: {reason}")
    place = np.full(len(media) + 1, -1, np.int64)  # the last: of a question about nothing
    place[rows] = np.arange(len(rows))
    numbers = np.flatnonzero(place[index] >= 0)
    kept = [examples[number] for number in numbers]
    sources = [media[row] for row in rows]
    return Questions(
        kept, place[index[numbers]], PictureRows(table, rows), sources, list(table.failures)
    )


def hold_out(settings: TrainSettings, questions: Questions) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the training questions that are trained on, and of those kept aside: those of
    about `holdout` whole pictures (or groups).

    Raises:
        CnnRnnError: nothing would be left to train on.
    """
    count = len(questions.examples)
    groups = [
        each.group or f"picture {picture}"
        for each, picture in zip(questions.examples, questions.index.tolist(), strict=True)
    ]
    there = len(set(groups))
    if not settings.holdout:
        return np.arange(count), np.arange(0)
    if there <= settings.holdout:
        raise CnnRnnError(
            f"{there} training pictures, and {settings.holdout} are to be kept aside",
            "lower --holdout or bring more pictures",
        )
    # Not by the seed: runs that only differ in it can be compared on these questions.
    aside = grouped_split([""] * count, groups, settings.holdout / there)
    return np.flatnonzero(~aside), np.flatnonzero(aside)


def batches(
    questions: Questions, words: Words, batch: int, places: int, learn: bool = True
) -> QuestionBatches:
    """Batches of questions.

    Args:
        questions: those.
        words: of the run.
        batch: rows.
        places: Q.
        learn: with the answers' words for a model that writes, as its loss needs them.
    """
    examples = questions.examples
    answers = [each.answer for each in examples]
    return QuestionBatches(
        questions.features,
        questions.index,
        words.encoded([each.question for each in examples]),
        words.targets(answers),
        words.said(answers) if learn else None,
        batch,
        places,
    )
