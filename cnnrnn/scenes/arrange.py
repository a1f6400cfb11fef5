"""Finds a place for everything in a scene."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cnnrnn.scenes import sketches
from cnnrnn.scenes.world import UNITS, Thing, holds

_MARGIN = 2.0  # units that stay free along the picture's edge
_TRIES = 60

Span = tuple[float, float]


@dataclass
class Group:
    """Things that are placed together.

    members: indices of things with their offset (dx, dy) from the group's place. x, y: where its
    place may lie. required: the scene is tried again when it does not fit.
    """

    members: list[tuple[int, float, float]]
    x: Span
    y: Span
    required: bool = True


def arrange(
    rng: np.random.Generator, things: list[Thing], groups: list[Group]
) -> tuple[Thing, ...]:
    """Try places until all required things fit; what else does not fit is left out.

    The gap asked for between groups shrinks with each try, so that it ends.
    """
    boxes = [_boxes(things, group) for group in groups]
    attempt = 0
    while True:
        gap = 3.0 - 0.1 * attempt
        placed, left_out = [], set()
        for group, shape in zip(groups, boxes, strict=True):
            # What is not needed may hide a little of the rest, or be hidden by it.
            room = gap if group.required else min(gap, -3.0)
            spot = _spot(rng, group, shape, [box for box, _, _ in placed], room)
            if spot is None:
                if group.required:
                    break
                left_out.update(i for i, _, _ in group.members)
            else:
                placed.append((shape + np.tile(spot, 2), group, spot))
        else:
            settled = _settled(things, placed, left_out)
            if settled:
                return settled
        attempt += 1


def _boxes(things: list[Thing], group: Group) -> np.ndarray:
    """The box around a group whose place is (0, 0)."""
    corners = []
    for index, dx, dy in group.members:
        thing = things[index]
        w, h = np.array(sketches.extent(thing.kind)) * thing.state.scale
        if thing.floats:  # it may be turned
            w, h = w * 1.1, h * 1.1
        corners.append((dx - w / 2, dy - h, dx + w / 2, dy))
    corners = np.array(corners)
    return np.array([*corners[:, :2].min(0), *corners[:, 2:].max(0)])


def _spot(rng, group: Group, shape: np.ndarray, others: list, gap: float):
    """A place for a group of shape `shape` away from other boxes, or None."""
    low = np.array([max(group.x[0], _MARGIN - shape[0]), max(group.y[0], _MARGIN - shape[1])])
    high = np.array(
        [min(group.x[1], UNITS - _MARGIN - shape[2]), min(group.y[1], UNITS - _MARGIN - shape[3])]
    )
    high = np.maximum(low, high)
    spots = low + (high - low) * rng.random((_TRIES, 2))
    x1, y1, x2, y2 = (shape[i] + spots[:, i % 2] for i in range(4))
    free = np.ones(_TRIES, bool)
    for box in others:
        free &= (
            (x1 >= box[2] + gap)
            | (x2 <= box[0] - gap)
            | (y1 >= box[3] + gap)
            | (y2 <= box[1] - gap)
        )
    best = int(free.argmax())
    return spots[best] if free[best] else None


def _settled(drawn: list[Thing], placed, left_out: set[int]) -> tuple[Thing, ...] | None:
    """The things at their places without those left out; None when a relation does not hold."""
    things = dict(enumerate(drawn))
    for _, group, spot in placed:
        for index, dx, dy in group.members:
            things[index] = things[index].now(x=float(spot[0] + dx), y=float(spot[1] + dy))
    kept = [i for i in things if i not in left_out]
    number = {old: new for new, old in enumerate(kept)}
    final = []
    for old in kept:
        thing, state = things[old], things[old].state
        if state.anchor is not None:
            if not holds(state.relation, plain_box(thing), plain_box(things[state.anchor])):
                return None
            thing = replace(thing, states=(replace(state, anchor=number[state.anchor]),))
        final.append(thing)
    return tuple(final)


def plain_box(thing: Thing, time: int = 0) -> tuple[float, float, float, float]:
    """The box of a thing as if it were not turned, units: cheap, and enough for relations."""
    state = thing.at(time)
    w, h = sketches.extent(thing.kind)
    half = w * state.scale / 2
    return state.x - half, state.y - h * state.scale, state.x + half, state.y
