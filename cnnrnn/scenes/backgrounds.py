"""The six settings, painted on a float canvas (h, w, 3) whose `k` pixels are one unit."""

from __future__ import annotations

import numpy as np

from cnnrnn.media.opencv import cv2
from cnnrnn.scenes.world import UNITS

_SHIFT = 4  # cv2 takes fixed-point coordinates with this many binary places


class Canvas:
    """An RGB uint8 canvas that is drawn on in units."""

    def __init__(self, pixels: int):
        self.k = pixels / UNITS
        self.image = np.empty((pixels, pixels, 3), np.uint8)

    def fixed(self, points) -> np.ndarray:
        """Points in units as cv2's fixed-point pixels, int32 (n, 2)."""
        # The middle of pixel 0 lies at half a pixel.
        places = (np.asarray(points, np.float64) * self.k - 0.5) * (1 << _SHIFT)
        return np.round(places).astype(np.int32)

    def poly(self, points, colour) -> None:
        """A filled polygon with smooth edges."""
        cv2.fillPoly(self.image, [self.fixed(points)], tuple(map(int, colour)), cv2.LINE_AA, _SHIFT)

    def line(self, points, colour, width: float, closed: bool = False) -> None:
        """A stroke, `width` in units."""
        cv2.polylines(
            self.image, [self.fixed(points)], closed, tuple(map(int, colour)),
            max(1, round(width * self.k)), cv2.LINE_AA, _SHIFT,
        )

    def oval(self, x, y, rx, ry, colour) -> None:
        """A filled upright ellipse."""
        (centre,) = self.fixed([(x, y)])
        axes = np.round(np.array([rx, ry]) * self.k * (1 << _SHIFT)).astype(int)
        cv2.ellipse(
            self.image, tuple(map(int, centre)), tuple(map(int, axes)), 0, 0, 360,
            tuple(map(int, colour)), -1, cv2.LINE_AA, _SHIFT,
        )

    def fade(self, top: float, bottom: float, upper, lower) -> None:
        """A vertical gradient between two heights in units."""
        y1, y2 = round(top * self.k), round(bottom * self.k)
        t = np.linspace(0, 1, max(y2 - y1, 1))[:, None]
        rows = (1 - t) * np.array(upper) + t * np.array(lower)
        self.image[y1:y2] = rows[: y2 - y1, None]


def paint(canvas: Canvas, name: str, horizon: float, rng: np.random.Generator) -> None:
    """Paint the setting `name` with its ground beginning at `horizon`; `rng` makes it vary."""
    _PAINTERS[name](canvas, horizon, rng)


def _spots(rng, count, top, bottom) -> np.ndarray:
    """(count, 3): x, y and a size from 0 to 1, far ones first."""
    spots = rng.random((count, 3))
    spots[:, 0] *= UNITS
    spots[:, 1] = top + spots[:, 1] * (bottom - top)
    return spots[np.argsort(spots[:, 1])]


def _clouds(canvas, horizon, rng, colour) -> None:
    for x, y, size in _spots(rng, rng.integers(1, 4), 5, horizon * 0.55):
        w = 6 + 5 * size
        canvas.oval(x - w * 0.7, y + 1, w * 0.7, w * 0.32, colour)
        canvas.oval(x + w * 0.7, y + 1, w * 0.8, w * 0.30, colour)
        canvas.oval(x, y - 1, w * 0.8, w * 0.48, colour)


def _hills(canvas, horizon, rng, near, far) -> None:
    for colour, height in ((far, 13), (near, 7)):
        x = np.linspace(0, UNITS, 29)
        phase, waves = rng.random() * 6.3, rng.uniform(1.0, 2.2)
        y = horizon - height * (0.55 + 0.45 * np.sin(phase + waves * x / UNITS * 6.3))
        canvas.poly([(0, horizon + 1), *zip(x, y, strict=True), (UNITS, horizon + 1)], colour)


def _grass(canvas, horizon, rng) -> None:
    canvas.fade(0, horizon, (150, 205, 240), (222, 240, 250))
    _clouds(canvas, horizon, rng, (250, 252, 255))
    _hills(canvas, horizon, rng, (160, 205, 140), (186, 219, 178))
    canvas.fade(horizon, UNITS, (180, 216, 132), (150, 196, 104))
    for x, y, size in _spots(rng, 16, horizon + 4, UNITS):
        tip = 2 + 2 * size
        for lean in (-1.4, 0, 1.4):
            canvas.line([(x + lean * 0.4, y), (x + lean, y - tip)], (120, 170, 84), 0.6)


