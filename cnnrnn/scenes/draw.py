"""Draws a scene, and the map of which thing and part each place shows.

The picture is drawn at twice its size and shrunk, so that any size looks the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cnnrnn.errors import UsageError
from cnnrnn.media.opencv import cv2
from cnnrnn.scenes import sketches
from cnnrnn.scenes.backgrounds import Canvas, paint
from cnnrnn.scenes.pen import BODY, SHADE, TINT, Shape
from cnnrnn.scenes.world import COLOURS, UNITS, Box, Scene, State, Thing

_OVERSAMPLING = 2
_OUTLINE = 0.8  # units
_PERIOD = 6.0  # of a texture, units
_GRAIN = 4.0  # standard deviation of the noise, levels
LARGEST = 4096


def render(scene: Scene, size: int = 112, time: int = 0) -> np.ndarray:
    """Draw a scene at a moment, uint8 RGB (size, size, 3).

    Raises:
        UsageError: `size` is not between 16 and 4096.
    """
    canvas, rng = backdrop(scene, size)
    for layer in layers(scene, time):
        draw_layer(canvas, layer)
    return grainy(lit(canvas, size, light_of(rng)), rng)


def backdrop(scene: Scene, size: int) -> tuple[Canvas, np.random.Generator]:
    """The canvas of a scene with its background alone, and the generator that painted it."""
    if not 16 <= size <= LARGEST:
        raise UsageError(f"a scene of {size} pixels", f"sizes are 16 to {LARGEST}")
    rng = np.random.default_rng(scene.clutter)
    canvas = Canvas(size * _OVERSAMPLING)
    paint(canvas, scene.background, scene.horizon, rng)
    return canvas, rng


def light_of(rng: np.random.Generator) -> float:
    """How bright a picture is, to be drawn before its noise."""
    return rng.uniform(0.94, 1.04)


def lit(canvas: Canvas, size: int, light: float) -> np.ndarray:
    """A finished canvas as a picture in some light, float32 RGB (size, size, 3)."""
    image = cv2.resize(canvas.image, (size, size), interpolation=cv2.INTER_AREA)
    return image.astype(np.float32) * light


def grainy(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A picture with the noise of a camera, uint8; `image` is float32 RGB (size, size, 3)."""
    grain = rng.standard_normal((*image.shape[:2], 1), np.float32) * _GRAIN
    return np.clip(image + grain, 0, 255).astype(np.uint8)


def draw_layer(canvas: Canvas, layer: Layer) -> None:
    """Draw the part of a thing that comes next, and its shadow before it."""
    if layer.shadow and not layer.thing.floats:
        _shadow(canvas, layer)
    for shape in layer.shapes:
        _draw_shape(canvas, layer.thing, layer.state, shape)


@dataclass(frozen=True)
class Layer:
    """The part of a thing that is drawn in one go; a container's front comes after its content."""

    index: int
    thing: Thing
    state: State
    shapes: tuple[Shape, ...]
    shadow: bool


def layers(scene: Scene, time: int) -> list[Layer]:
    """What is drawn, back to front."""

    def depth(index: int) -> tuple:
        state = scene.things[index].at(time)
        if state.relation in ("in", "on", "under"):
            return depth(state.anchor)[:2] + (1, index)
        return (not scene.things[index].floats, state.y, 0, index)

    found = []
    for index, thing in enumerate(scene.things):
        state = thing.at(time)
        shapes = _placed(thing.kind, state, thing.facing)
        back = tuple(s for s in shapes if not s.front)
        front = tuple(s for s in shapes if s.front)
        shadow = state.relation not in ("in", "on")
        found.append((depth(index), Layer(index, thing, state, back, shadow)))
        if front:
            layer = Layer(index, thing, state, front, False)
            found.append((depth(index)[:2] + (2, index), layer))
    return [layer for _, layer in sorted(found, key=lambda pair: pair[0])]


def _placed(kind: str, state: State, facing: int) -> list[Shape]:
    """The shapes of a thing in units of the picture."""
    turn = np.radians(state.angle)
    c, s = np.cos(turn), np.sin(turn)
    matrix = np.array([[c, s], [-s, c]])
    middle = np.array([0.0, -sketches.extent(kind)[1] / 2])
    mirror = np.array([facing, 1.0])
    placed = []
    for shape in sketches.shapes(kind, state.open):
        points = shape.points * mirror
        if state.angle:
            points = (points - middle) @ matrix + middle
        points = points * state.scale + (state.x, state.y)
        placed.append(
            Shape(
                points, shape.fill, shape.part, shape.textured, shape.width * state.scale,
                shape.closed, shape.front, shape.edge,
            )
        )
    return placed


