"""What is said of a scene: five captions, each true of the picture and each worded differently.

A caption is lower case without punctuation. Which facts it tells and how it words them is drawn by
a generator of the scene's own, so a scene always has the same captions.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cnnrnn.scenes.world import AIR, ANIMALS, COLOURS, CONTAINERS, Scene, Thing

PLURALS = {
    "butterfly": "butterflies", "fish": "fish", "box": "boxes",
}
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

_SIZE_WORDS = {
    "small": ("small", "little", "tiny"), "medium": ("",), "large": ("large", "big", "huge"),
}
_TEXTURE_WORDS = {
    "plain": ("",), "striped": ("striped", "stripy"), "dotted": ("dotted", "spotted"),
    "checked": ("checked", "checkered"),
}
_TEXTURE_ENDS = {
    "striped": ("with stripes", "with a striped pattern"),
    "dotted": ("with dots", "covered with spots"),
    "checked": ("with checks", "with a check pattern"),
}
# A young one is small: these names are given to small things only.
YOUNG = {"dog": "puppy", "cat": "kitten", "horse": "pony", "house": "cottage"}
OTHER_NAMES = {"cup": "mug", "boat": "sailboat", "car": "automobile", "cube": "block"}
_FEATURES = {
    "dog": ("with floppy ears", "with its tail up"),
    "cat": ("with pointed ears", "with long whiskers"),
    "horse": ("with four long legs", "with a dark mane"),
    "bird": ("with an orange beak", "with folded wings"),
    "butterfly": ("with open wings", "with two antennae"),
    "fish": ("with a wide tail", "with a fin on its back"),
    "house": ("with a chimney", "with a pointed roof", "with a window"),
    "tree": ("with a brown trunk", "with a round crown"),
    "car": ("with dark wheels", "with two windows"),
    "boat": ("with pale sails", "with a tall mast"),
    "flower": ("with six petals", "on a green stem"),
    "mushroom": ("with a round cap", "with a thick stem"),
    "umbrella": ("with a curved handle",),
    "chair": ("with four legs", "with a high back"),
    "robot": ("with an antenna", "with grey arms"),
    "cup": ("with a handle",), "balloon": ("on a string",),
    "kite": ("with bows on its tail",),
}
RELATION_WORDS = {
    "left of": ("left of", "to the left of", "on the left side of"),
    "right of": ("right of", "to the right of", "on the right side of"),
    "above": ("above", "over"),
    "below": ("below", "beneath"),
    "in": ("in", "inside"),
    "on": ("on", "on top of"),
    "under": ("under", "underneath"),
    "next to": ("next to", "beside", "near", "close to"),
}
# Where a picture is, for anything in it, and for what stands on the ground only.
SETTINGS = {
    "grass": ("in a green meadow", "in a field"),
    "beach": ("at the beach", "by the sea", "at the shore"),
    "room": ("in a room", "indoors", "in front of a pale wall"),
    "road": ("in the street", "in a grey city", "in front of tall buildings"),
    "night": ("at night", "under the moon", "in the dark", "under a starry sky"),
    "snow": ("on a snowy day", "in winter"),
}
_GROUNDS = {
    "grass": ("on the grass", "on a sunny lawn"),
    "beach": ("on the beach", "on the sand"),
    "room": ("on a wooden floor",),
    "road": ("on the road",),
    "night": ("on dark ground",),
    "snow": ("in the snow", "on white snowy ground"),
}


def plural(kind: str) -> str:
    """The plural of a kind's name."""
    return PLURALS.get(kind, kind + "s")


def article(phrase: str) -> str:
    """The phrase with `a` or `an` before it."""
    return ("an " if phrase[0] in "aeio" or phrase.startswith("umb") else "a ") + phrase


