"""Composes a scene: first what is in it, drawn by lot, then where everything stands.

What a question asks about (a kind, a colour, a relation, a count) is drawn uniformly among its
alternatives and independently of the rest; only places are tried again until everything fits. So
the words of a question say nothing about its answer.
"""

from __future__ import annotations

import numpy as np

from cnnrnn.scenes import sketches
from cnnrnn.scenes.arrange import Group, Span, arrange
from cnnrnn.scenes.splits import colours_of, generator
from cnnrnn.scenes.world import (
    AIR,
    BACKGROUNDS,
    BIG,
    COLOURS,
    CONTAINER_SCALE,
    KINDS,
    PORTABLE,
    SIZES,
    SMALL,
    TEXTURES,
    UNITS,
    Scene,
    State,
    Thing,
)

# How far above a container's lower edge its content stands, as a share of the container's scale.
LIFT = {"basket": 0.36, "box": 0.34}
# Eight scenes in a row have all plans, the counting one twice.
PLANS = ("between", "side", "count", "table", "sky", "contents", "count", "below")
COUNTS = (0, 1, 2, 3, 4)


class Composer:
    """Draws the lots of one scene of a split."""

    def __init__(self, split: str, rng: np.random.Generator):
        self.rng = rng
        self.split = split
        self.things: list[Thing] = []
        self.groups: list[Group] = []
        self.taken: set[str] = set()  # kinds that are in use
        self.banned: str | None = None  # colour that nothing more may have
        self.group: str | None = None
        self.horizon = self.rng.uniform(38, 48)

    def pick(self, choices):
        """One of `choices`, uniformly."""
        return choices[int(self.rng.integers(len(choices)))]

    def kind(self, kinds) -> str:
        """A kind that the scene does not have yet."""
        kind = self.pick([k for k in kinds if k not in self.taken])
        self.taken.add(kind)
        return kind

    def add(self, kind, size, relation=None, anchor=None, floats=False, colour=None) -> int:
        """Add a thing, not yet placed; returns its index."""
        allowed = [c for c in colours_of(kind, relation, self.split) if c != self.banned]
        colour = colour or self.pick(allowed)
        container = kind in CONTAINER_SCALE
        scale = CONTAINER_SCALE[kind] if container else SIZES[size] * self.rng.uniform(0.95, 1.05)
        textured = not container and size != "small" and self.rng.random() < 0.6
        texture = self.pick(TEXTURES[1:]) if textured else "plain"
        state = State(
            0.0, 0.0, float(scale),
            angle=float(self.rng.uniform(-12, 12)) if floats else 0.0,
            open=float(kind == "house" and self.rng.random() < 0.5),
            relation=relation, anchor=anchor,
        )
        facing = 1 if self.rng.random() < 0.5 else -1
        self.things.append(Thing(kind, colour, size, texture, facing, floats, (state,)))
        return len(self.things) - 1

    def place(self, members, x: Span = (0, UNITS), y: Span | None = None, required=True) -> None:
        """Have things placed together; a single index stands for itself."""
        members = [(members, 0.0, 0.0)] if isinstance(members, int) else members
        self.groups.append(Group(members, x, y or (self.horizon + 8, UNITS - 3), required))

    def filled(self, container: str, relation: str | None, anchor: int | None, content: str,
               colour: str | None = None):
        """A basket or box with something in it, as members of a group."""
        outer = self.add(container, "large", relation, anchor, colour=colour)
        inner = self.add(content, "small", "in", outer)
        lift = LIFT[container] * CONTAINER_SCALE[container]
        slip = float(self.rng.uniform(-3, 3))
        return [(outer, 0.0, 0.0), (inner, slip, -lift)]

    def fill(self, most: int, least: int = 0) -> None:
        """Add up to `most` things that have no part in the plan; `least` of them must fit."""
        count = int(self.rng.integers(least, most + 1))
        for i in range(count):
            if self.rng.random() < 0.35:
                floater = self.add(self.kind(AIR), self.pick(("small", "medium")), floats=True)
                self.place(floater, y=(22, self.horizon + 6), required=i < least)
            else:
                thing = self.add(self.kind(KINDS), self.pick(tuple(SIZES)))
                self.place(thing, required=i < least)


