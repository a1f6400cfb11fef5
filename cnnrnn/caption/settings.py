"""What can be chosen about a captioner, and what is chosen where nobody did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cnnrnn.caption.data import BUILT_IN
from cnnrnn.errors import UsageError
from cnnrnn.training.chosen import fields_of
from cnnrnn.training.settings import (
    SCHEDULES,
    as_config,
    check_choices,
    check_counts,
    check_fit,
    check_shares,
    filled,
)

MODELS = ("attention", "inject-init")
TOKENIZERS = ("words", "characters")
REWARDS = ("cider",)
PRECISIONS = ("float32", "mixed_bfloat16")


@dataclass(frozen=True)
class TrainSettings:
    """Everything that decides a run; None means: what `resolved` chooses for the data.

    data, format, limit: see `data.load`.
    model: a key of `models.MODELS`.
    backbone, weights, image_size: see `features.extractor.Extractor`; a run's config.json has
        the size as [height, width].
    features: a file of precomputed features instead of a backbone.
    tokenizer: `words` or `characters`.
    min_count: words seen less often are unknown.
    hidden, embedding: units of the LSTM, size of the word vectors.
    dropout, feature_dropout: shares dropped in training, 0 to 1.
    smoothing: label smoothing, 0 to 1.
    init: the run whose weights the training begins with.
    reward: what captions that the model draws itself are weighed by, see `reward`; None learns
        from the captions that people wrote.
    mirror: also train on pictures with left and right exchanged.
    batch: pictures in a batch.
    holdout: training pictures kept aside to choose the best epoch by.
    epochs, learning_rate, schedule, clip_norm, patience: see `training.fit.FitSettings`.
    precision: of the sums in training; `mixed_bfloat16` takes half the time on a processor that
        has it (AVX512-BF16, AMX). What is kept is float32 in any case.
    seed: of everything random.
    """

    data: str = BUILT_IN
    format: str = "auto"
    limit: int | None = None
    model: str = MODELS[0]
    backbone: str | None = None
    weights: str = "auto"
    image_size: int | list | None = None
    features: str | None = None
    tokenizer: str = TOKENIZERS[0]
    min_count: int | None = None
    hidden: int | None = None
    embedding: int | None = None
    dropout: float | None = None
    feature_dropout: float | None = None
    smoothing: float | None = None
    init: str | None = None
    reward: str | None = None
    mirror: bool | None = None
    batch: int | None = None
    holdout: int | None = None
    epochs: int | None = None
    learning_rate: float | None = None
    schedule: str = SCHEDULES[0]
    clip_norm: float = 5.0
    patience: int = 5
    precision: str = PRECISIONS[0]
    seed: int = 0

    def __post_init__(self):
        choices = {"model": MODELS, "tokenizer": TOKENIZERS, "precision": PRECISIONS}
        check_choices(self, choices | {"reward": (None, *REWARDS)})
        check_shares(self, "dropout", "feature_dropout", "smoothing")
        check_counts(
            self, "hidden", "embedding", "batch", "holdout", "epochs", "min_count", "patience"
        )
        check_fit(self)
        if self.features and (self.backbone or self.weights != "auto" or self.image_size):
            raise UsageError(
                "precomputed features come from a network of their own",
                "leave out --backbone, --weights and --image-size",
            )
        if self.reward and not self.init:
            raise UsageError(
                "a reward only improves a captioner that can speak", "name its run with --init"
            )
        if self.reward and (self.smoothing or self.mirror):
            raise UsageError(
                "smoothing and mirrored pictures are for captions that people wrote",
                "leave them out with --reward",
            )

    @property
    def built_in(self) -> bool:
        """Whether the data is the drawn world."""
        return self.data == BUILT_IN

    def resolved(self, pictures: int, captions: int) -> TrainSettings:
        """The same with every None decided that does not stand for none at all.

        Args:
            pictures: how many there are to train on.
            captions: how many there are of them.
        """
        chosen = _LIKELIHOOD | (_BUILT_IN if self.built_in else _PHOTOS)
        if self.reward:
            chosen |= _REWARD
        chosen["holdout"] = max(1, min(500, pictures // 10))
        # A word seen once in a small set is worth learning; in a large one it is mostly a slip.
        chosen["min_count"] = 1 if captions < 2_000 else 2 if captions < 10_000 else 5
        if self.features:
            del chosen["backbone"]
        return filled(self, chosen)

    def as_config(self) -> dict[str, Any]:
        """See `training.settings.as_config`."""
        return as_config(self)

    def begun_from(self, run: str) -> TrainSettings:
        """Of these settings of `run` those that a training keeps which begins with its weights:
        the data, what is kept aside of it, and the shape of the net."""
        kept = {name: getattr(self, name) for name in _KEPT_BY_INIT}
        return TrainSettings(init=run, **kept)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> TrainSettings:
        """The settings that a run's config.json holds.

        Raises:
            CnnRnnError: a value of the wrong kind; people edit these files.
        """
        return cls(**fields_of(cls, config))


_KEPT_BY_INIT = (
    "data", "format", "limit", "model", "backbone", "weights", "image_size", "features",
    "tokenizer", "min_count", "hidden", "embedding", "holdout", "seed",
)  # fmt: skip
_LIKELIHOOD = {"smoothing": 0.1, "learning_rate": 1e-3}
# Small steps, and a net that draws captions as it will in use.
_REWARD = {
    "dropout": 0.0,
    "feature_dropout": 0.0,
    "smoothing": 0.0,
    "mirror": False,
    "learning_rate": 2e-4,
    "batch": 32,
    "epochs": 6,
}
# Chosen on held-out training pictures: the drawn world has 250 words and needs a small net, and
# four times the usual rate brings it there in a third of the epochs.
_BUILT_IN = {
    "backbone": "scenes",
    "hidden": 256,
    "embedding": 256,
    "dropout": 0.1,
    "feature_dropout": 0.0,
    "learning_rate": 4e-3,
    "mirror": False,
    "batch": 32,
    "epochs": 10,
}
_PHOTOS = {
    "backbone": "mobilenet_v2",
    "hidden": 512,
    "embedding": 384,
    "dropout": 0.5,
    "feature_dropout": 0.3,
    "mirror": True,
    "batch": 32,
    "epochs": 15,
}
