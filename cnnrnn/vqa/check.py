"""The look at the data before anything is trained on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence

from cnnrnn.errors import CnnRnnError
from cnnrnn.training.check import Check, check_files, check_groups, check_sides, named
from cnnrnn.training.splits import SPLITS
from cnnrnn.vqa.answers import Answers
from cnnrnn.vqa.data import VqaData
from cnnrnn.vqa.example import Example

MOST_WORDS = 60  # longer questions are rarely meant; a model reads only their beginning
_PEOPLE = 10  # answers a question of the official data has
_WHOLE = 4  # answers below which the official rule gives nobody full marks
_SHOWN_KINDS = 8


def check(data: VqaData, answers: Answers | None = None) -> Check:
    """Count and compare; reads names and sizes of files, not their pixels.

    Args:
        data: all splits.
        answers: those that a model will be able to give; None: all of the training questions.

    Raises:
        CnnRnnError: there is nothing to train on, or one answer alone.
    """
    found = Check(warnings=list(data.notes))
    by_split = {name: [e for e in data.examples if e.split == name] for name in SPLITS}
    training = by_split["train"]
    if not training:
        raise CnnRnnError(f"{data.name} has no training questions", "check the column split")
    known = Counter(each.answer for each in training if each.answers)
    if len(known) < 2:
        only = f"all training questions of {data.name} have the answer {next(iter(known), '')!r}"
        raise CnnRnnError(
            only if known else f"the training questions of {data.name} have no answers",
            "two answers or more are needed",
        )
    if answers is not None and len(answers) < 2:
        raise CnnRnnError(
            f"one answer alone could be given, of {len(known)} different ones in training",
            "raise --answers, or lower --min-answers",
        )
    found.rows += [(f"questions {name}", str(len(part))) for name, part in by_split.items()]
    kinds = Counter(each.kind or "unnamed" for each in data.examples).most_common()
    shown = ", ".join(f"{kind} {count}" for kind, count in kinds[:_SHOWN_KINDS])
    more = f" and {len(kinds) - _SHOWN_KINDS} more" if len(kinds) > _SHOWN_KINDS else ""
    found.rows.append(("kinds", shown + more))
    _check_answers(by_split, known if answers is None else answers, len(known), found)
    _check_questions(data.examples, found)
    _check_pictures(data.examples, found)
    if not by_split["test"]:
        found.warnings.append("no questions in the split test: nothing to evaluate there")
    return found


def _check_answers(
    by_split: dict[str, list[Example]], answers: Container[str], different: int, found: Check
) -> None:
    """How many questions of each split have an answer that can be given at all."""
    found.rows.append(("answers", f"{different} different in training"))
    for name, part in by_split.items():
        asked = [each for each in part if each.answers]
        if not asked:
            continue
        outside = Counter(each.answer for each in asked if each.answer not in answers)
        missing = sum(outside.values())
        found.rows.append(
            (f"coverage {name}", f"{1 - missing / len(asked):.2%} ({missing} outside)")
        )
        if missing:
            texts = named([repr(text) for text, _ in outside.most_common()])
            found.warnings.append(
                f"{missing} of {len(asked)} questions in {name} have an answer that no model here "
                f"can give; they count as mistakes: {texts}"
            )


def _check_questions(examples: Sequence[Example], found: Check) -> None:
    """Who answered, and whether what is to be chosen from can be right."""
    counts = Counter(len(each.answers) for each in examples if each.answers)
    several = {count: times for count, times in counts.items() if count > 1}
    if several:
        few = sum(times for count, times in counts.items() if count < _PEOPLE)
        if few:
            line = f"{few} questions have fewer than ten answers (the fewest: {min(counts)})"
            if min(counts) < _WHOLE:
                line += "; with fewer than four nobody reaches full official accuracy"
            found.warnings.append(line)
    unheard = [each.id for each in examples if not each.answers]
    if unheard:
        found.rows.append(("without answers", str(len(unheard))))
    chosen = [each for each in examples if each.candidates]
    if chosen:
        found.rows.append(("multiple choice", str(len(chosen))))
    for told, wrong in (
        ("have an answer that is not among their choices",
         [e.id for e in chosen if e.answers and not set(e.answers) & set(e.candidates)]),
        ("have one choice alone", [e.id for e in chosen if len(set(e.candidates)) == 1]),
        ("have the same choice twice",
         [e.id for e in chosen if len(set(e.candidates)) < len(e.candidates)]),
        (f"are longer than {MOST_WORDS} words and are cut",
         [e.id for e in examples if len(e.question.split()) > MOST_WORDS]),
        ("are empty", [e.id for e in examples if not any(map(str.isalnum, e.question))]),
    ):  # fmt: skip
        if wrong:
            found.warnings.append(f"{len(wrong)} questions {told}: {named(wrong)}")


def _check_pictures(examples: Sequence[Example], found: Check) -> None:
    """Missing files, and pictures that are on two sides, by their group or by their content."""
    once: dict[tuple[int, str], Example] = {}
    for each in examples:
        if each.source is not None:
            once.setdefault((id(each.source), each.split), each)
    pictures = list({id(each.source): each for each in once.values()}.values())
    found.rows.append(("pictures", f"{len(pictures)} ({len(examples) / max(len(pictures), 1):.1f} "
                                   "questions each)"))  # fmt: skip
    check_files(pictures, found, "pictures")
    check_groups(examples, found)
    check_sides(list(once.values()), found, "pictures")
