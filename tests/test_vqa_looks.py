"""Shares of attention inside boxes, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrnn.vqa.example import Example
from cnnrnn.vqa.looks import Shares, covered, shares_by_kind


def test_cells_that_a_box_covers():
    """A grid of 2 x 4 over 8 x 16 pixels: cells of 4 x 4."""
    found = covered((4, 2, 10, 8), 2, 4, height=8, width=16)
    assert found.tolist() == [[0, 0.5, 0.25, 0], [0, 1, 0.5, 0]]
    assert covered((0, 0, 16, 8), 2, 4, 8, 16).min() == 1
    assert covered((-9, -9, 99, 99), 2, 4, 8, 16).max() == 1
    assert covered((5, 5, 5, 5), 2, 4, 8, 16).sum() == 0


def test_shares_by_hand():
    """On 2 x 2 cells of 56 pixels: the first hop in the container, the second in the content."""
    maps = np.array([[[1.0, 0], [0, 0]], [[0, 0], [0.25, 0.75]]])
    boxes = {"container": (0.0, 0.0, 56.0, 56.0), "content": (56.0, 56.0, 112.0, 112.0)}
    found = Shares()
    found.add(maps, boxes)
    found.add(np.full((2, 2, 2), 0.25), boxes)
    assert found.table() == {
        "hop 1": {"container": 0.625, "content": 0.125},
        "hop 2": {"container": 0.125, "content": 0.5},
        "uniform": {"container": 0.25, "content": 0.25},
    }
    assert Shares().table() == {}


def test_kinds_are_apart_and_questions_without_boxes_left_out():
    box = {"content": (0.0, 0.0, 112.0, 56.0)}
    examples = [
        Example("1", None, "a", kind="two-step", boxes=box),
        Example("2", None, "b", kind="chained", boxes=box),
        Example("3", None, "c", kind="colour"),
    ]
    into: dict[str, Shares] = {}
    shares_by_kind(examples, np.full((3, 1, 2, 2), 0.25, np.float16), into)
    assert set(into) == {"two-step", "chained"}
    assert into["chained"].table()["hop 1"]["content"] == pytest.approx(0.5)
