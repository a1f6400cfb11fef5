"""How each kind of thing looks. Everything looks to the right; `extent` gives the proportions."""

from __future__ import annotations

from functools import cache

import numpy as np

from cnnrnn.scenes.pen import SHADE, TINT, Pen, Shape, arc

WOOD, DARK, INK = (139, 94, 60), (58, 60, 70), (25, 25, 30)
GLASS, LEAF, CREAM = (190, 226, 245), (74, 150, 70), (244, 230, 200)
BEAK, GLOW, METAL = (247, 170, 50), (255, 226, 130), (176, 182, 192)


def _legs(pen: Pen, xs, top, bottom, width) -> None:
    for x in xs:
        pen.rect(x - width / 2, top, x + width / 2, bottom, part="leg")


def dog(pen: Pen) -> None:
    pen.line([(20, 58), (8, 46), (3, 32)], 8, part="tail")
    _legs(pen, (25, 38, 60, 72), 66, 100, 9)
    pen.oval(47, 63, 31, 17, tex=True)
    pen.oval(80, 38, 18, 17, part="head")
    pen.oval(94, 44, 11, 8, TINT, part="head")
    pen.oval(103, 40, 4.5, 3.5, INK, edge=False)
    pen.oval(69, 40, 7, 15, SHADE, part="ear", turn=15)
    pen.eye(85, 33)


def cat(pen: Pen) -> None:
    pen.line([(66, 92), (86, 88), (92, 70), (84, 56)], 8, part="tail")
    pen.oval(48, 72, 25, 28, tex=True)
    pen.line([(40, 72), (40, 97)], 8, part="leg")
    pen.line([(56, 72), (56, 97)], 8, part="leg")
    pen.poly([(26, 26), (27, -4), (46, 14)], part="ear")
    pen.poly([(70, 26), (69, -4), (50, 14)], part="ear")
    pen.oval(48, 30, 25, 21, part="head")
    pen.eye(39, 27)
    pen.eye(57, 27)
    pen.poly([(45, 35), (51, 35), (48, 39)], (240, 140, 150), edge=False)
    for side in (-1, 1):
        pen.line([(48 + 12 * side, 37), (48 + 32 * side, 33)], 1.5, METAL, edge=False)
        pen.line([(48 + 12 * side, 40), (48 + 32 * side, 43)], 1.5, METAL, edge=False)


def horse(pen: Pen) -> None:
    pen.line([(15, 48), (4, 60), (5, 80)], 9, SHADE, part="tail")
    _legs(pen, (22, 33, 58, 69), 54, 104, 8)
    pen.oval(45, 52, 32, 17, tex=True)
    pen.poly([(56, 50), (72, 8), (90, 16), (78, 56)], part="neck")
    pen.line([(54, 44), (62, 22), (70, 4), (80, 0)], 9, SHADE, part="mane")
    pen.poly([(74, -8), (82, 2), (73, 6)], part="head")
    pen.poly([(70, 3), (84, 0), (107, 20), (102, 30), (92, 30), (76, 22)], part="head")
    pen.oval(101, 22, 2, 2, INK, edge=False)
    pen.eye(83, 10, 3)


def bird(pen: Pen) -> None:
    pen.line([(40, 70), (40, 88)], 4, BEAK, part="leg", edge=False)
    pen.line([(54, 70), (54, 88)], 4, BEAK, part="leg", edge=False)
    pen.poly([(24, 44), (-6, 26), (-8, 44), (-2, 58), (22, 62)], SHADE, part="tail")
    pen.oval(46, 54, 31, 22, tex=True)
    pen.poly([(88, 22), (110, 32), (88, 42)], BEAK, part="beak")
    pen.oval(76, 31, 19, 18, part="head")
    pen.poly(
        [(56, 48), (44, 42), (26, 46), (12, 62), (30, 66), (48, 62)], SHADE, part="wing"
    )
    pen.eye(82, 27)


def butterfly(pen: Pen) -> None:
    for side in (-1, 1):
        x = 50 + 28 * side
        pen.oval(x - 6 * side, 66, 18, 22, SHADE, part="wing", turn=-35 * side)
        pen.oval(x, 30, 24, 28, part="wing", tex=True, turn=35 * side)
        pen.line([(50, 14), (50 + 12 * side, -8)], 2.5, INK, edge=False)
    pen.oval(50, 46, 6, 34, DARK)


