"""Scheduled sampling: some of the words that are read are the model's own."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from cnnrnn import backend
from cnnrnn.caption.batches import CaptionBatches
from cnnrnn.caption.models import MODELS
from cnnrnn.caption.scheduled import ScheduledBatches, mixed
from cnnrnn.text.losses import WordCrossEntropy
from cnnrnn.text.vocabulary import START, UNSPOKEN, taught

CAPTIONS = [[[4, 5, 6], [7]], [[8, 9], [10, 4]]]


class Rows:
    row_shape = (3,)

    def read(self, indices):
        return np.eye(3, dtype=np.float16)[np.asarray(indices)]


def test_own_words_stand_where_they_would_have_been_said():
    inputs, targets = taught(CAPTIONS)
    own = np.arange(100, 100 + len(targets))
    found = mixed(inputs, targets, own, 1.0, np.random.default_rng(0))
    # Behind START comes what was said there; the words that people wrote stay the targets.
    assert found.tolist() == [
        [[START, 100, 101, 102], [START, 104, 0, 0]], [[START, 106, 107, 0], [START, 109, 110, 0]],
    ]  # fmt: skip
    assert inputs["words"][0, 0].tolist() == [START, 4, 5, 6]


def test_a_share_of_the_words_is_exchanged():
    inputs, targets = taught([[[4] * 20] * 5] * 20)
    found = mixed(inputs, targets, np.full(len(targets), 5), 0.3, np.random.default_rng(0))
    assert (found == 5).sum() / 2000 == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize(("steps", "share"), [(0, 0.0), (1, 0.4), (2, 0.8), (9, 0.8)])
def test_the_share_rises_with_the_epochs(monkeypatch, steps, share):
    from cnnrnn.caption import scheduled

    shares = []
    monkeypatch.setattr(scheduled, "_words_of", lambda model: lambda inputs: None)
    monkeypatch.setattr(
        scheduled, "mixed", lambda inputs, targets, own, share, _: shares.append(share)
    )
    batches = ScheduledBatches(CaptionBatches(CAPTIONS, Rows(), batch=2), 0.8, epochs=3)
    model = SimpleNamespace(optimizer=SimpleNamespace(iterations=steps))
    assert len(list(batches.online(model, np.random.default_rng(0)))) == batches.steps() == 1
    assert shares == ([pytest.approx(share)] if share else [])


def test_a_model_says_only_what_can_be_spoken_and_learns():
    backend.configure(seed=0)
    model = MODELS["inject"](11, (3,), hidden=8, embedding=4)
    model.build()
    model.compile("adam", WordCrossEntropy())
    batches = ScheduledBatches(CaptionBatches(CAPTIONS, Rows(), batch=2), 1.0, epochs=1)
    model.optimizer.iterations.assign(5)
    for inputs, targets in batches.online(model, np.random.default_rng(0)):
        later = inputs["words"][..., 1:]
        assert not set(np.unique(later[later > 0]).tolist()) & set(UNSPOKEN)
        assert np.isfinite(model.train_on_batch(inputs, targets))
