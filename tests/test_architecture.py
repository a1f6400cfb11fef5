"""The rules of the floors, read from the import statements of every module.

1. errors, files, console, media, text, scenes: know nothing of tasks or of the floors above.
2. features, regions, training and the word decoder stand on floor 1.
3. Tasks stand on both and never import each other. The root `cli` adds them.
4. Command modules are light. 5. Keras comes from `backend.keras()`, TensorFlow from nowhere, in
whatever way it could be come by: models, layers and losses run on every backend.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "cnnrnn"
MODULES = {
    "cnnrnn." + ".".join(path.relative_to(PACKAGE).with_suffix("").parts): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
TASKS = ("caption", "densecap", "video_classify", "vqa")
HEAVY = {"numpy", "cv2", "h5py", "keras", "tensorflow", "PIL", "pycocoevalcap", "openvino", "torch"}
# Modules of the package `text` that need Keras, and of `features` and `scenes` that are programs.
KERAS_IN_TEXT = {
    f"cnnrnn.text.{name}"
    for name in ("decoder", "ensemble", "heads", "language", "losses", "search", "writer")
}
BACKEND_NAMES = {"cnnrnn.backend", "cnnrnn.features.engines", "cnnrnn.regions.suppression"}


def imports(path: Path, top_level_only: bool = False) -> set[str]:
    """Full names of what a module imports; `from a import b` counts as `a` and `a.b`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else ast.walk(tree)
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write the full name"
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def roots(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


def floor(module: str) -> float:
    """0 plain helpers, 1 media/text/scenes, 2 features/regions/training, 3 tasks, 4 root."""
    part = module.split(".")[1]
    if module in KERAS_IN_TEXT:
        return 2
    if part in ("ahead", "errors", "files", "console", "backend", "intervals", "__init__"):
        return 0
    if part in ("media", "text", "scenes"):
        return 1
    if part in ("features", "regions", "training"):
        return 2
    if part in TASKS:
        return 3
    known = ("cli", "options", "verbs", "__main__")
    assert part in known, f"{module} is on no floor: put it on one"
    return 4


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down(module):
    own = floor(module)
    for name in imports(MODULES[module]):
        target = next((m for m in (name, f"{name}.__init__") if m in MODULES), None)
        if target is None or not name.startswith("cnnrnn."):
            continue
        if own == 4 or (own == 3 and name in ("cnnrnn.options", "cnnrnn.verbs")):
            continue  # the command line calls what is below, and tasks are made of its options
        assert floor(target) <= own, f"{module} imports {name} from a floor above"


@pytest.mark.parametrize("module", [m for m in MODULES if m.split(".")[1] in TASKS])
def test_tasks_do_not_import_each_other(module):
    own = module.split(".")[1]
    others = {f"cnnrnn.{task}" for task in TASKS if task != own}
    reached = {name for name in imports(MODULES[module]) if ".".join(name.split(".")[:2]) in others}
    assert not reached, f"{module} imports {reached}: move what both need down a floor"


@pytest.mark.parametrize(
    "module",
    [m for m in MODULES if m.endswith(".cli") or floor(m) == 4 or m == "cnnrnn.console"],
)
def test_command_modules_are_light(module):
    light = ("cnnrnn.options", "cnnrnn.verbs", "cnnrnn.console", "cnnrnn.errors", "cnnrnn.cli")
    for name in imports(MODULES[module], top_level_only=True):
        if name in ("cnnrnn", "cnnrnn.__version__") or name.startswith(light):
            continue
        root = name.split(".")[0]
        assert root == "click" or root in sys.stdlib_module_names, f"{module} imports {name}"


@pytest.mark.parametrize("module", MODULES)
def test_keras_comes_from_backend_only(module):
    names = roots(imports(MODULES[module]))
    assert "keras" not in names, "write: from cnnrnn import backend; keras = backend.keras()"


_BY_TEXT = re.compile(r"(importlib\.)?(import_module|__import__)\(|sys\.modules\[")


def named_backends(code: str) -> set[str]:
    """What a module says of a backend but to compare its name: imports of every form, also from
    inside Keras and by a text, and names that it usually has."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found |= {part for alias in node.names for part in alias.name.split(".")}
        elif isinstance(node, ast.ImportFrom):
            found |= {*(node.module or "").split("."), *(alias.name for alias in node.names)}
        elif isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, (ast.Call, ast.Subscript)) and _BY_TEXT.match(ast.unparse(node)):
            found |= set(re.findall(r"\w+", ast.unparse(node)))
    return found & {"tf", "tensorflow", "torch", "jax", "jnp"}


@pytest.mark.parametrize("module", [m for m in MODULES if m not in BACKEND_NAMES])
def test_no_backend_is_named(module):
    found = named_backends(MODULES[module].read_text(encoding="utf-8"))
    assert not found, f"{module} names {found}: write it with keras.ops"


@pytest.mark.parametrize(
    "code",
    [
        "import tensorflow",
        "import tensorflow as t",
        "import tensorflow.nn as nn",
        "from tensorflow import nn",
        "from tensorflow.nn import relu",
        "def call(self, x):\n    import tensorflow as t\n    return t.nn.relu(x)",
        "from keras.src.backend import tensorflow as t",
        "from keras.src.backend.tensorflow import nn",
        "relu = keras.src.backend.tensorflow.nn.relu",
        "relu = backend.tf.nn.relu",
        "relu = tf.nn.relu",
        "t = importlib.import_module('tensorflow.nn')",
        "t = __import__('tensorflow')",
        "t = sys.modules['tensorflow']",
        "from jax import numpy",
        "import torch.nn",
    ],
)
def test_every_form_of_naming_a_backend_is_seen(code):
    assert named_backends(code)


def test_the_name_of_the_backend_may_be_compared():
    assert not named_backends("if backend.name() == 'tensorflow':\n    pass")


@pytest.mark.parametrize("module", [m for m in MODULES if floor(m) in (0, 1)])
def test_the_lowest_floors_need_no_keras(module):
    if module != "cnnrnn.backend":
        assert "cnnrnn.backend" not in imports(MODULES[module]), f"{module} imports backend"


@pytest.mark.parametrize("module", MODULES)
def test_opencv_comes_from_media_only(module):
    if module != "cnnrnn.media.opencv":
        assert "cv2" not in roots(imports(MODULES[module])), (
            "write: from cnnrnn.media.opencv import cv2"
        )


@pytest.mark.parametrize("module", MODULES)
def test_files_hold_one_thing(module):
    lines = MODULES[module].read_text(encoding="utf-8").count("\n")
    assert lines <= 350, f"{module} has {lines} lines: it usually holds two things then"


def test_the_command_line_imports_nothing_heavy():
    code = (
        "import sys, cnnrnn.cli, click\n"
        "context = click.Context(cnnrnn.cli.main)\n"
        "for name in cnnrnn.cli.main.list_commands(context):\n"
        "    cnnrnn.cli.main.get_command(context, name)\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout == "[]\n"


def test_what_a_command_line_calls_does_not_start_keras_before_device_and_threads_are_chosen():
    tasks = {"caption": "predict", "densecap": "predict", "video_classify": "predict", "vqa": "ask"}
    names = [
        f"cnnrnn.{task}.{verb}"
        for task, last in tasks.items()
        for verb in ("train", "evaluate", "compare", last)
    ]
    code = f"import sys, {', '.join(names)}; print('keras' in sys.modules)"
    environment = os.environ | {"PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout == "False\n"
