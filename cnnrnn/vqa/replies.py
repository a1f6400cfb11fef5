"""What a head's output says: ranked answers with probabilities, of all that can be said or of
given choices.

One class a head. `outputs` is one row a question: logits (N, A), vectors (N, E), or, for a head
that writes, the codes (N, H) that it writes about.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from cnnrnn import backend
from cnnrnn.text.decoder import DecodeSettings
from cnnrnn.text.vocabulary import taught
from cnnrnn.text.writer import Writer
from cnnrnn.vqa.answers import NONE, key_of
from cnnrnn.vqa.prepare import Words

Ranked = list[tuple[str, float]]  # answers and their probabilities, the most probable first
BEAM = 5  # answers that are followed while one is written
COSINE_TEMPERATURE = 0.1  # before it is fitted: of a softmax over cosines


def softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities of scores (..., n), float64."""
    scores = np.asarray(scores, np.float64)
    shifted = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def ranked(texts: Sequence[str], probabilities: np.ndarray, top: int | None = None) -> Ranked:
    """The `top` most probable texts, all with None; the first of equal ones first."""
    order = np.argsort(-probabilities, kind="stable")[:top]
    return [(texts[place], float(probabilities[place])) for place in order]


def distinct(choices: Sequence[str]) -> list[str]:
    """Choices without those that are the same answer as an earlier one."""
    return list({key_of(choice): choice for choice in reversed(choices)}.values())[::-1]


class Replies(ABC):
    """Args:
    words: of the run.
    temperature: by which scores are divided before they become probabilities.
    """

    output = "outputs"  # the entry of `VqaModel.analyse` that is read

    def __init__(self, words: Words, temperature: float = 1.0):
        self.words, self.temperature = words, temperature

    @abstractmethod
    def open(self, outputs: np.ndarray, top: int) -> list[Ranked]:
        """The best answers to N questions."""

    @abstractmethod
    def choose(self, outputs: np.ndarray, choices: Sequence[Sequence[str]]) -> list[Ranked]:
        """The choices of each of N questions, ranked; those that cannot be said have 0, and
        the others sum to 1."""

    def can_say(self, choice: str) -> bool:
        """Whether a choice can have a probability at all."""
        return choice in self.words.answers


class ClassifyReplies(Replies):
    """A softmax over the answers of the training questions."""

    def scores(self, outputs: np.ndarray) -> np.ndarray:
        """What the softmax is taken of, before the temperature: (N, A)."""
        return np.asarray(outputs, np.float64)

    def open(self, outputs: np.ndarray, top: int) -> list[Ranked]:
        shares = softmax(self.scores(outputs) / self.temperature)
        return [ranked(self.words.answers.texts, row, top) for row in shares]

    def choose(self, outputs: np.ndarray, choices: Sequence[Sequence[str]]) -> list[Ranked]:
        found = []
        for row, some in zip(self.scores(outputs), choices, strict=True):
            some = distinct(some)
            numbers = self.words.answers.numbers(some)
            shares = np.zeros(len(some))
            if (numbers != NONE).any():
                shares[numbers != NONE] = softmax(row[numbers[numbers != NONE]] / self.temperature)
            found.append(ranked(some, shares))
        return found


class RegressReplies(ClassifyReplies):
    """The nearer an answer's vector, the more probable: a softmax over cosines. A choice need not
    be an answer of the training questions."""

    def __init__(self, words: Words, temperature: float = COSINE_TEMPERATURE):
        super().__init__(words, temperature)
        vectors = [self._vector(text) for text in words.answers.texts]
        empty = np.zeros(words.vectors.size, np.float32)
        self._known = np.array([vector is not None for vector in vectors])
        self._answers = np.stack([empty if each is None else each for each in vectors])

    def _vector(self, text: str) -> np.ndarray | None:
        return self.words.vectors.of(self.words.tokenizer(text))

    def scores(self, outputs: np.ndarray) -> np.ndarray:
        cosines = _lengthened(outputs) @ self._answers.T
        return np.where(self._known, cosines, -1.0)

    def choose(self, outputs: np.ndarray, choices: Sequence[Sequence[str]]) -> list[Ranked]:
        found = []
        for row, some in zip(_lengthened(outputs), choices, strict=True):
            some = distinct(some)
            vectors = [self._vector(text) for text in some]
            there = np.array([vector is not None for vector in vectors], bool)
            shares = np.zeros(len(some))
            if there.any():
                cosines = np.array([row @ vector for vector in vectors if vector is not None])
                shares[there] = softmax(cosines / self.temperature)
            found.append(ranked(some, shares))
        return found

    def can_say(self, choice: str) -> bool:
        return self._vector(choice) is not None


def _lengthened(vectors: np.ndarray) -> np.ndarray:
    """Vectors (N, E) of length 1, float64."""
    vectors = np.asarray(vectors, np.float64)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


class GenerateReplies(Replies):
    """The answers that the language model writes, by beam search; choices by their probability to
    be written.

    Args:
        words: of the run.
        language: the head's `LanguageModel`.
    """

    output = "codes"

    def __init__(self, words: Words, temperature: float = 1.0, language=None):
        super().__init__(words, temperature)
        self.writer = Writer(language, words.spoken)
        longest = max(len(words.tokenizer(text)) for text in words.answers.texts)
        self._search = DecodeSettings(BEAM, longest + 1, 0.0)

        def likelihoods(features, given, positions):
            logits = language({"features": features, "words": given, "positions": positions})
            return backend.keras().ops.log_softmax(logits)

        self._likelihoods = backend.compiled(likelihoods)

    def open(self, outputs: np.ndarray, top: int) -> list[Ranked]:
        found = []
        for sentences in self.writer.write(np.asarray(outputs, np.float32), self._search):
            texts = [self.writer.text(each) for each in sentences]
            shares = np.exp([each.log_probability for each in sentences])
            found.append(ranked(texts, np.array(shares), top))
        return found

    def choose(self, outputs: np.ndarray, choices: Sequence[Sequence[str]]) -> list[Ranked]:
        found = []
        for code, some in zip(np.asarray(outputs, np.float32), choices, strict=True):
            some = distinct(some)
            there = np.array([self.can_say(text) for text in some], bool)
            shares = np.zeros(len(some))
            if there.any():
                texts = [text for text, can in zip(some, there, strict=True) if can]
                shares[there] = softmax(self._written(code, texts))
            found.append(ranked(some, shares))
        return found

    def can_say(self, choice: str) -> bool:
        tokens = self.words.tokenizer(choice)
        return bool(tokens) and all(token in self.words.spoken for token in tokens)

    def _written(self, code: np.ndarray, texts: Sequence[str]) -> np.ndarray:
        """Log-probability of each text to be written about one code, (n,)."""
        numbers = [self.words.spoken.encode(self.words.tokenizer(text)) for text in texts]
        given, targets = taught([numbers])
        rows = self._likelihoods(code[None], given["words"], given["positions"])
        gains = rows[np.arange(len(targets)), targets]
        sentence = given["positions"] // given["words"].shape[-1]
        return np.bincount(sentence, gains, len(texts))


REPLIES = {"classify": ClassifyReplies, "regress": RegressReplies, "generate": GenerateReplies}
