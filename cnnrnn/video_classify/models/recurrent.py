"""An LSTM or GRU fuses the frames in their order; a linear layer and softmax judge at the end.

Donahue et al. 2015, "Long-term Recurrent Convolutional Networks" (LRCN).
"""

from __future__ import annotations

from cnnrnn.video_classify.models.base import (
    PACKAGE,
    UNROLLED,
    VideoModel,
    at_first,
    at_last,
    keras,
    ops,
)


@keras.saving.register_keras_serializable(PACKAGE)
class Lstm(VideoModel):
    """Frames -> a linear projection to H -> LSTM -> its state after the last frame."""

    OPTIONS = ("view",)
    cell = "LSTM"
    states = 1  # of H units each, that the classifier reads

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.project = keras.layers.Dense(self.hidden, name="project")
        self.fuse = self._recurrent()

    def _recurrent(self):
        layer = getattr(keras.layers, self.cell)
        return layer(
            self.hidden, return_sequences=True, unroll=self.length <= UNROLLED, name="fuse"
        )

    def _build_frames(self, size: int) -> int:
        self.project.build((None, None, size))
        self.fuse.build((None, self.length, self.hidden))
        return self.states * self.hidden

    def _sequence(self, inputs, training):
        """The states after each frame (B, T, states * H), and the mask."""
        frames, mask = self.frames(inputs, training)
        return self.fuse(self.project(frames), mask=mask, training=training), mask

    def look(self, inputs, training=False) -> dict:
        sequence, mask = self._sequence(inputs, training)
        fused = self.dropout(at_last(sequence, mask), training=training)
        return {"logits": self.classify(fused)}

    def analyse(self, inputs):
        sequence, mask = self._sequence(inputs, training=False)
        steps = self.classify(sequence)  # what it would say if the clip ended here
        return {"logits": at_last(steps, mask), "steps": steps}


@keras.saving.register_keras_serializable(PACKAGE)
class Gru(Lstm):
    """The same with a GRU (Cho et al. 2014)."""

    cell = "GRU"


@keras.saving.register_keras_serializable(PACKAGE)
class BiLstm(Lstm):
    """One LSTM forwards, one backwards; each is read where it has seen the whole clip."""

    states = 2

    def _recurrent(self):
        return keras.layers.Bidirectional(super()._recurrent(), name="both_ways")

    def look(self, inputs, training=False) -> dict:
        sequence, mask = self._sequence(inputs, training)
        forwards, backwards = ops.split(sequence, 2, axis=-1)
        fused = ops.concatenate([at_last(forwards, mask), at_first(backwards, mask)], axis=-1)
        return {"logits": self.classify(self.dropout(fused, training=training))}

    def analyse(self, inputs):
        return self.look(inputs)  # its backward half has no judgement before the end
