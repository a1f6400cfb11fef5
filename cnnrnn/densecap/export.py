"""A run's model for other programs, see `training.export`.

They ask it in three steps, and choose between them which boxes are worth it (suppression at IoU
0.7 after the first, at 0.5 after the second, by the geometric mean of both probabilities):

    propose     pictures (B, h, w, 3) uint8 -> grid (B, H, W, D), boxes (B, N, 4), scores (B, N)
    recognise   grid, boxes (B, R, 4) -> codes (B, R, C), boxes (B, R, 4), scores (B, R)
    speak       codes (R, C) -> words (R, 15), the likeliest at each step; the vocabulary's END and
                whatever follows it are no words

Scores are logits. Boxes are (x1, y1, x2, y2) in pixels of the picture, whose sizes are
`regions.sizes`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cnnrnn import backend
from cnnrnn.densecap.check import MAX_WORDS
from cnnrnn.densecap.describer import DenseCaptioner
from cnnrnn.regions.sizes import sizes
from cnnrnn.text.vocabulary import START
from cnnrnn.training import export as exporting
from cnnrnn.training.export import Endpoint
from cnnrnn.training.fit import load_model

_PICTURES, _REGIONS = 2, 5  # that are tried


def opened(run: Path | None) -> exporting.Opened:
    """A run's describer and its words."""
    found = DenseCaptioner.load(run).run
    model = load_model(found.best)  # the describer's own may be rewritten to run faster
    return exporting.Opened(found, model, endpoints(model), ["vocabulary.json"])


def propose(model, inputs: dict) -> dict:
    """The first step, see above."""
    grid = model.proposals.look(inputs["pictures"])
    boxes, scores = model.proposals.propose(grid)
    return {"grid": grid, "boxes": boxes, "scores": scores}


def recognise(model, inputs: dict) -> dict:
    """The second step, see above."""
    codes, scores, boxes = model.recognise(inputs["grid"], inputs["boxes"])
    return {"codes": codes, "boxes": boxes, "scores": scores}


def speak(model, inputs: dict) -> dict:
    """The third step, see above: greedy, without a search."""
    ops = backend.keras().ops
    memory, state = model.writer.begin(inputs["codes"])
    word = ops.full_like(ops.cast(inputs["codes"][:, 0], "int32"), START)
    words = []
    for _ in range(MAX_WORDS):
        chances, state, _ = model.writer.advance(memory, state, word)
        word = ops.cast(ops.argmax(chances, axis=-1), "int32")
        words.append(word)
    return {"words": ops.stack(words, axis=1)}


def endpoints(model) -> list[Endpoint]:
    """The three steps of a model, with random pictures, boxes and what comes of them."""
    net = model.proposals
    height, width = sizes(net.backbone, net.side)[0]
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 255, (_PICTURES, height, width, 3)).astype(np.uint8)
    grid = np.asarray(net.look(pictures), np.float32)
    corners = generator.uniform(0, 0.5, (_PICTURES, _REGIONS, 2))
    shares = np.concatenate([corners, corners + generator.uniform(0.1, 0.5, corners.shape)], -1)
    boxes = (shares * [width, height, width, height]).astype(np.float32)
    codes = np.asarray(model.recognise(grid, boxes)[0], np.float32)[0]
    # A network of one size has no other.
    free = len(sizes(net.backbone, net.side)) > 1
    sides = (None, None) if free else (height, width)
    cells = (None, None) if free else grid.shape[1:3]
    seen = (None, *cells, grid.shape[3])
    return [
        Endpoint("propose", propose, {"pictures": pictures}, {"pictures": (None, *sides, 3)}),
        Endpoint(
            "recognise", recognise, {"grid": grid, "boxes": boxes},
            {"grid": seen, "boxes": (None, None, 4)},
        ),
        Endpoint("speak", speak, {"codes": codes}, {"codes": (None, codes.shape[1])}),
    ]  # fmt: skip
