"""Keras is configured once, starts quietly, and its real errors are heard."""

import os
import subprocess
import sys

import numpy as np
import pytest

from cnnrnn import backend
from cnnrnn.errors import CnnRnnError, UsageError


def run(code, **environment):
    """Run Python code in a fresh process, where nothing has imported Keras yet."""
    return subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True,
        timeout=120,
    )


def test_start_is_silent_and_configures_once():
    done = run(
        "from cnnrnn import backend\n"
        "backend.configure(device='cpu', threads=1, seed=3)\n"
        "keras = backend.keras()\n"
        "backend.configure(device='cpu', threads=1, seed=3)\n"
        "assert keras is backend.keras()\n"
        "import tensorflow as tf\n"
        "assert tf.config.threading.get_intra_op_parallelism_threads() == 1\n"
        "print(backend.name(), backend.threads())"
    )
    assert (done.stdout, done.stderr, done.returncode) == ("tensorflow 1\n", "", 0)


def test_another_backend_works_too():
    pytest.importorskip("torch", reason="the benchmark extra is not installed")
    done = run(
        "from cnnrnn import backend\n"
        "import numpy as np\n"
        "backend.configure(device='cpu', threads=1, seed=3, deterministic=True)\n"
        "dense = backend.keras().layers.Dense(1, use_bias=False, kernel_initializer='ones')\n"
        "call = backend.compiled(lambda x, rest: (dense(x), rest[0]))\n"
        "y, rest = call(np.ones((2, 3), 'float32'), (np.zeros(1),))\n"
        "print(backend.name(), type(y).__name__, y.tolist(), rest.tolist())",
        KERAS_BACKEND="torch",
    )
    assert (done.stdout, done.stderr) == ("torch ndarray [[3.0], [3.0]] [0.0]\n", "")


def test_a_gpu_that_is_not_there_is_one_clear_error():
    done = run(
        "from cnnrnn import backend, console\n"
        "console.guard(backend.configure)(device='gpu')",
        CUDA_VISIBLE_DEVICES="-1",
    )
    assert done.returncode == 1
    assert done.stderr == (
        "error: no GPU that the backend can use (--device cpu works everywhere)\n"
    )


def test_unknown_and_missing_backends_are_clear_errors(tmp_path):
    start = "from cnnrnn import backend, console\nconsole.guard(backend.configure)()"
    done = run(start, KERAS_BACKEND="theano")
    assert done.returncode == 1
    assert done.stderr == (
        "error: no backend 'theano' (KERAS_BACKEND) (one of jax, tensorflow, torch)\n"
    )
    blocked = f"import sys\nsys.modules['tensorflow'] = None\n{start}"
    done = run(blocked, KERAS_BACKEND="tensorflow")
    assert done.returncode == 1
    assert done.stderr == "error: tensorflow is not installed (pip install tensorflow)\n"


HOLD_BACK = (
    "import os, sys\n"
    "from cnnrnn import backend\n"
    "with backend._quiet_start():\n"
    "    os.write(2, b'from C\\n')\n"
    "    print('from Python', file=sys.stderr)\n"
    "    {end}\n"
    "print('afterwards', file=sys.stderr)"
)


@pytest.mark.parametrize(
    ("end", "heard", "last"),
    [
        ("pass", False, "afterwards"),
        ("raise ImportError('no DLL')", True, "ImportError: no DLL"),
        ("os.abort()", True, "from Python"),  # as TensorFlow does on a processor without AVX
    ],
    ids=["success", "failure", "abort"],
)
def test_noise_is_shown_only_when_the_start_fails(end, heard, last):
    done = run(HOLD_BACK.format(end=end))
    assert ("from C\nfrom Python\n" in done.stderr) is heard
    assert last in done.stderr
    assert (done.returncode == 0) is not heard


