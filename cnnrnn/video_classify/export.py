"""A run's model for other programs, see `training.export`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cnnrnn.training import export as exporting
from cnnrnn.video_classify.classifier import VideoClassifier

_TRIED = 4  # clips of random features


def opened(run: Path | None) -> exporting.Opened:
    """A run's classifier and its labels, to be asked for logits."""
    classifier = VideoClassifier.load(run)
    model = classifier.model
    shapes = {stream: (None, *shape) for stream, shape in model.shapes.items()}
    shapes["mask"] = (None, model.length)
    judged = exporting.Endpoint(
        exporting.SERVE, lambda model, inputs: model(inputs, training=False), _examples(model),
        shapes,
    )  # fmt: skip
    return exporting.Opened(classifier.run, model, [judged], ["labels.json"])


def _examples(model) -> dict[str, np.ndarray]:
    """Random clips, one of them short."""
    generator = np.random.default_rng(0)
    given = {
        stream: generator.uniform(0, 2, (_TRIED, *shape)).astype(np.float32)
        for stream, shape in model.shapes.items()
    }
    mask = np.ones((_TRIED, model.length), bool)
    mask[0, model.length // 2 + 1 :] = False
    return given | {"mask": mask}
