"""DenseCap: boxes and phrases from one network, trained end to end (Johnson, Karpathy, Fei-Fei
2016, "DenseCap: Fully Convolutional Localization Networks for Dense Captioning").

    pictures -> trunk -> grid -> proposal head -> boxes with scores
                          |                          | sampler (training), suppression (use)
                          +----- RoI pooling <-------+
                                     |
                          recognition -> code -> final score, final box, phrase

Format of boxes: (x1, y1, x2, y2) in pixels of the network's picture.

Dimension letters: B pictures, h x w pixels, H x W cells, D features of a cell, F features that are
pooled, G truths, N boxes of all anchors, S places of a sample of which the first P hold its
positives, R regions, C code size, T words, V vocabulary.
"""

from __future__ import annotations

from cnnrnn import backend
from cnnrnn.densecap import losses
from cnnrnn.regions import transform
from cnnrnn.regions.pooling import RoiPooling
from cnnrnn.regions.proposer import ProposalNet
from cnnrnn.regions.sampler import BoxSampler
from cnnrnn.text.language import LanguageModel
from cnnrnn.text.vocabulary import PAD, START

keras = backend.keras()
ops = keras.ops

_PACKAGE = "cnnrnn.densecap"
PARTS = 7  # of a pooled region, a side


@keras.saving.register_keras_serializable(_PACKAGE)
class Recognition(keras.layers.Layer):
    """What is in a box: pooled features to a code, a second score and a second correction.

    Args:
        code: C, units of both dense layers.
        dropout: share of their units dropped in training, 0 to 1.
    """

    def __init__(self, code: int, dropout: float = 0.0, **kwargs):
        super().__init__(**kwargs)
        self.code, self.rate = code, dropout
        policy = self.dtype_policy
        self.dropout = keras.layers.Dropout(dropout, dtype=policy)
        self.first = keras.layers.Dense(code, activation="relu", name="first", dtype=policy)
        self.second = keras.layers.Dense(code, activation="relu", name="second", dtype=policy)
        self.objectness = keras.layers.Dense(1, name="objectness", dtype=policy)
        self.deltas = keras.layers.Dense(
            4, name="deltas", dtype=policy,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.001),
        )  # fmt: skip

    def build(self, input_shape):
        flat = input_shape[-1] * input_shape[-2] * input_shape[-3]
        self.first.build((None, None, flat))
        self.second.build((None, None, self.code))
        self.objectness.build((None, None, self.code))
        self.deltas.build((None, None, self.code))
        self.built = True

    def call(self, pooled, training=False):
        """(B, R, 7, 7, F) -> codes (B, R, C), logits (B, R), deltas (B, R, 4)."""
        count, *cell = ops.shape(pooled)[1:]
        codes = ops.reshape(pooled, (-1, count, cell[0] * cell[1] * cell[2]))
        codes = self.dropout(self.first(codes), training=training)
        codes = self.dropout(self.second(codes), training=training)
        scores = ops.cast(self.objectness(codes)[..., 0], "float32")
        return codes, scores, ops.cast(self.deltas(codes), "float32")

    def get_config(self):
        return {**super().get_config(), "code": self.code, "dropout": self.rate}


