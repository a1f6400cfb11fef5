"""Small pictures and files for the tests of captions."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def picture(path: Path, value: int) -> Path:
    """A small picture; equal values give equal files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((4, 4, 3), value, np.uint8))
    return path


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path
