"""How good regions are: a run's, anybody's, and those of a program that tells one place only.

Baseline: `whole picture` is the sentence that the run's own language head says of the whole
picture, as its only region.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from cnnrnn import console
from cnnrnn.densecap.data import BUILT_IN, RegionData, load
from cnnrnn.densecap.describer import DenseCaptioner, Described, DescribeSettings, FoundRegion
from cnnrnn.densecap.layouts import Example
from cnnrnn.densecap.validate import compared
from cnnrnn.errors import CnnRnnError
from cnnrnn.files import read_json, write_json
from cnnrnn.regions.boxes import like_shares
from cnnrnn.regions.metrics import Found, box_precision, region_scores
from cnnrnn.text.metrics import heading
from cnnrnn.training.dataset import by_any_name, tell_unmatched

LARGE = 16.0  # pixels of a box's shorter side, from which boxes are scored alone too
_SHAPE = '[{"image": "1.jpg", "regions": [{"box": [x1, y1, x2, y2], "score": 1, "phrase": "a"}]}]'


@dataclass
class Evaluation:
    """Scores of one way to tell the regions of one set of pictures.

    name: `regions`, or the baseline's name.
    scores: `map` (or `map_StemMatch`), `detmap`, `ap30` to `ap70` of boxes alone with truths
        merged, `ap50_large` of boxes from 16 pixels, and the language score of the phrases whose
        box lies on a truth.
    intervals: 95 % bootstrap intervals over pictures of `map`, `detmap` and `ap50`.
    language: the score by which phrases were compared, `METEOR` or `StemMatch`.
    missing: scores that could not be had, and why.
    pictures, truths, predictions: how many.
    """

    name: str
    scores: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    language: str
    missing: dict[str, str]
    pictures: int
    truths: int
    predictions: int

    @property
    def map_key(self) -> str:
        """The name of mean average precision, which tells where it is not METEOR's."""
        return next(iter(self.scores))

    def as_json(self) -> dict[str, Any]:
        """All of it in one line."""
        counts = {"pictures": self.pictures, "truths": self.truths}
        return {
            "name": self.name, **counts, "predictions": self.predictions,
            "language": self.language, **self.scores, "intervals": self.intervals,
            "missing": self.missing,
        }  # fmt: skip

    def row(self, keys: Sequence[str]) -> list[Any]:
        """Name and scores, for a table."""
        return [self.name, *(self.scores.get(key) for key in keys)]


def scored(name: str, found: Sequence[Found], java: bool = True) -> Evaluation:
    """Score what was found in some pictures.

    Args:
        found: the pictures.
        java: take METEOR where Java is.
    """
    figures = region_scores(found, java)
    scores = figures.figures()
    scores["ap50_large"] = box_precision(found, 0.5, (LARGE, np.inf))
    missing = {"map": figures.missing} if figures.missing else {}
    counts = len(found), figures.truths, figures.predictions
    return Evaluation(name, scores, figures.intervals(), figures.language, missing, *counts)


def read_predictions(path: Path, examples: Sequence[Example]) -> list[tuple[Example, Described]]:
    """Read regions that any program found.

    Args:
        path: `[{"image": name, "regions": [{"box": [x1, y1, x2, y2], "score": s, "phrase": t}]}]`;
            boxes in pixels between 0 and the picture's size, and a box of one pixel is 1 wide.
        examples: the pictures; `image` is their number, name, or name without suffix.

    Returns:
        all pictures, each with what was found in it: nothing where the file does not have it, for
        a program that finds nothing in a picture may leave it out.

    Raises:
        CnnRnnError: not such a file, or not one entry is of a picture of the data.
    """
    content = read_json(path)
    if not isinstance(content, list):
        raise CnnRnnError(f"{path} is not a list of pictures with regions", _SHAPE)
    names = by_any_name(examples)
    found: dict[str, Described] = {}
    strange = 0
    for number, entry in enumerate(content, 1):
        known = isinstance(entry, dict) and "image" in entry
        if not known or not isinstance(entry.get("regions"), list):
            raise CnnRnnError(f"{path} entry {number} has no image or no list of regions", _SHAPE)
        example = names.get(str(entry["image"]))
        if example is None:
            strange += 1
            continue
        if example.id in found:
            raise CnnRnnError(f"{path} has {entry['image']} twice", "give each picture once")
        regions = [_region(each, path, number) for each in entry["regions"]]
        found[example.id] = Described(str(entry["image"]), example.size or (1, 1), regions)
    if not found:
        raise CnnRnnError(f"no entry of {path} is of a picture of the data", "check --split")
    corners = [region.box for described in found.values() for region in described.regions]
    if like_shares(np.array(corners)):
        raise CnnRnnError(
            f"the boxes of {path} look like shares of the picture's sides (0 to 1), not pixels",
            _SHAPE,
        )
    tell_unmatched(strange, len(found), examples, "prediction", "pictures")
    if len(found) < len(examples):
        console.info("what a file leaves out counts as pictures in which nothing was found")
    return [(each, found.get(each.id, Described(each.id))) for each in examples]


