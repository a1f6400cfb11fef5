"""A report for people: one HTML file with curves, tables and pictures, made to be sent around."""

from __future__ import annotations

import base64
import html
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np

import cnnrnn
from cnnrnn.files import atomic_write
from cnnrnn.media import images
from cnnrnn.training.heat import heat_table
from cnnrnn.training.page import page
from cnnrnn.training.placed import Placed, placed_html
from cnnrnn.training.svg import COLOURS, Points, line_chart

MAX_SIDE = 560  # pixels: twice a card's width, for sharp screens; more is only weight
NOTHING = "–"
_FIGURE = r"[-+−]?\d[\d.,]*(e[-+]?\d+)?"
NUMERIC = re.compile(rf"{_FIGURE}(\s*(±|to|[-–])\s*{_FIGURE})?\s*%?")  # 1,000, 0.1 ± 0.01, 1 to 2


@dataclass(frozen=True, eq=False)
class Card:
    """A picture of a gallery with what is said of it.

    Attributes:
        picture: (H, W, 3) uint8 RGB.
        title: its name.
        lines: sentences, or (label, sentence) pairs; the first stands out.
        strip: (H, W, 3) uint8 RGB, shown on demand, such as attention word by word.
        note: a short remark at the right of the name, such as a score.
        strip_title: what the strip shows.
    """

    picture: np.ndarray
    title: str
    lines: Sequence[str | tuple[str, str]]
    strip: np.ndarray | None = None
    note: str = ""
    strip_title: str = "Where it looked"