def _beach(canvas, horizon, rng) -> None:
    canvas.fade(0, horizon - 9, (130, 200, 240), (214, 238, 248))
    _clouds(canvas, horizon, rng, (250, 252, 255))
    canvas.fade(horizon - 9, horizon + 1, (70, 160, 196), (120, 200, 216))
    for x, y, size in _spots(rng, 8, horizon - 8, horizon - 2):
        canvas.line([(x, y), (x + 3 + 5 * size, y)], (170, 220, 232), 0.5)
    canvas.fade(horizon, UNITS, (246, 232, 190), (234, 210, 156))
    x = np.linspace(0, UNITS, 29)
    foam = horizon + 1.2 * np.sin(rng.random() * 6.3 + x / 7)
    canvas.line(np.stack([x, foam], 1), (252, 252, 250), 1.4)
    for x, y, size in _spots(rng, 14, horizon + 5, UNITS):
        canvas.oval(x, y, 0.7 + size, 0.5 + 0.5 * size, (214, 186, 132))


def _room(canvas, horizon, rng) -> None:
    wall = np.array([(240, 226, 206), (214, 226, 232), (228, 218, 236), (222, 234, 214)])
    wall = wall[rng.integers(4)]
    canvas.fade(0, horizon, wall + 8, wall - 6)
    for x in np.arange(rng.uniform(2, 8), UNITS, 9):
        canvas.line([(x, 0), (x, horizon)], wall - 14, 0.6)
    canvas.fade(horizon, UNITS, (214, 176, 132), (196, 154, 108))
    skirting = horizon - 2.5
    canvas.poly(
        [(0, skirting), (UNITS, skirting), (UNITS, horizon), (0, horizon)], (250, 248, 242)
    )
    middle = rng.uniform(40, 72)
    for x in np.arange(-60, 175, 16):
        canvas.line(
            [(middle + (x - middle) * 0.6, horizon + 0.5), (x, UNITS)], (180, 138, 94), 0.6
        )
    for y in horizon + (UNITS - horizon) * np.array([0.22, 0.55]):
        canvas.line([(0, y), (UNITS, y)], (180, 138, 94), 0.6)


def _road(canvas, horizon, rng) -> None:
    canvas.fade(0, horizon, (206, 214, 222), (232, 234, 236))
    x = 0.0
    while x < UNITS:
        width, height = rng.uniform(9, 17), rng.uniform(10, 26)
        tone = np.array((176, 182, 192)) + rng.integers(-10, 11)
        top = horizon - height
        canvas.poly([(x, top), (x + width, top), (x + width, horizon), (x, horizon)], tone)
        for wy in np.arange(top + 3, horizon - 3, 5):
            for wx in np.arange(x + 2.5, x + width - 2, 4):
                canvas.line([(wx, wy), (wx, wy + 1.4)], tone + 26, 1.4)
        x += width
    canvas.fade(horizon, horizon + 5, (204, 200, 194), (190, 186, 180))
    canvas.fade(horizon + 5, UNITS, (156, 158, 164), (136, 138, 144))
    canvas.line([(0, horizon + 5), (UNITS, horizon + 5)], (120, 120, 126), 0.8)
    y = horizon + 5 + (UNITS - horizon) * 0.45
    for x in np.arange(rng.uniform(-12, 4), UNITS, 20):
        canvas.poly([(x + 1, y), (x + 11, y), (x + 10, y + 2.2), (x, y + 2.2)], (238, 236, 226))


def _night(canvas, horizon, rng) -> None:
    canvas.fade(0, horizon, (34, 42, 92), (82, 92, 148))
    for x, y, size in _spots(rng, 26, 2, horizon - 4):
        canvas.oval(x, y, 0.3 + 0.3 * size, 0.3 + 0.3 * size, (226, 230, 250))
    x = 12 if rng.random() < 0.5 else UNITS - 12
    canvas.oval(x, 11, 6, 6, (250, 244, 214))
    canvas.oval(x + 3, 9.5, 5.2, 5.2, (44, 52, 104))
    _hills(canvas, horizon, rng, (66, 84, 120), (74, 88, 136))
    canvas.fade(horizon, UNITS, (96, 122, 138), (76, 104, 118))
    for x, y, size in _spots(rng, 14, horizon + 4, UNITS):
        for lean in (-1.2, 1.2):
            canvas.line([(x, y), (x + lean, y - 2 - size)], (62, 88, 100), 0.6)


def _snow(canvas, horizon, rng) -> None:
    canvas.fade(0, horizon, (186, 202, 220), (222, 230, 240))
    _hills(canvas, horizon, rng, (224, 233, 242), (206, 218, 232))
    canvas.fade(horizon, UNITS, (238, 243, 250), (220, 229, 242))
    for x, y, size in _spots(rng, 6, horizon + 6, UNITS):
        canvas.oval(x, y, 7 + 6 * size, 1.2 + size, (228, 235, 246))
    for x, y, size in _spots(rng, 34, 0, UNITS):
        canvas.oval(x, y, 0.5 + 0.5 * size, 0.5 + 0.5 * size, (255, 255, 255))


_PAINTERS = {
    "grass": _grass, "beach": _beach, "room": _room, "road": _road, "night": _night, "snow": _snow,
}
