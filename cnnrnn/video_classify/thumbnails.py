"""What a clip looks like, in a few frames; and a clip with what a classifier says of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from cnnrnn.media import drawing, images, video
from cnnrnn.media.opencv import cv2
from cnnrnn.media.sampling import Sampling
from cnnrnn.media.sources import Source
from cnnrnn.video_classify.classifier import Judgement

_STRIP, _SIDE = 6, 168  # frames of a strip, pixels of a frame's longer side
_SHOWN = 96  # frames of an annotated clip, at most
_WIDTH = 448  # pixels of an annotated clip
_CHART, _MARGIN = 96, 12  # pixels of the votes' height, and around them
_LINES = 3
RATE = 12.0


def strip(source: Source, count: int = _STRIP) -> list[np.ndarray]:
    """A few frames over the whole clip, small, uint8 (h, w, 3) each."""
    clip = video.read(source, Sampling(count))
    height, width = clip.frames.shape[1:3]
    scale = min(1.0, _SIDE / max(height, width))
    size = max(1, round(height * scale)), max(1, round(width * scale))
    return [images.resize(frame, size) for frame in clip.frames]


def thumbnail(frames: Sequence[np.ndarray]) -> np.ndarray:
    """First, middle and last frame in a row: what happened between is to be guessed."""
    places = sorted({0, len(frames) // 2, len(frames) - 1})
    return drawing.tile([frames[place] for place in places], columns=len(places), gap=4)


def annotated(
    source: Source, judgement: Judgement, labels: Sequence[str], font: Path | None = None
) -> tuple[np.ndarray, float]:
    """The clip with the best labels above and the votes over time below.

    Args:
        source: the clip.
        judgement: what is said of it.
        labels: the classifier's, in the order of `judgement.steps`.

    Returns:
        uint8 (n, H, W, 3), and frames in a second.
    """
    clip = video.read(source, Sampling(_SHOWN))
    height, width = clip.frames.shape[1:3]
    size = max(2, round(height * _WIDTH / width)), _WIDTH
    said = "   ".join(f"{name} {p:.0%}" for name, p in list(judgement.scores.items())[:_LINES])
    chart = _Chart(judgement, labels, clip.duration)
    bar = drawing.caption_bar(np.full((2, _WIDTH, 3), 255, np.uint8), said, font=font)[2:]
    frames = []
    for number, frame in enumerate(clip.frames):
        here = images.resize(frame, size)
        kept = chart.kept_at(float(clip.times[number]))
        if kept:
            cv2.rectangle(here, (1, 1), (_WIDTH - 2, size[0] - 2), drawing.PALETTE[0], 4)
        frames.append(np.concatenate([here, bar, chart.at(float(clip.times[number]))]))
    rate = len(frames) / clip.duration if clip.duration > 0 else RATE
    return np.stack(frames), float(np.clip(rate, 1, 30))


class _Chart:
    """The votes of a judgement over time, with a mark at a moment."""

    def __init__(self, judgement: Judgement, labels: Sequence[str], duration: float):
        self.judgement = judgement
        self.duration = max(duration, 1e-6)
        self.times = judgement.times if judgement.times is not None else np.zeros(0)
        self.curves: list[np.ndarray] = []
        self.top = 1.0
        if judgement.steps is not None:
            best = list(judgement.scores)[:_LINES]
            self.curves = [judgement.steps[:, list(labels).index(name)] for name in best]
        elif judgement.weights is not None:
            self.curves, self.top = [judgement.weights], float(judgement.weights.max()) or 1.0
        self.paper = self._drawn()

    def _x(self, time: float) -> int:
        return round(_MARGIN + (_WIDTH - 2 * _MARGIN) * min(time / self.duration, 1.0))

    def _y(self, value: float) -> int:
        return round(_CHART - _MARGIN - (_CHART - 2 * _MARGIN) * value / self.top)

    def _drawn(self) -> np.ndarray:
        paper = np.full((_CHART, _WIDTH, 3), 255, np.uint8)
        cv2.line(paper, (_MARGIN, _CHART - _MARGIN), (_WIDTH - _MARGIN, _CHART - _MARGIN),
                 drawing.FAINT, 1)
        for number, curve in reversed(list(enumerate(self.curves))):
            points = [(self._x(t), self._y(v)) for t, v in zip(self.times, curve, strict=True)]
            colour = drawing.PALETTE[(number + 1) % len(drawing.PALETTE)]
            cv2.polylines(paper, [np.array(points, np.int32)], False, colour, 2, cv2.LINE_AA)
        if self.judgement.chosen is not None:
            for time, kept in zip(self.times, self.judgement.chosen, strict=True):
                if kept:
                    cv2.circle(paper, (self._x(time), _CHART - _MARGIN), 4, drawing.PALETTE[0], -1)
        return paper

    def at(self, time: float) -> np.ndarray:
        """The chart with a rule at `time` seconds."""
        paper = self.paper.copy()
        x = self._x(time)
        cv2.line(paper, (x, 4), (x, _CHART - 4), drawing.INK, 1)
        return paper

    def kept_at(self, time: float) -> bool:
        """Whether the sampled frame nearest to `time` was kept."""
        if self.judgement.chosen is None or not len(self.times):
            return False
        return bool(self.judgement.chosen[np.abs(self.times - time).argmin()])
