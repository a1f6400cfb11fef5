"""Draws the frames of a clip: what stays still is painted once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnrnn.scenes.compose import compose
from cnnrnn.scenes.draw import backdrop, box_of, draw_layer, grainy, layers, light_of, lit
from cnnrnn.scenes.world import UNITS, Scene

Distractors = Sequence[int | None]


def film(scene: Scene, distractors: Distractors, take: int, size: int) -> np.ndarray:
    """Every moment of a scene, or another scene of its split where one is named.

    Args:
        scene: what is filmed; things that move have a state for each frame.
        distractors: for each frame the number of another scene, or None.
        take: seed of the noise, so that one scene filmed twice differs in it.
        size: side of a frame, pixels.

    Returns:
        uint8 RGB (T, size, size, 3).
    """
    grain = np.random.default_rng([scene.clutter, 9, take])
    clean = _moments(scene, [t for t, other in enumerate(distractors) if other is None], size)
    others: dict[int, np.ndarray] = {}
    frames = []
    for time, other in enumerate(distractors):
        if other is None:
            image = clean[time]
        else:
            if other not in others:
                (others[other],) = _moments(compose(scene.split, other), [0], size).values()
            image = others[other]
        frames.append(grainy(image, grain))
    return np.stack(frames)


def _moments(scene: Scene, times: Sequence[int], size: int) -> dict[int, np.ndarray]:
    """The scene at some moments without noise: float32 (size, size, 3) each."""
    canvas, rng = backdrop(scene, size)
    drawn = {time: layers(scene, time) for time in times}
    # How many layers lie behind the first one that moves, at all moments.
    still = min(
        next((i for i, layer in enumerate(stack) if len(layer.thing.states) > 1), len(stack))
        for stack in drawn.values()
    )
    for layer in drawn[times[0]][:still]:
        draw_layer(canvas, layer)
    behind = canvas.image.copy()
    light = light_of(rng)
    clean: dict[int, np.ndarray] = {}
    states, image = None, behind
    for time, stack in drawn.items():
        before, states = states, [layer.state for layer in stack]
        if states != before:
            canvas.image[:] = behind
            for layer in stack[still:]:
                draw_layer(canvas, layer)
            image = lit(canvas, size, light)
        clean[time] = image
    return clean


def boxes_of_actor(scene: Scene, distractors: Distractors) -> np.ndarray:
    """The box of `scene.things[0]` in each frame, (T, 4) in units; NaN under another scene."""
    found = np.full((len(distractors), 4), np.nan)
    for time, other in enumerate(distractors):
        if other is None:
            found[time] = np.clip(box_of(scene.things[0], time), 0, UNITS)
    return found
