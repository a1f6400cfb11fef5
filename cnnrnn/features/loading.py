"""How a network gets its weights: from a file, or at random."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from cnnrnn.errors import CnnRnnError


def load(network: Any, path: Path, name: str, source: str) -> None:
    """Load a file of weights, all of them.

    Args:
        network: a Keras model.
        path: .weights.h5 or .h5.
        name: of the network, for messages.
        source: what makes such files.

    Raises:
        CnnRnnError: the file does not fit.
    """
    # Keras only warns about layers that the file lacks: what stays not a number was not loaded.
    for variable in network.weights:
        variable.assign(np.full(variable.shape, np.nan, np.float32))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network.load_weights(path)
        if any(np.isnan(array).any() for array in network.get_weights()):
            raise ValueError("some layers are not in the file")
    # A foreign or damaged file fails as ValueError, OSError, KeyError or TypeError.
    except Exception as error:
        raise CnnRnnError(
            f"{path} does not fit {name}",
            f"expected the weights of {source}: "
            f"{len(network.weights)} arrays with {network.count_params():,} numbers, "
            "as .weights.h5 or .h5",
        ) from error


def fill_randomly(network: Any, gain: float, seed: int) -> None:
    """Set all kernels from one NumPy generator: the same numbers on every backend.

    Kernels have variance gain / fan-in; biases and normalisations keep their first values.

    Args:
        network: a Keras model; its weights are replaced.
        gain: see above.
        seed: of the generator.
    """
    generator = np.random.default_rng(seed)
    for variable in network.weights:
        shape = tuple(variable.shape)
        if len(shape) < 2:
            continue
        # A depthwise kernel (h, w, D, 1) sees h x w numbers, any other all but its last axis.
        fan_in = math.prod(shape[:2] if len(shape) == 4 and shape[3] == 1 else shape[:-1])
        values = generator.standard_normal(shape, dtype=np.float32)
        variable.assign(values * math.sqrt(gain / fan_in))
