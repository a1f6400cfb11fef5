"""Every answering model of the registry: shapes, padding, files; its layers, by hand.

Sizes are tiny: 2 pictures, 3 questions of each, 5 words, a grid of 2 x 3 cells with 4 features.
"""

from __future__ import annotations

import numpy as np
import pytest

from cnnrnn import backend
from cnnrnn.text.vocabulary import PAD, START, taught
from cnnrnn.vqa import cli, losses, settings
from cnnrnn.vqa.answers import NONE
from cnnrnn.vqa.models import MODELS
from cnnrnn.vqa.models.heads import HEADS
from cnnrnn.vqa.models.lstm_cnn import FUSIONS
from cnnrnn.vqa.models.picture import (
    PLACE_DEPTH,
    Cells,
    OwnCnn,
    Standardise,
    place_code,
    shifted_place,
)
from cnnrnn.vqa.models.question import ENCODERS, CnnQuestion, LstmQuestion
from cnnrnn.vqa.models.san import Hop
from cnnrnn.vqa.models.scale import to_unit_scale
from cnnrnn.vqa.prepare import FEATURE_OUTPUT

keras = backend.keras()
ops = keras.ops

B, Q, L, V, A = 2, 3, 5, 9, 8
GRID = (2, 3, 4)
SHAPES = {"grid": GRID, "pooled": (7,), "": ()}
SMALL = {"hidden": 6, "embedding": 4, "dropout": 0.0, "feature_dropout": 0.0}


def made(name: str, answer: str = "classify", **options):
    keras.utils.set_random_seed(3)
    shape = options.pop("shape", SHAPES[FEATURE_OUTPUT[name]])
    model = MODELS[name](V, L, shape, answer, A, **SMALL, **options)
    model.build()
    return model


def asked(model, seed: int = 0) -> dict[str, np.ndarray]:
    """Questions of 3, 5, 1 ... words; the last place has none."""
    generator = np.random.default_rng(seed)
    words = generator.integers(4, V, (B, Q, L)).astype(np.int32)
    for row, length in zip(words.reshape(-1, L), (3, 5, 1, 2, 4, 0), strict=True):
        row[length:] = PAD
    found = {"words": words}
    if model.feature_shape:
        shape = (B, *model.feature_shape)
        found["features"] = generator.normal(1, 1, shape).astype(np.float32)
    return found


def numpy(tensor) -> np.ndarray:
    return ops.convert_to_numpy(tensor)