def _region(entry: Any, path: Path, number: int) -> FoundRegion:
    try:
        x1, y1, x2, y2 = map(float, entry["box"])
        score = float(entry["score"])
    except (KeyError, TypeError, ValueError) as error:
        raise CnnRnnError(f"{path} entry {number} has a region without box or score") from error
    if not np.isfinite([x1, y1, x2, y2, score]).all():
        raise CnnRnnError(f"{path} entry {number} has a box or score that is no number")
    return FoundRegion((x1, y1, x2, y2), score, str(entry.get("phrase") or ""))


def evaluate_predictions(data: RegionData, split: str, predictions: Path) -> Evaluation:
    """Score a file of regions, made by any program, with no model at all."""
    pairs = read_predictions(predictions, data.split(split))
    return scored("regions", [compared(each, found) for each, found in pairs])


def score_describer(
    describer: DenseCaptioner,
    examples: Sequence[Example],
    settings: DescribeSettings,
    baseline: bool = True,
) -> tuple[list[Evaluation], list[Described]]:
    """Score a run on some pictures, and the baseline where it is asked for.

    Returns:
        the run's evaluation first, and what it found; pictures that cannot be read have an error
        and count for nothing.
    """
    described = list(_watched(describer, examples, settings))
    pairs = [(e, d) for e, d in zip(examples, described, strict=True) if not d.error]
    if not pairs:
        raise CnnRnnError(f"not one of {len(examples)} pictures can be read: {described[0].error}")
    found = [scored("regions", [compared(*pair) for pair in pairs])]
    if baseline:
        whole = []
        for example, _ in pairs:
            width, height = example.source.size() or example.size
            one = describer.describe_boxes(example.source, [[0, 0, width, height]], settings.search)
            whole.append(compared(example, one))
        found.append(scored("whole picture", whole))
    return found, described


def _watched(describer, examples, settings) -> Iterable[Described]:
    with console.Progress(len(examples), "regions", "pictures") as progress:
        for found in describer.stream((each.source for each in examples), settings):
            progress.update()
            yield found


def describe_settings(
    proposals: int,
    max_regions: int,
    overlap: float,
    beam: int,
    least: float = 0.0,
    time_budget: float | None = None,
) -> DescribeSettings:
    """`DescribeSettings` from options."""
    search = replace(DescribeSettings().search, beam_width=beam)
    return DescribeSettings(proposals, max_regions, least, overlap, search, time_budget)


def run_or_file(
    data: str | None,
    format: str,
    limit: int | None,
    split: str,
    predictions: Path | None,
    run: Path | None,
    settings: DescribeSettings,
    baseline: bool,
    output: Path | None,
) -> tuple[list[Evaluation], list[tuple[str, str]]]:
    """What `densecap evaluate` does, see its options.

    Args:
        data: None takes what the run was trained on; with `predictions`, the built-in world.
        output: a file that the regions are written to, as `read_predictions` reads them.

    Returns:
        evaluations, and the (name, reason) of pictures that could not be read.
    """
    if predictions:
        if not predictions.is_file():  # told before the data is read
            raise CnnRnnError(f"no file {predictions}", _SHAPE)
        return [evaluate_predictions(load(data or BUILT_IN, format, limit), split, predictions)], []
    describer = DenseCaptioner.load(run)
    if data is None:
        config = describer.run.config
        data, format, limit = config["data"], config["data_format"], limit or config.get("limit")
    console.info(f"run {describer.run.path}, data {data}")
    examples = load(data, format, limit).split(split)
    evaluations, described = score_describer(describer, examples, settings, baseline)
    if output:
        write_predictions(output, examples, described)
    failures = [(found.name, found.error) for found in described if found.error]
    for name, reason in failures:
        console.error(reason if name in reason else f"{name}: {reason}")
    return evaluations, failures


def write_predictions(
    path: Path, examples: Sequence[Example], described: Sequence[Described]
) -> None:
    """Write regions so that `evaluate --predictions` reads them."""
    content = []
    for example, found in zip(examples, described, strict=True):
        boxes = compared(example, found).boxes.round(2).tolist()
        regions = [
            {"box": box, "score": round(region.score, 6), "phrase": region.phrase}
            for box, region in zip(boxes, found.regions, strict=True)
        ]
        content.append({"image": example.id, "regions": regions})
    write_json(path, content)


KEYS = ("detmap", "ap30", "ap50", "ap70", "ap50_large")


def show(evaluations: Sequence[Evaluation], json: bool) -> None:
    """Print the scores: a table, or one JSON object each with the run's first."""
    if json:
        for each in evaluations:
            console.json_line(each.as_json())
        return
    first = evaluations[0]
    keys = [first.map_key, *KEYS, first.language]
    rows = [each.row(keys) for each in evaluations]
    console.result(console.table(["", *map(heading, keys)], rows))
    console.info(f"{first.truths} regions in {first.pictures} pictures, overlapping ones merged")
    for key, (low, high) in first.intervals.items():
        console.info(f"{key} {low:.3f} to {high:.3f} (95 % bootstrap over pictures)")
    console.info(f"phrases are compared by {first.language}")
    for key, reason in first.missing.items():
        console.info(f"{key}: {reason}")
