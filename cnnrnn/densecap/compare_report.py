"""A comparison for people: tables and claims on the terminal, and a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cnnrnn import console
from cnnrnn.densecap.compare_results import AMONG, DATA, REGIONS, WHOLE, Table
from cnnrnn.densecap.layouts import Example
from cnnrnn.densecap.telling import ALIKE
from cnnrnn.intervals import Figure
from cnnrnn.text.metrics import heading
from cnnrnn.training.comparison import Claim, begin_page, tell_claims
from cnnrnn.training.placed import Placed
from cnnrnn.training.report import Report

_HEADS = {"ms": "ms a picture"}


def show(table: Table, claims: Sequence[Claim], json: bool) -> None:
    """Print the comparison: tables and claims, or one JSON object a model, a way to tell, a phrase
    and a claim."""
    if json:
        for model in table.by_model:
            line = {"data": table.data, "pictures": table.count, "language": table.language}
            console.json_line({**line, **table.row(model)})
        for row in table.telling_rows():
            console.json_line({"data": table.data, **row})
        for row in _search_rows(table):
            console.json_line({"data": table.data, **row})
    else:
        console.result(f"{table.data}, {table.count} pictures, phrases compared by "
                       f"{heading(table.language)}")  # fmt: skip
        parts = (_models(table), _telling(table), _search(table))
        for heads, rows in parts:
            if rows:
                console.result(console.table(heads, rows))
                console.result("")
    tell_claims(claims, json)


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, Figure) else value


def _rows(found: list[dict[str, Any]]) -> tuple[list[str], list[list]]:
    """Heads and rows, without columns that nobody has."""
    keys = list(dict.fromkeys(key for row in found for key in row))
    keys = [key for key in keys if any(row.get(key) is not None for row in found)]
    return [_HEADS.get(key, key) for key in keys], [
        [_text(row.get(key)) for key in keys] for row in found
    ]


def _models(table: Table) -> tuple[list[str], list[list]]:
    trained = [m for m in table.by_model if table.has(m, REGIONS, "map")]
    return _rows([table.row(model) for model in trained])


def _telling(table: Table) -> tuple[list[str], list[list]]:
    return _rows(table.telling_rows())


def _search_rows(table: Table) -> list[dict[str, Any]]:
    """A row a model and a phrase, and one for all phrases of a sort."""
    found = []
    for model in table.by_model:
        for unseen, sort in ((True, "unseen"), (False, "seen")):
            phrases = table.phrases(unseen)
            for name, some in [*((phrase, [phrase]) for phrase in phrases), ("all", phrases)]:
                places, chance = table.ranks(model, some)
                if len(places):
                    found.append({
                        "model": model, "pair": sort, "phrase": name, "searches": len(places),
                        "median place": float(np.median(places)), "worst": int(places.max()),
                        "by lot": round(chance, 1),
                    })  # fmt: skip
    return found


def _search(table: Table) -> tuple[list[str], list[list]]:
    return _rows(_search_rows(table))


def write_page(
    path: Path, table: Table, claims: Sequence[Claim], examples: Sequence[Example], quick: bool
) -> None:
    """Write the page of a comparison."""
    report = Report("Regions compared", f"on {table.data}")
    trained = [model for model in table.by_model if table.has(model, REGIONS, "map")]
    best = max(trained, key=lambda model: table.precision(model, "map").value)
    figure = (f"its {table.map_key}", table.precision(best, "map"))
    begin_page(report, (best, table.data), figure, claims, quick, "pictures")
    heads, rows = _models(table)
    report.table(
        "Models",
        heads,
        rows,
        note=f"`{table.map_key}`: mean average precision of boxes with phrases, compared by "
        f"{heading(table.language)}; `detmap`: of boxes alone. `{WHOLE}`: one sentence of the "
        "model's own for all of the picture. `frozen`: the CNN is not trained. `no-words`: no "
        "language loss.",
    )
    heads, rows = _telling(table)
    if rows:
        report.table("What is told of a picture", heads, rows, note=_meaning(table))
    heads, rows = _search(table)
    if rows:
        report.table(
            "Unseen combinations",
            heads,
            rows,
            note=f"The place of the best picture that shows it among each {AMONG} test pictures. "
            "`unseen`: no training picture shows the pair. `by lot`: the mean place of the first "
            "that shows it in a random order.",
        )
    _add_samples(report, table, examples)
    report.write(path)


def _meaning(table: Table) -> str:
    if any(table.groups(model, REGIONS) for model in table.by_model):
        return (
            "`told`: share of the facts of a scene (objects, colours, parts, relations) that the "
            f"phrases tell; `true`: share of what they tell that is so. `{DATA}`: its own phrases, "
            "and the first of its sentences."
        )
    return (
        "`told`: share of people's phrases that a phrase is like "
        f"({heading(table.language)}, above {ALIKE:g}); `true`: share of the phrases said that "
        "are like one of them."
    )


def _add_samples(report: Report, table: Table, examples: Sequence[Example]) -> None:
    """Pictures with their phrases, the sentence for the whole above them."""
    run = next((run for runs in table.by_model.values() for run in runs if run.samples), None)
    if run is None:
        return
    shown = [
        Placed(
            example.source.read(), f"{example.source.name}: {sample['sentence']}",
            sample["boxes"], sample["phrases"],
        )
        for example, sample in zip(examples, run.samples, strict=False)
    ]  # fmt: skip
    report.places(
        "Phrases beside one sentence", shown,
        f"The model {run.model} of seed {run.seed}; above each picture its one sentence.",
    )  # fmt: skip
