"""How good answers are: a model's or anybody's, with no model at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cnnrnn import console
from cnnrnn.training.splits import SPLITS
from cnnrnn.vqa.calibration import calibration_error, reliability
from cnnrnn.vqa.data import VqaData
from cnnrnn.vqa.example import Example
from cnnrnn.vqa.metrics import Figure, Scores, plain_accuracy, score
from cnnrnn.vqa.results import read_results, write_results
from cnnrnn.vqa.wups import THRESHOLDS, Similarity, rule

_SHOWN_KINDS = 20  # the other kinds are in the JSON


@dataclass
class Evaluation:
    """Scores of one way to answer one set of questions.

    name: `answers`, a model's, a control's or a baseline's name.
    scores: open-ended, by the official rule where several people answered, else plain.
    plain: the share, 0 to 1, of answers that are the most frequent one.
    wups: by threshold, 0 to 1; empty where no similarities were given.
    choice: of the questions with candidates, answered by one of them; None where nobody did.
    probabilities: (N,), how sure each answer was, 0 to 1; None where nobody said.
    shares: by kind of question, of each hop's map inside the boxes where it is decided, see
        `looks.Shares.table`; empty where the data has no boxes or the model no maps.
    """

    name: str
    scores: Scores
    plain: float
    wups: dict[float, float] = field(default_factory=dict)
    choice: Scores | None = None
    probabilities: np.ndarray | None = None
    shares: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)

    @property
    def calibration_error(self) -> float | None:
        """0 to 1; None where probabilities are not known."""
        if self.probabilities is None:
            return None
        return calibration_error(self.probabilities, self.scores.values)

    def as_json(self, seed: int = 0) -> dict[str, Any]:
        """The figures, with the official program's keys (percent) before the others."""
        line: dict[str, Any] = {"name": self.name, "questions": len(self.scores.ids)}
        line |= self.scores.official()
        line["plain"] = round(100 * self.plain, 2)
        line |= {f"wups@{at}": round(100 * value, 2) for at, value in self.wups.items()}
        line["interval"] = _percent(self.scores.figure(seed))
        line["kinds"] = {kind: _percent(each) for kind, each in self.scores.by_kind(seed).items()}
        if domains := self.scores.by_domain(seed):
            line["domains"] = {name: _percent(each) for name, each in domains.items()}
        if self.choice is not None:
            line["multipleChoice"] = self.choice.official()
        if self.probabilities is not None:
            line["calibrationError"] = self.calibration_error
            bins = reliability(self.probabilities, self.scores.values)
            line["reliability"] = [asdict(each) for each in bins]
        if self.shares:
            line["attention"] = self.shares
        return line


def _percent(figure: Figure) -> dict[str, float]:
    """A figure in percent."""
    bounds = {name: round(100 * getattr(figure, name), 2) for name in ("value", "low", "high")}
    return bounds | {"questions": figure.count}


def evaluation(
    name: str,
    examples: Sequence[Example],
    answers: Sequence[str],
    similarity: Similarity | None = None,
    chosen: Sequence[str] | None = None,
    probabilities: np.ndarray | None = None,
) -> Evaluation:
    """Score answers.

    Args:
        name: see `Evaluation`.
        examples: N questions with their answers.
        answers: one for each.
        similarity: of words, for WUPS.
        chosen: an answer out of the candidates for each question that has some, in their order.
        probabilities: (N,) of the answers.
    """
    choice = None
    if chosen is not None:
        choice = score([each for each in examples if each.candidates], chosen)
    wups = {}
    if similarity is not None:
        wups = {at: score(examples, answers, rule(similarity, at)).overall for at in THRESHOLDS}
    plain = score(examples, answers, plain_accuracy).overall
    return Evaluation(name, score(examples, answers), plain, wups, choice, probabilities)


def evaluate_predictions(
    data: VqaData,
    predictions: Path,
    split: str | None = None,
    similarity: Similarity | None = None,
) -> Evaluation:
    """Score a file of answers, made by any program, with no model at all.

    Args:
        data: the questions.
        predictions: official results JSON.
        split: which of them; None: the only split there is, else `test`.
        similarity: of words, for WUPS.

    Raises:
        CnnRnnError: no such split, no such file, or it is of other questions.
    """
    data.tell_notes()
    examples, answers = read_results(predictions, data.split(split or only_split(data)))
    scored = [place for place, each in enumerate(examples) if each.answers]
    if len(scored) < len(examples):
        console.warn(f"{len(examples) - len(scored)} questions have no answer to be scored by")
    return evaluation(
        "answers", [examples[n] for n in scored], [answers[n] for n in scored], similarity
    )


def only_split(data: VqaData) -> str:
    """The split of all questions where they are in one, else `test`."""
    there = {each.split for each in data.examples}
    return there.pop() if len(there) == 1 and there <= set(SPLITS) else "test"


def show(evaluations: Sequence[Evaluation], json: bool, seed: int = 0) -> None:
    """Print the scores: tables of the first one by kind and of all, or one JSON object each."""
    if json:
        for each in evaluations:
            console.json_line(each.as_json(seed))
        return
    first = evaluations[0]
    head = ["kind of question", "questions", "accuracy", "from", "to"]
    figures = first.scores.by_kind(seed)
    rows = [_row(kind, figure) for kind, figure in list(figures.items())[:_SHOWN_KINDS]]
    if any(first.scores.answer_types):
        types = first.scores.by_answer_type(seed)
        rows += [_row(f"[{name}]", figure) for name, figure in types.items()]
    domains = first.scores.by_domain(seed)
    rows += [_row(f"{name} pictures", figure) for name, figure in domains.items()]
    if first.choice is not None:
        rows.append(_row("multiple choice", first.choice.figure(seed)))
    rows.append(_row("all", first.scores.figure(seed)))
    console.result(console.table(head, rows))
    if len(figures) > _SHOWN_KINDS:
        console.info(f"{len(figures) - _SHOWN_KINDS} rarer kinds are in the output of --json")
    for at, value in first.wups.items():
        console.result(f"WUPS at {at}: {value:.4f}")
    if first.probabilities is not None:
        console.info(f"expected calibration error {first.calibration_error:.3f}")
    for kind, table in first.shares.items():
        names = list(next(iter(table.values())))
        rows = [[hop, *(each[name] for name in names)] for hop, each in table.items()]
        console.result(f"\nshare of attention inside boxes, {kind} questions")
        console.result(console.table(["", *names], rows))
    for each in evaluations[1:]:
        value, low, high = first.scores.difference(each.scores, seed=seed)
        console.info(
            f"{first.name} {first.scores.overall:.3f} is {value:+.3f} ({low:+.3f} to {high:+.3f}) "
            f"against {each.name} {each.scores.overall:.3f} (paired bootstrap over questions)"
        )


def _row(kind: str, figure: Figure) -> list:
    return [kind, figure.count, figure.value, figure.low, figure.high]


def write_answers(path: Path, found: Evaluation) -> None:
    """Write the answers as official results JSON."""
    write_results(path, dict(zip(found.scores.ids, found.scores.answers, strict=True)))
