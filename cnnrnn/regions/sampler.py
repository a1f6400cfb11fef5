"""Which proposals are learned from: the box sampler of DenseCap, with static shapes.

Every box of a picture is compared with its truths (Ren et al. 2015, Johnson et al. 2016):

    positive   IoU with some truth above `positive`, or the best box of a truth (at least one box
               stands for every truth, however small)
    negative   IoU with every truth below `negative`
    neither    all others: they are not drawn

Of the positives at most `positive_slots` are drawn, the rest of the S places goes to negatives.
What is drawn stands in S places: first the positives, then the negatives, last places that are
empty because there were not enough of either. Format of boxes: (x1, y1, x2, y2) in pixels.

Dimension letters: B pictures, N boxes, G truths, S places.
"""

from __future__ import annotations

from cnnrnn import backend
from cnnrnn.errors import UsageError
from cnnrnn.regions import transform

keras = backend.keras()
ops = keras.ops


@keras.saving.register_keras_serializable("cnnrnn.regions")
class BoxSampler(keras.layers.Layer):
    """Draws proposals to learn from.

    Args:
        size: S, places of a picture.
        positive: IoU with a truth above which a box is of it.
        negative: IoU with all truths below which a box is of none.
        share: of the places that positives may take, 0 to 1.
        seed: of the draw.
    """

    def __init__(
        self,
        size: int = 256,
        positive: float = 0.7,
        negative: float = 0.3,
        share: float = 0.5,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if size < 2 or not 0 <= negative <= positive <= 1 or not 0 < share < 1:
            raise UsageError(
                f"{size} places, IoU {negative} to {positive}, share {share} make no sample",
                "at least 2 places, 0 <= negative <= positive <= 1, a share between 0 and 1",
            )
        self.size, self.positive, self.negative, self.share = size, positive, negative, share
        self.seed = seed
        self.generator = keras.random.SeedGenerator(seed)

    @property
    def positive_slots(self) -> int:
        """The first so many places hold all the positives."""
        return max(1, int(self.size * self.share))

    def call(self, boxes, truths, real):
        """Draw.

        Args:
            boxes: (B, N, 4), N at least S.
            truths: (B, G, 4); what stands in a place that is not real does not count.
            real: (B, G) bool.

        Returns:
            a dictionary of (B, S) arrays: `index` int32, the box in each place; `truth` int32, the
            truth it has most in common with; `positive` bool; `drawn` bool, False in an empty
            place. Nothing is differentiable.
        """
        overlap = transform.iou(ops.stop_gradient(boxes), truths)  # (B, N, G)
        overlap = ops.where(real[:, None, :], overlap, 0.0)
        highest = ops.max(overlap, axis=-1)  # (B, N)
        # A box that stands for a truth is of that one, whatever else it overlaps.
        claim = overlap + 2.0 * self._best(overlap)
        truth = ops.argmax(claim, axis=-1)
        best = ops.max(claim, axis=-1) > 2.0
        positive = ops.logical_or(highest > self.positive, best)
        negative = ops.logical_and(highest < self.negative, ops.logical_not(best))

        lot = keras.random.uniform(ops.shape(highest), seed=self.generator)
        # The box that stands for a truth is drawn before those that also overlap it.
        first = ops.where(positive, lot + ops.cast(best, lot.dtype), -1.0)
        bound = ops.top_k(first, self.positive_slots)[0][:, -1:]
        chosen = ops.logical_and(positive, first >= bound)
        order = ops.where(chosen, 2.0 + lot, ops.where(negative, lot, -1.0))
        value, index = ops.top_k(order, self.size)
        return {
            "index": index,
            "truth": ops.take_along_axis(truth, index, axis=1),
            "positive": value >= 2.0,
            "drawn": value >= 0.0,
        }

    def _best(self, overlap):
        """(B, N, G) of 0 and 1: which box has the highest IoU of each truth.

        One box a truth, the first of equals; none for a truth that no box touches, such as an
        empty place.
        """
        holder = ops.argmax(overlap, axis=1)  # (B, G)
        touched = ops.cast(ops.max(overlap, axis=1) > 0, "float32")
        marks = ops.one_hot(holder, ops.shape(overlap)[1], axis=1, dtype="float32")  # (B, N, G)
        return marks * touched[:, None, :]

    def compute_output_shape(self, boxes_shape, truths_shape=None, real_shape=None):
        place = (boxes_shape[0], self.size)
        return {name: place for name in ("index", "truth", "positive", "drawn")}

    def get_config(self):
        own = {
            "size": self.size, "positive": self.positive, "negative": self.negative,
            "share": self.share, "seed": self.seed,
        }  # fmt: skip
        return {**super().get_config(), **own}
