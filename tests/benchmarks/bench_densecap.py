"""Regions: what a picture costs, where the time goes, memory, and one core against two.

A photo is looked at as `densecap predict` looks at it by default: MobileNetV2, 512 pixels, 300
proposals. The weights are random, which makes nothing cheaper: every region is told, in phrases of
full length. Rivals: half a second, which is the aim; and the same CNN that only names what the
whole picture shows.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from cnnrnn import backend, console
from cnnrnn.densecap.described import DescribeSettings
from cnnrnn.densecap.settings import TrainSettings
from cnnrnn.media import images
from cnnrnn.text.vocabulary import Vocabulary
from cnnrnn.training.run import Run
from tests.benchmarks import measure, memory

AIM = 500.0  # ms a picture
MEMORY_TARGET = 1.1
HEIGHT, WIDTH = 384, 512
FEW, MANY = 300, 3000  # proposals
QUICK, FULL = (60, 480), (200, 1600)  # pictures trained on
# Random weights and small nets: memory that grows with the pictures would show the same.
NET = (
    "--backbone", "mobilenet_v2", "--weights", "random", "--image-size", "96", "--pooled", "16",
    "--filters", "16", "--code", "32", "--hidden", "32", "--embedding", "16", "--sample", "32",
    "--phrases", "4", "--epochs", "1", "--holdout", "20",
)  # fmt: skip
_WORDS = 1000


def run(quick: bool = False) -> list[dict]:
    """All rows."""
    console.set_verbosity(True)
    rounds = 2 if quick else 9
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = _made(folder)
        rows = _prediction(path, rounds)
        if Path("/proc/self/status").exists():
            rows += _memory(folder, path, QUICK if quick else FULL)
        else:
            console.warn("peak memory is read from /proc, which this system has not")
    return rows + _cores(1 if quick else 3)


def _made(folder: Path) -> Path:
    """A run with a network for photos that has learned nothing."""
    from cnnrnn.densecap.models import DenseCap

    settings = TrainSettings(data="photos.csv").resolved(10_000, 100_000)
    vocabulary = Vocabulary.build([[f"w{number}" for number in range(_WORDS)]])
    model = DenseCap(
        len(vocabulary), settings.backbone, 512, settings.pooled, settings.filters, settings.code,
        settings.hidden, settings.embedding, weights="random",
    )  # fmt: skip
    model.build()
    run = Run.create(folder / "runs", "densecap", "photos", asdict(settings))
    vocabulary.save(run.path / "vocabulary.json")
    model.save(run.path / "best.keras")
    return run.path


def _photo(seed: int) -> np.ndarray:
    small = np.random.default_rng(seed).integers(0, 256, (HEIGHT // 8, WIDTH // 8, 3), np.uint8)
    return images.resize(small, (HEIGHT, WIDTH))


def _prediction(path: Path, rounds: int) -> list[dict]:
    """Warm, one picture at a time."""
    from cnnrnn.densecap.describer import DenseCaptioner  # starts Keras, see `steps`

    describer = DenseCaptioner.load(path)
    shown = DescribeSettings(max_regions=10)
    photos = [_photo(seed) for seed in range(3)]
    spent: list[dict[str, float]] = []

    def told(settings: DescribeSettings) -> float:
        began = time.perf_counter()
        for photo in photos:
            [found] = describer.describe([photo], settings)
            if settings is shown:
                spent.append(found.seconds)
        return 1000 * (time.perf_counter() - began) / len(photos)

    pairs = measure.in_turn(lambda: told(shown), _named(photos), rounds)
    rows = [
        measure.row("predict, 512 px MobileNetV2, warm / the aim, ms",
                    [(ours, AIM) for ours, _ in pairs], 1.0),
        measure.row("the same / MobileNetV2 naming the picture, ms", pairs),
    ]  # fmt: skip
    spent = spent[len(photos) :]  # the first round is unmeasured
    for stage in spent[0]:
        name = {"look": "backbone", "propose": "proposals", "recognise": "recognition"}
        part = [(1000 * each[stage], 1000 * sum(each.values())) for each in spent]
        rows.append(measure.row(f"{name.get(stage, 'phrases')} / the four stages, ms", part))
    every = replace(shown, max_regions=100)
    pairs = measure.in_turn(lambda: told(every), lambda: told(shown), rounds)
    rows.append(measure.row("100 regions told / 10, ms", pairs))
    return rows


def _named(photos: Sequence[np.ndarray]):
    """The whole of MobileNetV2 on the same pictures, as a compiled function."""
    keras = backend.keras()
    net = keras.applications.MobileNetV2((HEIGHT, WIDTH, 3), weights=None)
    name = backend.compiled(lambda pictures: net(pictures / 127.5 - 1.0, training=False))

    def spent() -> float:
        began = time.perf_counter()
        for photo in photos:
            name(photo[None].astype(np.float32))
        return 1000 * (time.perf_counter() - began) / len(photos)

    return spent


def _memory(folder: Path, path: Path, pictures: tuple[int, int]) -> list[dict]:
    """Peaks of `predict` with ten times the proposals, and of `train` with eight times the
    pictures."""
    images.save(folder / "photo.jpg", _photo(0))
    arguments = ["densecap", "predict", *["photo.jpg"] * 3, "--run", str(path), "--proposals"]
    few, many = (memory.peaks([*arguments, str(count)], folder) for count in (FEW, MANY))
    name = f"predict, peak anonymous memory, {MANY} / {FEW} proposals, MB"
    rows = [measure.row(name, [(many["anonymous"], few["anonymous"])], MEMORY_TARGET)]
    found = []
    for count in pictures:
        place = folder / str(count)
        _write(place, count)
        data = ("densecap", "train", "--data", "regions.csv", *NET)
        found.append(memory.peaks(data, place)["anonymous"])
    name = "train, peak anonymous memory of an epoch, 8 x the pictures, MB"
    return [*rows, measure.row(name, [(found[1], found[0])], MEMORY_TARGET)]


def _write(folder: Path, pictures: int) -> None:
    """Pictures of noise with five regions each."""
    folder.mkdir()
    generator = np.random.default_rng(0)
    with open(folder / "regions.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow("image x y width height phrase split".split())
        for number in range(pictures):
            noise = generator.integers(0, 256, (96, 96, 3), np.uint8)
            (folder / f"{number}.png").write_bytes(images.encode(noise, ".png"))
            for _ in range(5):
                x, y = generator.integers(0, 40, 2)
                words = " ".join(f"w{word}" for word in generator.integers(0, 50, 4))
                writer.writerow([f"{number}.png", x, y, 40, 40, words, "train"])


# -- one core against two ------------------------------------------------------------------------


def _cores(rounds: int) -> list[dict]:
    pairs = [(_steps_of(2), _steps_of(1)) for _ in range(rounds)]
    return [measure.row("train on two cores / one, steps/s", pairs, better="higher")]


def _steps_of(threads: int) -> float:
    """Steps a second of a process of so many threads."""
    code = f"from tests.benchmarks import bench_densecap as b; print(b.steps({threads}))"
    root = Path(__file__).resolve().parents[2]
    environment = os.environ | {"PYTHONPATH": str(root)}
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=environment, stdout=subprocess.PIPE, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def steps(threads: int) -> float:
    """Training steps a second on the built-in world, as `densecap train` takes them."""
    console.set_verbosity(True)
    backend.choose(threads=threads)  # before anything starts Keras
    from cnnrnn.densecap.train import dry_run

    settings = TrainSettings(limit=64, epochs=1, batch=16)
    return 64 / 16 / dry_run(settings)["training_seconds"]
