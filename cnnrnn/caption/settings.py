"""What can be chosen about a captioner, and what is chosen where nobody did."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cnnrnn.caption.data import BUILT_IN, CLIPS
from cnnrnn.errors import UsageError
from cnnrnn.media import medium as mediums
from cnnrnn.media.medium import Medium
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

MODELS = ("attention", "inject-init", "inject", "merge", "clip-lstm")
RNNS = ("lstm", "gru")
FUSIONS = ("concat", "multiply", "add")
TOKENIZERS = ("words", "characters")
REWARDS = ("cider",)
FRAMES = 8  # of a clip
LEARNED, WORD2VEC = "learned", "word2vec"
OUTPUTS = ("words", "vectors")
PRECISIONS = ("float32", "mixed_bfloat16")


@dataclass(frozen=True)
class TrainSettings:
    """Everything that decides a run; None means: what `resolved` chooses for the data.

    data, format, limit: see `data.load`.
    model: a key of `models.MODELS`.
    rnn, layers: the recurrent net, see `text.language.LanguageModel`.
    fusion: how `merge` joins words and picture, see `models.FUSIONS`; None of any other model.
    backbone, weights, image_size: see `features.extractor.Extractor`; a run's config.json has
        the size as [height, width].
    frames: how many of a clip are looked at; None: the data are pictures.
    features: a file of precomputed features instead of a backbone.
    fine_tune: the top of the backbone is trained too, see `features.tops`.
    cnn_rate: its learning rate (SGD with momentum), at its highest; None where there is none.
    tokenizer: `words` or `characters`.
    min_count: words seen less often are unknown.
    hidden, embedding: units of a recurrent layer, size of the word vectors.
    embeddings: what the word vectors begin with: LEARNED (at random), WORD2VEC (trained on the
        captions) or a file of `text.vectors`.
    frozen_words: they are not trained further.
    output: what the net foretells: which of the `words` comes next, or its vector (`vectors`), of
        which the nearest word is taken.
    tie: a word's weights at the output are its vector (Press and Wolf 2017).
    dropout, feature_dropout: shares dropped in training, 0 to 1.
    smoothing: label smoothing, 0 to 1.
    init: the run whose weights the training begins with.
    scheduled: share of the words, 0 to below 1, that the net reads as it would have said them
        itself by the last epoch, see `scheduled`.
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
    rnn: str = RNNS[0]
    layers: int = 1
    fusion: str | None = None
    backbone: str | None = None
    weights: str = "auto"
    image_size: int | list | None = None
    frames: int | None = None
    features: str | None = None
    fine_tune: bool = False
    cnn_rate: float | None = None
    tokenizer: str = TOKENIZERS[0]
    min_count: int | None = None
    hidden: int | None = None
    embedding: int | None = None
    embeddings: str = LEARNED
    frozen_words: bool | None = None
    output: str = OUTPUTS[0]
    tie: bool = False
    dropout: float | None = None
    feature_dropout: float | None = None
    smoothing: float | None = None
    init: str | None = None
    scheduled: float = 0.0
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
        check_choices(self, _CHOICES)
        check_shares(self, "dropout", "feature_dropout", "smoothing", "scheduled")
        check_counts(
            self, "layers", "frames", "hidden", "embedding", "batch", "holdout", "epochs",
            "min_count", "patience",
        )  # fmt: skip
        check_fit(self)
        if self.features and (self.backbone or self.weights != "auto" or self.image_size):
            raise UsageError(
                "precomputed features come from a network of their own",
                "leave out --backbone, --weights and --image-size",
            )
        self._check_medium()
        self._check_top()
        if self.fusion and self.model != "merge":
            raise UsageError(
                f"the model {self.model} has no --fusion", "it is how --model merge joins"
            )
        if self.features and self.mirror:
            raise UsageError(
                "precomputed features are not of mirrored pictures", "leave out --mirror"
            )
        if self.init and self.embeddings != LEARNED:
            raise UsageError(
                "the word vectors are those of the run that --init names", "leave out --embeddings"
            )
        if self.frozen_words and not self.has_vectors:
            raise UsageError(
                "word vectors that are drawn at random must learn",
                "freeze those of --embeddings word2vec, of a file, or of --init",
            )
        if self.output == "vectors":
            self._check_vectors()
        if self.reward and not self.init:
            raise UsageError(
                "a reward only improves a captioner that can speak", "name its run with --init"
            )
        if self.reward and (self.smoothing or self.mirror or self.scheduled):
            raise UsageError(
                "smoothing, scheduled words and mirrored pictures are for captions that people "
                "wrote",
                "leave them out with --reward",
            )

    def _check_medium(self) -> None:
        if self.model == "clip-lstm" and not self.clips:
            raise UsageError(
                "the model clip-lstm watches clips", f"--data {CLIPS}, or --frames 8 for your own"
            )
        if not self.clips:
            return
        if self.model == "attention":
            raise UsageError(
                "the model attention looks at the places of one picture",
                "for clips: --model clip-lstm, inject-init, inject or merge",
            )
        for name in ("mirror", "features", "fine_tune"):
            if getattr(self, name):
                raise UsageError(f"{flag(name)} is for pictures", "leave it out for clips")

    def _check_top(self) -> None:
        if self.fine_tune and self.features:
            raise UsageError(
                "precomputed features have no backbone whose top could be fine-tuned",
                "leave out --features; a run that was fine-tuned needs the pictures",
            )
        if self.cnn_rate is None:
            return
        if not self.fine_tune:
            raise UsageError(
                "--cnn-rate is of the top of the backbone, which is not trained",
                "say --fine-tune too",
            )
        if not 0 <= self.cnn_rate < math.inf:
            raise UsageError(f"cnn_rate is {self.cnn_rate}", "0 or more, e.g. 1e-4")

    @property
    def clips(self) -> bool:
        """Whether the data are clips."""
        return self.data == CLIPS or self.frames is not None

    @property
    def medium(self) -> Medium:
        """What the data are."""
        return mediums.CLIPS if self.clips else mediums.PICTURES

    def _check_vectors(self) -> None:
        if not self.has_vectors:
            raise UsageError(
                "--output vectors needs word vectors to aim at",
                "name some with --embeddings, or a run that has them with --init",
            )
        if self.frozen_words is False:
            raise UsageError(
                "vectors that are aimed at must not move: they would all become one",
                "leave out --tuned-words",
            )
        for name in ("tie", "reward", "smoothing"):
            if getattr(self, name):
                raise UsageError(
                    f"--{name} is for a net that gives each word a probability",
                    "leave it out with --output vectors",
                )

    @property
    def head(self) -> str:
        """A key of `text.heads.HEADS`."""
        return "nearest" if self.output == "vectors" else "tied" if self.tie else "free"

    @property
    def built_in(self) -> bool:
        """Whether the data is the drawn world."""
        return self.data in (BUILT_IN, CLIPS)

    @property
    def sees_with(self) -> str:
        """The backbone that was chosen, or is taken."""
        return self.backbone or (_BUILT_IN if self.built_in else _PHOTOS)["backbone"]

    @property
    def has_vectors(self) -> bool:
        """Whether the word vectors begin with something learned."""
        return self.embeddings != LEARNED or self.init is not None

    def resolved(self, pictures: int, captions: int) -> TrainSettings:
        """The same with every None decided that does not stand for none at all.

        Args:
            pictures: how many there are to train on.
            captions: how many there are of them.

        Raises:
            UsageError: what was chosen does not go with what is decided.
        """
        chosen = _LIKELIHOOD | (_BUILT_IN if self.built_in else _PHOTOS)
        if self.reward:
            chosen |= _REWARD
        chosen["frozen_words"] = self.output == "vectors"
        if self.output == "vectors":
            chosen["smoothing"] = 0.0
        chosen["holdout"] = max(1, min(500, pictures // 10))
        # A word seen once in a small set is worth learning; in a large one it is mostly a slip.
        chosen["min_count"] = 1 if captions < 2_000 else 2 if captions < 10_000 else 5
        if self.clips:
            chosen |= {"frames": FRAMES, "mirror": False}
        if self.model == "merge":
            chosen["fusion"] = FUSIONS[0]
        if self.features:
            del chosen["backbone"]
            chosen["mirror"] = False
        if not self.fine_tune:
            del chosen["cnn_rate"]
        found = filled(self, chosen)
        if found.scheduled and found.epochs < 2:
            raise UsageError(
                "scheduled words begin in the second epoch, and there is one",
                "leave out --scheduled, or say --epochs 2 or more",
            )
        return found

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


_CHOICES = {
    "model": MODELS,
    "output": OUTPUTS,
    "rnn": RNNS,
    "fusion": (None, *FUSIONS),
    "tokenizer": TOKENIZERS,
    "reward": (None, *REWARDS),
    "precision": PRECISIONS,
}
_LIKELIHOOD = {"smoothing": 0.1, "learning_rate": 1e-3}
# Small steps, and a net that draws captions as it will in use.
_REWARD = {
    "dropout": 0.0,
    "feature_dropout": 0.0,
    "smoothing": 0.0,
    "mirror": False,
    "learning_rate": 2e-4,
    "cnn_rate": 5e-5,
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
    "cnn_rate": 1e-3,
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
    "cnn_rate": 1e-4,
    "mirror": True,
    "batch": 32,
    "epochs": 15,
}
