"""Words out of an LSTM language model: greedy and beam search and sampling, in batches.

A model is seen as two plain step functions (arrays in, arrays out), see `StepModel`; how they
are run (a compiled graph, another engine) is their maker's business. Captions, region phrases and
answers are all written by `decode`.

Dimension letters: B pictures, W beam width, S = B * W sequences, T words, K cells, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from cnnrnn.errors import UsageError
from cnnrnn.text.vocabulary import END, PAD, START


class StepModel(Protocol):
    """What a language model shows to the decoder."""

    def begin(self, features: np.ndarray, copies: int) -> tuple[Any, Any]:
        """Look at B pictures; returns (memory, state), the state repeated `copies` times each."""

    def advance(
        self, memory: Any, state: Any, parents: np.ndarray, words: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, Any, np.ndarray | None]:
        """One word further.

        Args:
            memory, state: as returned before.
            parents: (S,) int32, which sequence each new sequence continues.
            words: (S,) int32, the word it continues with.

        Returns:
            the best log-probabilities (S, M) in falling order, their words (S, M), the new
            state, and attention maps (S, K) or None.
        """


@dataclass(frozen=True)
class DecodeSettings:
    """How sentences are searched.

    beam_width: hypotheses kept at each step; 1 is greedy.
    max_words: a sentence is cut after so many words (the given beginning counts).
    length_penalty: a; hypotheses are ranked by log p / words ** a (Wu et al. 2016 use the like).
        0 ranks by log p alone and favours short sentences, 1 by the mean log p of a word.
    """

    beam_width: int = 3
    max_words: int = 20
    length_penalty: float = 0.4

    def __post_init__(self):
        if self.beam_width < 1:
            raise UsageError(f"a beam of width {self.beam_width} keeps nothing", "use 1 or more")
        if self.max_words < 1:
            raise UsageError(f"at most {self.max_words} words leave no sentence", "use 1 or more")


@dataclass
class Sentence:
    """One decoded sentence.

    words: word numbers without START and END; the given beginning included.
    log_probability: sum over the words chosen by the model, END included.
    score: `log_probability` after length normalisation; sentences are ordered by it.
    word_log_probabilities: one a word; NaN for words that were given.
    attention: (T, K) maps, one a word, or None.
    offered, probabilities: (T, M) word numbers and probabilities of the best words at each step;
        and, unless the sentence was cut, last those at its end.
    """

    words: list[int]
    log_probability: float
    score: float
    word_log_probabilities: list[float]
    attention: np.ndarray | None
    offered: np.ndarray
    probabilities: np.ndarray

    @property
    def choices(self) -> list[list[tuple[int, float]]]:
        """For each row of `offered` its (word number, probability) pairs, best first."""
        return [
            list(zip(words, shares, strict=True))
            for words, shares in zip(
                self.offered.tolist(), self.probabilities.tolist(), strict=True
            )
        ]


@dataclass
class _Step:
    """What one step leaves behind for the walk back from the end: arrays of length S."""

    parents: np.ndarray
    words: np.ndarray
    gains: np.ndarray  # log-probability of each word; NaN where it was given
    maps: np.ndarray | None  # where the model looked when the word was chosen, (S, K)
    best: tuple[np.ndarray, np.ndarray]  # log-probabilities and words, (S, M), before it


def decode(
    model: StepModel,
    features: np.ndarray,
    settings: DecodeSettings,
    start: Sequence[int] = (),
) -> list[list[Sentence]]:
    """Write sentences about B pictures.

    Args:
        model: the language model's step functions.
        features: (B, ...) as the model takes them.
        settings: width, length and ranking.
        start: word numbers every sentence begins with, without START.

    Returns:
        for each picture at most `beam_width` different sentences, best first.

    Raises:
        UsageError: the beginning leaves no room for a word.
    """
    if len(start) >= settings.max_words:
        raise UsageError(
            f"the beginning has {len(start)} words and a sentence at most {settings.max_words}",
            "give a shorter beginning or allow more words",
        )
    width = settings.beam_width
    search = _Search(len(features), width)
    memory, state = model.begin(features, width)
    words = np.full(len(features) * width, START, np.int32)
    parents = np.arange(len(words), dtype=np.int32)
    for position in range(settings.max_words):
        gains, choices, state, maps = model.advance(memory, state, parents, words)
        gains, choices = np.asarray(gains), np.asarray(choices)
        maps = None if maps is None else np.asarray(maps)
        if position < len(start):
            parents, words = search.follow(start[position], gains, choices, maps)
        else:
            parents, words = search.expand(gains, choices, maps, settings.length_penalty)
        if search.finished.all():
            break
    return search.sentences(settings.length_penalty, with_attention=maps is not None)


def sample(
    model: StepModel,
    features: np.ndarray,
    copies: int,
    max_words: int,
    generator: np.random.Generator,
) -> np.ndarray:
    """Draw sentences about B pictures from the model's own distribution.

    Args:
        model: the language model's step functions; of its words only those that it offers (the M
            best) are drawn, in proportion to their probabilities.
        features: (B, ...) as the model takes them.
        copies: sentences of each picture.
        max_words: a sentence is cut after so many words.
        generator: draws them.

    Returns:
        word numbers int32 (B, copies, max_words), END and then PAD behind a shorter sentence.
    """
    memory, state = model.begin(features, copies)
    count = len(features) * copies
    parents, words = np.arange(count, dtype=np.int32), np.full(count, START, np.int32)
    drawn = np.full((count, max_words), PAD, np.int32)
    ended = np.zeros(count, bool)
    for position in range(max_words):
        gains, choices, state, _ = model.advance(memory, state, parents, words)
        total = np.cumsum(np.exp(np.asarray(gains, np.float64)), axis=1)
        lot = generator.random((count, 1)) * total[:, -1:]
        place = np.minimum((total <= lot).sum(axis=1), total.shape[1] - 1)
        words = np.where(ended, PAD, np.asarray(choices)[parents, place]).astype(np.int32)
        drawn[:, position] = words
        ended |= words == END
        if ended.all():
            break
    return drawn.reshape(len(features), copies, max_words)


class _Search:
    """The state of a beam search over B pictures at once; all arrays are (B, W)."""

    def __init__(self, pictures: int, width: int):
        self.shape = (pictures, width)
        self.rows = np.arange(pictures)[:, None]
        # All beams of a picture begin equal: only the first may grow, else W times the same.
        self.log_probability = np.full(self.shape, -np.inf)
        self.log_probability[:, 0] = 0.0
        self.length = np.zeros(self.shape, np.int32)
        self.finished = np.zeros(self.shape, bool)
        self.steps: list[_Step] = []

    def follow(self, word, gains, choices, maps):
        """Take a given word in every sequence."""
        sequences = self.shape[0] * self.shape[1]
        words = np.full(sequences, word, np.int32)
        parents = np.arange(sequences, dtype=np.int32)
        self.length += 1
        given = np.full(sequences, np.nan)
        self.steps.append(_Step(parents, words, given, maps, (gains, choices)))
        return parents, words

    def expand(self, gains, choices, maps, penalty):
        """Keep the W best continuations of each picture's W hypotheses.

        A finished hypothesis stays in the beam, unchanged, as its own only continuation.
        """
        pictures, width = self.shape
        offered = min(gains.shape[-1], width)
        grid = (pictures, width, offered)
        gain = gains[:, :offered].reshape(grid).astype(np.float64)
        word = choices[:, :offered].reshape(grid)
        stays = np.full(offered, -np.inf)
        stays[0] = 0.0
        gain = np.where(self.finished[..., None], stays, gain)
        word = np.where(self.finished[..., None], END, word)
        total = self.log_probability[..., None] + gain
        length = np.broadcast_to((self.length + ~self.finished)[..., None], grid)
        score = (total / length**penalty).reshape(pictures, -1)
        kept = np.argsort(-score, axis=1, kind="stable")[:, :width]
        beam = kept // offered  # the hypothesis each survivor continues, 0..W-1

        self.log_probability = total.reshape(pictures, -1)[self.rows, kept]
        self.length = length.reshape(pictures, -1)[self.rows, kept]
        words = word.reshape(pictures, -1)[self.rows, kept]
        gained = gain.reshape(pictures, -1)[self.rows, kept].ravel()
        self.finished = words == END
        parents = (self.rows * width + beam).ravel().astype(np.int32)
        maps = None if maps is None else maps[parents]
        best = gains[parents], choices[parents]
        words = words.ravel().astype(np.int32)
        self.steps.append(_Step(parents, words, gained, maps, best))
        return parents, words

    def sentences(self, penalty: float, with_attention: bool) -> list[list[Sentence]]:
        """Every hypothesis of every picture as a sentence, best first."""
        pictures, width = self.shape
        score = self.log_probability / np.maximum(self.length, 1) ** penalty
        words, gains, offered, probabilities, maps = self._walked_back(with_attention)
        ended = words == END
        lengths = np.where(ended.any(axis=1), ended.argmax(axis=1), words.shape[1])
        words, gains = words.tolist(), gains.tolist()

        def sentence(picture: int, beam: int) -> Sentence:
            at = picture * width + beam
            length = int(lengths[at])
            return Sentence(
                words=words[at][:length],
                log_probability=float(self.log_probability[picture, beam]),
                score=float(score[picture, beam]),
                word_log_probabilities=gains[at][:length],
                attention=maps[at, :length].copy() if maps is not None and length else None,
                offered=offered[at, : length + 1].copy(),
                probabilities=probabilities[at, : length + 1].copy(),
            )

        order = np.argsort(-score, axis=1, kind="stable").tolist()
        return [
            [sentence(picture, beam) for beam in beams if np.isfinite(score[picture, beam])]
            for picture, beams in enumerate(order)
        ]

    def _walked_back(self, with_attention: bool):
        """All hypotheses read from their last word to their first, each along its own ancestors.

        Returns:
            words and their log-probabilities (S, T), the words offered at each step and their
            probabilities (S, T, M), and maps (S, T, K) or None.
        """
        steps, sequences = len(self.steps), self.shape[0] * self.shape[1]
        at = np.empty((steps, sequences), np.int64)  # where each hypothesis stands in each step
        here = np.arange(sequences)
        for number in range(steps - 1, -1, -1):
            at[number] = here
            here = self.steps[number].parents[here]

        def gathered(parts) -> np.ndarray:
            """(S, ...) of each step -> (S, T, ...) along the hypotheses."""
            return np.stack([part[place] for part, place in zip(parts, at, strict=True)], axis=1)

        return (
            gathered(step.words for step in self.steps),
            gathered(step.gains for step in self.steps),
            gathered(step.best[1] for step in self.steps),
            np.exp(gathered(step.best[0] for step in self.steps)),
            gathered(step.maps for step in self.steps) if with_attention else None,
        )
