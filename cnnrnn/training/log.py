"""log.csv: one row an epoch, written whole, read even where it was cut short."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cnnrnn.errors import CnnRnnError
from cnnrnn.files import atomic_write


def append_row(path: Path, row: Mapping[str, Any]) -> None:
    """Add `row` to the CSV file `path`, replacing the file atomically.

    Columns keep their order and new ones come last. A row whose `epoch` was logged before replaces
    that one and all after it, so that training which was killed and resumed logs each epoch once.
    """
    rows: list[Mapping[str, Any]] = list(_read_rows(path))
    if "epoch" in row:
        rows = [old for old in rows if _epoch(old) < row["epoch"]]
    rows.append(row)
    with atomic_write(path, "w") as file:
        columns = dict.fromkeys(key for each in rows for key in each)
        writer = csv.DictWriter(file, list(columns), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def read_log(path: Path) -> list[dict[str, Any]]:
    """The rows of the CSV file `path`, empty where it is absent.

    Numbers become int or float, an empty cell None. A last line without its end, as a copy made in
    the middle of a write has, is dropped; so is a row with too few or too many cells.
    """
    return [{key: _value(cell) for key, cell in row.items()} for row in _read_rows(path)]


def _read_rows(path: Path) -> list[dict[str, str]]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace").replace("\x00", "")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise CnnRnnError(f"cannot read {path}: {error.strerror or error}") from error
    whole = text[: text.rfind("\n") + 1]
    header, *lines = list(csv.reader(io.StringIO(whole, newline=""))) or [[]]
    return [dict(zip(header, line, strict=True)) for line in lines if len(line) == len(header)]


def _epoch(row: Mapping[str, Any]) -> float:
    epoch = _value(str(row.get("epoch", "")))
    return epoch if isinstance(epoch, (int, float)) else -1


def _value(cell: str) -> Any:
    for read in (int, float):
        try:
            return read(cell)
        except ValueError:
            continue
    return cell or None
