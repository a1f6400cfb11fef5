"""How good answers are: plainly right, right by the official rule, and each kind of question apart.

The official accuracy of an answer (Antol et al. 2015): for each person, the share of three others
that gave it too, at most 1; then the mean over people. One person's word cannot be scored so:
questions with a single answer are right or wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cnnrnn.errors import CnnRnnError
from cnnrnn.intervals import Difference, bootstrap_interval, paired_difference
from cnnrnn.vqa.data import Example
from cnnrnn.vqa.normalise import normalised, stripped

_ENOUGH = 3  # others who agree make an answer wholly right
UNNAMED = "other"  # the kind of a question whose data names none


def official_accuracy(answer: str, humans: Sequence[str]) -> float:
    """The share of being right, 0 to 1, of an answer beside those of people (ten, as a rule).

    Where all people agree to the letter, the answer must too; else both sides are normalised.

    Raises:
        CnnRnnError: there are no people.
    """
    if not humans:
        raise CnnRnnError("an answer cannot be scored without people's answers")
    answer, humans = stripped(answer), [stripped(each) for each in humans]
    if len(set(humans)) > 1:
        answer, humans = normalised(answer), [normalised(each) for each in humans]
    agreeing = humans.count(answer)
    # Of those who gave it, each has one other less.
    shares = [min(1.0, (agreeing - (human == answer)) / _ENOUGH) for human in humans]
    return sum(shares) / len(shares)


def plain_accuracy(answer: str, humans: Sequence[str]) -> float:
    """1 where the normalised answer is the one that most people gave (the first of several)."""
    return float(normalised(answer) == majority([normalised(each) for each in humans]))


def majority(answers: Sequence[str]) -> str:
    """The most frequent answer, the first of several.

    Raises:
        CnnRnnError: there is none.
    """
    if not answers:
        raise CnnRnnError("a question has no answer to be scored by")
    return max(dict.fromkeys(answers), key=answers.count)


def accuracy(answer: str, humans: Sequence[str]) -> float:
    """By the official rule where several people were asked, plain where one was."""
    return (official_accuracy if len(humans) > 1 else plain_accuracy)(answer, humans)


@dataclass(frozen=True)
class Figure:
    """A share of N questions and the bounds of its 95 % bootstrap interval over questions."""

    value: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Scores:
    """Answers to N questions, scored.

    ids: of the questions. answers: what was said. values: float64 (N,), how right it was, 0 to 1.
    kinds, answer_types, domains: of the questions, "" where the data names none.
    """

    ids: tuple[str, ...]
    answers: tuple[str, ...]
    values: np.ndarray
    kinds: tuple[str, ...]
    answer_types: tuple[str, ...]
    domains: tuple[str, ...]

    @property
    def overall(self) -> float:
        """The mean, 0 to 1."""
        return float(self.values.mean())

    def figure(self, seed: int = 0) -> Figure:
        """The mean with its interval."""
        return _figure(self.values, seed)

    def by_kind(self, seed: int = 0) -> dict[str, Figure]:
        """Each kind of question apart, the most frequent first."""
        return _figures(self.values, self.kinds, seed)

    def by_answer_type(self, seed: int = 0) -> dict[str, Figure]:
        """Each official answer type apart, the most frequent first."""
        return _figures(self.values, self.answer_types, seed)

    def by_domain(self, seed: int = 0) -> dict[str, Figure]:
        """Real and abstract pictures apart; {} where the data does not say what they are."""
        return _figures(self.values, self.domains, seed) if any(self.domains) else {}

    def difference(self, other: Scores, kind: str | None = None, seed: int = 0) -> Difference:
        """How much more is right than in `other`, question by question; of one kind if given.

        Raises:
            CnnRnnError: the two are of different questions, or none is of the kind.
        """
        if self.ids != other.ids:
            raise CnnRnnError("scores of different questions cannot be paired")
        wanted = np.array([kind is None or (each or UNNAMED) == kind for each in self.kinds])
        if not wanted.any():
            raise CnnRnnError(f"there are no questions of the kind {kind!r}")
        return paired_difference(self.values[wanted], other.values[wanted], seed)

    def official(self) -> dict[str, float | dict[str, float]]:
        """In percent to two decimals, with the keys of the official program."""
        return {
            "overall": _percent(self.values),
            "perAnswerType": _percents(self.values, self.answer_types),
            "perQuestionType": _percents(self.values, self.kinds),
        }


def score(
    examples: Sequence[Example],
    answers: Sequence[str],
    rule: Callable[[str, Sequence[str]], float] = accuracy,
) -> Scores:
    """Score answers.

    Args:
        examples: N questions with their answers.
        answers: one for each.
        rule: `accuracy`, `official_accuracy`, `plain_accuracy`, or one of `wups`.

    Raises:
        CnnRnnError: no questions, or one without an answer to be scored by.
    """
    if not examples:
        raise CnnRnnError("there is nothing to score: no questions")
    values = [
        rule(answer, each.answers) for each, answer in zip(examples, answers, strict=True)
    ]
    return Scores(
        tuple(each.id for each in examples),
        tuple(answers),
        np.array(values, np.float64),
        tuple(each.kind for each in examples),
        tuple(each.answer_type for each in examples),
        tuple(each.domain for each in examples),
    )


def _figure(values: np.ndarray, seed: int) -> Figure:
    return Figure(float(values.mean()), *bootstrap_interval(values, seed), len(values))


def _parts(values: np.ndarray, names: Sequence[str]) -> Mapping[str, np.ndarray]:
    """The values of each name, the most frequent name first."""
    names = np.array([name or UNNAMED for name in names], dtype=object)
    found, counts = np.unique(names.astype(str), return_counts=True)
    order = sorted(zip(-counts, found.tolist(), strict=True))
    return {name: values[names == name] for _, name in order}


def _figures(values: np.ndarray, names: Sequence[str], seed: int) -> dict[str, Figure]:
    return {name: _figure(part, seed) for name, part in _parts(values, names).items()}


def _percent(values: np.ndarray) -> float:
    # Summed in order and rounded as the official program does it, to the last decimal.
    return round(100 * float(sum(values.tolist())) / len(values), 2)


def _percents(values: np.ndarray, names: Sequence[str]) -> dict[str, float]:
    if not any(names):
        return {}
    return {name: _percent(part) for name, part in sorted(_parts(values, names).items())}
