"""The peak memory of a command, watched through /proc.

Two peaks: the anonymous memory, which is what the program holds, and all resident memory, where
pages of the memory-mapped cache count too although the system may take them back at any time.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_EVERY = 0.01  # seconds between two looks at a process


def peaks(arguments: Sequence[str], folder: Path) -> dict[str, float]:
    """Run a command in `folder`; its highest `anonymous` and `resident` memory in MB."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "CNNRNN_CACHE": str(folder / "cache")}
    command = [sys.executable, "-m", "cnnrnn", *arguments, "-q"]
    highest = {"RssAnon": 0.0, "VmHWM": 0.0}
    with open(folder / "stderr", "w+", encoding="utf-8") as stderr:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=stderr
        )
        while process.poll() is None:
            for key, value in _status(process.pid).items():
                highest[key] = max(highest.get(key, 0.0), value)
            time.sleep(_EVERY)
        stderr.seek(0)
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)} failed: {stderr.read().strip()[-500:]}")
    return {"anonymous": highest["RssAnon"], "resident": highest["VmHWM"]}


def _status(process: int) -> dict[str, float]:
    """The lines of a process's /proc/PID/status that are sizes, in MB; none once it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    fields = (line.split() for line in lines)
    return {each[0].rstrip(":"): int(each[1]) / 1024 for each in fields if each[-1:] == ["kB"]}
