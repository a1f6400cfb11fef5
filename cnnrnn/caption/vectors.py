"""The word vectors that a captioner begins with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnrnn import console
from cnnrnn.caption.data import Example
from cnnrnn.caption.settings import LEARNED, WORD2VEC, TrainSettings
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.text import word2vec
from cnnrnn.text.tokenizer import Tokenizer
from cnnrnn.text.vectors import WordVectors, read_vectors
from cnnrnn.text.vocabulary import END, SPECIALS, START, Vocabulary


def from_file(settings: TrainSettings, vocabulary: Vocabulary) -> WordVectors | None:
    """The vectors of the file that the settings name; None where they name none.

    Raises:
        UsageError: their size is not the one that was chosen.
        CnnRnnError: no such file, or it has not one word of the vocabulary; gensim is missing.
    """
    if settings.embeddings == WORD2VEC:
        word2vec.check_installed()
    if settings.embeddings in (LEARNED, WORD2VEC):
        return None
    found = read_vectors(settings.embeddings, only=vocabulary)
    if settings.embedding not in (None, found.size):
        raise UsageError(
            f"the vectors of {settings.embeddings} have {found.size} numbers, "
            f"not {settings.embedding}",
            "leave out --embedding",
        )
    if not any(word in found for word in vocabulary.counts):
        raise CnnRnnError(
            f"{settings.embeddings} knows not one of the {len(vocabulary.counts)} words",
            "take vectors of the language of the captions, written in lower case",
        )
    return found


def trained(
    settings: TrainSettings, vocabulary: Vocabulary, examples: Sequence[Example]
) -> WordVectors:
    """Vectors trained on captions; those of the special words learn what stands around them."""
    tokenizer, words = Tokenizer(vocabulary.tokenizer), vocabulary.words
    sentences = [
        [words[number] for number in (START, *vocabulary.encode(tokenizer(text)), END)]
        for each in examples
        for text in each.captions
    ]
    return word2vec.trained(sentences, settings.embedding, settings.seed)


def table(vectors: WordVectors, vocabulary: Vocabulary, seed: int) -> np.ndarray:
    """The first vector of each word, of length 1, float32 (V, E); a random one where `vectors` has
    none."""
    found = vectors.table(vocabulary.words)
    drawn = np.random.default_rng([seed, 2]).standard_normal(found.shape).astype(np.float32)
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    return np.where(np.isnan(found), drawn, found)


def tell_coverage(vectors: WordVectors, vocabulary: Vocabulary, origin: str) -> None:
    """Print how many of the words have a vector."""
    known = [word for word in vocabulary.counts if word in vectors]
    share = sum(vocabulary.counts[word] for word in known) / sum(vocabulary.counts.values())
    special = sum(word in vectors for word in SPECIALS)
    more = f", and {special} of {len(SPECIALS)} special words" if special else ""
    console.info(
        f"{'word vectors':<24}{origin} has {len(known)} of {len(vocabulary.counts)} words, "
        f"{share:.1%} of the text{more}"
    )
