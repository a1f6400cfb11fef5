"""Line charts as inline SVG: drawn once, coloured by the page's style sheet, no script.

Classes the style sheet knows: `grid`, `axis`, `tick`, `line`, `dot`, `best`, `ring`, `at` (a column
that shows a rule, its points and a tooltip under the pointer) and `s0`, `s1`, ... for colours.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

Points = Sequence[tuple[float, float]]

COLOURS = 6  # s0 .. s5; a seventh series starts over
WIDTH, HEIGHT = 480, 256  # in user units; one is about a CSS pixel where two charts share a row
RIGHT, TOP, BOTTOM = 12, 22, 42
DIGIT = 9  # width of a digit at the larger letters of a phone
MAX_DOTS = 30  # more points than this and a line says it better
MAX_COLUMNS = 150  # columns under the pointer; more would be narrower than a pointer's aim


def nice_ticks(low: float, high: float, count: int = 5, whole: bool = False) -> list[float]:
    """About `count` round numbers (1, 2 or 5 times a power of ten apart) that span low to high.

    Args:
        low: smallest value; the first tick is not above it.
        high: largest value; the last tick is not below it. Equal to `low` is allowed.
        count: intervals aimed at.
        whole: never closer than 1.
    """
    if high <= low:
        margin = 1.0 if whole else abs(low) * 0.1 or 1.0
        low, high = low - margin, high + margin
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= rough * (1 - 1e-9))
    if whole:
        step = max(step, 1.0)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [index * step for index in range(first, last + 1)]


def tick_texts(ticks: Sequence[float]) -> list[str]:
    """The ticks with as many decimals as their distance needs."""
    step = ticks[1] - ticks[0]
    if max(map(abs, ticks)) >= 1e6 or step < 1e-4:
        return [f"{tick:.3g}" for tick in ticks]
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return [f"{tick:,.{decimals}f}" for tick in ticks]


def line_chart(
    series: Mapping[str, Points],
    title: str,
    xlabel: str = "epoch",
    best: float | None = None,
    colours: Mapping[str, int] | None = None,
) -> str:
    """Draw the series over one pair of axes.

    Args:
        series: name to points (x, y), x rising; points that are not finite leave a gap.
        title: what the chart shows, for screen readers.
        xlabel: name below the horizontal axis.
        best: the x to mark, such as the best epoch.
        colours: name to colour number; None numbers them in order.

    Returns:
        An `<svg>` element, or a paragraph where there is nothing to draw.
    """
    finite = [(x, y) for points in series.values() for x, y in points if math.isfinite(x + y)]
    if not finite:
        return '<p class="muted">Nothing recorded.</p>'
    axes = _Axes(finite)
    numbers = {
        name: (colours or {}).get(name, index) % COLOURS for index, name in enumerate(series)
    }
    parts = [axes.draw(xlabel)]
    if best is not None:
        parts.append(axes.mark(best, f"best {xlabel} {best:g}"))
    for name, points in series.items():
        parts.append(_line(axes, points, numbers[name]))
    for name, points in series.items():
        parts += [_dot(axes, x, y, numbers[name], "ring", 4.5) for x, y in points if x == best]
    parts += _columns(axes, series, numbers, xlabel)
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{html.escape(title)}">'
        + "".join(parts)
        + "</svg>"
    )


class _Axes:
    """The plane: where a point lies on the paper, and the paper's lines and numbers."""

    def __init__(self, points: Points):
        xs, ys = zip(*points, strict=True)
        whole = all(float(x).is_integer() for x in xs)
        ticks = nice_ticks(min(xs), max(xs), 7, whole)
        self.left, self.right = (min(xs), max(xs)) if min(xs) < max(xs) else (ticks[0], ticks[-1])
        texts = zip(ticks, tick_texts(ticks), strict=True)
        self.xticks = [(x, text) for x, text in texts if self.left <= x <= self.right]
        ticks = nice_ticks(min(ys), max(ys))
        self.low, self.high = ticks[0], ticks[-1]
        self.yticks = list(zip(ticks, tick_texts(ticks), strict=True))
        self.edge = 14 + DIGIT * max(len(text) for _, text in self.yticks)

    def x(self, x: float) -> float:
        share = (x - self.left) / (self.right - self.left)
        return round(self.edge + share * (WIDTH - self.edge - RIGHT), 1)

    def y(self, y: float) -> float:
        share = (y - self.low) / (self.high - self.low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP), 1)

    def draw(self, xlabel: str) -> str:
        parts = []
        for value, text in self.yticks:
            y, kind = self.y(value), "axis" if value == self.low else "grid"
            parts.append(f'<path class="{kind}" d="M{self.edge} {y}H{WIDTH - RIGHT}"/>')
            parts.append(_text(self.edge - 8, y + 4, text, "tick end"))
        for value, text in self.xticks:
            parts.append(_text(self.x(value), HEIGHT - BOTTOM + 18, text, "tick middle"))
        parts.append(_text((self.edge + WIDTH - RIGHT) / 2, HEIGHT - 5, xlabel, "tick middle"))
        return "".join(parts)

    def mark(self, x: float, label: str) -> str:
        """A dashed rule at `x`, its label on the side where there is room."""
        at = self.x(x)
        side, gap = ("end", -6) if at > WIDTH * 0.6 else ("", 6)
        rule = f'<path class="best" d="M{at} {TOP - 14}V{HEIGHT - BOTTOM}"/>'
        return rule + _text(at + gap, TOP - 6, label, f"tick strong {side}")


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind.strip()}" x="{x:g}" y="{y:g}">{html.escape(text)}</text>'


