"""The data set as arrays: pictures drawn once and kept in the cache folder."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cnnrnn import console
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
    folder = cache_root() / "scenes"
    # A few scenes out of the default set are taken from it where it has been drawn.
    for kept in sorted({SIZES[split], count} - set(range(count)), reverse=True):
        path = folder / f"v{VERSION}-{split}-{kept}.npy"
        images = _opened(path)
        if images is not None:
            return images[:count]
    _draw_all(path, split, count)
    images = _opened(path)
    if images is None:
        raise CnnRnnError(f"cannot read back {path}", "check the disk of the cache folder")
    return images


def _opened(path: Path) -> np.ndarray | None:
    """The pictures of a cache file, or None where it is missing or damaged."""
    if not path.exists():
        return None
    try:
        images = np.load(path, mmap_mode="r", allow_pickle=False)
        if images.dtype != np.uint8 or images.shape[1:] != (SIDE, SIDE, 3) or len(images) < 2:
            raise ValueError("not pictures of scenes")
        if not np.array_equal(images[-1].ravel()[:4], _checksum(images[:-1])):
            raise ValueError("its checksum differs")
        return images[:-1]
    except (OSError, ValueError, EOFError) as error:
        console.warn(f"{path} is damaged ({error}): its scenes are drawn again")
        return None


def _checksum(images: np.ndarray) -> np.ndarray:
    """Four bytes, uint8 (4,), that tell a torn or altered file: they follow the last picture."""
    return np.frombuffer(zlib.crc32(images).to_bytes(4, "little"), np.uint8)


def _draw_all(path: Path, split: str, count: int) -> None:
    """Draw the first `count` scenes into a file: the pictures, then one row with their checksum."""
    images = np.zeros((count + 1, SIDE, SIDE, 3), np.uint8)
    for index in range(count):
        images[index] = render(compose(split, index))
    images[-1].ravel()[:4] = _checksum(images[:-1])
    with atomic_write(path) as file:
        np.save(file, images)
