"""Kill a training at random moments, resume it each time, and compare with one left alone.

Run: python tests/stress/train_kill.py [--kills 10] [--seed 0]. Some minutes for 10 kills.

A child process runs `cnnrnn caption train` on a few scenes and is killed with SIGKILL at a random
moment: the first ones while features are cached, the others up to three epochs further, in an epoch
or while files are written. The next child resumes the run where there is one. After all kills it is
let through, and then
  * last.keras has the weights of a run that nobody killed, up to the rounding of sums: which batch
    comes first in a process decides for which shape a graph is made, and so in which order it adds;
  * log.csv has every epoch once, with the same figures;
  * the run predicts.
Exit code 0 where all of that held.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

OPTIONS = (
    "--limit 60 --epochs 25 --patience 25 --hidden 32 --embedding 16 --batch 8 --holdout 8"
    " --deterministic --device cpu --name run"
).split()
ENDED = 300  # seconds after which a training that was left alone has hung
EARLY = 2  # kills that come before the first epoch
ROUNDING = 1e-4  # of weights after 25 epochs; another order of the data changes them by 0.1
FURTHER = 3  # epochs that a resumed training finishes at most, before it is killed


def command(folder: Path) -> list[str]:
    """The training's command line, or its resume where the run was begun."""
    run = folder / "runs" / "caption" / "run"
    start = [sys.executable, "-m", "cnnrnn", "caption", "train"]
    return [*start, "--resume", str(run)] if (run / "config.json").exists() else [*start, *OPTIONS]


def start(folder: Path) -> subprocess.Popen:
    """Begin the training in a folder of its own, cache included."""
    root = Path(__file__).resolve().parents[2]
    environment = os.environ | {"CNNRNN_CACHE": str(folder / "cache"), "PYTHONPATH": str(root)}
    return subprocess.Popen(
        command(folder), cwd=folder, env=environment, stderr=subprocess.PIPE, text=True
    )


def finish(folder: Path) -> tuple[float, float]:
    """Let the training through; the seconds before its first epoch's end, and of an epoch."""
    began, ends = time.monotonic(), []
    child = start(folder)
    for line in child.stderr:
        if line.startswith("epoch ") and "/" in line.split()[1]:
            ends.append(time.monotonic() - began)
    if child.wait(ENDED):
        raise AssertionError("a training that was left alone failed")
    return ends[0] if ends else 0.0, (ends[-1] - ends[0]) / max(len(ends) - 1, 1) if ends else 0.0


def kill(folder: Path, epochs: int, seconds: float) -> str:
    """Begin or go on, and kill so many epochs and seconds later; the last thing it said."""
    child, last = start(folder), "nothing yet"
    while epochs:
        last = child.stderr.readline()
        epochs -= last.startswith("epoch ") and "/" in last.split()[1]
        if not last:
            raise AssertionError("a training ended before it was killed")
    time.sleep(seconds)
    child.send_signal(signal.SIGKILL)
    _, said = child.communicate()
    if child.returncode != -signal.SIGKILL:
        raise AssertionError(f"a resumed training failed: {said.strip()[-300:]}")
    return ([last, *said.splitlines()])[-1].strip()[:60]


def compare(folder: Path, other: Path) -> None:
    """Raises AssertionError where the two runs differ."""
    from cnnrnn.caption import models  # noqa: F401  registers the classes
    from cnnrnn.caption.captioner import Captioner
    from cnnrnn.training.fit import load_model
    from cnnrnn.training.run import Run

    runs = [Run.open(each / "runs" / "caption" / "run", "caption") for each in (folder, other)]
    pairs = zip(*(load_model(run.last).get_weights() for run in runs), strict=True)
    apart = max(float(np.abs(a - b).max()) for a, b in pairs)
    print(f"largest difference of a weight: {apart:.1e}")
    assert apart < ROUNDING, "the weights differ"
    logs = [run.log() for run in runs]
    assert [row["epoch"] for row in logs[0]] == [row["epoch"] for row in logs[1]], "epochs differ"
    for one, other in zip(*logs, strict=True):
        assert abs(one["val_loss"] - other["val_loss"]) < ROUNDING, "the logs differ"
    assert Captioner.load(runs[0].path).caption([np.zeros((112, 112, 3), np.uint8)])[0].text


def main() -> int:
    """Print what was seen; exit code 1 where something was lost or wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    generator = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as alone, tempfile.TemporaryDirectory() as killed:
        first, epoch = finish(Path(alone))
        print(f"left alone: the first epoch ends after {first:.0f} s, the others {epoch:.1f} s")
        for number in range(1, arguments.kills + 1):
            early = number <= EARLY
            epochs = 0 if early else generator.randint(0, FURTHER)
            seconds = generator.uniform(0, first if early or not epochs else epoch)
            said = kill(Path(killed), epochs, seconds)
            print(f"kill {number}, {epochs} epochs and {seconds:.1f} s on: {said}", flush=True)
        finish(Path(killed))
        try:
            compare(Path(killed), Path(alone))
        except AssertionError as error:
            print(f"FAILED: {error}")
            return 1
    print("nothing lost, the same weights")
    return 0


if __name__ == "__main__":
    sys.exit(main())