def star(pen: Pen) -> None:
    angle = np.radians(-90 + 36 * np.arange(10))
    radius = np.where(np.arange(10) % 2, 24, 54)
    outline = np.stack([50 + radius * np.cos(angle), 54 + radius * np.sin(angle)], 1)
    pen.poly(outline, tex=True)


def heart(pen: Pen) -> None:
    t = np.linspace(0, 2 * np.pi, 33)[:-1]
    x = 16 * np.sin(t) ** 3
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t))
    pen.poly(np.stack([50 + 3.1 * x, 48 + 3.1 * y], 1), tex=True)
    pen.oval(24, 26, 5, 9, TINT, turn=35, edge=False)


def kite(pen: Pen) -> None:
    pen.line([(44, 72), (30, 84), (44, 94), (30, 104)], 3, WOOD, part="tail", edge=False)
    for x, y in ((31, 84), (43, 94), (31, 104)):
        pen.poly([(x - 8, y - 5), (x, y), (x - 8, y + 5)], SHADE, part="tail")
        pen.poly([(x + 8, y - 5), (x, y), (x + 8, y + 5)], SHADE, part="tail")
    pen.poly([(58, -4), (92, 26), (44, 76), (12, 22)], tex=True)
    pen.line([(58, -4), (44, 76)], 2.5, SHADE, edge=False)
    pen.line([(12, 22), (92, 26)], 2.5, SHADE, edge=False)


def balloon(pen: Pen) -> None:
    pen.line([(50, 68), (46, 78), (54, 88), (50, 104)], 3, METAL, part="string", edge=False)
    pen.poly([(50, 62), (42, 76), (58, 76)], SHADE)
    pen.oval(50, 32, 31, 36, tex=True)
    pen.oval(38, 18, 6, 10, TINT, turn=30, edge=False)


def ring(pen: Pen) -> None:
    pen.line(arc(50, 50, 38, 38, 0, 345), 20, tex=True, closed=True)


def triangle(pen: Pen) -> None:
    pen.poly([(50, 4), (102, 94), (-2, 94)], tex=True)


def fish(pen: Pen) -> None:
    pen.poly([(24, 50), (-6, 26), (0, 50), (-6, 76)], SHADE, part="tail")
    pen.poly([(36, 34), (52, 10), (70, 34)], SHADE, part="fin")
    pen.poly([(46, 66), (44, 84), (62, 66)], SHADE, part="fin")
    pen.oval(58, 50, 42, 25, tex=True)
    pen.line(arc(66, 50, 10, 22, -75, 75), 3, SHADE, edge=False)
    pen.eye(85, 43, 4.5)


def ball(pen: Pen) -> None:
    pen.oval(50, 50, 48, 48, tex=True)
    pen.line(arc(4, 50, 34, 52, -50, 50), 4, SHADE, edge=False)
    pen.line(arc(96, 50, 34, 52, 130, 230), 4, SHADE, edge=False)
    pen.oval(36, 22, 9, 5, TINT, turn=-25, edge=False)


def cup(pen: Pen) -> None:
    pen.line(arc(72, 48, 22, 20, -80, 100), 9, part="handle")
    pen.poly([(10, 18), (76, 18), (68, 90), (18, 90)], tex=True)
    pen.oval(43, 18, 33, 9, SHADE)


def flower(pen: Pen) -> None:
    pen.line([(50, 50), (48, 104)], 7, LEAF, part="stem", edge=False)
    pen.oval(30, 84, 19, 8, LEAF, part="leaf", turn=25)
    pen.oval(67, 78, 18, 8, LEAF, part="leaf", turn=-30)
    for angle in np.radians(np.arange(0, 360, 60) + 30):
        pen.oval(50 + 25 * np.cos(angle), 30 + 25 * np.sin(angle), 16, 16, part="petal", tex=True)
    pen.oval(50, 30, 14, 14, GLOW)


def cube(pen: Pen) -> None:
    pen.poly([(4, 30), (32, 4), (98, 4), (72, 30)], TINT)
    pen.poly([(72, 30), (98, 4), (98, 66), (72, 96)], SHADE)
    pen.rect(4, 30, 72, 96, tex=True)


