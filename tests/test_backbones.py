"""Every family gives what `keras.applications` gives, and bad weights are told in one line."""

from __future__ import annotations

import shutil

import h5py
import numpy as np
import pytest

from cnnrnn import backend
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.features import backbones, loading, scenes_cnn
from cnnrnn.features.extractor import Extractor
from cnnrnn.media import images
from cnnrnn.media.sources import Source

# Odd and oblong, so that paddings, strides and the order of the sides all show.
SIZE = (97, 131)
DEEP = ("resnet101", "resnet50", "vgg19", "inception_v3")
FAMILIES = [
    pytest.param(name, marks=pytest.mark.slow if name in DEEP else ())
    for name, backbone in backbones.REGISTRY.items()
    if backbone.application
]
MOBILENET = "mobilenet_v2_1.0_224_ptq_notop.weights.h5"


@pytest.fixture(scope="module")
def photo(request) -> Source:
    """A real photo; a drawn picture where the third-party data is absent."""
    try:
        folder = request.getfixturevalue("shared_data") / "flickr8k" / "Flicker8k_Dataset"
    except pytest.skip.Exception:
        y, x = np.mgrid[:224, :224]
        return Source("drawn", array=np.stack([x, y, (x * y) % 256], -1).astype(np.uint8))
    path = folder / "1000268201_693b08cb0e.jpg"
    return Source(path.name, path)


def reference(backbone, network, photo, size):
    """What `keras.applications` documents: its preprocessing, then its network."""
    pixels = images.resize(photo.read(), size).astype(np.float32)[None]
    module = getattr(backend.keras().applications, backbone.module)
    return network.predict(module.preprocess_input(pixels), verbose=0)[0]


def longest_way(layer, known=None) -> int:
    """Layers with kernels on the longest way from the input to a layer, itself included."""
    known = {} if known is None else known
    if layer.name not in known:
        before = [
            longest_way(tensor._keras_history.operation, known)
            for node in layer._inbound_nodes
            for tensor in node.input_tensors
        ]
        own = any(len(weight.shape) > 1 for weight in layer.weights)
        known[layer.name] = max(before, default=0) + own
    return known[layer.name]


