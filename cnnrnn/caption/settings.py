"""What can be chosen about a captioner, and what is chosen where nobody did."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from cnnrnn.caption.data import BUILT_IN
from cnnrnn.errors import UsageError
from cnnrnn.training.chosen import fields_of

MODELS = ("attention", "inject-init")
TOKENIZERS = ("words", "characters")
SCHEDULES = ("cosine", "plateau", "fixed")


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
    mirror: also train on pictures with left and right exchanged.
    batch: pictures in a batch.
    holdout: training pictures kept aside to choose the best epoch by.
    epochs, learning_rate, schedule, clip_norm, patience: see `training.fit.FitSettings`.
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
    smoothing: float = 0.1
    mirror: bool | None = None
    batch: int | None = None
    holdout: int | None = None
    epochs: int | None = None
    learning_rate: float = 1e-3
    schedule: str = SCHEDULES[0]
    clip_norm: float = 5.0
    patience: int = 5
    seed: int = 0

    def __post_init__(self):
        for name, known in (
            ("model", MODELS),
            ("tokenizer", TOKENIZERS),
            ("schedule", SCHEDULES),
        ):
            value = getattr(self, name)
            if value not in known:
                raise UsageError(f"no {name} {value!r}", f"one of {', '.join(known)}")
        for name in ("dropout", "feature_dropout", "smoothing"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 1:
                raise UsageError(f"{name} is {value}", "0 to below 1")
        for name in ("hidden", "embedding", "batch", "holdout", "epochs", "min_count", "patience"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} is {value}", "at least 1")
        if not 0 < self.learning_rate < math.inf:
            raise UsageError(f"learning_rate is {self.learning_rate}", "e.g. 1e-3")
        if not self.clip_norm >= 0:
            raise UsageError(f"clip_norm is {self.clip_norm}", "0 does not clip")

    @property
    def built_in(self) -> bool:
        """Whether the data is the drawn world."""
        return self.data == BUILT_IN

    def resolved(self, pictures: int, captions: int) -> TrainSettings:
        """The same with every None but `limit`, `image_size` and `features` decided.

        Args:
            pictures: how many there are to train on.
            captions: how many there are of them.
        """
        chosen = dict(_BUILT_IN if self.built_in else _PHOTOS)
        chosen["holdout"] = max(1, min(500, pictures // 10))
        # A word seen once in a small set is worth learning; in a large one it is mostly a slip.
        chosen["min_count"] = 1 if captions < 2_000 else 2 if captions < 10_000 else 5
        unset = {key: value for key, value in chosen.items() if getattr(self, key) is None}
        return replace(self, **unset)

    def as_config(self) -> dict[str, Any]:
        """In JSON types, for config.json; there `format` is that of the run folder."""
        config = asdict(self)
        return {"data": config.pop("data"), "data_format": config.pop("format"), **config}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> TrainSettings:
        """The settings that a run's config.json holds.

        Raises:
            CnnRnnError: a value of the wrong kind; people edit these files.
        """
        return cls(**fields_of(cls, config))


# Chosen on held-out training pictures: the drawn world has 200 words and needs a small net.
_BUILT_IN = {
    "backbone": "scenes",
    "hidden": 256,
    "embedding": 128,
    "dropout": 0.2,
    "feature_dropout": 0.1,
    "mirror": False,
    "batch": 32,
    "epochs": 12,
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
