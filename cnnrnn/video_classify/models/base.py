"""What every video classifier has: its inputs, the way to one vector a frame, its results.

Dimension letters: B clips, T frames, D features of a frame, H hidden size, L labels, h x w x C a
small picture of motion or flow.

The input of every model is a dictionary:
    one entry a stream, `rgb`, `motion` or `flow`: (B, T, ...) float, the features of each frame;
    `mask` (B, T) bool: True for a real frame. What a masked frame holds changes nothing.
The output is logits (B, L).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from cnnrnn import backend

keras = backend.keras()
ops = keras.ops

PACKAGE = "cnnrnn.video_classify"
# Low enough that no softmax notices, high enough for float16.
NEVER = -3e4
# A loop of so many steps or fewer is written out: TensorFlow's own loop costs more than it holds.
# On PyTorch, which runs step by step in any case, Keras 3.15 cannot write out one that goes
# backwards over masked frames.
UNROLLED = 0 if backend.name() == "torch" else 32


def masked_softmax(scores, mask):
    """Softmax over the real frames: scores (B, T), mask (B, T) -> weights (B, T) that sum to 1."""
    weights = ops.softmax(ops.where(mask, scores, NEVER), axis=-1)
    return ops.where(mask, weights, 0.0)


def masked_mean(vectors, mask):
    """Mean of the real frames: (B, T, D), (B, T) -> (B, D); zeros for a clip without any."""
    real = ops.cast(mask, vectors.dtype)[..., None]
    return ops.sum(vectors * real, axis=1) / ops.maximum(ops.sum(real, axis=1), 1.0)


def at_last(sequence, mask):
    """What stands at the last real frame: (B, T, D), (B, T) -> (B, D)."""
    length = ops.shape(sequence)[1]
    # The last real frame is the one with the largest number.
    place = ops.max(ops.where(mask, ops.arange(length), 0), axis=1)
    return ops.sum(sequence * ops.one_hot(place, length, dtype=sequence.dtype)[..., None], axis=1)


def at_first(sequence, mask):
    """What stands at the first real frame: (B, T, D), (B, T) -> (B, D)."""
    length = ops.shape(sequence)[1]
    place = ops.min(ops.where(mask, ops.arange(length), length - 1), axis=1)
    return ops.sum(sequence * ops.one_hot(place, length, dtype=sequence.dtype)[..., None], axis=1)


@keras.saving.register_keras_serializable(PACKAGE)
class Standardise(keras.layers.Layer):
    """(x - mean) / scale with the figures of the training clips; zeros where a frame is masked.

    x (B, T, ..., D) and mask (B, T) -> (B, T, ..., D). The figures are weights that are measured
    once, by `measure`, and not trained; until then they change nothing.
    """

    def build(self, input_shape):
        size = (input_shape[-1],)
        self.mean = self.add_weight(shape=size, initializer="zeros", trainable=False, name="mean")
        self.scale = self.add_weight(shape=size, initializer="ones", trainable=False, name="scale")

    def measure(self, rows: np.ndarray, mask: np.ndarray) -> None:
        """Take the figures of rows (n, T, ..., D) with masks (n, T).

        A feature that hardly varies is not blown up: its scale is at least a tenth of the mean one.
        """
        real = np.asarray(rows, np.float32)[mask]  # (frames, ..., D)
        real = real.reshape(-1, real.shape[-1])
        deviation = real.std(axis=0)
        self.mean.assign(real.mean(axis=0))
        self.scale.assign(np.maximum(deviation, 0.1 * deviation.mean() + 1e-6))

    def call(self, x, mask):
        x = (ops.cast(x, self.compute_dtype) - self.mean) / self.scale
        mask = ops.reshape(mask, (*ops.shape(mask), *[1] * (len(x.shape) - 2)))
        return ops.where(mask, x, 0.0)


def _changes(x, mask):
    """Each frame less the one before: (B, T, D), (B, T) -> (B, T, D), zeros at the first."""
    both = ops.logical_and(mask[:, 1:], mask[:, :-1])[..., None]
    apart = ops.where(both, x[:, 1:] - x[:, :-1], 0.0)
    return ops.pad(apart, [[0, 0], [1, 0], [0, 0]])


def _centred(x, mask):
    """Each frame less the mean of its clip's real frames."""
    return ops.where(mask[..., None], x - masked_mean(x, mask)[:, None], 0.0)


