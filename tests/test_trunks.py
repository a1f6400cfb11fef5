"""Backbones that are trained: their grids, what of them learns, their sizes."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrnn import backend
from cnnrnn.errors import UsageError
from cnnrnn.features import trunks

keras = backend.keras()


def test_the_own_network_is_trained_but_for_its_normalisation():
    trunk = trunks.get("scenes")
    model = trunk.build()
    assert tuple(model.output.shape) == (None, 14, 14, 128)
    assert len(model.trainable_variables) == 6  # one kernel a convolution
    picture = np.full((1, 112, 112, 3), 100, np.float32)
    assert np.isfinite(keras.ops.convert_to_numpy(model(picture))).all()


def test_a_photo_network_takes_any_size_and_its_first_layers_stay():
    trunk = trunks.get("mobilenet_v2")
    model = trunk.build("random")
    for height, width in ((64, 96), (128, 64)):
        grid = model(np.zeros((1, height, width, 3), np.float32))
        assert tuple(grid.shape) == (1, height // 16, width // 16, 576)
    names = [variable.path for variable in model.trainable_variables]
    assert names[0].startswith("block_6_expand/") and names[-1].startswith("block_13_expand/")
    assert not any("BN" in name for name in names)


def test_the_same_weights_give_the_grid_of_the_backbone(shared_data):
    """Up to stride 16 the trunk is the very network whose last grid is cached for captions."""
    weights = shared_data / "backbones" / "mobilenet_v2_1.0_224_ptq_notop.weights.h5"
    trunk = trunks.get("mobilenet_v2").build(str(weights))
    whole = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(96, 96, 3))
    whole.load_weights(weights)
    part = keras.Model(whole.input, whole.get_layer("block_13_expand_relu").output)
    picture = np.random.default_rng(0).uniform(0, 255, (1, 96, 96, 3)).astype(np.float32)
    expected = keras.ops.convert_to_numpy(part(picture / 127.5 - 1))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(trunk(picture)), expected, atol=1e-3)


def test_a_backbone_without_a_trunk_is_told():
    with pytest.raises(UsageError, match="no backbone 'resnet50' for regions"):
        trunks.get("resnet50")
    with pytest.raises(UsageError, match="did you mean mobilenet_v2"):
        trunks.get("mobilenetv2")
