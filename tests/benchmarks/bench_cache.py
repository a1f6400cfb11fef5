"""Cache reads against `numpy.memmap` over the same rows in one plain file, in the same run.

Run: python tests/benchmarks/bench_cache.py [--quick]. Target: at most 1.3 times the memory map, for
random batches of rows that the system has in memory and whose checksums were looked at before. The
first look is timed beside it.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cnnrnn.features.cache import FeatureCache, FeatureSpec

TARGET = 1.3
BATCH = 64  # rows in a read, as a training step reads them; reads in a round
ROUNDS = 31
SHAPES = {"grid 49 x 1280": (49, 1280), "pooled 1280": (1280,)}


def run(quick: bool = False) -> list[dict]:
    """Measure all shapes.

    Returns:
        Rows `{name, ours, rival, ratio, ratio_min, ratio_max, target}`; `ours` and `rival` are
        microseconds for one row (medians), `ratio` is ours / rival (median of paired rounds).
    """
    rows = 512 if quick else 4096
    results = []
    for name, shape in SHAPES.items():
        with tempfile.TemporaryDirectory() as folder:
            results += _compare(name, shape, rows, Path(folder))
    return results


def _compare(name: str, shape: tuple[int, ...], rows: int, folder: Path) -> list[dict]:
    generator = np.random.default_rng(0)
    spec = FeatureSpec("bench", "none", "grid", 224)
    plain = np.memmap(folder / "plain", np.float16, "w+", shape=(rows, *shape))
    keys = [hashlib.blake2b(b"%d" % i, digest_size=16).hexdigest() for i in range(rows)]
    with FeatureCache(folder, spec, shape, "a") as cache:
        for start in range(0, rows, BATCH):
            block = generator.random((BATCH, *shape), np.float32).astype(np.float16)
            plain[start : start + BATCH] = block
            cache.append(keys[start : start + BATCH], block)
    plain.flush()
    rival = np.memmap(folder / "plain", np.float16, "r", shape=(rows, *shape))
    with FeatureCache(folder, spec, shape) as cache:
        start = time.perf_counter()
        cache.find(keys, check=True)
        first = (time.perf_counter() - start) / rows
        pairs = []
        for _ in range(ROUNDS):
            batches = generator.integers(rows, size=(BATCH, BATCH))
            pairs.append((_row_time(cache.read, batches), _row_time(rival.__getitem__, batches)))
        assert np.array_equal(cache.read(batches[0]), rival[batches[0]])
    ratios = [ours / theirs for ours, theirs in pairs]
    ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
    row = {"ours": ours * 1e6, "rival": theirs * 1e6, "ratio": statistics.median(ratios)}
    row |= {"ratio_min": min(ratios), "ratio_max": max(ratios), "target": TARGET}
    look = {"ours": first * 1e6, "rival": theirs * 1e6, "ratio": first / theirs}
    look |= {"ratio_min": first / theirs, "ratio_max": first / theirs, "target": None}
    return [
        {"name": f"cache read, {name}, us a row", **row},
        {"name": f"cache first look (checksums), {name}, us a row", **look},
    ]


def _row_time(read: Callable[[np.ndarray], np.ndarray], batches: np.ndarray) -> float:
    start = time.perf_counter()
    for batch in batches:
        read(batch)
    return (time.perf_counter() - start) / batches.size


def main() -> int:
    """Print the rows; exit code 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    missed = 0
    for row in run(parser.parse_args().quick):
        spread = f"{row['ratio']:.2f} x ({row['ratio_min']:.2f} to {row['ratio_max']:.2f})"
        target = f", target {row['target']}" if row["target"] else ""
        print(f"{row['name']}: {row['ours']:.2f} against {row['rival']:.2f}, {spread}{target}")
        missed += bool(row["target"]) and row["ratio"] > row["target"]
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
