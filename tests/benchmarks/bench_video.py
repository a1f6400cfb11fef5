"""Reading 16 frames of a clip at 224 x 224 against three other ways, side by side.

The clip is H.264, 320 x 240 as UCF101 has it and 640 x 480 as a camera gives it, 10 seconds each,
made here. Rivals: OpenCV with grab and retrieve of the wanted frames; PyAV with every frame turned
to RGB only if wanted, then resized; an ffmpeg process that scales and selects, where there is one.
All give the same 16 moments. Ours also finds out how many frames there really are.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np

from cnnrnn.media import images, video
from cnnrnn.media.opencv import cv2
from cnnrnn.media.sampling import Sampling
from cnnrnn.media.source import Source
from cnnrnn.media.video_write import write
from tests.benchmarks import measure

FRAMES, SIDE = 16, 224
LENGTH, RATE = 250, 25
SIZES = ((240, 320), (480, 640))
TARGET = 1.1  # times what the fastest other way takes


def run(quick: bool = False) -> list[dict]:
    """Milliseconds a clip, each rival in rounds of its own with ours."""
    rounds, repeats = (3, 2) if quick else (15, 5)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for height, width in SIZES:
            path = Path(folder, f"{width}.mp4")
            write(path, _film(height, width), RATE)
            for name, rival in RIVALS.items():
                if name == "ffmpeg pipe" and not shutil.which("ffmpeg"):
                    continue
                pairs = measure.in_turn(
                    lambda: _milliseconds(ours, path, repeats),  # noqa: B023
                    lambda: _milliseconds(rival, path, repeats),  # noqa: B023
                    rounds,
                )
                title = f"{FRAMES} frames of {width} x {height} / {name}, ms"
                rows.append(measure.row(title, pairs, TARGET))
    return rows


def _film(height: int, width: int) -> Iterator[np.ndarray]:
    """A patterned ground that drifts below a square that jumps: frames that differ as films do."""
    generator = np.random.default_rng(0)
    small = generator.integers(0, 256, (height // 8, width // 4, 3), np.uint8)
    ground = images.resize(small, (height, 2 * width))
    for number in range(LENGTH):
        frame = ground[:, number : number + width].copy()
        top, left = 40 + 3 * (number % 40), 2 * (number % 100)
        frame[top : top + 48, left : left + 48] = 255 - frame[top : top + 48, left : left + 48]
        yield frame


def _milliseconds(reading: Callable[[Path], np.ndarray], path: Path, repeats: int) -> float:
    began = time.perf_counter()
    for _ in range(repeats):
        frames = reading(path)
    spent = time.perf_counter() - began
    if frames.shape != (FRAMES, SIDE, SIDE, 3):
        raise RuntimeError(f"{reading.__name__} read {frames.shape}")
    return 1000 * spent / repeats


def ours(path: Path) -> np.ndarray:
    return video.read(Source(path.name, path), Sampling(FRAMES), (SIDE, SIDE)).frames


def _wanted() -> set[int]:
    return {(2 * k + 1) * LENGTH // (2 * FRAMES) for k in range(FRAMES)}


def opencv(path: Path) -> np.ndarray:
    capture, wanted, frames, number = cv2.VideoCapture(str(path)), _wanted(), [], 0
    while capture.grab():
        if number in wanted:
            frame = images.resize(capture.retrieve()[1], (SIDE, SIDE))
            frames.append(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
        number += 1
    return np.stack(frames)


def pyav(path: Path) -> np.ndarray:
    wanted, frames = _wanted(), []
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        for number, frame in enumerate(container.decode(video=0)):
            if number in wanted:
                frames.append(images.resize(frame.to_ndarray(format="rgb24"), (SIDE, SIDE)))
    return np.stack(frames)


def ffmpeg(path: Path) -> np.ndarray:
    select = "+".join(f"eq(n,{number})" for number in sorted(_wanted()))
    filters = f"select='{select}',scale={SIDE}:{SIDE}:flags=area"
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-vf", filters, "-fps_mode", "passthrough"]
    command += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    data = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True).stdout
    return np.frombuffer(data, np.uint8).reshape(-1, SIDE, SIDE, 3)


RIVALS = {"OpenCV grab": opencv, "PyAV": pyav, "ffmpeg pipe": ffmpeg}
