"""The optimizer of two speeds, step by step."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrnn import backend
from cnnrnn.training.optimizers import TwoSpeeds

keras = backend.keras()


def variables(count=3):
    return [keras.Variable(np.ones(2, np.float32), name=f"kernel{n}") for n in range(count)]


def values(variable) -> list[float]:
    return keras.ops.convert_to_numpy(variable).tolist()


GRADIENTS = [np.array([1.0, -2.0], np.float32)] * 3


def test_the_first_variables_learn_by_momentum_and_the_others_by_adam():
    slow, other, _ = found = variables()
    optimizer = TwoSpeeds(0.1, slow=1, share=0.5, momentum=0.9, weight_decay=0.0)
    optimizer.apply([keras.ops.convert_to_tensor(g) for g in GRADIENTS], found)
    assert values(slow) == pytest.approx([1 - 0.05 * 1, 1 + 0.05 * 2])
    assert values(other) == pytest.approx([0.9, 1.1], abs=1e-4)  # the first step of Adam: the rate
    optimizer.apply([keras.ops.convert_to_tensor(g) for g in GRADIENTS], found)
    # v = 0.9 * 1 + 1 = 1.9
    assert values(slow) == pytest.approx([0.95 - 0.05 * 1.9, 1.1 + 0.05 * 3.8])


def test_the_first_variables_wait_and_are_not_decayed():
    slow, other, _ = found = variables()
    optimizer = TwoSpeeds(0.1, slow=1, wait=2, weight_decay=0.5)
    for _ in range(2):
        optimizer.apply([keras.ops.zeros(2)] + [keras.ops.zeros(2)] * 2, found)
    assert values(slow) == [1, 1]
    assert values(other) == pytest.approx([(1 - 0.05) ** 2] * 2)
    optimizer.apply([keras.ops.convert_to_tensor(g) for g in GRADIENTS], found)
    # What it saw while it waited is forgotten: one plain step.
    assert values(slow) == pytest.approx([1 - 0.1, 1 + 0.2])


def test_it_opens_again():
    optimizer = TwoSpeeds(0.1, slow=2, share=0.3, momentum=0.8, wait=7, global_clipnorm=5.0)
    copy = TwoSpeeds.from_config(optimizer.get_config())
    assert (copy.slow, copy.share, copy.momentum, copy.wait) == (2, 0.3, 0.8, 7)
    assert copy.global_clipnorm == 5.0