def _dot(axes: _Axes, x: float, y: float, number: int, kind: str, radius: float) -> str:
    if not math.isfinite(x + y):
        return ""
    return f'<circle class="{kind} s{number}" cx="{axes.x(x)}" cy="{axes.y(y)}" r="{radius}"/>'


def _line(axes: _Axes, points: Points, number: int) -> str:
    steps, pen = [], "M"
    for x, y in points:
        if math.isfinite(x + y):
            steps.append(f"{pen}{axes.x(x)} {axes.y(y)}")
            pen = "L"
        else:
            pen = "M"
    dots = points if len(points) <= MAX_DOTS else ()
    return f'<path class="line s{number}" d="{"".join(steps)}"/>' + "".join(
        _dot(axes, x, y, number, "dot", 2.5) for x, y in dots
    )


def _columns(
    axes: _Axes, series: Mapping[str, Points], numbers: Mapping[str, int], xlabel: str
) -> list[str]:
    """One column an x: all its values in a tooltip, and in the picture while pointed at."""
    xs = sorted({x for points in series.values() for x, y in points if math.isfinite(x + y)})
    xs = xs[:: math.ceil(len(xs) / MAX_COLUMNS)]
    edges = [axes.edge, *((axes.x(a) + axes.x(b)) / 2 for a, b in pairwise(xs)), WIDTH - RIGHT]
    columns = []
    for index, x in enumerate(xs):
        here = {
            name: y
            for name, points in series.items()
            for px, y in points
            if px == x and math.isfinite(y)
        }
        lines = [f"{xlabel} {x:g}", *(f"{name}: {y:.4g}" for name, y in here.items())]
        left, right = edges[index], edges[index + 1]
        columns.append(
            f'<g class="at"><rect x="{left:g}" y="{TOP}" width="{right - left:g}"'
            f' height="{HEIGHT - TOP - BOTTOM}"/>'
            f'<path d="M{axes.x(x)} {TOP}V{HEIGHT - BOTTOM}"/>'
            + "".join(_dot(axes, x, y, numbers[name], "dot", 4) for name, y in here.items())
            + f"<title>{html.escape(chr(10).join(lines))}</title></g>"
        )
    return columns
