"""Words and marks on pictures: captions, attention, boxes, contact sheets.

Pictures are uint8 (H, W, 3) RGB and are never changed: each function returns a new one. Text of any
script goes through Pillow; OpenCV draws Latin letters only.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cnnrnn.media import fonts
from cnnrnn.media.images import resize
from cnnrnn.media.opencv import cv2

Color = tuple[int, int, int]
Rectangle = tuple[float, float, float, float]  # x1, y1, x2, y2 in pixels

PAPER: Color = (255, 255, 255)
INK: Color = (28, 32, 38)
FAINT: Color = (110, 118, 128)
# Told apart by people with any kind of colour vision (Okabe and Ito 2008, without black).
PALETTE: tuple[Color, ...] = (
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66),
    (0, 114, 178), (213, 94, 0), (204, 121, 167),
)  # fmt: skip

MIN_WIDTH = 336  # pixels; below it a caption wraps after every few words
LINE_HEIGHT = 1.35  # times the size of the letters
STRIP_TILE = 168  # pixels, the longer side of one picture of an attention strip
STRIP_COLUMNS = 6
HEAT_SHADE = 0.65  # of the light taken away where nothing is looked at
HEAT_TINT = 0.5  # of the colour laid over what is looked at most; what it is must stay visible
GAP = 10  # pixels between tiles


def text(
    image: np.ndarray,
    string: str,
    xy: tuple[float, float],
    size: int = 16,
    color: Color = INK,
    font: Path | str | None = None,
) -> np.ndarray:
    """Write one line on a picture.

    Args:
        image: uint8 (H, W, 3), RGB.
        string: the text, in any script.
        xy: left end and top of the line, in pixels.
        size: height of the letters in pixels.
        color: red, green, blue.
        font: a font file; by default one of this machine that has the letters.

    Returns:
        uint8 (H, W, 3), a copy.

    Raises:
        CnnRnnError: `font` is no font.
    """
    canvas = Image.fromarray(image)
    letters = fonts.load(string, size, font)
    ImageDraw.Draw(canvas).text(xy, string, color, letters)
    return np.array(canvas)


def caption_bar(
    image: np.ndarray,
    string: str,
    font: Path | str | None = None,
    min_width: int = MIN_WIDTH,
) -> np.ndarray:
    """A picture above its caption on a white bar.

    Args:
        image: uint8 (H, W, 3), RGB. A tiny one is enlarged, a narrow one gets white sides.
        string: the caption, wrapped to the width.
        font: a font file.
        min_width: width of the result in pixels, at least.

    Returns:
        uint8 (H', W', 3) with W' at least `min_width` and H' > H.

    Raises:
        CnnRnnError: `font` is no font.
    """
    picture = _enlarge(image, min_width)
    height, width = picture.shape[0], max(min_width, picture.shape[1])
    size = _letter_size(width)
    letters = fonts.load(string, size, font)
    lines = fonts.wrap(string, letters, width - 2 * size)
    bar = round(size * (LINE_HEIGHT * len(lines) + 1.1))
    canvas = Image.new("RGB", (width, height + bar), PAPER)
    canvas.paste(Image.fromarray(picture), ((width - picture.shape[1]) // 2, 0))
    pen = ImageDraw.Draw(canvas)
    for number, line in enumerate(lines):
        middle = height + size * (0.55 + LINE_HEIGHT * (number + 0.5))
        pen.text((size, middle), line, INK, letters, anchor="lm")
    return np.array(canvas)


def heat(image: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """A map laid over a picture: bright and warm where it is large, dark where it is small.

    A map that says nothing (all places equal) leaves no bright place.

    Args:
        image: uint8 (H, W, 3), RGB.
        weights: (h, w), of any size; not negative.

    Returns:
        uint8 (H, W, 3).
    """
    share = _stretched(weights)
    size = image.shape[1], image.shape[0]
    share = np.clip(cv2.resize(share, size, interpolation=cv2.INTER_CUBIC), 0, 1)
    colors = cv2.applyColorMap((share * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)[:, :, ::-1]
    share = share[:, :, None]
    tint = HEAT_TINT * share
    return np.rint((1 - tint) * (1 - HEAT_SHADE * (1 - share)) * image + tint * colors).astype(
        np.uint8
    )


def _stretched(weights: np.ndarray) -> np.ndarray:
    """A map on the scale 0 to 1. Its mean is the least span, so that ripples stay ripples."""
    weights = np.nan_to_num(np.asarray(weights, np.float32))
    low, high = float(weights.min()), float(weights.max())
    span = max(high - low, float(weights.mean()), np.finfo(np.float32).tiny)
    return (weights - low) / span


def attention_strip(
    image: np.ndarray,
    words: Sequence[str],
    maps: np.ndarray,
    font: Path | str | None = None,
    columns: int = STRIP_COLUMNS,
) -> np.ndarray:
    """Where a model looked at each word: the picture, then one tile a word, in rows.

    Args:
        image: uint8 (H, W, 3), RGB.
        words: the T words.
        maps: (T or more, h, w), not negative; maps after the last word (the end sign) are left out.
        font: a font file.
        columns: tiles in a row, at most.

    Returns:
        uint8 (H', W', 3).

    Raises:
        CnnRnnError: `font` is no font.
    """
    picture = _fit(image, (STRIP_TILE, STRIP_TILE))
    looks = zip(words, maps, strict=False)
    tiles = [labelled(picture, "", font)]
    tiles += [labelled(heat(picture, weights), word, font) for word, weights in looks]
    return tile(tiles, min(columns, len(tiles)))


def labelled(image: np.ndarray, label: str, font: Path | str | None = None) -> np.ndarray:
    """A picture with one short centred line below it, cut with an ellipsis where it is too long.

    Args:
        image: uint8 (H, W, 3), RGB.
        label: the line.
        font: a font file.

    Returns:
        uint8 (H + bar, W, 3).
    """
    height, width = image.shape[:2]
    size = 15
    letters = fonts.load(label, size, font)
    bar = round(1.8 * size)
    canvas = Image.new("RGB", (width, height + bar), PAPER)
    canvas.paste(Image.fromarray(image), (0, 0))
    line = fonts.shortened(label, letters, width)
    ImageDraw.Draw(canvas).text((width / 2, height + bar / 2), line, INK, letters, anchor="mm")
    return np.array(canvas)


def boxes(
    image: np.ndarray,
    places: Sequence[Sequence[float]] | np.ndarray,
    labels: Sequence[str] = (),
    font: Path | str | None = None,
    min_width: int = MIN_WIDTH,
) -> np.ndarray:
    """Coloured boxes with labels that stay inside the picture and, where there is room, do not
    hide each other.

    Args:
        image: uint8 (H, W, 3), RGB; a tiny one is enlarged, boxes with it.
        places: N boxes (x1, y1, x2, y2) in pixels of `image`.
        labels: N labels, or none; the first ones have the first choice of places.
        font: a font file.
        min_width: width of the result in pixels, at least (unless that makes it very high).

    Returns:
        uint8 (H', W', 3).

    Raises:
        CnnRnnError: `font` is no font.
    """
    picture = _enlarge(image, min_width)
    height, width = picture.shape[:2]
    scale = np.array([width / image.shape[1], height / image.shape[0]] * 2)
    canvas = Image.fromarray(picture)
    pen = ImageDraw.Draw(canvas)
    # On a long strip letters in proportion to its length would cover it.
    size = max(12, round(0.75 * _letter_size(min(width, 2 * height))))
    line = max(2, round(size / 5))
    # Small boxes last, so that a large one does not cross them.
    order = sorted(range(len(places)), key=lambda index: -_area(places[index]))
    framed = {}
    for index in order:
        corners = np.asarray(places[index], float) * scale
        # A corner outside, or in the wrong order, still gives a box that can be drawn.
        corners = np.clip(corners, 0, np.array([width - 1, height - 1] * 2))
        corners[2:] = np.maximum(corners[:2], corners[2:])
        # The dark line around it shows the box on a ground of its own colour.
        pen.rectangle(tuple(corners), outline=INK, width=line + 1)
        pen.rectangle(tuple(corners), outline=_color(index), width=line)
        framed[index] = corners
    taken: list[Rectangle] = []
    for index, label in enumerate(labels):
        if label:
            letters = fonts.load(label, size, font)
            place = _tag(
                pen, (width, height), framed[index], label, letters, _color(index), taken
            )
            taken.append(place)
    return np.array(canvas)


def _color(index: int) -> Color:
    return PALETTE[index % len(PALETTE)]


def _area(box: Sequence[float]) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))


def _tag(
    pen: ImageDraw.ImageDraw,
    frame: tuple[int, int],
    box: np.ndarray,
    label: str,
    letters: ImageFont.FreeTypeFont,
    color: Color,
    taken: Sequence[Rectangle],
) -> Rectangle:
    """A label at its box, where it hides least of those that are there; gives its place."""
    width, height = frame
    pad = round(letters.size / 4)
    label = fonts.shortened(label, letters, width - 2 * pad)
    tall = round(letters.size * LINE_HEIGHT)
    wide = letters.getlength(label) + 2 * pad
    # Best above the box, else below an edge or above the lower one; a second row at the worst.
    tops = [box[1] - tall, box[1], box[3], box[3] - tall, box[1] - 2 * tall, box[3] + tall]
    inside = [top for top in tops if 0 <= top <= height - tall] or [min(box[1], height - tall)]
    lefts = [min(max(left, 0), width - wide) for left in (box[0], box[2] - wide)]
    places = [(left, top, left + wide, top + tall) for top in inside for left in lefts]
    place = min(places, key=lambda each: sum(_shared(each, other) for other in taken))
    left, top = place[:2]
    pen.rectangle(place, fill=color)
    # Luminance (ITU-R BT.601): dark letters on light colours.
    light = np.dot(color, (0.299, 0.587, 0.114)) > 130
    pen.text((left + pad, top + tall / 2), label, INK if light else PAPER, letters, anchor="lm")
    return place


def _shared(one: Rectangle, other: Rectangle) -> float:
    """Square pixels that two rectangles have in common."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    tall = min(one[3], other[3]) - max(one[1], other[1])
    return max(wide, 0.0) * max(tall, 0.0)


