"""Features and labels of clips, paired for training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from cnnrnn.features.selection import Selection


class ClipRows(Selection):
    """Features of clips: rows (T, ...), of which a mask says which frames are real."""

    def mask(self, indices: Sequence[int]) -> np.ndarray:
        """bool (n, T) of the chosen clips with these numbers."""
        return self.table.mask(self.numbers[np.asarray(indices, np.int64)])


Streams = Mapping[str, ClipRows]


def inputs(streams: Streams, numbers: np.ndarray) -> dict[str, np.ndarray]:
    """What a model takes of some clips: each stream's rows, and the mask.

    A frame is real where all streams have it.
    """
    found: dict[str, np.ndarray] = {}
    masks = []
    for name, rows in streams.items():
        found[name] = rows.read(numbers)
        masks.append(rows.mask(numbers))
    found["mask"] = np.logical_and.reduce(masks)
    return found


class ClipBatches:
    """Batches of one set of clips.

    Args:
        streams: row i belongs to clip i.
        labels: int (n,), the clips' label numbers.
        batch: clips in a batch.
    """

    def __init__(self, streams: Streams, labels: np.ndarray, batch: int = 32):
        self.streams, self.batch = streams, batch
        self.labels = np.asarray(labels, np.int32)

    def steps(self) -> int:
        """Batches of an epoch."""
        return -(-len(self.labels) // self.batch)

    def epoch(self, generator: np.random.Generator) -> Iterator[tuple[dict, np.ndarray]]:
        """Training batches in a new order. The last one is filled up from the first clips of the
        order, so that the graph has one shape."""
        order = generator.permutation(len(self.labels))
        size = min(self.batch, len(order))
        for first in range(0, len(order), size):
            chosen = order[first : first + size]
            if len(chosen) < size:
                chosen = np.concatenate([chosen, order[: size - len(chosen)]])
            yield self._batch(np.sort(chosen))

    def in_order(self) -> Iterator[tuple[dict, np.ndarray]]:
        """Every clip once, for validation."""
        for first in range(0, len(self.labels), self.batch):
            last = min(first + self.batch, len(self.labels))
            yield self._batch(np.arange(first, last))

    def _batch(self, numbers: np.ndarray) -> tuple[dict, np.ndarray]:
        # Rows are read in the order in which they lie.
        return inputs(self.streams, numbers), self.labels[numbers]
