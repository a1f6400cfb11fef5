"""Word vectors: read from a file, or made of a word's spelling where there is none.

Read are .npz files with `words` (n,) and `vectors` (n, E); the text files of GloVe and word2vec: a
word and its numbers a line, with or without a first line of counts; and the binary files of
word2vec: the line of counts, then each word, a space and its E numbers as little-endian float32.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Container, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import IO

import numpy as np

from cnnrnn.errors import CnnRnnError
from cnnrnn.files import atomic_write

SPELLED = 96  # E of vectors that are made of spelling
_LONGEST = 1 << 20  # bytes of a line, or of a word
_LARGEST = 1 << 16  # E of a file that is to be believed
_GRAMS = (3, 4)  # letters of the pieces of a word, as in fastText (Bojanowski et al. 2017)


class WordVectors:
    """Vectors of words.

    Args:
        words: n different words.
        vectors: (n, E) float.

    Raises:
        CnnRnnError: the shapes do not go together, or a number is none.
    """

    def __init__(self, words: Sequence[str], vectors: np.ndarray):
        vectors = np.asarray(vectors, np.float32)
        if vectors.ndim != 2 or len(vectors) != len(words) or not len(words) or not vectors.size:
            raise CnnRnnError(f"{len(words)} words cannot have vectors of {vectors.shape}")
        if not np.isfinite(vectors).all():
            raise CnnRnnError("a word vector holds what is no number")
        self.words, self.vectors = tuple(words), vectors
        self._rows = {word: row for row, word in enumerate(words)}

    @property
    def size(self) -> int:
        """E."""
        return self.vectors.shape[1]

    def __contains__(self, word: str) -> bool:
        return word in self._rows

    def of(self, tokens: Iterable[str]) -> np.ndarray | None:
        """The mean of the tokens' vectors, scaled to length 1, float32 (E,); None where no token
        has one."""
        rows = [self._rows[token] for token in tokens if token in self._rows]
        return _unit(self.vectors[rows].mean(axis=0)) if rows else None

    def table(self, words: Sequence[str]) -> np.ndarray:
        """The vectors of words, scaled to length 1, float32 (V, E); NaN for words without."""
        found = np.full((len(words), self.size), np.nan, np.float32)
        for number, word in enumerate(words):
            if word in self:
                found[number] = _unit(self.vectors[self._rows[word]])
        return found

    def save(self, path: Path) -> None:
        """Write an .npz that `read_vectors` reads; numbers in half precision."""
        with atomic_write(path) as file:
            np.savez(file, words=np.array(self.words), vectors=self.vectors.astype(np.float16))


class Spelling:
    """Vectors made of the letters of words, for when no file is given: every word has one, and
    words that are spelled alike lie near each other; what they mean is not in it."""

    size = SPELLED

    def of(self, tokens: Iterable[str]) -> np.ndarray | None:
        """As `WordVectors.of`; None only where there are no tokens."""
        vectors = [_spelled(token) for token in tokens]
        return _unit(np.mean(vectors, axis=0)) if vectors else None


@lru_cache(maxsize=1 << 16)
def _spelled(word: str) -> np.ndarray:
    """The sum of a random vector of the word and of each of its pieces, drawn by their hashes."""
    framed = f"<{word}>"
    pieces = [framed] + [
        framed[at : at + size] for size in _GRAMS for at in range(len(framed) - size + 1)
    ]
    total = np.zeros(SPELLED, np.float32)
    for piece in pieces:
        digest = hashlib.blake2b(piece.encode("utf-8", "surrogateescape"), digest_size=8).digest()
        drawn = np.random.default_rng(int.from_bytes(digest, "big")).standard_normal(SPELLED)
        total += drawn.astype(np.float32)
    return _unit(total)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.linalg.norm(vector)), 1e-6)


def nearest(
    words: Sequence[str], vectors: np.ndarray, chosen: Sequence[int], count: int = 5
) -> list[list[tuple[str, float]]]:
    """The words whose vectors point most nearly the same way.

    Args:
        words: n of them.
        vectors: (n, E).
        chosen: numbers of the words whose neighbours are wanted.
        count: of neighbours.

    Returns:
        for each chosen word the (word, cosine) of its neighbours, the nearest first.
    """
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.maximum(length, 1e-6)
    cosines = unit[list(chosen)] @ unit.T
    cosines[np.arange(len(chosen)), list(chosen)] = -np.inf  # itself
    order = np.argsort(-cosines, axis=1, kind="stable")[:, : min(count, len(words) - 1)]
    return [
        [(words[number], float(row[number])) for number in near]
        for row, near in zip(cosines, order.tolist(), strict=True)
    ]


def read_vectors(path: Path | str, only: Container[str] | None = None) -> WordVectors:
    """Read a file of word vectors.

    Args:
        path: the file.
        only: the words that are wanted: a file of millions need not be held for hundreds. Where it
            has none of them the first one of the file is kept, which tells the size.

    Raises:
        CnnRnnError: missing, damaged, or no file of word vectors.
    """
    path = Path(path).expanduser()
    try:
        if zipfile.is_zipfile(path):
            with np.load(path, allow_pickle=False) as stored:
                return WordVectors(stored["words"].tolist(), stored["vectors"])
        with open(path, "rb") as file:
            words = _read_binary(file, only) if _is_binary(file) else _read_text(file, only)
        if not words:
            raise ValueError("it is empty")
        return WordVectors(list(words), np.stack(list(words.values())))
    except OSError as error:
        raise CnnRnnError(f"cannot read {path}: {error.strerror or error}") from error
    except CnnRnnError as error:
        raise CnnRnnError(f"{path}: {error.message}", "one word and its numbers a line") from error
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise CnnRnnError(
            f"{path} holds no word vectors: {error}",
            "an .npz of words and vectors, or one word and its numbers a line",
        ) from error


def _is_binary(file: IO[bytes]) -> bool:
    """Whether counts are followed by what is no line of text."""
    head = file.readline(_LONGEST).split()
    found = False
    if len(head) == 2 and all(part.isdigit() for part in head):
        numbers = file.readline(_LONGEST).split()[-int(head[1]) :]
        try:
            list(map(float, numbers))
        except ValueError:
            found = True
        else:
            found = len(numbers) < int(head[1])
    file.seek(0)
    return found


def _read_binary(file: IO[bytes], only: Container[str] | None) -> dict[str, np.ndarray]:
    count, size = map(int, file.readline(_LONGEST).split())
    if not 1 <= size <= _LARGEST:
        raise ValueError(f"vectors of {size} numbers")
    words: dict[str, np.ndarray] = {}
    for number in range(count):
        letters = bytearray()
        while (letter := file.read(1)) not in (b" ", b"") and len(letters) < _LONGEST:
            letters += letter
        numbers = file.read(4 * size)
        if letter != b" " or len(numbers) < 4 * size:
            raise ValueError(f"it breaks off after {number} of {count} words")
        # Some programs end each vector with a new line, some do not.
        word = letters.lstrip(b"\n").decode("utf-8", "replace")
        _keep(words, word, np.frombuffer(numbers, "<f4"), only)
    return words


def _read_text(file: IO[bytes], only: Container[str] | None) -> dict[str, np.ndarray]:
    words: dict[str, np.ndarray] = {}
    size = 0
    for number, line in enumerate(file):
        parts = line.decode("utf-8", "replace").rstrip().split(" ")
        if number == 0 and len(parts) == 2:
            continue  # word2vec's counts
        if len(parts) > 1:
            size = size or len(parts) - 1
            # A word of GloVe's may hold spaces.
            word = " ".join(parts[:-size]) or parts[0]
            _keep(words, word, np.array(parts[-size:], np.float32), only)
    return words


def _keep(words: dict, word: str, vector: np.ndarray, only: Container[str] | None) -> None:
    """The first vector of a word counts; of unwanted words only the very first is kept."""
    if only is None or word in only or not words:
        words.setdefault(word, vector)
