"""Questions about a scene, each with its answer, its kind and the answers to choose from.

The words of a question do not give its answer away. What is asked about is drawn uniformly by
`compose`; a question that is answered by no is a true one with a word replaced by another that is
equally likely in its place; and nothing is asked that depends on which combinations a split has.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnrnn.scenes.arrange import plain_box
from cnnrnn.scenes.compose import COUNTS
from cnnrnn.scenes.wording import NUMBERS, article, plural
from cnnrnn.scenes.world import (
    AIR,
    BACKGROUNDS,
    BIG,
    COLOURS,
    CONTAINERS,
    KINDS,
    OPPOSITE,
    PORTABLE,
    SIZES,
    SMALL,
    TEXTURES,
    Scene,
    Thing,
)

YES_NO, NUMBER, COLOUR, OBJECT, RELATION, ABSTRACT, TWO_STEP = (
    "yes/no", "number", "colour", "object", "relation", "abstract", "two-step",
)
KINDS_OF_QUESTION = (YES_NO, NUMBER, COLOUR, OBJECT, RELATION, ABSTRACT, TWO_STEP)
_YES = ("yes", "no")
_PLACES = {
    "grass": "meadow", "beach": "beach", "room": "room", "road": "street", "night": "night",
    "snow": "snow",
}


@dataclass(frozen=True)
class Question:
    """A question. kind: one of KINDS_OF_QUESTION. candidates: answers to choose from."""

    text: str
    answer: str
    kind: str
    candidates: tuple[str, ...]


class _Asker:
    """Asks about one scene with a random generator of its own."""

    def __init__(self, scene: Scene):
        self.scene = scene
        self.rng = np.random.default_rng([scene.clutter, 7])
        kinds = [t.kind for t in scene.things]
        # Things that `the dog` names without doubt; members of a counted group are not asked about,
        # for how many there are decides whether they could be.
        self.single = [
            t for t in scene.things
            if kinds.count(t.kind) == 1 and scene.group not in (t.kind, t.colour)
        ]
        self.plain = [t for t in self.single if t.kind in KINDS]
        self.asked: list[Question] = []

    def pick(self, choices):
        """One of `choices`, uniformly."""
        return choices[int(self.rng.integers(len(choices)))]

    def ask(self, text: str, answer: str, kind: str, candidates) -> None:
        """Add a question."""
        self.asked.append(Question(text, answer, kind, tuple(candidates)))

    def ask_whether(self, true: str, false: str) -> None:
        """Add a yes/no question: `true` or `false` with equal chances."""
        yes = bool(self.rng.integers(2))
        self.ask(true if yes else false, "yes" if yes else "no", YES_NO, _YES)


def _class_of(kind: str) -> tuple[str, ...]:
    """The kinds that are as likely as `kind` wherever it is found."""
    return next(group for group in (AIR, SMALL, BIG) if kind in group)


def _existence(a: _Asker) -> None:
    present = {t.kind for t in a.scene.things}
    if not a.plain:
        return
    thing = a.pick(a.plain)
    absent = [k for k in _class_of(thing.kind) if k not in present]
    if absent and a.scene.group not in absent:
        other = a.pick(absent)
        a.ask_whether(f"is there {article(thing.kind)}?", f"is there {article(other)}?")


def _attributes(a: _Asker) -> None:
    # The colour of a thing in a relation depends on which combinations the split has.
    loose = [t for t in a.single if t.state.relation is None]
    if loose:
        thing = a.pick(loose)
        hue = a.pick([c for c in COLOURS if c != thing.colour])
        names = (article(f"{c} {thing.kind}") for c in (thing.colour, hue))
        a.ask_whether(*(f"is there {name}?" for name in names))
        thing = a.pick(loose)
        if a.scene.group not in COLOURS:
            a.ask(f"what colour is the {thing.kind}?", thing.colour, COLOUR, COLOURS)
            thing = a.pick(loose)
            hue = a.pick([c for c in COLOURS if c != thing.colour])
            a.ask_whether(f"is the {thing.kind} {thing.colour}?", f"is the {thing.kind} {hue}?")
    patterned = [t for t in a.plain if t.texture != "plain"]
    if patterned:
        thing = a.pick(patterned)
        others = [t for t in TEXTURES[1:] if t != thing.texture]
        if a.rng.random() < 0.5:
            text = f"what pattern does the {thing.kind} have?"
            a.ask(text, thing.texture, ABSTRACT, TEXTURES[1:])
        else:
            a.ask_whether(
                f"is the {thing.kind} {thing.texture}?", f"is the {thing.kind} {a.pick(others)}?"
            )
    for thing in a.plain:
        if thing.kind == "house":
            states = ("open", "closed") if thing.state.open else ("closed", "open")
            a.ask_whether(*(f"is the door of the house {state}?" for state in states))


def _setting(a: _Asker) -> None:
    background = a.scene.background
    if a.rng.random() < 0.4:
        text = a.pick(("what does the background show?", "what setting is this?"))
        a.ask(text, _PLACES[background], ABSTRACT, _PLACES.values())
    if a.rng.random() < 0.3:
        other = a.pick([b for b in BACKGROUNDS if b != background])
        a.ask_whether(*(f"does the background show the {_PLACES[b]}?" for b in (background, other)))


def _compare(a: _Asker) -> None:
    """Which of two is bigger; `the dog or the cat` in either order."""
    order = list(SIZES)
    things = [a.plain[i] for i in a.rng.permutation(len(a.plain))]
    for i, first in enumerate(things):
        for second in things[i + 1 :]:
            same_class = _class_of(first.kind) == _class_of(second.kind)
            alike = (first.state.relation is None) == (second.state.relation is None)
            if same_class and alike and first.floats == second.floats and first.size != second.size:
                pair = sorted((first, second), key=lambda t: order.index(t.size))
                word = a.pick(("bigger", "smaller"))
                answer = pair[word == "bigger"].kind
                text = f"which is {word} the {first.kind} or the {second.kind}?"
                a.ask(text, answer, ABSTRACT, sorted((first.kind, second.kind)))
                return


def _number(a: _Asker) -> None:
    group = a.scene.group
    if group is None:
        return
    members = [t for t in a.scene.things if group in (t.kind, t.colour)]
    noun = f"{group} things" if group in COLOURS else plural(group)
    a.ask(
        a.pick((f"how many {noun} are there?", f"how many {noun} can you see?")),
        NUMBERS[len(members)] if members else "none",
        NUMBER,
        ("none", *(NUMBERS[n] for n in COUNTS[1:])),
    )
    if group not in COLOURS and len(members) > 1:
        same = len({t.colour for t in members}) == 1
        text = f"do all the {noun} have the same colour?"
        a.ask(text, "yes" if same else "no", ABSTRACT, _YES)


def _relations(a: _Asker) -> None:
    """Where things are: asked about what `compose` drew by lot, its alternatives as candidates."""
    for thing, relation, anchor in a.scene.related():
        if thing not in a.single or anchor not in a.single or a.scene.group:
            continue
        sky = anchor.kind in AIR
        above = thing.floats and not sky
        if anchor.kind == "table":
            choices = ("on", "under", "left of", "right of")
        elif anchor.kind in ("basket", "box"):
            choices = ("in", "left of", "right of") if a.scene.plan == "side" else ()
        elif sky:
            choices = ("above", "below", "left of", "right of")
        elif a.scene.plan == "side" and thing.kind in AIR:
            choices = ("above", "left of", "right of")
        else:
            choices = ()
        if choices and a.rng.random() < 0.8:
            text = f"where is the {thing.kind} relative to the {anchor.kind}?"
            a.ask(text, relation, RELATION, choices)
        if relation in ("left of", "right of"):
            text = a.pick(("left or right", "right or left"))
            a.ask(
                f"is the {thing.kind} {text} of the {anchor.kind}?",
                relation, RELATION, ("left of", "right of"),
            )
        if relation in OPPOSITE and not above:
            words = (relation, OPPOSITE[relation])
            a.ask_whether(*(f"is the {thing.kind} {r} the {anchor.kind}?" for r in words))
        if relation == "in":
            continue
        if _alone(a.scene, thing, relation, anchor):
            text = f"what is {relation} the {anchor.kind}?"
            a.ask(text, thing.kind, OBJECT, _subjects(thing, relation, anchor))


def _subjects(thing: Thing, relation: str, anchor: Thing) -> tuple[str, ...]:
    """The kinds that could be in a thing's place."""
    if anchor.kind in AIR or thing.floats:
        return AIR
    if anchor.kind in CONTAINERS:
        return PORTABLE
    return SMALL + BIG if relation == "next to" else KINDS


