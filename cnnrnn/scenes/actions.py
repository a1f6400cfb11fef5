"""What happens in a clip: five pairs of actions, each of which is the other one backwards.

An action is described forwards only, as a motion from phase 0 to phase 1. Everything of it is drawn
by lot before anybody knows which way the clip will run (clips.py), so no lot can tell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from cnnrnn.scenes import sketches
from cnnrnn.scenes.arrange import plain_box
from cnnrnn.scenes.compose import LIFT, Composer
from cnnrnn.scenes.splits import split_at
from cnnrnn.scenes.world import (
    AIR,
    COLOURS,
    CONTAINER_SCALE,
    KINDS,
    PORTABLE,
    TEXTURES,
    UNITS,
    State,
    Thing,
    holds,
)

# (state at the end of the placing, phase 0 to 1) -> state at that phase
Motion = Callable[[State, float], State]

# What shows at any moment how far it is turned: nothing that looks the same a part of a turn later.
TURNING = tuple(k for k in KINDS if k not in ("star", "ring", "triangle", "ball", "cube"))
_DOOR_STEPS = 64  # places of a door; more could not be seen, and each kept sketch takes memory


def colours_of(kind: str, action: str, split: str) -> tuple[str, ...]:
    """The colours that a kind may have in an action in a split: six in train, one elsewhere."""
    shift = list(ACTIONS).index(action)
    return tuple(c for c in COLOURS if split_at(kind, c, shift) == split)


def _actor(c: Composer, action: str, kinds, scale: float, floats=None, textured=True) -> int:
    """Add the one that the clip is about, which may float where nothing else is asked for."""
    kind = c.kind(kinds)
    colour = c.pick(colours_of(kind, action, c.split))
    texture = c.pick(TEXTURES[1:]) if c.rng.random() < 0.6 and textured else "plain"
    floats = kind in AIR if floats is None else floats
    facing = 1 if c.rng.random() < 0.5 else -1
    state = State(0.0, 0.0, float(scale))
    c.things.append(Thing(kind, colour, "medium", texture, facing, floats, (state,)))
    return len(c.things) - 1


def _heights(c: Composer, actor: int):
    """Where an actor may stand or hang."""
    return (22, c.horizon + 12) if c.things[actor].floats else None


def _door(c: Composer) -> Motion:
    """A house whose door swings open."""
    c.place(_actor(c, "door", ("house",), c.rng.uniform(48, 80)))
    widest = c.rng.uniform(0.8, 1)
    return lambda base, p: replace(base, open=round(widest * p * _DOOR_STEPS) / _DOOR_STEPS)


def _move(c: Composer) -> Motion:
    """A thing that goes from the left to the right, whichever way it looks."""
    actor = _actor(c, "move", KINDS, c.rng.uniform(22, 36))
    width = c.things[actor].state.scale * sketches.extent(c.things[actor].kind)[0]
    way = c.rng.uniform(38, min(78, 106 - width))
    c.place([(actor, way, 0.0), (actor, 0.0, 0.0)], y=_heights(c, actor))
    return lambda base, p: replace(base, x=base.x + way * p)


def _grow(c: Composer) -> Motion:
    """A thing that grows where it is: about its foot, or about its middle in the air."""
    large = c.rng.uniform(36, 56)
    actor = _actor(c, "grow", KINDS, large, textured=False)
    thing = c.things[actor]
    small = large / c.rng.uniform(1.9, 3)
    rise = sketches.extent(thing.kind)[1] / 2 if thing.floats else 0.0
    c.place(actor, y=_heights(c, actor))

    def motion(base: State, p: float) -> State:
        scale = small + (large - small) * p
        return replace(base, scale=scale, y=base.y - rise * (large - scale))

    return motion


def _turn(c: Composer) -> Motion:
    """A thing that turns clockwise in the air."""
    actor = _actor(c, "turn", TURNING, c.rng.uniform(34, 50), floats=True, textured=False)
    thing = c.things[actor]
    width, height = np.array(sketches.extent(thing.kind)) * thing.state.scale
    reach = np.hypot(width, height) / 2
    dx, dy = reach - width / 2, reach - height / 2
    corners = [(actor, x, y) for x in (-dx, dx) for y in (-dy, dy)]
    c.place([*corners, (actor, 0.0, 0.0)], y=(0, UNITS))
    first, sweep = c.rng.uniform(0, 360), c.rng.uniform(150, 300)
    return lambda base, p: replace(base, angle=float((first + sweep * p) % 360))


def _put(c: Composer) -> Motion:
    """A thing that goes through the air from beside a basket or box into it."""
    actor = _actor(c, "put", PORTABLE, c.rng.uniform(18, 24), floats=True)
    outer = c.pick(("basket", "box"))
    scale = CONTAINER_SCALE[outer] * c.rng.uniform(1.1, 1.35)
    container = c.add(outer, "large")
    c.things[container] = c.things[container].now(scale=float(scale))
    width = c.things[actor].state.scale * sketches.extent(c.things[actor].kind)[0]
    side = 1 if c.rng.random() < 0.5 else -1
    beside = side * ((scale * sketches.extent(outer)[0] + width) / 2 + c.rng.uniform(2, 14))
    start = np.array([beside, -c.rng.uniform(0, 0.4) * scale])
    end = np.array([c.rng.uniform(-2, 2), -LIFT[outer] * scale])
    # A Bezier curve whose middle point lies above the container, so that it ends straight down.
    above = np.array([end[0], -scale * sketches.extent(outer)[1] - c.rng.uniform(46, 54)])

    def way(p: float) -> np.ndarray:
        return (1 - p) ** 2 * start + 2 * p * (1 - p) * above + p**2 * end

    # Only what comes down is in the container: on its way up it may pass before the handle.
    top = float((above - start)[1] / (2 * above - start - end)[1])
    passed = [(actor, *map(float, way(p))) for p in np.linspace(0, 1, 13)]
    c.place([(container, 0.0, 0.0), *passed], y=(c.horizon + 12, UNITS - 3))

    def motion(base: State, p: float) -> State:
        dx, dy = way(p) - end
        moved = replace(base, x=float(base.x + dx), y=float(base.y + dy))
        held = c.things[container].now(x=float(base.x - end[0]), y=float(base.y - end[1]))
        inside = holds("in", plain_box(c.things[actor].now(x=moved.x, y=moved.y)), plain_box(held))
        return replace(moved, relation="in", anchor=container) if inside and p > top else moved

    return motion


# The pair's labels, forwards and backwards, and how it is composed.
ACTIONS: dict[str, tuple[tuple[str, str], Callable[[Composer], Motion]]] = {
    "door": (("door opens", "door closes"), _door),
    "move": (("moves right", "moves left"), _move),
    "grow": (("grows", "shrinks"), _grow),
    "turn": (("turns clockwise", "turns anticlockwise"), _turn),
    "put": (("put in", "taken out"), _put),
}
