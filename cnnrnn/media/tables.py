"""Files that name pictures or clips: tables of one's own, and what published layouts are made of.

A reader yields; what is wrong with a file is told in one line with the number of its row.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cnnrnn.errors import CnnRnnError
from cnnrnn.media.sources import Source, safe_join

CSV_SUFFIXES = (".csv", ".tsv")
JSONL_SUFFIXES = (".jsonl", ".ndjson")


@contextmanager
def reading(path: Path, format: str) -> Iterator[None]:
    """While a file is read as `format`: the many ways in which it can be another are one failure.

    Raises:
        CnnRnnError: one line, for whatever the reader stumbled over.
    """
    try:
        yield
        return
    except KeyError as error:
        reason = f"an entry has no {error}"
    except (AttributeError, TypeError, csv.Error) as error:
        reason = str(error)
    except OSError as error:
        reason = error.strerror or str(error)
    raise CnnRnnError(f"cannot read {path} as {format}: {reason}", "check the file and --format")


def csv_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a CSV file (with tabs in a .tsv); keys in lower case."""
    with open(path, newline="", encoding="utf-8-sig", errors="replace") as file:
        dialect = "excel-tab" if path.suffix.lower() == ".tsv" else "excel"
        yield from map(_lowered, csv.DictReader(file, dialect=dialect))


def json_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of JSON lines; keys in lower case.

    Raises:
        CnnRnnError: a line that is no JSON object.
    """
    for number, line in enumerate(lines(path), 1):
        try:
            yield _lowered(dict(json.loads(line)))
        except (TypeError, ValueError) as error:
            raise CnnRnnError(f"{path} line {number} is no JSON object: {error}") from error


def _lowered(row: dict[Any, Any]) -> dict[str, Any]:
    return {str(key).strip().lower(): value for key, value in row.items()}


def lines(path: Path) -> list[str]:
    """The lines of a text file that are not empty, without the space around them."""
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise CnnRnnError(f"cannot read {path}: {error.strerror or error}") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def find(folder: Path, *names: str, missing_ok: bool = False) -> Path | None:
    """The first of `names`, which may be patterns, in `folder` or one level below.

    Raises:
        CnnRnnError: none of them, unless `missing_ok`.
    """
    for name in names:
        for found in (*sorted(folder.glob(name)), *sorted(folder.glob(f"*/{name}"))):
            return found
    if missing_ok:
        return None
    raise CnnRnnError(f"{' or '.join(names)} is missing in {folder}", "keep the published layout")


def named_source(folder: Path, name: str) -> Source:
    """A source that a data file names; one outside the data's folder is reported, not read."""
    try:
        return Source(name=name, path=safe_join(folder, name))
    except CnnRnnError as error:
        return Source(name=name, problem=str(error))
