"""Every registered model builds, trains and opens again on the other backends of Keras too."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

PLACE = Path(__file__).resolve().parent
MODELS = {
    task: import_module(f"cnnrnn.{task}.settings").MODELS  # those of its registry, by name
    for task in ("caption", "densecap", "video_classify", "vqa")
}


@pytest.mark.slow
@pytest.mark.parametrize("task", MODELS)
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_models_train_and_open_again(backend, task):
    """In one process a task: the start of a backend takes longer than a model."""
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed: pip install 'cnnrnn[backends]'")
    paths = os.pathsep.join([str(PLACE.parent), str(PLACE), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, str(PLACE / "backend_program.py"), task, *MODELS[task]],
        env=os.environ | {"KERAS_BACKEND": backend, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [(each["model"], each["backend"]) for each in found] == [
        (name, backend) for name in MODELS[task]
    ]
    failed = [each for each in found if not _well(each)]
    assert not failed, "\n".join(f"{each['model']}: {each}" for each in failed)


def _well(found: dict) -> bool:
    """It ran, its loss is a number, and its file says the same."""
    return "error" not in found and math.isfinite(found["loss"]) and found["difference"] < 1e-4
