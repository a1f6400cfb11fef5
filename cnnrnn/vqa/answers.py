"""The answers that a model can choose from, and their numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from cnnrnn.errors import CnnRnnError
from cnnrnn.files import read_json, write_json
from cnnrnn.vqa.normalise import normalised, stripped

NONE = -1  # the number of an answer that is not there, or not among those that can be chosen
_FIRST_WORDS = 2
_ENOUGH = 20  # questions that begin alike, before anything is said of them
_MOST = 0.5
_FORMAT, _VERSION = "cnnrnn-answers", 1


def key_of(answer: str) -> str:
    """What two answers have in common that count as the same one."""
    return normalised(answer) or stripped(answer).lower()


class Answers:
    """Answers numbered by falling frequency; `The dog.` is the answer `dog`.

    Args:
        counts: (answer, training questions that it answers), in the order of their numbers.
        held: by the first words of a question, the share (0 to 1) of the answers to such training
            questions that is among these; only where it is less than half.
    """

    def __init__(
        self, counts: Iterable[tuple[str, int]], held: Mapping[str, float] | None = None
    ):
        self.counts = dict(counts)
        self._held = dict(held or {})
        self.texts = tuple(self.counts)
        self._numbers = {key_of(text): number for number, text in enumerate(self.texts)}

    @classmethod
    def build(cls, answers: Iterable[str], most: int | None = None, min_count: int = 1) -> Answers:
        """The answers of the training questions, "" left out.

        Args:
            answers: one a question.
            most: only so many, the most frequent ones.
            min_count: leave out answers seen less often than this.

        Raises:
            CnnRnnError: no answer is left.
        """
        spellings: dict[str, Counter] = {}
        for answer in answers:
            if answer:
                spellings.setdefault(key_of(answer), Counter())[answer] += 1
        seen = [(each.most_common(1)[0][0], each.total()) for each in spellings.values()]
        kept = sorted(
            ((text, n) for text, n in seen if n >= min_count),
            key=lambda item: (-item[1], item[0]),
        )[:most]
        if not kept:
            raise CnnRnnError(
                f"no answer occurs at least {min_count} times among {len(seen)} different ones",
                "lower --min-answers, or check that the data has answers",
            )
        return cls(kept)

    def __len__(self) -> int:
        return len(self.texts)

    def __contains__(self, text: str) -> bool:
        return key_of(text) in self._numbers

    def numbers(self, texts: Iterable[str]) -> np.ndarray:
        """int64 (n,), NONE for an answer that is not among them."""
        return np.array([self._numbers.get(key_of(text), NONE) for text in texts], np.int64)

    def coverage(self, texts: Sequence[str]) -> float:
        """The share (0 to 1) of these answers that is among them; 0 for no answers."""
        return float(np.mean(self.numbers(texts) != NONE)) if len(texts) else 0.0

    def judge(self, questions: Iterable[tuple[Sequence[str], str]]) -> None:
        """Learn from training questions, (tokens, answer), which kinds of question these answers
        do not hold the answers to."""
        inside: dict[str, list[bool]] = {}
        for tokens, answer in questions:
            if answer:
                inside.setdefault(_start(tokens), []).append(answer in self)
        shares = {
            start: float(np.mean(found))
            for start, found in inside.items()
            if start and len(found) >= _ENOUGH
        }
        self._held = {start: share for start, share in sorted(shares.items()) if share < _MOST}

    def held(self, tokens: Sequence[str]) -> float | None:
        """The share of the answers to training questions that begin like this one that is among
        these, where it is less than half; else None."""
        return self._held.get(_start(tokens))

    def save(self, path: Path) -> None:
        """Write them as JSON."""
        content = {"format": _FORMAT, "version": _VERSION, "answers": self.counts}
        write_json(path, content | {"held": self._held})

    @classmethod
    def load(cls, path: Path) -> Answers:
        """Read what `save` wrote.

        Raises:
            CnnRnnError: missing, damaged, or of another program or a newer version.
        """
        content = read_json(path)
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise CnnRnnError(f"{path} holds no answers of cnnrnn")
        if content.get("version") != _VERSION:
            raise CnnRnnError(f"{path} is of another version of cnnrnn", "update cnnrnn")
        counts = content.get("answers")
        if not isinstance(counts, dict) or not counts:
            raise CnnRnnError(f"{path} is damaged", "copy the run again")
        held = content.get("held")
        return cls(counts.items(), held if isinstance(held, dict) else None)


def _start(tokens: Sequence[str]) -> str:
    """The first words of a question, by which questions are of one kind."""
    return " ".join(tokens[:_FIRST_WORDS])
