"""The top of a backbone: what is cached lies right below it, and both together are the whole."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrnn import backend
from cnnrnn.errors import UsageError
from cnnrnn.features import backbones, tops
from cnnrnn.features.extractor import Extractor

numpy = backend.keras().ops.convert_to_numpy
PICTURES = np.random.default_rng(0).integers(0, 255, (2, 112, 112, 3)).astype(np.float32)


@pytest.mark.parametrize("output", ["grid", "pooled"])
def test_the_top_on_what_lies_below_gives_the_features_of_the_whole(output):
    backbone, size = backbones.get("scenes"), (112, 112)
    top = tops.build("scenes", "auto", output, size)
    below = backbone.build("auto", "below", size)(PICTURES)
    assert below.shape[1:] == top.input.shape[1:] == backbone.row_shape("below")
    whole = backbone.build("auto", output, size)(PICTURES)
    np.testing.assert_allclose(numpy(top(below)), numpy(whole), atol=1e-4)


def test_it_learns_but_for_its_normalisation():
    top = tops.build("scenes", "auto", "grid", (112, 112))
    names = [variable.path for variable in top.trainable_variables]
    assert names == ["things_convolution/kernel", "grid_convolution/kernel"]


@pytest.mark.parametrize(
    ("name", "size", "first"),
    [
        ("mobilenet_v2", (97, 131), "block_16_expand"),
        pytest.param("efficientnet_b0", (97, 131), "block7a_expand_conv", marks=pytest.mark.slow),
        pytest.param("resnet50", (97, 131), "conv5_block1_1_conv", marks=pytest.mark.slow),
        pytest.param("resnet101", (97, 131), "conv5_block1_1_conv", marks=pytest.mark.slow),
        pytest.param("vgg16", (97, 131), "block5_conv1", marks=pytest.mark.slow),
        pytest.param("vgg19", (97, 131), "block5_conv1", marks=pytest.mark.slow),
    ],
)
def test_a_photo_network_is_cut_below_its_last_block(name, size, first):
    top = tops.build(name, "random", "grid", size)
    backbone = backbones.get(name)
    assert top.input.shape[1:] == backbone.row_shape("below", size)
    assert top.output.shape[1:] == backbone.row_shape("grid", size)
    assert first in [variable.path.split("/")[0] for variable in top.trainable_variables]


def test_what_is_cached_is_named_by_its_layer():
    below = Extractor("mobilenet_v2", "random", "below", 64)
    assert below.row_shape == (2, 2, 160) and below.spec.output == "block_15_add"
    grid = Extractor("mobilenet_v2", "random", "grid", 64)
    assert below.spec.filename != grid.spec.filename


def test_features_do_not_depend_on_the_precision_of_the_training():
    picture = [PICTURES[0].astype(np.uint8)]
    expected = Extractor("scenes", engine="tensorflow").compute(picture)
    with backend.policy("mixed_bfloat16"):
        found = Extractor("scenes", engine="tensorflow").compute(picture)
        assert tops.build("scenes", "auto", "grid", (112, 112)).output.dtype == "float32"
    np.testing.assert_array_equal(found, expected)


def test_what_cannot_be_fine_tuned_is_told():
    with pytest.raises(UsageError, match="inception_v3 has no top to fine-tune"):
        tops.check("inception_v3", "grid")
    with pytest.raises(UsageError, match="vgg16 pooled is its layer fc2, too large"):
        tops.check("vgg16", "pooled")
    tops.check("vgg16", "grid")
