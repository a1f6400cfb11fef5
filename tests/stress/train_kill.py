"""Kill a training at random moments, resume it each time, and compare with one left alone.

Run: python tests/stress/train_kill.py [--kills 10] [--seed 0]. Some minutes for 10 kills.

A child process runs `cnnrnn caption train` on a few scenes and is killed with SIGKILL at a random
moment: while features are cached, in an epoch, while files are written. The next child resumes the
run where there is one. After all kills it is let through, and then
  * last.keras has, to the last bit, the weights of a run that nobody killed;
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
    "--limit 60 --epochs 12 --patience 12 --hidden 32 --embedding 16 --batch 8 --holdout 8"
    " --deterministic --device cpu --name run"
).split()
ENDED = 300  # seconds after which a training that was left alone has hung


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


def finish(folder: Path) -> float:
    """Let the training through; the seconds that it took."""
    began = time.monotonic()
    child = start(folder)
    _, said = child.communicate(timeout=ENDED)
    if child.returncode:
        raise AssertionError(f"a training failed: {said.strip()[-300:]}")
    return time.monotonic() - began


def kill(folder: Path, seconds: float) -> str:
    """Begin or go on, and kill after so many seconds; what had been reached."""
    child = start(folder)
    time.sleep(seconds)
    child.send_signal(signal.SIGKILL)
    _, said = child.communicate()
    if child.returncode != -signal.SIGKILL and child.returncode != 0:
        raise AssertionError(f"a resumed training failed: {said.strip()[-300:]}")
    lines = [line for line in said.splitlines() if line.strip()]
    return lines[-1][:60] if lines else "nothing yet"


def compare(folder: Path, other: Path) -> None:
    """Raises AssertionError where the two runs differ."""
    from cnnrnn.caption import models  # noqa: F401  registers the classes
    from cnnrnn.caption.captioner import Captioner
    from cnnrnn.training.fit import load_model
    from cnnrnn.training.run import Run

    runs = [Run.open(each / "runs" / "caption" / "run", "caption") for each in (folder, other)]
    pairs = zip(*(load_model(run.last).get_weights() for run in runs), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs), "the weights differ"
    logs = [[{**row, "seconds": 0} for row in run.log()] for run in runs]
    assert logs[0] == logs[1], "the logs differ"
    assert Captioner.load(runs[0].path).caption([np.zeros((112, 112, 3), np.uint8)])[0].text


def main() -> int:
    """Print what was seen; exit code 1 where something was lost or wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    generator = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as alone, tempfile.TemporaryDirectory() as killed:
        usual = finish(Path(alone))
        print(f"left alone: {usual:.0f} s", flush=True)
        for number in range(1, arguments.kills + 1):
            seconds = generator.uniform(0.1, 0.9) * usual
            print(f"kill {number} after {seconds:.0f} s: {kill(Path(killed), seconds)}", flush=True)
        finish(Path(killed))
        try:
            compare(Path(killed), Path(alone))
        except AssertionError as error:
            print(f"FAILED: {error}")
            return 1
    print("nothing lost, the same weights to the last bit")
    return 0


if __name__ == "__main__":
    sys.exit(main())
