"""Questions a second in training against PyTorch, and what an answer costs.

Training: `training.fit` itself on `QuestionBatches`; after each of its epochs the same model in
PyTorch trains on the same questions, so that both meet the machine in the same state. Asking: a
whole cold `cnnrnn vqa ask` against a process that only imports Keras; then, warm, one more question
about a picture against a picture that was never seen.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cnnrnn import console
from cnnrnn.training.fit import FitSettings, fit
from cnnrnn.training.run import Run
from cnnrnn.vqa.answerer import STARTER, Answerer
from cnnrnn.vqa.batches import QuestionBatches
from cnnrnn.vqa.losses import AnswerCrossEntropy
from cnnrnn.vqa.models import MODELS
from tests.benchmarks import bench_cold_start, measure

TORCH_TARGET = 0.9
COLD_TARGET = 2.0
WORDS, ANSWERS, LENGTH = 1000, 500, 14  # as in DAQUAR
HIDDEN, EMBEDDING, HOPS, LAYERS = 256, 128, 2, 2
DROPOUT, SMOOTHING = 0.4, 0.1
BATCH, PLACES = 16, 8
ASK = ("-m", "cnnrnn", "vqa", "ask", "scenes:5", "what is in the basket?")


@dataclass(frozen=True)
class _Scale:
    """pictures: trained on in a round; rounds: of everything; asked: pictures in a warm round."""

    pictures: int
    rounds: int
    asked: int


QUICK, FULL = _Scale(64, 2, 3), _Scale(512, 5, 20)


def run(quick: bool = False) -> list[dict]:
    """All rows."""
    console.set_verbosity(True)
    scale = QUICK if quick else FULL
    found = []
    for name, shape in (("san", measure.GRID), ("lstm-cnn", measure.GRID[-1:])):
        found += _training(name, _batches(scale.pictures, shape), scale.rounds)
    found.append(
        bench_cold_start.compare(ASK, 2 if quick else 9)
        | {"name": "cold vqa ask / import keras, s", "target": COLD_TARGET}
    )
    return found + [_warm(scale)]


def _batches(pictures: int, shape: tuple[int, ...]) -> QuestionBatches:
    """Eight questions a picture, of 4 to 14 words."""
    generator = np.random.default_rng(0)
    count = pictures * PLACES
    words = generator.integers(4, WORDS, (count, LENGTH)).astype(np.int32)
    words[np.arange(LENGTH) >= generator.integers(4, LENGTH + 1, count)[:, None]] = 0
    answers = generator.integers(0, ANSWERS, count).astype(np.int32)
    index = np.repeat(np.arange(pictures), PLACES)
    rows = measure.RandomRows(pictures, shape)
    return QuestionBatches(rows, index, words, answers, None, BATCH, PLACES)


class _Timed:
    """Batches that remember when the epoch began."""

    def __init__(self, batches: QuestionBatches):
        self.batches, self.began = batches, 0.0

    def steps(self) -> int:
        return self.batches.steps()

    def epoch(self, generator: np.random.Generator) -> Iterable[tuple[Any, Any]]:
        self.began = time.perf_counter()
        return self.batches.epoch(generator)


def _training(name: str, batches: QuestionBatches, rounds: int) -> list[dict]:
    try:
        from tests.benchmarks.rival_torch_vqa import TorchLstmCnn, TorchSan, TorchTraining
    except ModuleNotFoundError:
        console.warn("no PyTorch, so it is not measured: pip install -e '.[bench]'")
        return []
    # PyTorch keeps no moving average of the weights, so for once neither do we.
    settings = FitSettings(averaging=0)
    shape = batches.features.row_shape
    sizes = WORDS, ANSWERS, shape[-1], HIDDEN, EMBEDDING
    if name == "san":
        rival = TorchSan(sizes, shape[:2], HOPS, DROPOUT)
    else:
        rival = TorchLstmCnn(sizes, LAYERS, DROPOUT)
    torch = TorchTraining(rival, batches, settings, SMOOTHING)
    model = _model(name, shape)
    # nn.LSTM has two bias vectors of its four gates where one is enough.
    extra = 4 * HIDDEN * (1 if name == "san" else LAYERS)
    trained = sum(int(np.prod(weight.shape)) for weight in model.trainable_variables)
    assert torch.parameters() == trained + extra
    pairs = _rounds(model, batches, torch.questions_per_second, rounds, settings)
    title = f"train {name} / PyTorch, questions/s"
    return [measure.row(title, pairs, TORCH_TARGET, "higher")]


def _rounds(
    model, batches: QuestionBatches, rival: Callable[[], float], rounds: int, settings: FitSettings
) -> list[tuple[float, float]]:
    """Questions a second of ours and of the rival, in pairs."""
    timed, pairs = _Timed(batches), []
    count = len(batches.index)

    def validate(model) -> dict[str, float]:
        """Comes right after the last step of an epoch: the rival's turn."""
        ours = count / (time.perf_counter() - timed.began)
        pairs.append((ours, rival()))
        return {"val_loss": 0.0}

    epochs = rounds + 1  # the first compiles
    settings = FitSettings(epochs=epochs, patience=epochs, averaging=settings.averaging)
    with tempfile.TemporaryDirectory() as folder:
        kept = Run.create(folder, "vqa", "bench")
        fit(model, AnswerCrossEntropy(SMOOTHING), timed, validate, "val_loss", settings, kept)
    return pairs[1:]


def _model(name: str, shape: tuple[int, ...]):
    options = {"san": {"hops": HOPS}, "lstm-cnn": {"layers": LAYERS}}[name]
    model = MODELS[name](
        WORDS, LENGTH, shape, "classify", ANSWERS, HIDDEN, EMBEDDING, DROPOUT, 0.0, **options
    )
    model.build()
    return model


def _warm(scale: _Scale) -> dict:
    """One more question about a picture against a picture never seen, ms; both in a process that
    has answered before."""
    answerer = Answerer.load(STARTER)
    generator = np.random.default_rng(0)

    def fresh() -> np.ndarray:
        return generator.integers(0, 256, (224, 224, 3), np.uint8)

    kept = fresh()
    answerer.ask(kept, ["is there a dog?"])

    def again() -> float:
        began = time.perf_counter()
        for _ in range(scale.asked):
            answerer.ask(kept, ["what is in the basket?"])
        return 1000 * (time.perf_counter() - began) / scale.asked

    def new() -> float:
        pictures = [fresh() for _ in range(scale.asked)]
        began = time.perf_counter()
        for picture in pictures:
            answerer.ask(picture, ["what is in the basket?"])
        return 1000 * (time.perf_counter() - began) / scale.asked

    with tempfile.TemporaryDirectory() as folder:
        answerer.extractor.cache_dir = Path(folder)
        pairs = measure.in_turn(again, new, scale.rounds)
    return measure.row("one more question / a new picture, warm vqa ask, ms", pairs)