def _mix(a, b, share: float) -> tuple[int, int, int]:
    return tuple(int(round((1 - share) * x + share * y)) for x, y in zip(a, b, strict=True))


def _tones(colour: str) -> dict:
    """A colour, its darker and lighter tone, its outline and the second colour of textures."""
    body = COLOURS[colour]
    light = colour in ("white", "yellow")
    return {
        BODY: body,
        SHADE: _mix(body, (0, 0, 0), 0.22) if colour != "black" else (84, 84, 94),
        TINT: _mix(body, (255, 255, 255), 0.45 if colour != "black" else 0.25),
        "edge": _mix(body, (20, 20, 30), 0.6) if colour != "black" else (134, 134, 146),
        "second": _mix(body, (90, 70, 60), 0.55) if light else _mix(body, (255, 255, 255), 0.72),
    }


_TONES = {name: _tones(name) for name in COLOURS}


def _draw_shape(canvas: Canvas, thing: Thing, state: State, shape: Shape) -> None:
    tones = _TONES[thing.colour]
    fill = tones.get(shape.fill, shape.fill) if isinstance(shape.fill, str) else shape.fill
    edge = tones["edge"] if isinstance(shape.fill, str) else _mix(fill, (20, 20, 30), 0.5)
    if shape.width:
        if shape.edge:
            canvas.line(shape.points, edge, shape.width + _OUTLINE, shape.closed)
        inner = shape.width - (_OUTLINE if shape.edge else 0)
        canvas.line(shape.points, fill, inner, shape.closed)
    else:
        canvas.poly(shape.points, fill)
    if shape.textured and thing.texture != "plain":
        _weave(canvas, thing.texture, state, shape, tones["second"])
    if shape.edge and not shape.width:
        canvas.line(shape.points, edge, _OUTLINE, True)


def _weave(canvas: Canvas, texture: str, state: State, shape: Shape, colour) -> None:
    """Lay a texture over a shape, aligned to the thing."""
    k, pixels = canvas.k, len(canvas.image)
    x1, y1 = np.maximum(np.floor((shape.points.min(0) - shape.width) * k), 0).astype(int)
    x2, y2 = np.minimum(np.ceil((shape.points.max(0) + shape.width) * k) + 1, pixels).astype(int)
    if x2 <= x1 or y2 <= y1:
        return
    mask = np.zeros((y2 - y1, x2 - x1), np.uint8)
    points = canvas.fixed(shape.points) - np.array([x1, y1]) * 16
    if shape.width:
        inner = max(1, round((shape.width - _OUTLINE) * k))
        cv2.polylines(mask, [points], shape.closed, 255, inner, cv2.LINE_AA, 4)
    else:
        cv2.fillPoly(mask, [points], 255, cv2.LINE_AA, 4)
    u = ((np.arange(x1, x2) + 0.5) / k - state.x)[None, :]
    v = ((np.arange(y1, y2) + 0.5) / k - state.y)[:, None]
    # `soft` rises from 0 to 1 over one pixel where the distance to the pattern's edge passes 0.
    distance = _PATTERNS[texture](u, v)
    soft = np.clip(distance * k + 0.5, 0, 1) * (mask / 255.0)
    patch = canvas.image[y1:y2, x1:x2]
    soft = soft[..., None].astype(np.float32)
    patch[:] = (patch * (1 - soft) + np.array(colour, np.float32) * soft + 0.5).astype(np.uint8)


def _striped(u, v):
    along = (u * 0.6 + v) / 1.17  # leaning stripes
    return _PERIOD / 4 - np.abs((along % _PERIOD) - _PERIOD / 2)


def _dotted(u, v):
    row = np.floor(v / _PERIOD)
    du = ((u + row * _PERIOD / 2) % _PERIOD) - _PERIOD / 2
    dv = (v % _PERIOD) - _PERIOD / 2
    return _PERIOD * 0.3 - np.sqrt(du**2 + dv**2)


