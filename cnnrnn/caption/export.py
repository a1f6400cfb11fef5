"""A run's captioner for other programs, see `training.export`.

They give it the features of pictures and get whole captions, the likeliest word at each step:

    features (B, ...) float32 -> words (B, T) int32, log_probabilities (B, T) float32

T is 20, of characters 40.

What stands behind the vocabulary's END, number 2, is no word. How features are made of pictures
(backbone, size, which output) stands in config.json, the words by their numbers in vocabulary.json.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from cnnrnn import backend
from cnnrnn.caption.captioner import Captioner
from cnnrnn.text.tokenizer import SAID
from cnnrnn.text.vocabulary import START
from cnnrnn.training import export as exporting

_PICTURES = 2  # that are tried


def opened(run: Path | None) -> exporting.Opened:
    """A run's captioner and its words; as ONNX it is `serve.onnx`."""
    captioner = Captioner.load(run)
    found, model = captioner.run, captioner.model
    asked = endpoint(model, SAID[captioner.vocabulary.tokenizer])
    return exporting.Opened(found, model, [asked], ["vocabulary.json"])


def endpoint(model, max_words: int) -> exporting.Endpoint:
    """What a captioner can be asked for sentences of so many words, tried with random features."""
    shape = model.feature_shape
    features = np.random.default_rng(0).uniform(0, 2, (_PICTURES, *shape)).astype(np.float32)
    return exporting.Endpoint(
        exporting.SERVE, partial(greedy, max_words=max_words), {"features": features},
        {"features": (None, *shape)},
    )  # fmt: skip


def greedy(model, inputs: dict, max_words: int) -> dict:
    """Whole captions, see above; what is said after the end is not looked at."""
    ops = backend.keras().ops
    memory, state = model.begin(inputs["features"])
    first = ops.reshape(inputs["features"], (ops.shape(inputs["features"])[0], -1))[:, 0]
    word = ops.cast(ops.zeros_like(first), "int32") + START
    words, gains = [], []
    for _ in range(max_words):
        said, state, _ = model.advance(memory, state, word)
        # ONNX has this, and not what Keras makes of argmax.
        gain, word = ops.top_k(said, 1)
        word = ops.cast(word[:, 0], "int32")
        words.append(word)
        gains.append(gain[:, 0])
    return {"words": ops.stack(words, axis=1), "log_probabilities": ops.stack(gains, axis=1)}
