"""Answers to questions that a person brings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from cnnrnn import console
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.files import make_folder
from cnnrnn.media import fonts, images
from cnnrnn.media.sources import OutputNames, Source, check_place, expand
from cnnrnn.training.found import tell_run, tell_strange
from cnnrnn.vqa.answerer import STARTER, TOP, Answerer
from cnnrnn.vqa.reply import Reply, shortened
from cnnrnn.vqa.show import shown

FOLDER = Path("shown")  # of the pictures that `--show` writes
_LETTERS = 60  # of a question that is shown again


@dataclass(frozen=True)
class AskSettings:
    """How questions are answered and shown.

    choices: the answers to choose from; none: all that the model knows.
    top: answers of each reply.
    show: also write where each hop looked.
    output: folder of these pictures.
    json: one JSON object a reply on stdout.
    font: file of the font that the pictures are written in, or None.
    limit: take only so many pictures.
    """

    choices: tuple[str, ...] = ()
    top: int = TOP
    show: bool = False
    output: Path = FOLDER
    json: bool = False
    font: Path | None = None
    limit: int | None = None


def ask(
    medium: str, questions: Sequence[str], run: Path | None, settings: AskSettings
) -> int:
    """Ask all questions about every picture that `medium` means.

    Args:
        medium: what `media.sources.expand` takes.
        questions: at least one.
        run: a run folder; None takes the newest run, else the shipped starter.
        settings: see `AskSettings`.

    Returns:
        1 if a picture could not be asked, else 0.

    Raises:
        UsageError: a question or all choices are empty.
        CnnRnnError: no such run or font, a folder that cannot be written, or no pictures.
    """
    if any(not question.strip() for question in questions):
        raise UsageError("an empty question", "ask something, such as 'what is in the basket?'")
    if settings.show:
        # What would fail for every picture is told before the first one is looked at.
        make_folder(settings.output)
        if settings.font:
            fonts.load("a", 12, settings.font)
    answerer = Answerer.load(run)
    tell_run(answerer.run, STARTER, "the built-in world")
    told_notes: set[str] = set()
    report, names = console.Report("pictures"), OutputNames(".jpg")
    for source in islice(expand([medium]), settings.limit):
        try:
            replies = answerer.ask(source, questions, settings.choices, settings.top)
            for number, reply in enumerate(replies, 1):
                for note in reply.notes:
                    # The same question about the next picture has the same words.
                    if (line := f"{shortened(reply.question, _LETTERS)}: {note}") not in told_notes:
                        told_notes.add(line)
                        console.warn(line)
                path = _drawn(source, number, reply, settings, names) if settings.show else None
                _tell(answerer, reply, settings, path)
            if not replies[0].familiar:
                tell_strange(answerer.run, source.name)
            report.ok()
        except UsageError:
            raise
        except CnnRnnError as error:
            if settings.json:
                console.json_line({"source": source.name, "error": str(error)})
            report.fail(source.name, error)
    if not report.succeeded and not report.failures:
        raise CnnRnnError("no pictures", "give a file, a folder or scenes:N")
    if report.failures:
        console.info(report.summary())
    return report.exit_code


def parsed_choices(text: str | None) -> tuple[str, ...]:
    """The choices of `a,b,c`; () for None.

    Raises:
        UsageError: nothing between the commas.
    """
    if text is None:
        return ()
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    if not found:
        raise UsageError(f"no choices in {text!r}", "such as 'red,green,blue'")
    return found


def _tell(answerer: Answerer, reply: Reply, settings: AskSettings, path: Path | None) -> None:
    if settings.json:
        line = as_json(reply) | {"run": str(answerer.run.path)}
        if path is not None:
            line["shown"] = str(path)
        console.json_line(line)
        return
    console.result(
        f"{console.field(reply.name)}\t{shortened(reply.question, _LETTERS)}"
        f"\t{reply.said(between='  ')}"
    )
    if path is not None:
        console.info(f"shown  {path}")


def as_json(reply: Reply) -> dict:
    """A reply as one object; `maps` are the shares of each cell, by hop, row and column."""
    found = {
        "source": reply.name,
        "question": reply.question,
        "answer": reply.answer,
        "probability": reply.probability,
        "known": reply.known,
        "familiar": reply.familiar,
        "answers": [{"answer": text, "probability": share} for text, share in reply.answers],
        "notes": reply.notes,
    }
    if reply.maps is None:
        return found
    # As float64: the nearest float32 would be written with all its digits.
    return found | {"maps": reply.maps.astype(np.float64).round(5)}


def _drawn(
    source: Source, number: int, reply: Reply, settings: AskSettings, names: OutputNames
) -> Path:
    """Write the picture with the maps of one of its questions; where. `a.png` gives `a.jpg`, and
    its second question `a-2.jpg`."""
    check_place(source, settings.output)
    name = Path(source.name)
    if number > 1:
        name = name.with_name(f"{name.stem}-{number}{name.suffix}")
    path = settings.output / names(str(name))
    images.save(path, shown(source.read(), reply, settings.font))
    return path
