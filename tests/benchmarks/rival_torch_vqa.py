"""The answering models `San` and `LstmCnn` written in PyTorch, trained on the same batches.

Everything that can be chosen in PyTorch's favour is: the picture is projected once for all its
questions, the optimizer is the fused one, batches are made in a thread, and of packed and padded
questions the faster is taken.
"""

from __future__ import annotations

import math
import time
from itertools import islice

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pack_padded_sequence

from cnnrnn.ahead import prefetched
from cnnrnn.training.fit import FitSettings
from cnnrnn.vqa.answers import NONE
from cnnrnn.vqa.batches import QuestionBatches
from cnnrnn.vqa.models.picture import PLACE_DEPTH, place_code

_TRIAL_STEPS = 3


def _unit_scale(features: torch.Tensor) -> torch.Tensor:
    """See `models.scale.to_unit_scale`; standardising needs no training and is left out."""
    axes = tuple(range(1, features.dim()))
    return features * torch.rsqrt(features.square().mean(axes, keepdim=True) + 1e-6)


class _Question(nn.Module):
    """Words (N, L) to the states after the last word, (hidden, cell) of each layer."""

    def __init__(self, words: int, embedding: int, hidden: int, layers: int, dropout: float):
        super().__init__()
        self.embed = nn.Embedding(words, embedding)
        self.dropout = nn.Dropout(dropout)
        self.lstm = nn.LSTM(embedding, hidden, layers, batch_first=True)

    def forward(self, words: torch.Tensor, packed: bool) -> list[torch.Tensor]:
        vectors = self.dropout(self.embed(words))
        lengths = (words != 0).sum(dim=1)
        if packed:
            # PyTorch packs no empty question; its state is put to zero below.
            vectors = pack_padded_sequence(
                vectors, lengths.clamp(min=1), batch_first=True, enforce_sorted=False
            )
            _, (hidden, cell) = self.lstm(vectors)
            real = (lengths > 0)[:, None]
            return [part * real for pair in zip(hidden, cell, strict=True) for part in pair]
        # Padding comes last: the state at the last word has not seen it. Cells are only known at
        # the end, so that a model that reads them must pack.
        sequence, _ = self.lstm(vectors)
        place = (lengths - 1).clamp(min=0)[:, None, None].expand(-1, 1, sequence.shape[-1])
        return [sequence.gather(1, place)[:, 0] * (lengths > 0)[:, None]]


class TorchSan(nn.Module):
    """The layers of `San`; dimension letters as there.

    Args:
        sizes: words, answers, D, H and E.
        grid: rows and columns.
        hops: looks.
        dropout: share, 0 to 1.
    """

    def __init__(
        self, sizes: tuple[int, int, int, int, int], grid: tuple[int, int], hops: int,
        dropout: float,
    ):  # fmt: skip
        super().__init__()
        words, answers, depth, hidden, embedding = sizes
        self.read = _Question(words, embedding, hidden, 1, dropout)
        self.register_buffer("code", torch.from_numpy(place_code(*grid)))
        self.project = nn.Linear(depth, hidden)
        self.place = nn.Linear(PLACE_DEPTH, hidden, bias=False)
        self.of_cells = nn.ModuleList(nn.Linear(hidden, hidden, bias=False) for _ in range(hops))
        self.of_query = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(hops))
        self.score = nn.ModuleList(nn.Linear(hidden, 1, bias=False) for _ in range(hops))
        self.cosine = nn.ModuleList(nn.Linear(hidden, PLACE_DEPTH) for _ in range(hops - 1))
        self.sine = nn.ModuleList(nn.Linear(hidden, PLACE_DEPTH) for _ in range(hops - 1))
        self.join = nn.Linear((1 + hops) * hidden + hops, hidden)
        self.answer = nn.Linear(hidden, answers)
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: torch.Tensor, words: torch.Tensor, packed: bool) -> torch.Tensor:
        count = words.shape[1]
        states = self.read(words.flatten(0, 1), packed)
        question = _unit_scale(states[0]).unflatten(0, (-1, count))  # (B, Q, H)
        cells = _unit_scale(features).flatten(1, 2)
        cells = torch.tanh(self.project(cells) + self.place(self.code))  # (B, K, H)
        query, met, fits, place = question, [], [], None
        for number, score in enumerate(self.score):
            keys, asked = self.of_cells[number](cells), self.of_query[number](query)
            scores = score(torch.tanh(keys[:, None] + asked[:, :, None]))[..., 0]
            if number:
                sin_x, cos_x, sin_y, cos_y = place.chunk(4, dim=-1)
                quarter = torch.cat([cos_x, -sin_x, cos_y, -sin_y], dim=-1)
                near = place * self.cosine[number - 1](question)
                near = near + quarter * self.sine[number - 1](question)
                scores = scores + near @ self.code.T
            total = scores.logsumexp(dim=-1, keepdim=True)
            where = (scores - total).exp()
            seen, place = where @ cells, where @ self.code
            query = query + seen
            met.append(question * seen)
            fits.append(total - math.log(cells.shape[1]))
        found = self.dropout(torch.cat([query, *met], dim=-1))
        codes = self.dropout(torch.relu(self.join(torch.cat([found, *fits], dim=-1))))
        return self.answer(codes).flatten(0, 1)


