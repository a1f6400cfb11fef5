"""Pictures of the built-in data set to look at.

`python -m cnnrnn.scenes OUT.png [SPLIT]` writes a contact sheet of scenes, and beside it one of
riddles, OUT-riddles.png, and one of clips, OUT-clips.png.
`python -m cnnrnn.scenes OUT.mp4 [SPLIT [NUMBER]]` writes one clip as a film.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from cnnrnn import scenes
from cnnrnn.errors import CnnRnnError
from cnnrnn.files import atomic_write
from cnnrnn.media.opencv import cv2
from cnnrnn.scenes import clips, riddles

_COLUMNS, _ROWS, _SIDE, _LINE = 4, 6, 336, 15
_PAPER, _INK, _ACCENT = (250, 250, 248), (40, 40, 46), (150, 70, 30)
_FRAMES_A_SECOND = 8.0


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
    return np.vstack([picture, _written(lines, 16)])


def _riddle_card(split: str, index: int) -> np.ndarray:
    """A picture with its questions, and the boxes that decide the first one."""
    scene = riddles.scene(split, index)
    asked = riddles.riddles(scene)
    picture = np.ascontiguousarray(scenes.render(scene, _SIDE))
    for box in riddles.boxes(scene, asked[0], _SIDE).values():
        x1, y1, x2, y2 = map(round, box)
        cv2.rectangle(picture, (x1, y1), (x2, y2), (255, 255, 255), 1, cv2.LINE_AA)
    lines = [(f"{split} {index} ({scene.plan})", _ACCENT)]
    lines += [(f"{each.question.text} {each.question.answer}", _INK) for each in asked]
    return np.vstack([picture, _written(lines, len(lines))])


def _written(lines: list[tuple[str, tuple[int, int, int]]], most: int) -> np.ndarray:
    """Up to `most` lines of text, each in its colour."""
    text = np.full((_LINE * (most + 1), _SIDE, 3), _PAPER, np.uint8)
    for row, (line, colour) in enumerate(lines[:most]):
        place = (3, _LINE * (row + 1))
        cv2.putText(text, line, place, cv2.FONT_HERSHEY_SIMPLEX, 0.36, colour, 1, cv2.LINE_AA)
    return text


def _sheet(split: str, card: Callable[[str, int], np.ndarray] = _card) -> np.ndarray:
    """Pictures side by side."""
    cards = [card(split, index) for index in range(_COLUMNS * _ROWS)]
    tallest = max(map(len, cards))
    cards = [
        np.vstack([each, np.full((tallest - len(each), _SIDE, 3), _PAPER, np.uint8)])
        for each in cards
    ]
    rows = [np.hstack(cards[i : i + _COLUMNS]) for i in range(0, len(cards), _COLUMNS)]
    return np.vstack(rows)


def _strip(clip: clips.Clip, step: int) -> np.ndarray:
    """Every `step`-th frame of a clip in a row as wide as the sheet, under what is said of it."""
    size = _COLUMNS * _SIDE * step // clips.FRAMES
    frames = clips.render_clip(clip, size)[::step]
    text = np.full((_LINE + 4, _COLUMNS * _SIDE, 3), _PAPER, np.uint8)
    line = f"{clip.split} {clip.index} {clip.label}: {', '.join(clips.captions(clip)[:3])}"
    cv2.putText(text, line, (3, _LINE), cv2.FONT_HERSHEY_SIMPLEX, 0.4, _INK, 1, cv2.LINE_AA)
    return np.vstack([text, np.hstack(list(frames))])


def _clip_sheet(split: str) -> np.ndarray:
    """Two clips of each label, then a busy one of each."""
    count = len(clips.LABELS)
    plain = [_strip(clips.clip(split, index), 2) for index in range(2 * count)]
    busy = [_strip(clips.clip(split, index, busy=True), 1) for index in range(count)]
    return np.vstack(plain + busy)


def _write_picture(path: Path, picture: np.ndarray) -> None:
    _, data = cv2.imencode(path.suffix, picture[..., ::-1])
    with atomic_write(path) as file:
        file.write(data.tobytes())
    print(path)


def _write_film(path: Path, clip: clips.Clip) -> None:
    """A clip as an MPEG-4 file."""
    frames = clips.render_clip(clip)
    with tempfile.TemporaryDirectory() as folder:
        # OpenCV takes the container's name from the file's, and a path, not an open file.
        name = str(Path(folder) / "clip.mp4")
        code = cv2.VideoWriter_fourcc(*"mp4v")
        writer = cv2.VideoWriter(name, code, _FRAMES_A_SECOND, frames.shape[2:0:-1])
        for frame in frames:
            writer.write(np.ascontiguousarray(frame[..., ::-1]))
        writer.release()
        data = Path(name).read_bytes()
    with atomic_write(path) as file:
        file.write(data)
    print(path)


def main(arguments: list[str]) -> int:
    """Write the sheets or the film; returns the exit code."""
    path = Path(arguments[0] if arguments else "")
    film = path.suffix.lower() == ".mp4"
    number = arguments[2] if film and len(arguments) == 3 else "0"
    if not 1 <= len(arguments) <= 2 + film or not number.isdecimal():
        sys.stderr.write(
            "usage: python -m cnnrnn.scenes OUT.png [train|val|test]\n"
            "       python -m cnnrnn.scenes OUT.mp4 [train|val|test [NUMBER]]\n"
        )
        return 2
    split = (arguments[1:] or ["train"])[0]
    if not film and path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        path = path / "scenes.png"
    try:
        if film:
            _write_film(path, clips.clip(split, int(number)))
        else:
            _write_picture(path, _sheet(split))
            _write_picture(path.with_stem(f"{path.stem}-riddles"), _sheet(split, _riddle_card))
            _write_picture(path.with_stem(f"{path.stem}-clips"), _clip_sheet(split))
    except CnnRnnError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