class Report:
    """Collects parts in the order of the calls; `write` makes the file. All text is escaped.

    Args:
        title: the heading, plain text.
        subtitle: a line below it.
    """

    def __init__(self, title: str, subtitle: str = ""):
        self.title = title
        self.subtitle = subtitle
        self._parts: list[tuple[str, str]] = []  # (kind, HTML)
        self._colours: dict[str, int] = {}  # a series keeps its colour in all charts

    def headline(self, figures: Iterable[tuple[str, Any, str]]) -> None:
        """The few figures that matter, large: (name, value, remark)."""
        cells = [
            f'<div><dt>{_escape(name)}</dt><dd class="value">{_escape(number_text(value))}</dd>'
            f'<dd class="remark">{_escape(remark)}</dd></div>'
            for name, value, remark in figures
        ]
        self._add("part", f'<dl class="headline card">{"".join(cells)}</dl>')

    def heading(self, title: str) -> None:
        """A heading above charts or text; the other parts bring their own."""
        self._add("part", _h2(title))

    def text(self, text: str) -> None:
        """Plain text; an empty line parts paragraphs, `backquotes` mark code."""
        for paragraph in re.split(r"\n\s*\n", text.strip()):
            self._add("part", f"<p>{_code(paragraph)}</p>")

    def link(self, text: str, target: str) -> None:
        """A line of plain text that ends in a link to `target`, a file beside the report."""
        link = f'<a href="{_escape(target)}">{_escape(target)}</a>'
        self._add("part", f"<p>{_escape(text)} {link}</p>")

    def warning(self, text: str) -> None:
        """A remark that must not be overlooked; `backquotes` mark code."""
        self._add("part", f'<p class="note" role="note">{_code(text)}</p>')

    def settings(self, title: str, pairs: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> None:
        """Names and values, such as the options of a training."""
        pairs = pairs.items() if isinstance(pairs, Mapping) else pairs
        items = [
            f"<dt>{_escape(name)}</dt><dd>{_code(_plain(value))}</dd>" for name, value in pairs
        ]
        self._add("part", _h2(title) + f'<dl class="settings card">{"".join(items)}</dl>')

    def curves(
        self,
        title: str,
        series: Mapping[str, Points],
        ylabel: str = "",
        xlabel: str = "epoch",
        best: float | None = None,
    ) -> None:
        """A line chart; charts that follow each other share a row where there is room.

        Args:
            title: what is shown.
            series: name to points (x, y), such as `train` and `validation`.
            ylabel: name or unit of y, below the title.
            xlabel: name of x.
            best: the x to mark, such as the best epoch.
        """
        for name in series:
            self._colours.setdefault(name, len(self._colours) % COLOURS)
        keys = "".join(
            f'<span class="key s{self._colours[name]}">{_escape(name)}</span>'
            for name in series
            if name.lower() != title.lower()  # a lone curve that the title names already
        )
        unit = f"<small>{_escape(ylabel)}</small>" if ylabel else ""
        chart = line_chart(series, title, xlabel, best, self._colours)
        self._add(
            "chart",
            f'<figure class="card"><figcaption><h3>{_escape(title)}{unit}</h3>'
            f'<div class="keys">{keys}</div></figcaption>{chart}</figure>',
        )

    def table(
        self,
        title: str,
        headers: Sequence[str],
        rows: Iterable[Sequence[Any]],
        higher: Iterable[str] = (),
        lower: Iterable[str] = (),
        note: str = "",
    ) -> None:
        """A table; columns of numbers are aligned right with equal decimals.

        Args:
            title: the heading; may be empty.
            headers: names of the columns.
            rows: cells: numbers, texts, or None.
            higher: headers of columns whose largest value is bold.
            lower: headers of columns whose smallest value is bold.
            note: a line below.
        """
        choose = {**dict.fromkeys(higher, max), **dict.fromkeys(lower, min)}
        rows = list(rows)
        columns = [_column([row[i] for row in rows], choose.get(h)) for i, h in enumerate(headers)]
        head = "".join(
            f'<th scope="col"{kind}>{_escape(header)}</th>'
            for header, (kind, _) in zip(headers, columns, strict=True)
        )
        body = "".join(
            "<tr>" + "".join(cells[index] for _, cells in columns) + "</tr>"
            for index in range(len(rows))
        )
        self._add(
            "part",
            f'{_h2(title)}<div class="card scroll"><table><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>"
            + (f'<p class="under">{_code(note)}</p>' if note else ""),
        )

    def matrix(
        self,
        title: str,
        corner: str,
        columns: Sequence[str],
        rows: Sequence[tuple[str, Sequence[int]]],
        note: str = "",
    ) -> None:
        """Counts shaded by their share of the row, such as a confusion matrix.

        Args:
            title: the heading.
            corner: what rows and columns are.
            columns: their names.
            rows: (name, counts of the columns); where names meet the cell is framed.
            note: a line below.
        """
        rows = [(_plain(name), list(counts)) for name, counts in rows]
        table = heat_table(_plain(corner), list(map(_plain, columns)), rows)
        under = f'<p class="under">{_code(note)}</p>' if note else ""
        self._add("part", f'{_h2(title)}<div class="card scroll">{table}</div>{under}')

    def gallery(self, title: str, items: Iterable[Card], note: str = "") -> None:
        """Pictures with what is said of them; a strip is folded until asked for."""
        cards = "".join(map(_card, items))
        lead = f'<p class="muted">{_code(note)}</p>' if note else ""
        self._add("part", f'{_h2(title)}{lead}<div class="gallery">{cards}</div>')

    def places(self, title: str, items: Iterable[Placed], note: str = "") -> None:
        """Pictures with boxes beside their phrases, which light up together."""
        lead = f'<p class="muted">{_code(note)}</p>' if note else ""
        self._add("part", f"{_h2(title)}{lead}{''.join(map(placed_html, items))}")

    def write(self, path: Path | str) -> None:
        """Write the file, whole or not at all; CnnRnnError where the disk does not take it."""
        blocks = []
        for kind, parts in groupby(self._parts, key=lambda part: part[0]):
            block = "\n".join(content for _, content in parts)
            blocks.append(f'<div class="charts">{block}</div>' if kind == "chart" else block)
        footer = f"cnnrnn {cnnrnn.__version__}, {datetime.now():%Y-%m-%d %H:%M}"
        with atomic_write(path, "w") as file:
            file.write(page(_plain(self.title), _plain(self.subtitle), "\n".join(blocks), footer))

    def _add(self, kind: str, content: str) -> None:
        self._parts.append((kind, content))


def number_text(value: Any, decimals: int | None = None) -> str:
    """A value as people read it: 12,345 or 0.551; other than numbers as they are.

    Args:
        value: number, text or None.
        decimals: for a float; None chooses about three significant digits.
    """
    if value is None or (isinstance(value, Real) and not math.isfinite(value)):
        return NOTHING
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, Integral):
        return f"{int(value):,}"
    if isinstance(value, Real):
        if 0 < abs(value) < 0.001:
            return f"{value:.1e}"
        return f"{value:,.{_decimals([value]) if decimals is None else decimals}f}"
    return _plain(value)


