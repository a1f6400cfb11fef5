"""Keras, configured before it is imported: a quiet start, device, threads, seed, precision.

This is the one place (beside `features.engines`) that knows the names of backends. A module that
needs Keras begins with

    from cnnrnn import backend
    keras = backend.keras()
"""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from cnnrnn import console
from cnnrnn.errors import CnnRnnError, UsageError

DEVICES = ("auto", "cpu", "gpu")
DEFAULT_BACKEND = "tensorflow"

# Keeps what it reads and writes it out unless the last thing it reads is one zero byte.
_KEEPER = (
    "import sys; text = sys.stdin.buffer.read(); "
    "text.endswith(b'\\0') or sys.stderr.buffer.write(text)"
)


@dataclass(frozen=True)
class Settings:
    """What cannot change once the backend has started."""

    device: str = "auto"  # one of DEVICES; auto takes a GPU where there is one
    threads: int | None = None  # CPU threads of one operation; None leaves it to the backend


class _TensorFlow:
    """The default backend, and the one that the tests run on."""

    def start(self, settings: Settings) -> None:
        import tensorflow as tf

        if settings.threads:
            tf.config.threading.set_intra_op_parallelism_threads(settings.threads)
            tf.config.threading.set_inter_op_parallelism_threads(min(settings.threads, 2))
        gpus = tf.config.list_physical_devices("GPU")
        _check_gpu(settings, bool(gpus))
        for gpu in gpus:
            # By default TensorFlow takes the whole memory of a GPU that others may be using.
            tf.config.experimental.set_memory_growth(gpu, True)
        tf.config.list_logical_devices()  # initialises the devices, with all they have to say

    def deterministic(self) -> None:
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()

    def compiled(self, function: Callable) -> Callable:
        import tensorflow as tf

        return tf.function(function, reduce_retracing=True)


class _Jax:
    """XLA is deterministic on a CPU; threads come from the environment."""

    def start(self, settings: Settings) -> None:
        import jax

        _check_gpu(settings, jax.default_backend() != "cpu")

    def deterministic(self) -> None:
        pass

    def compiled(self, function: Callable) -> Callable:
        import jax

        return jax.jit(function)


class _Torch:
    """Runs eagerly; "compiled" means: without recording gradients."""

    def start(self, settings: Settings) -> None:
        import torch

        if settings.threads:
            torch.set_num_threads(settings.threads)
        _check_gpu(settings, torch.cuda.is_available())

    def deterministic(self) -> None:
        import torch

        torch.use_deterministic_algorithms(True)

    def compiled(self, function: Callable) -> Callable:
        import torch

        return torch.inference_mode()(function)


_BACKENDS = {"tensorflow": _TensorFlow(), "jax": _Jax(), "torch": _Torch()}

_keras: ModuleType | None = None
_settings = Settings()


def choose(device: str = "auto", threads: int | None = None) -> None:
    """Say where Keras will run when it is first needed; imports nothing.

    For work that may not need Keras at all, such as features that are all in the cache.

    Args:
        device: `auto` (a GPU where there is one), `cpu` or `gpu`.
        threads: CPU threads, at least 1; None leaves it to the backend.

    Raises:
        UsageError: an argument that cannot be meant.
    """
    global _settings
    wanted = Settings(device, threads)
    if device not in DEVICES:
        raise UsageError(f"no device {device!r}", f"one of {', '.join(DEVICES)}")
    if threads is not None and threads < 1:
        raise UsageError(f"{threads} threads", "at least 1")
    if _keras is None:
        _settings = wanted
    elif wanted != _settings:
        console.warn(
            f"device and threads stay as they were when Keras started ({_settings.device}, "
            f"{_settings.threads or 'automatic'}): choose before Keras is first used"
        )


def configure(
    device: str = "auto",
    threads: int | None = None,
    seed: int | None = None,
    deterministic: bool = False,
    precision: str | None = None,
) -> None:
    """Import Keras quietly and set it up; calling again with the same arguments changes nothing.

    Args:
        device, threads: as in `choose`; the defaults leave what was chosen before.
        seed: seeds Python's, NumPy's and the backend's random numbers, at every call.
        deterministic: the same seed gives the same numbers to the last bit, at some cost.
        precision: a Keras dtype policy, e.g. `mixed_float16`; None keeps the present one.

    Raises:
        UsageError: an argument that cannot be meant.
        CnnRnnError: the backend is not installed, or there is no GPU where one was asked for.
    """
    global _keras
    if deterministic and seed is None:
        raise UsageError("deterministic work needs a seed", "give --seed")
    if (device, threads) != ("auto", None):
        choose(device, threads)
    if _keras is None:
        _keras = _start(_settings)
    if deterministic:
        _BACKENDS[name()].deterministic()
    if seed is not None:
        # On another backend this is where Keras imports TensorFlow, to seed it too.
        with nullcontext() if "tensorflow" in sys.modules else _quiet_start():
            _keras.utils.set_random_seed(seed)
    if precision is not None:
        _keras.config.set_dtype_policy(precision)


