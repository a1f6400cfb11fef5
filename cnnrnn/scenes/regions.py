"""Region phrases: things, their parts and filled containers, each with the box it fills."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnrnn.scenes.draw import layout
from cnnrnn.scenes.wording import Speaker, article
from cnnrnn.scenes.world import UNITS, Box, Scene, Thing

SMALLEST = 10.0  # a box's shorter side, units
THING_SHOWN, PART_SHOWN = 0.5, 0.6  # visible share below which nothing is said


@dataclass(frozen=True)
class Region:
    """A place in a picture and what is there. box: (x1, y1, x2, y2) in pixels."""

    phrase: str
    box: Box


def regions(scene: Scene, size: int = 112) -> list[Region]:
    """The regions of a scene drawn at `size` pixels; mostly hidden things and parts have none.

    Every box is at least 10 pixels wide and high at size 112.
    """
    seen, speaker = layout(scene), Speaker(scene)
    found: list[tuple[str, Box]] = []
    for index, thing in enumerate(scene.things):
        if seen.shown[index] < THING_SHOWN:
            continue
        found.append((speaker.phrase(thing, 0.6), _visible_box(seen.things == index)))
        content = scene.inside(thing)
        if content is not None and seen.shown[scene.things.index(content)] >= THING_SHOWN:
            inner = scene.things.index(content)
            phrase = f"{_short(thing, speaker)} with {_short(content, speaker)} in it"
            found.append((phrase, _visible_box((seen.things == index) | (seen.things == inner))))
    for index, part, box, shown in seen.part_boxes:
        if shown >= PART_SHOWN and seen.shown[index] >= THING_SHOWN:
            found.append((_part_phrase(scene.things[index], part, speaker), box))
    k = size / UNITS
    wanted = [(phrase, box) for phrase, box in found if shorter_side(box) >= SMALLEST]
    return [Region(phrase, tuple(side * k for side in box)) for phrase, box in _merged(wanted)]


def _visible_box(mask: np.ndarray) -> Box:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def shorter_side(box: Box) -> float:
    return min(box[2] - box[0], box[3] - box[1])


def _short(thing: Thing, speaker: Speaker) -> str:
    colour = f"{thing.colour} " if speaker.chance(0.7) else ""
    return article(f"{colour}{thing.kind}")


def _part_phrase(thing: Thing, part: str, speaker: Speaker) -> str:
    """`the roof of a red house`, `a wheel of the car`."""
    if thing.kind == "house" and part == "door":
        part = f"{'open' if thing.state.open else 'closed'} door"
    colour = f"{thing.colour} " if speaker.chance(0.6) else ""
    whole = article(f"{colour}{thing.kind}")
    return speaker.pick((f"{part} of {whole}", f"the {part} of {whole}"))


def _merged(found: list[tuple[str, Box]]) -> list[tuple[str, Box]]:
    """Drop a part whose box all but equals that of an earlier region."""
    kept: list[tuple[str, Box]] = []
    for phrase, box in found:
        if all(np.abs(np.subtract(box, other)).max() > 3 for _, other in kept):
            kept.append((phrase, box))
    return kept
