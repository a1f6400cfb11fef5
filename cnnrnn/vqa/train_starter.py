"""Train the starter model that ships with the package (`make starter`).

Some minutes on two cores. The starter is a run with the default options; only what asking needs is
kept of it, and its question-only rival. Its metrics.json holds its scores on the test split, which
another seed reproduces within the spread of seeds.
"""

from __future__ import annotations

import tempfile

from cnnrnn import console
from cnnrnn.training.card import CARD, TEST
from cnnrnn.training.starter import keep
from cnnrnn.vqa.answerer import BLIND, STARTER, Answerer
from cnnrnn.vqa.card import write_card
from cnnrnn.vqa.evaluate import show
from cnnrnn.vqa.judge import evaluate_run, figures
from cnnrnn.vqa.settings import TrainSettings
from cnnrnn.vqa.train import train
from cnnrnn.vqa.validate import MONITOR

KEPT = (
    "config.json", "vocabulary.json", "answers.json", "confidence.json", "familiarity.npz",
    "metrics.json", "log.csv", "best.keras", f"{BLIND}/best.keras", CARD,
)  # fmt: skip


def main() -> None:
    """Train, score on the test split, and put the run in the package."""
    with tempfile.TemporaryDirectory() as folder:
        run = train(TrainSettings(), folder, "starter").run
        evaluations, _ = evaluate_run(run.path, {}, "test")
        show(evaluations, json=False)
        write_card(run, Answerer.load(run.path), evaluations, TEST)
        keep(run, STARTER, KEPT, MONITOR, figures(evaluations))


if __name__ == "__main__":
    console.guard(main)()
