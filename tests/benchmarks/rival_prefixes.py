"""Captioning as the well-known tutorials train it: one sample for each beginning of a caption.

The "merge" model (Tanti et al. 2017, "Where to put the image in an image caption generator") as
tutorials build it: a caption of n words becomes n + 1 samples (picture, words so far padded to the
longest caption, next word as a one-hot vector), and `fit` takes them from a generator. Tutorials
pad and encode sample by sample, with batches of 1 to 64 pictures; to the rival's favour whole
captions are filled in at once here, and the fastest batch is found out.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import numpy as np

from cnnrnn import backend
from cnnrnn.text.vocabulary import END, START
from tests.benchmarks import measure

keras = backend.keras()

_BATCHES = (1, 4, 16)  # pictures whose samples make up a batch; to try
_TRIAL_PICTURES = 16


def merge_model(depth: int, longest: int):
    """Picture vector (B, D) and beginning (B, T) -> probabilities of the next word (B, V)."""
    layers = keras.layers
    picture = keras.Input((depth,))
    seen = layers.Dense(measure.HIDDEN, activation="relu")(layers.Dropout(0.5)(picture))
    beginning = keras.Input((longest,))
    vectors = layers.Embedding(measure.VOCABULARY, measure.EMBEDDING, mask_zero=True)(beginning)
    written = layers.LSTM(measure.HIDDEN)(layers.Dropout(0.5)(vectors))
    joined = layers.Dense(measure.HIDDEN, activation="relu")(layers.add([seen, written]))
    words = layers.Dense(measure.VOCABULARY, activation="softmax")(joined)
    return keras.Model([picture, beginning], words)


class PrefixTraining:
    """Trains the merge model.

    Args:
        texts: word numbers, by picture and caption.
        vectors: (pictures, D) float.
    """

    def __init__(self, texts: Sequence[Sequence[Sequence[int]]], vectors: np.ndarray):
        self.texts, self.vectors = texts, vectors.astype(np.float32)
        self.longest = measure.MAX_WORDS + 1
        self.model = merge_model(vectors.shape[-1], self.longest)
        self.model.compile("adam", "categorical_crossentropy")
        self._epoch(1, _TRIAL_PICTURES)  # compiles
        self.batch = max(_BATCHES, key=lambda batch: self._epoch(batch, _TRIAL_PICTURES))

    def words_per_second(self) -> float:
        """One epoch with `fit`."""
        return self._epoch(self.batch, len(self.texts))

    def _epoch(self, batch: int, pictures: int) -> float:
        texts = self.texts[:pictures]
        began = time.perf_counter()
        steps = -(-len(texts) // batch)
        self.model.fit(self._batches(texts, batch), steps_per_epoch=steps, verbose=0)
        return measure.count_words(texts) / (time.perf_counter() - began)

    def _batches(
        self, all_texts: Sequence[Sequence[Sequence[int]]], batch: int
    ) -> Iterator[tuple[tuple[np.ndarray, np.ndarray], np.ndarray]]:
        for first in range(0, len(all_texts), batch):
            texts = all_texts[first : first + batch]
            samples = [self._samples(text) for each in texts for text in each]
            beginnings, words = (np.concatenate(part) for part in zip(*samples, strict=True))
            counts = [measure.count_words([each]) for each in texts]
            vectors = np.repeat(self.vectors[first : first + len(texts)], counts, axis=0)
            hot = np.zeros((len(words), measure.VOCABULARY), np.float32)
            hot[np.arange(len(words)), words] = 1
            yield (vectors, beginnings), hot

    def _samples(self, text: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """The beginnings (n + 1, T) of a caption, padded in front, and their next words."""
        sequence = [START, *text]
        beginnings = np.zeros((len(sequence), self.longest), np.int32)
        for count, padded in enumerate(beginnings, 1):
            padded[-count:] = sequence[:count]
        return beginnings, np.array([*text, END])
