"""Words out of an LSTM language model: greedy and beam search and sampling, in batches.

A model is seen as two plain step functions (arrays in, arrays out), see `StepModel`; how they
are run (a compiled graph, another engine) is their maker's business. Captions, region phrases and
answers are all written by `decode`.

Dimension letters: B pictures, W beam width, S = B * W sequences, T words, K cells, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from cnnrnn.errors import UsageError
from cnnrnn.text.search import BeamSearch, DiverseSearch, Draw, Lots, Sentence
from cnnrnn.text.tokenizer import SAID
from cnnrnn.text.vocabulary import END, PAD, START

__all__ = ["Codes", "DecodeSettings", "Sentence", "StepModel", "count", "decode", "sample"]

DRAWN_FROM = 200  # words at each step, the likeliest; the rest is noise


Codes = np.ndarray | tuple[np.ndarray, ...]
"""What B pictures are to a model: an array (B, ...); for several models a tuple of them."""


def count(features: Codes) -> int:
    """B."""
    return len(features[0]) if isinstance(features, tuple) else len(features)


class StepModel(Protocol):
    """What a language model shows to the decoder."""

    def begin(self, features: Codes, copies: int) -> tuple[Any, Any]:
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
    """How sentences are searched, or drawn.

    beam_width: hypotheses kept at each step; 1 is greedy. Where sentences are drawn: how many.
    max_words: a sentence is cut after so many words (the given beginning counts); None: after so
        many as are usual, see `longest`.
    length_penalty: a; hypotheses are ranked by log p / words ** a (Wu et al. 2016 use the like).
        0 ranks by log p alone and favours short sentences, 1 by the mean log p of a word.
    min_words: a sentence does not end before it has so many (the given beginning counts).
    groups: into how many the beam is divided, which avoid each other's words, see
        `search.DiverseSearch`; 1 is the plain search.
    diversity: what a word costs for each time that another group has just chosen it.
    draw: sentences are drawn, see `search.Draw`; the likeliest of them comes first.
    temperature: above 0; below 1 likely words become likelier, above 1 all become alike.
    top_p: share of the probability, above 0 to 1, whose likeliest words are drawn from.
    seed: of what is drawn.
    """

    beam_width: int = 3
    max_words: int | None = None
    length_penalty: float = 0.4
    min_words: int = 0
    groups: int = 1
    diversity: float = 0.5
    draw: bool = False
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self):
        if self.beam_width < 1:
            raise UsageError(f"a beam of width {self.beam_width} keeps nothing", "use 1 or more")
        if self.longest < 1:
            raise UsageError(f"at most {self.max_words} words leave no sentence", "use 1 or more")
        # What is usual is known where the vocabulary is, and is checked there.
        most = math.inf if self.max_words is None else self.max_words
        if not 0 <= self.min_words <= most:
            raise UsageError(
                f"a sentence of {self.min_words} to {self.longest} words",
                "0 or more, and at most --max-words",
            )
        if self.groups < 1 or self.beam_width % self.groups:
            raise UsageError(
                f"a beam of {self.beam_width} cannot be divided into {self.groups} equal groups",
                f"for instance a beam of {2 * max(1, self.groups)}",
            )
        if self.diversity < 0 or not self.temperature > 0 or not 0 < self.top_p <= 1:
            raise UsageError(
                f"diversity {self.diversity}, temperature {self.temperature}, top-p {self.top_p}",
                "diversity is 0 or more, temperature above 0, top-p above 0 to 1",
            )

    @property
    def longest(self) -> int:
        """After how many words a sentence is cut."""
        return SAID["words"] if self.max_words is None else self.max_words

    @property
    def offered(self) -> int:
        """How many of the best words the search wants to see at each step."""
        if self.draw:
            return DRAWN_FROM
        wanted = 2 * self.beam_width if self.groups > 1 else self.beam_width
        return wanted + (self.min_words > 0)  # the end may be among them


def decode(
    model: StepModel,
    features: Codes,
    settings: DecodeSettings,
    start: Sequence[int] = (),
    numbers: Sequence[int] | None = None,
) -> list[list[Sentence]]:
    """Write sentences about B pictures.

    Args:
        model: the language model's step functions.
        features: (B, ...) as the model takes them.
        settings: width, length and ranking.
        start: word numbers every sentence begins with, without START.
        numbers: of the pictures, (B,): with the seed they decide what is drawn; None counts from 0.

    Returns:
        for each picture at most `beam_width` sentences, best first; different ones unless they
        were drawn.

    Raises:
        UsageError: the beginning leaves no room for a word.
    """
    if len(start) >= settings.longest:
        raise UsageError(
            f"the beginning has {len(start)} words and a sentence at most {settings.longest}",
            "give a shorter beginning or allow more words",
        )
    width = settings.beam_width
    if settings.draw:
        numbers = range(count(features)) if numbers is None else numbers
        search: BeamSearch = Draw(count(features), settings, Lots(settings.seed, numbers))
    else:
        search = (DiverseSearch if settings.groups > 1 else BeamSearch)(count(features), settings)
    memory, state = model.begin(features, width)
    words = np.full(count(features) * width, START, np.int32)
    parents = np.arange(len(words), dtype=np.int32)
    for position in range(settings.longest):
        gains, choices, state, maps = model.advance(memory, state, parents, words)
        gains, choices = np.asarray(gains), np.asarray(choices)
        maps = None if maps is None else np.asarray(maps)
        if position < len(start):
            parents, words = search.follow(start[position], gains, choices, maps)
        else:
            parents, words = search.expand(gains, choices, maps)
        if search.finished.all():
            break
    return search.sentences(with_attention=maps is not None)


def sample(
    model: StepModel,
    features: Codes,
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
    total = count(features) * copies
    parents, words = np.arange(total, dtype=np.int32), np.full(total, START, np.int32)
    drawn = np.full((total, max_words), PAD, np.int32)
    ended = np.zeros(total, bool)
    for position in range(max_words):
        gains, choices, state, _ = model.advance(memory, state, parents, words)
        upto = np.cumsum(np.exp(np.asarray(gains, np.float64)), axis=1)
        lot = generator.random((total, 1)) * upto[:, -1:]
        place = np.minimum((upto <= lot).sum(axis=1), upto.shape[1] - 1)
        words = np.where(ended, PAD, np.asarray(choices)[parents, place]).astype(np.int32)
        drawn[:, position] = words
        ended |= words == END
        if ended.all():
            break
    return drawn.reshape(count(features), copies, max_words)
