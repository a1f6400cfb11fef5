"""The top of a backbone, trained together with what stands on it (fine-tuning).

    pictures -> what lies below -> its map, in the cache -> top -> features

What lies below stays as it is, so that a picture passes it once; its map is the backbone's output
`below`. A top is the last block of the network: only what sees whole things, not their edges, has
something to learn from a few thousand captions.

    scenes            (B, 14, 14, 112)    the last two convolutions; with `pooled` its layers too
    mobilenet_v2      (B, 7, 7, 160)      block 16 and the last convolution
    efficientnet_b0   (B, 7, 7, 192)      block 7 and the last convolution
    resnet50, 101     (B, 14, 14, 1024)   conv5
    vgg16, 19         (B, 14, 14, 512)    block 5

Batch normalisation stays as it was learned: a batch of a few pictures says little of the mean.
"""

from __future__ import annotations

from typing import Any

from cnnrnn import backend
from cnnrnn.errors import UsageError
from cnnrnn.features import backbones


def check(backbone: str, output: str, size: int | tuple[int, int] | None = None) -> None:
    """Raises UsageError where a backbone has no top that ends in `output`."""
    found = backbones.get(backbone)
    found.input_size(size, "below")
    if output == "pooled" and found.top_file:
        raise UsageError(
            f"{backbone} pooled is its layer {found.pooled}, too large to fine-tune",
            "take a model that looks at the grid, or another backbone",
        )


def build(backbone: str, weights: str, output: str, size: tuple[int, int]) -> Any:
    """The top as a Keras model whose weights take part in training.

    Args:
        backbone: a name in `backbones.REGISTRY` that has the output `below`.
        weights: see `backbones.Backbone.build`.
        output: `grid` or `pooled`, where it ends.
        size: (h, w) of the pictures, in pixels.

    Returns:
        A model from (B, *row_shape("below")) to (B, *row_shape(output)), float32.

    Raises:
        UsageError: see `check`.
        CnnRnnError: weights that are missing or do not fit.
    """
    check(backbone, output, size)
    top = backbones.get(backbone).build_top(weights, output, size)
    for layer in top.layers:
        layer.trainable = not isinstance(layer, backend.keras().layers.BatchNormalization)
    return top
