"""Which frames of a clip are taken."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrnn.errors import UsageError
from cnnrnn.media.sampling import Sampling, window


def test_the_middles_of_equal_spans():
    times = np.arange(10) / 10
    plan = Sampling(5).plan(times, 1.0)
    assert plan.indices.tolist() == [1, 3, 5, 7, 9]  # the frames of 0.1, 0.3 ... 0.9 seconds
    assert plan.firsts.tolist() == [0, 2, 4, 6, 8, 10]
    assert Sampling(4).plan(times, 1.0).indices.tolist() == [1, 3, 6, 8]  # 0.125, 0.375 ...
    assert Sampling(1).plan(times, 1.0).indices.tolist() == [5]


@pytest.mark.parametrize("total", [16, 17, 121, 250, 431])
@pytest.mark.parametrize("rate", [25, 30000 / 1001, 1])
def test_a_constant_rate_gives_the_usual_rule(total, rate):
    plan = Sampling(16).plan(np.arange(total) / rate, total / rate)
    assert plan.indices.tolist() == [int((2 * k + 1) * total // 32) for k in range(16)]


def test_a_short_clip_gives_all_it_has():
    plan = Sampling(16).plan(np.arange(3) / 25, 3 / 25)
    assert plan.indices.tolist() == [0, 1, 2] and plan.firsts.tolist() == [0, 1, 2, 3]


def test_a_long_still_counts_as_long_as_it_lasts():
    times = np.array([0.0, 0.1, 0.2, 0.3, 4.0, 4.1])  # frame 3 stays for 3.7 of 4.2 seconds
    plan = Sampling(4).plan(times, 4.2)
    assert plan.indices.tolist() == [3, 3, 3, 3]
    assert plan.firsts.tolist() == [0, 4, 4, 4, 6]  # the steps between see no new frame


def test_frames_at_a_rate():
    times = np.arange(100) / 25  # 4 seconds
    plan = Sampling(16, fps=2).plan(times, 4.0)
    assert plan.indices.tolist() == [6, 18, 31, 43, 56, 68, 81, 93]  # 0.25, 0.75 ... 3.75 s
    middle = Sampling(4, fps=2).plan(times, 4.0)  # seconds 1 to 3
    assert middle.indices.tolist() == [31, 43, 56, 68]
    assert middle.firsts.tolist() == [25, 38, 50, 63, 75]
    assert len(Sampling(16, fps=2).plan(times[:2], 0.08)) == 1
    assert len(Sampling(16, fps=100).plan(times[:5], 0.2)) == 5  # never more than there are


def test_names_of_samplings_differ():
    given = [Sampling(), Sampling(8), Sampling(16, 2), Sampling(16, 2.5), Sampling(16, 1 / 3)]
    assert len({sampling.name for sampling in given}) == 5
    assert Sampling(16).name == "16frames"


@pytest.mark.parametrize("frames, fps", [(0, None), (5000, None), (4, 0), (4, -1), (4, np.inf)])
def test_samplings_that_cannot_be_meant(frames, fps):
    with pytest.raises(UsageError):
        Sampling(frames, fps)


def test_the_steps_of_a_window():
    times = np.arange(100) / 25
    assert window(times, 1.0, 2.0, 4).indices.tolist() == [28, 34, 40, 46]
    assert window(times, 1.0, 1.12, 4).indices.tolist() == [25, 26, 27]
    assert window(times, 1.01, 1.02, 4).indices.tolist() == [25]
