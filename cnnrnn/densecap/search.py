"""Where in a picture is this? The places of a phrase, by its likelihood.

A phrase is not looked for by its words but by what the language head would say: each candidate
place is asked how probable the phrase is there (Johnson et al. 2016, sec. 4.3), so words may come
in combinations that no list of classes holds. A place has the score

    log p(something is there) + log p(phrase | its code)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from cnnrnn import backend, console
from cnnrnn.densecap.describer import (
    BLOCK,
    STARTER,
    Candidates,
    DenseCaptioner,
    DescribeSettings,
)
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.media.sources import Source, expand
from cnnrnn.regions.suppression import suppress
from cnnrnn.text.vocabulary import END, START
from cnnrnn.training.found import tell_run


@dataclass
class Place:
    """A place of a phrase. box: (x1, y1, x2, y2) in pixels; score: see above, in nats."""

    box: tuple[float, float, float, float]
    score: float


@dataclass
class Sought:
    """The best places of a phrase in one picture, best first; `error` says why there are none."""

    name: str
    places: list[Place] = field(default_factory=list)
    error: str = ""


class Finder:
    """Looks for one phrase.

    Args:
        describer: the model and its eyes.
        phrase: words that it knows.

    Raises:
        UsageError: an empty phrase, or words that the model does not know.
    """

    def __init__(self, describer: DenseCaptioner, phrase: str):
        words = describer.writer.beginning(phrase)
        if not words:
            raise UsageError("an empty phrase", 'for example "wheel of the car"')
        ops = backend.keras().ops
        self.describer, self.phrase = describer, phrase
        given = np.array([[START, *words]], np.int32)
        wanted = np.array([*words, END], np.int32)
        model = describer.model.writer

        def likelihood(codes):
            count, length = ops.shape(codes)[0], given.shape[1]
            inputs = {
                "features": codes,
                "words": ops.tile(given[None], (count, 1, 1)),
                "positions": ops.arange(count * length),
            }
            logits = ops.reshape(model(inputs), (count, length, -1))
            chances = ops.log_softmax(logits)
            picked = ops.take_along_axis(chances, ops.tile(wanted[None, :, None], (count, 1, 1)), 2)
            return ops.sum(picked[..., 0], axis=1)

        self._likelihood = backend.compiled(likelihood)

    def places(
        self, source: Source, count: int, settings: DescribeSettings | None = None
    ) -> list[Place]:
        """The best places of the phrase in a picture, that do not overlap, best first.

        Raises:
            CnnRnnError: the picture cannot be read.
        """
        settings = settings or DescribeSettings()
        seen = self.describer.candidates(source, settings)
        scores = self.scores(seen)
        chosen = suppress(seen.boxes, scores, settings.overlap, count)
        return [Place(tuple(seen.boxes[n].tolist()), float(scores[n])) for n in chosen]

    def scores(self, seen: Candidates) -> np.ndarray:
        """The score of the phrase at each place that was looked at, (n,), in nats."""
        codes, found = seen.codes, []
        for first in range(0, len(codes), BLOCK):
            part = codes[first : first + BLOCK]
            # One size of block, so that the graph is compiled once.
            filled = np.concatenate([part, np.repeat(part[-1:], BLOCK - len(part), axis=0)])
            found.append(self._likelihood(filled)[: len(part)])
        return np.concatenate(found) + np.log(np.maximum(seen.scores, 1e-12))

    def stream(
        self, sources: Iterable[Source], count: int, settings: DescribeSettings | None = None
    ) -> Iterator[Sought]:
        """The places in many pictures, in their order and in constant memory."""
        for source in sources:
            try:
                yield Sought(source.name, self.places(source, count, settings))
            except CnnRnnError as error:
                yield Sought(source.name, error=str(error))


def find(
    phrase: str,
    arguments: Sequence[str],
    run: Path | None,
    count: int,
    best: bool,
    limit: int | None,
    json: bool,
) -> int:
    """What `densecap find` does, see its options.

    Args:
        best: all pictures are looked at first; then the best place of each is shown, best first.

    Returns:
        1 if a picture could not be read, else 0.
    """
    describer = DenseCaptioner.load(run)
    finder = Finder(describer, phrase)
    tell_run(describer.run, STARTER, "the built-in world")
    report = console.Report("pictures")
    kept: list[Sought] = []
    for sought in finder.stream(islice(expand(arguments), limit), 1 if best else count):
        if sought.error:
            report.fail(sought.name, sought.error)
            continue
        report.ok()
        if best:
            kept.append(sought)
        else:
            _show(phrase, sought, json)
    for sought in sorted(kept, key=lambda each: -each.places[0].score):
        _show(phrase, sought, json)
    return report.closed("give files, folders or scenes:N")


def _show(phrase: str, sought: Sought, json: bool) -> None:
    """Print the places of a phrase in one picture."""
    if json:
        places = [
            {"box": [round(side, 2) for side in place.box], "score": place.score}
            for place in sought.places
        ]
        console.json_line({"source": sought.name, "phrase": phrase, "places": places})
        return
    for place in sought.places:
        x1, y1, x2, y2 = (round(side) for side in place.box)
        where = f"x {x1}  y {y1}  width {x2 - x1}  height {y2 - y1}"
        console.result(f"{console.field(sought.name)}\t{place.score:.2f}\t{where}")
