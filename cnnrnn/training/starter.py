"""A starter: a trained run that ships in the package."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from cnnrnn import console
from cnnrnn.training.run import Run


def keep(
    run: Run,
    starter: Path,
    names: Iterable[str],
    monitor: str,
    scores: Mapping[str, float],
    lower_is_better: bool = False,
) -> None:
    """Note the scores of a finished run on the test split, and copy it into the package.

    Args:
        run: the finished run.
        starter: the folder in the package; made where it is missing.
        names: the files a starter needs, relative to the run.
        monitor: the figure that chose the epoch.
        scores: by name, of the test split; `test_` is put before each.
        lower_is_better: of the monitor.
    """
    outcome = run.read_json("metrics.json")
    noted = {f"test_{name}": value for name, value in scores.items()}
    run.finish(monitor, outcome["value"], outcome["epoch"], noted, lower_is_better)
    for name in names:
        target = starter / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(run.path / name, target)
    console.info(f"starter  {starter}")
