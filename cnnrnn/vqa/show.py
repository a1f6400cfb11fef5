"""A reply as a picture: what was asked and answered, and where each hop looked."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cnnrnn.media import drawing
from cnnrnn.vqa.reply import Reply, shortened

_LETTERS, _ANSWERS = 200, 3  # of a question, and how many answers, below the picture


def strip(picture: np.ndarray, reply: Reply, font: Path | None = None) -> np.ndarray:
    """The picture, then the map of every hop over it."""
    names = [f"hop {number}" for number in range(1, len(reply.maps) + 1)]
    return drawing.attention_strip(picture, names, reply.maps, font=font)


def shown(picture: np.ndarray, reply: Reply, font: Path | None = None) -> np.ndarray:
    """The strip (or, for a model that does not look at places, the picture) above question and
    answers, uint8 (H, W, 3)."""
    above = picture if reply.maps is None else strip(picture, reply, font)
    asked = shortened(reply.question, _LETTERS)
    return drawing.caption_bar(above, f"{asked}  {reply.said(_ANSWERS)}", font=font)
