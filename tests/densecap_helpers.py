"""What the tests of `cnnrnn densecap` share: a small data set, a small net, and calls."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from cnnrnn import scenes
from cnnrnn.cli import main
from cnnrnn.media import images
from cnnrnn.regions.boxes import to_sized

SMALL = [
    "--pooled", "8", "--filters", "8", "--code", "16", "--hidden", "16", "--embedding", "8",
    "--sample", "16", "--phrases", "4", "--batch", "4", "--holdout", "3",
]  # fmt: skip
PICTURES = 12


def call(*arguments) -> int:
    """Run `cnnrnn densecap` with arguments; its exit code."""
    with pytest.raises(SystemExit) as stopped:
        main(["densecap", *map(str, arguments)])
    return stopped.value.code


def lines(capsys) -> list[dict]:
    """What was printed with --json."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def write_data(folder: Path, pictures: int = PICTURES, tests: int = 2) -> None:
    """Pictures of scenes and `regions.csv` of their regions, the last ones in the split test."""
    with open(folder / "regions.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow("image x y width height phrase split".split())
        for index in range(pictures + tests):
            scene = scenes.scene("train", index)
            images.save(folder / f"{index}.jpg", scenes.render(scene))
            split = "train" if index < pictures else "test"
            for region in scenes.regions(scene):
                sides = to_sized(region.box).tolist()
                writer.writerow([f"{index}.jpg", *sides, region.phrase, split])
