"""What the tests of the feature cache share: a small spec and rows with known values."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from cnnrnn.features.cache import FeatureCache, FeatureSpec

SPEC = FeatureSpec("scenes", "0123abcd", "grid", 112)
SHAPE = (4, 8)


def keys_of(*numbers: int) -> list[str]:
    return [hashlib.blake2b(b"%d" % number, digest_size=16).hexdigest() for number in numbers]


def rows_of(*numbers: int) -> np.ndarray:
    return np.stack([np.arange(32).reshape(SHAPE) + 32 * number for number in numbers]) % 2048


def fill(root: Path, count: int, spec: FeatureSpec = SPEC) -> Path:
    with FeatureCache(root, spec, SHAPE, "a") as cache:
        if count:
            cache.append(keys_of(*range(count)), rows_of(*range(count)))
        return cache.path


def assert_holds(root: Path, count: int) -> None:
    """Rows 0 to `count` - 1 are found, sound and right, and no damage is told."""
    told: list[str] = []
    with FeatureCache(root, SPEC, SHAPE, tell=told.append) as cache:
        rows = cache.find(keys_of(*range(count)), check=True)
        assert rows.min() >= 0
        assert np.array_equal(cache.read(rows), rows_of(*range(count)))
    assert told == []
