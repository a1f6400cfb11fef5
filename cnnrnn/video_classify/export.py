"""A run's model for other programs, see `training.export`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cnnrnn.files import write_json
from cnnrnn.training import export as exporting
from cnnrnn.video_classify.classifier import VideoClassifier

_TRIED = 4  # clips of random features


def export(run: Path | None, output: Path, form: str = "keras") -> float:
    """Write `model.keras` or `saved_model/`, labels.json and config.json into a new folder.

    Args:
        run: its folder; None takes the newest one, else the shipped starter.
        output: the folder, which must not exist.
        form: a key of `training.export.FORMS`.

    Returns:
        the largest difference of a logit between the run and the file, opened again.

    Raises:
        UsageError: the folder exists.
        CnnRnnError: the file does not say what the run says; nothing is left then.
    """
    exporting.check(output, form)
    classifier = VideoClassifier.load(run)
    model = classifier.model
    shapes = {stream: (None, *shape) for stream, shape in model.shapes.items()}
    shapes["mask"] = (None, model.length)

    def fill(folder: Path) -> None:
        write_json(folder / "labels.json", classifier.labels)
        write_json(folder / "config.json", classifier.run.config)

    judged = exporting.Endpoint(
        exporting.SERVE, lambda model, inputs: model(inputs, training=False), _examples(model),
        shapes,
    )  # fmt: skip
    return exporting.write(output, form, model, [judged], fill)


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
