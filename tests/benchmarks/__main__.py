"""All benchmarks, one after the other, each in a process of its own: `make bench`.

    python -m tests.benchmarks [--quick] [NAME...]

NAME is `cache` for bench_cache.py, and so on; none means all. A benchmark is a module with
`run(quick) -> rows`, each row a dict as `measure.row` makes it. The table goes to stdout; nothing
is written into the repository. Exit code 1 where a target is missed or a benchmark fails.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from cnnrnn import console

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
NAMES = sorted(path.stem.removeprefix("bench_") for path in HERE.glob("bench_*.py"))
PACKAGES = ("keras", "tensorflow", "numpy", "opencv-python", "av", "h5py", "openvino", "torch")


def main() -> int:
    """Run what the command line asks for."""
    arguments = _arguments()
    if arguments.rows:
        rows = importlib.import_module(f"tests.benchmarks.bench_{arguments.name[0]}").run(
            arguments.quick
        )
        Path(arguments.rows).write_text(json.dumps(rows), encoding="utf-8")
        return 0
    rows, failed = [], []
    for name in arguments.name or NAMES:
        began = time.monotonic()
        found = _in_process(name, arguments.quick)
        console.info(f"{name}: {console.duration(time.monotonic() - began)}")
        rows += found or []
        if found is None:
            failed.append(name)
    print(_machine(), _table(rows), sep="\n\n")
    for name in failed:
        print(f"{name}: failed, see above")
    return int(bool(failed) or any(_met(row) is False for row in rows))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("name", nargs="*", metavar="NAME", help=", ".join(NAMES))
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="small, to see that all of it runs")
    size.add_argument("--full", dest="quick", action="store_false", help="to be quoted (default)")
    parser.add_argument("--rows", help=argparse.SUPPRESS)  # one benchmark's own process
    arguments = parser.parse_args()
    if unknown := set(arguments.name) - set(NAMES):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}: there are {', '.join(NAMES)}")
    return arguments


def _in_process(name: str, quick: bool) -> list[dict[str, Any]] | None:
    """The rows of one benchmark; None if it failed, after saying why."""
    reader, writer = os.pipe()
    command = [sys.executable, "-m", "tests.benchmarks", name, "--rows", f"/dev/fd/{writer}"]
    command += ["--quick"] if quick else []
    process = subprocess.Popen(command, cwd=ROOT, pass_fds=[writer], stdout=sys.stderr)
    os.close(writer)
    with open(reader, encoding="utf-8") as file:
        text = file.read()
    return json.loads(text) if process.wait() == 0 else None


def _machine() -> str:
    versions = []
    for package in PACKAGES:
        try:
            versions.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            continue
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{cores} cores, {_processor()}, {platform.system()} {platform.machine()}, "
        f"load {os.getloadavg()[0]:.1f}\nPython {platform.python_version()}, {', '.join(versions)}"
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor())


def _table(rows: list[dict[str, Any]]) -> str:
    """Medians, and the ratio with its least and greatest value in brackets."""
    cells = []
    for row in rows:
        least, most = row.get("ratio_min", row["ratio"]), row.get("ratio_max", row["ratio"])
        ratio = f"{row['ratio']:.4g} ({least:.4g} to {most:.4g})"
        met = {True: "yes", False: "NO", None: ""}[_met(row)]
        numbers = f"{row['ours']:.4g}", f"{row['rival']:.4g}"
        cells.append([row["name"], *numbers, ratio, _target(row), met])
    return console.table(["name (ours / rival)", "ours", "rival", "ratio", "target", "met"], cells)


def _target(row: dict[str, Any]) -> str:
    if row["target"] is None:
        return ""
    return f"{'>=' if row.get('better') == 'higher' else '<='} {row['target']:g}"


def _met(row: dict[str, Any]) -> bool | None:
    """Whether the target is met; None where there is none. A cost is the better the lower."""
    if row["target"] is None:
        return None
    if row.get("better", "lower") == "higher":
        return row["ratio"] >= row["target"]
    return row["ratio"] <= row["target"]


if __name__ == "__main__":
    sys.exit(main())