class Speaker:
    """Words a scene with a random generator of its own, which `salt` tells from others."""

    def __init__(self, scene: Scene, salt: int = 5):
        self.scene = scene
        self.rng = np.random.default_rng([scene.clutter, salt])

    def pick(self, choices):
        """One of `choices`, uniformly."""
        return choices[int(self.rng.integers(len(choices)))]

    def chance(self, share: float) -> bool:
        """True in `share` of cases."""
        return bool(self.rng.random() < share)

    def name(self, thing: Thing) -> str:
        """A name of its kind."""
        if thing.size == "small" and thing.kind in YOUNG and self.chance(0.35):
            return YOUNG[thing.kind]
        if thing.kind in OTHER_NAMES and self.chance(0.2):
            return OTHER_NAMES[thing.kind]
        return thing.kind

    def phrase(self, thing: Thing, detail: float = 0.5) -> str:
        """`a small red dog with floppy ears`: more of it, the larger `detail` (0 to 1)."""
        words, end = [], ""
        container = thing.kind in CONTAINERS
        name = self.name(thing)
        if not container and name == thing.kind and self.chance(0.5 * detail + 0.1):
            words.append(self.pick(_SIZE_WORDS[thing.size]))
        textured = thing.texture != "plain" and self.chance(0.3 + 0.6 * detail)
        hidden = thing.state.relation == "in"
        if textured and self.chance(0.25):
            end = self.pick(_TEXTURE_ENDS[thing.texture])
        elif textured:
            words.append(self.pick(_TEXTURE_WORDS[thing.texture]))
        elif thing.kind in _FEATURES and not hidden and self.chance(0.35 * detail):
            end = self.pick(_FEATURES[thing.kind])
            if thing.kind == "house" and self.chance(0.5):
                state = "open" if thing.state.open else "closed"
                end = self.pick((f"with an {state} door", f"whose door is {state}"))
                end = end.replace("an closed", "a closed")
        if self.chance(0.65 + 0.35 * detail):
            words.append(thing.colour)
        head = article(" ".join([*filter(None, words), name]))
        return f"{head} {end}" if end else head

    def twin(self, thing: Thing, detail: float) -> float:
        """`detail`, or all of it for a container with another of its kind: its colour is needed."""
        kinds = [t.kind for t in self.scene.things]
        return 1.0 if thing.kind in CONTAINERS and kinds.count(thing.kind) > 1 else detail

    def setting(self, *things: Thing) -> str:
        """Where the picture is; the ground is named only when none of `things` floats."""
        background = self.scene.background
        grounds = () if any(t.floats for t in things) else _GROUNDS[background]
        return self.pick(SETTINGS[background] + grounds)

    def verb(self, thing: Thing) -> str:
        """What a thing does where it is: `stands`, `is flying`."""
        if thing.kind in AIR and thing.floats:
            if thing.kind in ("bird", "butterfly", "kite"):
                return self.pick(("flies", "is flying"))
            return self.pick(("floats", "hovers", "is floating"))
        if thing.kind in ANIMALS:
            return self.pick(("stands", "is", "waits", "is standing", "rests"))
        if thing.kind in ("car", "boat"):
            return self.pick(("stands", "is", "is parked"))
        return self.pick(("is", "stands", "sits", "lies"))

    def relation(self, relation: str) -> str:
        """A wording of a relation."""
        return self.pick(RELATION_WORDS[relation])


def _relation(s: Speaker) -> str | None:
    """The first relation of the scene: `a red dog stands to the left of a house`."""
    related = s.scene.related()
    if not related:
        return None
    thing, relation, anchor = related[int(s.rng.integers(len(related)))]
    a, b = s.phrase(thing), s.phrase(anchor, 0.3)
    where = s.relation(relation)
    form = int(s.rng.integers(5))
    if form == 0:
        return f"{a} {where} {b}"
    if form == 1:
        return f"there is {a} {where} {b}"
    if form == 2:
        return f"{s.setting(thing, anchor)} {a} {s.verb(thing)} {where} {b}"
    if form == 3:
        return f"we see {a} {where} {b} {s.setting(thing, anchor)}"
    return f"{a} {s.verb(thing)} {where} {b}"


def _relations(s: Speaker) -> str | None:
    """Two relations in one sentence."""
    related = s.scene.related()
    if len(related) < 2:
        return None
    first, second = s.rng.choice(len(related), 2, replace=False)
    clauses = []
    for i in (first, second):
        thing, relation, anchor = related[i]
        place = s.phrase(anchor, s.twin(anchor, 0.1))
        clauses.append(f"{s.phrase(thing, s.twin(thing, 0.2))} {s.relation(relation)} {place}")
    form = s.pick(("{0} and {1}", "{0} while there is {1}", "you can see {0} and {1}"))
    return form.format(*clauses)


