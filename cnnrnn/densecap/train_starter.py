"""Train the starter model that ships with the package (`make starter`).

Some minutes on two cores. The starter is a run with the default options; only what describing needs
is kept of it. Its metrics.json holds its scores on the test split, which another seed reproduces
within the spread of seeds.
"""

from __future__ import annotations

import tempfile

from cnnrnn import console
from cnnrnn.densecap.card import write_card
from cnnrnn.densecap.data import BUILT_IN, load
from cnnrnn.densecap.describer import STARTER, DenseCaptioner, DescribeSettings
from cnnrnn.densecap.evaluate import score_describer, show
from cnnrnn.densecap.settings import TrainSettings
from cnnrnn.densecap.train import train
from cnnrnn.densecap.validate import MONITOR
from cnnrnn.training.card import CARD, TEST
from cnnrnn.training.starter import keep

KEPT = (
    "config.json", "vocabulary.json", "familiarity.npz", "metrics.json", "log.csv", "best.keras",
    CARD,
)  # fmt: skip


def main() -> None:
    """Train, score on the test split, and put the run in the package."""
    with tempfile.TemporaryDirectory() as folder:
        run = train(TrainSettings(), folder, "starter").run
        describer, examples = DenseCaptioner.load(run.path), load(BUILT_IN).split("test")
        evaluations, _ = score_describer(describer, examples, DescribeSettings())
        show(evaluations, json=False)
        write_card(run, describer, evaluations, TEST)
        keep(run, STARTER, KEPT, MONITOR, evaluations[0].scores)


if __name__ == "__main__":
    console.guard(main)()
