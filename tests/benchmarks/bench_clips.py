"""What a clip costs, part by part; an LSTM over frames against PyTorch's; the memory of many clips.

Training is `training.fit` itself on cached features, as wide as MobileNetV2's; after each of its
epochs PyTorch's `nn.LSTM` in a model of the same layers and size trains on the same batches.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cnnrnn import console
from cnnrnn.features.clips import ClipExtractor
from cnnrnn.media import images
from cnnrnn.media.sampling import Sampling
from cnnrnn.media.source import Source
from cnnrnn.media.video_write import write
from cnnrnn.training.fit import FitSettings, fit
from cnnrnn.training.run import Run
from cnnrnn.video_classify.batches import ClipBatches
from cnnrnn.video_classify.losses import LabelCrossEntropy
from cnnrnn.video_classify.models import MODELS
from tests.benchmarks import measure, memory

TORCH_TARGET, MEMORY_TARGET = 0.9, 1.1
FRAMES, DEPTH, HIDDEN, LABELS, BATCH = 16, 1280, 128, 10, 32
DROPOUT, FEATURE_DROPOUT, SMOOTHING = 0.5, 0.1, 0.05
_HEIGHT, _WIDTH, _LENGTH, _RATE = 240, 320, 100, 25  # of the film whose parts are timed


def run(quick: bool = False) -> list[dict]:
    """All rows."""
    console.set_verbosity(True)
    clips, rounds = (256, 2) if quick else (1024, 7)
    return _parts(2 if quick else 9) + _against_torch(clips, rounds) + _memory(quick)


class Clips:
    """Features of clips that nobody filmed, all frames real."""

    def __init__(self, clips: int):
        self.row_shape = (FRAMES, DEPTH)
        self.rows = measure.RandomRows(clips, self.row_shape)

    def read(self, numbers: np.ndarray) -> np.ndarray:
        return self.rows.read(numbers)

    def mask(self, numbers: np.ndarray) -> np.ndarray:
        return np.ones((len(numbers), FRAMES), bool)


def _model():
    model = MODELS["lstm"](
        labels=LABELS,
        shapes={"rgb": (FRAMES, DEPTH)},
        hidden=HIDDEN,
        dropout=DROPOUT,
        feature_dropout=FEATURE_DROPOUT,
    )
    model.build()
    return model


# -- the parts of a clip -------------------------------------------------------------------------


def _parts(rounds: int) -> list[dict]:
    """Decoding, network and recurrent net: each one's milliseconds of the whole clip's."""
    extractor = ClipExtractor(
        "mobilenet_v2", weights="random", size=224, sampling=Sampling(FRAMES)
    )
    model = _model()
    spent: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "film.mp4")
        write(path, _film(_LENGTH, _HEIGHT, _WIDTH, 0), _RATE)
        for number in range(rounds + 1):
            marks = [time.perf_counter()]
            steps = extractor.pixels(Source("film", path=path))
            marks.append(time.perf_counter())
            rows, mask = extractor.compute_steps([steps])
            marks.append(time.perf_counter())
            model.predict_on_batch({"rgb": rows, "mask": mask})
            marks.append(time.perf_counter())
            parts = 1000 * np.diff(marks)
            if number:  # the first compiles
                for name, part in zip(("decoding", "network", "recurrent"), parts, strict=True):
                    spent.setdefault(name, []).append((part, parts.sum()))
    title = f"{FRAMES} frames of {_WIDTH} x {_HEIGHT}, {{}} / whole clip, ms"
    return [measure.row(title.format(name), pairs) for name, pairs in spent.items()]


def _film(length: int, height: int, width: int, seed: int) -> Iterator[np.ndarray]:
    """A patterned ground that drifts."""
    generator = np.random.default_rng(seed)
    small = generator.integers(0, 256, (height // 8, width // 4, 3), np.uint8)
    ground = images.resize(small, (height, 2 * width))
    for number in range(length):
        shift = number % width
        yield np.ascontiguousarray(ground[:, shift : shift + width])


# -- against PyTorch -----------------------------------------------------------------------------


class _Timed:
    """Batches that remember when the epoch began."""

    def __init__(self, batches: ClipBatches):
        self.batches, self.began = batches, 0.0

    def steps(self) -> int:
        return self.batches.steps()

    def epoch(self, generator: np.random.Generator) -> Iterator:
        self.began = time.perf_counter()
        return self.batches.epoch(generator)


def _against_torch(clips: int, rounds: int) -> list[dict]:
    try:
        from tests.benchmarks.rival_torch_clips import TorchClips
    except ModuleNotFoundError:
        console.warn("no PyTorch, so it is not measured: pip install -e '.[bench]'")
        return []
    labels = np.random.default_rng(0).integers(0, LABELS, clips)
    batches = ClipBatches({"rgb": Clips(clips)}, labels, BATCH)
    # PyTorch keeps no moving average of the weights, so for once neither do we.
    settings = FitSettings(epochs=rounds + 1, patience=rounds + 1, averaging=0)
    torch = TorchClips(batches, settings, (DEPTH, HIDDEN, LABELS),
                       (FEATURE_DROPOUT, DROPOUT, SMOOTHING))
    model, timed, pairs = _model(), _Timed(batches), []
    # nn.LSTM has two bias vectors of its four gates where one is enough.
    trained = sum(int(np.prod(each.shape)) for each in model.trainable_variables)
    assert torch.parameters() == trained + 4 * HIDDEN

    def validate(_) -> dict[str, float]:
        """Comes right after the last step of an epoch: the rival's turn."""
        pairs.append((clips / (time.perf_counter() - timed.began), torch.clips_per_second()))
        return {"val_loss": 0.0}

    with tempfile.TemporaryDirectory() as folder:
        kept = Run.create(folder, "video-classify", "bench")
        loss = LabelCrossEntropy(None, SMOOTHING)
        fit(model, loss, timed, validate, "val_loss", settings, kept)
    name = "train lstm from cached features / PyTorch nn.LSTM, clips/s"
    return [measure.row(name, pairs[1:], TORCH_TARGET, "higher")]


# -- memory --------------------------------------------------------------------------------------


def _memory(quick: bool) -> list[dict]:
    """Peak anonymous memory of `features` with eight times the clips."""
    if not Path("/proc/self/status").exists():
        console.warn("peak memory is read from /proc, which this system has not")
        return []
    many = 200 if quick else 1000
    found = []
    for count in (many // 8, many):
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder, "clips")
            place.mkdir()
            for number in range(count):
                write(place / f"{number:04}.mp4", _film(20, 64, 96, number), _RATE)
            command = ("video-classify", "features", "clips", "--backbone", "mobilenet_v2",
                       "--weights", "random", "--image-size", "96", "--frames", "4")
            found.append(memory.peaks(command, Path(folder))["anonymous"])
    few, much = found
    name = f"features of {many} clips / an eighth of them, peak anonymous memory, MB"
    return [measure.row(name, [(much, few)], MEMORY_TARGET)]
