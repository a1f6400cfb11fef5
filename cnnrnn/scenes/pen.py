"""The pen that draws a kind of thing as a list of flat shapes, in a square of about 100 x 100."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

# Fill roles that depend on the thing's colour; anything else is an RGB triple.
BODY, SHADE, TINT = "body", "shade", "tint"
Fill = str | tuple[int, int, int]
Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Shape:
    """A filled polygon, or a stroke where `width` is not 0.

    points: (n, 2) x, y. part: the name of the part it draws, or None. textured: takes the thing's
    texture. front: drawn over what the thing contains. edge: has an outline.
    """

    points: np.ndarray
    fill: Fill
    part: str | None = None
    textured: bool = False
    width: float = 0.0
    closed: bool = True
    front: bool = False
    edge: bool = True


@dataclass
class Pen:
    """Collects shapes, back to front; `front` holds for the shapes that follow."""

    shapes: list[Shape] = field(default_factory=list)
    front: bool = False

    def poly(
        self, points: Points | np.ndarray, fill: Fill = BODY, part=None, tex=False, edge=True
    ) -> None:
        """A polygon."""
        outline = np.asarray(points, np.float64)
        self.shapes.append(
            Shape(outline, fill, part, textured=tex, front=self.front, edge=edge)
        )

    def rect(self, x1, y1, x2, y2, fill: Fill = BODY, part=None, tex=False, edge=True) -> None:
        """An upright rectangle."""
        self.poly([(x1, y1), (x2, y1), (x2, y2), (x1, y2)], fill, part, tex, edge)

    def oval(
        self, x, y, rx, ry, fill: Fill = BODY, part=None, tex=False, turn=0.0, edge=True
    ) -> None:
        """An ellipse about (x, y), turned clockwise by `turn` degrees."""
        self.poly(arc(x, y, rx, ry, 0, 360, turn)[:-1], fill, part, tex, edge)

    def line(self, points, width: float, fill: Fill = BODY, part=None, closed=False, tex=False,
             edge=True) -> None:
        """A stroke of a width."""
        self.shapes.append(
            Shape(
                np.asarray(points, np.float64), fill, part, textured=tex, width=width,
                closed=closed, front=self.front, edge=edge,
            )
        )

    def eye(self, x, y, r=3.5) -> None:
        """A dark eye with a light rim, seen on any colour."""
        self.oval(x, y, r + 1.8, r + 1.8, (250, 250, 250), edge=False)
        self.oval(x, y, r, r, (25, 25, 30), edge=False)


def arc(x, y, rx, ry, start, end, turn=0.0) -> np.ndarray:
    """Points of an elliptic arc, (25, 2); angles in degrees, clockwise from the right."""
    angle = np.radians(np.linspace(start, end, 25))
    px, py = rx * np.cos(angle), ry * np.sin(angle)
    c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    return np.stack([x + c * px - s * py, y + s * px + c * py], axis=1)
