"""Language models that write one sentence together."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrnn import backend
from cnnrnn.caption.ensemble import JoinedRows
from cnnrnn.errors import CnnRnnError
from cnnrnn.text.decoder import DecodeSettings
from cnnrnn.text.ensemble import Ensemble
from cnnrnn.text.language import LanguageModel
from cnnrnn.text.vocabulary import START, Vocabulary
from cnnrnn.text.writer import Writer

keras = backend.keras()
numpy = keras.ops.convert_to_numpy
WORDS = Vocabulary([("a", 3), ("dog", 2), ("runs", 1)])


def made(seed: int, size: int, words: int = len(WORDS), **changes):
    keras.utils.set_random_seed(seed)
    model = LanguageModel(words, (size,), hidden=6, embedding=4, **changes)
    model.build()
    for variable in model.trainable_variables:
        variable.assign(np.random.default_rng(seed).normal(size=variable.shape))
    return model


def test_the_mean_of_the_distributions():
    one, other = made(1, 3), made(2, 5, rnn="gru", layers=2)
    both = Ensemble([one, other])
    assert both.feature_shape == ((3,), (5,)) and both.vocabulary_size == len(WORDS)
    codes = np.ones((2, 3), np.float32), np.full((2, 5), 0.5, np.float32)
    words = keras.ops.convert_to_tensor(np.array([START, 4], np.int32))
    memory, state = both.begin(codes)
    assert len(state) == 2 + 2
    mean, state, maps = both.advance(memory, state, words)
    mean, _, _ = both.advance(memory, state, words)  # the states went on apart
    apart = []
    for model, code in zip((one, other), codes, strict=True):
        own, alone = model.begin(code)
        _, alone, _ = model.advance(own, alone, words)
        apart.append(np.exp(numpy(model.advance(own, alone, words)[0])))
    np.testing.assert_allclose(np.exp(numpy(mean)), sum(apart) / 2, atol=1e-6)
    assert maps is None


def test_one_model_twice_writes_what_it_writes_alone():
    model = made(1, 3)
    codes = np.random.default_rng(0).normal(size=(3, 3)).astype(np.float32)
    settings = DecodeSettings(beam_width=2, max_words=5)
    alone = Writer(model, WORDS, batch=2).write(codes, settings)
    together = Writer(Ensemble([model, model]), WORDS, batch=2).write((codes, codes), settings)
    assert [[s.words for s in each] for each in alone] == [
        [s.words for s in each] for each in together
    ]


def test_models_of_other_words_are_refused():
    with pytest.raises(CnnRnnError, match=r"models of \[7, 9\] words"):
        Ensemble([made(1, 3), made(1, 3, words=9)])


def test_rows_of_several_backbones_stand_together():
    class Rows:
        def __init__(self, rows):
            self.rows, self.row_shape = np.asarray(rows), (2,)

        def __len__(self):
            return len(self.rows)

        def read(self, indices):
            return self.rows[indices]

        def part(self, numbers):
            return Rows(self.rows[numbers])

    both = JoinedRows([Rows([[1, 2], [3, 4]]), Rows([[5, 6], [7, 8]])]).part([1])
    assert len(both) == 1 and [part.tolist() for part in both.read([0])] == [[[3, 4]], [[7, 8]]]
    assert both.row_shape == ((2,), (2,))
