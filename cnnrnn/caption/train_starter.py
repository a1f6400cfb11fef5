"""Train the starter model that ships with the package (`make starter`).

About four minutes on two cores. The starter is a run with the default options; only what
prediction needs is kept of it. Its metrics.json holds its scores on the test split, which another
seed reproduces within the spread of seeds.
"""

from __future__ import annotations

import tempfile

from cnnrnn import console
from cnnrnn.caption import data
from cnnrnn.caption.captioner import STARTER, Captioner
from cnnrnn.caption.card import write_card
from cnnrnn.caption.evaluate import evaluate_run, show
from cnnrnn.caption.settings import TrainSettings
from cnnrnn.caption.train import MONITOR, train
from cnnrnn.text.decoder import DecodeSettings
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
        captioner = Captioner.load(run.path)
        evaluations, _ = evaluate_run(captioner, data.load("scenes"), "test", DecodeSettings())
        show(evaluations, json=False)
        write_card(run, captioner, evaluations, TEST)
        keep(run, STARTER, KEPT, MONITOR, evaluations[0].scores)


if __name__ == "__main__":
    console.guard(main)()
