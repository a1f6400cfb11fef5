"""Some rows of a table of features, numbered anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from cnnrnn import console
from cnnrnn.features.familiarity import pooled

_TOLD = 5
_BLOCK = 64


class Selection:
    """Some entries of a table of features; row i is the i-th of them.

    Args:
        table: has `row_shape` and `read`, such as a `FeatureTable`.
        numbers: their positions in the table.
    """

    def __init__(self, table, numbers: Sequence[int]):
        self.table, self.numbers = table, np.asarray(numbers, np.int64)
        self.row_shape = table.row_shape

    def __len__(self) -> int:
        return len(self.numbers)

    def read(self, indices: Sequence[int]) -> np.ndarray:
        """Features (n, ...) of the chosen entries with these numbers."""
        return self.table.read(self.numbers[np.asarray(indices, np.int64)])

    def part(self, numbers: Sequence[int]):
        """Some of them, as another selection of the same kind."""
        return type(self)(self.table, self.numbers[np.asarray(numbers, np.int64)])


class PictureRows(Selection):
    """Features of pictures, vectors or grids."""

    def pooled(self) -> np.ndarray:
        """Mean features of all of them, float32 (n, D), without holding their grids."""
        found = np.empty((len(self), self.row_shape[-1]), np.float32)
        for first, vectors in self.pooled_blocks():
            found[first : first + len(vectors)] = vectors
        return found

    def pooled_blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """The same by blocks: the number of the first row and float32 (at most 64, D)."""
        for first in range(0, len(self), _BLOCK):
            yield first, pooled(self.read(np.arange(first, min(first + _BLOCK, len(self)))))


def tell_failures(name: str, failures: Sequence[tuple[str, str]], unit: str) -> None:
    """Tell the first few sources that could not be used.

    Args:
        name: of the data they belong to.
        failures: (source, reason).
        unit: what a source is called, in the plural.
    """
    for source, reason in failures[:_TOLD]:
        console.warn(reason if source in reason else f"{source}: {reason}")
    if len(failures) > _TOLD:
        console.warn(f"... and {len(failures) - _TOLD} more {unit} of {name}")
