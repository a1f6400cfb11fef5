"""A whole cold `cnnrnn caption predict` against a process that only imports Keras.

Both are new processes, one after the other in turn; what they read lies in the system's cache.
The time is the wall clock's, from the start of Python to the end of the process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks import measure

TARGET = 2.0
ROOT = Path(__file__).resolve().parents[2]
PREDICT = ("-m", "cnnrnn", "caption", "predict", "scenes:3")
IMPORT = ("-c", "import keras")


def run(quick: bool = False) -> list[dict]:
    """One row, in seconds."""
    return [compare(PREDICT, 2 if quick else 9)]


def compare(predict: Sequence[str], rounds: int) -> dict:
    """Python with the arguments `predict`, which must print a caption, against `import keras`."""
    with tempfile.TemporaryDirectory() as folder:  # there are no runs here: the starter is used
        pairs = measure.in_turn(
            lambda: _seconds(predict, folder), lambda: _seconds(IMPORT, folder), rounds
        )
    return measure.row("cold caption predict / import keras, s", pairs, TARGET)


def _seconds(arguments: Sequence[str], folder: str) -> float:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    spent = time.perf_counter() - began
    if done.returncode or (arguments is not IMPORT and not done.stdout.strip()):
        raise RuntimeError(f"{' '.join(arguments)} failed: {done.stderr.strip()[-500:]}")
    return spent