def _frames(x, mask):
    return x


def signed_root(x):
    """The square root of what there is, with its sign."""
    return ops.sign(x) * ops.sqrt(ops.abs(x))


# What does not move says the same in every frame, and a net that knows it learns it by heart.
VIEWS = {
    "frames": (_frames,),
    "changes": (_changes,),
    "centred": (_centred,),
    "both": (_frames, _changes),
}


@keras.saving.register_keras_serializable(PACKAGE)
class View(keras.layers.Layer):
    """How standardised frames are looked at: (B, T, D), (B, T) -> (B, T, parts * D).

    Each feature of each part is divided by its deviation in the training clips, a weight that is
    measured once and not trained.

    Args:
        kind: `frames` as they are, `changes` from each to the next, `centred` on their clip's
            mean, or `both` (frames and changes side by side).
    """

    def __init__(self, kind: str = "frames", **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.kind = kind

    def build(self, input_shape):
        self.scale = self.add_weight(
            shape=(len(VIEWS[self.kind]) * input_shape[-1],), initializer="ones",
            trainable=False, name="scale",
        )  # fmt: skip

    def measure(self, x: np.ndarray, mask: np.ndarray) -> None:
        """Take the deviations of standardised frames (n, T, D) with masks (n, T)."""
        self.scale.assign(np.ones(self.scale.shape))
        deviation = ops.convert_to_numpy(self.call(ops.array(x), ops.array(mask)))[mask].std(axis=0)
        self.scale.assign(np.maximum(deviation, 0.1 * deviation.mean() + 1e-6))

    def call(self, x, mask):
        parts = [part(x, mask) for part in VIEWS[self.kind]]
        return (parts[0] if len(parts) == 1 else ops.concatenate(parts, axis=-1)) / self.scale

    def compute_output_shape(self, input_shape, *_):
        return (*input_shape[:-1], len(VIEWS[self.kind]) * input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "kind": self.kind}


@keras.saving.register_keras_serializable(PACKAGE)
class PictureStem(keras.layers.Layer):
    """A small trained CNN for pictures of motion: (B, T, h, w, C) -> (B, T, units).

    Two 3 x 3 convolutions of stride 2, then a dense layer over what they leave: where something
    moved stays known.
    """

    def __init__(self, units: int, width: int = 16, **kwargs):
        super().__init__(**kwargs)
        self.units, self.width = units, width
        self.layers = [
            keras.layers.Conv2D(width, 3, 2, "same", activation="relu", name="first"),
            keras.layers.Conv2D(2 * width, 3, 2, "same", activation="relu", name="second"),
            keras.layers.Flatten(name="flat"),
            keras.layers.Dense(units, activation="relu", name="dense"),
        ]

    def build(self, input_shape):
        shape = (None, *input_shape[2:])
        for layer in self.layers:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def call(self, x):
        length = x.shape[1]
        x = ops.reshape(x, (-1, *x.shape[2:]))
        for layer in self.layers:
            x = layer(x)
        return ops.reshape(x, (-1, length, self.units))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:2], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units, "width": self.width}


def _picture(shape: tuple[int, ...]) -> tuple[int, ...]:
    """(T, h, w) as (T, h, w, 1)."""
    return shape if len(shape) == 4 else (*shape, 1)