def robot(pen: Pen) -> None:
    pen.line([(50, 6), (50, -10)], 4, METAL, part="antenna")
    pen.oval(50, -12, 5, 5, BEAK, part="antenna")
    for side in (-1, 1):
        pen.line([(50 + 26 * side, 52), (50 + 38 * side, 74)], 9, METAL, part="arm")
        pen.rect(50 + 13 * side - 7, 78, 50 + 13 * side + 7, 102, METAL, part="leg")
    pen.rect(24, 42, 76, 82, tex=True)
    pen.rect(26, 4, 74, 38, part="head")
    for x in (39, 61):
        pen.oval(x, 19, 7, 7, (250, 250, 250))
        pen.oval(x, 19, 3, 3, INK, edge=False)
    pen.line([(40, 31), (60, 31)], 3, INK, edge=False)


def house(pen: Pen) -> None:
    pen.rect(70, 8, 82, 36, WOOD, part="chimney")
    pen.rect(8, 44, 92, 100, tex=True)
    pen.poly([(-4, 46), (50, 2), (104, 46)], SHADE, part="roof")
    pen.rect(58, 56, 84, 78, GLASS, part="window")
    pen.line([(71, 56), (71, 78)], 2.5, (250, 250, 250), edge=False)
    pen.line([(58, 67), (84, 67)], 2.5, (250, 250, 250), edge=False)


def _door(pen: Pen, open: float) -> None:
    """The house's door: a leaf that swings outwards about x = 18, from over a lit doorway."""
    pen.rect(18, 58, 44, 100, GLOW if open else WOOD, part="door")
    swing = np.cos(open * np.arccos(-16 / 26))  # of the leaf's free edge, 1 closed
    if open:
        reach, near = 18 + 26 * swing, np.sqrt((1 - swing**2) / (1 - (16 / 26) ** 2))
        leaf = [(18, 58), (reach, 58 + 6 * near), (reach, 100 + 4 * near), (18, 100)]
        pen.poly(leaf, WOOD, part="door")
    if swing > 0.2:  # else the leaf shows its edge or its other side
        pen.oval(18 + 20 * swing, 81, 3 * swing, 3, GLOW, edge=False)


def tree(pen: Pen) -> None:
    pen.poly([(42, 56), (58, 56), (62, 104), (38, 104)], WOOD, part="trunk")
    for x, y in ((26, 46), (74, 46), (50, 24)):
        pen.oval(x, y, 29, 26, part="crown", tex=True)
    pen.oval(50, 46, 30, 24, part="crown", tex=True, edge=False)


def car(pen: Pen) -> None:
    pen.poly([(22, 48), (34, 22), (70, 22), (84, 48)])
    pen.poly([(28, 47), (37, 27), (50, 27), (50, 47)], GLASS, part="window")
    pen.poly([(55, 47), (55, 27), (67, 27), (77, 47)], GLASS, part="window")
    pen.poly(
        [(0, 56), (6, 47), (88, 47), (104, 56), (106, 74), (0, 74)], tex=True
    )
    pen.oval(100, 60, 4, 5, GLOW)
    for x in (24, 80):
        pen.oval(x, 75, 16, 16, DARK, part="wheel")
        pen.oval(x, 75, 7, 7, METAL, part="wheel", edge=False)


def boat(pen: Pen) -> None:
    pen.line([(50, 66), (50, 0)], 5, WOOD, part="mast", edge=False)
    pen.poly([(54, 4), (94, 58), (54, 58)], CREAM, part="sail")
    pen.poly([(46, 14), (46, 58), (16, 58)], CREAM, part="sail")
    pen.poly([(-2, 66), (104, 66), (86, 94), (16, 94)], part="hull", tex=True)


def mushroom(pen: Pen) -> None:
    pen.poly([(36, 50), (64, 50), (70, 98), (30, 98)], CREAM, part="stem")
    cap = np.concatenate([arc(50, 54, 50, 50, 180, 360), arc(50, 54, 50, 10, 0, 180)])
    pen.poly(cap, part="cap", tex=True)


