"""Not every frame matters: a BiLSTM decides which ones do, and those are fused.

`attention` weighs all frames (soft); `top-k` keeps k of them and never looks at the others again
(hard, with the straight-through gradient of Bengio et al. 2013).
"""

from __future__ import annotations

from cnnrnn.video_classify.models.base import (
    NEVER,
    PACKAGE,
    UNROLLED,
    VideoModel,
    at_last,
    keras,
    masked_softmax,
    ops,
)


@keras.saving.register_keras_serializable(PACKAGE)
class FrameScores(keras.layers.Layer):
    """How much each frame matters: states (B, T, H) -> scores (B, T).

        score_t = v . tanh(W h_t + b)

    Bahdanau et al. 2015, without a query: the question is always the same.

    Args:
        units: rows of W.
    """

    def __init__(self, units: int = 64, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.units = units
        self.inner = keras.layers.Dense(units, activation="tanh", name="inner")
        self.outer = keras.layers.Dense(1, use_bias=False, name="outer")

    def build(self, input_shape):
        self.inner.build(input_shape)
        self.outer.build((*input_shape[:-1], self.units))

    def call(self, states):
        return ops.squeeze(self.outer(self.inner(states)), axis=-1)

    def compute_mask(self, inputs, mask=None):
        return None  # else Keras would mask the loss by frames

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[:-1])

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable(PACKAGE)
class KeepFrames(keras.layers.Layer):
    """The k frames of highest score, in their order.

    frames (B, T, D), scores (B, T), mask (B, T) -> kept (B, k, D), their mask (B, k), and chosen
    (B, T) bool. Forwards a kept frame is itself; backwards it is scaled by its softmax weight,
    so that scores learn. In training Gumbel noise on the scores draws the k frames without
    replacement (Kool et al. 2019), and frames that were never kept get their chance.

    Args:
        k: frames kept; all of a shorter clip.
        noise: scale of the noise in training; 0 for none.
        seed: of the noise.
    """

    def __init__(self, k: int, noise: float = 1.0, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.k, self.noise, self.seed = k, noise, seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, frames, scores, mask, training=False):
        length = frames.shape[1]
        weights = masked_softmax(scores, mask)
        drawn = scores
        if training and self.noise:
            uniform = keras.random.uniform(ops.shape(scores), 1e-6, 1 - 1e-6, seed=self.generator)
            drawn = scores - self.noise * ops.log(-ops.log(uniform))
        _, places = ops.top_k(ops.where(mask, drawn, NEVER), min(self.k, length))
        places = ops.sort(places, axis=-1)  # (B, k)
        kept = ops.take_along_axis(frames, places[..., None], axis=1)
        weight = ops.take_along_axis(weights, places, axis=1)
        real = ops.take_along_axis(mask, places, axis=1)
        through = self.k * (weight - ops.stop_gradient(weight))
        kept = kept * ops.where(real, 1.0 + through, 0.0)[..., None]
        chosen = ops.any(ops.one_hot(places, length, dtype="bool"), axis=1) & mask
        return kept, real, chosen

    def compute_mask(self, inputs, *args, **kwargs):
        return None

    def get_config(self):
        return {**super().get_config(), "k": self.k, "noise": self.noise, "seed": self.seed}


@keras.saving.register_keras_serializable(PACKAGE)
class Attention(VideoModel):
    """A BiLSTM scores the frames; its states and the frames are summed by the softmax of that.

        fused = sum_t softmax(score)_t [h_t, x_t]

    The states h_t know what came before and after, so that order is seen.
    """

    OPTIONS = ("view",)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.project = keras.layers.Dense(self.hidden, name="project")
        unroll = self.length <= UNROLLED
        self.scorer = keras.layers.Bidirectional(
            keras.layers.LSTM(self.hidden, return_sequences=True, unroll=unroll), name="scorer"
        )
        self.scores = FrameScores(max(8, self.hidden // 2), name="scores")

    def _build_frames(self, size: int) -> int:
        self.project.build((None, None, size))
        self.scorer.build((None, self.length, self.hidden))
        self.scores.build((None, self.length, 2 * self.hidden))
        return 3 * self.hidden

    def _scored(self, inputs, training):
        """Projected frames (B, T, H), states (B, T, 2 H), scores (B, T), mask (B, T)."""
        frames, mask = self.frames(inputs, training)
        frames = self.project(frames)
        states = self.scorer(frames, mask=mask, training=training)
        return frames, states, self.scores(states), mask

    def look(self, inputs, training=False) -> dict:
        frames, states, scores, mask = self._scored(inputs, training)
        weights = masked_softmax(scores, mask)
        both = ops.concatenate([states, frames], axis=-1)
        fused = self.dropout(ops.sum(both * weights[..., None], axis=1), training=training)
        return {"logits": self.classify(fused), "weights": weights}


@keras.saving.register_keras_serializable(PACKAGE)
class TopK(Attention):
    """A BiLSTM chooses k frames, an LSTM fuses these alone, in their order.

    What the first net knows of the other frames reaches the second by its choice only (and, with
    the view `changes`, by what a kept frame differs in from the one before).

    Args:
        keep: k.
    """

    OPTIONS = ("view", "keep")

    def __init__(self, *args, keep: int = 6, **kwargs):
        super().__init__(*args, **kwargs)
        self._settings["keep"] = keep
        self.kept = min(keep, self.length)
        self.choose = KeepFrames(self.kept, name="choose")
        self.fuse = keras.layers.LSTM(
            self.hidden, return_sequences=True, unroll=self.kept <= UNROLLED, name="fuse"
        )

    def _build_frames(self, size: int) -> int:
        super()._build_frames(size)
        self.fuse.build((None, self.kept, self.hidden))
        return self.hidden

    def look(self, inputs, training=False) -> dict:
        frames, _, scores, mask = self._scored(inputs, training)
        kept, real, chosen = self.choose(frames, scores, mask, training=training)
        sequence = self.fuse(kept, mask=real, training=training)
        fused = self.dropout(at_last(sequence, real), training=training)
        return {
            "logits": self.classify(fused),
            "weights": masked_softmax(scores, mask),
            "chosen": chosen,
        }
