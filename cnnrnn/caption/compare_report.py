"""A comparison as a person reads it: tables on stdout, and a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cnnrnn import console
from cnnrnn.caption.compare_results import FACTS, MEANS, OWN, SHUFFLED, Table
from cnnrnn.intervals import Figure
from cnnrnn.text.metrics import heading
from cnnrnn.training.comparison import Claim, begin_page, tell_claims
from cnnrnn.training.report import Report

_HEADS = {
    FACTS: "facts told",
    "words": "words used", "new": "new captions", "seconds": "s an epoch",
    "milliseconds": "ms a picture",
}  # fmt: skip
_QUALITY = ("model", OWN, *MEANS, FACTS, SHUFFLED)
_MANNER = ("model", "perplexity", "words", "new", "parameters", "seconds", "milliseconds", "seeds")


def show(table: Table, claims: Sequence[Claim], json: bool) -> None:
    """Print the comparison: tables and claims, or one JSON object a model and a claim."""
    if json:
        for row in table.rows.values():
            console.json_line({"data": table.data, **row})
    else:
        console.result(f"{table.data}, {table.count} {table.unit}")
        for keys in (_QUALITY, _MANNER):
            console.result(console.table(*_cells(table, keys)))
            console.result("")
    tell_claims(claims, json)


def _named(text: str, table: Table) -> str:
    """The same of clips, where these are captioned."""
    return text.replace("pictures", table.unit).replace("picture", table.unit.removesuffix("s"))


def _cells(table: Table, keys: Sequence[str]) -> tuple[list[str], list[list]]:
    rows = list(table.rows.values())
    keys = [key for key in keys if any(row[key] is not None for row in rows)]
    return [_named(_HEADS.get(key, heading(key)), table) for key in keys], [
        [str(row[key]) if isinstance(row[key], Figure) else row[key] for key in keys]
        for row in rows
    ]


def write_page(path: Path, table: Table, claims: Sequence[Claim], quick: bool) -> None:
    """Write the page of a comparison."""
    report = Report("Captioners compared", f"on {table.data}")
    best = max(table.seeing(), key=lambda model: table.rows[model][OWN].value)
    begin_page(
        report, (best, table.data), ("its CIDEr", table.rows[best][OWN]), claims, quick, table.unit
    )
    report.table(
        "Captions",
        *_cells(table, _QUALITY),
        note=f"On {table.count} {table.unit}. `facts told`: the share of what is so in the "
        f"built-in world that a caption tells. `{_named(SHUFFLED, table)}`: CIDEr of the same "
        f"captions beside other {table.unit}. `human`: the first caption that people "
        "wrote, scored by the others.",
    )
    report.table(
        "Models",
        *_cells(table, _MANNER),
        note="`new captions`: the share that is no training caption, word for word. "
        f"`{_named(_HEADS['milliseconds'], table)}`: the model alone, from features. "
        "The perplexity of `vectors` is that of cosines.",
    )
    report.write(path)
