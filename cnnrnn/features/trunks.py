"""Backbones that are trained together with what stands on them: a fine grid, for places.

A grid of stride 32 is too coarse for boxes. A trunk is a backbone up to a layer of stride 8 or 16,
as a Keras model whose weights take part in training, from RGB pictures in [0, 255] to their grid:

    scenes          (B, 112, 112, 3) -> (B, 14, 14, 128)        stride 8
    mobilenet_v2    (B, h, w, 3) -> (B, h / 16, w / 16, 576)    stride 16, block_13_expand_relu
    vgg16           (B, h, w, 3) -> (B, h / 16, w / 16, 512)    stride 16, block5_conv3

The first layers see edges and colours in any world and stay as they are. Batch normalisation stays
too: a batch of a few pictures says little of the mean.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

from cnnrnn import backend
from cnnrnn.errors import UsageError
from cnnrnn.features import backbones, scenes_cnn


@dataclass(frozen=True)
class Trunk:
    """One entry of TRUNKS.

    backbone: a name of `backbones.REGISTRY`.
    layer: where it ends.
    stride: pixels from one cell to the next.
    depth: features of a cell.
    trained_from: the first layer that is trained, "" for all.
    side: pixels of the longer side of a picture where nobody asks for another.
    fixed: it takes one size only, `side` square.
    """

    backbone: str
    layer: str
    stride: int
    depth: int
    trained_from: str = ""
    side: int = 512
    fixed: bool = False

    def build(self, weights: str = "auto") -> Any:
        """The network, see above; its weights are `weights`, as in `backbones`.

        Raises:
            CnnRnnError: weights that are missing or do not fit.
        """
        size = (self.side, self.side) if self.fixed else (None, None)
        model = backbones.get(self.backbone).build(weights, "grid", size, self.layer)
        normalisation = backend.keras().layers.BatchNormalization
        begun = not self.trained_from
        for layer in _layers(model):
            begun = begun or layer.name == self.trained_from
            layer.trainable = begun and not isinstance(layer, normalisation)
        return model


def _layers(model: Any) -> list:
    """All layers in order, those of models inside included."""
    found = []
    for layer in model.layers:
        found += _layers(layer) if hasattr(layer, "layers") else [layer]
    return found


TRUNKS: dict[str, Trunk] = {
    trunk.backbone: trunk
    for trunk in (
        Trunk(
            "scenes", "grid", scenes_cnn.STRIDE, scenes_cnn.GRID_DEPTH,
            side=scenes_cnn.SIZE, fixed=True,
        ),
        Trunk("mobilenet_v2", "block_13_expand_relu", 16, 576, "block_6_expand"),
        Trunk("vgg16", "block5_conv3", 16, 512, "block3_conv1"),
    )
}  # fmt: skip


def get(name: str) -> Trunk:
    """The trunk of that backbone.

    Raises:
        UsageError: there is none.
    """
    if name in TRUNKS:
        return TRUNKS[name]
    near = difflib.get_close_matches(name, TRUNKS, 1)
    hint = f"did you mean {near[0]}?" if near else f"one of {', '.join(TRUNKS)}"
    raise UsageError(f"no backbone {name!r} for regions", hint)
