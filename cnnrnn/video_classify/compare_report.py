"""A comparison for people: tables and claims on the terminal, and a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cnnrnn import console
from cnnrnn.intervals import Figure
from cnnrnn.training.comparison import Claim, begin_page, tell_claims
from cnnrnn.training.report import Report
from cnnrnn.video_classify.results import Table

_HEADS = {"top1": "top-1", "mean_class": "mean class", "ms": "ms a clip"}


def show(tables: Mapping[str, Table], claims: Sequence[Claim], json: bool) -> None:
    """Print the comparison: tables and claims, or one JSON object a model and a claim."""
    if json:
        for table in tables.values():
            for model in table.by_model:
                console.json_line({"data": table.data, **table.row(model)})
        tell_claims(claims, json)
        return
    for table in tables.values():
        heads, rows = _rows(table)
        console.result(f"{table.data}, {len(next(iter(table.by_model.values()))[0].ids)} clips")
        console.result(console.table(heads, rows))
        for line in confused(table):
            console.result(line)
        console.result("")
    tell_claims(claims, json)


def _rows(table: Table) -> tuple[list[str], list[list]]:
    found = [table.row(model) for model in table.by_model]
    keys = [key for key in found[0] if any(row[key] is not None for row in found)]
    keys = [key for key in keys if key != "seeds"]
    rows = [
        [str(row[key]) if isinstance(row[key], Figure) else row[key] for key in keys]
        for row in found
    ]
    return [_HEADS.get(key, key) for key in keys], rows


def confused(table: Table, count: int = 3) -> list[str]:
    """The most frequent mistakes of each model, of all seeds together."""
    lines = []
    for model, runs in table.by_model.items():
        wrong: dict[tuple[str, str], int] = {}
        for run in runs:
            for true, guess, clips in run.scores().mistaken(count):
                wrong[true, guess] = wrong.get((true, guess), 0) + clips
        most = sorted(wrong.items(), key=lambda each: (-each[1], each[0]))[:count]
        said = ", ".join(f"{true} as {guess} {clips}" for (true, guess), clips in most)
        lines.append(f"{model} mistakes: {said or 'none'}")
    return lines


def write_page(
    path: Path, tables: Mapping[str, Table], claims: Sequence[Claim], quick: bool
) -> None:
    """Write the page of a comparison."""
    first = next(iter(tables.values()))
    report = Report("Video models compared", f"on {', '.join(tables)}")
    best = max(first.by_model, key=lambda model: first.accuracy(model).value)
    figure = ("its top-1", first.accuracy(best))
    begin_page(report, (best, first.data), figure, claims, quick, "clips")
    for table in tables.values():
        heads, rows = _rows(table)
        report.table(
            f"Models on {table.data}",
            heads,
            rows,
            note="The controls show trained models clips without their order. `pairs`: is the "
            "true label more probable than its reverse? Chance is 0.5. `ms a clip`: the model "
            "alone, from features.",
        )
        for model, runs in table.by_model.items():
            names, counts = runs[0].scores().confusion()
            report.matrix(
                f"{model} on {table.data}, seed {runs[0].seed}",
                "true \\ guessed",
                runs[0].labels,
                list(zip(names, counts.tolist(), strict=True)),
            )
    report.write(path)
