"""The LSTM judges at every step, and the judgements are put together as votes."""

from __future__ import annotations

from cnnrnn.video_classify.models.base import (
    PACKAGE,
    at_last,
    keras,
    masked_mean,
    masked_softmax,
    ops,
)
from cnnrnn.video_classify.models.recurrent import Lstm

_LEAST = 1e-7  # a probability below it has no useful logarithm


def _mean(votes, mask, weights):
    return masked_mean(votes, mask)


def _last(votes, mask, weights):
    return at_last(votes, mask)


def _highest(votes, mask, weights):
    """The largest probability that each label ever had, made to sum to 1 again."""
    highest = ops.max(ops.where(mask[..., None], votes, 0.0), axis=1)
    return highest / ops.maximum(ops.sum(highest, axis=-1, keepdims=True), _LEAST)


def _learned(votes, mask, weights):
    """A weighted mean; every position in the clip has a weight of its own."""
    scores = ops.broadcast_to(weights, ops.shape(mask))
    return ops.sum(votes * masked_softmax(scores, mask)[..., None], axis=1)


VOTES = {"mean": _mean, "last": _last, "max": _highest, "learned": _learned}


@keras.saving.register_keras_serializable(PACKAGE)
class Votes(keras.layers.Layer):
    """Logits of each step (B, T, L) and mask (B, T) -> logits of the clip (B, L).

    The steps' softmaxes are joined, and the logarithm of the result is returned.

    Args:
        kind: `mean`, `last`, `max` or `learned`.
    """

    def __init__(self, kind: str = "mean", **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.kind = kind
        self.weights_of_steps = None

    def build(self, input_shape):
        if self.kind == "learned":
            self.weights_of_steps = self.add_weight(
                shape=(input_shape[1],), initializer="zeros", name="weights_of_steps"
            )

    def call(self, steps, mask):
        votes = ops.softmax(steps, axis=-1)
        joined = VOTES[self.kind](votes, mask, self.weights_of_steps)
        return ops.log(ops.maximum(joined, _LEAST))

    def compute_mask(self, inputs, mask=None):
        return None  # else Keras would mask the loss by frames

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "kind": self.kind}


@keras.saving.register_keras_serializable(PACKAGE)
class LstmVote(Lstm):
    """The LSTM of `lstm`, whose every state is judged.

    Args:
        votes: how the judgements are joined, a key of `VOTES`.
    """

    OPTIONS = ("view", "votes")

    def __init__(self, *args, votes: str = "mean", **kwargs):
        super().__init__(*args, **kwargs)
        self._settings["votes"] = votes
        self.votes = Votes(votes, name="votes")

    def _build_frames(self, size: int) -> int:
        self.votes.build((None, self.length, self.labels))
        return super()._build_frames(size)

    def look(self, inputs, training=False) -> dict:
        sequence, mask = self._sequence(inputs, training)
        steps = self.classify(self.dropout(sequence, training=training))
        found = {"logits": self.votes(steps, mask), "steps": steps}
        if self.votes.kind == "learned":
            scores = ops.broadcast_to(self.votes.weights_of_steps, ops.shape(mask))
            found["weights"] = masked_softmax(scores, mask)
        return found

    def analyse(self, inputs):
        return self.look(inputs)