class TorchLstmCnn(nn.Module):
    """The layers of `LstmCnn` with the product.

    Args: as `TorchSan`; layers: of the LSTM.
    """

    def __init__(self, sizes: tuple[int, int, int, int, int], layers: int, dropout: float):
        super().__init__()
        words, answers, depth, hidden, embedding = sizes
        self.read = _Question(words, embedding, hidden, layers, dropout)
        self.states = nn.Linear(2 * layers * hidden, hidden)
        self.see, self.join = nn.Linear(depth, hidden), nn.Linear(hidden, hidden)
        self.answer, self.dropout = nn.Linear(hidden, answers), nn.Dropout(dropout)

    def forward(self, features: torch.Tensor, words: torch.Tensor, packed: bool) -> torch.Tensor:
        states = torch.cat(self.read(words.flatten(0, 1), True), dim=-1)
        question = torch.tanh(self.states(_unit_scale(states))).unflatten(0, (-1, words.shape[1]))
        picture = torch.tanh(self.see(_unit_scale(features)))[:, None]
        codes = torch.tanh(self.join(self.dropout(question * picture)))
        return self.answer(self.dropout(codes)).flatten(0, 1)


class TorchTraining:
    """Trains one of these.

    Args:
        model: the model.
        batches: the training data, made anew for each epoch.
        settings: those of our own training.
        smoothing: of the labels.
    """

    def __init__(
        self, model: nn.Module, batches: QuestionBatches, settings: FitSettings, smoothing: float
    ):
        self.model, self.batches, self.settings = model, batches, settings
        self.smoothing = smoothing
        biases = [each for name, each in model.named_parameters() if "bias" in name]
        others = [each for name, each in model.named_parameters() if "bias" not in name]
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

    def questions_per_second(self) -> float:
        """One epoch."""
        return self._epoch(self.packed)

    def _epoch(self, packed: bool, steps: int | None = None) -> float:
        self._epochs += 1
        generator = np.random.default_rng(self._epochs)
        questions, began = 0, time.perf_counter()
        for inputs, targets in islice(prefetched(self.batches.epoch(generator)), steps):
            self._step(inputs, targets, packed)
            questions += int((targets != NONE).sum())
        return questions / (time.perf_counter() - began)

    def _step(self, inputs: dict[str, np.ndarray], targets: np.ndarray, packed: bool) -> float:
        words = torch.from_numpy(inputs["words"]).long()
        features = torch.from_numpy(inputs["features"]).float()
        loss = cross_entropy(
            self.model(features, words, packed), torch.from_numpy(targets).long(),
            ignore_index=NONE, label_smoothing=self.smoothing,
        )  # fmt: skip
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip_norm)
        self.optimizer.step()
        return loss.item()