def _checked(u, v):
    side = _PERIOD * 0.75
    a = (u % (2 * side)) - side
    b = (v % (2 * side)) - side
    inside = np.minimum(np.minimum(np.abs(a), side - np.abs(a)),
                        np.minimum(np.abs(b), side - np.abs(b)))
    return np.where((a < 0) == (b < 0), inside, -inside)


_PATTERNS = {"striped": _striped, "dotted": _dotted, "checked": _checked}


def _shadow(canvas: Canvas, layer: Layer) -> None:
    """A soft darker place on the ground under a thing."""
    state = layer.state
    half = state.scale * sketches.extent(layer.thing.kind)[0] * 0.46
    k = canvas.k
    top, bottom = (round((state.y + d) * k) for d in (-half * 0.2, half * 0.16 + 1))
    left, right = round((state.x - half) * k), round((state.x + half) * k)
    region = canvas.image[max(top, 0) : bottom, max(left, 0) : right]
    if not region.size:
        return
    height, width = region.shape[:2]
    shade = np.zeros((height, width), np.uint8)
    cv2.ellipse(shade, (width // 2, height // 2), (width // 2, height // 2), 0, 0, 360, 255, -1)
    dark = 1 - 0.16 * (shade[..., None].astype(np.float32) / 255)
    region[:] = (region * dark).astype(np.uint8)


@dataclass(frozen=True)
class Layout:
    """What each place of a picture shows, at one pixel a unit (112, 112).

    things: int16, index of the thing seen, -1 where none. parts: int16, 1 + place in
    `sketches.parts(kind)` of the part seen, 0 where none. shown: visible share of each thing, 0..1.
    part_boxes: (thing, part name, box, visible share) for each separate shape of a part.
    """

    things: np.ndarray
    parts: np.ndarray
    shown: tuple[float, ...]
    part_boxes: tuple[tuple[int, str, Box, float], ...]


def layout(scene: Scene, time: int = 0) -> Layout:
    """Find out what is seen where; the same facts whatever size the picture is drawn at."""
    side = int(UNITS)
    canvas = Canvas(side)
    things = np.full((side, side), -1, np.int16)
    parts = np.zeros((side, side), np.int16)
    pieces = np.full((side, side), -1, np.int16)
    whole = [np.zeros((side, side), bool) for _ in scene.things]
    seen = []  # (thing, part, box, area) of each shape that draws a part
    for layer in layers(scene, time):
        names = sketches.parts(layer.thing.kind)
        for shape in layer.shapes:
            mask = np.zeros((side, side), np.uint8)
            _fill(canvas, mask, shape)
            inside = mask > 0
            things[inside] = layer.index
            parts[inside] = 1 + names.index(shape.part) if shape.part else 0
            whole[layer.index] |= inside
            if shape.part:
                pieces[inside] = len(seen)
                seen.append((layer.index, shape.part, _bounds(shape), int(inside.sum())))
            elif shape.edge:
                pieces[inside] = -1
    shown = tuple(
        float((things == i).sum() / max(mask.sum(), 1)) for i, mask in enumerate(whole)
    )
    counts = np.bincount(pieces[pieces >= 0].ravel(), minlength=len(seen))
    boxes = tuple(
        (index, part, box, float(counts[i] / max(area, 1)))
        for i, (index, part, box, area) in enumerate(seen)
    )
    return Layout(things, parts, shown, boxes)


def _fill(canvas: Canvas, mask: np.ndarray, shape: Shape) -> None:
    points = canvas.fixed(shape.points)
    if shape.width:
        cv2.polylines(mask, [points], shape.closed, 1, max(1, round(shape.width)), 8, 4)
    else:
        cv2.fillPoly(mask, [points], 1, 8, 4)


def _bounds(shape: Shape) -> Box:
    low = shape.points.min(0) - shape.width / 2
    high = shape.points.max(0) + shape.width / 2
    return (*map(float, np.clip([*low, *high], 0, UNITS)),)


def box_of(thing: Thing, time: int = 0) -> Box:
    """The box of a whole thing, hidden or not, in units."""
    boxes = np.array([_bounds(s) for s in _placed(thing.kind, thing.at(time), thing.facing)])
    return (*map(float, [*boxes[:, :2].min(0), *boxes[:, 2:].max(0)]),)
