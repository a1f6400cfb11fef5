"""The words that a model knows, and their numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from cnnrnn.errors import CnnRnnError
from cnnrnn.files import read_json, write_json
from cnnrnn.text.tokenizer import MODES

PAD, START, END, UNKNOWN = range(4)
UNSPOKEN = (PAD, START, UNKNOWN)  # no decoder writes these
SPECIALS = ("<pad>", "<start>", "<end>", "<unk>")  # no tokenizer makes these: it drops < and >

_FORMAT, _VERSION = "cnnrnn-vocabulary", 1
_ROUND = 64  # see `taught`


class Vocabulary:
    """Words numbered by falling frequency, after the four special ones.

    Args:
        counts: (word, times seen in the training text) in the order of their numbers, which
            begin at 4; the special words are not listed.
        tokenizer: the mode of the `Tokenizer` that made the words.
        min_count: how often a word had to be seen to be listed; kept for the record.
    """

    def __init__(
        self, counts: Iterable[tuple[str, int]], tokenizer: str = "words", min_count: int = 1
    ):
        self.counts = dict(counts)
        self.words = (*SPECIALS, *self.counts)
        self.tokenizer = tokenizer
        self.min_count = min_count
        self._ids = {word: number for number, word in enumerate(self.words)}

    @classmethod
    def build(
        cls, token_lists: Iterable[Sequence[str]], min_count: int = 1, tokenizer: str = "words"
    ) -> Vocabulary:
        """Count the words of a training text.

        Args:
            token_lists: one list of tokens a sentence.
            min_count: leave out words seen less often than this.
            tokenizer: the mode of the tokenizer that made the lists.

        Raises:
            CnnRnnError: no word is left.
        """
        seen = Counter(word for tokens in token_lists for word in tokens)
        # Equal counts are ordered by spelling: the order of the sentences must not matter.
        kept = sorted(
            ((word, n) for word, n in seen.items() if n >= min_count),
            key=lambda item: (-item[1], item[0]),
        )
        if not kept:
            raise CnnRnnError(
                f"no word occurs at least {min_count} times among {len(seen)} different words",
                "lower the minimum count, or check that the captions are not empty",
            )
        return cls(kept, tokenizer, min_count)

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return word in self.counts

    def encode(self, tokens: Sequence[str]) -> list[int]:
        """Numbers of `tokens`, `UNKNOWN` for words not listed; START and END are not added."""
        return [self._ids.get(word, UNKNOWN) for word in tokens]

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Words of `ids` (list or integer array) up to the first END, without PAD and START.

        Raises:
            CnnRnnError: a number is outside the vocabulary.
        """
        words = []
        for number in ids:
            if number == END:
                break
            if not 0 <= number < len(self.words):
                raise CnnRnnError(
                    f"word number {number} is outside this vocabulary of {len(self)} words",
                    "the vocabulary and the model belong to different runs",
                )
            if number not in (PAD, START):
                words.append(self.words[number])
        return words

    def unknown_rate(self, token_lists: Iterable[Sequence[str]]) -> float:
        """The share (0 to 1) of all tokens that is not in the vocabulary; 0 for no tokens."""
        total = unknown = 0
        for tokens in token_lists:
            total += len(tokens)
            unknown += sum(word not in self.counts for word in tokens)
        return unknown / total if total else 0.0

    def save(self, path: Path | str) -> None:
        """Write the vocabulary as JSON, with counts and tokenizer mode."""
        write_json(
            path,
            {
                "format": _FORMAT,
                "version": _VERSION,
                "tokenizer": self.tokenizer,
                "min_count": self.min_count,
                "words": self.counts,
            },
        )

    @classmethod
    def load(cls, path: Path | str) -> Vocabulary:
        """Read a vocabulary that `save` wrote.

        Raises:
            CnnRnnError: the file is missing, damaged, of another program or a newer version.
        """
        content = read_json(path)
        if not isinstance(content, dict) or content.get("format") != _FORMAT:
            raise CnnRnnError(f"{path} is not a vocabulary of cnnrnn")
        if content.get("version") != _VERSION:
            raise CnnRnnError(
                f"{path} is a vocabulary of version {content.get('version')!r}; "
                f"this program reads version {_VERSION}",
                "use the cnnrnn that wrote it, or train again",
            )
        words, mode, least = (content.get(key) for key in ("words", "tokenizer", "min_count"))
        if not (_is_counts(words) and mode in MODES and isinstance(least, int)):
            raise CnnRnnError(f"the vocabulary {path} is damaged", "train again, or restore it")
        return cls(words.items(), mode, least)


def _is_counts(words: object) -> bool:
    """Whether `words` maps at least one word, none of them special, to counts of 1 and more."""
    return (
        isinstance(words, dict)
        and bool(words)
        and all(type(n) is int and n >= 1 for n in words.values())
        and not any(special in words for special in SPECIALS)
    )


def taught(
    texts: Sequence[Sequence[Sequence[int]]],
    columns: int | None = None,
    generator: np.random.Generator | None = None,
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Sentences as a language model learns them: from each word and all before it, the next.

    Args:
        texts: word numbers, by code (picture, region, question) and sentence.
        columns: C, room for so many sentences a code; None for as many as one has.
        generator: leaves out a random few of many words, so that their count is a multiple of 64.
            A product of a new size makes the backend compile and keep a kernel for it: were every
            batch of another size, the memory would grow with the number of steps.

    Returns:
        inputs: `words` int32 (B, C, T), START and the sentence, PAD behind it; `positions` int32
            (N,), where the real words stand in the flattened (B * C * T).
        targets: int32 (N,), the words that follow them, END behind the last.
    """
    length = 1 + max(len(text) for each in texts for text in each)
    columns = columns or max(map(len, texts))
    words = np.full((len(texts), columns, length), PAD, np.int32)
    targets = np.full_like(words, PAD)
    for row, each in enumerate(texts):
        for column, text in enumerate(each):
            words[row, column, : len(text) + 1] = [START, *text]
            targets[row, column, : len(text) + 1] = [*text, END]
    positions = np.flatnonzero(targets != PAD).astype(np.int32)
    surplus = len(positions) % _ROUND
    if generator is not None and surplus and len(positions) >= 10 * _ROUND:
        positions = np.delete(positions, generator.choice(len(positions), surplus, replace=False))
    return {"words": words, "positions": positions}, targets.ravel()[positions]
