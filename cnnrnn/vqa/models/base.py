"""What every answering model has: its inputs, the way to one code a question, its results.

Dimension letters: B pictures, Q questions of each, L words of a question, K cells of a grid,
D backbone feature, H code, E word embedding, A answers, T words of an answer.

The input of every model is a dictionary:
    `features` (B, ...) float, the backbone's output that the family asks for, or uint8 pixels;
    `words` (B, Q, L) int32: the questions, PAD behind each; a place without a question is all PAD;
    `spoken` (B * Q, 1, T) int32 and `positions` (M,) int32, for answers that are written, see
        `heads.Generate`.
A picture's features pass once, however many questions it has. The output is that of the head, for
all B * Q places (or M words).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cnnrnn import backend
from cnnrnn.vqa.models.heads import HEADS
from cnnrnn.vqa.models.picture import OwnCnn, Standardise
from cnnrnn.vqa.models.scale import PACKAGE, to_unit_scale

__all__ = ["PACKAGE", "VqaModel", "by_picture", "flat", "keras", "ops"]

keras = backend.keras()
ops = keras.ops


class VqaModel(keras.Model):
    """The common part of all families.

    Args:
        words: size of the questions' vocabulary.
        length: L.
        feature_shape: of one picture's features; () for a model that sees none.
        answer: key of `heads.HEADS`.
        size: A of `classify`, E of `regress`, the answers' vocabulary of `generate`.
        hidden: H.
        embedding: E.
        dropout: share of units dropped, 0 to 1; feature_dropout: the same of features.
        own: whether the features are pixels, for a small CNN of its own.
        width: its first filters. shift: pixels by which pictures are shifted in training.
        options: what else a family can be told; each names the ones it takes in `OPTIONS`.
    """

    OPTIONS: tuple[str, ...] = ()
    # A family has its encoder of questions under the name `read`, see `question.ENCODERS`.

    def __init__(
        self,
        words: int,
        length: int,
        feature_shape: Sequence[int],
        answer: str,
        size: int,
        hidden: int = 128,
        embedding: int = 96,
        dropout: float = 0.3,
        feature_dropout: float = 0.1,
        own: bool = False,
        width: int = 24,
        shift: int = 2,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._settings: dict[str, Any] = {
            "words": words, "length": length, "feature_shape": list(feature_shape),
            "answer": answer, "size": size, "hidden": hidden, "embedding": embedding,
            "dropout": dropout, "feature_dropout": feature_dropout, "own": own, "width": width,
            "shift": shift,
        }  # fmt: skip
        self.words, self.length, self.hidden, self.answer = words, length, hidden, answer
        policy = self.dtype_policy
        self.cnn = OwnCnn(width, shift, name="own_cnn", dtype=policy) if own else None
        self.standardise = Standardise(name="standardise", dtype=policy)
        self.dropout = keras.layers.Dropout(dropout, dtype=policy)
        extra = {"embedding": embedding, "dropout": dropout} if answer == "generate" else {}
        self.head = HEADS[answer](size, hidden, name="head", dtype=policy, **extra)

    @property
    def feature_shape(self) -> tuple[int, ...]:
        """Shape of one picture's features."""
        return tuple(self._settings["feature_shape"])

    @property
    def size(self) -> int:
        """How many numbers the head gives a question (or a word)."""
        return self._settings["size"]

    def build(self, input_shape=None):
        """Make every weight now, so that a loaded model needs no first call."""
        if self.cnn is not None:
            self.cnn.build((None, *self.feature_shape))
        elif self.feature_shape:
            self.standardise.build((None, *self.feature_shape))
        self._build_family()
        self.head.build()
        self.built = True

    def begin_with(self, vectors: np.ndarray) -> None:
        """Take word vectors float32 (words, E) as the first ones; those that are NaN stay random.

        What all of them share is taken away and the rest brought to unit variance, as the random
        ones have: published vectors are smaller, and questions would look alike.
        """
        embeddings = self.read.embed.embeddings
        random = ops.convert_to_numpy(embeddings)
        apart = vectors - np.nanmean(vectors, axis=0)
        apart /= np.nanstd(apart) + 1e-6
        embeddings.assign(np.where(np.isnan(apart), random, apart))

    @property
    def grid_shape(self) -> tuple[int, ...]:
        """Shape of what the family sees: the features, or what the own CNN makes of them."""
        if self.cnn is None:
            return self.feature_shape
        return tuple(self.cnn.compute_output_shape((None, *self.feature_shape))[1:])

    def measure(self, rows: np.ndarray) -> None:
        """Take the scale of each feature from those of some training pictures, (n, ...); an own CNN
        keeps its own."""
        if self.cnn is None and self.feature_shape:
            self.standardise.measure(rows)

    def picture(self, inputs, training=False):
        """The features, or the own CNN's grid, brought to one scale."""
        features = inputs["features"]
        if self.cnn is None:
            return self.standardise(features)
        grid = self.cnn(features, training=training)
        return ops.cast(to_unit_scale(grid), self.compute_dtype)

    def call(self, inputs, training=False):
        codes = ops.reshape(self.look(inputs, training)["codes"], (-1, self.hidden))
        if self.answer != "generate":
            return self.head(codes, training=training)
        return self.head(codes, (inputs["spoken"], inputs["positions"]), training=training)

    def analyse(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """What is found for each place.

        Returns:
            `codes` (B, Q, H); `outputs` (B * Q, size) of a head that chooses or regresses; `maps`
            (B, Q, hops, K) where the family has them, which sum to 1 over the cells.
        """
        found = dict(self.look(inputs))
        if self.answer != "generate":
            found["outputs"] = self.head(ops.reshape(found["codes"], (-1, self.hidden)))
        return found

    def look(self, inputs, training=False) -> dict[str, Any]:
        """`codes`, and `maps` where there are any, in training too."""
        raise NotImplementedError

    def _build_family(self) -> None:
        raise NotImplementedError

    def get_config(self):
        return {**super().get_config(), **self._settings}


def by_picture(codes, words):
    """Codes (B * Q, ...) of the questions `words` (B, Q, L) -> (B, Q, ...)."""
    return ops.reshape(codes, (-1, ops.shape(words)[1], *codes.shape[1:]))


def flat(words):
    """Questions (B, Q, L) -> (B * Q, L)."""
    return ops.reshape(words, (-1, words.shape[-1]))
