"""Small pictures and files for the tests of captions, and calls of the command line."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from cnnrnn import scenes
from cnnrnn.cli import main
from cnnrnn.media import images


def picture(path: Path, value: int) -> Path:
    """A small picture; equal values give equal files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((4, 4, 3), value, np.uint8))
    return path


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def call(*arguments: str) -> int:
    """Run a command; its exit code."""
    with pytest.raises(SystemExit) as stopped:
        main(list(map(str, arguments)))
    return stopped.value.code


def write_data(folder: Path, pictures: int, tests: int) -> list[str]:
    """Pictures of scenes and `captions.csv` of them, the last ones in the split test; all captions.
    """
    rows, texts = ["image,caption,split"], []
    for index in range(pictures + tests):
        scene = scenes.scene("train", index)
        images.save(folder / f"{index}.jpg", scenes.render(scene))
        split = "train" if index < pictures else "test"
        rows += [f"{index}.jpg,{text},{split}" for text in scenes.captions(scene)]
        texts += scenes.captions(scene)
    (folder / "captions.csv").write_text("\n".join(rows))
    return texts
