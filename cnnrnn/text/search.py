"""The ways of `text.decoder` through the words that a model offers: beam search, beams in groups,
and drawing; for many pictures at once.

Dimension letters: B pictures, W hypotheses of each, S = B * W sequences, T words, M words that are
offered at a step, K cells.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cnnrnn.text.vocabulary import END

if TYPE_CHECKING:
    from cnnrnn.text.decoder import DecodeSettings


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


class BeamSearch:
    """The state of a beam search over B pictures at once; all arrays are (B, W).

    Args:
        pictures: B.
        settings: see `decoder.DecodeSettings`.
    """

    # Whether two hypotheses of a picture may come to be the same sentence.
    repeats = False

    def __init__(self, pictures: int, settings: DecodeSettings):
        self.settings = settings
        self.shape = (pictures, settings.beam_width)
        self.rows = np.arange(pictures)[:, None]
        # All beams of a picture begin equal: only the first may grow, else W times the same.
        self.log_probability = np.full(self.shape, -np.inf)
        self.log_probability[:, self._first()] = 0.0
        self.length = np.zeros(self.shape, np.int32)
        self.finished = np.zeros(self.shape, bool)
        self.steps: list[_Step] = []

    def _first(self):
        """Where a hypothesis grows from the beginning."""
        return 0

    def follow(self, word, gains, choices, maps):
        """Take a given word in every sequence."""
        sequences = self.shape[0] * self.shape[1]
        words = np.full(sequences, word, np.int32)
        parents = np.arange(sequences, dtype=np.int32)
        self.length += 1
        given = np.full(sequences, np.nan)
        self.steps.append(_Step(parents, words, given, maps, (gains, choices)))
        return parents, words

    def expand(self, gains, choices, maps):
        """Keep W continuations of each picture's W hypotheses.

        A finished hypothesis stays in the beam, unchanged, as its own only continuation.
        """
        pictures, width = self.shape
        offered = self._looked_at(gains.shape[-1])
        grid = (pictures, width, offered)
        gain = gains[:, :offered].reshape(grid).astype(np.float64)
        word = choices[:, :offered].reshape(grid)
        if self.settings.min_words:
            early = self.length < self.settings.min_words
            gain = np.where(early[..., None] & (word == END), -np.inf, gain)
        stays = np.full(offered, -np.inf)
        stays[0] = 0.0
        gain = np.where(self.finished[..., None], stays, gain)
        word = np.where(self.finished[..., None], END, word)
        total = self.log_probability[..., None] + gain
        length = np.broadcast_to((self.length + ~self.finished)[..., None], grid)
        kept = self._chosen(gain, total / length**self.settings.length_penalty, word)
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

    def _looked_at(self, offered: int) -> int:
        """Of how many of the words that are offered to a hypothesis."""
        return offered if self.settings.min_words else min(offered, self.shape[1])

    def _chosen(self, gain, score, word) -> np.ndarray:
        """Which continuations are kept, (B, W), counted through all of a picture.

        Args:
            gain: (B, W, M) log-probabilities of the words.
            score: (B, W, M) what the longer hypotheses would be ranked by.
            word: (B, W, M) the words.
        """
        score = score.reshape(len(score), -1)
        return np.argsort(-score, axis=1, kind="stable")[:, : self.shape[1]]

    def sentences(self, with_attention: bool) -> list[list[Sentence]]:
        """Every hypothesis of every picture as a sentence, best first."""
        pictures, width = self.shape
        penalty = self.settings.length_penalty
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
        found = [
            [sentence(picture, beam) for beam in beams if np.isfinite(score[picture, beam])]
            for picture, beams in enumerate(order)
        ]
        if self.repeats:
            # The best of equal ones comes first and stays.
            found = [
                list({tuple(each.words): each for each in reversed(some)}.values())[::-1]
                for some in found
            ]
        return found

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


class DiverseSearch(BeamSearch):
    """Beams in groups that avoid each other's words (Vijayakumar et al. 2018).

    The groups choose one after the other. What the others have chosen at the same step costs

        score - diversity * times chosen

    which decides what is kept but is no part of a sentence's probability.
    """

    repeats = True

    def _first(self):
        return slice(None, None, self.shape[1] // self.settings.groups)

    def _looked_at(self, offered: int) -> int:
        return offered

    def _chosen(self, gain, score, word) -> np.ndarray:
        pictures, width, offered = score.shape
        each = width // self.settings.groups
        # A finished sentence says nothing that another could avoid.
        said = np.where(self.finished[..., None], -1, word).reshape(pictures, -1)
        kept = np.empty((pictures, 0), np.int64)
        for first in range(0, width, each):
            part = slice(first * offered, (first + each) * offered)
            taken = np.take_along_axis(said, kept, axis=1)  # (B, chosen so far)
            repeated = ((said[:, part, None] == taken[:, None]) & (taken[:, None] >= 0)).sum(-1)
            own = score.reshape(pictures, -1)[:, part] - self.settings.diversity * repeated
            best = np.argsort(-own, axis=1, kind="stable")[:, :each] + first * offered
            kept = np.concatenate([kept, best], axis=1)
        return kept


class Lots:
    """Uniform random numbers of pictures: those of one do not depend on which others it stands
    beside, so that names from a pipe, which come as they come, have the sentences of a folder.

    Args:
        seed: of all.
        numbers: of the pictures, in the order in which they stand in a batch.
    """

    def __init__(self, seed: int, numbers: Iterable[int]):
        self._each = [np.random.default_rng([seed, number]) for number in numbers]

    def random(self, shape: tuple[int, ...]) -> np.ndarray:
        """The next numbers, of `shape`; the first axis is that of the pictures."""
        return np.stack([each.random(shape[1:]) for each in self._each])


class Draw(BeamSearch):
    """W sentences of each picture drawn from the model's distribution, each on its own.

    Words are drawn in proportion to p ** (1 / temperature), of the fewest likeliest ones that
    together have the share `top_p` (Holtzman et al. 2020).

    Args:
        lots: draw them.
    """

    def __init__(self, pictures: int, settings: DecodeSettings, lots: Lots):
        super().__init__(pictures, settings)
        self.lots = lots

    def _first(self):
        return slice(None)

    def _looked_at(self, offered: int) -> int:
        return offered

    def _chosen(self, gain, score, word) -> np.ndarray:
        pictures, width, offered = gain.shape
        share = gain / self.settings.temperature
        share = np.exp(share - share.max(axis=-1, keepdims=True))
        share /= share.sum(axis=-1, keepdims=True)
        above = np.cumsum(share, axis=-1) - share  # what the likelier ones have together
        share = np.where(above < self.settings.top_p, share, 0.0)
        total = np.cumsum(share, axis=-1)
        lot = self.lots.random((pictures, width, 1)) * total[..., -1:]
        place = (total <= lot).sum(axis=-1)
        return np.arange(width) * offered + np.minimum(place, offered - 1)
