"""Words a second in training, against one sample per prefix and against PyTorch's `nn.LSTM`.

Ours is `training.fit` itself on `CaptionBatches`; after each of its epochs the rival trains on the
same captions, so both meet the machine in the same state. Only the words of captions and their ends
are counted, on both sides.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnrnn import console
from cnnrnn.caption.batches import CaptionBatches
from cnnrnn.caption.models import MODELS
from cnnrnn.text.losses import WordCrossEntropy
from cnnrnn.training.fit import FitSettings, fit
from cnnrnn.training.run import Run
from tests.benchmarks import measure
from tests.benchmarks.rival_prefixes import PrefixTraining

# A plain Keras `fit` of whole sequences reaches 4.5 to 6; PyTorch is a language model's home.
PREFIX_TARGET = 8.0
TORCH_TARGET = 0.9
BATCH = 32  # pictures
FEATURE_DROPOUT, DROPOUT, SMOOTHING = 0.3, 0.5, 0.1


@dataclass(frozen=True)
class _Scale:
    """pictures: we train on in a round; rival_pictures: of these, what a slow rival gets."""

    pictures: int
    rival_pictures: int
    rounds: int


QUICK, FULL = _Scale(128, 32, 2), _Scale(1024, 128, 5)


def run(quick: bool = False) -> list[dict]:
    """All rows; the unit is words a second."""
    console.set_verbosity(True)
    scale = QUICK if quick else FULL
    texts = measure.captions(scale.pictures)
    pooled, grid = (
        CaptionBatches(texts, measure.RandomRows(scale.pictures, shape), batch=BATCH)
        for shape in (measure.GRID[-1:], measure.GRID)
    )
    some = slice(scale.rival_pictures)
    prefixes = PrefixTraining(texts[some], pooled.features.rows[some])
    found = [
        measure.row(
            "train inject-init / one sample per prefix, words/s",
            _rounds("inject-init", pooled, prefixes.words_per_second, scale.rounds),
            PREFIX_TARGET,
            "higher",
        ),
        measure.row(
            "train attention / one sample per prefix, words/s",
            _rounds("attention", grid, prefixes.words_per_second, scale.rounds),
            better="higher",
        ),
    ]
    return found + _against_torch(pooled, scale.rounds)


def _against_torch(batches: CaptionBatches, rounds: int) -> list[dict]:
    try:
        from tests.benchmarks.rival_torch import TorchTraining
    except ModuleNotFoundError:
        console.warn("no PyTorch, so it is not measured: pip install -e '.[bench]'")
        return []
    # PyTorch keeps no moving average of the weights, so for once neither do we.
    settings = FitSettings(averaging=0)
    torch = TorchTraining(batches, settings, (FEATURE_DROPOUT, DROPOUT, SMOOTHING))
    kind = "packed" if torch.packed else "padded"
    # nn.LSTM has two bias vectors of its four gates where one is enough.
    assert torch.parameters() == _model("inject-init", batches).count_params() + 4 * measure.HIDDEN
    pairs = _rounds("inject-init", batches, torch.words_per_second, rounds, averaging=0)
    name = f"train inject-init / PyTorch nn.LSTM ({kind}), words/s"
    return [measure.row(name, pairs, TORCH_TARGET, "higher")]


class _Timed:
    """Batches that remember when the epoch began."""

    def __init__(self, batches: CaptionBatches):
        self.batches, self.began = batches, 0.0

    def steps(self) -> int:
        return self.batches.steps()

    def epoch(self, generator: np.random.Generator) -> Iterable[tuple[Any, Any]]:
        self.began = time.perf_counter()
        return self.batches.epoch(generator)


def _rounds(
    name: str,
    batches: CaptionBatches,
    rival: Callable[[], float],
    rounds: int,
    **settings: float,
) -> list[tuple[float, float]]:
    """Words a second of our model `name` and of the rival, in pairs."""
    timed, pairs = _Timed(batches), []
    words = measure.count_words(batches.captions)

    def validate(model) -> dict[str, float]:
        """Comes right after the last step of an epoch: the rival's turn."""
        ours = words / (time.perf_counter() - timed.began)
        pairs.append((ours, rival()))
        return {"val_loss": 0.0}

    epochs = rounds + 1  # the first compiles
    settings = FitSettings(epochs=epochs, patience=epochs, **settings)
    with tempfile.TemporaryDirectory() as folder:
        kept = Run.create(folder, "caption", "bench")
        loss = WordCrossEntropy(SMOOTHING)
        fit(_model(name, batches), loss, timed, validate, "val_loss", settings, kept)
    return pairs[1:]


def _model(name: str, batches: CaptionBatches):
    model = MODELS[name](
        vocabulary_size=measure.VOCABULARY,
        feature_shape=batches.features.row_shape,
        hidden=measure.HIDDEN,
        embedding=measure.EMBEDDING,
        feature_dropout=FEATURE_DROPOUT,
        dropout=DROPOUT,
    )
    model.build()
    return model
