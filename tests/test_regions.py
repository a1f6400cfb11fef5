"""Boxes, anchors, box transform, sampler, RoI pooling, suppression: drawn and worked out by hand.

Each layer: it serialises, its shape, values by hand. Gradients are checked against differences.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from cnnrnn import backend
from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.regions import boxes as places
from cnnrnn.regions import transform
from cnnrnn.regions.anchors import anchors, shapes
from cnnrnn.regions.pooling import RoiPooling
from cnnrnn.regions.proposals import ProposalHead
from cnnrnn.regions.proposer import ProposalNet, Proposer
from cnnrnn.regions.sampler import BoxSampler
from cnnrnn.regions.sizes import PUBLISHED, fewest_boxes, nearest, sizes
from cnnrnn.regions.suppression import best_proposals, plain, suppress

keras = backend.keras()
ops = keras.ops


def numpy(tensor) -> np.ndarray:
    return ops.convert_to_numpy(tensor)


def again(layer):
    """The layer made anew from its configuration, as a saved model does it."""
    return keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))


# -- boxes ---------------------------------------------------------------------------------------


def test_formats_of_files():
    assert places.from_sized([[10, 20, 30, 40]]).tolist() == [[10, 20, 40, 60]]
    assert places.to_sized([10, 20, 40, 60]).tolist() == [10, 20, 30, 40]
    # The first pixel alone, counted from 1, is a box of 1 x 1.
    assert places.from_inclusive([1, 1, 1, 1]).tolist() == [0, 0, 1, 1]
    found = places.from_relative_centres([[0.5, 0.25, 0.2, 0.5]], 200, 100)
    np.testing.assert_allclose(found, [[80, 0, 120, 50]])
    assert places.scaled([1, 2, 3, 4], 2, 10).tolist() == [2, 20, 6, 40]
    assert places.mirrored([[10, 0, 30, 5]], 100).tolist() == [[70, 0, 90, 5]]
    assert places.clip([-5, 3, 120, 40], 100, 30).tolist() == [0, 3, 100, 30]


def test_iou_by_hand():
    #  0123456     a = (0, 0, 4, 4), 16 squares     b = (2, 2, 6, 4), 8 squares
    #  aaaa        they share 2 x 2 = 4; together 16 + 8 - 4 = 20
    #  aa##bb
    a, b, apart, empty = [0, 0, 4, 4], [2, 2, 6, 4], [4, 0, 6, 4], [1, 1, 1, 3]
    found = places.iou([a, b], [a, b, apart, empty])
    np.testing.assert_allclose(found, [[1, 0.2, 0, 0], [0.2, 1, 4 / 12, 0]])
    assert places.iou([empty], [empty]).tolist() == [[0]]
    inside_out = [4, 4, 0, 0]
    assert places.iou([inside_out], [a]).tolist() == [[0]]
    as_tensor = transform.iou(np.array([[a, b]], "float32"), np.array([[a, b, apart]], "float32"))
    np.testing.assert_allclose(numpy(as_tensor)[0], found[:, :3], atol=1e-6)


def test_degenerate_boxes():
    found = places.degenerate([[0, 0, 5, 5], [0, 0, 0.5, 9], [5, 5, 1, 1], [0, 0, math.nan, 4]])
    assert found.tolist() == [False, True, True, True]


def test_merging_takes_the_largest_group_first():
    boxes = [[0, 0, 10, 10], [0, 0, 10, 8], [0, 0, 10, 12], [50, 0, 60, 10], [0, 0, 10, 15]]
    # IoU with the first: 0.8, 0.83, 0, 0.67; the third reaches 0.8 with the last, 0.67 with the
    # second. The first and the third have three each, and the first comes first.
    groups = [group.tolist() for group in places.merge(np.array(boxes, float))]
    assert groups == [[0, 1, 2], [3], [4]]
    assert [group.tolist() for group in places.merge(np.zeros((2, 4)))] == [[0], [1]]
    assert places.merge(np.empty((0, 4))) == []


# -- anchors -------------------------------------------------------------------------------------


def test_anchor_shapes_are_scaled_to_the_picture():
    np.testing.assert_allclose(shapes(720, 16), PUBLISHED)
    np.testing.assert_allclose(shapes(360, 8), np.array(PUBLISHED) / 2)
    # At 72 pixels the smallest would be 6.4 pixels a side: less than a cell of 16.
    found = shapes(72, 16)
    assert np.sqrt(found.prod(axis=1).min()) == pytest.approx(16, rel=0.02)
    np.testing.assert_allclose(found / found[2], np.array(PUBLISHED) / PUBLISHED[2], rtol=1e-5)


def test_anchors_lie_about_the_middles_of_cells():
    found = numpy(anchors(2, 3, 10, np.array([[4, 2], [6, 6]])))
    assert found.shape == (2 * 3 * 2, 4)
    assert found[0].tolist() == [3, 4, 7, 6]  # cell (0, 0): middle (5, 5)
    assert found[1].tolist() == [2, 2, 8, 8]
    assert found[2 * 2].tolist() == [23, 4, 27, 6]  # cell (0, 2): middle (25, 5)
    assert found[3 * 2].tolist() == [3, 14, 7, 16]  # cell (1, 0): middle (5, 15)


# -- box transform -------------------------------------------------------------------------------


def test_deltas_by_hand():
    anchor = np.array([[10, 20, 30, 60]], "float32")  # middle (20, 40), 20 x 40
    box = np.array([[20, 20, 60, 40]], "float32")  # middle (40, 30), 40 x 20
    deltas = numpy(transform.encode(box, anchor))
    np.testing.assert_allclose(deltas, [[1, -0.25, math.log(2), math.log(0.5)]], rtol=1e-5)
    np.testing.assert_allclose(numpy(transform.decode(deltas, anchor)), box, rtol=1e-5)


def test_a_box_cannot_grow_without_bound():
    anchor = np.array([[[0, 0, 16, 16]]], "float32")
    box = numpy(transform.decode(np.array([[[0, 0, 500, -500]]], "float32"), anchor))[0, 0]
    assert box[2] - box[0] == pytest.approx(1000, rel=1e-4)
    assert box[3] - box[1] == pytest.approx(16 * 16 / 1000, rel=1e-3)
    assert numpy(transform.clip(box, 20, 10)).tolist()[2:] == pytest.approx([20, 8.128], rel=1e-3)


# -- sampler -------------------------------------------------------------------------------------

TRUTHS = np.array([[[0, 0, 10, 10], [50, 50, 60, 60], [0, 0, 10, 10]]], "float32")
REAL = np.array([[True, True, False]])
BOXES = np.array(
    [
        [
            [0, 0, 10, 9],  # 0: 0.9 of the first truth: positive, its best
            [0, 0, 10, 8],  # 1: 0.8: positive
            [0, 0, 10, 5],  # 2: 0.5: neither
            [0, 0, 10, 2],  # 3: 0.2: negative
            [55, 50, 65, 60],  # 4: 1/3 of the second truth: its best, so positive
            [90, 90, 99, 99],  # 5: negative
            [20, 20, 30, 30],  # 6: negative
            [0, 0, 0, 0],  # 7: negative
        ]
    ],
    "float32",
)


def drawn(size=8, **changes):
    sampler = BoxSampler(size, seed=3, **changes)
    return {key: numpy(value)[0] for key, value in sampler(BOXES, TRUTHS, REAL).items()}


def test_the_sampler_by_hand():
    found = drawn()
    assert found["drawn"].tolist() == [True] * 7 + [False]
    assert found["positive"].tolist() == [True] * 3 + [False] * 5
    assert sorted(found["index"][:3]) == [0, 1, 4]
    assert sorted(found["index"][3:7]) == [3, 5, 6, 7]
    truth = dict(zip(found["index"].tolist(), found["truth"].tolist(), strict=True))
    assert (truth[0], truth[1], truth[4]) == (0, 0, 1)


def test_positives_take_their_share_and_the_best_of_each_truth_comes_first():
    for _ in range(5):
        found = drawn(4)
        assert sorted(found["index"][:2]) == [0, 4]
        assert found["positive"].tolist() == [True, True, False, False]
        assert found["drawn"].all()


def test_a_picture_without_truths_has_negatives_only():
    nothing = np.zeros_like(REAL)
    found = BoxSampler(6, seed=1)(BOXES, TRUTHS, nothing)
    assert not numpy(found["positive"]).any() and numpy(found["drawn"]).all()


def test_one_box_that_is_best_of_two_truths_is_of_the_nearer_one():
    truths = np.array([[[0, 0, 10, 10], [0, 0, 10, 14]]], "float32")
    found = BoxSampler(2, seed=1)(
        np.array([[[0, 0, 10, 11], [50, 50, 60, 60]]], "float32"), truths, np.array([[True, True]])
    )
    assert numpy(found["truth"])[0, 0] == 0 and numpy(found["index"])[0, 0] == 0


def test_what_is_drawn_changes_from_call_to_call():
    sampler = BoxSampler(3, seed=1)
    seen = {tuple(numpy(sampler(BOXES, TRUTHS, REAL)["index"])[0]) for _ in range(20)}
    assert len(seen) > 1


def test_the_sampler_saves_and_tells_its_shape():
    sampler = BoxSampler(6, positive=0.6, negative=0.2, share=0.25, seed=2)
    copy = again(sampler)
    assert copy.get_config() == sampler.get_config()
    assert copy.positive_slots == 1
    shape = copy.compute_output_shape((3, 8, 4), (3, 2, 4), (3, 2))
    assert shape["index"] == (3, 6)
    with pytest.raises(UsageError, match="make no sample"):
        BoxSampler(6, positive=0.2, negative=0.3)


# -- RoI pooling ---------------------------------------------------------------------------------


def test_pooling_reads_a_slope_exactly():
    """Features that are the coordinates themselves: bilinear reading gives back the places."""
    rows, columns = 4, 6
    y, x = np.meshgrid(np.arange(rows) * 8 + 4, np.arange(columns) * 8 + 4, indexing="ij")
    grid = np.stack([x, y], axis=-1)[None].astype("float32")  # pixels of the middles
    found = numpy(RoiPooling(8, 2)(grid, np.array([[[10, 6, 30, 26]]], "float32")))
    assert found.shape == (1, 1, 2, 2, 2)
    np.testing.assert_allclose(found[0, 0, :, :, 0], [[15, 25], [15, 25]], rtol=1e-6)
    np.testing.assert_allclose(found[0, 0, :, :, 1], [[11, 11], [21, 21]], rtol=1e-6)


def test_pooling_between_four_cells_by_hand():
    grid = np.array([[[[1.0], [2.0]], [[3.0], [10.0]]]], "float32")
    # The middle of the box is (8, 10) pixels: u = 0.5, v = 0.75 of stride 8.
    found = numpy(RoiPooling(8, 1)(grid, np.array([[[6, 8, 10, 12]]], "float32")))
    by_hand = 0.25 * (0.5 * 1 + 0.5 * 2) + 0.75 * (0.5 * 3 + 0.5 * 10)
    assert found.ravel().tolist() == pytest.approx([by_hand])
    corner = numpy(RoiPooling(8, 1)(grid, np.array([[[0, 0, 2, 2]]], "float32")))
    assert corner.ravel().tolist() == [1.0]  # outside of the border's middles: the border


def test_pooling_keeps_pictures_apart():
    grid = np.stack([np.full((3, 3, 2), 1.0), np.full((3, 3, 2), 5.0)]).astype("float32")
    box = np.array([[[2, 2, 20, 20]] * 3] * 2, "float32")
    found = numpy(RoiPooling(8)(grid, box))
    assert found.shape == (2, 3, 7, 7, 2)
    np.testing.assert_allclose(found[0], 1.0, rtol=1e-6)
    np.testing.assert_allclose(found[1], 5.0, rtol=1e-6)


def test_pooling_saves_and_tells_its_shape():
    layer = again(RoiPooling(16, 3))
    assert (layer.stride, layer.parts) == (16, 3)
    assert layer.compute_output_shape((2, 5, 6, 9), (2, 4, 4)) == (2, 4, 3, 3, 9)


def gradients(function, arrays):
    """Derivatives of sum(function * random weights), and the same by differences."""
    import tensorflow as tf

    inputs = [tf.constant(array, tf.float32) for array in arrays]
    weights = np.random.default_rng(2).normal(size=numpy(function(*inputs)).shape)

    def total(*values) -> float:
        return float((numpy(function(*values)).astype(np.float64) * weights).sum())

    with tf.GradientTape() as tape:
        tape.watch(inputs)
        value = tf.reduce_sum(function(*inputs) * weights.astype(np.float32))
    exact = [gradient.numpy() for gradient in tape.gradient(value, inputs)]
    numeric = []
    for number, array in enumerate(arrays):
        found = np.zeros(array.shape)
        for place in np.ndindex(array.shape):
            step = np.zeros(array.shape, "float32")
            step[place] = 1e-2
            up = [*arrays[:number], array + step, *arrays[number + 1 :]]
            down = [*arrays[:number], array - step, *arrays[number + 1 :]]
            found[place] = (total(*up) - total(*down)) / 2e-2
        numeric.append(found)
    return exact, numeric


@pytest.mark.skipif(backend.name() != "tensorflow", reason="gradients through TensorFlow")
def test_pooling_is_differentiable_in_features_and_in_boxes():
    generator = np.random.default_rng(1)
    grid = generator.normal(size=(1, 4, 5, 2)).astype("float32")
    # No place of the box falls on the middle of a cell, where k has a corner.
    box = np.array([[[5.3, 6.1, 27.9, 25.7], [11.2, 9.4, 21.6, 30.3]]], "float32")
    exact, numeric = gradients(RoiPooling(8, 3), [grid, box])
    np.testing.assert_allclose(exact[0], numeric[0], atol=2e-3)
    np.testing.assert_allclose(exact[1], numeric[1], atol=2e-3)
    assert (np.abs(exact[1]) > 1e-3).all()  # every corner of every box has a say


@pytest.mark.skipif(backend.name() != "tensorflow", reason="gradients through TensorFlow")
def test_the_box_transform_is_differentiable():
    deltas = np.array([[0.2, -0.1, 0.3, -0.4]], "float32")
    anchor = np.array([[10, 20, 30, 60]], "float32")
    exact, numeric = gradients(transform.decode, [deltas, anchor])
    for found, expected in zip(exact, numeric, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-2, atol=5e-3)


# -- suppression ---------------------------------------------------------------------------------

CROWD = np.array(
    [[0, 0, 10, 10], [0, 0, 10, 9], [20, 0, 30, 10], [0, 0, 10, 5], [20, 0, 30, 9.5]], "float32"
)


@pytest.mark.parametrize("function", [suppress, plain])
def test_suppression_by_hand(function):
    scores = np.array([0.5, 0.9, 0.1, 0.2, 0.8], "float32")
    # 1 is best and drops 0 (0.9); 4 drops 2 (0.95); 3 overlaps 1 by 5/9 only.
    assert function(CROWD, scores, 0.7, 9).tolist() == [1, 4, 3]
    assert function(CROWD, scores, 0.5, 9).tolist() == [1, 4]
    assert function(CROWD, scores, 0.7, 2).tolist() == [1, 4]
    assert function(CROWD, scores - 5, 1.0, 9).tolist() == [1, 4, 0, 3, 2]
    assert function(CROWD[:0], scores[:0], 0.7, 9).tolist() == []


def test_both_ways_to_suppress_agree():
    generator = np.random.default_rng(0)
    corners = generator.uniform(0, 80, (300, 2))
    boxes = np.concatenate([corners, corners + generator.uniform(5, 40, (300, 2))], axis=1)
    scores = generator.normal(size=300)
    for threshold in (0.1, 0.3, 0.7):
        assert suppress(boxes, scores, threshold, 100).tolist() == (
            plain(boxes.astype("float32"), scores, threshold, 100).tolist()
        )


# -- proposal head -------------------------------------------------------------------------------


def test_the_proposal_head_begins_at_the_anchors():
    keras.utils.set_random_seed(1)
    sizes = np.array([[8, 16], [64, 64]])
    head = ProposalHead(8, sizes, filters=4)
    found = head(np.random.default_rng(0).normal(size=(2, 3, 5, 6)).astype("float32"))
    shapes_found = {key: tuple(value.shape) for key, value in found.items()}
    count = 3 * 5 * 2
    assert shapes_found == {
        "scores": (2, count), "deltas": (2, count, 4), "anchors": (1, count, 4),
        "boxes": (2, count, 4),
    }  # fmt: skip
    boxes, starts = numpy(found["boxes"]), numpy(found["anchors"])[0]
    assert np.abs(boxes[:, ::2] - starts[::2].clip(0, [40, 24, 40, 24])).max() < 0.5
    assert boxes.min() == 0 and boxes[..., 2].max() == 40 and boxes[..., 3].max() == 24
    probability = 1 / (1 + np.exp(-numpy(found["scores"])))
    assert probability.mean() < 0.1


def test_the_proposal_head_saves():
    head = ProposalHead(16, [[10, 20], [30, 30]], filters=5)
    copy = again(head)
    assert copy.get_config() == head.get_config()
    copy.build((None, None, None, 7))
    assert [tuple(weight.shape) for weight in copy.weights] == [
        (3, 3, 7, 5), (5,), (1, 1, 5, 2), (2,), (1, 1, 5, 8), (8,)
    ]  # fmt: skip


def test_the_best_proposals_of_each_picture():
    boxes = np.stack([CROWD, CROWD + 1])
    scores = np.array([[0.5, 0.9, 0.1, 0.2, 0.8], [9, 0, 0, 0, 0]], "float32")
    index, found = best_proposals(boxes, scores, 3)
    assert index[0].tolist() == [1, 4, 3] and found[0].all()
    assert index[1, 0] == 0
    index, found = best_proposals(boxes, scores, 6, overlap=0.1)
    assert index[0].tolist() == [1, 4, 0, 0, 0, 0]
    assert found[0].tolist() == [True, True] + [False] * 4


# -- sizes and the proposals of a picture --------------------------------------------------------


def test_sizes_of_a_network():
    assert sizes("scenes") == [(112, 112)]
    found = sizes("mobilenet_v2", 256)
    assert found == [(256, 256), (192, 256), (256, 192), (128, 256), (256, 128)]
    assert nearest((640, 480), found) == (192, 256)
    assert nearest((100, 5000), found) == (256, 128)  # long and thin: the nearest there is
    assert fewest_boxes("mobilenet_v2", 256) == 8 * 16 * len(PUBLISHED) == 8 * 16 * 12
    assert fewest_boxes("scenes") == 14 * 14 * 12


class Larger(keras.Model):
    """A network that has proposals as a part; its class is registered nowhere."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.before = keras.layers.Dense(3)
        self.proposals = ProposalNet("scenes", filters=8, weights="auto", name="proposals")

    def build(self, input_shape=None):
        self.before.build((None, 2))
        self.proposals.build()
        self.built = True

    def get_config(self):
        settings = {"backbone": "scenes", "side": None, "filters": 8, "frozen": False}
        return {**super().get_config(), **settings, "more": 3}


