"""Where a model looks, beside where a question is decided.

A map's share inside a box is the sum of its weights over the cells that the box covers, each by the
part of it that is covered. That of a map that says nothing is the box's part of the picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from cnnrnn.scenes.dataset import SIDE
from cnnrnn.vqa.example import Box, Example

BOXES = ("anchor", "container", "content")


def covered(box: Box, rows: int, columns: int, height: int = SIDE, width: int = SIDE) -> np.ndarray:
    """How much of each cell a box covers, 0 to 1, (rows, columns).

    Args:
        box: (x1, y1, x2, y2) in pixels of a picture of `height` x `width`.
    """
    x1, y1, x2, y2 = box
    across = _overlap(x1 / width * columns, x2 / width * columns, columns)
    down = _overlap(y1 / height * rows, y2 / height * rows, rows)
    return down[:, None] * across


def _overlap(low: float, high: float, count: int) -> np.ndarray:
    """How much of each of `count` unit intervals lies between low and high."""
    edges = np.arange(count + 1)
    return np.clip(np.minimum(high, edges[1:]) - np.maximum(low, edges[:-1]), 0, 1)


@dataclass
class Shares:
    """Shares of maps inside boxes, summed over questions of one kind.

    shares: box -> (hops,) sums; uniform: box -> the sum of what a map that says nothing has;
    counts: box -> questions.
    """

    shares: dict[str, np.ndarray] = field(default_factory=dict)
    uniform: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, maps: np.ndarray, boxes: dict[str, Box]) -> None:
        """Add one question: its maps (hops, rows, columns) and its boxes."""
        rows, columns = maps.shape[1:]
        for name, box in boxes.items():
            cells = covered(box, rows, columns)
            inside = (maps * cells).sum(axis=(1, 2), dtype=np.float64)
            self.shares[name] = self.shares.get(name, 0.0) + inside
            self.uniform[name] = self.uniform.get(name, 0.0) + float(cells.mean())
            self.counts[name] = self.counts.get(name, 0) + 1

    def table(self) -> dict[str, dict[str, float]]:
        """`hop 1`, `hop 2` ... and `uniform`: the mean share inside each box."""
        names = [name for name in BOXES if name in self.shares]
        hops = len(self.shares[names[0]]) if names else 0
        found = {
            f"hop {hop + 1}": {
                name: float(self.shares[name][hop] / self.counts[name]) for name in names
            }
            for hop in range(hops)
        }
        if names:
            found["uniform"] = {name: self.uniform[name] / self.counts[name] for name in names}
        return found


def shares_by_kind(examples: Sequence[Example], maps: np.ndarray, into: dict[str, Shares]) -> None:
    """Add questions with boxes to the shares of their kind.

    Args:
        examples: n questions.
        maps: (n, hops, rows, columns).
        into: by kind of question; kinds are added as they come.
    """
    for each, some in zip(examples, maps, strict=True):
        if each.boxes:
            into.setdefault(each.kind, Shares()).add(np.asarray(some, np.float32), each.boxes)
