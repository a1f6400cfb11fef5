"""Rivals that look at no picture: what the question alone, or nothing at all, is worth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence

from cnnrnn.text.tokenizer import Tokenizer
from cnnrnn.vqa.answers import key_of
from cnnrnn.vqa.example import Example

_TOKENIZER = Tokenizer()


class Majority:
    """The most frequent answer of the training questions that are alike.

    Args:
        training: those that have answers count.
        keys: what makes questions alike, the narrowest first; a question that is like none by the
            first is judged by the second, and in the end by all of them.
    """

    def __init__(
        self, training: Sequence[Example], keys: Sequence[Callable[[Example], Hashable]] = ()
    ):
        self.keys = (*keys, lambda example: None)
        self._counts: list[dict[Hashable, Counter]] = [{} for _ in self.keys]
        self._spelled: dict[str, str] = {}
        for each in training:
            if each.answer:
                answer = key_of(each.answer)
                self._spelled.setdefault(answer, each.answer)
                for key, counts in zip(self.keys, self._counts, strict=True):
                    counts.setdefault(key(each), Counter())[answer] += 1

    def __call__(self, examples: Sequence[Example]) -> list[str]:
        """The answers to some questions, with their candidates left aside; "" without training."""
        return [self._best(each, None) for each in examples]

    def choose(self, examples: Sequence[Example]) -> list[str]:
        """The most frequent of each question's candidates; the first one where none was seen."""
        return [self._best(each, each.candidates) for each in examples]

    def _best(self, example: Example, candidates: Sequence[str] | None) -> str:
        allowed = None if candidates is None else {key_of(each) for each in candidates}
        for key, counts in zip(self.keys, self._counts, strict=True):
            for answer, _ in counts.get(key(example), Counter()).most_common():
                if allowed is None or answer in allowed:
                    return self._spelled[answer]
        return candidates[0] if candidates else ""


def whole(example: Example) -> Hashable:
    """Questions with the same words are alike."""
    return tuple(_TOKENIZER(example.question))


def first_words(count: int) -> Callable[[Example], Hashable]:
    """Questions with the same first words are alike."""
    return lambda example: (count, *_TOKENIZER(example.question)[:count])


def by_kind(example: Example) -> Hashable:
    """Questions of the same kind are alike; where the data names none, of the same two words."""
    return example.kind or tuple(_TOKENIZER(example.question)[:2])


# `lookup`: the same question, else its first words; how far a good memory comes.
BASELINES: dict[str, tuple] = {
    "majority": (),
    "majority per kind": (by_kind,),
    "lookup": (whole, first_words(4), first_words(3), first_words(2), first_words(1)),
}
