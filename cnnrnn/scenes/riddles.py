"""Pictures for questions of two steps: full containers, and things that tell which is meant.

    from cnnrnn.scenes import riddles
    scene = riddles.scene("test", 3)        # scenes.render draws it
    asked = riddles.riddles(scene)          # questions, each with what decides it

In every picture three or four containers of one kind, each in another colour, hold different
things. A *two-step* question names the container by its colour ("what is in the red basket?"): its
front lies close to what it holds. A *chained* one names it by something that stands elsewhere
("what is in the basket below the house?"): where the content is seen, a network that sees 41 x 41
pixels at a time cannot see what decides, and where that stands, in which column or row, was drawn
by lot. One look at all places, weighed by the question, finds two or three contents and cannot tell
which of them is meant: what was seen has to decide where to look next.

The scenes of `compose` and what is asked of them stay as they are: these are a further set, with
splits and a version of their own. As there, what lies in a container has one colour in `val`, one
in `test` and six in `train`, other ones for each kind. Containers and what they stand by are of any
colour, for a question may name the colour of a container.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnrnn.scenes.arrange import arrange
from cnnrnn.scenes.compose import Composer
from cnnrnn.scenes.draw import box_of
from cnnrnn.scenes.questions import TWO_STEP, Question
from cnnrnn.scenes.splits import SPLITS, check
from cnnrnn.scenes.world import (
    BACKGROUNDS,
    BIG,
    COLOURS,
    CONTAINER_SCALE,
    PORTABLE,
    UNITS,
    Box,
    Scene,
)

# A change of drawing or wording bumps it; caches and shipped models name the version they are of.
VERSION = 2
SIZES = {"train": 3000, "val": 400, "test": 800}
CHAINED = "chained"
PLANS = ("riddle below", "riddle beside", "riddle above", "riddle beside")
_LEFT, _MIDDLE, _RIGHT = (18, 20), (55, 57), (92, 94)  # x of what stands there
# A cell of the network sees a little more to the right than to the left of what it shows.
_BETWEEN = (59, 60)
# Contents as small and as deep in their containers as in other scenes cannot be told from what the
# shipped network makes of them: half of them by a linear probe, against three quarters like this.
_CONTENT = (21.0, 23.0)  # longer side, units
_LIFT = 0.45  # its lower edge above the container's, as a share of the container's scale
_SLIP = 1.5  # units to the side, at most
_SALT = 112  # its random numbers are not those of the scene or clip of the same number
_COLOUR_SHARE = 0.3  # of the questions ask what colour the content has


@dataclass(frozen=True)
class Riddle:
    """A question about what a container holds.

    question: of the kind `two-step` or `chained`.
    container, content: places in `scene.things`. anchor: of what tells which container is meant,
    None where its own colour does.
    """

    question: Question
    container: int
    content: int
    anchor: int | None = None


def scene(split: str, index: int) -> Scene:
    """The picture number `index` of a split; its plan is one of PLANS.

    Raises:
        CnnRnnError: no such split, or a negative index.
    """
    check(split, index)
    rng = np.random.default_rng([VERSION, SPLITS.index(split), index, _SALT])
    c = Composer(split, rng)
    background = c.pick(BACKGROUNDS)
    plan = PLANS[index % len(PLANS)]
    hues = iter(rng.permutation(list(COLOURS)).tolist())
    container = c.pick(("basket", "box"))
    if plan == "riddle beside":
        _beside(c, container, hues)
    else:
        _columns(c, container, hues, plan == "riddle below")
    c.fill(2)
    things = arrange(rng, c.things, c.groups)
    clutter = int(rng.integers(2**31))
    return Scene(split, index, plan, background, float(c.horizon), clutter, things)


def _columns(c: Composer, container: str, hues, below: bool) -> None:
    """Three containers side by side, and above (or below) each something else."""
    near, far = (104, UNITS - 3), (c.horizon + 1, c.horizon + 6)
    for column in (_LEFT, _MIDDLE, _RIGHT):
        anchor = c.add(c.kind(BIG), c.pick(("small", "medium")))
        c.place(anchor, x=column, y=far if below else near)
        full = _filled(c, container, next(hues))
        c.place(full, x=column, y=near if below else (c.horizon + 6, c.horizon + 9))


def _beside(c: Composer, container: str, hues) -> None:
    """Two rows, in each something small between two containers."""
    for row in ((c.horizon + 7, c.horizon + 10), (105, UNITS - 3)):
        anchor = c.add(c.kind(BIG), "small")
        c.place(anchor, x=_BETWEEN, y=row)
        for column in (_LEFT, _RIGHT):
            c.place(_filled(c, container, next(hues)), x=column, y=row)


def _filled(c: Composer, container: str, colour: str) -> list[tuple[int, float, float]]:
    """A container and something that peeks well out of it, as members of a group."""
    outer = c.add(container, "large", colour=colour)
    inner = c.add(c.kind(PORTABLE), "small", "in", outer)
    c.things[inner] = c.things[inner].now(scale=float(c.rng.uniform(*_CONTENT)))
    slip = float(c.rng.uniform(-_SLIP, _SLIP))
    return [(outer, 0.0, 0.0), (inner, slip, -_LIFT * CONTAINER_SCALE[container])]


def _told_apart(scene: Scene) -> list[tuple[int, int, int, str]]:
    """(container, content, anchor, relation of the container to it) of each container."""
    if scene.plan != "riddle beside":
        relation = scene.plan.removeprefix("riddle ")
        return [(k + 1, k + 2, k, relation) for k in (0, 3, 6)]
    return [
        (k + place, k + place + 1, k, relation)
        for k in (0, 5)
        for place, relation in ((1, "left of"), (3, "right of"))
    ]


def riddles(scene: Scene) -> list[Riddle]:
    """The questions of a picture: one of each kind about every container. What is seen alike for
    all of them is of no use: another container makes another answer."""
    rng = np.random.default_rng([scene.clutter, 8])
    told = _told_apart(scene)
    found = []
    for chained in (True, False):
        for container, content, anchor, relation in told:
            outer, inner = scene.things[container], scene.things[content]
            if chained:
                name = f"{outer.kind} {relation} the {scene.things[anchor].kind}"
            else:
                name = f"{outer.colour} {outer.kind}"
            kind = CHAINED if chained else TWO_STEP
            if rng.random() < _COLOUR_SHARE:
                text, answer = f"what colour is the thing in the {name}?", inner.colour
                candidates = tuple(COLOURS)
            else:
                text, answer, candidates = f"what is in the {name}?", inner.kind, PORTABLE
            question = Question(text, answer, kind, candidates)
            found.append(Riddle(question, container, content, anchor if chained else None))
    return found


def boxes(scene: Scene, riddle: Riddle, size: int = int(UNITS)) -> dict[str, Box]:
    """Where a riddle is decided, in a picture of `size` pixels: the boxes (whole things, hidden or
    not) of `container`, `content` and, where there is one, `anchor`."""
    places = {"anchor": riddle.anchor, "container": riddle.container, "content": riddle.content}
    k = size / UNITS
    return {
        name: tuple(side * k for side in box_of(scene.things[place]))
        for name, place in places.items()
        if place is not None
    }