@keras.saving.register_keras_serializable(_PACKAGE)
class DenseCap(keras.Model):
    """The whole network.

    Training input is a dictionary:
        `pictures` (B, h, w, 3) uint8 RGB; `boxes` (B, G, 4) float32; `real` (B, G) bool, which of
        them are there; `words` (B, G, T) int32, the phrase of each, PAD behind it.
    Its output is the five losses (see `settings.WEIGHTS`), each (B,): the mean of the batch, the
    same for each picture.

    Args:
        vocabulary_size: V.
        backbone: a name in `trunks.TRUNKS`.
        side: pixels of the longer side of the pictures, which the anchors are scaled to.
        pooled: F, channels that the grid is narrowed to before regions are pooled.
        filters: channels of the proposal head.
        code: C.
        hidden: units of the LSTM. embedding: size of the word vectors.
        dropout: share of units dropped in training, 0 to 1.
        sample: S. phrases: how many are learned from each picture, on average, at most.
        positive, negative: see `regions.sampler`.
        box_gradient: share, 0 to 1, of the gradient of the second stage's losses that reaches the
            corners of the boxes by way of the RoI pooling. A phrase gets likelier by hundredths of
            a nat for each pixel that a corner moves, the loss of the boxes falls by hundredths of
            that: with the whole gradient the boxes go where the words want them.
        frozen: the trunk is not trained.
        weights: of the trunk, see `backbones`; a file of the model brings its own.
    """

    def __init__(
        self,
        vocabulary_size: int,
        backbone: str = "scenes",
        side: int | None = None,
        pooled: int = 128,
        filters: int = 256,
        code: int = 512,
        hidden: int = 512,
        embedding: int = 512,
        dropout: float = 0.5,
        sample: int = 256,
        phrases: int = 64,
        positive: float = 0.7,
        negative: float = 0.3,
        box_gradient: float = 0.01,
        frozen: bool = False,
        weights: str = "random",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._settings = {
            "vocabulary_size": vocabulary_size, "backbone": backbone, "side": side,
            "pooled": pooled, "filters": filters, "code": code, "hidden": hidden,
            "embedding": embedding, "dropout": dropout, "sample": sample, "phrases": phrases,
            "positive": positive, "negative": negative, "box_gradient": box_gradient,
            "frozen": frozen,
        }  # fmt: skip
        self.vocabulary_size, self.phrases = vocabulary_size, phrases
        self.box_gradient = box_gradient
        policy = self.dtype_policy
        # First, and in it the trunk: the optimizer tells that apart by its place.
        self.proposals = ProposalNet(
            backbone, side, filters, frozen, weights, name="proposals", dtype=policy
        )
        self.sampler = BoxSampler(sample, positive, negative, name="sampler")
        self.narrow = keras.layers.Conv2D(
            pooled, 1, activation="relu", name="narrow", dtype=policy
        )
        self.pooling = RoiPooling(self.proposals.stride, PARTS, name="pooling", dtype=policy)
        self.recognition = Recognition(code, dropout, name="recognition", dtype=policy)
        # Its first input is the code of a region.
        self.writer = LanguageModel(
            vocabulary_size, (code,), hidden, embedding, feature_dropout=0.0, dropout=dropout,
            name="writer", dtype=policy,
        )  # fmt: skip

    def build(self, input_shape=None):
        """Make every weight now, so that a loaded model needs no first call."""
        settings = self._settings
        self.proposals.build()
        self.narrow.build((None, None, None, self.proposals.depth))
        self.recognition.build((None, None, PARTS, PARTS, settings["pooled"]))
        self.writer.build()
        self.built = True

    def trunk_variables(self) -> int:
        """How many of the trainable variables, the first ones, are the trunk's."""
        return len(self.proposals.trunk.trainable_variables)

    def call(self, inputs, training=False):
        grid = self.proposals.look(inputs["pictures"])
        found = self.proposals.head(grid)
        drawn = self.sampler(found["boxes"], inputs["boxes"], inputs["real"])
        first = self.sampler.positive_slots
        positive = drawn["positive"][:, :first]  # (B, P)
        truth = drawn["truth"][:, :first]
        boxes = _at(found["boxes"], drawn["index"])  # (B, S, 4)
        truths = _at(inputs["boxes"], truth)  # (B, P, 4)

        places = drawn["index"][:, :first]
        anchors = _at(ops.repeat(found["anchors"], ops.shape(boxes)[0], axis=0), places)
        deltas = _at(found["deltas"], places)
        fixed = ops.stop_gradient(boxes)
        boxes = fixed + self.box_gradient * (boxes - fixed)
        codes, scores, last = self._recognise(grid, boxes, training)
        wanted = transform.encode(truths, fixed[:, :first])
        values = {
            "proposal_objectness": losses.objectness(
                ops.take_along_axis(found["scores"], drawn["index"], axis=1),
                drawn["positive"], drawn["drawn"],
            ),
            "proposal_boxes": losses.box_distance(
                deltas, transform.encode(truths, anchors), positive
            ),
            "final_objectness": losses.objectness(scores, drawn["positive"], drawn["drawn"]),
            "final_boxes": losses.box_distance(last[:, :first], wanted, positive),
            "captions": self._spoken(codes[:, :first], inputs["words"], truth, positive, training),
        }  # fmt: skip
        pictures = ops.ones_like(found["scores"][:, 0])  # (B,)
        return {name: value * pictures for name, value in values.items()}

    def _recognise(self, grid, boxes, training=False):
        """Grid and boxes (B, R, 4) -> codes (B, R, C), scores (B, R), deltas (B, R, 4)."""
        return self.recognition(self.pooling(self.narrow(grid), boxes), training=training)

    def _spoken(self, codes, words, truth, positive, training):
        """Loss of phrases of the P positive places; codes (B, P, C), words (B, G, T).

        Most places are empty where few boxes are positive: so many phrases as `phrases` says, of
        all pictures together, are gathered; every picture gives its first ones before any gives
        more.
        """
        pictures, places = ops.shape(positive)
        count = pictures * min(self.phrases, self.sampler.positive_slots)
        turn = ops.where(positive, places - ops.arange(places), 0)
        chosen = ops.top_k(ops.reshape(turn, (-1,)), count)[1]  # (M,) of the B * P places
        codes = ops.take(ops.reshape(codes, (-1, self._settings["code"])), chosen, axis=0)
        described, length = ops.shape(words)[1:]
        truth = truth + described * ops.arange(pictures, dtype=truth.dtype)[:, None]
        truth = ops.take(ops.reshape(truth, (-1,)), chosen)
        words = ops.take(ops.reshape(words, (-1, length)), truth, axis=0)  # (M, T)
        there = ops.take(ops.reshape(positive, (-1,)), chosen)

        start = ops.full_like(words[:, :1], START)
        before = ops.concatenate([start, words[:, :-1]], axis=1)
        inputs = {
            "features": codes, "words": before[:, None], "positions": ops.arange(count * length),
        }  # fmt: skip
        logits = self.writer(inputs, training=training)  # (M * T, V)
        real = ops.logical_and(words != PAD, there[:, None])
        return losses.words(logits, ops.reshape(words, (-1,)), ops.reshape(real, (-1,)))

    def recognise(self, grid, boxes):
        """What is in boxes (B, R, 4) of a grid.

        Returns:
            codes (B, R, C), scores (B, R), logits, and the boxes (B, R, 4) as they are better.
        """
        codes, scores, deltas = self._recognise(grid, boxes)
        height, width = ops.shape(grid)[1:3]
        stride = self.proposals.stride
        better = transform.decode(deltas, boxes)
        return codes, scores, transform.clip(better, width * stride, height * stride)

    def get_config(self):
        return {**super().get_config(), **self._settings}


def _at(values, index):
    """Rows (B, N, 4) at (B, S) -> (B, S, 4)."""
    return ops.take_along_axis(values, index[..., None], axis=1)
