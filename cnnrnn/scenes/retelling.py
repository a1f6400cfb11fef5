"""What is said of a clip: five captions that tell what happens in it, each worded differently.

As in wording.py a caption is lower case without punctuation, true of the clip, and drawn by a
generator of the clip's own. The words are drawn before the verb is known: a clip and the same clip
backwards are told with the same words but for what happens.
"""

from __future__ import annotations

from cnnrnn.scenes.wording import Speaker, article
from cnnrnn.scenes.world import Scene, Thing

_SALT = 11

# {a}: the actor; {b}: the container. Both labels of a pair have as many clauses.
CLAUSES = {
    "door opens": (
        "the door of {a} opens", "the door of {a} swings open", "{a} opens its door",
        "somebody opens the door of {a}", "{a} whose closed door is being opened",
        "first the door of {a} is closed and then it is open", "an opening door in {a}",
    ),
    "door closes": (
        "the door of {a} closes", "the door of {a} swings shut", "{a} closes its door",
        "somebody shuts the door of {a}", "{a} whose open door is being closed",
        "first the door of {a} is open and then it is closed", "a closing door in {a}",
    ),
    "moves right": (
        "{a} moves to the right", "{a} goes from left to right", "{a} glides rightwards",
        "{a} comes from the left and goes right", "{a} is on its way to the right",
        "{a} moves from the left towards the right", "{a} leaves its place and goes to the right",
    ),
    "moves left": (
        "{a} moves to the left", "{a} goes from right to left", "{a} glides leftwards",
        "{a} comes from the right and goes left", "{a} is on its way to the left",
        "{a} moves from the right towards the left", "{a} leaves its place and goes to the left",
    ),
    "grows": (
        "{a} grows", "{a} gets bigger and bigger", "{a} becomes larger", "{a} is growing",
        "{a} that is small at first and large at the end", "{a} swells",
        "{a} grows from small to big",
    ),
    "shrinks": (
        "{a} shrinks", "{a} gets smaller and smaller", "{a} becomes smaller", "{a} is shrinking",
        "{a} that is large at first and small at the end", "{a} dwindles",
        "{a} shrinks from big to small",
    ),
    "turns clockwise": (
        "{a} turns clockwise", "{a} rotates clockwise", "{a} spins clockwise in the air",
        "{a} is turned like the hands of a clock", "{a} is turning in the clockwise direction",
        "{a} whirls about clockwise", "a clockwise turn of {a}",
    ),
    "turns anticlockwise": (
        "{a} turns anticlockwise", "{a} rotates counterclockwise",
        "{a} spins anticlockwise in the air", "{a} is turned against the hands of a clock",
        "{a} is turning in the anticlockwise direction", "{a} whirls about anticlockwise",
        "an anticlockwise turn of {a}",
    ),
    "put in": (
        "{a} is put into {b}", "somebody puts {a} into {b}", "{a} goes into {b}",
        "{a} drops into {b}", "{b} gets {a}", "first {a} is outside of {b} and then in it",
        "{a} moves through the air into {b}",
    ),
    "taken out": (
        "{a} is taken out of {b}", "somebody takes {a} out of {b}", "{a} comes out of {b}",
        "{a} rises out of {b}", "{b} loses {a}", "first {a} is in {b} and then outside of it",
        "{a} moves through the air out of {b}",
    ),
}
_FRAMES = (
    "{c}", "{c} {w}", "{c} {w}", "{w} {c}", "in this clip {c}", "{c} while {s}", "{c} and {s}",
)
# Of what stays still where it is.
_STILL = ("{n} stays where it is", "{n} does not move", "{n} keeps still", "nothing happens to {n}")


def retell(scene: Scene, label: str) -> list[str]:
    """Five captions of a clip with that label."""
    speaker = Speaker(scene, _SALT)
    clauses = speaker.rng.permutation(len(CLAUSES[label]))[:5]
    return [_sentence(speaker, CLAUSES[label][place]) for place in clauses]


def _sentence(s: Speaker, clause: str) -> str:
    """A clause about the actor, with where it happens or with what stays still beside it."""
    actor, *others = s.scene.things
    held = [thing for thing in others if thing.kind in ("basket", "box")]
    still = [thing for thing in others if thing not in held]
    told = clause.format(a=_name(s, actor), b=_name(s, held[0]) if held else "")
    frame = s.pick([f for f in _FRAMES if still or "{s}" not in f])
    where = s.setting(*s.scene.things)
    beside = s.pick(_STILL).format(n=_name(s, s.pick(still))) if still else ""
    return frame.format(c=told, w=where, s=beside)


def _name(s: Speaker, thing: Thing) -> str:
    """`a striped red cube`: what holds from the first frame to the last."""
    texture = thing.texture if thing.texture != "plain" and s.chance(0.4) else ""
    colour = thing.colour if s.chance(0.8) else ""
    return article(" ".join(filter(None, [texture, colour, s.name(thing)])))
