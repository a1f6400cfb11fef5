"""The registry of backbones: networks that turn pixels into vectors or grids, and their weights.

Every backbone takes RGB float32 NHWC in [0, 255] and has these outputs:

    pooled   (D,)      the grid's average, or a fully connected layer (VGG: fc2; scenes: its own)
    grid     (H, W, D) a convolution map
    below    (H, W, D) the map under the top that may be fine-tuned, see `tops`
    pixels   (h, w, 3) uint8, oriented and resized: what lies below the first layer

Shapes: B batch, h x w the picture's pixels, H x W the grid's cells, D the features of a cell.

What a backbone needs to be known before Keras is imported (shapes, the identity of the weights) is
arithmetic here, so that features which are all in the cache never load a network.
"""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnrnn import backend
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.features import loading, scenes_cnn

OUTPUTS = ("pooled", "grid", "below", "pixels")
RANDOM_SEED = 0
_SCENES_WEIGHTS = Path(__file__).parent / "weights" / "scenes.weights.h5"
# MobileNetV2 has a set of ImageNet weights for each of these sizes, and 224 serves all others.
_MOBILENET_SIZES = (96, 128, 160, 192, 224)


@dataclass(frozen=True)
class Backbone:
    """One network of the registry.

    `application` names the class and `module` the module in `keras.applications` that build and
    preprocess for it; the project's own network has neither.
    """

    name: str
    size: int  # pixels a side where nobody asks for another size
    minimum: int  # pixels; the network has no cells left below that
    stride: int  # pixels from one cell of the grid to the next
    cells: Callable[[int], int]  # cells along a side of so many pixels
    depth: int  # D of the grid
    grid: str  # the layer that is the grid
    layers: int  # with weights, one behind the other, as far as the grid
    file: str = ""  # Keras' name of the ImageNet weights; {size} is the picture's
    application: str = ""
    module: str = ""
    pooled: str = ""  # the layer that is `pooled`; "": the grid's average
    pooled_depth: int = 0
    pooled_layers: int = 0  # with weights, as far as that layer
    top_file: str = ""  # Keras' name of the weights with the classifier, where `pooled` is in it
    below: str = ""  # the layer that is `below`; "": the network has no such output
    below_depth: int = 0
    below_cells: Callable[[int], int] | None = None  # where they are not those of the grid
    # Variance of random kernels times their fan-in. 2 (He et al. 2015) keeps the scale behind ReLU;
    # the sums of ResNet need less and the gates of EfficientNet more to stay within float16.
    random_gain: float = 2.0
    preprocessing: int = 1  # counts up when what happens to the pixels before the network changes

    def input_size(self, size: int | tuple[int, int] | None, output: str) -> tuple[int, int]:
        """Height and width of the pictures that the network takes.

        Raises:
            UsageError: no such output, or a size that the network cannot take.
        """
        if output not in OUTPUTS:
            raise UsageError(f"no output {output!r}", f"one of {', '.join(OUTPUTS)}")
        if output == "below" and not self.below:
            known = ", ".join(each.name for each in REGISTRY.values() if each.below)
            raise UsageError(f"{self.name} has no top to fine-tune", f"one of {known}")
        asked = (size, size) if isinstance(size, int) else tuple(size or (self.size, self.size))
        minimum = 1 if output == "pixels" else self.minimum
        if len(asked) != 2 or min(asked) < minimum:
            raise UsageError(f"{self.name} cannot take {_by(asked)} pixels", f"at least {minimum}")
        if self._has_top(output) and asked != (self.size, self.size):
            raise UsageError(
                f"{self.name} pooled is its layer {self.pooled}, which takes "
                f"{self.size}x{self.size} pixels, not {_by(asked)}",
                "leave the size, or take the output grid",
            )
        return asked

    def row_shape(self, output: str, size: int | tuple[int, int] | None = None) -> tuple[int, ...]:
        """The shape of one picture's features, by arithmetic.

        Raises:
            UsageError: see `input_size`.
        """
        height, width = self.input_size(size, output)
        if output == "pixels":
            return (height, width, 3)
        if output == "grid":
            return (self.cells(height), self.cells(width), self.depth)
        if output == "below":
            cells = self.below_cells or self.cells
            return (cells(height), cells(width), self.below_depth)
        return (self.pooled_depth or self.depth,)

    def layers_to(self, output: str) -> int:
        """Layers with weights, one behind the other, as far as `grid` or `pooled`."""
        return (output == "pooled" and self.pooled_layers) or self.layers

    def weights_file(self, weights: str, output: str, size: tuple[int, int]) -> Path | None:
        """The file that holds the weights; None for random ones.

        The file of `imagenet` need not be there yet: Keras downloads it when the network is built.

        Args:
            weights: `auto` (shipped, or else imagenet), `imagenet`, `random` or a path.

        Raises:
            CnnRnnError: a path that is not there; a network without ImageNet weights.
        """
        if weights == "random":
            return None
        if weights == "imagenet" or (weights == "auto" and self.application):
            if not self.application:
                raise UsageError(f"{self.name} has no imagenet weights", "auto, random or a path")
            square = size[0] if size[0] == size[1] and size[0] in _MOBILENET_SIZES else 224
            name = self.top_file if self._has_top(output) else self.file
            return _keras_models() / name.format(size=square)
        path = _SCENES_WEIGHTS if weights == "auto" else Path(weights).expanduser()
        if not path.is_file():
            raise CnnRnnError(f"no weights {path}", "imagenet, random, or the path of a file")
        return path

    def weights_hash(self, weights: str, output: str, size: tuple[int, int]) -> str:
        """What identifies the weights in the cache: a hash of the file's content, 16 digits.

        Raises:
            CnnRnnError: the file is missing, or cannot be downloaded or read.
        """
        path = self.weights_file(weights, output, size)
        if path is None:
            return f"random{RANDOM_SEED}"
        if not path.is_file():
            self.build(weights, output, size)  # which downloads it
        try:
            with open(path, "rb") as file:
                digest = hashlib.blake2b(digest_size=8)
                while block := file.read(1 << 20):
                    digest.update(block)
        except OSError as error:
            raise CnnRnnError(f"cannot read {path}: {error.strerror}") from error
        return digest.hexdigest()

    def build(
        self, weights: str, output: str, size: tuple[int | None, int | None], layer: str = ""
    ) -> Any:
        """The network as a Keras model.

        Args:
            weights: `auto`, `imagenet`, `random` or a path; a path is loaded as
                `keras.applications` does with `weights=PATH`.
            output: `pooled`, `grid` or `below`.
            size: (h, w) as `input_size` gives it; (None, None), for networks of
                `keras.applications` and their grids, takes pictures of any size.
            layer: a layer of the network to stop at instead.

        Returns:
            A model from (B, h, w, 3) RGB in [0, 255] to (B, *row_shape); the preprocessing of
            `keras.applications` is its first part.

        Raises:
            CnnRnnError: weights that are missing, cannot be downloaded, or do not fit.
        """
        keras = backend.keras()
        # Whatever a training computes in: what is cached is the same for all.
        with backend.policy("float32"):
            network = self._network(weights, output, size)
            inputs = keras.Input((*size, 3), name="pictures")
            features = self._part(network, network.input, output, layer)
            features = features(self._preprocessed(inputs))
            return keras.Model(inputs, features, name=f"{self.name}_{output}")

    def build_top(self, weights: str, output: str, size: tuple[int, int]) -> Any:
        """What lies above the output `below`: from (B, *row_shape("below")) to (B, *row_shape).

        Args and Raises: see `build`.
        """
        with backend.policy("float32"):
            network = self._network(weights, output, size)
            return self._part(network, network.get_layer(self.below).output, output)

    def _network(self, weights: str, output: str, size: tuple[int | None, int | None]) -> Any:
        """The whole network with its weights, without the preprocessing."""
        path = self.weights_file(weights, output, size)
        if not self.application:
            network = scenes_cnn.build(size)
        else:
            network = self._application(path, weights, output, size)
        if path is None:
            loading.fill_randomly(network, self.random_gain, RANDOM_SEED)
        elif not self.application or weights not in ("auto", "imagenet"):
            own = f"keras.applications.{self.application}(include_top={self._has_top(output)})"
            loading.load(network, path, self.name, own if self.application else "make backbone")
        return network

    def _part(self, network: Any, begin: Any, output: str, layer: str = "") -> Any:
        """From a tensor of the network to an output, or to a layer."""
        keras = backend.keras()
        named = {"pooled": self.pooled, "below": self.below}.get(output)
        features = network.get_layer(layer or named or self.grid).output
        if output == "pooled" and not self.pooled:
            features = keras.layers.GlobalAveragePooling2D(name="pooled")(features)
        return keras.Model(begin, features)

    def _has_top(self, output: str) -> bool:
        return output == "pooled" and bool(self.top_file)

    def _preprocessed(self, inputs: Any) -> Any:
        if not self.application:
            return inputs
        return getattr(backend.keras().applications, self.module).preprocess_input(inputs)

    def _application(
        self, path: Path | None, weights: str, output: str, size: tuple[int, int]
    ) -> Any:
        """Build the network of `keras.applications`; Keras loads ImageNet weights itself."""
        function = getattr(backend.keras().applications, self.application)
        imagenet = weights in ("auto", "imagenet")
        try:
            # Keras writes the progress of a download to stdout, and warns where MobileNetV2 has no
            # weights of just this size.
            with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
                warnings.simplefilter("ignore", UserWarning)
                return function(
                    include_top=self._has_top(output),
                    weights="imagenet" if imagenet else None,
                    input_shape=(*size, 3),
                )
        # Keras raises a plain Exception where a download fails.
        except Exception as error:
            if not imagenet or path.is_file():
                raise
            raise CnnRnnError(
                f"cannot download the imagenet weights of {self.name}",
                f"put the file {path.name} into {path.parent}/, or give --weights PATH or random",
            ) from error


