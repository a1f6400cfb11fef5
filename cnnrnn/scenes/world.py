"""What a scene is made of: kinds of thing, colours, sizes, textures, relations; its description.

Lengths and places are in *units*: a picture is 112 x 112 units whatever its size in pixels, x to
the right and y down. A thing stands on (x, y), the middle of its lower edge. Boxes are
(x1, y1, x2, y2).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

UNITS = 112.0

# Eight kinds a class: the split of combinations (splits.py) is a Latin square over kinds and
# colours, so that no split favours a colour for any class.
AIR = ("bird", "butterfly", "star", "heart", "kite", "balloon", "ring", "triangle")
SMALL = ("dog", "cat", "fish", "ball", "cup", "flower", "cube", "robot")
BIG = ("house", "tree", "car", "boat", "horse", "mushroom", "umbrella", "chair")
CONTAINERS = ("basket", "box", "table")
PORTABLE = AIR + SMALL
KINDS = AIR + SMALL + BIG
ALL_KINDS = KINDS + CONTAINERS
ANIMALS = ("bird", "butterfly", "dog", "cat", "fish", "horse")

COLOURS = {
    "red": (214, 48, 49),
    "orange": (243, 146, 40),
    "yellow": (250, 214, 60),
    "green": (56, 158, 78),
    "blue": (52, 116, 214),
    "purple": (142, 78, 190),
    "white": (246, 246, 242),
    "black": (52, 52, 60),
}
# The longer side of a thing, in units.
SIZES = {"small": 18.0, "medium": 26.0, "large": 36.0}
CONTAINER_SCALE = {"basket": 34.0, "box": 32.0, "table": 46.0}
TEXTURES = ("plain", "striped", "dotted", "checked")
RELATIONS = ("left of", "right of", "above", "below", "in", "on", "under", "next to")
OPPOSITE = {
    "left of": "right of",
    "right of": "left of",
    "above": "below",
    "below": "above",
    "on": "under",
    "under": "on",
}
BACKGROUNDS = ("grass", "beach", "room", "road", "night", "snow")

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class State:
    """A thing at one moment.

    x, y: the middle of the lower edge, units. scale: longer side, units. angle: degrees clockwise
    about the middle. open: how far its door stands open, 0 to 1. relation, anchor: what is said of
    it: its relation to `scene.things[anchor]`, or None.
    """

    x: float
    y: float
    scale: float
    angle: float = 0.0
    open: float = 0.0
    relation: str | None = None
    anchor: int | None = None


@dataclass(frozen=True)
class Thing:
    """One object with what never changes of it, and its states in time (a still scene has one).

    facing: +1 when it looks to the right, -1 to the left. floats: in the air, not on the ground.
    """

    kind: str
    colour: str
    size: str
    texture: str = "plain"
    facing: int = 1
    floats: bool = False
    states: tuple[State, ...] = ()

    def at(self, time: int = 0) -> State:
        """The state at moment `time`; the last one holds on."""
        return self.states[min(time, len(self.states) - 1)]

    @property
    def state(self) -> State:
        return self.states[0]

    def now(self, **changes) -> Thing:
        """The same thing with its only state changed."""
        return replace(self, states=(replace(self.state, **changes),))


@dataclass(frozen=True)
class Scene:
    """A whole picture in words and numbers; `render` draws it and `captions` tells it.

    horizon: y of the ground's far edge, units. clutter: seed of the background and the noise.
    plan: the layout it was composed by. group: for the plan `count`, what can be counted: the kind
    or the colour that several things (or none) share.
    """

    split: str
    index: int
    plan: str
    background: str
    horizon: float
    clutter: int
    things: tuple[Thing, ...]
    group: str | None = None

    def related(self, time: int = 0) -> list[tuple[Thing, str, Thing]]:
        """What is said to relate: (thing, relation, anchor)."""
        pairs = []
        for thing in self.things:
            state = thing.at(time)
            if state.relation is not None:
                pairs.append((thing, state.relation, self.things[state.anchor]))
        return pairs

    def inside(self, container: Thing) -> Thing | None:
        """The thing in a basket or box, or None."""
        for thing, relation, anchor in self.related():
            if relation == "in" and anchor is container:
                return thing
        return None


def holds(relation: str, a: Box, b: Box) -> bool:
    """Whether box `a` stands in `relation` to box `b` (boxes of whole things, units)."""
    dx = (a[0] + a[2] - b[0] - b[2]) / 2
    dy = (a[1] + a[3] - b[1] - b[3]) / 2
    if relation == "left of":
        return dx < 0 and a[2] <= b[0] + 4 and abs(dy) <= abs(dx)
    if relation == "right of":
        return holds("left of", b, a)
    if relation == "above":
        return dy < 0 and a[3] <= b[1] + 4 and abs(dx) <= abs(dy)
    if relation == "below":
        return holds("above", b, a)
    if relation == "next to":
        gap = max(a[0], b[0]) - min(a[2], b[2])
        return -4 <= gap <= 9 and abs(a[3] - b[3]) <= 8
    within = b[0] - 2 <= a[0] and a[2] <= b[2] + 2
    if relation == "on":
        return within and abs(a[3] - b[1]) <= 5
    if relation == "under":
        return within and b[1] <= a[1] and a[3] <= b[3] + 2
    if relation == "in":
        return within and b[1] < a[3] < b[3] and dy < 4
    raise ValueError(f"unknown relation {relation!r}")
