"""Pictures with boxes and their phrases, for a report: point at one and the other lights up.

Without a script, for the page allows none: each box and each phrase carries its number, and the
style sheet lights what has the number of what is pointed at (or reached by the tab key).
"""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cnnrnn.media import images
from cnnrnn.media.drawing import PALETTE

MAX_REGIONS = 12  # a picture; more boxes would hide each other
MAX_SIDE = 720  # pixels of the embedded picture


@dataclass(frozen=True, eq=False)
class Placed:
    """A picture with boxes.

    Attributes:
        picture: (H, W, 3) uint8 RGB.
        title: its name.
        boxes: N of (x1, y1, x2, y2) in its pixels; the first MAX_REGIONS are shown.
        phrases: N texts. notes: N short remarks, such as scores, or none.
    """

    picture: np.ndarray
    title: str
    boxes: Sequence[Sequence[float]]
    phrases: Sequence[str]
    notes: Sequence[str] = ()


def _colour(number: int) -> str:
    return "#" + bytes(PALETTE[number % len(PALETTE)]).hex()


def _lights() -> str:
    """The rules that light what has the number of what is pointed at."""
    rules = []
    for number in range(MAX_REGIONS):
        own = f".r{number}"
        rules.append(f"{own} {{ --c: {_colour(number)}; }}")
        rules.append(
            f".placed:has({own}:hover) {own}, .placed:has({own}:focus) {own} {{ --on: 1; }}"
        )
    return "\n".join(rules)


STYLE = f"""
.placed {{ display: grid; grid-template-columns: minmax(0, 3fr) minmax(12rem, 2fr); gap: 1.25rem;
  padding: 1rem; }}
.placed + .placed {{ margin-top: 1rem; }}
.placed figure {{ position: relative; padding: 0; max-width: none; align-self: start; }}
.placed img {{ display: block; width: 100%; height: auto; border-radius: 4px; }}
.placed svg {{ position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; }}
.placed rect {{ fill: var(--c); fill-opacity: calc(var(--on, 0) * .25); stroke: var(--c);
  stroke-width: calc(2px + var(--on, 0) * 2px); vector-effect: non-scaling-stroke; }}
.placed:hover rect, .placed:focus-within rect {{ opacity: calc(.3 + var(--on, 0) * .7); }}
.placed ol {{ margin: .4rem 0 0; padding: 0; list-style: none; }}
.placed li {{ display: flex; justify-content: space-between; gap: .8rem; padding: .25rem .5rem;
  border-left: 4px solid var(--c); margin: .2rem 0; border-radius: 2px; cursor: default;
  background: color-mix(in srgb, var(--c) calc(var(--on, 0) * 30%), transparent); }}
.placed li span:last-child {{ color: var(--soft); font-variant-numeric: tabular-nums; }}
.placed h3 {{ color: var(--soft); font-size: .8125rem; font-weight: 500; }}
@media (max-width: 40rem) {{ .placed {{ grid-template-columns: 1fr; }} }}
{_lights()}
"""


def placed_html(item: Placed) -> str:
    """One picture beside its phrases."""
    height, width = item.picture.shape[:2]
    numbers = range(min(MAX_REGIONS, len(item.boxes)))
    # Small boxes last, so that a large one does not lie over them.
    order = sorted(numbers, key=lambda n: -_area(item.boxes[n]))
    rects = "".join(_rect(n, item.boxes[n], item.phrases[n]) for n in order)
    rows = "".join(
        f'<li class="r{n}" tabindex="0"><span dir="auto">{_text(item.phrases[n])}</span>'
        f"<span>{_text(item.notes[n]) if item.notes else ''}</span></li>"
        for n in numbers
    )
    title = _text(item.title)
    return (
        f'<article class="card placed"><figure>{_img(item.picture, title)}'
        f'<svg viewBox="0 0 {width} {height}" preserveAspectRatio="none">{rects}</svg></figure>'
        f"<div><h3>{title}</h3><ol>{rows}</ol></div></article>"
    )


def _rect(number: int, box: Sequence[float], phrase: str) -> str:
    x1, y1, x2, y2 = (round(float(side), 1) for side in box)
    return (
        f'<rect class="r{number}" x="{x1}" y="{y1}" width="{max(x2 - x1, 0.1):.1f}" '
        f'height="{max(y2 - y1, 0.1):.1f}"><title>{_text(phrase)}</title></rect>'
    )


def _area(box: Sequence[float]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _img(picture: np.ndarray, alt: str) -> str:
    height, width = picture.shape[:2]
    scale = min(1.0, MAX_SIDE / max(height, width))
    if scale < 1:
        size = max(1, round(height * scale)), max(1, round(width * scale))
        picture = images.resize(picture, size)
    data = base64.b64encode(images.encode(picture, ".jpg")).decode("ascii")
    return f'<img alt="{alt}" src="data:image/jpeg;base64,{data}">'


def _text(value: str) -> str:
    """Escaped, and text that UTF-8 can carry: names of files may hold bytes that are none."""
    return html.escape(str(value).encode("utf-8", "replace").decode("utf-8"))
