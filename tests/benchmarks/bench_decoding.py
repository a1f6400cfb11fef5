"""Pictures a second in decoding, against a loop that calls `model.predict` for every word.

Ours is `Captioner.describe`: 32 pictures at once, a beam of width 3, the LSTM's state carried from
word to word. The rival is what tutorials do: one picture, greedy, and for every word
`model.predict` on the whole sentence so far. Both run the same attention model; the rival's words
are compared with our own greedy ones, so that both are known to do the same.
"""

from __future__ import annotations

import time

import numpy as np

from cnnrnn.caption.captioner import BATCH, Captioner
from cnnrnn.caption.models import MODELS
from cnnrnn.text.decoder import DecodeSettings
from cnnrnn.text.vocabulary import END, PAD, SPECIALS, START, UNKNOWN, Vocabulary
from tests.benchmarks import measure

TARGET = 200.0
WORDS = 20
WIDTH = 3


def run(quick: bool = False) -> list[dict]:
    """The rows; the unit is pictures a second."""
    batches, rounds = (1, 2) if quick else (4, 7)
    captioner = _captioner()
    features = measure.RandomRows(batches * BATCH, measure.GRID).rows
    _check_same(captioner, features[:BATCH])

    def ours() -> float:
        began = time.perf_counter()
        captioner.writer.write(features, DecodeSettings(WIDTH, WORDS))
        return len(features) / (time.perf_counter() - began)

    def one() -> float:
        began = time.perf_counter()
        captioner.writer.write(features[:1], DecodeSettings(WIDTH, WORDS))
        return 1 / (time.perf_counter() - began)

    def rival() -> float:
        began = time.perf_counter()
        predict_loop(captioner.model, features[:1])
        return 1 / (time.perf_counter() - began)

    name = f"describe, {{}}, beam {WIDTH} / predict for each word, pictures/s"
    together = measure.in_turn(ours, rival, rounds)
    alone = measure.in_turn(one, rival, rounds)
    return [
        measure.row(name.format(f"{BATCH} together"), together, TARGET, "higher"),
        measure.row(name.format("one picture"), alone, better="higher"),
    ]


def predict_loop(model, features: np.ndarray) -> list[int]:
    """The words of one picture's (1, ...) greedy sentence, each from a `predict` of its own."""
    words = np.full((1, 1, WORDS), PAD, np.int32)
    words[0, 0, 0] = START
    found: list[int] = []
    for position in range(WORDS):
        inputs = {"features": features, "words": words, "positions": np.array([position], np.int32)}
        logits = model.predict(inputs, verbose=0)[0]
        logits[[PAD, START, UNKNOWN]] = -np.inf
        word = int(logits.argmax())
        if word == END:
            break
        found.append(word)
        if position + 1 < WORDS:
            words[0, 0, position + 1] = word
    return found


def _captioner() -> Captioner:
    """An attention model of Flickr8k's size with random weights, which never ends a sentence."""
    model = MODELS["attention"](
        vocabulary_size=measure.VOCABULARY,
        feature_shape=measure.GRID,
        hidden=measure.HIDDEN,
        embedding=measure.EMBEDDING,
    )
    model.build()
    bias = np.zeros(measure.VOCABULARY, np.float32)
    bias[END] = -100.0
    model.vocabulary.bias.assign(bias)
    counts = ((f"word{number}", 1) for number in range(measure.VOCABULARY - len(SPECIALS)))
    return Captioner(model, Vocabulary(counts), None)


def _check_same(captioner: Captioner, features: np.ndarray) -> None:
    greedy = captioner.writer.write(features, DecodeSettings(1, WORDS))[0][0].words
    assert greedy == predict_loop(captioner.model, features[:1]), "two ways, two sentences"
    assert len(greedy) == WORDS
