"""Pictures, boxes and phrases, paired for training in batches of one shape."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cnnrnn import console
from cnnrnn.densecap.pictures import Pictures
from cnnrnn.densecap.settings import WEIGHTS
from cnnrnn.errors import CnnRnnError
from cnnrnn.regions.boxes import mirrored
from cnnrnn.text.tokenizer import Tokenizer
from cnnrnn.text.vocabulary import END, PAD, Vocabulary

# A mirrored picture is not what these words say of it.
_SIDES = {"left", "right", "左", "右"}


class RegionBatches:
    """Batches of one set of pictures, see `models.DenseCap` for their layout.

    All have the same number of pictures: the last one of a size is filled up with others of it, so
    that the graph is compiled once. A picture that turns out to be damaged is told once, left out
    from then on, and replaced by another.

    Args:
        pictures: with their regions.
        vocabulary: the model's words.
        batch: pictures in a batch.
        max_words: longer phrases are cut.
        max_regions: of a picture; where there are more, another draw each epoch.
        mirror: also show pictures with left and right exchanged, unless a phrase says left or
            right.
    """

    def __init__(
        self,
        pictures: Pictures,
        vocabulary: Vocabulary,
        batch: int,
        max_words: int,
        max_regions: int,
        mirror: bool = False,
    ):
        self.pictures, self.batch = pictures, batch
        self.failures: list[tuple[str, str]] = []
        tokenizer = Tokenizer(vocabulary.tokenizer)
        most = max((len(each.regions) for each in pictures.examples), default=1)
        self.places = min(most, max_regions)  # G
        self._turns = np.full(len(pictures), mirror)
        self._first = np.zeros(len(pictures) + 1, np.int64)  # of each picture's regions below
        phrases: list[list[int]] = []
        for number, each in enumerate(pictures.examples):
            tokens = [tokenizer(region.phrase) for region in each.regions]
            self._turns[number] &= not any(_SIDES & set(words) for words in tokens)
            phrases += [vocabulary.encode(words[:max_words]) for words in tokens]
            self._first[number + 1] = len(phrases)
        # Packed: a large collection has millions of phrases.
        self._words = np.full((len(phrases), 1 + max(map(len, phrases), default=0)), PAD, np.int32)
        for row, words in zip(self._words, phrases, strict=True):
            row[: len(words) + 1] = [*words, END]
        self._good = np.ones(len(pictures), bool)

    def steps(self) -> int:
        """Batches of an epoch."""
        return sum(-(-len(group) // self.batch) for group in self._groups(np.arange(self._count)))

    @property
    def _count(self) -> int:
        return len(self.pictures)

    def epoch(self, generator: np.random.Generator) -> Iterator[tuple[dict, dict]]:
        """Training batches in a new order, of all sizes mixed."""
        batches = []
        for group in self._groups(generator.permutation(self._count)):
            batches += list(self._cut(group))
        for number in generator.permutation(len(batches)):
            yield self._batch(batches[number], generator, turning=True)

    def in_order(self) -> Iterator[tuple[dict, dict]]:
        """Every picture at least once, as it is, for validation."""
        generator = np.random.default_rng(0)
        for group in self._groups(np.arange(self._count)):
            for numbers in self._cut(group):
                yield self._batch(numbers, generator, turning=False)

    def _groups(self, order: np.ndarray) -> list[np.ndarray]:
        """The pictures of each size, in the given order."""
        kinds = self.pictures.loader.sizes
        kind = np.array([kinds.index(size) for size in self.pictures.sizes])
        groups = [order[kind[order] == number] for number in range(len(kinds))]
        return [group for group in groups if len(group)]

    def _cut(self, group: np.ndarray) -> Iterator[np.ndarray]:
        for first in range(0, len(group), self.batch):
            yield np.resize(np.roll(group, -first), self.batch)

    def _batch(self, numbers: np.ndarray, generator, turning: bool) -> tuple[dict, dict]:
        numbers, pictures = self._read(numbers, generator)
        shape = self.batch, self.places
        boxes = np.zeros((*shape, 4), np.float32)
        real = np.zeros(shape, bool)
        words = np.full((*shape, self._words.shape[1]), PAD, np.int32)
        turned = turning & (generator.random(self.batch) < 0.5) & self._turns[numbers]
        pictures[turned] = pictures[turned][:, :, ::-1]
        for row, number in enumerate(numbers):
            found = self.pictures.boxes(number)
            chosen = np.arange(len(found))
            if len(found) > self.places:
                chosen = np.sort(generator.choice(len(found), self.places, replace=False))
            found = found[chosen]
            if turned[row]:
                found = mirrored(found, pictures.shape[2])
            boxes[row, : len(found)] = found
            real[row, : len(found)] = True
            words[row, : len(found)] = self._words[self._first[number] + chosen]
        inputs = {"pictures": pictures, "boxes": boxes, "real": real, "words": words}
        # The losses come from the model, which has the truths among its inputs.
        return inputs, {name: np.zeros(self.batch, np.float32) for name in WEIGHTS}

    def _read(self, numbers: np.ndarray, generator) -> tuple[np.ndarray, np.ndarray]:
        """Pictures (B, h, w, 3), with others of their size in the place of damaged ones."""
        size = self.pictures.sizes[numbers[0]]
        numbers = numbers.copy()
        while True:
            found = self.pictures.read(numbers)
            damaged = [place for place, each in enumerate(found) if isinstance(each, CnnRnnError)]
            if not damaged:
                return numbers, np.stack(found)
            for place in damaged:
                self._tell(numbers[place], found[place])
            alike = [each == size for each in self.pictures.sizes]
            others = np.flatnonzero(self._good & alike)
            if not len(others):
                raise CnnRnnError("not one picture can be read any more", str(found[damaged[0]]))
            numbers[damaged] = generator.choice(others, len(damaged))

    def _tell(self, number: int, error: CnnRnnError) -> None:
        if self._good[number]:
            self._good[number] = False
            name = self.pictures.examples[number].source.name
            self.failures.append((name, str(error)))
            console.warn(f"{error}: left out")
