"""Windows that slide over a clip of any length."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from video_helpers import encode, greys, numbers

from cnnrnn.errors import UsageError
from cnnrnn.media.source import Source
from cnnrnn.media.video_decode import ArrayReel, FileReel
from cnnrnn.media.video_windows import windows


@pytest.fixture(autouse=True)
def silent(capfd):
    """FFmpeg says nothing, whatever a test gives it."""
    yield
    assert capfd.readouterr().err == ""


def test_windows_slide_over_the_clip(tmp_path):
    source = encode(tmp_path / "a.mp4", greys(30))  # 1.2 seconds
    found = list(windows(source, 0.4, 0.2, 5, (16, 16)))
    assert [(round(start, 2), round(end, 2)) for start, end, _ in found] == [
        (0, 0.4), (0.2, 0.6), (0.4, 0.8), (0.6, 1.0), (0.8, 1.2)
    ]
    assert [numbers(clip.frames) for *_, clip in found] == [
        [1 + first, 3 + first, 5 + first, 7 + first, 9 + first] for first in (0, 5, 10, 15, 20)
    ]
    np.testing.assert_allclose(found[1][2].times, np.array([6, 8, 10, 12, 14]) / 25)


def test_windows_further_apart_than_long_and_longer_than_the_clip(tmp_path):
    source = encode(tmp_path / "a.mp4", greys(30))
    found = list(windows(source, 0.1, 0.55, 2))
    assert [numbers(clip.frames) for *_, clip in found] == [[0, 1], [14, 15], [28, 29]]
    ((start, end, clip),) = windows(source, 5, 1, 3)
    assert (start, end) == (0, pytest.approx(1.2)) and numbers(clip.frames) == [5, 15, 25]
    for seconds, step in [(0, 1), (1, 0), (np.nan, 1)]:
        with pytest.raises(UsageError):
            list(windows(source, seconds, step))


def test_windows_of_a_file_cut_short(tmp_path, monkeypatch):
    source = encode(tmp_path / "a.mp4", greys(30))
    frames = FileReel.frames
    monkeypatch.setattr(
        FileReel,
        "frames",
        lambda *a, **k: (pair for pair in frames(*a, **k) if pair[0] < 13),
    )
    found = list(windows(source, 0.4, 0.4, 5))
    assert [numbers(clip.frames) for *_, clip in found] == [[1, 3, 5, 7, 9], [11]]


def test_windows_hold_only_those_under_way():
    reads = []

    class Long(ArrayReel):
        def frames(self, wanted, size=None, grey=False, met=None, threads=0):
            for number, frame in super().frames(wanted, size, grey, met, threads):
                reads.append(number)
                yield number, frame

    source = Source("a", array=greys(120))
    stream = windows(source, 1, 0.5, 4)
    assert next(stream)[0] == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cnnrnn.media.video_windows.open_reel", lambda s: Long(s.name, s.array))
        stream = windows(source, 1, 0.5, 4)
        next(stream)
        assert len(reads) <= 13


MEMORY = """
import resource, sys
from pathlib import Path
from cnnrnn.media.sampling import Sampling
from cnnrnn.media.source import Source
from cnnrnn.media import video
from cnnrnn.media.video_windows import windows
video.LONG = 1 << 40
source = Source("a", Path(sys.argv[1]))
assert video.read(source, Sampling(16), (64, 64)).total == int(sys.argv[2])
for start, end, clip in windows(source, 64, 32, 16, (64, 64)):
    assert len(clip.frames) == 16
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_ten_hours(tmp_path):
    peaks = []
    for hours, count in ((0.1, 360), (10, 36_000)):
        path = tmp_path / f"{hours}.mkv"
        picture = greys(30, (48, 64))
        encode(path, (picture[i % 30] for i in range(count)), "mpeg4", 1, options={})
        done = subprocess.run(
            [sys.executable, "-c", MEMORY, str(path), str(count)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        peaks.append(int(done.stdout))
    # 25 bytes a frame are packets and their times, some of them twice while they are sorted.
    assert peaks[1] - peaks[0] < 10, peaks  # MB
