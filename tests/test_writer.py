"""The language model alone, as a layer of another model, and put to work by a writer.

Sizes are tiny: 7 words beside the special ones, codes of 3 numbers, H 16, E 8.
"""

from __future__ import annotations

import numpy as np
import pytest

from cnnrnn import backend
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.text.decoder import DecodeSettings, decode
from cnnrnn.text.language import LanguageModel
from cnnrnn.text.losses import WordCrossEntropy
from cnnrnn.text.vocabulary import END, PAD, START, Vocabulary, taught
from cnnrnn.text.writer import Writer
from cnnrnn.training.fit import load_model

keras = backend.keras()

WORDS = ("a", "red", "blue", "dog", "cat", "sits", "runs")
VOCABULARY = Vocabulary([(word, 9 - number) for number, word in enumerate(WORDS)])
CODES = np.eye(3, dtype=np.float32)
SAID = ("a red dog runs", "a blue cat sits", "dog")


@keras.saving.register_keras_serializable("tests")
class Regions(keras.Model):
    """A task's own model: it makes the codes and hands them to the language model."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.code = keras.layers.Dense(4)
        self.language = LanguageModel(len(VOCABULARY), (4,), hidden=16, embedding=8, dropout=0.0)

    def build(self, input_shape=None):
        self.code.build((None, 3))
        self.language.build()
        self.built = True

    def call(self, inputs, training=False):
        said = {key: inputs[key] for key in ("words", "positions")}
        code = self.code(inputs["regions"])
        return self.language({"features": code, **said}, training=training)


def lessons():
    return taught([[VOCABULARY.encode(text.split())] for text in SAID])


@pytest.fixture(scope="module")
def writer() -> Writer:
    """A model that knows `SAID` by heart."""
    keras.utils.set_random_seed(3)
    model = LanguageModel(
        len(VOCABULARY), (3,), hidden=16, embedding=8, feature_dropout=0.0, dropout=0.0
    )
    model.build()
    model.compile(keras.optimizers.Adam(0.03), WordCrossEntropy())
    inputs, targets = lessons()
    for _ in range(80):
        model.train_on_batch({"features": CODES, **inputs}, targets)
    return Writer(model, VOCABULARY, batch=2)


def test_lessons_by_hand():
    inputs, targets = taught([[[5, 6], [7]], [[8]]])
    assert inputs["words"].tolist() == [
        [[START, 5, 6], [START, 7, PAD]], [[START, 8, PAD], [PAD, PAD, PAD]],
    ]  # fmt: skip
    assert inputs["positions"].tolist() == [0, 1, 2, 3, 4, 6, 7]
    assert targets.tolist() == [5, 6, END, 7, END, 8, END]
    assert taught([[[5]]], columns=3)[0]["words"].shape == (1, 3, 2)


def test_it_writes_what_it_was_taught(writer):
    found = writer.write(CODES, DecodeSettings(beam_width=2, max_words=6))
    assert tuple(writer.text(each[0]) for each in found) == (
        "a red dog runs", "a blue cat sits", "dog",
    )  # fmt: skip


def test_one_code_says_the_same_alone(writer):
    settings = DecodeSettings(beam_width=2, max_words=6)
    [alone], together = writer.write(CODES[1:2], settings), writer.write(CODES, settings)
    assert writer.text(alone[0]) == writer.text(together[1][0])


def test_few_codes_are_filled_up_to_the_next_size(writer, monkeypatch):
    sizes = []

    def watched(steps, codes, *others):
        sizes.append(len(codes))
        return decode(steps, codes, *others)

    monkeypatch.setattr("cnnrnn.text.writer.decode", watched)
    several = Writer(writer.model, VOCABULARY, batch=6, fewer=(1, 2))
    settings = DecodeSettings(max_words=6)
    texts = [several.text(each[0]) for each in several.write(CODES, settings)]
    for count in (1, 2, 3):
        found = several.write(CODES[:count], settings)
        assert [several.text(each[0]) for each in found] == texts[:count]
    assert sizes == [6, 1, 2, 6]


def test_a_beginning_and_its_trace(writer):
    start = writer.beginning("A blue")
    [[best, *_]] = writer.write(CODES[:1], DecodeSettings(max_words=6), start)
    assert writer.words(best)[:2] == ["a", "blue"]
    trace = writer.trace(best)
    assert [step["probability"] is None for step in trace[:3]] == [True, True, False]
    assert trace[-1]["word"] == "<end>" and len(trace[0]["best"]) == 5
    with pytest.raises(UsageError, match="does not know 'green'"):
        writer.beginning("a green dog")


def test_words_of_another_run_are_refused(writer):
    with pytest.raises(CnnRnnError, match="knows 11 words, its vocabulary 5"):
        Writer(writer.model, Vocabulary([("dog", 1)]))


def test_as_a_layer_it_learns_and_is_saved_with_the_model(tmp_path):
    keras.utils.set_random_seed(4)
    model = Regions()
    model.build()
    model.compile(keras.optimizers.Adam(0.02), WordCrossEntropy())
    inputs, targets = lessons()
    inputs = {"regions": CODES, **inputs}
    before = model.code.get_weights()[0]
    losses = [float(np.ravel(model.train_on_batch(inputs, targets))[0]) for _ in range(30)]
    assert losses[-1] < 0.5 * losses[0]
    assert np.abs(model.code.get_weights()[0] - before).max() > 1e-3  # through the sentences
    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(
        again.predict_on_batch(inputs), model.predict_on_batch(inputs), atol=1e-6
    )
    writer = Writer(again.language, VOCABULARY)
    codes = keras.ops.convert_to_numpy(again.code(CODES))
    assert len(writer.write(codes, DecodeSettings(max_words=5))) == 3


def test_what_is_drawn_of_one_code_does_not_depend_on_the_others_beside_it():
    model = Regions()
    model.build()
    settings = DecodeSettings(beam_width=4, max_words=6, draw=True, seed=3)

    def drawn(*sizes: int) -> list[list[int]]:
        writer, first, found = Writer(model.language, VOCABULARY, batch=2), 0, []
        codes = keras.ops.convert_to_numpy(model.code(CODES))
        for size in sizes:
            found += writer.write(codes[first : first + size], settings)
            first += size
        return [[each.words for each in some] for some in found]

    assert drawn(3) == drawn(1, 1, 1) == drawn(2, 1)
    assert drawn(3) != drawn(1)[:1] * 3


@pytest.mark.parametrize(("tokenizer", "longest"), [("words", 20), ("characters", 40)])
def test_how_long_a_sentence_may_be_is_usual_for_its_tokens(monkeypatch, tokenizer, longest):
    model = Regions()
    model.build()
    words = Vocabulary(list(VOCABULARY.counts.items()), tokenizer)
    limits = []

    def watched(steps, codes, settings, *others):
        limits.append(settings.longest)
        return decode(steps, codes, settings, *others)

    monkeypatch.setattr("cnnrnn.text.writer.decode", watched)
    codes = keras.ops.convert_to_numpy(model.code(CODES))
    for settings in (DecodeSettings(), DecodeSettings(max_words=6)):
        Writer(model.language, words).write(codes, settings)
    assert limits == [longest, 6]
