"""From pictures to features: the one path that training and prediction share (see `pipeline`).

A picture's bytes are read once, so that the key in the cache is that of the pixels in the network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from cnnrnn.errors import UsageError
from cnnrnn.features import backbones, engines
from cnnrnn.features.cache import FeatureSpec
from cnnrnn.features.pipeline import Pipeline, cache_folder
from cnnrnn.media import images
from cnnrnn.media.sources import Source

__all__ = ["Extractor", "cache_folder"]

VARIANTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "": lambda pictures: pictures,
    "mirror": lambda pictures: pictures[:, :, ::-1],  # (B, h, w, 3)
}
PIXELS_VERSION = 1  # counts up when decoding or resizing changes what `pixels` holds
FLOAT16_MAX = float(np.finfo(np.float16).max)


class Extractor(Pipeline):
    """Turns pictures into the features of one backbone.

    Args:
        backbone: a name in `backbones.REGISTRY`.
        weights: `auto` (shipped, or else imagenet), `imagenet`, `random` or a path.
        output: `grid` (H, W, D), `pooled` (D,), `below` (H, W, D) or `pixels` (h, w, 3).
        size: side of the network's input in pixels, or (height, width); None: its usual one.
        variant: "" or `mirror` (left and right exchanged before the network).
        engine: `auto` or a name in `engines.ENGINES`.
        batch: pictures that pass the network together.
        cache_dir: folder of the cache; None: the user's.

    Raises:
        UsageError: an argument that cannot be meant.
        CnnRnnError: the weights are not there.

    Keras is imported when the first picture has to be computed, not before.
    """

    def __init__(
        self,
        backbone: str = "scenes",
        weights: str | Path = "auto",
        output: str = "grid",
        size: int | tuple[int, int] | None = None,
        variant: str = "",
        engine: str = "auto",
        batch: int = 32,
        cache_dir: Path | str | None = None,
    ):
        self.backbone = backbones.get(backbone)
        self.weights, self.output, self.engine = str(weights), output, engine
        self.size = self.backbone.input_size(size, output)
        self.row_shape = self.backbone.row_shape(output, self.size)
        engines.check(engine)
        if variant not in VARIANTS:
            raise UsageError(f"no variant {variant!r}", "mirror, or nothing")
        if batch < 1:
            raise UsageError(f"a batch of {batch}", "at least 1")
        self.variant, self.batch = variant, batch
        self.cache_dir = cache_folder(cache_dir)
        if output != "pixels":
            self.backbone.weights_file(self.weights, output, self.size)

    @cached_property
    def spec(self) -> FeatureSpec:
        """What identifies the features in the cache.

        Raises:
            CnnRnnError: ImageNet weights that are not there yet and cannot be downloaded.
        """
        height, width = self.size
        size = height if height == width else self.size
        if self.output == "pixels":
            # Pixels are the same for every network that takes this size.
            return FeatureSpec(
                "pixels", "", "pixels", size, "uint8", PIXELS_VERSION, variant=self.variant
            )
        below = self.output == "below"
        return FeatureSpec(
            self.backbone.name,
            self.backbone.weights_hash(self.weights, self.output, self.size),
            # Where the top begins may be chosen anew one day.
            self.backbone.below if below else self.output,
            size,
            preprocessing=self.backbone.preprocessing,
            variant=self.variant,
        )

    def compute(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """Features of a few pictures, without the cache, by the same path.

        Args:
            pictures: uint8 (H, W, 3) RGB each, of any sizes.

        Returns:
            float16 (n, *row_shape); uint8 for the output `pixels`.

        Raises:
            CnnRnnError: an array that is no picture; the network cannot be built.
        """
        rows = np.empty((len(pictures), *self.row_shape), self._dtype)
        for first in range(0, len(pictures), self.batch):
            some = pictures[first : first + self.batch]
            fitted = [images.resize(images.rgb(picture), self.size) for picture in some]
            rows[first : first + len(some)] = self._features(np.stack(fitted))
        return rows

    def content(self, source: Source) -> bytes | None:
        """The bytes of a picture's file."""
        return source.content()

    def pixels(self, source: Source, data: bytes | None = None) -> np.ndarray:
        """A source at the size that the network takes: uint8 (h, w, 3), RGB.

        A picture read by this gives the same features through `compute` as through `extract`.

        Args:
            source: where the picture is.
            data: the file's bytes, where they were read already.

        Raises:
            CnnRnnError: it cannot be read.
        """
        return images.resize(source.read(max(self.size), data), self.size)

    def rows(self, pixels: Sequence[np.ndarray]) -> np.ndarray:
        """uint8 (h, w, 3) each, of the network's size -> (n, *row_shape)."""
        return self._features(np.stack(pixels))

    @property
    def _dtype(self) -> str:
        return "uint8" if self.output == "pixels" else "float16"

    @cached_property
    def _engine(self) -> Callable[[np.ndarray], np.ndarray]:
        return engines.make(self.backbone.build(self.weights, self.output, self.size), self.engine)

    def _features(self, pictures: np.ndarray) -> np.ndarray:
        """uint8 (B, h, w, 3) -> (B, *row_shape)."""
        pictures = VARIANTS[self.variant](pictures)
        if self.output == "pixels":
            return pictures
        rows = self._engine(np.ascontiguousarray(pictures))
        # Beyond float16 a feature would become infinite, and every loss not a number.
        return np.clip(rows, -FLOAT16_MAX, FLOAT16_MAX).astype(np.float16)