def _by(size: tuple[int, ...]) -> str:
    return "x".join(str(side) for side in size)


def _keras_models() -> Path:
    """Where Keras keeps weights: beneath $KERAS_HOME, else ~/.keras."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / "models"


def _halved(times: int) -> Callable[[int], int]:
    """Cells after `times` layers of stride 2 with padding."""
    return lambda side: -(-side // 2**times)


def _vgg_cells(side: int) -> int:
    return side // 16


def _inception_cells(side: int) -> int:
    """Five layers of stride 2 and two of stride 1, 3 wide, without padding."""
    for stride in (2, 1, 2, 1, 2, 2, 2):
        side = (side - 3) // stride + 1
    return side


_KERNELS = "weights_tf_dim_ordering_tf_kernels"

REGISTRY: dict[str, Backbone] = {
    backbone.name: backbone
    for backbone in (
        Backbone(
            "scenes", scenes_cnn.SIZE, 32, scenes_cnn.STRIDE, _halved(3),
            scenes_cnn.GRID_DEPTH, "grid", 6,
            pooled="pooled", pooled_depth=scenes_cnn.POOLED_DEPTH, pooled_layers=8,
            below="placed", below_depth=scenes_cnn.CODED,
        ),
        Backbone(
            "mobilenet_v2", 224, 32, 32, _halved(5), 1280, "out_relu", 52,
            f"mobilenet_v2_{_KERNELS}_1.0_{{size}}_no_top.h5", "MobileNetV2", "mobilenet_v2",
            below="block_15_add", below_depth=160,
        ),
        Backbone(
            "efficientnet_b0", 224, 32, 32, _halved(5), 1280, "top_activation", 81,
            "efficientnetb0_notop.h5", "EfficientNetB0", "efficientnet", random_gain=3.0,
            below="block6d_add", below_depth=192,
        ),
        Backbone(
            "resnet50", 224, 32, 32, _halved(5), 2048, "conv5_block3_out", 49,
            f"resnet50_{_KERNELS}_notop.h5", "ResNet50", "resnet", random_gain=1.0,
            below="conv4_block6_out", below_depth=1024, below_cells=_halved(4),
        ),
        Backbone(
            "resnet101", 224, 32, 32, _halved(5), 2048, "conv5_block3_out", 100,
            f"resnet101_{_KERNELS}_notop.h5", "ResNet101", "resnet", random_gain=1.0,
            below="conv4_block23_out", below_depth=1024, below_cells=_halved(4),
        ),
        Backbone(
            "inception_v3", 299, 75, 32, _inception_cells, 2048, "mixed10", 47,
            f"inception_v3_{_KERNELS}_notop.h5", "InceptionV3", "inception_v3",
        ),
        Backbone(
            "vgg16", 224, 32, 16, _vgg_cells, 512, "block5_conv3", 13,
            f"vgg16_{_KERNELS}_notop.h5", "VGG16", "vgg16",
            "fc2", 4096, 15, f"vgg16_{_KERNELS}.h5", "block4_pool", 512,
        ),
        Backbone(
            "vgg19", 224, 32, 16, _vgg_cells, 512, "block5_conv4", 16,
            f"vgg19_{_KERNELS}_notop.h5", "VGG19", "vgg19",
            "fc2", 4096, 18, f"vgg19_{_KERNELS}.h5", "block4_pool", 512,
        ),
    )
}  # fmt: skip


def get(name: str) -> Backbone:
    """The backbone of that name.

    Raises:
        UsageError: there is none.
    """
    if name in REGISTRY:
        return REGISTRY[name]
    near = difflib.get_close_matches(name, REGISTRY, 1)
    hint = f"did you mean {near[0]}?" if near else f"one of {', '.join(REGISTRY)}"
    raise UsageError(f"no backbone {name!r}", hint)
