"""Extraction against `model.predict` in the same run, and its memory for few and many pictures.

Run: python tests/benchmarks/bench_extraction.py [--quick]. The network is MobileNetV2 at 224 x 224
(random weights: the time is the same). Rounds of ours and of the rival take turns; `ratio` is how
many times as fast ours is (median of the rounds). For memory it is the peak with many pictures over
that with few, in processes of their own.
"""

from __future__ import annotations

import argparse
import importlib.util
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

SIZE = 224
SPEED = {"tensorflow": {32: 2.0, 1: 8.0}, "openvino": {32: 2.5, 1: 15.0}}
FILES = 2.0
MEMORY = 1.1
PICTURES = (1000, 8000)
MEMORY_SIZE = 32  # pixels a side: what grows with pictures does so for small ones too


def run(quick: bool = False) -> list[dict]:
    """Measure all cases.

    Returns:
        Rows `{name, ours, rival, ratio, target}`: milliseconds for one picture, and at least
        `target` times as fast; then megabytes for 8,000 and for 1,000 pictures (`quick`: 1,600 and
        200), and at most `target` times as much.
    """
    rounds = 3 if quick else 9
    few, many = (count // 5 if quick else count for count in PICTURES)
    return [*_speed(rounds), *_files(rounds, 128 if quick else 512), *_memory(few, many)]


def _speed(rounds: int) -> Iterator[dict]:
    """The network alone, pictures in memory."""
    from cnnrnn.features import backbones, engines

    model = backbones.get("mobilenet_v2").build("random", "grid", (SIZE, SIZE))
    names = ["tensorflow", *(["openvino"] if importlib.util.find_spec("openvino") else [])]
    generator = np.random.default_rng(0)
    # Folding rewrites the weights that the rival reads, but not the graph that it runs.
    runners = {name: engines.make(model, name) for name in names}
    for batch in (32, 1):
        pictures = generator.integers(0, 256, (batch, SIZE, SIZE, 3), np.uint8)
        decimals = pictures.astype(np.float32)
        repeats = max(1, 32 // batch)
        rival = lambda: model.predict(decimals, batch_size=batch, verbose=0)  # noqa: B023, E731
        for name, runner in runners.items():
            ours = lambda: runner(pictures)  # noqa: B023, E731
            row = _compare(ours, rival, rounds, repeats, batch)
            target = {"target": SPEED[name][batch], "better": "higher"}
            yield {"name": f"{name}, batch {batch}", **row, **target}


def _files(rounds: int, count: int) -> Iterator[dict]:
    """From JPEG files to features on the disk, against a loop of decoding and `predict`."""
    from cnnrnn import backend
    from cnnrnn.features.extractor import Extractor
    from cnnrnn.media import images
    from cnnrnn.media.sources import expand

    extractor = Extractor("mobilenet_v2", "random", "grid", SIZE)
    network = extractor.backbone.build("random", "grid", (SIZE, SIZE))
    load = backend.keras().utils.load_img
    with tempfile.TemporaryDirectory() as folder:
        generator = np.random.default_rng(0)
        for i in range(count):
            small = generator.integers(0, 256, (12, 16, 3), np.uint8)
            images.save(Path(folder, f"{i:04}.jpg"), images.resize(small, (480, 640)))

        def ours() -> None:
            with tempfile.TemporaryDirectory() as cache:
                extractor.cache_dir = Path(cache)
                extractor.extract(expand([folder])).close()

        def rival() -> None:
            files = sorted(Path(folder).iterdir())
            for first in range(0, count, 32):
                some = [load(path, target_size=(SIZE, SIZE)) for path in files[first : first + 32]]
                network.predict(np.stack(some).astype(np.float32), batch_size=32, verbose=0)

        row = _compare(ours, rival, rounds, 1, count)
    target = {"target": FILES, "better": "higher"}
    yield {"name": f"{count} JPEG files of 640 x 480, not cached", **row, **target}


def _compare(
    ours: Callable[[], object],
    rival: Callable[[], object],
    rounds: int,
    repeats: int,
    pictures: int,
) -> dict:
    """Milliseconds a picture (medians) of calls that take turns; each runs once before."""
    times: dict[Callable, list[float]] = {ours: [], rival: []}
    ours(), rival()
    for _ in range(rounds):
        for call, seconds in times.items():
            start = time.perf_counter()
            for _ in range(repeats):
                call()
            seconds.append((time.perf_counter() - start) / repeats / pictures)
    ratios = [theirs / own for own, theirs in zip(times[ours], times[rival], strict=True)]
    return {
        "ours": statistics.median(times[ours]) * 1e3,
        "rival": statistics.median(times[rival]) * 1e3,
        "ratio": statistics.median(ratios),
    }


def _memory(few: int, many: int) -> Iterator[dict]:
    peaks = []
    for count in (few, many):
        with tempfile.TemporaryDirectory() as cache:
            command = [sys.executable, __file__, "--extract", str(count), cache]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            peaks.append(float(done.stdout))
    name = f"peak memory, {many} pictures against {few}, MB"
    ratio = peaks[1] / peaks[0]
    yield {"name": name, "ours": peaks[1], "rival": peaks[0], "ratio": ratio, "target": MEMORY}


def _extract(count: int, cache: str) -> float:
    """Extract `count` pictures, then find them all again; the peak memory in MB."""
    from cnnrnn.features.extractor import Extractor
    from cnnrnn.media.sources import Source

    def pictures() -> Iterator[Source]:
        for i in range(count):
            picture = np.random.default_rng(i).integers(0, 256, (240, 320, 3), np.uint8)
            yield Source(str(i), array=picture)

    # 1 x 1 cells of 1,280 numbers are 2.5 KB a row; pixels would be more than the network's output.
    for output in ("grid", "pixels", "grid", "pixels"):
        extractor = Extractor("mobilenet_v2", "random", output, MEMORY_SIZE, cache_dir=cache)
        table = extractor.extract(pictures())
        assert len(table) == count and not table.failures
        for first in range(0, count, 64):
            table.read(range(first, min(first + 64, count)))
        table.close()
    return _peak()


def _peak() -> float:
    """The peak memory of this process, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # `ru_maxrss` begins with the memory of the process that started this one
        lines = status.read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    """Print the rows; exit code 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--extract", nargs=2, metavar=("COUNT", "CACHE"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.extract:
        print(_extract(int(arguments.extract[0]), arguments.extract[1]))
        return 0
    missed = 0
    for row in run(arguments.quick):
        memory = "memory" in row["name"]
        target = f"target {'at most' if memory else 'at least'} {row['target']}"
        unit = "" if memory else " ms a picture"
        print(f"{row['name']}: {row['ours']:.2f} against {row['rival']:.2f}{unit}, ", end="")
        print(f"{row['ratio']:.2f} x, {target}", flush=True)
        missed += row["ratio"] > row["target"] if memory else row["ratio"] < row["target"]
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
