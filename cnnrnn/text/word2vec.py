"""Word vectors trained on sentences: skip-gram with negative samples (Mikolov et al. 2013)."""

from __future__ import annotations

from collections.abc import Sequence

from cnnrnn.errors import CnnRnnError
from cnnrnn.text.vectors import WordVectors

WINDOW = 5  # words to each side that a word is to foretell
WORDS = 1_000_000  # to be read at least; a small text again and again, so that its words part
EPOCHS = 10, 100  # at least and at most


def check_installed() -> None:
    """Raise where gensim is missing, before anything is done.

    Raises:
        CnnRnnError: it is missing.
    """
    try:
        import gensim.models  # noqa: F401
    except ImportError as error:
        raise CnnRnnError(
            "--embeddings word2vec needs gensim", "pip install 'cnnrnn[word2vec]', or give a file"
        ) from error


def trained(sentences: Sequence[Sequence[str]], size: int, seed: int = 0) -> WordVectors:
    """Vectors of all words of some sentences.

    Args:
        sentences: lists of tokens.
        size: E.
        seed: of the first vectors and of the samples; one thread, so that it decides.

    Raises:
        CnnRnnError: gensim is missing.
    """
    check_installed()
    from gensim.models import Word2Vec

    least, most = EPOCHS
    epochs = min(most, max(least, WORDS // sum(map(len, sentences))))
    model = Word2Vec(
        sentences, vector_size=size, window=WINDOW, min_count=1, sg=1, epochs=epochs,
        workers=1, seed=seed,
    )  # fmt: skip
    return WordVectors(model.wv.index_to_key, model.wv.vectors)