def keras() -> ModuleType:
    """The module `keras`, configured with the defaults where nobody has chosen anything."""
    if _keras is None:
        configure()
    return _keras


def name() -> str:
    """The backend's name: `tensorflow`, unless KERAS_BACKEND says otherwise."""
    return keras().backend.backend()


@contextmanager
def policy(name: str) -> Iterator[None]:
    """Within the block layers are made of this Keras dtype policy, whichever was chosen."""
    config = keras().config
    before = config.dtype_policy()
    config.set_dtype_policy(name)
    try:
        yield
    finally:
        config.set_dtype_policy(before)


def threads() -> int:
    """How many CPU threads the work may take: the configured number, else all that there are."""
    if _settings.threads:
        return _settings.threads
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def compiled(function: Callable, keep: bool = False) -> Callable:
    """The compiled form of a function of arrays, for decoding and prediction.

    Args:
        function: takes and returns arrays or nested tuples, lists and dicts of arrays, and is
            written with `keras.ops`. It is compiled once per rank and dtype of its arguments,
            and on JAX reads weights only when it is compiled.
        keep: leave results where they were computed, for those that only go into the next call.

    Returns:
        The same function with NumPy arrays as results, or the backend's own with `keep`.
    """
    framework = keras()
    run = _BACKENDS[name()].compiled(function)

    def call(*args: Any) -> Any:
        # A plain Python number would be compiled into the function, once per value.
        tensors = framework.tree.map_structure(framework.ops.convert_to_tensor, args)
        results = run(*tensors)
        if keep:
            return results
        return framework.tree.map_structure(framework.ops.convert_to_numpy, results)

    return call


def _start(settings: Settings) -> ModuleType:
    _set_environment(settings)
    chosen = os.environ["KERAS_BACKEND"]
    if chosen not in _BACKENDS:
        raise CnnRnnError(
            f"no backend {chosen!r} (KERAS_BACKEND)", f"one of {', '.join(sorted(_BACKENDS))}"
        )
    try:
        with _quiet_start():
            module = importlib.import_module("keras")
            _BACKENDS[module.backend.backend()].start(settings)
    except ModuleNotFoundError as error:
        package = (error.name or "").split(".")[0]
        if package not in ("keras", *_BACKENDS):
            raise
        raise CnnRnnError(f"{package} is not installed", f"pip install {package}") from error
    return module


def _set_environment(settings: Settings) -> None:
    """Most of these are read once, while the libraries are loaded."""
    os.environ.setdefault("KERAS_BACKEND", DEFAULT_BACKEND)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # TensorFlow uses oneDNN unasked only from AVX512 on; with AVX2 a third of a step is saved too.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    if settings.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        os.environ["JAX_PLATFORMS"] = "cpu"
    if settings.threads:
        os.environ["OMP_NUM_THREADS"] = str(settings.threads)


def _check_gpu(settings: Settings, found: bool) -> None:
    if settings.device == "gpu" and not found:
        raise CnnRnnError("no GPU that the backend can use", "--device cpu works everywhere")


@contextmanager
def _quiet_start() -> Iterator[None]:
    """Hold back what is written to file descriptor 2; show it if the block fails unforeseen.

    TensorFlow 2.21 writes its messages there itself, before any log level counts. They are kept
    in another process, because the worst failure (a processor without AVX) is an abort, and
    then nobody would be left here to show what it said.
    """
    try:
        stderr = os.dup(2)
        keeper = subprocess.Popen(
            [sys.executable, "-ISc", _KEEPER], stdin=subprocess.PIPE, start_new_session=True
        )
    except (OSError, TypeError):  # no stderr, no second process: then the start is not quiet
        yield
        return
    failed = False
    _flush_stderr()
    os.dup2(keeper.stdin.fileno(), 2)
    try:
        yield
    except CnnRnnError:  # says by itself what is wrong
        raise
    except Exception:
        failed = True
        raise
    finally:
        _flush_stderr()
        os.dup2(stderr, 2)
        os.close(stderr)
        if not failed:
            keeper.stdin.write(b"\0")
        keeper.stdin.close()
        keeper.wait()


def _flush_stderr() -> None:
    if sys.stderr is not None:
        sys.stderr.flush()