def test_proposals_of_a_picture_of_any_size(tmp_path):
    keras.utils.set_random_seed(1)
    larger = Larger()
    larger.build()
    net = larger.proposals
    first = [variable.path for variable in net.trainable_variables][:6]
    assert all("convolution" in path for path in first)
    larger.save(tmp_path / "best.keras")
    proposer = Proposer.load(tmp_path / "best.keras")
    picture = np.random.default_rng(0).integers(0, 255, (60, 240, 3)).astype(np.uint8)
    found, scores = proposer.propose(picture, count=7)
    assert found.shape == (7, 4) and scores.shape == (7,)
    assert (np.diff(scores) <= 0).all() and 0 < scores.min() and scores.max() < 1
    assert found.min() >= 0 and found[:, 2].max() <= 240 and found[:, 3].max() <= 60
    assert found[:, 2].max() > 120  # in pixels of the picture, not of the network's
    expected = Proposer(net).propose(picture, count=7)
    np.testing.assert_allclose(found, expected[0], atol=1e-2)
    np.testing.assert_allclose(scores, expected[1], atol=1e-5)


@pytest.mark.parametrize("content", [None, b"", b"no model"])
def test_a_file_without_proposals_is_one_line(tmp_path, content):
    path = tmp_path / "best.keras"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CnnRnnError, match="cannot take proposals out of .*best.keras"):
        Proposer.load(path)
    plain = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)])
    plain.save(path)
    with pytest.raises(CnnRnnError, match="cannot take proposals out of .*best.keras"):
        Proposer.load(path)
