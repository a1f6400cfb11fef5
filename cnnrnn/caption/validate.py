"""The figures of a captioner on pictures that it does not learn from, after each epoch."""

from __future__ import annotations

import math

from cnnrnn import backend
from cnnrnn.caption.batches import CaptionBatches, encoded
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
        loss = self._loss(model)
        texts = self._captioner.texts(self.pictures, _GREEDY)
        scores = scored(
            "validation",
            self.pictures.examples,
            texts,
            self.vocabulary.tokenizer,
            meteor=False,
            intervals=False,
        ).scores
        return {
            "val_loss": loss,
            "val_perplexity": _perplexity(loss),
            "val_Bleu_4": scores["Bleu_4"],
            "val_CIDEr": scores["CIDEr"],
        }

    def perplexity(self, model) -> float:
        """How many equally likely words each word would be one of."""
        return _perplexity(self._loss(model))

    def _loss(self, model) -> float:
        """Nats a word, without smoothing."""
        plain, total, words = WordCrossEntropy(reduction=None), 0.0, 0
        for inputs, targets in self.batches.in_order():
            losses = plain(targets, model.predict_on_batch(inputs))
            total += float(backend.keras().ops.convert_to_numpy(losses).sum())
            words += len(targets)
        return total / max(words, 1)


def _perplexity(loss: float) -> float:
    return math.exp(min(loss, 50.0))


def batches_of(vocabulary: Vocabulary, pictures: Pictures, batch: int) -> CaptionBatches:
    """Pictures with all their captions, as they are learned and validated."""
    return CaptionBatches(
        encoded(pictures.examples, vocabulary), pictures.features, batch=batch
    )
