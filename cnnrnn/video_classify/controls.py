"""Controls that show whether a model uses order: the same clips, their order taken away.

Each changes what a trained model is shown, never what it was trained on. `shuffled frames`: the
real frames in an order drawn by lot. `single frame`: the middle one in the place of all. A frame of
motion or flow keeps what it holds of its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Inputs = dict[str, np.ndarray]
Transform = Callable[[Inputs, np.ndarray], Inputs]


def _taken(inputs: Inputs, places: np.ndarray) -> Inputs:
    """The frames at these places, int (n, T), of every stream; the mask stays."""
    rows = np.arange(len(places))[:, None]
    return {
        name: values if name == "mask" else values[rows, places] for name, values in inputs.items()
    }


def shuffled(seed: int) -> Transform:
    """The real frames of each clip in another order, which depends on seed and clip alone."""

    def transform(inputs: Inputs, numbers: np.ndarray) -> Inputs:
        mask = inputs["mask"]
        places = np.tile(np.arange(mask.shape[1]), (len(mask), 1))
        for row, (real, number) in enumerate(zip(mask, numbers.tolist(), strict=True)):
            generator = np.random.default_rng([seed, 3, number])
            places[row, real] = generator.permutation(np.flatnonzero(real))
        return _taken(inputs, places)

    return transform


def single_frame(inputs: Inputs, numbers: np.ndarray) -> Inputs:
    """The middle real frame of each clip, at all its places."""
    mask = inputs["mask"]
    middles = [np.flatnonzero(real)[real.sum() // 2] if real.any() else 0 for real in mask]
    return _taken(inputs, np.tile(np.array(middles)[:, None], (1, mask.shape[1])))


def controls(seed: int) -> dict[str, Transform]:
    """The controls by name."""
    return {"shuffled frames": shuffled(seed), "single frame": single_frame}