def _contents(c: Composer) -> None:
    """Two containers far apart, each with something in it."""
    kinds = [("basket", "box"), ("box", "basket"), ("basket", "basket"), ("box", "box")]
    pair = kinds[int(c.rng.choice(4, p=[0.3, 0.3, 0.2, 0.2]))]
    first = c.filled(pair[0], None, None, c.kind(PORTABLE))
    twins = pair[0] == pair[1]  # told apart by their colour
    colour = c.pick([hue for hue in COLOURS if not twins or hue != c.things[0].colour])
    second = c.filled(pair[1], None, None, c.kind(PORTABLE), colour)
    c.place(first, x=(18, 30), y=(c.horizon + 22, UNITS - 3))
    c.place(second, x=(82, 94), y=(c.horizon + 22, UNITS - 3))
    c.fill(3, 1)


def _between(c: Composer) -> None:
    """Two baskets, or two boxes, and between them what tells them apart."""
    container = c.pick(("basket", "box"))
    anchor = c.add(c.kind(BIG), c.pick(("medium", "large")))
    left = c.filled(container, "left of", anchor, c.kind(PORTABLE))
    right = c.filled(container, "right of", anchor, c.kind(PORTABLE))
    c.place(anchor, x=(53, 59), y=(c.horizon + 8, c.horizon + 22))
    c.place(left, x=(17, 20), y=(c.horizon + 26, c.horizon + 44))
    c.place(right, x=(92, 95), y=(c.horizon + 26, c.horizon + 44))
    c.fill(2)


def _below(c: Composer) -> None:
    """Two baskets, or two boxes, and above each something else."""
    container = c.pick(("basket", "box"))
    columns = [(18, 30), (82, 94)]
    for column in columns:
        anchor = c.add(c.kind(BIG), c.pick(("small", "medium")))
        c.place(anchor, x=column, y=(c.horizon + 1, c.horizon + 6))
        c.place(
            c.filled(container, "below", anchor, c.kind(PORTABLE)), x=column, y=(104, UNITS - 3)
        )
    c.fill(2)


def _side(c: Composer) -> None:
    """Something beside, above or in something else."""
    # Twice as many kinds stand on the ground as fly: all are found beside a thing equally often.
    style = c.pick(("ground",) * 4 + ("air",) * 2 + ("container",) * 3)
    if style == "ground":
        relation = c.pick(("left of", "right of", "next to"))
        anchor = c.add(c.kind(BIG), c.pick(tuple(SIZES)))
        subject = c.kind(SMALL + BIG)
    elif style == "air":
        relation = c.pick(("left of", "right of", "above"))
        anchor = c.add(c.kind(BIG), c.pick(("medium", "large")))
        subject = c.kind(AIR)
    else:
        relation = c.pick(("left of", "right of", "in"))
        container = c.pick(("basket", "box"))
        subject = c.kind(PORTABLE)
        if relation == "in":
            c.place(c.filled(container, None, None, subject), x=(20, 92))
            c.fill(3, 1)
            return
        anchor = c.add(container, "large")
    floats = relation == "above"
    size = c.pick(("small", "medium")) if floats or style == "container" else c.pick(tuple(SIZES))
    thing = c.add(subject, size, relation, anchor, floats)
    _beside(c, thing, relation, anchor)
    c.fill(3, 1)


def _beside(c: Composer, thing: int, relation: str, anchor: int) -> None:
    """Place an anchor and a thing beside or above it as one group."""
    a, b = c.things[thing], c.things[anchor]
    wide = [t.state.scale * sketches.extent(t.kind)[0] for t in (a, b)]
    reach = sum(wide) / 2
    if relation == "above":
        tall = b.state.scale * sketches.extent(b.kind)[1]
        offset = (c.rng.uniform(-5, 5), -tall - c.rng.uniform(3, 9))
    elif relation == "next to":
        side = 1 if c.rng.random() < 0.5 else -1
        offset = (side * (reach + c.rng.uniform(1, 6)), c.rng.uniform(-3, 3))
    else:
        side = -1 if relation == "left of" else 1
        gap = min(c.rng.uniform(2, 26), 102 - sum(wide))
        offset = (side * (reach + gap), c.rng.uniform(-9, 9))
    c.place([(anchor, 0.0, 0.0), (thing, float(offset[0]), float(offset[1]))])


