"""Where a run comes from: the name of its folder, its command line, versions and configuration."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

import cnnrnn
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.files import read_json

FORMAT = 1  # rises when an older cnnrnn could no longer read a run folder


def read_config(path: Path | str, task: str | None = None) -> dict[str, Any]:
    """Read and check the config.json of a run, also for `--config` to repeat it.

    Raises:
        CnnRnnError: missing, damaged, of another task, or of a newer format.
    """
    config = read_json(path)
    form = config.get("format") if isinstance(config, dict) else None
    if type(form) is not int or not isinstance(config.get("task"), str):
        raise CnnRnnError(f"{path} is not the configuration of a cnnrnn run")
    if form > FORMAT:
        raise CnnRnnError(
            f"{path} was written by a newer cnnrnn: it has format {form},"
            f" version {cnnrnn.__version__} reads up to format {FORMAT}",
            "update cnnrnn",
        )
    if task is not None and config["task"] != task:
        raise CnnRnnError(
            f"{path} is of a {config['task']} run, not of {task}",
            f"use it with `cnnrnn {config['task']}`",
        )
    return config


def versions() -> dict[str, str]:
    """The versions that decide what a training computes."""
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    return {
        "cnnrnn": cnnrnn.__version__,
        "python": ".".join(map(str, sys.version_info[:3])),
        "backend": backend,
        **{name: _version(name) for name in ("keras", backend, "numpy")},
    }


def now() -> str:
    """The time as ISO 8601 in UTC; two texts of it compare as the times do."""
    return datetime.now(timezone.utc).isoformat(timespec="microseconds")


def _version(package: str) -> str:
    for name in (package, f"{package}-cpu"):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return "unknown"


def own_command() -> str:
    program = Path(sys.argv[0]).name
    start = ["python", "-m", "cnnrnn"] if program == "__main__.py" else [program]
    return shlex.join([*start, *sys.argv[1:]])


def check_name(folder: Path, name: str) -> Path:
    """The folder that a new run of that name would have.

    Raises:
        UsageError: the name is taken or is no folder name.
    """
    if not re.fullmatch(r"[^/\\\x00-\x1f]{1,100}", name) or name.startswith("."):
        raise UsageError(f"{name!r} cannot be the name of a run", "use letters, digits and dashes")
    path = folder / name
    if path.exists():
        raise UsageError(
            f"run {path} exists already", f"choose another name, or go on with --resume {path}"
        )
    return path


def claim(folder: Path, name: str) -> Path:
    """Make the folder `name`, which must be new."""
    path = check_name(folder, name)
    try:
        path.mkdir()
    except FileExistsError:  # another process made it a moment ago
        return check_name(folder, name)
    return path


def count_on(folder: Path, config: Mapping[str, Any]) -> Path:
    """Make the next free `DATA-N`: the file system decides between two that start at once."""
    stem = Path(str(config.get("data") or "run")).stem
    stem = re.sub(r"[^\w-]+", "-", stem).strip("-_")[:60] or "run"
    pattern = re.compile(re.escape(stem) + r"-(\d{1,9})")
    taken = [pattern.fullmatch(path.name) for path in folder.iterdir()]
    number = max((int(match[1]) for match in taken if match), default=0)
    while True:
        number += 1
        try:
            path = folder / f"{stem}-{number}"
            path.mkdir()
            return path
        except FileExistsError:
            continue
