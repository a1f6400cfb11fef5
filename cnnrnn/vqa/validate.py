"""The figures of a model on questions that it does not learn from, after each epoch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnrnn.vqa.answers import NONE
from cnnrnn.vqa.batches import QuestionBatches
from cnnrnn.vqa.prepare import Words
from cnnrnn.vqa.replies import RegressReplies

MONITOR = "val_accuracy"


class Validation:
    """Loss, and the share of questions whose first answer is the right one.

    An answer outside the vocabulary counts as wrong. A written answer is right where each word of
    the true one, and its end, is the most probable after those before it: that is what is written
    without a beam.

    Args:
        batches: of those questions.
        answers: the right answer to each of them.
        words: of the run.
        loss: of the head.
    """

    def __init__(self, batches: QuestionBatches, answers: Sequence[str], words: Words, loss):
        self.batches, self.words, self.loss = batches, words, loss
        self._numbers = np.append(words.answers.numbers(answers), NONE)
        self._nearest = RegressReplies(words) if words.vectors is not None else None

    def __call__(self, model) -> dict[str, float]:
        """`val_loss` and `val_accuracy`, 0 to 1."""
        total = steps = right = 0.0
        for inputs, targets, asked in self.batches.in_order():
            outputs = np.asarray(model.predict_on_batch(inputs))
            total += float(self.loss(targets, outputs))
            steps += 1
            right += self._right(inputs, outputs, targets, asked.ravel())
        return {
            "val_loss": total / max(steps, 1),
            MONITOR: right / (len(self._numbers) - 1),
        }

    def _right(self, inputs, outputs: np.ndarray, targets: np.ndarray, asked: np.ndarray) -> float:
        if self.words.spoken is not None:
            rows = inputs["positions"] // inputs["spoken"].shape[-1]
            wrong = np.bincount(rows, outputs.argmax(axis=-1) != targets, len(asked))
            return float(((wrong == 0) & (np.bincount(rows, minlength=len(asked)) > 0)).sum())
        if self._nearest is not None:
            outputs = self._nearest.scores(outputs)
        numbers = self._numbers[asked]
        return float(((outputs.argmax(axis=-1) == numbers) & (numbers != NONE)).sum())
