"""Every video classifier of the registry: shapes, masks, files; its layers, by hand.

Sizes are tiny: 3 labels, 5 frames, 4 features, H 6.
"""

from __future__ import annotations

import numpy as np
import pytest

from cnnrnn import backend
from cnnrnn.video_classify import cli, losses, settings
from cnnrnn.video_classify.models import MODELS
from cnnrnn.video_classify.models.attention import FrameScores, KeepFrames
from cnnrnn.video_classify.models.base import (
    VIEWS,
    PictureStem,
    Standardise,
    View,
    at_first,
    at_last,
    masked_mean,
    masked_softmax,
)
from cnnrnn.video_classify.models.mixture import Mixture
from cnnrnn.video_classify.models.vote import VOTES, Votes

keras = backend.keras()
ops = keras.ops

T, D, L = 5, 4, 3
SHAPES = {"rgb": (T, D), "motion": (T, 6, 8)}
SMALL = {"hidden": 6, "dropout": 0.0, "feature_dropout": 0.0}
PIXELS = {"rgb": (8, 16, 16, 3)}


def made(name: str, **options):
    keras.utils.set_random_seed(3)
    if name == "c3d":
        model = MODELS[name](L, PIXELS, width=2, dropout=0.0, **options)
    else:
        model = MODELS[name](L, SHAPES, ("motion",), **SMALL, **options)
    model.build()
    # Pooled models begin from zero, and zeros would hide what these tests look for.
    kernel = model.classify.kernel
    kernel.assign(np.random.default_rng(3).normal(size=kernel.shape))
    return model


def clips(model, count=3, seed=0) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    given = {
        stream: generator.normal(size=(count, *shape)).astype(np.float32)
        for stream, shape in model.shapes.items()
    }
    mask = np.ones((count, model.length), bool)
    mask[0, 3:] = False
    return given | {"mask": mask}


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
    assert settings.STREAMS == cli.STREAMS
    assert set(settings.VOTES) == set(VOTES) and set(settings.VIEWS) == set(VIEWS)


def test_logits_for_each_clip_and_what_led_to_them(model):
    given = clips(model)
    logits = numpy(model(given))
    found = {key: numpy(value) for key, value in model.analyse(given).items()}
    assert logits.shape == (3, L)
    np.testing.assert_allclose(found["logits"], logits, atol=1e-5)
    if "weights" in found:
        np.testing.assert_allclose(found["weights"].sum(1), 1, atol=1e-5)
        assert (found["weights"][0, 3:] == 0).all()
    if "steps" in found:
        assert found["steps"].shape == (3, T, L)
    if "chosen" in found:
        assert not found["chosen"][0, 3:].any()


def test_a_masked_frame_changes_nothing(model):
    given = clips(model)
    other = {key: value.copy() for key, value in given.items()}
    for stream in model.shapes:
        other[stream][0, 3:] = np.nan
    np.testing.assert_array_equal(numpy(model(given)), numpy(model(other)))


def test_order_is_seen_by_all_but_the_pooled(name, model):
    given = clips(model)
    given["mask"][:] = True
    turned = {key: value[:, ::-1] if key != "mask" else value for key, value in given.items()}
    apart = np.abs(numpy(model(given)) - numpy(model(turned))).max()
    assert (apart < 1e-5) == (name in ("mean", "max", "mean-std"))


def test_a_model_is_the_same_from_its_file(model, tmp_path):
    from cnnrnn.training.fit import load_model

    given = clips(model)
    rows = {stream: given[stream] for stream in model.shapes}
    model.measure(rows, given["mask"])
    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(numpy(model(given)), numpy(again(given)))
    assert again.get_config() == model.get_config()


def test_mean_max_and_deviation_by_hand():
    x = np.array([[[1.0], [3.0], [99.0]]], np.float32)
    mask = np.array([[True, True, False]])
    for kind, expected in (("mean", [2]), ("max", [3]), ("mean-std", [2, 1])):
        model = MODELS[kind](2, {"rgb": (3, 1)}, **SMALL)
        model.build()
        model.classify.kernel.assign(np.ones(model.classify.kernel.shape))
        logits = numpy(model({"rgb": x, "mask": mask}))
        np.testing.assert_allclose(logits, [[sum(expected)] * 2], atol=1e-4)


