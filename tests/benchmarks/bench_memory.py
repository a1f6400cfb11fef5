"""Peak memory of extraction and of training: eight times the pictures should need no more.

Both are the real commands on small generated pictures, in a process each; training finds its
features in the cache that extraction filled.
"""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import numpy as np

from cnnrnn import console
from cnnrnn.media import images
from tests.benchmarks import measure, memory

TARGET = 1.1
QUICK, FULL = (100, 800), (1000, 8000)  # pictures
# At 96 pixels a row has 3 x 3 x 1280 float16, so 7,000 of them held in memory would be 161 MB.
BACKBONE = ("--backbone", "mobilenet_v2", "--weights", "random", "--image-size", "96")
NET = ("--hidden", "64", "--embedding", "32", "--epochs", "1", "--holdout", "50", "--no-mirror")
_SIDE = 32  # pixels of the generated pictures
_WORDS = 300


def run(quick: bool = False) -> list[dict]:
    """Rows in MB: ours with many pictures, rival with few."""
    if not Path("/proc/self/status").exists():
        console.warn("peak memory is read from /proc, which this system has not")
        return []
    few, many = (_measure(pictures) for pictures in (QUICK if quick else FULL))
    found = []
    for what, peaks in many.items():
        for kind, target in (("anonymous", TARGET), ("resident", None)):
            name = f"{what}, peak {kind} memory, 8 x the pictures, MB"
            found.append(measure.row(name, [(peaks[kind], few[what][kind])], target))
    return found


def _measure(pictures: int) -> dict[str, dict[str, float]]:
    """Peaks of both commands with so many pictures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder / "data", pictures)
        extract = ("caption", "features", "data/pictures", *BACKBONE)
        train = ("caption", "train", "--data", "data/captions.csv", *BACKBONE, *NET)
        return {"extract": memory.peaks(extract, folder), "train": memory.peaks(train, folder)}


def _write(folder: Path, pictures: int) -> None:
    """Pictures of noise, no two alike, with five captions each."""
    (folder / "pictures").mkdir(parents=True)
    generator = np.random.default_rng(0)
    names = [f"pictures/{number:05}.png" for number in range(pictures)]
    for name in names:
        noise = generator.integers(0, 256, (_SIDE, _SIDE, 3), np.uint8)
        (folder / name).write_bytes(images.encode(noise, ".png"))
    with open(folder / "captions.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "caption", "split"])
        for name, texts in zip(names, measure.captions(pictures, _WORDS), strict=True):
            sentences = [" ".join(f"w{word}" for word in text) for text in texts]
            writer.writerows([name, sentence, "train"] for sentence in sentences)
