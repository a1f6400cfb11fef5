"""A small 3D CNN from pixels (Tran et al. 2015, "Learning Spatiotemporal Features", C3D).

C3D's order of layers, 3 x 3 x 3 kernels throughout; batch normalisation and global average pooling
take the place of its two large dense layers. A block is normalised after its pooling, where there
is a quarter or an eighth of the numbers: on a CPU normalising costs as much as convolving.
"""

from __future__ import annotations

from cnnrnn.video_classify.models.base import PACKAGE, VideoModel, keras, ops

# Filters in units of the width, and the pooling that follows; the first keeps all frames.
_BLOCKS = (
    ((1,), (1, 2, 2)),
    ((2,), (2, 2, 2)),
    ((4, 4), (2, 2, 2)),
    ((8, 8), (2, 2, 2)),
    ((8, 8), (2, 2, 2)),
)


@keras.saving.register_keras_serializable(PACKAGE)
class C3d(VideoModel):
    """Pixels (B, T, h, w, 3), uint8 -> convolutions over space and time -> their mean -> softmax.

    Masked frames are black.

    Args:
        width: filters of the first layer; the last ones have eight times as many.
    """

    OPTIONS = ("width",)
    feature_output = "pixels"

    def __init__(self, *args, width: int = 12, **kwargs):
        super().__init__(*args, **kwargs)
        self._settings["width"] = width
        self.stages = []
        for number, (widths, pool) in enumerate(_BLOCKS, 1):
            for place, units in enumerate(widths):
                name = f"{number}{'ab'[place] if len(widths) > 1 else ''}"
                self.stages.append(
                    keras.layers.Conv3D(
                        units * width, 3, padding="same", use_bias=False, name=f"conv{name}"
                    )
                )
                if place == len(widths) - 1:
                    self.stages.append(
                        keras.layers.MaxPooling3D(pool, padding="same", name=f"pool{number}")
                    )
                self.stages += [
                    # Few steps an epoch: the running figures must follow the weights closely.
                    keras.layers.BatchNormalization(momentum=0.9, name=f"norm_conv{name}"),
                    keras.layers.Activation("relu", name=f"relu_conv{name}"),
                ]

    def build(self, input_shape=None):
        (shape,) = self.shapes.values()
        self.standardise[0].build((None, *shape))
        shape = (None, *shape)
        for layer in self.stages:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)
        self.classify.build((None, shape[-1]))
        self.built = True

    def measure(self, rows, mask) -> None:
        """The scale of each colour."""
        ((stream, _),) = self.shapes.items()
        self.standardise[0].measure(rows[stream], mask)

    def look(self, inputs, training=False) -> dict:
        (stream,) = self.shapes
        x = self.standardise[0](inputs[stream], ops.cast(inputs["mask"], "bool"))
        for layer in self.stages:
            x = layer(x, training=training)
        pooled = self.dropout(ops.mean(x, axis=(1, 2, 3)), training=training)
        return {"logits": self.classify(pooled)}
