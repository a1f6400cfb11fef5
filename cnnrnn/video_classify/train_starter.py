"""Train the starter model that ships with the package (`make starter`).

Some minutes on two cores. The starter is a run with the default options; only what prediction
needs is kept of it. Its metrics.json holds its scores on the test split, which another seed
reproduces within the spread of seeds.
"""

from __future__ import annotations

import tempfile

from cnnrnn import console
from cnnrnn.training.card import CARD, TEST
from cnnrnn.training.starter import keep
from cnnrnn.video_classify.card import write_card
from cnnrnn.video_classify.classifier import STARTER, VideoClassifier
from cnnrnn.video_classify.evaluate import evaluate_run, show
from cnnrnn.video_classify.settings import TrainSettings
from cnnrnn.video_classify.train import train
from cnnrnn.video_classify.validate import MONITOR

KEPT = ("config.json", "labels.json", "metrics.json", "log.csv", "best.keras", CARD)


def main() -> None:
    """Train, score on the test split, and put the run in the package."""
    with tempfile.TemporaryDirectory() as folder:
        run = train(TrainSettings(), folder, "starter").run
        evaluations, _ = evaluate_run(run.path, {}, "test")
        show(evaluations, json=False)
        scores = dict(evaluations[0].scores.overall)
        if evaluations[0].pairs:
            scores["pairs"] = evaluations[0].pairs[0]
        write_card(run, VideoClassifier.load(run.path), evaluations, TEST)
        keep(run, STARTER, KEPT, MONITOR, scores, lower_is_better=True)


if __name__ == "__main__":
    console.guard(main)()
