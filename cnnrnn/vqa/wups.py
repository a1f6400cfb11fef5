"""WUPS: an answer counts more, the nearer its meaning is to the true one (Malinowski & Fritz 2014).

How near two words are is the Wu-Palmer similarity of their nearest noun senses in WordNet, read
from a table or asked of `nltk` (the extra `wups`). Below a threshold it counts a tenth: at 0.9 only
near synonyms count, at 0.0 all do. For answers that are lists, `chair, table`, a = the product over
one's members of the similarity to the nearest of the other's, and the smaller a of both directions
counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from cnnrnn.errors import CnnRnnError
from cnnrnn.vqa.metrics import majority

THRESHOLDS = (0.9, 0.0)
_FAR = 0.1  # what a similarity below the threshold is multiplied by
_TABLE = ("truth", "prediction", "similarity")

Similarity = Callable[[str, str], float]  # (true word, said word) -> 0 to 1


def read_table(path: Path) -> Similarity:
    """Similarities (T, P) from an .npz of words `truth` (T,), `prediction` (P,) and `similarity`.

    Pairs that are not in it have none, 0; the same word twice has 1.

    Raises:
        CnnRnnError: no such file.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            truth, said, values = (file[name] for name in _TABLE)
            if values.shape != (len(truth), len(said)) or values.dtype.kind != "f":
                raise ValueError(f"similarity has the shape {values.shape}")
    except FileNotFoundError as error:
        raise CnnRnnError(f"cannot read {path}: no such file", "wordnet, or an .npz") from error
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise CnnRnnError(
            f"{path} is no table of similarities: {error}", f"an .npz of {', '.join(_TABLE)}"
        ) from error
    rows = {word: place for place, word in enumerate(truth.tolist())}
    columns = {word: place for place, word in enumerate(said.tolist())}

    def similarity(true: str, word: str) -> float:
        if true == word:
            return 1.0
        row, column = rows.get(true), columns.get(word)
        return 0.0 if row is None or column is None else float(values[row, column])

    return similarity


def wordnet() -> Similarity:
    """Similarities from WordNet through `nltk`.

    Raises:
        CnnRnnError: `nltk` or its copy of WordNet is not installed.
    """
    try:
        from nltk.corpus import wordnet as words

        words.synsets("chair", pos=words.NOUN)
    except ImportError as error:
        raise CnnRnnError(
            "WUPS needs nltk, which is not installed",
            "pip install 'cnnrnn[wups]', or give a table with --wups",
        ) from error
    except LookupError as error:
        raise CnnRnnError(
            "WUPS needs WordNet, which nltk does not find",
            "python -m nltk.downloader wordnet, or give a table with --wups",
        ) from error

    @lru_cache(maxsize=1 << 16)
    def similarity(true: str, word: str) -> float:
        if true == word:
            return 1.0
        senses = [words.synsets(each, pos=words.NOUN) for each in (true, word)]
        pairs = (a.wup_similarity(b) or 0.0 for a in senses[0] for b in senses[1])
        return max(pairs, default=0.0)

    return similarity


def members(answer: str) -> list[str]:
    """The words of an answer that is a list, in lower case; a single word is a list of one."""
    return [word for each in answer.lower().split(",") if (word := each.strip())]


def wups(answer: str, truth: str, similarity: Similarity, threshold: float) -> float:
    """WUPS of one answer, 0 to 1."""
    said, true = members(answer), members(truth)
    if not said or not true:
        return float(said == true)
    near = np.array([[similarity(each, word) for word in said] for each in true])  # (T, S)
    near = np.where(near < threshold, _FAR * near, near)
    return min(math.prod(near.max(0).tolist()), math.prod(near.max(1).tolist()))


def rule(similarity: Similarity, threshold: float) -> Callable[[str, Sequence[str]], float]:
    """WUPS as a rule for `metrics.score`; of several people's answers the most frequent counts."""
    return lambda answer, humans: wups(answer, majority(list(humans)), similarity, threshold)


def similarity_of(name: str) -> Similarity:
    """`wordnet`, or the table in a file.

    Raises:
        CnnRnnError: see `wordnet` and `read_table`.
    """
    return wordnet() if name == "wordnet" else read_table(Path(name))
