"""A table of counts whose cells are shaded by their share of the row: a confusion matrix."""

from __future__ import annotations

import html
from collections.abc import Sequence


def heat_table(
    corner: str, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[int]]]
) -> str:
    """The table as HTML; all text is escaped.

    Args:
        corner: what rows and columns are, such as `true \\ guessed`.
        columns: their names.
        rows: (name, counts); a cell whose column has the row's name is framed.
    """
    head = "".join(f'<th scope="col"><span>{html.escape(name)}</span></th>' for name in columns)
    body = "".join(_row(name, columns, counts) for name, counts in rows)
    return (
        f'<table class="heat"><thead><tr><th scope="col">{html.escape(corner)}</th>{head}</tr>'
        f"</thead><tbody>{body}</tbody></table>"
    )


def _row(name: str, columns: Sequence[str], counts: Sequence[int]) -> str:
    total = max(sum(counts), 1)
    cells = []
    for column, count in zip(columns, counts, strict=True):
        # Whole percents: the page needs one style attribute a cell and no script.
        share = round(100 * count / total)
        kind = ' class="hit"' if column == name else ""
        title = html.escape(f"{name}: {count} of {total} as {column}")
        cells.append(f'<td{kind} style="--p:{share}%" title="{title}">{count or ""}</td>')
    return f'<tr><th scope="row">{html.escape(name)}</th>{"".join(cells)}</tr>'
