"""The captioner `InjectInit` written in PyTorch with `nn.LSTM`, trained on the same batches.

Everything that can be chosen in PyTorch's favour is: the picture passes once for its five captions,
padding never reaches the vocabulary layer, the optimizer is the fused one, batches are made in a
thread, and of packed and padded sequences the faster is taken.
"""

from __future__ import annotations

import time
from itertools import islice

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence

from cnnrnn.ahead import prefetched
from cnnrnn.caption.batches import CaptionBatches
from cnnrnn.text.vocabulary import PAD
from cnnrnn.training.fit import FitSettings
from tests.benchmarks import measure

_TRIAL_STEPS = 4


class TorchCaptioner(nn.Module):
    """The layers of `InjectInit`; dimension letters as there.

    Args:
        depth: D of the picture vectors.
        feature_dropout, dropout: shares, 0 to 1.
    """

    def __init__(self, depth: int, feature_dropout: float, dropout: float):
        super().__init__()
        self.feature_dropout, self.dropout = nn.Dropout(feature_dropout), nn.Dropout(dropout)
        self.picture = nn.Linear(depth, measure.EMBEDDING)
        self.embed = nn.Embedding(measure.VOCABULARY, measure.EMBEDDING)
        self.lstm = nn.LSTM(measure.EMBEDDING, measure.HIDDEN, batch_first=True)
        self.join = nn.Linear(measure.HIDDEN, measure.EMBEDDING)
        self.vocabulary = nn.Linear(measure.EMBEDDING, measure.VOCABULARY)

    def forward(
        self, features: torch.Tensor, words: torch.Tensor, positions: torch.Tensor, packed: bool
    ) -> torch.Tensor:
        """Features (B, D), words (B, C, T), positions (N,) of real words -> logits (N, V).

        The N real words lie as in `PackedSequence.data` if packed, else caption after caption.
        """
        captions, length = words.shape[1:]
        _, state = self.lstm(self.picture(self.feature_dropout(features))[:, None])
        state = tuple(part.repeat_interleave(captions, dim=1) for part in state)
        vectors = self.dropout(self.embed(words.reshape(-1, length)))
        if packed:
            hidden = self.lstm(_packed(vectors, words), state)[0].data
        else:
            hidden = self.lstm(vectors, state)[0].reshape(-1, measure.HIDDEN)
            hidden = hidden.index_select(0, positions)
        return self.vocabulary(self.dropout(torch.tanh(self.join(hidden))))


def _packed(sequences: torch.Tensor, words: torch.Tensor) -> PackedSequence:
    """Sequences (B * C, T, ...) without what stands for padding in `words` (B, C, T)."""
    lengths = (words != PAD).sum(dim=-1).flatten()
    return pack_padded_sequence(sequences, lengths, batch_first=True, enforce_sorted=False)


class TorchTraining:
    """Trains `TorchCaptioner`.

    Args:
        batches: the training data, made anew for each epoch.
        settings: those of our own training.
        shares: feature dropout, dropout and label smoothing.
    """

    def __init__(
        self, batches: CaptionBatches, settings: FitSettings, shares: tuple[float, float, float]
    ):
        *dropouts, smoothing = shares
        self.batches, self.settings = batches, settings
        self.model = TorchCaptioner(batches.features.row_shape[-1], *dropouts)
        self.loss = nn.CrossEntropyLoss(label_smoothing=smoothing)
        biases = [each for name, each in self.model.named_parameters() if "bias" in name]
        others = [each for name, each in self.model.named_parameters() if "bias" not in name]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": others, "weight_decay": settings.weight_decay},
                {"params": biases, "weight_decay": 0.0},
            ],
            lr=settings.learning_rate,
            fused=True,
        )
        self._epochs = 0
        trials = {}
        for packed in (True, False):
            self._epoch(packed, _TRIAL_STEPS)
            trials[packed] = self._epoch(packed, _TRIAL_STEPS)
        self.packed = trials[True] > trials[False]

    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(each.numel() for each in self.model.parameters())

    def words_per_second(self) -> float:
        """One epoch."""
        return self._epoch(self.packed)

    def _epoch(self, packed: bool, steps: int | None = None) -> float:
        self._epochs += 1
        generator = np.random.default_rng(self._epochs)
        words, began = 0, time.perf_counter()
        for inputs, targets in islice(prefetched(self.batches.epoch(generator)), steps):
            self._step(inputs, targets, packed)
            words += len(targets)
        return words / (time.perf_counter() - began)

    def _step(self, inputs: dict[str, np.ndarray], targets: np.ndarray, packed: bool) -> float:
        words = torch.from_numpy(inputs["words"])
        positions = torch.from_numpy(inputs["positions"]).long()
        right = torch.from_numpy(targets).long()
        if packed:
            spread = torch.zeros(words.numel(), dtype=torch.long)
            spread[positions] = right
            right = _packed(spread.reshape(-1, words.shape[-1]), words).data
        features = torch.from_numpy(inputs["features"]).float()
        loss = self.loss(self.model(features, words, positions, packed), right)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip_norm)
        self.optimizer.step()
        return loss.item()
