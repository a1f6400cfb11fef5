"""Self-critical training: advantages, the layout of its batches, and that rewards rise."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrnn import backend
from cnnrnn.caption.batches import CAPTIONS, CaptionBatches
from cnnrnn.caption.models import MODELS
from cnnrnn.caption.reward import RewardBatches, advantages
from cnnrnn.text.losses import WordCrossEntropy
from cnnrnn.text.vocabulary import END, PAD, START
from cnnrnn.training.fit import FitSettings, fit
from cnnrnn.training.run import Run

WORDS, DEPTH = 12, 6

MAX_WORDS = 20


class Rows:
    row_shape = (DEPTH,)

    def __init__(self, count):
        self.rows = np.eye(count, DEPTH, dtype=np.float16)

    def read(self, indices):
        return self.rows[np.asarray(indices)]


# What people say of picture k: word 4 + k, twice three words long and once two.
CAPTIONS_OF = [[[4 + k, 10, 11], [4 + k, 11, 10], [4 + k, 10]] for k in range(5)]


@pytest.fixture
def model():
    backend.configure(seed=0)
    made = MODELS["inject-init"](WORDS, (DEPTH,), 16, 8, 0.0, 0.0)
    made.build()
    return made


def online(batch=2):
    return RewardBatches(CaptionBatches(CAPTIONS_OF, Rows(5), batch=batch), MAX_WORDS)


def test_an_advantage_is_the_distance_to_the_mean_of_the_others():
    found = advantages(np.array([[4.0, 1.0, 1.0], [2.0, 2.0, 2.0]]))
    assert found == pytest.approx(np.array([[3.0, -1.5, -1.5], [0.0, 0.0, 0.0]]))


def test_batches_are_laid_out_as_those_of_the_likelihood(model):
    found = list(online().online(model, np.random.default_rng(0)))
    assert len(found) == online().steps() == 3
    for inputs, targets, weights in found:
        words = inputs["words"]
        assert words.shape[:2] == (2, CAPTIONS) and words.shape[2] <= MAX_WORDS
        assert (words[..., 0] == START).all() and END not in words
        assert len(inputs["positions"]) == len(targets) == len(weights)
        assert PAD not in targets and weights.dtype == np.float32
        # Within a sentence the target of one position is the input of the next.
        whole = np.full(words.size, PAD)
        whole[inputs["positions"]] = targets
        whole = whole.reshape(words.shape)
        np.testing.assert_array_equal(
            np.where(whole[..., :-1] == END, PAD, whole[..., :-1]), words[..., 1:]
        )


def test_the_same_generator_draws_the_same(model):
    first, again = (next(online().online(model, np.random.default_rng(3))) for _ in range(2))
    np.testing.assert_array_equal(first[1], again[1])
    np.testing.assert_array_equal(first[2], again[2])


def test_the_model_comes_to_say_what_is_rewarded(model, tmp_path):
    """From random weights: by the reward alone, captions become those that people wrote."""
    batches = online(batch=5)
    rewards = []

    def validate(_):
        drawn = next(batches.online(model, np.random.default_rng(1)))[0]["words"]
        rewards.append(np.mean([
            batches._reward.score(k, [*text[text > START], END])
            for k, texts in enumerate(drawn) for text in texts
        ]))
        return {"val_loss": -rewards[-1]}

    settings = FitSettings(epochs=60, learning_rate=0.03, averaging=0.0, patience=60, warmup=0.0)
    run = Run.create(tmp_path, "caption", "r")
    fit(model, WordCrossEntropy(), batches, validate, "val_loss", settings, run)
    assert np.mean(rewards[-5:]) > 2 * np.mean(rewards[:2])