def test_a_start_without_stderr_is_possible():
    done = run("import os\nfrom cnnrnn import backend\nos.close(2)\n"
               "with backend._quiet_start(): print('in')")
    assert done.stdout == "in\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"device": "tpu"}, "no device 'tpu' (one of auto, cpu, gpu)"),
        ({"threads": 0}, "0 threads (at least 1)"),
        ({"deterministic": True}, "deterministic work needs a seed (give --seed)"),
    ],
)
def test_arguments_are_checked(arguments, message):
    with pytest.raises(UsageError) as caught:
        backend.configure(**arguments)
    assert str(caught.value) == message


def test_settings_that_come_too_late_are_told(capsys):
    backend.keras()
    backend.configure()
    assert capsys.readouterr().err == ""
    backend.configure(threads=63)
    assert "stay as they were when Keras started" in capsys.readouterr().err


def test_a_choice_waits_until_keras_is_needed():
    done = run(
        "import sys\n"
        "from cnnrnn import backend\n"
        "backend.choose(threads=1)\n"
        "print(backend.threads(), 'keras' in sys.modules)\n"
        "backend.keras()\n"
        "import tensorflow as tf\n"
        "print(tf.config.threading.get_intra_op_parallelism_threads())"
    )
    assert (done.stdout, done.stderr) == ("1 False\n1\n", "")


def test_precision_is_a_dtype_policy():
    keras = backend.keras()
    before = keras.config.dtype_policy()
    try:
        backend.configure(precision="mixed_float16")
        assert keras.layers.Dense(1).compute_dtype == "float16"
    finally:
        keras.config.set_dtype_policy(before)


def test_seed_repeats_initial_weights():
    keras = backend.keras()

    def weights():
        backend.configure(seed=11)
        layer = keras.layers.Dense(3)
        layer.build((None, 2))
        return np.asarray(layer.kernel)

    np.testing.assert_array_equal(weights(), weights())


def test_compiled_takes_nested_arrays_and_gives_numpy():
    ops = backend.keras().ops
    traces = []

    def step(words, states):
        traces.append(words.shape)
        total = ops.sum(words) + states[0]
        return total, {"states": (states[0] + 1, states[1])}

    call = backend.compiled(step)
    words = np.array([1.0, 2.0], "float32")
    total, rest = call(words, (np.float32(10), np.zeros((2, 1))))
    assert isinstance(total, np.ndarray) and float(total) == 13.0
    assert float(rest["states"][0]) == 11.0 and rest["states"][1].shape == (2, 1)
    # Plain numbers are arguments like others: new values do not compile anew.
    for value in (1.0, 2.0, 3.0):
        assert float(call(words, (value, np.zeros((2, 1))))[0]) == 3 + value
    assert len(traces) <= 2


def test_compiled_can_keep_results_in_the_backend():
    ops = backend.keras().ops
    call = backend.compiled(lambda x: {"y": x + 1}, keep=True)
    once = call(np.zeros(2, "float32"))["y"]
    assert ops.is_tensor(once)
    assert ops.convert_to_numpy(call(once)["y"]).tolist() == [2.0, 2.0]


def test_compiled_sees_new_weights():
    keras = backend.keras()
    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")
    call = backend.compiled(lambda x: dense(x))
    x = np.array([[1.0, 2.0]], "float32")
    assert call(x).tolist() == [[3.0]]
    dense.kernel.assign([[10.0], [1.0]])
    assert call(x).tolist() == [[12.0]]


def test_opencv_that_cannot_load_says_how_to_get_it(tmp_path):
    (tmp_path / "cv2.py").write_text(
        "raise ImportError('libGL.so.1: cannot open shared object file: No such file')"
    )
    done = run("import cnnrnn.media.opencv", PYTHONPATH=str(tmp_path))
    last = done.stderr.splitlines()[-1]
    assert "OpenCV cannot load: libGL.so.1" in last and "apt-get install -y libgl1" in last
    (tmp_path / "cv2.py").write_text("raise ImportError('something else')")
    done = run("import cnnrnn.media.opencv", PYTHONPATH=str(tmp_path))
    assert done.stderr.splitlines()[-1] == "ImportError: something else"


def test_errors_carry_their_exit_codes():
    assert (CnnRnnError("x").exit_code, UsageError("x").exit_code) == (1, 2)
