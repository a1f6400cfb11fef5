"""How good captions are: a run's, anybody's, and those of two programs that do not look or think.

Baselines: `most frequent caption` says the same of every picture; `nearest neighbour` repeats the
first caption of the training picture whose pooled features have the highest cosine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from cnnrnn import console
from cnnrnn.caption.captioner import Captioner
from cnnrnn.caption.data import BUILT_IN, CaptionData, Example, load
from cnnrnn.caption.ensemble import joined, opened
from cnnrnn.caption.prepare import Pictures, with_features
from cnnrnn.caption.settings import TrainSettings
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.files import read_json, write_json
from cnnrnn.intervals import Figure
from cnnrnn.media.medium import CLIPS, PICTURES
from cnnrnn.text import metrics, stem_match
from cnnrnn.text.decoder import DecodeSettings
from cnnrnn.training.dataset import by_any_name, tell_unmatched
from cnnrnn.training.run import Run

OTHER_RUN = "name a run for them with --run"
INTERVALS = ("Bleu_4", "METEOR", stem_match.KEY, "ROUGE_L", "CIDEr")


@dataclass
class Evaluation:
    """Scores of one way to caption one set of pictures or clips.

    name: `captions`, or the baseline's name.
    scores: by the reference program's names, `Bleu_1` ... `CIDEr`.
    intervals: 95 % bootstrap intervals over pictures.
    missing: scores that could not be had, and why.
    texts: the captions, by picture id.
    detail: the same, picture by picture.
    unit: what is captioned, in the plural.
    """

    name: str
    scores: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    missing: dict[str, str]
    texts: dict[str, str] = field(repr=False)
    detail: metrics.Scores = field(repr=False)
    unit: str = PICTURES.many

    def row(self, keys: Sequence[str]) -> list[Any]:
        """Name and scores, for a table; BLEU of what is never right is only nearly 0."""
        scores = (self.scores.get(key) for key in keys)
        return [self.name, *(None if score is None else round(score, 4) for score in scores)]


def scored(
    name: str,
    examples: Sequence[Example],
    texts: Mapping[str, str],
    tokenizer: str = "words",
    meteor: bool = True,
    intervals: bool = True,
    seed: int = 0,
    unit: str = PICTURES.many,
) -> Evaluation:
    """Score captions against what people wrote.

    Args:
        examples: the pictures.
        texts: one caption for each `Example.id`.
        tokenizer: `characters` for text without spaces.
        meteor: also METEOR, where Java is.
        intervals: also bootstrap intervals.
        unit: see `Evaluation`.
    """
    references = {each.id: list(each.captions) for each in examples}
    texts = {identity: texts[identity] for identity in references}
    found = metrics.score(references, texts, meteor=meteor, tokenizer=tokenizer)
    ranges = {
        key: found.interval(key, seed) for key in INTERVALS if intervals and key in found.overall
    }
    return Evaluation(name, dict(found.overall), ranges, dict(found.missing), texts, found, unit)


def most_frequent(training: Sequence[Example], examples: Sequence[Example]) -> dict[str, str]:
    """The training caption that occurs most often (the first of several), for every picture."""
    counted = Counter(text for each in training for text in each.captions)
    text = counted.most_common(1)[0][0]
    return {each.id: text for each in examples}


def nearest_neighbour(training: Pictures, pictures: Pictures) -> dict[str, str]:
    """The first caption of the most alike training picture, whose features are read in blocks."""
    vectors = pictures.features.pooled()
    best = np.full(len(vectors), -np.inf, np.float32)
    nearest = np.zeros(len(vectors), np.int64)
    for first, block in training.features.pooled_blocks():
        unit = block / np.maximum(np.linalg.norm(block, axis=1, keepdims=True), 1e-6)
        alike = vectors @ unit.T
        closer = alike.max(axis=1) > best
        nearest[closer] = first + alike[closer].argmax(axis=1)
        best[closer] = alike[closer].max(axis=1)
    return {
        each.id: training.examples[number].captions[0]
        for each, number in zip(pictures.examples, nearest.tolist(), strict=True)
    }


def read_predictions(
    path: Path, examples: Sequence[Example], unit: str = PICTURES.many, data: str = "the data"
) -> tuple[list[Example], dict]:
    """Read COCO-style results, `[{"image_id": ..., "caption": ...}]`.

    Args:
        path: the file.
        examples: the pictures; `image_id` is their number, name, or name without suffix.
        unit: what these are called, in the plural.
        data: what they are of.

    Returns:
        the pictures that have a prediction, and the predictions by `Example.id`.

    Raises:
        CnnRnnError: not such a file, or not one prediction belongs to a picture.
    """
    content = read_json(path)
    if not isinstance(content, list):
        raise CnnRnnError(f"{path} is not a list of results", '[{"image_id": 1, "caption": "a"}]')
    by_name = by_any_name(examples)
    texts, strange = {}, 0
    for number, entry in enumerate(content, 1):
        if not isinstance(entry, dict) or not {"image_id", "caption"} <= set(entry):
            raise CnnRnnError(f"{path} result {number} has no image_id or no caption")
        example = by_name.get(str(entry["image_id"]))
        if example is None:
            strange += 1
        elif example.id in texts:
            raise CnnRnnError(f"{path} has two captions for {entry['image_id']}", "give one each")
        else:
            texts[example.id] = str(entry["caption"])
    if not texts:
        raise CnnRnnError(
            f"no result in {path} is of the {unit} of {data}", "check --data and --split"
        )
    found = [each for each in examples if each.id in texts]
    tell_unmatched(strange, len(found), examples, "result", unit)
    return found, texts


def evaluate_predictions(
    data: CaptionData, split: str, predictions: Path, tokenizer: str = "words", seed: int = 0
) -> Evaluation:
    """Score a file of captions, made by any program, with no model at all."""
    examples, texts = read_predictions(predictions, data.split(split), data.UNIT, data.name)
    return scored("captions", examples, texts, tokenizer, seed=seed, unit=data.UNIT)


def score_captioner(
    captioner: Captioner,
    pictures: Pictures,
    training: Pictures | None,
    settings: DecodeSettings,
    seed: int = 0,
) -> list[Evaluation]:
    """Score a captioner, and the baselines where training pictures are given.

    Returns:
        the captioner's evaluation first.
    """
    words, unit = captioner.vocabulary.tokenizer, captioner.medium.many
    texts = captioner.texts(pictures, settings)
    found = [scored("captioner", pictures.examples, texts, words, seed=seed, unit=unit)]
    if training is not None:
        others = {
            "nearest neighbour": nearest_neighbour(training, pictures),
            "most frequent caption": most_frequent(training.examples, pictures.examples),
        }
        for name, texts in others.items():
            found.append(scored(name, pictures.examples, texts, words, seed=seed, unit=unit))
    return found


def evaluate_run(
    captioner: Captioner,
    data: CaptionData,
    split: str,
    settings: DecodeSettings,
    baselines: bool = True,
    features: str | None = None,
) -> tuple[list[Evaluation], Pictures]:
    """Score a run on one split of any data.

    Args:
        captioner: the run, opened.
        data, split: the pictures.
        settings: how sentences are searched.
        baselines: also score the baselines, from the data's training pictures.
        features: a file of precomputed features, for a run that was trained on one.

    Returns:
        evaluations, the captioner's first, and the pictures that could be used.
    """
    data.taken_for(captioner.medium, OTHER_RUN)
    each = [TrainSettings.from_config(run.config) for run in captioner.runs]
    if features and len(each) > 1:
        raise UsageError("one file has the features of one run", "leave out --runs or --features")
    if features:
        each = [
            replace(
                each[0], features=features, backbone=None, weights="auto", image_size=None,
                mirror=False,
            )
        ]
    chosen = each[0]
    seen = [with_features(one, data.split(split)) for one in each]
    pictures = joined(seen) if len(seen) > 1 else seen[0]
    found, wanted = pictures.features.row_shape, captioner.model.feature_shape
    if found != wanted:
        raise CnnRnnError(
            f"the features have the shape {found}, those that the run was trained on {wanted}",
            "give the features of the same network",
        )
    training = None
    if baselines and any(one.split == "train" for one in data.examples):
        training = with_features(chosen, data.split("train"))
    return score_captioner(captioner, pictures, training, settings, chosen.seed), pictures


def run_or_file(
    data: str | None,
    format: str,
    limit: int | None,
    split: str,
    predictions: Path | None,
    tokenizer: str,
    run: Path | Sequence[Path] | None,
    features: Path | None,
    search: DecodeSettings,
    baselines: bool,
) -> tuple[list[Evaluation], list[tuple[str, str]]]:
    """What `caption evaluate` does, see its options.

    Args:
        data: None takes what the run was trained on; with `predictions`, the built-in world.

    Returns:
        evaluations, and the (name, reason) of pictures that could not be used.
    """
    if predictions:
        found = load(data or BUILT_IN, format, limit)
        return [evaluate_predictions(found, split, predictions, tokenizer)], []
    found = load(data, format, limit) if data else None
    captioner = opened(run, clips=found is not None and found.medium is CLIPS)
    if found is None:
        found = own_data(captioner.run, limit)
        data = captioner.run.config["data"]
    console.info(f"run {captioner.run.path}, data {data}")
    evaluations, pictures = evaluate_run(
        captioner, found, split, search, baselines, str(features) if features else None
    )
    for name, reason in pictures.failures:
        console.error(reason if name in reason else f"{name}: {reason}")
    return evaluations, pictures.failures


def own_data(run: Run, limit: int | None = None) -> CaptionData:
    """What a run was trained on, as much of it as it was, or the first `limit` of each split."""
    config = run.config
    return load(config["data"], config["data_format"], limit or config.get("limit"))


def show(evaluations: Sequence[Evaluation], json: bool) -> None:
    """Print the scores: a table, or one JSON object each with the captioner's first."""
    if json:
        for each in evaluations:
            line = {"name": each.name, each.unit: len(each.texts), **each.scores}
            console.json_line({**line, "intervals": each.intervals, "missing": each.missing})
        return
    keys = [key for key in metrics.KEYS if key in evaluations[0].scores]
    rows = [each.row(keys) for each in evaluations]
    console.result(console.table(["", *map(metrics.heading, keys)], rows))
    unit = evaluations[0].unit
    for key, (low, high) in evaluations[0].intervals.items():
        console.info(
            f"{metrics.heading(key)} {low:.3f} to {high:.3f} (95 % bootstrap over {unit})"
        )
    for line in differences(evaluations):
        console.info(line)
    for key, reason in evaluations[0].missing.items():
        console.info(f"{key}: {reason}")


def differences(evaluations: Sequence[Evaluation]) -> list[str]:
    """How far the first is above the second, one line a score."""
    if len(evaluations) < 2:
        return []
    first, second = evaluations[:2]
    lines = []
    for key in ("Bleu_4", "CIDEr"):
        value, low, high = first.detail.difference(second.detail, key)
        lines.append(
            f"{key} is {Figure(value, low, high).signed} against {second.name} (paired bootstrap)"
        )
    return lines


def write_results(path: Path, evaluation: Evaluation) -> None:
    """Write captions as COCO-style results."""
    results = [
        {"image_id": int(identity) if identity.isdigit() else identity, "caption": text}
        for identity, text in evaluation.texts.items()
    ]
    write_json(path, results)