def umbrella(pen: Pen) -> None:
    stick = np.concatenate([[(50.0, 46.0)], arc(59, 90, 9, 11, 180, 0)])
    pen.line(stick, 5, WOOD, part="handle")
    pen.line([(50, 8), (50, -4)], 4, WOOD, edge=False)
    scallops = [arc(x, 54, 17.5, 9, 0, -180) for x in (84.5, 50, 15.5)]
    pen.poly(np.concatenate([arc(50, 54, 52, 50, 180, 360), *scallops]), tex=True)
    pen.line([(50, 5), (34, 46)], 2.5, SHADE, edge=False)
    pen.line([(50, 5), (66, 46)], 2.5, SHADE, edge=False)


def chair(pen: Pen) -> None:
    _legs(pen, (30, 68), 64, 90, 8)
    pen.poly([(18, 2), (72, 2), (76, 50), (22, 50)], part="back", tex=True)
    pen.poly([(22, 52), (78, 52), (88, 70), (14, 70)], SHADE, part="seat")
    _legs(pen, (20, 82), 70, 104, 9)


def basket(pen: Pen) -> None:
    pen.line(arc(50, 42, 40, 44, 180, 360), 6, SHADE, part="handle")
    pen.oval(50, 46, 47, 9, DARK)
    pen.front = True
    rim = arc(50, 46, 47, 9, 0, 180)
    pen.poly(np.concatenate([rim, [(12, 96), (88, 96)]]))
    for y in (66, 80):
        pen.line([(8 + (y - 50) * 0.1, y), (92 - (y - 50) * 0.1, y)], 2.5, SHADE, edge=False)
    for row, y in enumerate((58, 67, 81)):
        for x in range(14 + 6 * (row % 2), 88, 12):
            pen.line([(x, y), (x, y + 10)], 2.5, SHADE, edge=False)
    pen.line(rim, 6, part="rim")


def box(pen: Pen) -> None:
    pen.poly([(4, 46), (18, 34), (82, 34), (96, 46)], DARK)
    pen.front = True
    pen.poly([(4, 46), (-8, 60), (2, 62), (10, 48)], TINT, part="flap")
    pen.poly([(96, 46), (108, 60), (98, 62), (90, 48)], TINT, part="flap")
    pen.rect(4, 46, 96, 98)
    pen.rect(43, 46, 57, 98, TINT, edge=False)


def table(pen: Pen) -> None:
    pen.rect(6, 14, 13, 62, SHADE, part="leg")
    pen.rect(87, 14, 94, 62, SHADE, part="leg")
    pen.poly([(6, 0), (94, 0), (102, 10), (-2, 10)])
    pen.rect(-2, 10, 102, 16, SHADE)


_SKETCHES = {
    f.__name__: f
    for f in (
        bird, butterfly, star, heart, kite, balloon, ring, triangle, dog, cat, fish, ball, cup,
        flower, cube, robot, house, tree, car, boat, horse, mushroom, umbrella, chair, basket, box,
        table,
    )
}


@cache
def shapes(kind: str, open: float = 0.0) -> tuple[Shape, ...]:
    """The shapes of a kind, back to front: x about 0, the lower edge at y 0, the longer side 1.

    open: how far the door stands open, 0 to 1; kinds without a door ignore it.
    """
    pen = Pen()
    _SKETCHES[kind](pen)
    x1, y1, x2, y2 = _bounds(pen.shapes)  # without the door: a house does not move as it opens
    if kind == "house":
        _door(pen, open)
    scale = max(x2 - x1, y2 - y1)
    origin = np.array([(x1 + x2) / 2, y2])
    return tuple(
        Shape(
            (s.points - origin) / scale, s.fill, s.part, s.textured, s.width / scale, s.closed,
            s.front, s.edge,
        )
        for s in pen.shapes
    )


@cache
def extent(kind: str) -> tuple[float, float]:
    """Width and height of a kind; the larger is 1."""
    x1, y1, x2, y2 = _bounds(shapes(kind))
    return x2 - x1, y2 - y1


@cache
def parts(kind: str) -> tuple[str, ...]:
    """The names of a kind's parts."""
    return tuple(dict.fromkeys(s.part for s in shapes(kind) if s.part))


def _bounds(shapes) -> tuple[float, float, float, float]:
    low = np.min([s.points.min(0) - s.width / 2 for s in shapes], axis=0)
    high = np.max([s.points.max(0) + s.width / 2 for s in shapes], axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])
