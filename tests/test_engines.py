"""The engines give the same features, for any batch, without a network and without Keras' help."""

from __future__ import annotations

import socket

import numpy as np
import pytest

from cnnrnn import backend
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.features import engines
from cnnrnn.features.folding import fold_normalisations


@pytest.fixture(scope="module")
def model():
    """A layer of each kind that engines fold or fuse, with statistics that are not 0 and 1."""
    keras = backend.keras()
    inputs = keras.Input((8, 10, 3))
    layer = keras.layers.Rescaling(1 / 127.5, -1.0)(inputs)
    layer = keras.layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False)(layer)
    layer = keras.layers.BatchNormalization()(layer)
    layer = keras.layers.ReLU(6.0)(layer)
    layer = keras.layers.DepthwiseConv2D(3, padding="same")(layer)
    layer = keras.layers.Activation("swish")(layer)
    built = keras.Model(inputs, layer)
    generator = np.random.default_rng(0)
    for variable in built.weights:
        variable.assign(generator.uniform(0.2, 1.0, variable.shape))
    return built


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (5, 8, 10, 3), np.uint8)


def available() -> list[str]:
    return [name for name in engines.ENGINES if name != "openvino" or engines._has_openvino()]


@pytest.mark.parametrize("name", ["auto", *engines.ENGINES])
def test_an_engine_agrees_with_keras(name, model, pictures):
    if name == "openvino":
        pytest.importorskip("openvino", reason="the extra `fast` is not installed")
    expected = model.predict(pictures.astype(np.float32), verbose=0)
    result = engines.make(model, name)(pictures)
    assert result.dtype == np.float32 and result.shape == (5, 4, 5, 4)
    assert np.abs(result - expected).max() <= 1e-2 * np.abs(expected).max()


@pytest.mark.parametrize("name", available())
def test_a_batch_may_have_any_size_and_earlier_results_stay(name, model, pictures):
    engine = engines.make(model, name)
    whole = engine(pictures)
    kept = whole.copy()
    pieces = np.concatenate([engine(pictures[:1]), engine(pictures[1:3]), engine(pictures[3:])])
    np.testing.assert_allclose(pieces, whole, atol=1e-4)
    np.testing.assert_array_equal(whole, kept)


@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_folding_by_hand(scale, bias):
    keras = backend.keras()
    layers = keras.layers
    inputs = keras.Input((1, 1, 2))
    convolution = layers.Conv2D(1, 1, use_bias=bias)
    depthwise = layers.DepthwiseConv2D(1, use_bias=bias)
    plain = keras.Model(inputs, layers.BatchNormalization(scale=scale)(convolution(inputs)))
    deep = keras.Model(inputs, layers.BatchNormalization(scale=scale)(depthwise(inputs)))
    for model, kernel in ((plain, [3.0, 5.0]), (deep, [3.0, 5.0])):
        filters, normalisation = model.layers[1:]
        filters.kernel.assign(np.reshape(kernel, filters.kernel.shape))
        if bias:
            filters.bias.assign(np.full(filters.bias.shape, 4.0))
        if scale:
            normalisation.gamma.assign(np.full(normalisation.gamma.shape, 10.0))
        normalisation.beta.assign(np.full(normalisation.beta.shape, 7.0))
        normalisation.moving_mean.assign(np.full(normalisation.moving_mean.shape, 1.0))
        variance = np.full(normalisation.moving_variance.shape, 4.0) - normalisation.epsilon
        normalisation.moving_variance.assign(variance)
        fold_normalisations(keras.Model(inputs, model(inputs)))  # also where it is nested
        # A variance of 4 is a division by 2, before gamma multiplies with 10.
        factor = 5.0 if scale else 0.5
        folded = np.array(filters.kernel).reshape(-1)
        np.testing.assert_allclose(folded, np.multiply(kernel, factor), rtol=1e-5)
    given = np.array([1.0, 2.0], np.float32).reshape(1, 1, 1, 2)
    added = 4 if bias else 0
    for model, sums in ((plain, [3 + 2 * 5]), (deep, [3, 2 * 5])):
        expected = (np.array(sums) + added - 1) * factor + 7
        np.testing.assert_allclose(np.array(model(given)).reshape(-1), expected, rtol=1e-5)


def test_a_convolution_that_others_read_is_not_folded():
    keras = backend.keras()
    inputs = keras.Input((1, 1, 1))
    shared = keras.layers.Conv2D(1, 1, kernel_initializer="ones")(inputs)
    active = keras.layers.Conv2D(1, 1, kernel_initializer="ones", activation="relu")(inputs)
    total = keras.layers.Add()(
        [shared, *(keras.layers.BatchNormalization()(layer) for layer in (shared, active))]
    )
    model = keras.Model(inputs, total)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_variance.assign([0.25 - layer.epsilon])
    fold_normalisations(model)
    given = np.ones((1, 1, 1, 1), np.float32)
    np.testing.assert_allclose(np.array(model(given)).item(), 1 + 2 + 2, rtol=1e-5)


def test_an_engine_outlives_its_model(pictures):
    keras = backend.keras()
    inputs = keras.Input((8, 10, 3))
    doubled = keras.Model(inputs, keras.layers.Rescaling(2.0)(inputs))
    engine = engines.make(doubled)
    del doubled
    np.testing.assert_array_equal(engine(pictures), pictures * np.float32(2))


def test_openvino_converts_without_a_network(model, pictures, monkeypatch):
    pytest.importorskip("openvino", reason="the extra `fast` is not installed")

    def refuse(*_):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert engines.make(model, "openvino")(pictures).shape == (5, 4, 5, 4)


def test_auto_falls_back_where_openvino_fails(model, pictures, monkeypatch, capsys):
    def fail(_):
        raise RuntimeError("no such layer\nand a long explanation")

    monkeypatch.setattr(engines, "_has_openvino", lambda: True)
    monkeypatch.setattr(engines, "_openvino", fail)
    result = engines.make(model)(pictures)
    np.testing.assert_allclose(result, engines.make(model, "tensorflow")(pictures), atol=1e-5)
    told = capsys.readouterr().err
    assert "no such layer" in told and "long explanation" not in told


def test_an_engine_that_is_not_there(model, monkeypatch):
    monkeypatch.setattr(engines, "_has_openvino", lambda: False)
    with pytest.raises(CnnRnnError, match="not installed.*fast"):
        engines.make(model, "openvino")
    with pytest.raises(UsageError, match="one of auto, tensorflow"):
        engines.make(model, "warp")


def test_a_graph_engine_under_another_backend(model, monkeypatch):
    monkeypatch.setattr(backend, "name", lambda: "jax")
    with pytest.raises(UsageError, match="not jax"):
        engines.make(model, "tensorflow")
