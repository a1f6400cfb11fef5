"""A comparison for people: tables and claims on the terminal, and a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cnnrnn import console
from cnnrnn.intervals import Figure
from cnnrnn.training.comparison import Claim, begin_page, tell_claims
from cnnrnn.training.report import Report
from cnnrnn.vqa.compare_results import CHOICE, Table
from cnnrnn.vqa.judge import SHUFFLED

_HEADS = {"ms": "ms a question"}
_ALL = ("model", "accuracy", CHOICE, SHUFFLED, "ms", "parameters")


def show(table: Table, claims: Sequence[Claim], json: bool) -> None:
    """Print the comparison: tables and claims, or one JSON object a model and a claim."""
    if json:
        for model in table.by_model:
            line = {"data": table.data, **table.row(model)}
            if shares := {kind: table.shares(model, kind) for kind in table.share_kinds}:
                line["attention"] = shares
            console.json_line(line)
        tell_claims(claims, json)
        return
    count = len(next(iter(table.by_model.values()))[0].ids)
    console.result(f"{table.data}, {count} questions")
    for heads, rows in (_overall(table), _kinds(table)):
        console.result(console.table(heads, rows))
        console.result("")
    for kind in table.share_kinds:
        heads, rows = _shares(table, kind)
        console.result(f"share of attention inside boxes, {kind} questions")
        console.result(console.table(heads, rows))
        console.result("")
    tell_claims(claims, json)


def _text(value):
    return str(value) if isinstance(value, Figure) else value


def _overall(table: Table) -> tuple[list[str], list[list]]:
    rows = [table.row(model) for model in table.by_model]
    keys = [key for key in _ALL if any(row.get(key) is not None for row in rows)]
    return [_HEADS.get(key, key) for key in keys], [
        [_text(row.get(key)) for key in keys] for row in rows
    ]


def _kinds(table: Table) -> tuple[list[str], list[list]]:
    """A row a kind of question, a column a model."""
    heads = ["kind of question", *table.by_model]
    rows = [
        [kind, *(str(table.accuracy(model, kind=kind)) for model in table.by_model)]
        for kind in table.kinds
    ]
    rows += [
        [f"{name} pictures", *(str(table.accuracy(model, domain=name)) for model in table.by_model)]
        for name in table.domains
    ]
    return heads, rows


def _shares(table: Table, kind: str) -> tuple[list[str], list[list]]:
    rows, names = [], []
    for model in table.by_model:
        for hop, shares in table.shares(model, kind).items():
            names = list(shares)
            rows.append([model, hop, *shares.values()])
    return ["model", "map", *names], rows


def write_page(path: Path, table: Table, claims: Sequence[Claim], quick: bool) -> None:
    """Write the page of a comparison."""
    report = Report("Question answering compared", f"on {table.data}")
    best = max(table.by_model, key=lambda model: table.accuracy(model).value)
    figure = ("its accuracy", table.accuracy(best))
    begin_page(report, (best, table.data), figure, claims, quick, "questions")
    heads, rows = _overall(table)
    report.table(
        "Models",
        heads,
        rows,
        note=f"`{CHOICE}`: the best of the choices, of questions that have some. `{SHUFFLED}`: the "
        "trained model is shown another picture. `ms a question`: the model alone, from features. "
        "The last three count training answers: of all questions, of the same kind, of the same "
        "words.",
    )
    report.table("By kind of question", *_kinds(table))
    for kind in table.share_kinds:
        report.table(
            f"Where models looked: {kind} questions",
            *_shares(table, kind),
            note="Share of each hop's map inside the box of what the question is about; `uniform` "
            "is what a map that says nothing has there.",
        )
    report.write(path)
