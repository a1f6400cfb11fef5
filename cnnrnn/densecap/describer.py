"""A trained DenseCap: a run opened for use.

    describer = DenseCaptioner.load("runs/densecap/scenes-1")
    [found] = describer.describe(["photo.jpg"])
    for region in found.regions:
        print(region.box, region.phrase)
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from cnnrnn import backend
from cnnrnn.densecap.described import Candidates, Described, DescribeSettings, FoundRegion
from cnnrnn.densecap.pictures import Loader, Pictures
from cnnrnn.errors import CnnRnnError
from cnnrnn.features.familiarity import Familiarity, pooled
from cnnrnn.media.sources import Source, as_source
from cnnrnn.regions import boxes as places
from cnnrnn.regions.suppression import best_proposals, suppress
from cnnrnn.text.decoder import DecodeSettings
from cnnrnn.text.vocabulary import Vocabulary
from cnnrnn.text.writer import Writer
from cnnrnn.training.found import found_run
from cnnrnn.training.run import Run

TASK = "densecap"
STARTER = Path(__file__).parent / "starter"
PICTURES = 8  # whose phrases are written together
WRITTEN = 64  # phrases that are written together
BLOCK = 100  # proposals that are looked at closely together: memory does not grow with them
HURRIED = 16  # phrases written together where time is short, or few are wanted


class DenseCaptioner:
    """A model, its words and its eyes.

    Args:
        model: a `models.DenseCap`.
        vocabulary: its words.
        loader: reads pictures at its sizes.
        run: where it comes from, for messages.
        familiarity: knows what pictures it was trained on, or None.
        fixed: the model is not trained any more, so that its trunk may be rewritten to run faster.
    """

    def __init__(
        self,
        model,
        vocabulary: Vocabulary,
        loader: Loader,
        run: Run | None = None,
        familiarity: Familiarity | None = None,
        fixed: bool = True,
    ):
        self.model, self.vocabulary, self.loader, self.run = model, vocabulary, loader, run
        self.familiarity = familiarity
        self.writer = Writer(model.writer, vocabulary, WRITTEN, (1, HURRIED))
        if fixed:
            from cnnrnn.features import engines

            self._look = engines.make(model.proposals.trunk)
        else:
            self._look = backend.compiled(model.proposals.look)
        self._propose = backend.compiled(model.proposals.propose)
        self._recognise = backend.compiled(model.recognise)

    @classmethod
    def load(cls, run: Path | str | None = None, root: Path | str = "runs") -> DenseCaptioner:
        """Open a run.

        Args:
            run: its folder; None takes the newest run under `root`, else the shipped starter.

        Raises:
            CnnRnnError: no such run, or a damaged one.
        """
        found = found_run(run, root, TASK, STARTER)
        from cnnrnn.densecap import models  # noqa: F401  registers the classes
        from cnnrnn.training.fit import load_model

        vocabulary = Vocabulary.load(found.path / "vocabulary.json")
        model = load_model(found.best)
        loader = Loader(model.proposals.backbone, model.proposals.side)
        familiarity = Familiarity.load(found.path / "familiarity.npz")
        return cls(model, vocabulary, loader, found, familiarity)

    def describe(
        self,
        pictures: Iterable[Source | str | Path | np.ndarray],
        settings: DescribeSettings | None = None,
    ) -> list[Described]:
        """Regions of pictures given as paths, arrays (H, W, 3) uint8 RGB, or sources.

        A picture that cannot be read gives a `Described` with its `error`.
        """
        return list(self.stream(map(as_source, pictures), settings))

    def stream(
        self, sources: Iterable[Source], settings: DescribeSettings | None = None
    ) -> Iterator[Described]:
        """The same, in the order of the sources and in constant memory."""
        settings = settings or DescribeSettings()
        sources = iter(sources)
        size = 1  # the first answer should not wait for others
        while batch := list(islice(sources, size)):
            found = [self._found(source, settings) for source in batch]
            if settings.time_budget is None:
                self._write(found, settings.search)
            yield from (described for described, _ in found)
            size = 1 if settings.time_budget else PICTURES

    def describe_boxes(
        self, picture: Source | str | Path | np.ndarray, boxes: np.ndarray,
        search: DecodeSettings | None = None,
    ) -> Described:
        """Phrases for boxes that a person gives, (n, 4) in pixels, in their order.

        Raises:
            CnnRnnError: the picture cannot be read, or a box has no area in it.
        """
        source = as_source(picture)
        found, grid, scale = self._seen(source, source.read())
        boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
        inside = places.clip(boxes, *found.size)
        if (places.area(inside) <= 0).any():
            number = int(np.argmin(places.area(inside))) + 1
            raise CnnRnnError(
                f"box {number} has no area in {found.name} ({found.size[0]} x {found.size[1]})",
                "boxes are x, y, width, height in pixels",
            )
        codes, scores, _ = self._closer(grid, places.scaled(inside, *scale))
        found.regions = [
            FoundRegion(tuple(box), score)
            for box, score in zip(boxes.tolist(), _probability(scores), strict=True)
        ]
        self._write([(found, codes)], search or DescribeSettings().search)
        return found

    def _seen(self, source: Source, picture: np.ndarray):
        """A picture looked at once: what is known of it, its grid, and pixels of the network's
        picture for one of its own, (x, y)."""
        began = time.perf_counter()
        height, width = picture.shape[:2]
        fitted = self.loader.fitted(picture)
        scale = fitted.shape[1] / width, fitted.shape[0] / height
        grid = np.asarray(self._look(fitted[None]))
        spent = {"look": time.perf_counter() - began}
        familiar = self.familiarity is None or bool(self.familiarity.known(grid)[0])
        return Described(source.name, (width, height), [], spent, familiar), grid, scale

    def looks(self, pictures: Pictures) -> np.ndarray:
        """What `familiarity` is measured by, of pictures: (n, D), without those that cannot be
        read."""
        rows = [
            pooled(np.asarray(self._look(picture[None])))
            for number in range(len(pictures))
            for picture in pictures.read([number])
            if not isinstance(picture, CnnRnnError)
        ]
        return np.concatenate(rows)

    def candidates(
        self, source: Source, settings: DescribeSettings, until: float | None = None
    ) -> Candidates:
        """All that was looked at closely in a picture, before the better of two is chosen.

        Args:
            until: `time.perf_counter()` at which no more proposals are looked at.

        Raises:
            CnnRnnError: the picture cannot be read.
        """
        picture = source.read(max(max(size) for size in self.loader.sizes))
        found, grid, scale = self._seen(source, picture)
        boxes, first = self._proposed(grid, settings.proposals, found)
        codes, second, boxes = self._closer(grid, boxes, found, until)
        # Either look has its own doubts: the first one of the place, the second one of the box.
        scores = np.sqrt(_probability(first[: len(second)]) * _probability(second))
        # The picture may have been decoded reduced.
        width, height = found.size
        found.size = source.size() or found.size
        x, y = found.size[0] / width / scale[0], found.size[1] / height / scale[1]
        boxes = places.clip(places.scaled(boxes, x, y), *found.size)
        return Candidates(found, codes, scores, boxes)

    def _found(self, source: Source, settings: DescribeSettings) -> tuple[Described, np.ndarray]:
        """A picture's regions without their phrases (with them where time is short), and codes."""
        began = time.perf_counter()
        # Half of the time is for the phrases.
        until = None if settings.time_budget is None else began + settings.time_budget / 2
        try:
            seen = self.candidates(source, settings, until)
        except CnnRnnError as error:
            return Described(source.name, error=str(error)), np.empty((0, 1), np.float32)
        chosen = suppress(seen.boxes, seen.scores, settings.overlap, settings.max_regions)
        chosen = chosen[seen.scores[chosen] >= settings.least]
        seen.found.regions = [
            FoundRegion(tuple(box), score)
            for box, score in zip(
                seen.boxes[chosen].tolist(), seen.scores[chosen].tolist(), strict=True
            )
        ]
        if until is not None:
            self._hurry(seen.found, seen.codes[chosen], settings, began)
        return seen.found, seen.codes[chosen]

    def _proposed(self, grid, count: int, found: Described) -> tuple[np.ndarray, np.ndarray]:
        began = time.perf_counter()
        boxes, scores = self._propose(grid)
        index, there = best_proposals(boxes, scores, count)
        found.seconds["propose"] = time.perf_counter() - began
        index = index[0][there[0]]
        return boxes[0][index], scores[0][index]

    def _closer(
        self, grid, boxes: np.ndarray, found: Described | None = None, until: float | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Codes (n, C), scores (n,) and corrected boxes (n, 4) of proposals, block by block; of
        the first ones only where the time `until` has come."""
        began = time.perf_counter()
        parts = []
        for first in range(0, len(boxes), BLOCK):
            part = boxes[first : first + BLOCK]
            # One size of block, so that the graph is compiled once.
            filled = np.concatenate([part, np.repeat(part[-1:], BLOCK - len(part), axis=0)])
            results = self._recognise(grid, filled[None].astype(np.float32))
            parts.append([np.asarray(each)[0][: len(part)] for each in results])
            if until is not None and time.perf_counter() > until:
                break
        if found is not None:
            found.seconds["recognise"] = time.perf_counter() - began
        return tuple(np.concatenate(each) for each in zip(*parts, strict=True))

    def _write(
        self, found: Sequence[tuple[Described, np.ndarray]], search: DecodeSettings
    ) -> None:
        """The phrases of the regions of some pictures, all in one batch."""
        began = time.perf_counter()
        regions = [region for described, _ in found for region in described.regions]
        if not regions:
            return
        codes = np.concatenate([codes for described, codes in found if described.regions])
        for region, sentences in zip(regions, self.writer.write(codes, search), strict=True):
            region.phrase = self.writer.text(sentences[0])
            region.log_probability = sentences[0].log_probability
        spent = (time.perf_counter() - began) / len(regions)
        for described, _ in found:
            described.seconds["write"] = spent * len(described.regions)

    def _hurry(self, found: Described, codes, settings: DescribeSettings, began: float) -> None:
        """Phrases of the surest regions until time is up; regions without one are left out."""
        told: list[FoundRegion] = []
        for first in range(0, len(found.regions), HURRIED):
            if told and time.perf_counter() - began > settings.time_budget:
                break
            part = Described(found.name, regions=found.regions[first : first + HURRIED])
            self._write([(part, codes[first : first + HURRIED])], settings.search)
            told += part.regions
        found.regions = told


def _probability(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.asarray(logits, np.float64)))
