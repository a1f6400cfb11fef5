"""Word vectors: read from a file, or made of a word's spelling where there is none.

Read are .npz files with `words` (n,) and `vectors` (n, E), and the text files of GloVe and
word2vec: a word and its numbers a line, with or without a first line of counts.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from cnnrnn.errors import CnnRnnError
from cnnrnn.files import atomic_write

SPELLED = 96  # E of vectors that are made of spelling
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


def read_vectors(path: Path | str) -> WordVectors:
    """Read a file of word vectors.

    Raises:
        CnnRnnError: missing, damaged, or no file of word vectors.
    """
    path = Path(path).expanduser()
    try:
        if zipfile.is_zipfile(path):
            with np.load(path, allow_pickle=False) as stored:
                return WordVectors(stored["words"].tolist(), stored["vectors"])
        return _read_text(path)
    except OSError as error:
        raise CnnRnnError(f"cannot read {path}: {error.strerror or error}") from error
    except CnnRnnError as error:
        raise CnnRnnError(f"{path}: {error.message}", "one word and its numbers a line") from error
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise CnnRnnError(
            f"{path} holds no word vectors: {error}",
            "an .npz of words and vectors, or one word and its numbers a line",
        ) from error


def _read_text(path: Path) -> WordVectors:
    words: dict[str, np.ndarray] = {}
    with open(path, encoding="utf-8", errors="replace") as lines:
        for number, line in enumerate(lines):
            word, *numbers = line.rstrip().split(" ")
            if number == 0 and len(numbers) == 1:
                continue  # word2vec's counts
            if numbers:
                words.setdefault(word, np.array(numbers, np.float32))
    if not words:
        raise ValueError("it is empty")
    return WordVectors(list(words), np.stack(list(words.values())))
