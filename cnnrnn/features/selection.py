"""Some rows of a table of features, numbered anew."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnrnn import console

_TOLD = 5


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