@pytest.fixture(scope="module", params=MODELS)
def name(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def model(name):
    return made(name)


def test_the_command_offers_the_registry():
    assert settings.MODELS == cli.MODELS == tuple(MODELS)
    assert set(settings.ANSWERS) == set(HEADS)
    assert set(settings.FUSIONS) == set(FUSIONS)
    assert set(settings.ENCODERS) == set(ENCODERS)
    assert set(FEATURE_OUTPUT) == set(MODELS)


def test_an_output_for_every_place_and_what_led_to_it(model):
    given = asked(model)
    outputs = numpy(model(given))
    found = {key: numpy(value) for key, value in model.analyse(given).items()}
    assert outputs.shape == (B * Q, A) and np.isfinite(outputs).all()
    assert found["codes"].shape == (B, Q, 6)
    np.testing.assert_allclose(found["outputs"], outputs, atol=1e-6)


def test_what_stands_behind_a_question_changes_nothing(model):
    """A place without a question, and the other questions of the picture."""
    given = asked(model)
    other = {**given, "words": given["words"].copy()}
    other["words"][0, 1] = 5
    before, after = (numpy(model(each)).reshape(B, Q, A) for each in (given, other))
    assert np.abs(before - after)[0, 1].max() > 1e-6
    before[0, 1] = after[0, 1] = 0
    np.testing.assert_allclose(before, after, atol=1e-6)


def test_longer_padding_changes_nothing(name):
    given = asked(made(name))
    short, long = made(name), made(name)
    long = MODELS[name](V, L + 3, long.feature_shape, "classify", A, **SMALL)
    long.build()
    long.set_weights(short.get_weights())
    wide = {**given, "words": np.pad(given["words"], ((0, 0), (0, 0), (0, 3)))}
    np.testing.assert_allclose(numpy(short(given)), numpy(long(wide)), atol=1e-5)


def test_the_picture_counts_except_for_the_blind(name, model):
    given = asked(model)
    if not model.feature_shape:
        assert name == "question-only"
        return
    other = {**given, "features": given["features"][::-1].copy()}
    assert np.abs(numpy(model(given)) - numpy(model(other))).max() > 1e-4


@pytest.mark.parametrize("answer", HEADS)
def test_a_model_is_the_same_from_its_file(name, answer, tmp_path):
    from cnnrnn.training.fit import load_model

    model = made(name, answer)
    given = asked(model)
    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    for key, value in model.analyse(given).items():
        np.testing.assert_array_equal(numpy(value), numpy(again.analyse(given)[key]))
    assert again.get_config() == model.get_config()


def test_written_answers_have_logits_for_each_real_word(name):
    model = made(name, "generate")
    given = asked(model)
    texts = [[[5, 6]], [[7]], [], [[4]], [], []]
    words, targets = taught(texts, 1)
    given |= {"spoken": words["words"], "positions": words["positions"]}
    assert words["words"][0, 0].tolist() == [START, 5, 6]
    assert numpy(model(given)).shape == (len(targets), A) == (3 + 2 + 2, A)


@pytest.mark.parametrize("name", ["san", "lstm-cnn"])
def test_own_cnn_takes_pixels(name):
    model = made(name, shape=(16, 24, 3), own=True, width=2, shift=1)
    given = asked(model)
    given["features"] = np.random.default_rng(0).integers(0, 256, (B, 16, 24, 3), np.uint8)
    assert model.grid_shape == (2, 3, 8)
    assert numpy(model(given)).shape == (B * Q, A)
    assert np.isfinite(numpy(model(given, training=True))).all()


@pytest.mark.parametrize("fusion", FUSIONS)
def test_fusions(fusion):
    question, picture = np.array([[[2.0, 3.0]]]), np.array([[[5.0, 7.0]]])
    expected = {"multiply": [10, 21], "concat": [2, 3, 5, 7], "add": [7, 10]}[fusion]
    assert numpy(FUSIONS[fusion](ops.array(question), ops.array(picture))).ravel().tolist() == (
        expected
    )
    assert numpy(made("lstm-cnn", fusion=fusion)(asked(made("lstm-cnn")))).shape == (B * Q, A)


@pytest.mark.parametrize("hops", [1, 3])
@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_map_for_every_hop(hops, encoder):
    model = made("san", hops=hops, encoder=encoder)
    maps = numpy(model.analyse(asked(model))["maps"])
    assert maps.shape == (B, Q, hops, 6)
    np.testing.assert_allclose(maps.sum(-1), 1, atol=1e-5)


def test_given_word_vectors_stand_as_far_apart_as_random_ones():
    """Published vectors are small and share a direction; NaN stands for a word that has none."""
    model = made("question-only")
    words, size = model.read.embed.embeddings.shape
    given = np.random.default_rng(0).normal(3.0, 0.1, (words, size)).astype(np.float32)
    given[2] = np.nan
    before = numpy(model.read.embed.embeddings)
    model.begin_with(given)
    after = numpy(model.read.embed.embeddings)
    known = np.delete(after, 2, axis=0)
    np.testing.assert_allclose(known.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(known.std(), 1, atol=1e-4)
    np.testing.assert_array_equal(after[2], before[2])
    apart = np.delete(given, 2, axis=0) - np.delete(given, 2, axis=0).mean(axis=0)
    np.testing.assert_allclose(known / apart, (known / apart).mean(), rtol=1e-3)  # one scale


def test_the_product_with_a_picture_does_not_starve():
    """As many gradients reach the picture's layer as the question's: at length 1 its entries would
    be smaller by the root of their number."""
    vectors = np.abs(np.random.default_rng(0).normal(size=(3, 400))).astype(np.float32)
    scaled = numpy(to_unit_scale(vectors))
    np.testing.assert_allclose(np.sqrt((scaled**2).mean(1)), 1, rtol=1e-4)
    np.testing.assert_allclose(
        scaled / np.linalg.norm(scaled, axis=1, keepdims=True),
        vectors / np.linalg.norm(vectors, axis=1, keepdims=True), rtol=1e-4,
    )  # fmt: skip
    assert (numpy(to_unit_scale(np.zeros((1, 4), np.float32))) == 0).all()


# -- layers, each with a value worked out by hand -------------------------------------------------


def test_a_hop_by_hand():
    """Two cells, of which the query meets the first: tanh(100) = 1 against tanh(0) = 0."""
    hop = Hop(units=1, hidden=1)
    hop.build()
    hop.of_cells.kernel.assign([[100.0]])
    hop.of_query.kernel.assign([[0.0]])
    hop.score.kernel.assign([[np.log(3.0)]])
    seen, maps, fit = hop(ops.array([[[1.0], [0.0]]]), ops.array([[[9.0]]]))
    np.testing.assert_allclose(numpy(maps), [[[0.75, 0.25]]], rtol=1e-5)
    np.testing.assert_allclose(numpy(seen), [[[0.75]]], rtol=1e-5)
    np.testing.assert_allclose(numpy(fit), [[[np.log((3 + 1) / 2)]]], rtol=1e-5)


def test_a_second_hop_looks_where_the_first_did_and_where_the_question_moves_it():
    """With nothing to tell cells apart, only the place is left."""
    hop = Hop(units=1, hidden=1, follows=True)
    hop.build()
    hop.score.kernel.assign([[0.0]])
    hop.cosine.kernel.assign(np.zeros(hop.cosine.kernel.shape))
    rows, columns = 5, 8
    code = place_code(rows, columns)
    cells, one = np.zeros((1, rows * columns, 1), np.float32), np.zeros((1, 1, 1), np.float32)
    start = 2 * columns + 3
    _, where, _ = hop(cells, one, one, code[None, None, start], code)
    assert int(numpy(where).argmax()) == start
    # Two columns to the right: the angle of each wave of x.
    angle = np.pi * 2.0 ** np.linspace(0, 4, PLACE_DEPTH // 4) * 2 / columns
    turn = np.concatenate([angle, angle, 0 * angle, 0 * angle])
    hop.cosine.bias.assign(np.cos(turn))
    hop.sine.bias.assign(np.sin(turn))
    hop.sine.kernel.assign(np.zeros(hop.sine.kernel.shape))
    _, where, _ = hop(cells, one, one, code[None, None, start], code)
    assert int(numpy(where).argmax()) == start + 2


def test_shifted_places_by_hand():
    code = place_code(1, 4)  # x of the middles: 1/8, 3/8, 5/8, 7/8
    angle = np.pi * 2.0 ** np.linspace(0, 4, PLACE_DEPTH // 4) / 4
    turn = np.concatenate([angle, angle, 0 * angle, 0 * angle]).astype(np.float32)
    moved = shifted_place(ops.array(code[None, :1]), np.cos(turn), np.sin(turn))
    np.testing.assert_allclose(numpy(moved)[0, 0], code[1], atol=1e-5)


def test_features_are_scaled_by_what_was_measured(tmp_path):
    layer = Standardise()
    layer.build((None, 2, 2))
    rows = np.array([[[1.0, 1], [1, 1]], [[3, 1], [3, 1]]], np.float32)
    layer.measure(rows)
    scaled = numpy(to_unit_scale(rows)).reshape(-1, 2)
    np.testing.assert_allclose(numpy(layer.mean), scaled.mean(0), rtol=1e-5)
    np.testing.assert_allclose(numpy(layer(rows)).reshape(-1, 2).std(0), 1, rtol=1e-4)
    model = made("san")
    before = numpy(model(asked(model)))
    model.measure(np.random.default_rng(1).normal(3, 2, (9, *GRID)))
    assert np.abs(numpy(model(asked(model))) - before).max() > 1e-3


def test_word_windows_by_hand():
    """Windows of one, two and three words, each with the sum of what it sees, before tanh."""
    layer = CnnQuestion(words=7, length=4, hidden=3, embedding=1)
    layer.build()
    layer.embed.embeddings.assign([[9.0], [0], [0], [0], [0.1], [0.2], [-0.5]])
    for convolution in layer.convolutions:
        convolution.kernel.assign(np.ones(convolution.kernel.shape))
    words = np.array([[4, 5, PAD, PAD], [6, PAD, PAD, PAD], [PAD] * 4], np.int32)
    best = np.tanh([[0.2, 0.3, 0.3], [-0.5, -0.5, -0.5], [0, 0, 0]])
    scale = np.sqrt((best**2).mean(axis=1, keepdims=True)) + 1e-9
    np.testing.assert_allclose(numpy(layer(words)), best / scale, atol=1e-4)


def test_places_tell_equal_cells_apart():
    layer = Cells(units=5, shape=GRID)
    layer.build()
    found = numpy(layer(np.ones((1, *GRID), np.float32)))[0]
    assert found.shape == (6, 5)
    apart = np.abs(found[:, None] - found[None]).max(-1) + np.eye(6)
    assert apart.min() > 1e-3


def test_own_cnn_sees_shifted_pictures_in_training_only():
    layer = OwnCnn(width=2, shift=3, seed=0)
    layer.build((None, 16, 16, 3))
    pixels = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3)).astype(np.float32)
    plain = layer._shifted(ops.array(pixels))
    assert tuple(plain.shape) == pixels.shape
    shifts = {float(numpy(layer._shifted(ops.array(pixels)))[0, 8, 8, 0]) for _ in range(20)}
    assert len(shifts) > 3  # other pixels come to stand there
    np.testing.assert_array_equal(numpy(layer(pixels)), numpy(layer(pixels)))


LAYERS = {
    "lstm": LstmQuestion(V, L, 6, 4, layers=2, whole_state=True),
    "cnn": CnnQuestion(V, L, 6, 4),
    "cells": Cells(5, GRID, 0.5),
    "own": OwnCnn(3, 1, seed=2),
    "hop": Hop(4, 6, True, 0.1),
    "standardise": Standardise(),
    **{name: kind(A, 6) for name, kind in HEADS.items()},
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_serialises(name):
    layer = LAYERS[name]
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(again) is type(layer) and again.get_config() == layer.get_config()


@pytest.mark.parametrize(
    ("name", "given", "shape"),
    [
        ("lstm", [(2, L)], (2, 6)),
        ("cnn", [(2, L)], (2, 6)),
        ("cells", [(2, *GRID)], (2, 6, 5)),
        ("own", [(2, 17, 24, 3)], (2, 3, 3, 12)),
        ("standardise", [(2, *GRID)], (2, *GRID)),
        ("classify", [(2, 6)], (2, A)),
        ("regress", [(2, 6)], (2, A)),
    ],
)
def test_the_shape_of_a_layer(name, given, shape):
    layer = LAYERS[name]
    layer.build(given[0])
    dtype = "int32" if name in ENCODERS else "float32"
    assert tuple(layer(*(np.ones(one, dtype) for one in given)).shape) == shape


# -- losses ---------------------------------------------------------------------------------------


def test_an_answer_that_is_not_there_costs_nothing():
    loss = losses.AnswerCrossEntropy()
    logits = np.log(np.array([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8], [0.2, 0.2, 0.6]], np.float32))
    found = loss(np.array([1, NONE, 2], np.int32), logits)
    assert float(found) == pytest.approx(-(np.log(0.25) + np.log(0.6)) / 2, rel=1e-5)
    assert float(loss(np.array([NONE] * 3, np.int32), logits)) == 0


def test_smoothing_by_hand():
    logits = np.log(np.array([[0.5, 0.25, 0.25]], np.float32))
    mean = -(np.log(0.5) + 2 * np.log(0.25)) / 3
    found = losses.AnswerCrossEntropy(0.2)(np.array([0], np.int32), logits)
    assert float(found) == pytest.approx(0.8 * np.log(2) + 0.2 * mean, rel=1e-5)


def test_cosine_by_hand():
    loss = losses.VectorCosine()
    targets = np.array([[1.0, 0], [0, 1], [0, 0]], np.float32)
    vectors = np.array([[3.0, 0], [1, 1], [5, 5]], np.float32)
    assert float(loss(targets, vectors)) == pytest.approx((0 + 1 - np.sqrt(0.5)) / 2, rel=1e-5)


@pytest.mark.parametrize("loss", [losses.AnswerCrossEntropy(0.1), losses.VectorCosine()])
def test_losses_serialise(loss):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert again.get_config() == loss.get_config()
