"""A contact sheet of the built-in data set: `python -m cnnrnn.scenes OUT.png [SPLIT]`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from cnnrnn import scenes
from cnnrnn.errors import CnnRnnError
from cnnrnn.files import atomic_write
from cnnrnn.media.opencv import cv2

_COLUMNS, _ROWS, _SIDE, _LINE = 4, 6, 336, 15
_PAPER, _INK, _ACCENT = (250, 250, 248), (40, 40, 46), (150, 70, 30)


def _lines(text: str, width: int = 52) -> list[str]:
    """`text` broken at spaces into lines of at most `width` characters."""
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) > width:
            lines.append("  ")
        lines[-1] += word + " "
    return lines


def _card(split: str, index: int) -> np.ndarray:
    """A scene with its boxes, captions, and some of its questions."""
    scene = scenes.scene(split, index)
    picture = np.ascontiguousarray(scenes.render(scene, _SIDE))
    for region in scenes.regions(scene, _SIDE):
        x1, y1, x2, y2 = map(round, region.box)
        cv2.rectangle(picture, (x1, y1), (x2, y2), (255, 255, 255), 1, cv2.LINE_AA)
    lines = [(f"{split} {index} ({scene.plan})", _ACCENT)]
    for caption in scenes.captions(scene):
        lines += [(line, _INK) for line in _lines(caption)]
    for question in scenes.questions(scene)[-4:]:
        asked = f"{question.text} {question.answer}"
        lines += [(line, _ACCENT) for line in _lines(asked)]
    text = np.full((_LINE * 17, _SIDE, 3), _PAPER, np.uint8)
    for row, (line, colour) in enumerate(lines[:16]):
        place = (3, _LINE * (row + 1))
        cv2.putText(text, line, place, cv2.FONT_HERSHEY_SIMPLEX, 0.36, colour, 1, cv2.LINE_AA)
    return np.vstack([picture, text])


def main(arguments: list[str]) -> int:
    """Write the sheet; returns the exit code."""
    if not 1 <= len(arguments) <= 2:
        sys.stderr.write("usage: python -m cnnrnn.scenes OUT.png [train|val|test]\n")
        return 2
    path, split = Path(arguments[0]), (arguments[1:] or ["train"])[0]
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        path = path / "scenes.png"
    try:
        cards = [_card(split, index) for index in range(_COLUMNS * _ROWS)]
        rows = [np.hstack(cards[i : i + _COLUMNS]) for i in range(0, len(cards), _COLUMNS)]
        _, data = cv2.imencode(path.suffix, np.vstack(rows)[..., ::-1])
        with atomic_write(path) as file:
            file.write(data.tobytes())
    except CnnRnnError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
