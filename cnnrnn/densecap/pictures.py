"""Pictures as the network takes them: a few sizes, decoded when a batch needs them.

Nothing is kept of a picture between epochs but its file: a preprocessed copy of a large collection
would be larger than the collection. Pictures of like proportions share a size, and so a batch; the
graph is compiled for the sizes, not for the pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import numpy as np

from cnnrnn import backend, scenes
from cnnrnn.densecap.layouts import Example
from cnnrnn.errors import CnnRnnError
from cnnrnn.features.extractor import Extractor
from cnnrnn.media import images
from cnnrnn.media.sources import Source
from cnnrnn.regions import boxes
from cnnrnn.regions.sizes import nearest, sizes


class Loader:
    """Reads pictures at the sizes of a network: training and prediction take this one way.

    Args:
        backbone: a name in `trunks.TRUNKS`.
        side: pixels of the longer side; None: its usual one.
    """

    def __init__(self, backbone: str, side: int | None = None):
        self.sizes = sizes(backbone, side)
        self._readers = {size: Extractor(backbone, "random", "pixels", size) for size in self.sizes}
        self._scenes: dict[str, np.ndarray] = {}

    def draw(self, examples: Sequence[Example]) -> None:
        """Have scenes of the built-in world drawn once and kept, for they are read many times."""
        highest: dict[str, int] = {}
        for each in examples:
            if each.source.scene:
                split, index = each.source.scene
                highest[split] = max(highest.get(split, 0), index)
        for split, index in highest.items():
            if index < scenes.SIZES[split]:
                self._scenes[split] = scenes.load(split, index + 1).images

    def size_for(self, size: tuple[int, int]) -> tuple[int, int]:
        """(height, width) at which a picture of (width, height) is looked at."""
        return nearest(size, self.sizes)

    def read(self, source: Source, size: tuple[int, int]) -> np.ndarray:
        """A picture stretched to (height, width), uint8 RGB.

        Raises:
            CnnRnnError: it cannot be read.
        """
        split, index = source.scene or ("", 0)
        kept = self._scenes.get(split)
        if kept is not None and index < len(kept):
            return images.resize(kept[index], size)
        return self._readers[size].pixels(source)

    def fitted(self, picture: np.ndarray) -> np.ndarray:
        """A picture that was read already, stretched to the size it is looked at."""
        return images.resize(picture, self.size_for(picture.shape[1::-1]))


class Pictures:
    """Examples whose pictures can be read.

    Args:
        examples: each with the `size` that its boxes are meant in.
        loader: reads them.
    """

    def __init__(self, examples: Sequence[Example], loader: Loader):
        self.examples, self.loader = list(examples), loader
        self.sizes = [loader.size_for(each.size) for each in self.examples]

    def __len__(self) -> int:
        return len(self.examples)

    def part(self, numbers: Sequence[int]) -> Pictures:
        """Some of them."""
        return Pictures([self.examples[number] for number in numbers], self.loader)

    def boxes(self, number: int) -> np.ndarray:
        """The boxes of a picture (n, 4) in pixels of the network's picture."""
        each, (height, width) = self.examples[number], self.sizes[number]
        found = np.array([region.box for region in each.regions], np.float64).reshape(-1, 4)
        return boxes.scaled(found, width / each.size[0], height / each.size[1])

    def read(self, numbers: Sequence[int]) -> list[np.ndarray | CnnRnnError]:
        """Pictures of one size, (height, width, 3) uint8, or why one cannot be read."""

        def one(number: int) -> np.ndarray | CnnRnnError:
            try:
                return self.loader.read(self.examples[number].source, self.sizes[number])
            except CnnRnnError as error:
                return error

        return list(self._pool.map(one, numbers))

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(max(2, backend.threads()), thread_name_prefix="decode")


def readable(examples: Sequence[Example]) -> tuple[list[Example], list[tuple[str, str]]]:
    """Examples whose pictures are there, by their headers, and (name, reason) of the others.

    Raises:
        CnnRnnError: not one can be read.
    """
    kept, failures = [], []
    for each in examples:
        try:
            if each.source.path is not None or each.source.problem:
                with each.source.opened() as file:
                    images.size_of(file, each.source.name)
            kept.append(each)
        except CnnRnnError as error:
            failures.append((each.source.name, str(error)))
    if not kept:
        name, reason = failures[0] if failures else ("", "no pictures")
        raise CnnRnnError(f"not one of {len(examples)} pictures can be used; {name}: {reason}")
    return kept, failures
