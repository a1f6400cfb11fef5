"""What can be chosen about a video classifier, and what is chosen where nobody did."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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

BUILT_IN = ("clips", "clips-busy")
MODELS = (
    "lstm", "bilstm", "gru", "lstm-vote", "attention", "top-k", "mean", "max", "mean-std", "c3d",
)  # fmt: skip
STREAMS = ("rgb", "motion", "flow", "rgb+motion", "rgb+flow")
VIEWS = ("frames", "changes", "centred", "both")
VOTES = ("mean", "last", "max", "learned")
SPLIT_BY = ("group", "clip")
CHOICES = {
    "model": MODELS, "stream": STREAMS, "view": VIEWS, "votes": VOTES, "schedule": SCHEDULES,
    "split_by": SPLIT_BY,
}  # fmt: skip


@dataclass(frozen=True)
class TrainSettings:
    """Everything that decides a run; None means: what `resolved` chooses for the data.

    data, format, limit: see `data.load`.
    split_by: whole groups (the takes of one person, the cuts of one film) stay on one side, or
        each clip for itself; for data that comes without splits, and for `fold`.
    fold: `2/5`: the second of five folds is the test split, the rest is trained on.
    model: a key of `models.MODELS`.
    backbone, weights, image_size: see `features.clips.ClipExtractor`; a run's config.json has the
        size as [height, width].
    stream: what is seen of a clip; `rgb+motion` joins two.
    grid: `2x2` keeps so many rows and columns of a frame apart; None pools an rgb frame, and lets
        pictures of motion or flow pass a small trained CNN (but `mean`, `max` and `mean-std` take
        their cells as they are).
    view: how nets that see order look at rgb frames: as they are, as changes from each to the
        next, centred on their clip's mean, or both frames and changes.
    frames: T, sampled over the whole clip.
    fps: frames a second instead, T at most.
    hidden: units of the recurrent net.
    votes: of `lstm-vote`; keep: frames that `top-k` keeps; width: filters of `c3d`.
    dropout, feature_dropout: shares dropped in training, 0 to 1.
    smoothing: label smoothing, 0 to 1.
    balance: weigh labels by how rare they are.
    batch: clips in a batch.
    holdout: training clips kept aside to choose the best epoch by, where the data has no split
        `val`; 0 keeps none and takes the last epoch.
    epochs, learning_rate, schedule, clip_norm, patience: see `training.fit.FitSettings`.
    seed: of everything random.
    """

    data: str = BUILT_IN[0]
    format: str = "auto"
    limit: int | None = None
    split_by: str = SPLIT_BY[0]
    fold: str | None = None
    model: str = MODELS[0]
    backbone: str | None = None
    weights: str = "auto"
    image_size: int | list | None = None
    stream: str = STREAMS[0]
    grid: str | None = None
    view: str | None = None
    frames: int | None = None
    fps: float | None = None
    hidden: int | None = None
    votes: str = VOTES[0]
    keep: int = 6
    width: int = 12
    dropout: float | None = None
    feature_dropout: float = 0.1
    smoothing: float = 0.05
    balance: bool | None = None
    batch: int = 32
    holdout: int | None = None
    epochs: int | None = None
    learning_rate: float = 2e-3
    schedule: str = SCHEDULES[0]
    clip_norm: float = 5.0
    patience: int = 10
    seed: int = 0

    def __post_init__(self):
        check_choices(self, CHOICES | {"view": (None, *VIEWS)})
        check_shares(self, "dropout", "feature_dropout", "smoothing")
        check_counts(self, "frames", "hidden", "keep", "width", "batch", "epochs", "patience")
        check_fit(self)
        if self.holdout is not None and self.holdout < 0:
            raise UsageError(f"holdout is {self.holdout}", "0 keeps nothing aside")
        if self.fps is not None and not 0 < self.fps < math.inf:
            raise UsageError(f"fps is {self.fps}", "frames a second, e.g. 5")
        if self.model == "c3d" and (self.stream != "rgb" or self.grid):
            raise UsageError("c3d sees pixels only", "leave --stream and --grid out")
        self.cells, self.chosen_fold  # noqa: B018  checks their form

    @property
    def built_in(self) -> bool:
        """Whether the data is the drawn world."""
        return self.data in BUILT_IN

    @property
    def streams(self) -> tuple[str, ...]:
        """The streams one by one."""
        return tuple(self.stream.split("+"))

    @property
    def rgb_output(self) -> str:
        """The backbone's output that frames give."""
        return "grid" if self.grid else "pooled"

    @property
    def cells(self) -> tuple[int, int] | None:
        """Rows and columns of `grid`.

        Raises:
            UsageError: another form than `2x2`.
        """
        if self.grid is None:
            return None
        match = re.fullmatch(r"([1-9]\d?)x([1-9]\d?)", self.grid)
        if not match:
            raise UsageError(f"grid is {self.grid!r}", "rows and columns, such as 2x2")
        return int(match[1]), int(match[2])

    @property
    def chosen_fold(self) -> tuple[int, int] | None:
        """Number (from 0) and count of `fold`.

        Raises:
            UsageError: another form than `2/5`.
        """
        if self.fold is None:
            return None
        match = re.fullmatch(r"(\d{1,4})/(\d{1,4})", self.fold)
        if not match or not 1 <= int(match[1]) <= int(match[2]) or int(match[2]) < 2:
            raise UsageError(f"fold is {self.fold!r}", "such as 2/5, the second of five")
        return int(match[1]) - 1, int(match[2])

    def resolved(self, clips: int, uneven: bool = False) -> TrainSettings:
        """The same with every None but `limit`, `fold`, `image_size`, `grid` and `fps` decided, and
        these where the data or model asks for it.

        Args:
            clips: how many there are to train on.
            uneven: whether some labels have far more of them than others.
        """
        chosen = dict(_PIXELS if self.model == "c3d" else _BUILT_IN if self.built_in else _VIDEO)
        if self.model == "c3d":
            chosen["image_size"] = 56
            if self.built_in:
                chosen["epochs"] = 5  # each takes as long as all of the recurrent nets
        elif self.built_in and self.stream == "rgb":
            chosen["grid"] = "4x4"
        if self.data == BUILT_IN[1] and self.model != "c3d":
            chosen["frames"] = 24  # all there are: half of them could miss the action
        chosen["holdout"] = max(1, min(200, clips // 6))
        chosen["balance"] = uneven
        return filled(self, chosen)

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


# Chosen on the split val of half the built-in clips: an LSTM reaches a top-1 of 0.46 on pooled
# frames as they are, 0.88 on their changes, and 0.93 on changes in a grid of 4x4.
_BUILT_IN = {
    "backbone": "scenes", "frames": 12, "view": "changes", "hidden": 96, "dropout": 0.3,
    "epochs": 20,
}  # fmt: skip
_VIDEO = {
    "backbone": "mobilenet_v2", "frames": 16, "view": "both", "hidden": 128, "dropout": 0.5,
    "epochs": 40,
}  # fmt: skip
_PIXELS = {
    "backbone": "scenes", "frames": 16, "view": "frames", "hidden": 128, "dropout": 0.3,
    "epochs": 30,
}  # fmt: skip
