"""How sure a figure is: the intervals against those of the normal distribution."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrnn import intervals
from cnnrnn.errors import CnnRnnError


def test_interval_of_a_mean():
    values = np.random.default_rng(0).normal(5, 2, 400)
    low, high = intervals.bootstrap_interval(values, seed=1)
    assert (low, high) == intervals.bootstrap_interval(values, seed=1)
    # The normal interval: 1.96 standard errors on both sides of the mean.
    error = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - error, abs=0.03)
    assert high == pytest.approx(values.mean() + error, abs=0.03)
    narrow = intervals.bootstrap_interval(values, seed=1, level=0.5)
    assert low < narrow[0] < narrow[1] < high
    assert intervals.bootstrap_interval(np.ones(3)) == (1, 1)
    with pytest.raises(CnnRnnError, match="at least one"):
        intervals.bootstrap_interval(np.array([]))


def test_pairing_sees_a_difference_smaller_than_the_spread():
    generator = np.random.default_rng(0)
    first = generator.normal(0, 5, 300)
    second = first - 0.2 + generator.normal(0, 0.1, 300)
    value, low, high = intervals.paired_difference(first, second)
    assert value == pytest.approx((first - second).mean())
    assert 0.18 < low < value < high < 0.22
    with pytest.raises(CnnRnnError, match="300 and 2 values"):
        intervals.paired_difference(first, first[:2])


def test_a_difference_that_is_nothing_has_no_sign():
    assert intervals.Figure(-0.0001, -0.2, 0.1).signed == "+0.000 (-0.200 to +0.100)"