def _contents(s: Speaker) -> str | None:
    """What containers hold."""
    full = [(t, s.scene.inside(t)) for t in s.scene.things if s.scene.inside(t)]
    if not full:
        return None
    container, content = full[int(s.rng.integers(len(full)))]
    outer, inner = s.phrase(container, s.twin(container, 0.4)), s.phrase(content, 0.3)
    if len(full) > 1 and s.chance(0.5):
        other = full[1] if full[0][0] is container else full[0]
        second = f"{s.phrase(other[0], s.twin(other[0], 0.2))} {s.pick(('holds', 'has'))}"
        first = f"{outer} {s.pick(('holds', 'contains'))} {inner}"
        return f"{first} and {second} {s.phrase(other[1], 0.2)}"
    return s.pick(
        (
            f"{outer} with {inner} {s.relation('in')} it",
            f"{outer} {s.pick(('holds', 'contains', 'carries'))} {inner} {s.setting(container)}",
            f"somebody put {inner} {s.pick(('into', 'in'))} {outer}",
            f"{inner} peeks out of {outer}",
        )
    )


def _group(s: Speaker) -> str | None:
    """Several things of one kind or colour, counted."""
    group = s.scene.group
    if group is None:
        return None
    members = [t for t in s.scene.things if group in (t.kind, t.colour)]
    count, where = len(members), s.setting(*members)
    if count == 0:
        return None
    if count == 1:
        noun = f"{group} thing" if group in COLOURS else group
        return f"{s.pick(('just', 'only'))} one {noun} {where}"
    number = s.pick((NUMBERS[count], {2: "a pair of"}.get(count, NUMBERS[count])))
    number = s.pick((number, "several")) if count > 2 else number
    if group in COLOURS:
        names = f"{number} {group} {s.pick(('things', 'objects'))}"
    else:
        hues = {t.colour for t in members}
        names = f"{number} {plural(group)}"
        if len(hues) == 1:
            names = f"{number} {members[0].colour} {plural(group)}"
        elif s.chance(0.5):
            many = "in many colours" if count > 2 else "of two colours"
            names += f" {s.pick(('of different colours', many))}"
    return s.pick(
        ("{n} {w}", "there are {n} {w}", "{w} there are {n}", "{n} can be seen {w}")
    ).format(n=names, w=where)


def _list(s: Speaker) -> str | None:
    """Two or three of the things, side by side in words."""
    things = list(s.scene.things)
    count = min(len(things), int(s.rng.integers(2, 4)))
    chosen = [things[i] for i in s.rng.permutation(len(things))[:count]]
    names = [s.phrase(t, 0.35) for t in chosen]
    listed = f"{' '.join(names[:-1])} and {names[-1]}" if count == 2 else (
        f"{names[0]} {names[1]} and {names[2]}" if count == 3 else names[0]
    )
    return s.pick(
        (
            "{n} {w}", "a picture of {n}", "{w} there are {n}", "this picture shows {n} {w}",
            "an image with {n}", "you can see {n} {w}", "a scene {w} with {n}",
        )
    ).format(n=listed, w=s.setting(*chosen))


def _detail(s: Speaker) -> str | None:
    """One thing in detail."""
    loose = [t for t in s.scene.things if t.state.relation != "in"] or list(s.scene.things)
    thing = loose[int(s.rng.integers(len(loose)))]
    name, where = s.phrase(thing, 1.0), s.setting(thing)
    if thing.floats and s.chance(0.3):
        return f"{name} {s.verb(thing)} in the air"
    return s.pick((f"{name} {s.verb(thing)} {where}", f"{where} {s.verb(thing)} {name}",
                   f"{name} {where}"))


def _overview(s: Speaker) -> str | None:
    """How much there is, and one thing of it."""
    count = len(s.scene.things)
    number = NUMBERS[count] if count < len(NUMBERS) else "many"
    thing, where = s.pick(s.scene.things), s.setting(*s.scene.things)
    return s.pick(
        (
            f"{number} {s.pick(('things', 'objects'))} {where} "
            f"{s.pick(('including', 'among them'))} {s.phrase(thing, 0.3)}",
            f"{s.phrase(thing, 0.4)} and {NUMBERS[count - 1]} "
            f"{'other thing' if count == 2 else 'other things'} {where}",
        )
    )


_FORMS: tuple[Callable[[Speaker], str | None], ...] = (
    _relation, _group, _contents, _relations, _list, _detail, _list, _overview, _relation,
)


def captions(scene: Scene) -> list[str]:
    """Five captions of a scene; what a scene is about comes in more of them than the rest."""
    speaker = Speaker(scene)
    said: list[str] = []
    forms = list(_FORMS)
    while len(said) < 5:
        form = forms.pop(0) if forms else _list
        sentence = form(speaker)
        if sentence and sentence not in said:
            said.append(sentence)
    speaker.rng.shuffle(said)
    return said
