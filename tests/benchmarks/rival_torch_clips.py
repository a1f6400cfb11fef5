"""The video classifier `Lstm` written in PyTorch with `nn.LSTM`, trained on the same batches."""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import nn

from cnnrnn.ahead import prefetched
from cnnrnn.training.fit import FitSettings
from cnnrnn.video_classify.batches import ClipBatches


class TorchClassifier(nn.Module):
    """Frames (B, T, D), all of them real -> logits (B, L), with the layers of `Lstm`.

    Args:
        sizes: D, H and L.
        feature_dropout, dropout: shares, 0 to 1.
    """

    def __init__(self, sizes: tuple[int, int, int], feature_dropout: float, dropout: float):
        super().__init__()
        depth, hidden, labels = sizes
        self.register_buffer("mean", torch.zeros(depth))
        self.register_buffer("scale", torch.ones(depth))
        self.feature_dropout, self.dropout = nn.Dropout(feature_dropout), nn.Dropout(dropout)
        self.project = nn.Linear(depth, hidden)
        self.fuse = nn.LSTM(hidden, hidden, batch_first=True)
        self.classify = nn.Linear(hidden, labels)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        frames = self.feature_dropout((frames - self.mean) / self.scale)
        sequence, _ = self.fuse(self.project(frames))
        return self.classify(self.dropout(sequence[:, -1]))


class TorchClips:
    """Trains `TorchClassifier` with a fused optimizer, on batches that are made in a thread.

    Args:
        batches: the training data, made anew for each epoch.
        settings: those of our own training.
        sizes: D, H and L.
        shares: feature dropout, dropout and label smoothing.
    """

    def __init__(
        self,
        batches: ClipBatches,
        settings: FitSettings,
        sizes: tuple[int, int, int],
        shares: tuple[float, float, float],
    ):
        *dropouts, smoothing = shares
        self.batches, self.settings = batches, settings
        self.model = TorchClassifier(sizes, *dropouts)
        self.loss = nn.CrossEntropyLoss(label_smoothing=smoothing)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=settings.learning_rate,
            weight_decay=settings.weight_decay, fused=True,
        )  # fmt: skip
        self._epochs = 0

    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(each.numel() for each in self.model.parameters())

    def clips_per_second(self) -> float:
        """One epoch."""
        self._epochs += 1
        generator = np.random.default_rng(self._epochs)
        clips, began = 0, time.perf_counter()
        for inputs, labels in prefetched(self.batches.epoch(generator)):
            frames = torch.from_numpy(inputs["rgb"]).float()
            loss = self.loss(self.model(frames), torch.from_numpy(labels).long())
            self.optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip_norm)
            self.optimizer.step()
            loss.item()
            clips += len(labels)
        return clips / (time.perf_counter() - began)
