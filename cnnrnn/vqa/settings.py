"""What can be chosen about an answering model, and what is chosen where nobody did."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cnnrnn.errors import UsageError
from cnnrnn.training.chosen import fields_of, flag
from cnnrnn.training.settings import (
    SCHEDULES,
    as_config,
    check_choices,
    check_counts,
    check_fit,
    check_shares,
    filled,
)

BUILT_IN = "scenes"
OWN = "own"  # the backbone that is trained with the rest
QUESTION_ONLY = "question-only"  # the model that sees no picture
MODELS = ("san", "lstm-cnn", QUESTION_ONLY)
ANSWERS = ("classify", "regress", "generate")
FUSIONS = ("multiply", "concat", "add")
ENCODERS = ("lstm", "cnn")
PRECISIONS = ("float32", "mixed_bfloat16")
CHOICES = {
    "model": MODELS, "answer": ANSWERS, "fusion": (None, *FUSIONS), "encoder": ENCODERS,
    "precision": PRECISIONS,
}  # fmt: skip
_COUNTS = (
    "hops", "layers", "hidden", "embedding", "width", "answers", "min_answers", "min_count",
    "max_words", "batch", "epochs", "patience",
)  # fmt: skip


@dataclass(frozen=True)
class TrainSettings:
    """Everything that decides a run; None means: what `resolved` chooses for the data.

    data, format, limit, fold: see `data.load`.
    model: a key of `models.MODELS`.
    hops: looks of `san`; encoder: what reads its questions.
    fusion: how `lstm-cnn` joins question and picture; layers: of its LSTM.
    answer: choose an answer (`classify`), hit its word vector (`regress`), or write it
        (`generate`).
    embeddings: file of word vectors, see `text.vectors`: the first vectors of the questions' words,
        and what `regress` is to hit; None: questions begin at random, `regress` hits vectors made
        of spelling.
    backbone, weights, image_size: see `features.extractor.Extractor`; `own` trains a small CNN with
        the rest; a run's config.json has the size as [height, width].
    width: first filters of that CNN; shift: pixels by which it sees training pictures shifted.
    hidden, embedding: sizes of the code of a question and of word vectors.
    answers: at most so many, the most frequent ones; min_answers: how often one must be given.
    min_count: how often a word of a question must be seen to have a vector.
    max_words: longer questions are cut.
    dropout, feature_dropout: shares of units and of features dropped in training, 0 to 1.
    smoothing: label smoothing, 0 to 1.
    batch: rows of a batch, each a picture with its questions.
    holdout: training pictures kept aside to choose the best epoch by, where the data has no split
        `val`; 0 keeps none and takes the last epoch.
    epochs, learning_rate, schedule, clip_norm, patience: see `training.fit.FitSettings`.
    precision: of the sums in training.
    seed: of everything random.
    """

    data: str = BUILT_IN
    format: str = "auto"
    limit: int | None = None
    fold: str | None = None
    model: str = MODELS[0]
    hops: int = 2
    encoder: str = ENCODERS[0]
    fusion: str | None = None
    layers: int = 2
    answer: str = ANSWERS[0]
    embeddings: str | None = None
    backbone: str | None = None
    weights: str = "auto"
    image_size: int | list | None = None
    width: int = 24
    shift: int = 2
    hidden: int | None = None
    embedding: int | None = None
    answers: int | None = None
    min_answers: int | None = None
    min_count: int | None = None
    max_words: int = 30
    dropout: float | None = None
    feature_dropout: float | None = None
    smoothing: float | None = None
    batch: int | None = None
    holdout: int | None = None
    epochs: int | None = None
    learning_rate: float | None = None
    schedule: str = SCHEDULES[0]
    clip_norm: float = 5.0
    patience: int = 10
    precision: str = PRECISIONS[0]
    seed: int = 0

    def __post_init__(self):
        check_choices(self, CHOICES)
        check_shares(self, "dropout", "feature_dropout", "smoothing")
        check_counts(self, *_COUNTS)
        check_fit(self)
        for name in ("holdout", "shift"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise UsageError(f"{name} is {value}", "0 or more")

    @property
    def built_in(self) -> bool:
        """Whether the data is the drawn world."""
        return self.data == BUILT_IN

    @property
    def own(self) -> bool:
        """Whether the pictures pass a CNN that is trained with the rest."""
        return self.backbone == OWN

    def resolved(self, pictures: int, questions: int) -> TrainSettings:
        """The same with every None decided that does not stand for none at all.

        Args:
            pictures, questions: how many there are to train on.
        """
        chosen = dict(_OWN if self.own else _BUILT_IN if self.built_in else _PHOTOS)
        chosen["holdout"] = max(1, min(500, pictures // 8))
        # A word seen once in a small set is worth learning; in a large one it is mostly a slip.
        chosen["min_count"] = 1 if questions < 20_000 else 2
        chosen["min_answers"] = 1 if questions < 50_000 else 5
        return filled(self, chosen)

    def check_used(self, names: Iterable[str]) -> None:
        """Each of the fields that a person has chosen does something beside the others.

        Raises:
            UsageError: one does not.
        """
        for name in names:
            for fields, used, where in _USED:
                if name in fields and not used(self):
                    raise UsageError(f"{flag(name)} is for {where}", "leave it out")

    def as_config(self) -> dict[str, Any]:
        """See `training.settings.as_config`."""
        return as_config(self)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> TrainSettings:
        """The settings that a run's config.json holds.

        Raises:
            CnnRnnError: a value of the wrong kind; people edit these files.
        """
        return cls(**fields_of(cls, config))


# Fields that some settings leave without use: when they are used, and where, in words.
_USED: tuple[tuple[tuple[str, ...], Callable[[TrainSettings], bool], str], ...] = (
    (
        ("backbone", "weights", "image_size", "width", "shift", "feature_dropout"),
        lambda chosen: chosen.model != QUESTION_ONLY, "models that see pictures",
    ),
    (("hops", "encoder"), lambda chosen: chosen.model == "san", "--model san"),
    (("fusion", "layers"), lambda chosen: chosen.model == "lstm-cnn", "--model lstm-cnn"),
    (("width", "shift"), lambda chosen: chosen.own, "--backbone own"),
    (("weights",), lambda chosen: not chosen.own, "a backbone that is not trained with the rest"),
    (("smoothing",), lambda chosen: chosen.answer != "regress", "answers that have a probability"),
    (("embedding",), lambda chosen: not chosen.embeddings, "word vectors without a file"),
)  # fmt: skip

_BUILT_IN = {
    "backbone": "scenes", "hidden": 128, "embedding": 96, "dropout": 0.1, "feature_dropout": 0.0,
    "smoothing": 0.05, "batch": 16, "epochs": 12, "learning_rate": 3e-3, "fusion": "multiply",
}  # fmt: skip
_OWN = {
    "image_size": 64, "hidden": 128, "embedding": 64, "dropout": 0.1, "feature_dropout": 0.0,
    "smoothing": 0.0, "batch": 16, "epochs": 40, "learning_rate": 2e-3, "fusion": "multiply",
}  # fmt: skip
# A product only learns where both its factors say something: on a few thousand questions about
# photos it stays below the questions alone (DAQUAR, held-out training pictures).
_PHOTOS = {
    "backbone": "mobilenet_v2", "hidden": 256, "embedding": 128, "dropout": 0.4,
    "feature_dropout": 0.3, "smoothing": 0.1, "batch": 16, "epochs": 10, "learning_rate": 2e-3,
    "fusion": "concat",
}  # fmt: skip