class VideoModel(keras.Model):
    """The common part of all families.

    Args:
        labels: L.
        shapes: (T, ...) of each stream, by name; the order is that in which they are joined.
        pictures: the streams whose rows are pictures; they pass a small trained CNN, if `STEMS`.
        hidden: H.
        dropout: share of units dropped before the classifier, 0 to 1.
        feature_dropout: share of features dropped, 0 to 1.
        view: how rgb frames are looked at, a key of `VIEWS`.
        options: what else a family can be told; each names the ones it takes in `OPTIONS`.
    """

    OPTIONS: tuple[str, ...] = ()
    STEMS = True  # whether pictures of motion and flow pass a small trained CNN
    feature_output = "pooled"

    def __init__(
        self,
        labels: int,
        shapes: Mapping[str, Sequence[int]],
        pictures: Sequence[str] = (),
        hidden: int = 128,
        dropout: float = 0.3,
        feature_dropout: float = 0.1,
        view: str = "frames",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._settings = {
            "labels": labels,
            "shapes": {stream: list(shape) for stream, shape in shapes.items()},
            "pictures": list(pictures) if self.STEMS else [],
            "hidden": hidden,
            "dropout": dropout,
            "feature_dropout": feature_dropout,
            "view": view,
        }
        self.labels, self.hidden = labels, hidden
        self.length = next(iter(self._settings["shapes"].values()))[0]
        self.standardise = [Standardise(name=f"standardise_{stream}") for stream in shapes]
        self.view = View(view, name="view") if "rgb" in shapes and view != "frames" else None
        self.stems = [
            PictureStem(hidden, name=f"stem_{stream}") for stream in self._settings["pictures"]
        ]
        self.feature_dropout = keras.layers.Dropout(feature_dropout)
        self.dropout = keras.layers.Dropout(dropout)
        self.classify = keras.layers.Dense(labels, name="classify")

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """(T, ...) of each stream."""
        return {stream: tuple(shape) for stream, shape in self._settings["shapes"].items()}

    def build(self, input_shape=None):
        """Make every weight now, so that a loaded model needs no first call."""
        size = 0
        stems = iter(self.stems)
        for layer, (stream, shape) in zip(self.standardise, self.shapes.items(), strict=True):
            if stream in self._settings["pictures"]:
                layer.build((None, *_picture(shape)))
                next(stems).build((None, *_picture(shape)))
                size += self.hidden
            else:
                vector = math.prod(shape[1:])
                layer.build((None, shape[0], vector))
                if stream == "rgb" and self.view is not None:
                    self.view.build((None, shape[0], vector))
                    vector *= len(VIEWS[self.view.kind])
                size += vector
        self.classify.build((None, self._build_frames(size)))
        self.built = True

    def measure(self, rows: Mapping[str, np.ndarray], mask: np.ndarray) -> None:
        """Take the scale of each stream from training clips: rows (n, T, ...), mask (n, T)."""
        for layer, (stream, shape) in zip(self.standardise, self.shapes.items(), strict=True):
            here = ops.convert_to_numpy(self._seen(stream, shape, ops.array(rows[stream])))
            layer.measure(here, mask)
            if stream == "rgb" and self.view is not None:
                self.view.measure(ops.convert_to_numpy(layer(here, ops.array(mask))), mask)

    def frames(self, inputs, training=False):
        """One vector a frame: the streams, joined by concatenation. -> (B, T, D), (B, T)."""
        mask, joined = ops.cast(inputs["mask"], "bool"), []
        stems = iter(self.stems)
        for layer, (stream, shape) in zip(self.standardise, self.shapes.items(), strict=True):
            x = layer(self._seen(stream, shape, inputs[stream]), mask)
            if stream in self._settings["pictures"]:
                x = next(stems)(x)
            elif stream == "rgb" and self.view is not None:
                x = self.view(x, mask)
            joined.append(x)
        x = joined[0] if len(joined) == 1 else ops.concatenate(joined, axis=-1)
        return self.feature_dropout(x, training=training), mask

    def _seen(self, stream: str, shape: tuple[int, ...], rows):
        """A stream's frames as they are taken: pictures, or one vector each.

        Flow is large in a few places and next to nothing in the rest; roots are nearer together.
        """
        picture = stream in self._settings["pictures"]
        seen = _picture(shape) if picture else (shape[0], math.prod(shape[1:]))
        rows = ops.reshape(ops.cast(rows, self.compute_dtype), (-1, *seen))
        return signed_root(rows) if stream == "flow" else rows

    def call(self, inputs, training=False):
        return ops.cast(self.look(inputs, training)["logits"], "float32")

    def analyse(self, inputs):
        """Logits and what led to them.

        Returns:
            `logits` (B, L) and, where the family has them, `weights` (B, T): how much each frame
            counts; `chosen` (B, T) bool: the frames that were kept; `steps` (B, T, L): logits of
            the judgement after each frame.
        """
        return self.look(inputs)

    def _build_frames(self, size: int) -> int:
        """Build what the family has for frames of `size` features; the classifier's input size."""
        raise NotImplementedError

    def look(self, inputs, training=False) -> dict:
        """What `analyse` returns, in training too."""
        raise NotImplementedError

    def get_config(self):
        return {**super().get_config(), **self._settings}
