"""The figures of a captioner on pictures that it does not learn from, after each epoch."""

from __future__ import annotations

import math

import numpy as np

from cnnrnn.caption.batches import CaptionBatches
from cnnrnn.caption.captioner import Captioner
from cnnrnn.caption.evaluate import scored
from cnnrnn.caption.prepare import Pictures
from cnnrnn.text.decoder import DecodeSettings
from cnnrnn.text.losses import WordCrossEntropy
from cnnrnn.text.vocabulary import Vocabulary

_GREEDY = DecodeSettings(beam_width=1)


class Validation:
    """Loss, perplexity and the scores of greedy captions.

    Args:
        vocabulary: the model's words.
        pictures: the pictures kept aside.
        batches: the same with their captions.
    """

    def __init__(self, vocabulary: Vocabulary, pictures: Pictures, batches: CaptionBatches):
        self.vocabulary, self.pictures, self.batches = vocabulary, pictures, batches
        self._captioner: Captioner | None = None

    def __call__(self, model) -> dict[str, float]:
        """`val_loss` in nats a word (without smoothing), `val_perplexity`, `val_Bleu_4`,
        `val_CIDEr`."""
        if self._captioner is None or self._captioner.model is not model:
            self._captioner = Captioner(model, self.vocabulary, None)
        plain, total, words = WordCrossEntropy(reduction=None), 0.0, 0
        for inputs, targets in self.batches.in_order():
            losses = plain(targets, model.predict_on_batch(inputs))
            total, words = total + float(np.sum(losses)), words + len(targets)
        texts = self._captioner.texts(self.pictures, _GREEDY)
        scores = scored(
            "validation",
            self.pictures.examples,
            texts,
            self.vocabulary.tokenizer,
            meteor=False,
            intervals=False,
        ).scores
        loss = total / max(words, 1)
        return {
            "val_loss": loss,
            "val_perplexity": math.exp(min(loss, 50.0)),
            "val_Bleu_4": scores["Bleu_4"],
            "val_CIDEr": scores["CIDEr"],
        }