def _table(c: Composer) -> None:
    """A table with two things on it, under it or beside it."""
    places = ["on", "under", "left of", "right of"]
    first = places.pop(int(c.rng.integers(4)))
    second = c.pick(places)
    table = c.add("table", "large")
    members = [(table, 0.0, 0.0)]
    scale = CONTAINER_SCALE["table"]
    half = scale / 2
    for relation in (first, second):
        size = "small" if relation == "under" else c.pick(("small", "medium"))
        thing = c.add(c.kind(PORTABLE), size, relation, table)
        width = c.things[thing].state.scale
        offset = {
            "on": (c.rng.uniform(-8, 8), -scale * sketches.extent("table")[1] + 2.5),
            "under": (c.rng.uniform(-5, 5), 0.5),
            "left of": (-half - width / 2 - c.rng.uniform(0, 3), c.rng.uniform(-5, 5)),
            "right of": (half + width / 2 + c.rng.uniform(0, 3), c.rng.uniform(-5, 5)),
        }[relation]
        members.append((thing, float(offset[0]), float(offset[1])))
    c.place(members)
    c.fill(3, 1)


def _count(c: Composer) -> None:
    """Nought to four things of one kind, or of one colour."""
    count = c.pick(COUNTS)
    size = c.pick(("small", "medium"))
    alike = c.rng.random() < 0.5
    if c.rng.random() < 0.6:
        c.group = c.kind(KINDS)
        hues = list(COLOURS)
        c.rng.shuffle(hues)
        for i in range(count):
            c.place(c.add(c.group, size, colour=hues[0] if alike else hues[i]))
    else:
        c.group = c.pick(tuple(COLOURS))
        for _ in range(count):
            c.place(c.add(c.kind(KINDS), size, colour=c.group))
        c.banned = c.group
    c.fill(2 if count > 2 else 3, 1 if count else 2)


def _sky(c: Composer) -> None:
    """Two things in the air, one beside or above the other, and something on the ground."""
    relation = c.pick(("above", "below", "left of", "right of"))
    anchor = c.add(c.kind(AIR), "small", floats=True)
    thing = c.add(c.kind(AIR), "small", relation, anchor, floats=True)
    if relation in ("above", "below"):
        gap = c.rng.uniform(2, 5)
        upper, lower = (thing, anchor) if relation == "above" else (anchor, thing)
        low = c.things[lower]
        rise = low.state.scale * sketches.extent(low.kind)[1] + gap
        members = [(lower, 0.0, 0.0), (upper, float(c.rng.uniform(-5, 5)), -float(rise))]
    else:
        side = -1 if relation == "left of" else 1
        reach = sum(c.things[i].state.scale for i in (anchor, thing)) / 2 + c.rng.uniform(3, 30)
        members = [(anchor, 0.0, 0.0), (thing, float(side * reach), float(c.rng.uniform(-5, 5)))]
    c.place(members, y=(24, 50))
    size = c.pick(tuple(SIZES))
    c.place(c.add(c.kind(SMALL + BIG), size), y=(c.horizon + 30, UNITS - 3))
    c.fill(2, 1)


_COMPOSE = {
    "between": _between, "side": _side, "count": _count, "table": _table, "sky": _sky,
    "contents": _contents, "below": _below,
}


def compose(split: str, index: int) -> Scene:
    """The scene number `index` of a split.

    Raises:
        CnnRnnError: no such split, or a negative index.
    """
    c = Composer(split, generator(split, index))
    background = c.pick(BACKGROUNDS)
    plan = PLANS[index % len(PLANS)]
    _COMPOSE[plan](c)
    things = arrange(c.rng, c.things, c.groups)
    clutter = int(c.rng.integers(2**31))
    return Scene(split, index, plan, background, float(c.horizon), clutter, things, c.group)
