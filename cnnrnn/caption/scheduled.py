"""Scheduled sampling: a net that learns to go on from its own words, not only from people's.

After Bengio et al. 2015, in the batched form of Mihaylova and Martins 2019: a first pass over the
captions as people wrote them says which word the net itself would put at each place; a share of
the words that it reads is exchanged for these, and from the mixture it learns what people wrote.
The share rises from nothing in the first epoch to its highest in the last.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cnnrnn import backend
from cnnrnn.caption.batches import CaptionBatches
from cnnrnn.text.vocabulary import END


class ScheduledBatches:
    """Batches in which some words are the model's own.

    Args:
        batches: the pictures with the captions that people wrote.
        share: of the words that are exchanged in the last epoch, 0 to 1.
        epochs: of the training.
    """

    def __init__(self, batches: CaptionBatches, share: float, epochs: int):
        self.batches, self.share, self.epochs = batches, share, epochs
        self._said = self._model = None

    def steps(self) -> int:
        """Batches of an epoch."""
        return self.batches.steps()

    def online(
        self, model, generator: np.random.Generator
    ) -> Iterator[tuple[dict, np.ndarray]]:
        """(inputs, targets) of one epoch, laid out as those of `CaptionBatches`."""
        if self._model is not model:
            self._said, self._model = _words_of(model), model
        # The model knows how far it is, also when its training was resumed.
        epoch = int(model.optimizer.iterations) // self.steps()
        share = self.share * min(1.0, epoch / max(1, self.epochs - 1))
        for inputs, targets in self.batches.epoch(generator):
            if share:
                own = self._said(inputs)
                inputs = {**inputs, "words": mixed(inputs, targets, own, share, generator)}
            yield inputs, targets


def mixed(
    inputs: dict, targets: np.ndarray, own: np.ndarray, share: float, generator
) -> np.ndarray:
    """The words (B, C, T) that a net reads, some of them its own.

    Args:
        inputs: with `words` and `positions`.
        targets: (N,), the words behind the positions.
        own: (N,), those that the net would put there.
        share: of the words that are exchanged.
        generator: draws them.
    """
    drawn = (targets != END) & (generator.random(len(targets)) < share)
    words = inputs["words"].copy()
    words.reshape(-1)[inputs["positions"][drawn] + 1] = own[drawn]
    return words


def _words_of(model):
    """A function of inputs: the likeliest word (N,) that can be spoken behind each position."""
    ops = backend.keras().ops
    return backend.compiled(lambda inputs: ops.argmax(model.spoken(model(inputs)), axis=-1))
