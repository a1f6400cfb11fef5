"""What the pooled video classifiers do before their softmax, by hand."""

from __future__ import annotations

import numpy as np

from cnnrnn import backend
from cnnrnn.video_classify.models import MODELS
from cnnrnn.video_classify.models.base import signed_root

ops = backend.keras().ops


def pooled(name: str, shapes: dict, **options):
    model = MODELS[name](2, shapes, options.pop("pictures", ()), **options)
    model.build()
    return model


def test_a_small_deviation_is_heard_beside_a_large_mean():
    """Means are some hundreds apart, deviations hundredths: after the levelling both are ones."""
    generator = np.random.default_rng(0)
    means = generator.normal(0, 100, (40, 1, 1))
    spread = np.where(np.arange(40) % 2, 0.01, 0.03)[:, None, None]
    x = (means + spread * np.array([-1, 1, -1, 1])[:, None]).astype(np.float32)
    mask = np.ones((40, 4), bool)
    model = pooled("mean-std", {"rgb": (4, 1)}, dropout=0.0, feature_dropout=0.0)
    model.measure({"rgb": x}, mask)
    model.classify.kernel.assign(np.eye(2))  # shows the two vectors as they reach the classifier
    found = ops.convert_to_numpy(model({"rgb": x, "mask": mask}))
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-3)
    np.testing.assert_allclose(found[:, 0].std(), 1, rtol=1e-3)
    assert found[1::2, 1].max() < found[::2, 1].min()


def test_dropped_features_do_not_look_as_if_they_varied():
    x = np.full((64, 6, 3), 5, np.float32)
    model = pooled("mean-std", {"rgb": (6, 3)}, dropout=0.0, feature_dropout=0.5)
    frames, mask = model.frames({"rgb": x, "mask": np.ones((64, 6), bool)}, training=True)
    mean, deviation = map(ops.convert_to_numpy, model._pool(frames, mask))
    assert set(np.round(mean).ravel()) == {0, 10}  # some are dropped, for the whole clip
    np.testing.assert_allclose(deviation, 1e-3, rtol=0.1)


def test_before_training_all_labels_are_alike():
    model = pooled("mean", {"rgb": (4, 3)})
    given = {"rgb": np.random.default_rng(0).normal(size=(2, 4, 3)), "mask": np.ones((2, 4), bool)}
    assert (ops.convert_to_numpy(model(given)) == 0).all()


def test_motion_is_taken_cell_by_cell_but_by_recurrent_nets():
    shapes = {"motion": (4, 6, 8)}
    assert not pooled("mean", shapes, pictures=("motion",)).stems
    assert pooled("mean", shapes, pictures=("motion",)).classify.kernel.shape == (48, 2)
    assert len(pooled("gru", shapes, pictures=("motion",), hidden=4).stems) == 1


def test_flow_is_taken_by_its_root_and_nothing_else_is():
    assert ops.convert_to_numpy(signed_root(ops.array([-9.0, 0, 4]))).tolist() == [-3, 0, 2]
    x = np.array([[[[[-9.0, 4.0]]]]], np.float32)  # one clip, one frame, one cell
    given = {"flow": x, "rgb": x.reshape(1, 1, 2), "mask": np.ones((1, 1), bool)}
    model = pooled("mean", {"flow": (1, 1, 1, 2), "rgb": (1, 2)}, feature_dropout=0.0)
    frames, _ = model.frames(given)
    assert ops.convert_to_numpy(frames).ravel().tolist() == [-3, 2, -9, 4]