def _alone(scene: Scene, thing: Thing, relation: str, anchor: Thing) -> bool:
    """Whether nothing else could be meant by `what is left of the house?`."""
    if relation in ("on", "under"):
        return True
    place = np.array(plain_box(anchor))
    middle = (place[:2] + place[2:]) / 2
    for other in scene.things:
        if other in (thing, anchor):
            continue
        box = np.array(plain_box(other))
        dx, dy = (box[:2] + box[2:]) / 2 - middle
        level = abs(dy) < abs(dx) + 8
        upright = abs(dx) < abs(dy) + 8
        if {
            "left of": dx < 0 and level,
            "right of": dx > 0 and level,
            "above": dy < 0 and upright,
            "below": dy > 0 and upright,
            "next to": np.hypot(dx, dy) < 45,
        }[relation]:
            return False
    return True


def _contents(a: _Asker) -> None:
    """What is in which container: directly, or by way of something else."""
    full = [(t, a.scene.inside(t)) for t in a.scene.things if a.scene.inside(t)]
    if not full:
        return
    if len(full) == 1:
        container, content = full[0]
        a.ask(f"what is in the {container.kind}?", content.kind, OBJECT, PORTABLE)
        other = a.pick([k for k in _class_of(content.kind) if k != content.kind])
        _whether_in(a, container.kind, content.kind, other)
        return
    for (container, content), (_, other) in (full, full[::-1]):
        name = _container_name(a.scene, container)
        a.ask(f"what is in the {name}?", content.kind, TWO_STEP, PORTABLE)
        if a.rng.random() < 0.4:
            text = f"what colour is the thing in the {name}?"
            a.ask(text, content.colour, TWO_STEP, COLOURS)
        if a.rng.random() < 0.4:
            # No is a thing that is there too, but in the other one.
            _whether_in(a, name, content.kind, other.kind)


def _whether_in(a: _Asker, name: str, content: str, other: str) -> None:
    a.ask_whether(*(f"is there {article(kind)} in the {name}?" for kind in (content, other)))


def _container_name(scene: Scene, container: Thing) -> str:
    """`basket`, `red basket` or `basket left of the house`."""
    state = container.state
    if state.relation is not None:
        return f"{container.kind} {state.relation} the {scene.things[state.anchor].kind}"
    twins = [t for t in scene.things if t.kind == container.kind]
    return container.kind if len(twins) == 1 else f"{container.colour} {container.kind}"


_ASK = (_existence, _attributes, _setting, _compare, _number, _relations, _contents)


def questions(scene: Scene) -> list[Question]:
    """The questions of a scene."""
    asker = _Asker(scene)
    for ask in _ASK:
        ask(asker)
    return asker.asked