def _decimals(values: Iterable[float]) -> int:
    largest = max(map(abs, values))
    return 3 if largest < 10 else 2 if largest < 100 else 1 if largest < 1000 else 0


def _column(values: Sequence[Any], choose: Any) -> tuple[str, list[str]]:
    """The cells of one column, and the class attribute that its header shares."""
    numbers = [value for value in values if _is_number(value)]
    whole = all(isinstance(value, Integral) for value in numbers)
    decimals = None if whole else _decimals(numbers)

    def text_of(value: Any) -> str:
        return number_text(value if whole or not _is_number(value) else float(value), decimals)

    texts = [text_of(value) for value in values]
    best = text_of(choose(numbers)) if choose and numbers else None
    numeric = any(text != NOTHING for text in texts) and all(
        text == NOTHING or NUMERIC.fullmatch(text) for text in texts
    )
    kind = ' class="num"' if numeric else ""
    cells = []
    for text in texts:
        top = ' class="num top"' if text == best and numeric else kind
        cells.append(f"<td{top}>{_escape(text)}</td>")
    return kind, cells


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)


def _card(card: Card) -> str:
    lines = []
    for line in card.lines:
        label, text = ("", line) if isinstance(line, str) else line
        small = f"<small>{_escape(label)}</small>" if label else ""
        lines.append(f'<p dir="auto">{small}{_escape(text)}</p>')
    chip = f'<span class="chip">{_escape(card.note)}</span>' if card.note else ""
    strip = ""
    if card.strip is not None:
        strip = (
            f"<details><summary>{_escape(card.strip_title)}</summary>"
            f'<div class="scroll">{_img(card.strip, card.strip_title)}</div></details>'
        )
    name = _escape(card.title)
    picture = _img(_smaller(card.picture), card.title, "picture")
    return (
        f'<article class="card">{picture}<div class="about">'
        f'<h3><span class="name" title="{name}">{name}</span>{chip}</h3>'
        f"{''.join(lines)}</div>{strip}</article>"
    )


def _smaller(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    scale = MAX_SIDE / max(height, width)
    if scale >= 1:
        return picture
    return images.resize(picture, (max(1, round(height * scale)), max(1, round(width * scale))))


def _img(picture: np.ndarray, alt: str, kind: str = "") -> str:
    height, width = picture.shape[:2]
    data = base64.b64encode(images.encode(picture, ".jpg")).decode("ascii")
    return (
        f'<img class="{kind}" alt="{_escape(alt)}" width="{width}" height="{height}"'
        f' src="data:image/jpeg;base64,{data}">'
    )


def _h2(title: str) -> str:
    return f"<h2>{_escape(title)}</h2>" if title else ""


def _plain(value: Any) -> str:
    """Text that UTF-8 can carry: names of files may hold bytes that are none."""
    return str(value).encode("utf-8", "replace").decode("utf-8")


def _escape(value: Any) -> str:
    return html.escape(_plain(value))


def _code(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", _escape(text))
