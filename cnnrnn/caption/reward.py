"""Self-critical training: captions that the model draws itself, weighed by their CIDEr.

After Rennie et al. 2017. Of each picture the model draws C captions; the advantage of one is its
CIDEr-D less the mean of the others' (Luo 2020), and the loss is

    - sum over its words of advantage * log p(word) / all words of the batch

so what is above the model's own usual becomes likelier, and what is below it less so. The end of
a sentence counts as a word, else sentences would break off after words that end nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cnnrnn.caption.batches import CAPTIONS, CaptionBatches
from cnnrnn.text.cider import CiderD
from cnnrnn.text.decoder import sample
from cnnrnn.text.vocabulary import END, PAD, START
from cnnrnn.text.writer import GraphSteps

OFFERED = 200  # of the words, the likeliest at each step are drawn from; the rest is noise


class RewardBatches:
    """Batches that the model makes while it learns from them.

    Args:
        batches: the pictures with the captions that people wrote.
        max_words: of a drawn caption.
    """

    def __init__(self, batches: CaptionBatches, max_words: int):
        self.batches, self.max_words = batches, max_words
        self._reward = CiderD([[[*text, END] for text in texts] for texts in batches.captions])
        self._steps: GraphSteps | None = None
        self._model = None

    def steps(self) -> int:
        """Batches of an epoch."""
        return self.batches.steps()

    def online(
        self, model, generator: np.random.Generator
    ) -> Iterator[tuple[dict, np.ndarray, np.ndarray]]:
        """(inputs, targets, weights) of one epoch, each drawn when it is asked for.

        Inputs and targets are laid out as those of `CaptionBatches`; the weights (N,) are the
        advantages of the sentences that the words are of.
        """
        if self._model is not model:
            self._steps = GraphSteps(model, min(OFFERED, model.vocabulary_size))
            self._model = model
        size = self.batches.batch
        order = generator.permutation(len(self.batches.captions))
        for first in range(0, len(order), size):
            # A smaller last batch would be compiled anew: it is filled up from the beginning.
            pictures = np.sort(np.resize(order[first:], size) if first + size > len(order)
                               else order[first : first + size])
            features = self.batches.features.read(pictures)
            drawn = sample(self._steps, features, CAPTIONS, self.max_words, generator)
            yield self._batch(pictures, features, drawn)

    def _batch(self, pictures: np.ndarray, features: np.ndarray, drawn: np.ndarray):
        targets = drawn[..., : int((drawn != PAD).any((0, 1)).sum())]
        words = np.concatenate([np.full_like(targets[..., :1], START), targets[..., :-1]], axis=-1)
        # What follows the end is padding, not the end.
        words[words == END] = PAD
        rewards = np.array([
            [self._reward.score(picture, text[text != PAD].tolist()) for text in texts]
            for picture, texts in zip(pictures.tolist(), targets, strict=True)
        ])
        positions = np.flatnonzero(targets != PAD).astype(np.int32)
        weights = np.broadcast_to(advantages(rewards)[..., None], targets.shape)
        inputs = {"features": features, "words": words, "positions": positions}
        return inputs, targets.ravel()[positions], weights.ravel()[positions].astype(np.float32)


def advantages(rewards: np.ndarray) -> np.ndarray:
    """How far each reward (B, C) lies above the mean of the others of its picture."""
    others = rewards.shape[1] - 1
    return (rewards - rewards.mean(axis=1, keepdims=True)) * (1 + 1 / others)