def difference(ours, expected) -> float:
    """The largest error, relative to the largest value; both (…) of equal shape."""
    assert ours.shape == expected.shape
    return float(np.abs(ours.astype(np.float32) - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("name", FAMILIES)
def test_features_are_those_of_keras_applications(name, photo, tmp_path):
    backbone = backbones.get(name)
    function = getattr(backend.keras().applications, backbone.application)
    network = function(include_top=False, weights=None, input_shape=(*SIZE, 3))
    loading.fill_randomly(network, backbone.random_gain, backbones.RANDOM_SEED)
    path = tmp_path / "own.weights.h5"
    network.save_weights(path)
    layer = network.get_layer(backbone.grid)
    assert longest_way(layer) == backbone.layers
    network = backend.keras().Model(network.input, layer.output)
    expected = reference(backbone, network, photo, SIZE)

    table = Extractor(name, path, "grid", SIZE).extract([photo])
    assert table.row_shape == expected.shape
    assert difference(table.read([0])[0], expected) < 1e-2


def test_pooled_is_the_average_of_the_grid(photo):
    grid, pooled = (
        Extractor("mobilenet_v2", "random", output, SIZE).compute([photo.read()])[0]
        for output in ("grid", "pooled")
    )
    assert grid.shape == (4, 5, 1280)
    assert difference(pooled, grid.mean((0, 1), dtype=np.float32)) < 1e-2


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vgg16", "vgg19"])
def test_pooled_vgg_is_its_second_fully_connected_layer(name, photo):
    backbone = backbones.get(name)
    network = getattr(backend.keras().applications, backbone.application)(weights=None)
    loading.fill_randomly(network, backbone.random_gain, backbones.RANDOM_SEED)
    assert longest_way(network.get_layer("fc2")) == backbone.layers_to("pooled")
    network = backend.keras().Model(network.input, network.get_layer("fc2").output)
    expected = reference(backbone, network, photo, (224, 224))
    assert expected.shape == (4096,)
    ours = Extractor(name, "random", "pooled").compute([photo.read()])
    assert difference(ours[0], expected) < 1e-2


def test_real_weights_at_their_own_size(photo, shared_data):
    weights = shared_data / "backbones" / MOBILENET
    network = backend.keras().applications.MobileNetV2(
        include_top=False, weights=str(weights), input_shape=(224, 224, 3)
    )
    expected = reference(backbones.get("mobilenet_v2"), network, photo, (224, 224))
    table = Extractor("mobilenet_v2", weights).extract([photo])
    assert table.row_shape == (7, 7, 1280)
    assert difference(table.read([0])[0], expected) < 1e-2


def test_two_engines_agree_on_a_real_network(photo):
    pytest.importorskip("openvino", reason="the extra `fast` is not installed")
    rows = [
        Extractor("mobilenet_v2", "random", "grid", 96, engine=engine).compute([photo.read()])
        for engine in ("tensorflow", "openvino")
    ]
    assert difference(rows[0], rows[1].astype(np.float32)) < 1e-2


@pytest.mark.parametrize(
    ("name", "side", "cells"),
    [
        # The last row of the summaries that Keras prints for these sizes.
        ("mobilenet_v2", 224, 7),
        ("mobilenet_v2", 288, 9),
        ("efficientnet_b0", 224, 7),
        ("resnet50", 225, 8),
        ("inception_v3", 299, 8),
        ("inception_v3", 75, 1),
        ("vgg16", 224, 14),
        ("vgg19", 239, 14),
    ],
)
def test_the_grid_by_arithmetic(name, side, cells):
    backbone = backbones.get(name)
    assert backbone.row_shape("grid", side) == (cells, cells, backbone.depth)
    assert backbone.row_shape("pixels", (side, 5)) == (side, 5, 3)


@pytest.mark.parametrize("size", [(112, 112), (97, 131)])
def test_the_own_network(size, photo):
    network = scenes_cnn.build(size)
    backbone = backbones.get("scenes")
    for output, layer in (("grid", backbone.grid), ("pooled", backbone.pooled)):
        assert longest_way(network.get_layer(layer)) == backbone.layers_to(output)
    loading.fill_randomly(network, backbone.random_gain, backbones.RANDOM_SEED)
    pixels = images.resize(photo.read(), size)
    grid, pooled = network.predict(pixels[None].astype(np.float32), verbose=0)
    for output, expected in (("grid", grid), ("pooled", pooled)):
        extractor = Extractor("scenes", "random", output, size)
        assert extractor.row_shape == expected.shape[1:]
        assert difference(extractor.compute([pixels])[0], expected[0]) < 1e-2


def test_pooled_and_usual_sizes():
    assert backbones.get("resnet101").row_shape("pooled") == (2048,)
    assert backbones.get("vgg19").row_shape("pooled") == (4096,)
    assert Extractor("inception_v3", "random").row_shape == (8, 8, 2048)
    for options in ({"size": 256}, {"size": (224, 200)}):
        with pytest.raises(UsageError, match="fc2, which takes 224x224 pixels"):
            Extractor("vgg16", "random", "pooled", **options)
    with pytest.raises(UsageError, match="cannot take 74x74 pixels"):
        Extractor("inception_v3", "random", size=74)


def test_random_weights_are_the_same_every_time(photo):
    features = [Extractor("mobilenet_v2", "random", "pooled", 64) for _ in range(2)]
    first, second = (extractor.compute([photo.read()]) for extractor in features)
    np.testing.assert_array_equal(first, second)
    assert np.ptp(first.astype(np.float32)) > 0.1  # neither died out nor overflowed


def test_the_hash_is_that_of_the_content(tmp_path):
    (tmp_path / "a.h5").write_bytes(b"weights")
    (tmp_path / "b.h5").write_bytes(b"weights")
    (tmp_path / "c.h5").write_bytes(b"others")
    hashes = [
        Extractor("mobilenet_v2", tmp_path / name).spec.weights_hash
        for name in ("a.h5", "b.h5", "c.h5")
    ]
    assert hashes[0] == hashes[1] != hashes[2]
    assert Extractor("mobilenet_v2", "random").spec.weights_hash not in hashes


def test_a_download_that_fails_says_which_file_goes_where(monkeypatch, tmp_path):
    def fail(**_):
        raise Exception("URL fetch failure on https://...: None -- [Errno -3]")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(backend.keras().applications, "MobileNetV2", fail)
    monkeypatch.setattr(backend.keras().applications, "VGG16", fail)
    kernels = "weights_tf_dim_ordering_tf_kernels"
    for name, output, size, file in [
        ("mobilenet_v2", "grid", 300, f"mobilenet_v2_{kernels}_1.0_224_no_top.h5"),
        ("mobilenet_v2", "grid", 96, f"mobilenet_v2_{kernels}_1.0_96_no_top.h5"),
        ("vgg16", "pooled", None, f"vgg16_{kernels}.h5"),
    ]:
        with pytest.raises(CnnRnnError, match="cannot download") as caught:
            Extractor(name, "imagenet", output, size).extract([])
        assert f"the file {file} into {tmp_path}/models/" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_imagenet_weights_that_are_there_identify_themselves(monkeypatch, tmp_path):
    """Put there by hand or by Keras: the cache is looked up without loading Keras."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "efficientnetb0_notop.h5").write_bytes(b"weights")
    (tmp_path / "copy.h5").write_bytes(b"weights")
    auto, path = Extractor("efficientnet_b0"), Extractor("efficientnet_b0", tmp_path / "copy.h5")
    assert auto.spec == path.spec


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A network's weights in a file."""
    path = tmp_path_factory.mktemp("weights") / "mobilenet.weights.h5"
    backend.keras().applications.MobileNetV2(include_top=False, weights=None).save_weights(path)
    return path


def test_weights_that_do_not_fit_say_what_was_expected(saved, tmp_path, recwarn):
    cut, text, holes = (tmp_path / f"{name}.weights.h5" for name in ("cut", "text", "holes"))
    cut.write_bytes(saved.read_bytes()[:100_000])
    text.write_text("no weights")
    shutil.copy(saved, holes)
    with h5py.File(holes, "r+") as file:
        del file["layers/batch_normalization_7"]
    for name, path in [
        ("vgg16", saved),
        ("mobilenet_v2", cut),
        ("mobilenet_v2", text),
        ("mobilenet_v2", holes),
    ]:
        with pytest.raises(CnnRnnError, match="does not fit") as caught:
            Extractor(name, path, size=64).compute([np.zeros((64, 64, 3), np.uint8)])
        assert f"keras.applications.{backbones.get(name).application}" in str(caught.value)
        assert "\n" not in str(caught.value)
    assert not recwarn.list


def test_only_the_own_network_has_no_imagenet_weights():
    with pytest.raises(UsageError, match="scenes has no imagenet weights"):
        Extractor("scenes", "imagenet")
    with pytest.raises(UsageError, match="one of scenes, mobilenet_v2"):
        backbones.get("alexnet")
