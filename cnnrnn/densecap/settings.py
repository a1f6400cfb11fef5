"""What can be chosen about DenseCap, and what is chosen where nobody did."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cnnrnn.densecap.data import BUILT_IN
from cnnrnn.errors import UsageError
from cnnrnn.training.chosen import fields_of
from cnnrnn.training.settings import (
    as_config,
    check_choices,
    check_counts,
    check_fit,
    check_shares,
    filled,
)

MODELS = ("densecap",)
BACKBONES = ("scenes", "mobilenet_v2", "vgg16")  # of `features.trunks`
TOKENIZERS = ("words", "characters")
# The losses in the order in which a region passes them, with the weights of the published program.
WEIGHTS = {
    "proposal_objectness": 0.1,
    "proposal_boxes": 0.05,
    "final_objectness": 0.1,
    "final_boxes": 0.1,
    "captions": 1.0,
}


@dataclass(frozen=True)
class TrainSettings:
    """Everything that decides a run; None means: what `resolved` chooses for the data.

    data, format, limit, without: see `data.load`.
    model: there is one.
    backbone: a name of `features.trunks.TRUNKS`. weights: see `features.backbones`.
    image_size: pixels of the longer side of the pictures that the network sees.
    tokenizer: `words` or `characters`.
    min_count: words seen less often are unknown.
    pooled, filters, code, hidden, embedding, sample, phrases: see `models.DenseCap`.
    dropout: share of units dropped in training, 0 to 1.
    frozen: the backbone is not trained.
    positive, negative: IoU with a truth above and below which a box is learned from as one that
        holds something and as one that holds nothing, see `regions.sampler`.
    box_gradient: see `models.DenseCap`.
    loss_weights: of the five losses, see `WEIGHTS`.
    cnn_rate: learning rate of the backbone (SGD with momentum), at its highest.
    wait: epochs before the backbone begins to learn.
    mirror: also train on pictures with left and right exchanged.
    batch: pictures in a batch.
    holdout: training pictures kept aside to choose the best epoch by.
    epochs, learning_rate, schedule, clip_norm, averaging, patience: see
        `training.fit.FitSettings`.
    seed: of everything random.
    """

    data: str = BUILT_IN
    format: str = "auto"
    limit: int | None = None
    without: list | None = None
    model: str = MODELS[0]
    backbone: str | None = None
    weights: str = "auto"
    image_size: int | None = None
    tokenizer: str = TOKENIZERS[0]
    min_count: int | None = None
    pooled: int | None = None
    filters: int | None = None
    code: int | None = None
    hidden: int | None = None
    embedding: int | None = None
    dropout: float | None = None
    frozen: bool = False
    sample: int | None = None
    phrases: int | None = None
    positive: float | None = None
    negative: float = 0.3
    box_gradient: float = 0.01
    loss_weights: list | None = None
    cnn_rate: float | None = None
    wait: int = 1
    mirror: bool | None = None
    batch: int | None = None
    holdout: int | None = None
    epochs: int | None = None
    learning_rate: float | None = None
    schedule: str = "cosine"
    clip_norm: float = 5.0
    averaging: float = 0.98
    patience: int = 5
    seed: int = 0

    def __post_init__(self):
        check_choices(
            self,
            {"model": MODELS, "backbone": (None, *BACKBONES), "tokenizer": TOKENIZERS},
        )
        check_shares(self, "dropout", "averaging")
        check_counts(
            self, "image_size", "min_count", "pooled", "filters", "code", "hidden", "embedding",
            "sample", "phrases", "batch", "holdout", "epochs", "patience",
        )  # fmt: skip
        check_fit(self)
        if self.positive is not None and not 0 <= self.negative <= self.positive <= 1:
            raise UsageError(
                f"negative is {self.negative} and positive {self.positive}",
                "0 <= negative <= positive <= 1",
            )
        if self.cnn_rate is not None and not self.cnn_rate >= 0:
            raise UsageError(f"cnn_rate is {self.cnn_rate}", "0 or more; --frozen trains faster")
        if not 0 <= self.box_gradient <= 1:
            raise UsageError(f"box_gradient is {self.box_gradient}", "0 to 1")
        if self.sample == 1:
            raise UsageError("sample is 1 box", "2 or more: boxes that hold something, and others")
        if self.wait < 0:
            raise UsageError(f"wait is {self.wait} epochs", "0 or more")
        weights = self.loss_weights
        usable = weights is None or (all(0 <= w < math.inf for w in weights) and any(weights))
        if not usable or (weights is not None and len(weights) != len(WEIGHTS)):
            raise UsageError(
                f"loss_weights are {weights}",
                f"{len(WEIGHTS)} numbers, not all of them 0, e.g. 0.1,0.05,0.1,0.1,1",
            )

    @property
    def built_in(self) -> bool:
        """Whether the data is the drawn world."""
        return self.data == BUILT_IN

    def resolved(self, pictures: int, phrases: int) -> TrainSettings:
        """The same with every None decided that does not stand for none at all.

        Args:
            pictures: how many there are to train on.
            phrases: how many there are of them.
        """
        chosen = _ALWAYS | (_BUILT_IN if self.built_in else _PHOTOS)
        chosen["holdout"] = max(1, min(200, pictures // 10))
        if not self.built_in and pictures < _FEW:
            chosen["positive"] = 0.5
        few = ((2_000, 1), (20_000, 2), (200_000, 5))
        # The paper's 15 is for the five million phrases of Visual Genome.
        chosen["min_count"] = next((count for most, count in few if phrases < most), 15)
        return filled(self, chosen)

    def as_config(self) -> dict[str, Any]:
        """In JSON types, for config.json; there `format` is that of the run folder."""
        return as_config(self)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> TrainSettings:
        """The settings that a run's config.json holds.

        Raises:
            CnnRnnError: a value of the wrong kind; people edit these files.
        """
        return cls(**fields_of(cls, config))


_ALWAYS = {"loss_weights": list(WEIGHTS.values())}
# The drawn world has few words and small pictures, with seven regions each.
_BUILT_IN = {
    "backbone": "scenes",
    "pooled": 64,
    "filters": 128,
    "code": 256,
    "hidden": 256,
    "embedding": 128,
    "dropout": 0.1,
    "sample": 64,
    "phrases": 10,
    # Of small boxes few anchors reach the paper's 0.7.
    "positive": 0.6,
    "cnn_rate": 1e-3,
    "learning_rate": 2e-3,
    "mirror": False,
    "batch": 16,
    "epochs": 7,
}
# Of fewer pictures too few boxes reach the paper's 0.7: of 181 of COCO, on pictures kept aside,
# detmap was 0.05 from 0.5 and 0.02 from 0.7.
_FEW = 1000
_PHOTOS = {
    "backbone": "mobilenet_v2",
    "pooled": 128,
    "filters": 256,
    "code": 512,
    "hidden": 512,
    "embedding": 256,
    "dropout": 0.3,
    "sample": 128,
    "phrases": 32,
    "positive": 0.7,
    "cnn_rate": 1e-4,
    "learning_rate": 1e-3,
    "mirror": True,
    "batch": 4,
    "epochs": 15,
}