def tile(
    pictures: Sequence[np.ndarray],
    columns: int,
    size: tuple[int, int] | None = None,
    gap: int = GAP,
) -> np.ndarray:
    """A contact sheet on white.

    Args:
        pictures: uint8 (H, W, 3) each, at least one.
        columns: pictures in a row.
        size: height and width of a cell; a picture is scaled into it and keeps its shape. By
            default the largest height and width, and nothing is scaled.
        gap: pixels between cells and around them.

    Returns:
        uint8 (H', W', 3).
    """
    if size is None:
        height, width = np.max([picture.shape[:2] for picture in pictures], axis=0)
    else:
        height, width = size
        pictures = [_fit(picture, size) for picture in pictures]
    rows = -(-len(pictures) // columns)
    shape = rows * (height + gap) + gap, columns * (width + gap) + gap, 3
    sheet = np.full(shape, PAPER, np.uint8)
    for index, picture in enumerate(pictures):
        high, wide = picture.shape[:2]
        top = gap + index // columns * (height + gap) + (height - high) // 2
        left = gap + index % columns * (width + gap) + (width - wide) // 2
        sheet[top : top + high, left : left + wide] = picture
    return sheet


def _letter_size(width: int) -> int:
    """Pixels: readable on a thumbnail, in proportion on a large photo."""
    return max(16, round(width / 26))


def _enlarge(image: np.ndarray, min_width: int) -> np.ndarray:
    """A tiny picture `min_width` wide, or less where it would get three times as high as that."""
    height, width = image.shape[:2]
    scale = min(min_width / width, 3 * min_width / height)
    if scale <= 1:
        return image
    size = round(width * scale), round(height * scale)
    # Smoother than the linear `resize` of the models: this one is for the eye.
    return cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)


def _fit(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The picture scaled to touch the sides of a cell from inside, its shape kept."""
    scale = min(size[0] / image.shape[0], size[1] / image.shape[1])
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    if scale > 1:
        return cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC)
    return resize(image, (height, width))
