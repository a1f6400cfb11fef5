"""DenseCap's network: losses by hand, saving, and that the words reach the boxes and the pictures.

Sizes are tiny: V 12 words, pictures of 112 x 112, two truths of three words.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from cnnrnn import backend
from cnnrnn.densecap import export as densecap_export
from cnnrnn.densecap import losses
from cnnrnn.densecap.models import DenseCap, Recognition
from cnnrnn.densecap.settings import WEIGHTS
from cnnrnn.regions.proposer import Proposer
from cnnrnn.text.vocabulary import END, PAD, START
from cnnrnn.training import export as exporting
from cnnrnn.training.fit import load_model

keras = backend.keras()
ops = keras.ops

V = 12
SMALL = {
    "pooled": 6, "filters": 8, "code": 10, "hidden": 9, "embedding": 7, "dropout": 0.0,
    "sample": 16, "phrases": 4,
}  # fmt: skip


def numpy(tensor) -> np.ndarray:
    return ops.convert_to_numpy(tensor)


def made(**changes) -> DenseCap:
    keras.utils.set_random_seed(4)
    model = DenseCap(V, "scenes", **{**SMALL, **changes}, weights="auto")
    model.build()
    return model


def batch(pictures: int = 2) -> dict:
    generator = np.random.default_rng(0)
    boxes = np.zeros((pictures, 3, 4), np.float32)
    boxes[:, 0], boxes[:, 1] = [10, 10, 50, 60], [60, 30, 100, 90]
    words = np.full((pictures, 3, 5), PAD, np.int32)
    words[:, 0, :4], words[:, 1, :3] = [4, 5, 6, END], [7, 8, END]
    return {
        "pictures": generator.integers(0, 255, (pictures, 112, 112, 3)).astype(np.uint8),
        "boxes": boxes,
        "real": np.tile([True, True, False], (pictures, 1)),
        "words": words,
    }


@pytest.fixture(scope="module")
def model():
    return made()


# -- losses --------------------------------------------------------------------------------------


def test_objectness_by_hand():
    logits = np.array([[math.log(3), math.log(3), 9.0]], np.float32)
    drawn = np.array([[True, True, False]])
    found = losses.objectness(logits, np.array([[True, False, True]]), drawn)
    # -log(3/4) and -log(1/4); the third place is empty.
    assert float(found) == pytest.approx((math.log(4 / 3) + math.log(4)) / 2)
    assert float(losses.objectness(logits, drawn, np.zeros_like(drawn))) == 0


def test_box_distance_by_hand():
    deltas = np.array([[[0.05, 0.3, 0.1, 0], [9, 9, 9, 9]]], np.float32)
    found = losses.box_distance(deltas, np.zeros_like(deltas), np.array([[True, False]]))
    # 0.5, 3, 0.5 and 0 times the usual spread.
    assert float(found) == pytest.approx((0.125 + 2.5 + 0.125) / 4)


def test_words_by_hand():
    logits = np.log(np.array([[0.25, 0.75], [0.5, 0.5]], np.float32))
    found = losses.words(logits, np.array([1, 0]), np.array([True, True]))
    assert float(found) == pytest.approx((math.log(4 / 3) + math.log(2)) / 2, rel=1e-5)
    found = losses.words(logits, np.array([1, 0]), np.array([True, False]))
    assert float(found) == pytest.approx(math.log(4 / 3), rel=1e-5)


def test_the_published_weights():
    assert list(WEIGHTS.values()) == [0.1, 0.05, 0.1, 0.1, 1.0]


# -- the layers ----------------------------------------------------------------------------------


def test_recognition_saves():
    layer = Recognition(5, 0.3)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert copy.get_config() == layer.get_config()
    copy.build((None, None, 7, 7, 3))
    assert tuple(copy.first.kernel.shape) == (7 * 7 * 3, 5)


def test_recognition_keeps_regions_apart():
    keras.utils.set_random_seed(1)
    layer = Recognition(5)
    pooled = np.random.default_rng(0).normal(size=(2, 3, 7, 7, 4)).astype(np.float32)
    codes, scores, deltas = map(numpy, layer(pooled))
    assert codes.shape == (2, 3, 5) and scores.shape == (2, 3) and deltas.shape == (2, 3, 4)
    alone = [numpy(part) for part in layer(pooled[1:, 2:])]
    np.testing.assert_allclose(alone[0][0, 0], codes[1, 2], atol=1e-5)
    np.testing.assert_allclose(alone[1][0, 0], scores[1, 2], atol=1e-5)


# -- the whole -----------------------------------------------------------------------------------


def test_five_losses_one_for_each_picture(model):
    found = model(batch())
    assert list(found) == list(WEIGHTS)
    for name, value in found.items():
        value = numpy(value)
        assert value.shape == (2,) and np.isfinite(value).all(), name
    assert float(found["captions"][0]) == pytest.approx(math.log(V), rel=0.1)


def test_a_picture_without_regions_has_no_words_and_no_boxes(model):
    inputs = batch()
    inputs["real"] = np.zeros_like(inputs["real"])
    found = {name: float(value[0]) for name, value in model(inputs).items()}
    assert found["captions"] == found["proposal_boxes"] == found["final_boxes"] == 0
    assert found["proposal_objectness"] > 0


def test_it_looks_and_recognises(model):
    pictures = batch()["pictures"]
    grid = model.proposals.look(pictures)
    boxes, scores = model.proposals.propose(grid)
    assert tuple(grid.shape) == (2, 14, 14, 128)
    assert tuple(boxes.shape) == (2, 14 * 14 * 12, 4) and tuple(scores.shape) == (2, 2352)
    codes, scores, better = model.recognise(grid, boxes[:, :6])
    assert tuple(codes.shape) == (2, 6, 10) and tuple(scores.shape) == (2, 6)
    better = numpy(better)
    assert better.min() >= 0 and better.max() <= 112


def test_every_weight_exists_before_the_first_call_and_the_trunk_is_first():
    model = made()
    before = [weight.path for weight in model.weights]
    model(batch())
    assert [weight.path for weight in model.weights] == before
    first = model.trainable_variables[: model.trunk_variables()]
    assert [v.path for v in first] == [v.path for v in model.proposals.trunk.trainable_variables]
    assert not any("normalised" in v.path for v in first)


def test_a_frozen_trunk_is_not_trained():
    model = made(frozen=True)
    assert model.trunk_variables() == 0
    assert not any("convolution" in v.path for v in model.trainable_variables)


def test_a_saved_model_says_the_same(model, tmp_path):
    model.save(tmp_path / "model.keras")
    copy = load_model(tmp_path / "model.keras")
    pictures = batch()["pictures"]
    grid = model.proposals.look(pictures)
    np.testing.assert_allclose(numpy(copy.proposals.look(pictures)), numpy(grid), atol=1e-4)
    pairs = zip(copy.proposals.propose(grid), model.proposals.propose(grid), strict=True)
    for found, expected in pairs:
        np.testing.assert_allclose(numpy(found), numpy(expected), atol=1e-4)
    assert copy.get_config()["sample"] == 16 and copy.proposals.side == 112
    boxes, scores = Proposer.load(tmp_path / "model.keras").propose(pictures[0], count=5)
    expected = Proposer(model.proposals).propose(pictures[0], count=5)
    np.testing.assert_allclose(boxes, expected[0], atol=1e-2)
    np.testing.assert_allclose(scores, expected[1], atol=1e-5)


@pytest.mark.skipif(backend.name() != "tensorflow", reason="gradients through TensorFlow")
def test_the_share_of_the_gradient_that_moves_boxes():
    import tensorflow as tf

    found = []
    for share in (0.0, 0.01, 1.0):
        model = made(box_gradient=share)
        with tf.GradientTape() as tape:
            value = tf.reduce_mean(model(batch())["captions"])
        found.append(tape.gradient(value, model.proposals.head.deltas.kernel.value))
    assert found[0] is None or np.abs(found[0].numpy()).max() == 0
    np.testing.assert_allclose(100 * found[1].numpy(), found[2].numpy(), rtol=1e-3, atol=1e-7)


@pytest.mark.skipif(backend.name() != "tensorflow", reason="gradients through TensorFlow")
def test_the_words_teach_the_trunk_and_move_the_boxes(model):
    """The gradient of the loss of the captions alone, by way of the RoI pooling."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        value = tf.reduce_mean(model(batch())["captions"])
    kernel = model.proposals.head.deltas.kernel.value
    first = model.proposals.trunk.trainable_variables[0].value
    to_boxes, to_trunk = tape.gradient(value, [kernel, first])
    assert np.abs(to_boxes.numpy()).max() > 0
    assert np.abs(to_trunk.numpy()).max() > 1e-7

    pictures = tf.constant(batch()["pictures"])
    grid = model.proposals.look(pictures)
    boxes, _ = model.proposals.propose(grid)
    boxes = tf.constant(numpy(boxes)[:, 300:304] + [2, 3, 5, 7])
    words = tf.constant([[4, 5, END]] * 8)
    with tf.GradientTape() as tape:
        tape.watch(boxes)
        codes, _, _ = model._recognise(grid, boxes)
        start = tf.fill((8, 1), START)
        before = tf.concat([start, words[:, :-1]], axis=1)[:, None]
        inputs = {
            "features": tf.reshape(codes, (8, -1)), "words": before, "positions": tf.range(24),
        }  # fmt: skip
        real = tf.ones(24, bool)
        value = losses.words(model.writer(inputs), tf.reshape(words, (-1,)), real)
    gradient = tape.gradient(value, boxes).numpy()
    assert (np.abs(gradient).sum(axis=(0, 1)) > 0).all()  # each of the four corners


@pytest.mark.slow
@pytest.mark.skipif(backend.name() != "tensorflow", reason="a SavedModel is TensorFlow's")
def test_a_network_of_many_sizes_is_exported_for_all_of_them(tmp_path):
    import tensorflow as tf

    keras.utils.set_random_seed(4)
    model = DenseCap(V, "mobilenet_v2", 64, **SMALL)
    model.build()
    endpoints = densecap_export.endpoints(model)
    exporting.write(tmp_path / "out", "saved-model", model, endpoints, lambda folder: None)
    served = tf.saved_model.load(str(tmp_path / "out" / "saved_model"))
    for height, width in ((32, 64), (64, 48)):
        pictures = np.zeros((1, height, width, 3), np.uint8)
        first = served.propose({"pictures": tf.constant(pictures)})
        cells = height // 16 * width // 16
        assert first["boxes"].shape == (1, 12 * cells, 4)
        second = served.recognise({"grid": first["grid"], "boxes": first["boxes"][:, :9]})
        assert second["codes"].shape == (1, 9, SMALL["code"])
        assert second["boxes"].numpy().max() <= max(height, width)
