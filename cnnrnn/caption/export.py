"""A run's captioner for other programs, see `training.export`.

They give it the features of pictures and get whole captions, the likeliest word at each step:

    features (B, ...) float32 -> words (B, 20) int32, log_probabilities (B, 20) float32

What stands behind the vocabulary's END, number 2, is no word. How features are made of pictures
(backbone, size) stands in config.json, the words by their numbers in vocabulary.json.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from cnnrnn import backend
from cnnrnn.caption.captioner import Captioner
from cnnrnn.files import write_json
from cnnrnn.text.decoder import DecodeSettings
from cnnrnn.text.vocabulary import START
from cnnrnn.training import export as exporting

MAX_WORDS = DecodeSettings().max_words
_PICTURES = 2  # that are tried


def export(run: Path | None, output: Path, form: str = "keras") -> float:
    """Write `model.keras`, `saved_model/` or `serve.onnx`, vocabulary.json and config.json into a
    new folder.

    Args:
        run: its folder; None takes the newest one, else the shipped starter.
        output: the folder, which must not exist.
        form: a key of `training.export.FORMS`.

    Returns:
        the largest difference of an output between the run and the file, opened again.

    Raises:
        UsageError: the folder exists.
        CnnRnnError: the file does not say what the run says (nothing is left then), or what it
            needs is not installed.
    """
    exporting.check(output, form)
    captioner = Captioner.load(run)
    found, model = captioner.run, captioner.model

    def fill(folder: Path) -> None:
        shutil.copyfile(found.path / "vocabulary.json", folder / "vocabulary.json")
        write_json(folder / "config.json", found.config)

    return exporting.write(output, form, model, [endpoint(model)], fill)


def endpoint(model) -> exporting.Endpoint:
    """What a captioner can be asked, tried with random features."""
    shape = model.feature_shape
    features = np.random.default_rng(0).uniform(0, 2, (_PICTURES, *shape)).astype(np.float32)
    return exporting.Endpoint(
        exporting.SERVE, greedy, {"features": features}, {"features": (None, *shape)}
    )


def greedy(model, inputs: dict) -> dict:
    """Whole captions, see above; what is said after the end is not looked at."""
    ops = backend.keras().ops
    memory, state = model.begin(inputs["features"])
    first = ops.reshape(inputs["features"], (ops.shape(inputs["features"])[0], -1))[:, 0]
    word = ops.cast(ops.zeros_like(first), "int32") + START
    words, gains = [], []
    for _ in range(MAX_WORDS):
        said, state, _ = model.advance(memory, state, word)
        # ONNX has this, and not what Keras makes of argmax.
        gain, word = ops.top_k(said, 1)
        word = ops.cast(word[:, 0], "int32")
        words.append(word)
        gains.append(gain[:, 0])
    return {"words": ops.stack(words, axis=1), "log_probabilities": ops.stack(gains, axis=1)}
