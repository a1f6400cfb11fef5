"""The data set as arrays: pictures drawn once and kept in the cache folder."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
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
        images = kept(
            f"v{VERSION}-{split}", count, SIZES[split], (SIDE, SIDE, 3), "scenes",
            lambda index: render(compose(split, index)),
        )
    return SceneSet(images, Scenes(split, indices), indices)


def kept(
    stem: str, count: int, usual: int, shape: tuple[int, ...], what: str,
    draw: Callable[[int], np.ndarray],
) -> np.ndarray:
    """The first `count` drawings of a set, as a read-only memory map of a cache file.

    Args:
        stem: begins the name of the file, which ends with the count.
        count: how many drawings.
        usual: the size of the set: a few drawings are taken from its file where there is one.
        shape: of a drawing, which is uint8.
        what: the drawings' name for messages, in the plural.
        draw: gives the drawing number `index`.

    Raises:
        CnnRnnError: the cache folder cannot be written.
    """
    folder = cache_root() / "scenes"
    for held in sorted({usual, count} - set(range(count)), reverse=True):
        path = folder / f"{stem}-{held}.npy"
        drawings = _opened(path, shape, what)
        if drawings is not None:
            return drawings[:count]
    _draw_all(path, count, shape, what, draw)
    drawings = _opened(path, shape, what)
    if drawings is None:
        raise CnnRnnError(f"cannot read back {path}", "check the disk of the cache folder")
    return drawings


def _opened(path: Path, shape: tuple[int, ...], what: str) -> np.ndarray | None:
    """The drawings in a cache file, or None where it is missing or damaged."""
    if not path.exists():
        return None
    try:
        drawings = np.load(path, mmap_mode="r", allow_pickle=False)
        if drawings.dtype != np.uint8 or drawings.shape[1:] != shape or len(drawings) < 2:
            raise ValueError(f"not pictures of {what}")
        if not np.array_equal(drawings[-1].ravel()[:4], _bytes(zlib.crc32(drawings[:-1]))):
            raise ValueError("its checksum differs")
        return drawings[:-1]
    except (OSError, ValueError, EOFError) as error:
        console.warn(f"{path} is damaged ({error}): its {what} are drawn again")
        return None


def _bytes(checksum: int) -> np.ndarray:
    """A checksum as uint8 (4,)."""
    return np.frombuffer(checksum.to_bytes(4, "little"), np.uint8)


def _draw_all(path: Path, count: int, shape: tuple[int, ...], what: str, draw) -> None:
    """Draw into a file one by one, for a set of clips would fill the memory.

    After the drawings comes a row whose first four bytes are their checksum: it tells a torn or
    altered file.
    """
    header = {"descr": "|u1", "fortran_order": False, "shape": (count + 1, *shape)}
    checksum = 0
    with atomic_write(path) as file, console.Progress(count, "drawing", what) as progress:
        np.lib.format.write_array_header_1_0(file, header)
        for index in range(count):
            drawing = np.ascontiguousarray(draw(index))
            checksum = zlib.crc32(drawing, checksum)
            file.write(drawing.data)
            progress.update()
        last = np.zeros(shape, np.uint8)
        last.ravel()[:4] = _bytes(checksum)
        file.write(last.data)
