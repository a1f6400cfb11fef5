"""The figures of DenseCap on pictures that it does not learn from, after each epoch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from cnnrnn.densecap.batches import RegionBatches
from cnnrnn.densecap.describer import DenseCaptioner, Described, DescribeSettings
from cnnrnn.densecap.layouts import Example
from cnnrnn.densecap.pictures import Pictures
from cnnrnn.densecap.settings import WEIGHTS
from cnnrnn.regions.metrics import Found, region_scores
from cnnrnn.text import stem_match
from cnnrnn.text.vocabulary import Vocabulary

# METEOR's program would take longer than the epoch, and is not on every machine.
MONITOR = f"val_map_{stem_match.KEY}"
BOXES = "val_detmap"
_DESCRIBED = 100  # pictures; all of them count for the losses
_QUICK = DescribeSettings(proposals=100, max_regions=50)


def monitor(weights: Sequence[float]) -> str:
    """The figure that chooses the best epoch: of boxes alone where no words are learned.

    Args:
        weights: of the losses.
    """
    return MONITOR if dict(zip(WEIGHTS, weights, strict=True))["captions"] else BOXES


class Validation:
    """The five losses, their sum, and the mean average precisions.

    Args:
        vocabulary: the model's words.
        pictures: those kept aside.
        batches: the same with their phrases.
        weights: of the losses.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        pictures: Pictures,
        batches: RegionBatches,
        weights: Sequence[float],
    ):
        self.vocabulary, self.pictures, self.batches = vocabulary, pictures, batches
        self.weights = dict(zip(WEIGHTS, weights, strict=True))
        self._describer: DenseCaptioner | None = None

    def __call__(self, model) -> dict[str, float]:
        """`val_loss`, `val_NAME_loss` of each loss, `val_detmap`, and `MONITOR`."""
        if self._describer is None or self._describer.model is not model:
            self._describer = DenseCaptioner(
                model, self.vocabulary, self.pictures.loader, fixed=False
            )
        total: Counter = Counter()
        count = 0
        for inputs, _ in self.batches.in_order():
            values = model.predict_on_batch(inputs)
            total.update({name: float(np.mean(value)) for name, value in values.items()})
            count += 1
        losses = {name: total[name] / max(count, 1) for name in WEIGHTS}
        sum_of = sum(self.weights[name] * value for name, value in losses.items())
        examples = self.pictures.examples[:_DESCRIBED]
        described = self._describer.stream((each.source for each in examples), _QUICK)
        scores = region_scores(
            [compared(each, found) for each, found in zip(examples, described, strict=True)],
            java=False,
        )
        return {
            "val_loss": sum_of,
            **{f"val_{name}_loss": value for name, value in losses.items()},
            BOXES: scores.detmap,
            MONITOR: scores.map,
        }


def compared(example: Example, found: Described) -> Found:
    """What was found in a picture beside what is there, in the pixels of the data."""
    width, height = example.size or found.size
    scale = np.array([width / max(found.size[0], 1), height / max(found.size[1], 1)] * 2)
    return Found(
        np.array([region.box for region in found.regions]).reshape(-1, 4) * scale,
        np.array([region.score for region in found.regions]),
        [region.phrase for region in found.regions],
        np.array([region.box for region in example.regions]).reshape(-1, 4),
        [region.phrase for region in example.regions],
    )
