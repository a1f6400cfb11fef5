"""What runs a backbone: one function from pictures to features, in three ways.

    tensorflow   the network as one graph, batch normalisation folded into the convolutions and the
                 weights frozen in, so that TensorFlow can fuse what follows a convolution
    openvino     the graph as it is, converted in memory (extra `fast`); it folds by itself
    keras        the Keras model itself, for the backends jax and torch

An engine takes uint8 (B, h, w, 3) RGB with any B and gives float32 (B, *row_shape). The size of a
batch is left open in the graph, so it is compiled once. Engines differ by rounding only; the cache
therefore records which weights made a row, and not which engine.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np

from cnnrnn import backend, console
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.features.folding import fold_normalisations

Engine = Callable[[np.ndarray], np.ndarray]


def check(engine: str) -> None:
    """Raises UsageError where there is no engine of that name."""
    if engine not in ("auto", *ENGINES):
        raise UsageError(f"no engine {engine!r}", f"one of auto, {', '.join(ENGINES)}")


def make(model: Any, engine: str = "auto") -> Engine:
    """Compile a Keras model from pictures to features.

    Args:
        model: takes (B, h, w, 3) float32 in [0, 255]. The engine does not need it any more; its
            weights may have been rewritten, with the same results.
        engine: a name in ENGINES, or `auto`: the fastest one here.

    Raises:
        UsageError: there is no such engine, or it does not go with the Keras backend.
        CnnRnnError: the engine is not installed.
    """
    check(engine)
    if engine == "keras" or (engine == "auto" and backend.name() != "tensorflow"):
        return _keras(model)
    if backend.name() != "tensorflow":
        raise UsageError(
            f"the engine {engine} needs the Keras backend tensorflow, not {backend.name()}",
            "take auto or keras, or unset KERAS_BACKEND",
        )
    if engine == "auto" and not (_has_openvino() and _only_cpu()):
        engine = "tensorflow"
    elif engine == "auto":
        try:
            return _openvino(model)
        # Each version of OpenVINO has layers that it cannot convert, and errors of its own.
        except Exception as error:
            console.warn(f"OpenVINO cannot take {model.name}: TensorFlow runs it ({_line(error)})")
            engine = "tensorflow"
    return ENGINES[engine](model)


def _keras(model: Any) -> Engine:
    fold_normalisations(model)
    return backend.compiled(lambda pictures: model(pictures, training=False))


def _tensorflow(model: Any) -> Engine:
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    fold_normalisations(model)
    frozen = convert_variables_to_constants_v2(_traced(model))

    def run(pictures: np.ndarray) -> np.ndarray:
        return frozen(tf.constant(pictures))[0].numpy()

    return run


def _openvino(model: Any) -> Engine:
    if not _has_openvino():
        raise CnnRnnError("openvino is not installed", "pip install 'cnnrnn[fast]'")
    import openvino
    from openvino.frontend import FrontEndManager
    from openvino.frontend.tensorflow.graph_iterator import GraphIteratorTFGraph

    # `openvino.convert_model` would do the same and report the conversion to its maker.
    frontend = FrontEndManager().load_by_framework("tf")
    graph = GraphIteratorTFGraph(_traced(model).graph, share_weights=False)
    loaded = frontend.load(graph)
    options = {
        "INFERENCE_PRECISION_HINT": "f32",  # else bfloat16 on processors that have it
        "INFERENCE_NUM_THREADS": backend.threads(),
        "PERFORMANCE_HINT": "LATENCY",  # all threads on one batch
    }
    compiled = openvino.Core().compile_model(frontend.convert(loaded), "CPU", options)
    request = compiled.create_infer_request()

    def run(pictures: np.ndarray) -> np.ndarray:
        # The request's own output is overwritten by the next call.
        return request.infer([pictures], share_inputs=True)[0].copy()

    return run


ENGINES: dict[str, Callable[[Any], Engine]] = {
    "tensorflow": _tensorflow,
    "openvino": _openvino,
    "keras": _keras,
}


def _traced(model: Any) -> Any:
    """The TensorFlow function of a Keras model, from uint8 pictures."""
    import tensorflow as tf

    signature = tf.TensorSpec((None, *model.input_shape[1:]), tf.uint8)
    function = tf.function(lambda pictures: model(tf.cast(pictures, tf.float32), training=False))
    return function.get_concrete_function(signature)


def _has_openvino() -> bool:
    return importlib.util.find_spec("openvino") is not None


def _only_cpu() -> bool:
    import tensorflow as tf

    return not tf.config.list_logical_devices("GPU")


def _line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