# -- helpers and layers, each with a value worked out by hand -------------------------------------


def test_what_stands_at_the_ends_of_a_mask():
    x = ops.reshape(ops.arange(8, dtype="float32"), (2, 4, 1))
    mask = ops.array([[False, True, True, False], [True, False, False, False]])
    assert numpy(at_last(x, mask)).ravel().tolist() == [2, 4]
    assert numpy(at_first(x, mask)).ravel().tolist() == [1, 4]
    assert numpy(masked_mean(x, mask)).ravel().tolist() == [1.5, 4]


def test_masked_softmax_by_hand():
    found = numpy(masked_softmax(ops.array([[0.0, np.log(3), 50]]), ops.array([[1, 1, 0]]) > 0))
    np.testing.assert_allclose(found, [[0.25, 0.75, 0]], atol=1e-6)
    nothing = numpy(masked_softmax(ops.array([[1.0, 2.0]]), ops.array([[0, 0]]) > 0))
    assert (nothing == 0).all()


LAYERS = {
    "Standardise": (Standardise(), (None, T, D)),
    "PictureStem": (PictureStem(units=7, width=2), (None, T, 6, 8, 1)),
    "View": (View("both"), (None, T, D)),
    "FrameScores": (FrameScores(units=3), (None, T, D)),
    "KeepFrames": (KeepFrames(k=2, noise=0.5, seed=1), None),
    "Votes": (Votes("learned"), (None, T, L)),
    "Mixture": (Mixture([0.25, 0.75]), (None, 2, L)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_serialises(name):
    layer, shape = LAYERS[name]
    if shape:
        layer.build(shape)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(again) is type(layer) and again.get_config() == layer.get_config()


@pytest.mark.parametrize(
    ("layer", "given", "shape"),
    [
        (PictureStem(units=7, width=2), [(2, T, 6, 8, 1)], (2, T, 7)),
        (FrameScores(units=3), [(2, T, D)], (2, T)),
        (Standardise(), [(2, T, D), (2, T)], (2, T, D)),
        (View("both"), [(2, T, D), (2, T)], (2, T, 2 * D)),
        (Votes("max"), [(2, T, L), (2, T)], (2, L)),
        (Mixture([0.5, 0.5]), [(3, 2, L)], (3, L)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, keras.Layer) else "",
)
def test_the_shape_of_a_layer(layer, given, shape):
    given = [ops.ones(one, dtype="bool" if n else "float32") for n, one in enumerate(given)]
    assert tuple(layer(*given).shape) == shape


def test_standardise_by_hand():
    layer = Standardise()
    layer.build((None, 2, 2))
    rows = np.array([[[1.0, 5], [3, 5]], [[5, 5], [1000, 1000]]], np.float32)
    mask = np.array([[True, True], [True, False]])
    layer.measure(rows, mask)
    deviation = np.std([1, 3, 5])
    np.testing.assert_allclose(numpy(layer.mean), [3, 5])
    # The second feature does not vary: a tenth of the mean deviation, not nothing.
    np.testing.assert_allclose(numpy(layer.scale), [deviation, 0.05 * deviation], rtol=1e-4)
    found = numpy(layer(rows, ops.array(mask)))
    np.testing.assert_allclose(found[0, :, 0], [-2 / deviation, 0], atol=1e-6)
    assert (found[1, 1] == 0).all()


def test_views_by_hand():
    x = np.array([[[1.0], [4.0], [10.0], [99.0]]], np.float32)
    mask = np.array([[True, True, True, False]])
    expected = {
        "frames": [[1], [4], [10]], "changes": [[0], [3], [6]], "centred": [[-4], [-1], [5]],
        "both": [[1, 0], [4, 3], [10, 6]],
    }  # fmt: skip
    for kind, rows in expected.items():
        layer = View(kind)
        found = numpy(layer(x, ops.array(mask)))[0]
        assert found[:3].tolist() == rows
        assert kind in ("frames", "both") or (found[3] == 0).all()
        layer.measure(x, mask)
        measured = numpy(layer(x, ops.array(mask)))[0, :3]
        np.testing.assert_allclose(measured.std(axis=0), 1, rtol=1e-5)


@pytest.mark.parametrize("view", ["changes", "centred", "both"])
def test_views_keep_masks_and_files(view, tmp_path):
    from cnnrnn.training.fit import load_model

    model = made("lstm", view=view)
    given = clips(model)
    model.measure({stream: given[stream] for stream in model.shapes}, given["mask"])
    other = {key: value.copy() for key, value in given.items()}
    other["rgb"][0, 3:] = np.nan
    before = numpy(model(given))
    np.testing.assert_array_equal(before, numpy(model(other)))
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(before, numpy(load_model(tmp_path / "model.keras")(given)))


def test_picture_stem_keeps_frames_apart():
    layer = PictureStem(units=4, width=2)
    x = np.random.default_rng(0).normal(size=(1, 3, 6, 8, 1)).astype(np.float32)
    whole = numpy(layer(x))
    np.testing.assert_allclose(numpy(layer(x[:, 1:2]))[:, 0], whole[:, 1], atol=1e-6)


def test_frame_scores_by_hand():
    layer = FrameScores(units=1)
    layer.build((None, 2, 1))
    layer.inner.kernel.assign([[2.0]])
    layer.inner.bias.assign([1.0])
    layer.outer.kernel.assign([[3.0]])
    found = numpy(layer(ops.array([[[0.0], [1.0]]])))
    np.testing.assert_allclose(found, [[3 * np.tanh(1), 3 * np.tanh(3)]], rtol=1e-6)


def test_keep_frames_by_hand():
    frames = ops.reshape(ops.arange(10, 50, 10, dtype="float32"), (1, 4, 1))
    scores = ops.array([[1.0, 9.0, 3.0, 8.0]])
    mask = ops.array([[True, True, True, False]])
    kept, real, chosen = KeepFrames(k=2)(frames, scores, mask)
    # The last frame is masked; the two best of the others, in their own order.
    assert numpy(kept).ravel().tolist() == [20, 30]
    assert numpy(real).tolist() == [[True, True]]
    assert numpy(chosen).tolist() == [[False, True, True, False]]
    short = KeepFrames(k=3)(frames, scores, ops.array([[True, False, False, False]]))
    assert numpy(short[1]).sum() == 1 and numpy(short[2]).tolist() == [[1, 0, 0, 0]]
    assert sorted(numpy(short[0]).ravel().tolist()) == [0, 0, 10]


@pytest.mark.slow
def test_the_choice_of_frames_learns():
    """The frame that tells is found, though the choice itself has no gradient."""
    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(0)
    x = generator.normal(size=(64, 4, 3)).astype(np.float32) * 0.1
    x[..., 2] = 0
    y = generator.integers(0, 2, 64)
    place = generator.integers(0, 4, 64)
    x[np.arange(64), place, 0] = 2 * y - 1.0
    x[np.arange(64), place, 2] = 1
    model = MODELS["top-k"](2, {"rgb": (4, 3)}, keep=1, **SMALL)
    model.build()
    model.compile(keras.optimizers.Adam(0.02), losses.LabelCrossEntropy())
    given = {"rgb": x, "mask": np.ones((64, 4), bool)}
    for _ in range(80):
        model.train_on_batch(given, y)
    chosen = numpy(model.analyse(given)["chosen"])
    assert chosen[np.arange(64), place].mean() > 0.9


def test_votes_by_hand():
    # Softmaxes of the three steps: (0.5, 0.5), (0.8, 0.2), (0.1, 0.9); the last is masked.
    steps = ops.log(ops.array([[[0.5, 0.5], [0.8, 0.2], [0.1, 0.9]]]))
    mask = ops.array([[True, True, False]])
    expected = {
        "mean": [0.65, 0.35],
        "last": [0.8, 0.2],
        "max": [0.8 / 1.3, 0.5 / 1.3],
        "learned": [0.65, 0.35],  # all weights are alike before training
    }
    for kind, shares in expected.items():
        layer = Votes(kind)
        found = numpy(ops.exp(layer(steps, mask)))
        np.testing.assert_allclose(found, [shares], atol=1e-5)
    layer.weights_of_steps.assign([0.0, np.log(3), 5])
    found = numpy(ops.exp(layer(steps, mask)))
    np.testing.assert_allclose(found, [[0.725, 0.275]], atol=1e-5)


def test_mixture_by_hand():
    rows = ops.array([[[1.0, 0.0], [0.2, 0.8]]])
    np.testing.assert_allclose(numpy(Mixture([0.25, 0.75])(rows)), [[0.4, 0.6]], atol=1e-6)


def test_the_loss_by_hand():
    logits = ops.log(ops.array([[0.5, 0.5], [0.25, 0.75]]))
    plain = losses.LabelCrossEntropy()(np.array([0, 1]), logits)
    assert float(plain) == pytest.approx((np.log(2) + np.log(4 / 3)) / 2, rel=1e-5)
    weighed = losses.LabelCrossEntropy([3.0, 1.0])(np.array([0, 1]), logits)
    assert float(weighed) == pytest.approx((3 * np.log(2) + np.log(4 / 3)) / 4, rel=1e-5)
    smooth = losses.LabelCrossEntropy(smoothing=0.2)(np.array([1]), logits[1:])
    assert float(smooth) == pytest.approx(0.9 * np.log(4 / 3) + 0.1 * np.log(4), rel=1e-5)
    again = losses.LabelCrossEntropy.from_config(losses.LabelCrossEntropy([1, 2]).get_config())
    assert again.weights == [1, 2]


def test_labels_weigh_alike_in_sum():
    weights = losses.class_weights(np.array([0, 0, 0, 1]), 3)
    assert weights == pytest.approx([4 / 6, 2, 1])


# -- what they can learn ---------------------------------------------------------------------------


def fitted(model, given, targets, steps=150, rate=0.02) -> float:
    """Accuracy on the same clips after some steps."""
    model.measure({stream: given[stream] for stream in model.shapes}, given["mask"])
    model.compile(keras.optimizers.Adam(rate), losses.LabelCrossEntropy())
    for _ in range(steps):
        model.train_on_batch(given, targets)
    return float((model.predict_on_batch(given).argmax(1) == targets).mean())


@pytest.mark.parametrize(
    ("name", "sees"), [("mean", False), ("mean-std", False), ("lstm", True), ("attention", True)]
)
def test_on_clips_that_differ_in_order_only(name, sees):
    """Each clip comes forwards (label 0) and backwards (label 1)."""
    keras.utils.set_random_seed(1)
    half = np.random.default_rng(0).normal(size=(12, T, 2)).astype(np.float32)
    half[:, :, 0] = np.sort(half[:, :, 0], axis=1)
    x = np.concatenate([half, half[:, ::-1]])
    targets = np.repeat([0, 1], 12)
    model = MODELS[name](2, {"rgb": (T, 2)}, **SMALL)
    model.build()
    found = fitted(model, {"rgb": x, "mask": np.ones((24, T), bool)}, targets, 60)
    assert found == 1 if sees else found == 0.5


@pytest.mark.slow
def test_c3d_fits_twenty_clips_completely():
    keras.utils.set_random_seed(0)
    generator = np.random.default_rng(0)
    x = generator.integers(0, 256, (20, 16, 56, 56, 3)).astype(np.uint8)
    targets = np.arange(20) % 4
    model = MODELS["c3d"](4, {"rgb": (16, 56, 56, 3)}, width=4, dropout=0.0)
    model.build()
    given = {"rgb": x, "mask": np.ones((20, 16), bool)}
    assert fitted(model, given, targets, 60, 3e-3) == 1
