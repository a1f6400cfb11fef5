"""What moves: differences of neighbouring frames, and optical flow."""

from __future__ import annotations

import numpy as np
import pytest
from video_helpers import clip, encode, square

from cnnrnn.features import motion
from cnnrnn.features.clips import ClipExtractor
from cnnrnn.media.sampling import Sampling
from cnnrnn.media.source import Source


def test_motion_is_the_mean_difference_of_neighbours():
    # Even frames 0 0 8 8 20 20 20 28, four steps of two: differences into frames 1 to 7.
    values = np.array([0, 0, 8, 8, 20, 20, 20, 28], np.uint8)
    frames = np.broadcast_to(values[:, None, None, None], (8, 24, 32, 3)).copy()
    extractor = ClipExtractor(stream="motion", sampling=Sampling(4))
    rows, mask = extractor.compute([frames])
    assert rows.shape == (1, 4, 15, 20) and rows.dtype == np.float16 and mask.all()
    assert rows[0, :, 3, 3].tolist() == [0, (8 + 0) / 2, (12 + 0) / 2, (0 + 8) / 2]


def test_motion_tells_where_and_in_which_order():
    frames = square([0, 20, 40, 60, 80, 100, 120, 120])
    forth, _ = ClipExtractor(stream="motion", sampling=Sampling(4)).compute([frames])
    back, _ = ClipExtractor(stream="motion", sampling=Sampling(4)).compute([frames[::-1]])
    columns = (forth[0].sum(1, dtype=np.float32) * np.arange(20)).sum(1)
    columns /= forth[0].sum((1, 2), dtype=np.float32)
    assert np.all(np.diff(columns) > 1)
    assert forth[0, 0, 7, :4].max() > 5 and forth[0, :, :4].max() == 0
    assert not np.array_equal(forth, back)


def test_flow_tells_which_way():
    extractor = ClipExtractor(stream="flow", sampling=Sampling(2))
    right, _ = extractor.compute([square([40, 44, 48, 52])])
    left, _ = extractor.compute([square([52, 48, 44, 40])])
    assert right.shape == (1, 2, 15, 20, 2)
    inside = (0, 0, slice(6, 9), slice(6, 9), 0)
    np.testing.assert_allclose(right[inside], 100 * 4 / 160, rtol=0.2)  # per cent of the width
    np.testing.assert_allclose(left[inside], -100 * 4 / 160, rtol=0.2)
    assert np.abs(right[0, 0, 6:9, 6:9, 1]).max() < 0.3


@pytest.mark.parametrize("stream", ["motion", "flow"])
def test_what_moves_in_one_frame_is_nothing(stream):
    rows, mask = ClipExtractor(stream=stream, sampling=Sampling(3)).compute([square([5])])
    assert not rows.any() and mask.tolist() == [[True, False, False]]


def test_motion_between_the_frames_that_are_not_sampled(tmp_path):
    # One flash in 40 frames, which no sampling of 4 would see.
    frames = np.zeros((40, 48, 64, 3), np.uint8)
    frames[7] = 200
    source = encode(tmp_path / "a.mkv", frames)
    table = ClipExtractor(stream="motion", sampling=Sampling(4)).extract([source])
    steps = table.read([0])[0].mean((1, 2), dtype=np.float32)
    assert steps[0] == pytest.approx(2 * 200 / 9, rel=0.1) and steps[1:].max() < 1


def test_every_pair_of_neighbours_is_compared_once():
    calls = []

    def compare(before, after):
        calls.append((int(before[0, 0]), int(after[0, 0])))
        return np.zeros(before.shape, np.float32)

    motion.steps(Source("a", array=clip(0, 6)), Sampling(2), compare)
    assert calls == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]


# Windows
