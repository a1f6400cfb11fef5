"""The data set as arrays: pictures drawn once and kept in the cache folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.files import atomic_write, cache_root
from cnnrnn.scenes.compose import compose
from cnnrnn.scenes.draw import render
from cnnrnn.scenes.splits import SIZES, VERSION, check
from cnnrnn.scenes.world import Scene

SIDE = 112


class Scenes(Sequence):
    """Descriptions of scenes, each composed when it is asked for."""

    def __init__(self, split: str, indices: np.ndarray):
        self.split = split
        self.indices = indices

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, place):
        if isinstance(place, slice):
            return Scenes(self.split, self.indices[place])
        return compose(self.split, int(self.indices[place]))

    def __iter__(self) -> Iterator[Scene]:
        return (compose(self.split, int(index)) for index in self.indices)


@dataclass(frozen=True)
class SceneSet:
    """images: uint8 RGB (N, 112, 112, 3). scenes: N descriptions. indices: (N,) scene numbers."""

    images: np.ndarray
    scenes: Scenes
    indices: np.ndarray


def load(split: str, count: int | None = None, seed: int = 0) -> SceneSet:
    """Pictures and descriptions of a split.

    Args:
        split: train, val or test.
        count: how many; None for the split's default size.
        seed: 0 takes the first `count` scenes, which are kept in the cache; another takes `count`
            different ones out of the first 2**31, drawn anew.

    Raises:
        CnnRnnError: no such split, or the cache folder cannot be written.
        UsageError: `count` is not positive.
    """
    check(split)
    count = SIZES[split] if count is None else count
    if count < 1:
        raise UsageError(f"{count} scenes were asked for", "ask for one or more")
    if seed:
        indices = np.random.default_rng([VERSION, seed]).choice(2**31, count, replace=False)
        images = np.stack([render(compose(split, int(i))) for i in indices])
    else:
        indices = np.arange(count)
        images = _drawn(split, count)
    return SceneSet(images, Scenes(split, indices), indices)


def _drawn(split: str, count: int) -> np.ndarray:
    """The first `count` pictures of a split, as a read-only memory map of the cache file."""
    path = cache_root() / "scenes" / f"v{VERSION}-{split}-{max(count, SIZES[split])}.npy"
    images = _opened(path)
    if images is None:
        _draw_all(path, split, max(count, SIZES[split]))
        images = _opened(path)
        if images is None:
            raise CnnRnnError(f"cannot read back {path}", "check the disk of the cache folder")
    return images[:count]


def _opened(path: Path) -> np.ndarray | None:
    """The pictures of a cache file, or None where it is missing or damaged."""
    if not path.exists():
        return None
    try:
        images = np.load(path, mmap_mode="r", allow_pickle=False)
        # The last row is zeros but for the sum of all before: a torn or altered file is noticed.
        if images.dtype != np.uint8 or images.shape[1:] != (SIDE, SIDE, 3) or len(images) < 2:
            raise ValueError("not a cache of scenes")
        if not np.array_equal(images[-1].ravel()[:8], _checksum(images[:-1])):
            raise ValueError("its checksum differs")
        return images[:-1]
    except (OSError, ValueError, EOFError) as error:
        sys.stderr.write(f"cnnrnn: drawing {path.name} again, the cached one is damaged: {error}\n")
        return None


def _checksum(images: np.ndarray) -> np.ndarray:
    """Eight bytes that tell one set of pictures from another."""
    weights = np.arange(1, len(images) + 1, dtype=np.uint64)
    sums = np.array([images[i].sum(dtype=np.uint64) for i in range(len(images))], np.uint64)
    return np.frombuffer(np.uint64((sums * weights).sum()).tobytes(), np.uint8)


def _draw_all(path: Path, split: str, count: int) -> None:
    """Draw the first `count` scenes into a file, one at a time."""
    images = np.zeros((count + 1, SIDE, SIDE, 3), np.uint8)
    for index in range(count):
        images[index] = render(compose(split, index))
    images[-1].ravel()[:8] = _checksum(images[:-1])
    with atomic_write(path) as file:
        np.save(file, images)
