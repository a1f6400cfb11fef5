"""Files that name pictures or clips: tables of one's own, and what published layouts are made of.

A reader yields; what is wrong with a file is told in one line with the number of its row.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cnnrnn.errors import CnnRnnError
from cnnrnn.media.sources import Source, safe_join

CSV_SUFFIXES = (".csv", ".tsv")
JSONL_SUFFIXES = (".jsonl", ".ndjson")
Columns = dict[str, Sequence[str]]  # what a value means -> the names that its column may have


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
    """The rows of a CSV file (with tabs in a .tsv, with semicolons where Excel writes these); keys
    in lower case."""
    with open(path, newline="", encoding="utf-8-sig", errors="replace") as file:
        header = file.readline()
        file.seek(0)
        tabs, semicolons = path.suffix.lower() == ".tsv", ";" in header and "," not in header
        delimiter = "\t" if tabs else ";" if semicolons else ","
        yield from map(_lowered, csv.DictReader(file, delimiter=delimiter))


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


def own_format(path: Path) -> str | None:
    """`csv` or `jsonl` by a file's suffix, None for any other."""
    suffix = path.suffix.lower()
    return "csv" if suffix in CSV_SUFFIXES else "jsonl" if suffix in JSONL_SUFFIXES else None


def cells(
    path: Path,
    rows: Iterable[dict[str, Any]],
    needed: Columns,
    others: Columns | None = None,
    may_be_empty: Sequence[str] = (),
) -> Iterator[dict[str, Any]]:
    """The rows of a table of one's own, its values by what they mean.

    Args:
        path: of the table, for messages.
        rows: what `csv_rows` or `json_rows` gave.
        needed: the values that every row has, each with the names that its column may have; the
            first of them that says something counts.
        others: the same of values that may be missing; they are None then.
        may_be_empty: those of `needed` of which blank text is a value too.

    Raises:
        CnnRnnError: a row without a needed value.
    """
    for number, row in enumerate(rows, 1):
        found = {
            key: _cell(row, names, key in may_be_empty)
            for key, names in (needed | (others or {})).items()
        }
        if any(found[key] is None for key in needed):
            raise CnnRnnError(
                f"{path} row {number} has {' or '.join(f'no {key}' for key in needed)} "
                f"(columns: {', '.join(row)})",
                f"give the columns {' and '.join(needed)}",
            )
        yield found


def _cell(row: dict[str, Any], names: Iterable[str], may_be_empty: bool) -> Any:
    for name in names:
        value = row.get(name)
        blank = isinstance(value, str) and not value.strip()
        if value is not None and (may_be_empty or not blank):
            return value
    return None


def gathered(rows: Iterable[dict[str, Any]], key: str) -> dict[str, list[dict[str, Any]]]:
    """Rows by the text of one value, such as the picture that they are of; in their order."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(str(row[key]), []).append(row)
    return found


def list_of(content: Any, key: str, path: Path) -> list:
    """The list `key` of a JSON object that was read from `path`.

    Raises:
        CnnRnnError: there is none.
    """
    value = content.get(key) if isinstance(content, dict) else None
    if not isinstance(value, list):
        raise CnnRnnError(f"{path} has no list {key!r}", "is it a file of another layout?")
    return value


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
