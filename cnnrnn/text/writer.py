"""A language model put to work: its step functions compiled, its sentences as a person reads them.

    writer = Writer(model, vocabulary)
    [[best, *others]] = writer.write(codes, DecodeSettings())
    print(writer.text(best))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cnnrnn import backend
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.text.decoder import Codes, DecodeSettings, Sentence, count, decode
from cnnrnn.text.tokenizer import SAID, Tokenizer
from cnnrnn.text.vocabulary import END, Vocabulary

CHOICES = 5  # words a trace shows at each step
BATCH = 32


class GraphSteps:
    """A Keras language model as the decoder's `StepModel`, compiled by the backend.

    Args:
        model: a `text.language.LanguageModel`.
        offered: how many of the best words each step shows.
    """

    def __init__(self, model, offered: int):
        ops = backend.keras().ops

        def begin(features):
            return model.begin(features)

        def advance(memory, state, parents, words):
            state = [ops.take(part, parents, axis=0) for part in state]
            log_probabilities, state, maps = model.advance(memory, state, words)
            best, choices = ops.top_k(log_probabilities, offered)
            return best, choices, state, maps

        # State and memory go from call to call untouched; only words and maps are looked at here.
        self._begin = backend.compiled(begin, keep=True)
        self._advance = backend.compiled(advance, keep=True)
        self._repeat, self._numpy = ops.repeat, ops.convert_to_numpy

    def begin(self, features: np.ndarray, copies: int) -> tuple[Any, Any]:
        """See `StepModel.begin`."""
        memory, state = self._begin(features)
        return memory, [self._repeat(part, copies, axis=0) for part in state]

    def advance(self, memory, state, parents, words):
        """See `StepModel.advance`."""
        best, choices, state, maps = self._advance(memory, state, parents, words)
        maps = None if maps is None else self._numpy(maps)
        return self._numpy(best), self._numpy(choices), state, maps


class Writer:
    """A language model and its words.

    Args:
        model: a `text.language.LanguageModel`, or a `text.ensemble.Ensemble` of some.
        vocabulary: its words.
        batch: codes that are written about together.
        fewer: smaller numbers that have a graph of their own, rising.

    Raises:
        CnnRnnError: the model has other words.
    """

    def __init__(
        self, model, vocabulary: Vocabulary, batch: int = BATCH, fewer: Sequence[int] = (1,)
    ):
        if model.vocabulary_size != len(vocabulary):
            raise CnnRnnError(
                f"the model knows {model.vocabulary_size} words, its vocabulary {len(vocabulary)}",
                "the files of two runs were mixed; copy the whole run folder again",
            )
        self.model, self.vocabulary, self.batch = model, vocabulary, batch
        self._sizes = (*fewer, batch)
        self.tokenizer = Tokenizer(vocabulary.tokenizer)
        self._steps: dict[int, GraphSteps] = {}
        # Counted on from call to call: else every call would draw the same.
        self._written: dict[DecodeSettings, int] = {}

    def beginning(self, text: str) -> list[int]:
        """Word numbers of a sentence's beginning.

        Raises:
            UsageError: it has a word that the model does not know.
        """
        tokens = self.tokenizer(text)
        unknown = [token for token in tokens if token not in self.vocabulary]
        if unknown:
            raise UsageError(
                f"the model does not know {', '.join(map(repr, unknown))}",
                f"it knows {len(self.vocabulary)} words, see vocabulary.json of the run",
            )
        return self.vocabulary.encode(tokens)

    def write(
        self, codes: Codes, settings: DecodeSettings, start: Sequence[int] = ()
    ) -> list[list[Sentence]]:
        """Sentences about codes (n, ...), best first; they are filled up to one of a few batch
        sizes, for each of which a graph is compiled once. Of an ensemble the codes are a tuple,
        those of each model."""
        if settings.max_words is None:
            settings = replace(settings, max_words=SAID[self.vocabulary.tokenizer])
        found, total = [], count(codes)
        before = self._written.get(settings, 0)
        self._written[settings] = before + total
        for first in range(0, total, self.batch):
            present = min(self.batch, total - first)
            full = next(size for size in self._sizes if size >= present)
            rows = np.minimum(np.arange(first, first + full), total - 1)
            some = isinstance(codes, tuple)
            filled = tuple(part[rows] for part in codes) if some else codes[rows]
            numbers = (before + rows).tolist()
            found += decode(self._compiled(settings), filled, settings, start, numbers)[:present]
        return found

    def words(self, sentence: Sentence) -> list[str]:
        """The words of a decoded sentence."""
        return self.vocabulary.decode(sentence.words)

    def text(self, sentence: Sentence) -> str:
        """A decoded sentence as a person reads it."""
        return self.tokenizer.join(self.words(sentence))

    def trace(self, sentence: Sentence) -> list[dict]:
        """The chosen `word` of each step with its `probability` (None where it was given), beside
        the `best` five, (word, probability); at the end, the sentence's end."""
        words = self.vocabulary.words
        # A sentence that was cut has no end.
        chosen = [*sentence.words, END][: len(sentence.choices)]
        given = sum(map(np.isnan, sentence.word_log_probabilities))
        return [
            {
                "word": words[number],
                "probability": None if position < given else dict(choices)[number],
                "best": [(words[other], share) for other, share in choices[:CHOICES]],
            }
            for position, (number, choices) in enumerate(
                zip(chosen, sentence.choices, strict=True)
            )
        ]

    def _compiled(self, settings: DecodeSettings) -> GraphSteps:
        """The step functions, compiled at first use."""
        # A vocabulary of a few words has no five best ones. A sentence may end (the one special
        # word that is ever offered); the others must not fill up a wide beam.
        offered = min(max(CHOICES, settings.offered), len(self.vocabulary.counts) + 1)
        if offered not in self._steps:
            self._steps[offered] = GraphSteps(self.model, offered)
        return self._steps[offered]
