"""Cache reads against `numpy.memmap` over the same rows in one plain file.

Batches of random rows that the system has in memory and whose checksums were looked at before, as
in training. What the checksums cost at the first look is timed beside it.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cnnrnn.features.cache import FeatureCache, FeatureSpec
from tests.benchmarks import measure

TARGET = 1.3
QUICK, FULL = 512, 4096  # rows
BATCH = 64  # rows in a read, and reads in a round
ROUNDS = 31
SHAPES = ((49, 1280), (1280,))  # a grid, and a pooled vector


def run(quick: bool = False) -> list[dict[str, Any]]:
    """Rows in microseconds for one row of features."""
    results = []
    for shape in SHAPES:
        with tempfile.TemporaryDirectory() as folder:
            results += _compare(shape, QUICK if quick else FULL, Path(folder))
    return results


def _compare(shape: tuple[int, ...], rows: int, folder: Path) -> list[dict[str, Any]]:
    generator = np.random.default_rng(0)
    spec = FeatureSpec("bench", "none", "grid", 224)
    keys = [hashlib.blake2b(b"%d" % i, digest_size=16).hexdigest() for i in range(rows)]
    plain = np.memmap(folder / "plain", np.float16, "w+", shape=(rows, *shape))
    with FeatureCache(folder, spec, shape, "a") as cache:
        for start in range(0, rows, BATCH):
            block = generator.random((BATCH, *shape), np.float32).astype(np.float16)
            plain[start : start + BATCH] = block
            cache.append(keys[start : start + BATCH], block)
    plain.flush()
    rival = np.memmap(folder / "plain", np.float16, "r", shape=(rows, *shape))

    def time_of(read: Callable[[np.ndarray], np.ndarray]) -> float:
        batches = generator.integers(rows, size=(BATCH, BATCH))
        start = time.perf_counter()
        for batch in batches:
            read(batch)
        return (time.perf_counter() - start) / batches.size * 1e6

    def first_look() -> float:
        with FeatureCache(folder, spec, shape) as fresh:
            start = time.perf_counter()
            fresh.find(keys, check=True)
            return (time.perf_counter() - start) / rows * 1e6

    with FeatureCache(folder, spec, shape) as cache:
        cache.find(keys, check=True)

        def ours() -> float:
            return time_of(cache.read)

        def theirs() -> float:
            return time_of(rival.__getitem__)

        what = f"{' x '.join(map(str, shape))} float16, us a row"
        return [
            measure.row(f"cache read, {what}", measure.in_turn(ours, theirs, ROUNDS), TARGET),
            measure.row(f"cache first look, {what}", measure.in_turn(first_look, theirs, 3)),
        ]
