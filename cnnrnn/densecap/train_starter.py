"""Train the starter model that ships with the package (`make starter`).

Some minutes on two cores. The starter is a run with the default options; only what describing needs
is kept of it. Its metrics.json holds its scores on the test split, which another seed reproduces
within the spread of seeds.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from cnnrnn import console
from cnnrnn.densecap.data import BUILT_IN, load
from cnnrnn.densecap.describer import STARTER, DenseCaptioner, DescribeSettings
from cnnrnn.densecap.evaluate import score_describer, show
from cnnrnn.densecap.settings import TrainSettings
from cnnrnn.densecap.train import train
from cnnrnn.densecap.validate import MONITOR
from cnnrnn.training.run import Run

KEPT = (
    "config.json", "vocabulary.json", "metrics.json", "log.csv", "best.keras", "proposals.keras",
)  # fmt: skip


def main() -> None:
    """Train, score on the test split, and put the run in the package."""
    with tempfile.TemporaryDirectory() as folder:
        keep(train(TrainSettings(), folder, "starter").run)
    console.info(f"starter  {STARTER}")


def keep(run: Run) -> None:
    """Score a finished run on the test split and copy it."""
    examples = load(BUILT_IN).split("test")
    evaluations, _ = score_describer(DenseCaptioner.load(run.path), examples, DescribeSettings())
    show(evaluations, json=False)
    outcome = run.read_json("metrics.json")
    scores = {f"test_{key}": value for key, value in evaluations[0].scores.items()}
    run.finish(MONITOR, outcome["value"], outcome["epoch"], scores)
    STARTER.mkdir(exist_ok=True)
    for name in KEPT:
        shutil.copyfile(run.path / name, Path(STARTER) / name)


if __name__ == "__main__":
    console.guard(main)()
