"""A run judged: its answers to many questions, scored beside rivals that do not look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from cnnrnn import console
from cnnrnn.errors import CnnRnnError
from cnnrnn.vqa.answerer import Answerer
from cnnrnn.vqa.baselines import BASELINES, Majority
from cnnrnn.vqa.confidence import Confidence, best_temperature, learned
from cnnrnn.vqa.data import load
from cnnrnn.vqa.evaluate import Evaluation, evaluation, only_split
from cnnrnn.vqa.example import Example
from cnnrnn.vqa.looks import Shares, shares_by_kind
from cnnrnn.vqa.metrics import score
from cnnrnn.vqa.prepare import Questions
from cnnrnn.vqa.settings import QUESTION_ONLY
from cnnrnn.vqa.wups import Similarity

SHUFFLED = "shuffled pictures"


@dataclass
class Judged:
    """What was said to N questions.

    answers: the best answer of all. chosen: the best of each question's candidates, "" where it has
    none. confidence: float64 (N,), the probability of the best answer, or None; chosen_confidence:
    the same of the chosen ones. shares: of the maps in boxes, by kind of question.
    """

    answers: list[str]
    chosen: list[str]
    confidence: np.ndarray | None = None
    chosen_confidence: np.ndarray | None = None
    shares: dict[str, Shares] = field(default_factory=dict)


def judge(answerer: Answerer, questions: Questions) -> Judged:
    """Answer all questions, batch by batch."""
    count = len(questions.examples)
    found = Judged([""] * count, [""] * count, np.zeros(count), np.zeros(count))
    for looked, numbers in answerer.looks(questions):
        examples = [questions.examples[number] for number in numbers]
        best = answerer.replies.open(looked.outputs, 1)
        picked = [place for place, each in enumerate(examples) if each.candidates]
        chosen = answerer.replies.choose(
            looked.outputs[picked], [examples[place].candidates for place in picked]
        )
        for number, ranked in zip(numbers, best, strict=True):
            found.answers[number], found.confidence[number] = ranked[0]
        for place, ranked in zip(picked, chosen, strict=True):
            number = numbers[place]
            found.chosen[number], found.chosen_confidence[number] = ranked[0]
        if looked.maps is not None:
            rows, columns = answerer.model.grid_shape[:2]
            maps = looked.maps.reshape(len(numbers), -1, rows, columns)
            shares_by_kind(examples, maps, found.shares)
    return found


def calibrated(answerer: Answerer, questions: Questions) -> Confidence:
    """How sure to be, learned on questions that were not trained on."""
    if not questions.examples:
        return Confidence()
    temperature = 1.0
    if answerer.settings.answer != "generate":
        looked = answerer.look(questions)
        numbers = answerer.words.answers.numbers(each.answer for each in questions.examples)
        temperature = best_temperature(answerer.replies.scores(looked.outputs), numbers)
    answerer.trust(Confidence(temperature))
    judged = judge(answerer, questions)
    examples = questions.examples
    values = score(examples, judged.answers).values
    offered = [number for number, each in enumerate(examples) if each.candidates]
    chosen = None
    if offered:
        right = score([examples[n] for n in offered], [judged.chosen[n] for n in offered]).values
        chosen = judged.chosen_confidence[offered], right
    return learned(temperature, judged.confidence, values, chosen)


def figures(evaluations: Sequence[Evaluation]) -> dict[str, float]:
    """For metrics.json: accuracy of the run, by kind of question too, and of its rivals."""
    own, *rivals = evaluations
    found = {"accuracy": own.scores.overall}
    if own.choice is not None:
        found["accuracy_choice"] = own.choice.overall
    found |= {f"accuracy {kind}": each.value for kind, each in own.scores.by_kind().items()}
    return found | {each.name: each.scores.overall for each in rivals}


def scored(
    name: str,
    examples: Sequence[Example],
    judged: Judged,
    similarity: Similarity | None = None,
) -> Evaluation:
    """Score what was said; questions without answers to be scored by are left out."""
    kept = [number for number, each in enumerate(examples) if each.answers]
    offered = [number for number in kept if examples[number].candidates]
    found = evaluation(
        name,
        [examples[number] for number in kept],
        [judged.answers[number] for number in kept],
        similarity,
        [judged.chosen[number] for number in offered] if offered else None,
        judged.confidence[kept] if judged.confidence is not None else None,
    )
    found.shares = {kind: each.table() for kind, each in judged.shares.items()}
    return found


def shuffled(questions: Questions, seed: int = 0) -> Questions:
    """The same questions, each about another picture: that of the next in a random round."""
    there = np.unique(questions.index)
    round_ = np.random.default_rng([seed, 5]).permutation(there)
    other = np.zeros(there.max() + 1, np.int64)
    other[round_] = np.roll(round_, 1)
    return replace(questions, index=other[questions.index])


def majorities(
    training: Sequence[Example],
    examples: Sequence[Example],
    similarity: Similarity | None = None,
) -> list[Evaluation]:
    """The rivals that only know the training questions."""
    found = []
    for name, keys in BASELINES.items():
        rival = Majority(training, keys)
        judged = Judged(rival(examples), rival.choose(examples))
        found.append(scored(name, examples, judged, similarity))
    return found


def score_answerer(
    answerer: Answerer,
    questions: Questions,
    training: Sequence[Example] | None = None,
    similarity: Similarity | None = None,
) -> list[Evaluation]:
    """Score a run, and beside it what does not look.

    Args:
        answerer: the run, opened.
        questions: what `answerer.gather` gave.
        training: the training questions, for the rivals; None: only the run itself.
        similarity: of words, for WUPS.

    Returns:
        the run's own evaluation first; with rivals: its answers with shuffled pictures, the
        question-only model that was trained beside it, and the majority rivals.
    """
    examples = questions.examples
    own = judge(answerer, questions)
    found = [scored(answerer.settings.model, examples, own, similarity)]
    if training is None:
        return found
    if questions.features is not None and len(np.unique(questions.index)) > 1:
        judged = judge(answerer, shuffled(questions, answerer.settings.seed))
        found.append(scored(SHUFFLED, examples, judged, similarity))
    blind = answerer.blind()
    if blind is not None:
        alone = Questions(examples, questions.index, None, questions.media, [])
        found.append(scored(QUESTION_ONLY, examples, judge(blind, alone), similarity))
    return found + majorities(training, examples, similarity)


def evaluate_run(
    run: Path | None,
    changes: Mapping[str, Any],
    split: str | None,
    with_rivals: bool = True,
    similarity: Similarity | None = None,
) -> tuple[list[Evaluation], list[tuple[str, str]]]:
    """Score a run on one split of its own data, or of other data.

    Args:
        run: its folder; None takes the newest one, else the shipped starter.
        changes: what to take instead of the run's own `data`, `format`, `limit`, `fold`.
        split: which questions; None: the only split there is, else `test`.
        with_rivals: also the controls and baselines.
        similarity: of words, for WUPS.

    Returns:
        evaluations, the run's own first, and the (name, reason) of pictures that cannot be used.
    """
    answerer = Answerer.load(run)
    settings = answerer.settings
    if "data" in changes:
        settings = replace(settings, format="auto", limit=None, fold=None)
    settings = replace(settings, **changes)
    console.info(f"run {answerer.run.path}, data {settings.data}")
    data = load(settings.data, settings.format, settings.limit, settings.fold)
    data.tell_notes()
    split = split or only_split(data)
    questions = answerer.gather(data.split(split))
    for name, reason in questions.failures:
        console.error(reason if name in reason else f"{name}: {reason}")
    if not any(each.answers for each in questions.examples):
        raise CnnRnnError(
            f"the questions of the split {split!r} have no answers to be scored by",
            "`cnnrnn vqa ask` answers such questions",
        )
    training = [each for each in data.examples if each.split == "train"]
    found = score_answerer(
        answerer, questions, training if with_rivals else None, similarity
    )
    return found, list(questions.failures)
