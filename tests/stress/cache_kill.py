"""Kill the cache's writer at random moments and look at what is left.

Run: python tests/stress/cache_kill.py [--kills 1000] [--seed 0]. About a minute for 1,000 kills.

A child process appends rows and tells over a pipe how many it has been promised (`append`
returned). The parent reads the growing file meanwhile, kills the child with SIGKILL at a random
moment, and then asks of the file:
  * every promised row is found, and has the value that was written;
  * so has every row that is found without having been promised;
  * a plain HDF5 program reads the same rows;
  * the next writer opens it and goes on.
Exit code 0 where all of that held every time. Needs fork (Linux, macOS), not TensorFlow.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

from cnnrnn.errors import CnnRnnError
from cnnrnn.features.cache import CacheError, FeatureCache, FeatureSpec

SHAPE = (24, 32)
SPEC = FeatureSpec("stress", "none", "grid", 112)
FULL = 2000  # rows after which a new file is begun, so that many growths of small files are hit
LONGEST = 0.05  # seconds that a writer lives at most


def key(number: int) -> str:
    """The key of a row."""
    return hashlib.blake2b(b"%d" % number, digest_size=16).hexdigest()


def value(number: int) -> np.ndarray:
    """What the row of `number` must hold."""
    return np.random.default_rng(number).random(SHAPE, np.float32).astype(np.float16)


ROWS = np.stack([value(number) for number in range(FULL + 100)])
KEYS = [key(number) for number in range(FULL + 100)]


def write(folder: Path, pipe: int, seed: int) -> None:
    """The child: append batches of 1 to 100 rows until killed, telling the rows so far."""
    generator = random.Random(seed)
    # A parent that was killed itself must not leave a writer behind.
    signal.alarm(30)
    with FeatureCache(folder, SPEC, SHAPE, "a", tell=_complain) as cache:
        count = int((cache.find(KEYS) >= 0).sum())
        while count < FULL:
            stop = count + generator.randint(1, 100)
            cache.append(KEYS[count:stop], ROWS[count:stop])
            count = stop
            os.write(pipe, count.to_bytes(8, "little"))
            if generator.random() < 0.1:
                cache.flush()
    signal.pause()


def _complain(line: str) -> None:
    # Nothing in this script damages a file, so a line about damage is a failure.
    print(f"writer: {line}", file=sys.stderr, flush=True)
    os._exit(3)


def read_meanwhile(folder: Path, until: float, generator: random.Random) -> int:
    """Read random rows as a second process; returns how many reads were right."""
    reads, cache = 0, None
    while time.monotonic() < until:
        try:
            cache = cache or FeatureCache(folder, SPEC, SHAPE, tell=_complain)
        except CacheError as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                raise
            time.sleep(0.001)
            continue
        rows = cache.find(KEYS)
        found = np.flatnonzero(rows >= 0)
        if len(found):
            chosen = generator.choices(found.tolist(), k=8)
            if not np.array_equal(cache.read(rows[chosen]), ROWS[chosen]):
                raise AssertionError("a reader got wrong rows while the writer was at work")
            reads += 1
        if generator.random() < 0.2:
            cache = None
    return reads


def check(folder: Path, promised: int) -> int:
    """Look at what a killed writer left; returns the rows that are there."""
    try:
        with FeatureCache(folder, SPEC, SHAPE, tell=_complain) as cache:
            rows = cache.find(KEYS, check=True)
            found = np.flatnonzero(rows >= 0)
            present = len(found)
            if not np.array_equal(found, np.arange(present)):
                raise AssertionError("rows are missing in the middle")
            if not np.array_equal(cache.read(rows[found]), ROWS[found]):
                raise AssertionError("rows have wrong values")
    except CacheError as error:
        if promised or not isinstance(error.__cause__, FileNotFoundError):
            raise
        return 0
    if present < promised:
        raise AssertionError(f"{promised - present} promised rows are lost")
    with h5py.File(folder / SPEC.filename) as file:
        if not np.array_equal(file["features"][: file["rows"][0]], ROWS[:present]):
            raise AssertionError("HDF5 reads other rows")
    return present


def kill_once(folder: Path, generator: random.Random, seen: collections.Counter) -> int:
    """One writer's life and what is left of it; returns the rows in the file."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            write(folder, writing, generator.getrandbits(32))
        except BaseException as error:
            print(f"writer: {error!r}", file=sys.stderr, flush=True)
            os._exit(4)
    os.close(writing)
    try:
        until = time.monotonic() + LONGEST * generator.random() ** 2
        seen["reads meanwhile"] += read_meanwhile(folder, until, generator)
    finally:
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        raise AssertionError(f"the writer failed with exit code {os.WEXITSTATUS(status)}")
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    promised = int.from_bytes(told[-8:], "little")
    names = os.listdir(folder)
    seen["killed before a growth was whole"] += any(name.endswith(".part") for name in names)
    seen["killed while a growth was copied"] += any(name.endswith(".grow") for name in names)
    present = check(folder, promised)
    seen["rows promised"] += promised
    seen["rows looked at"] += present
    return present


def run(kills: int, seed: int) -> collections.Counter:
    """Kill `kills` writers, on a new file whenever one is full.

    Raises:
        AssertionError, CnnRnnError: something was lost or wrong.
    """
    generator, seen = random.Random(seed), collections.Counter()
    while seen["kills"] < kills:
        # A disk spends its time in fsync, so that most kills hit a growth; memory spreads them.
        memory = "/dev/shm" if seen["files"] % 2 and os.path.isdir("/dev/shm") else None
        with tempfile.TemporaryDirectory(dir=memory) as folder:
            present = 0
            seen["files"] += 1
            while present < FULL and seen["kills"] < kills:
                present = kill_once(Path(folder), generator, seen)
                seen["kills"] += 1
    return seen


def main() -> int:
    """Print what was seen; exit code 1 where something was lost or wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    start = time.monotonic()
    try:
        seen = run(arguments.kills, arguments.seed)
    except (AssertionError, CnnRnnError) as error:
        print(f"FAILED: {error}")
        return 1
    for name, count in seen.items():
        print(f"{count:>9,}  {name}")
    print(f"nothing lost, nothing wrong, in {time.monotonic() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
