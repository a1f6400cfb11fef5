"""Result files as the official VQA program takes them: `[{"question_id": 1, "answer": "yes"}]`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cnnrnn import console
from cnnrnn.errors import CnnRnnError
from cnnrnn.files import read_json, write_json
from cnnrnn.vqa.example import Example

FORM = '[{"question_id": 1, "answer": "yes"}]'


def read_results(path: Path, examples: Sequence[Example]) -> tuple[list[Example], list[str]]:
    """Read answers, made by any program.

    Args:
        path: the file, plain or packed by gzip.
        examples: the questions; `question_id` is their id.

    Returns:
        the questions that have an answer in the file, in the order of `examples`, and the answers.

    Raises:
        CnnRnnError: not such a file, two answers to a question, or not one belongs to the data.
    """
    content = read_json(path)
    if not isinstance(content, list):
        raise CnnRnnError(f"{path} is not a list of results", FORM)
    known = {each.id for each in examples}
    answers: dict[str, str] = {}
    strange = 0
    for number, entry in enumerate(content, 1):
        if not isinstance(entry, dict) or not {"question_id", "answer"} <= set(entry):
            raise CnnRnnError(f"{path} result {number} has no question_id or no answer", FORM)
        identity = str(entry["question_id"])
        if identity not in known:
            strange += 1
        elif answers.setdefault(identity, str(entry["answer"])) != str(entry["answer"]):
            raise CnnRnnError(f"{path} has two answers to question {identity}", "give one each")
    if not answers:
        raise CnnRnnError(
            f"not one of the {len(content)} results in {path} is of a question of the data",
            "check --data and --split",
        )
    if strange:
        console.warn(
            f"{strange} of {len(content)} results are not of the {len(examples)} questions that "
            "are scored"
        )
    found = [each for each in examples if each.id in answers]
    if len(found) < len(examples):
        console.warn(
            f"{len(examples) - len(found)} of {len(examples)} questions have no result "
            "and are not scored"
        )
    return found, [answers[each.id] for each in found]


def write_results(path: Path, answers: Mapping[str, str]) -> None:
    """Write answers by question id."""
    write_json(
        path,
        [
            {"question_id": int(identity) if identity.isdecimal() else identity, "answer": answer}
            for identity, answer in answers.items()
        ],
    )
