"""How far a picture is from those that a model was trained on."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrnn.caption.familiarity import Familiarity, pooled
from cnnrnn.errors import CnnRnnError


def test_grids_are_pooled_by_their_mean():
    grid = np.array([[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]], np.float16)  # (1, 2, 2, 2)
    assert pooled(grid).tolist() == [[4.0, 5.0]] and pooled(grid).dtype == np.float32
    assert pooled(grid.reshape(1, 4, 2)).tolist() == [[4.0, 5.0]]
    assert pooled(np.array([[1, 2]], np.float16)).tolist() == [[1.0, 2.0]]


def test_large_half_precision_features_do_not_overflow():
    [[found]] = pooled(np.full((1, 49, 1), 60_000, np.float16))
    assert found == pytest.approx(60_000, 1e-3)


# Their mean is (1, 1): the directions are right, up and to the lower left.
TRAINING = np.array([[3.0, 1.0], [1.0, 3.0], [-1.0, -1.0]], np.float32)


def test_distance_by_hand():
    found = Familiarity.measure(TRAINING, np.array([[2.0, 1.0]], np.float32))
    assert found.centre.tolist() == [1.0, 1.0]
    seen = np.array(
        [
            [9.0, 1.0],  # right: as a training picture, however far
            [2.0, 2.0],  # between right and up: cosine 1 / sqrt 2
            [1.0, 0.0],  # down: the lower left is nearest, cosine 1 / sqrt 2
            [1.0, 1.0],  # the centre has no direction: cosine 0
        ]
    )
    near = 1 - np.sqrt(0.5)
    np.testing.assert_allclose(found.distances(seen), [0, near, near, 1], atol=1e-6)


def test_the_limit_is_a_quarter_above_what_held_out_pictures_keep():
    held_out = np.array([[2.0, 2.0]] * 100, np.float32)
    found = Familiarity.measure(TRAINING, held_out)
    near = 1 - np.sqrt(0.5)
    assert found.limit == pytest.approx(1.25 * near, rel=1e-5)
    seen = np.array([[9.0, 1.0], [2.0, 2.0], [1.0, 1.0]], np.float16)
    assert found.known(seen).tolist() == [True, True, False]


def test_where_few_are_held_out_training_pictures_count_too():
    """By hand: right and up are 90 degrees apart and 135 from the lower left; so it is that
    picture's distance 1 + sqrt(1/2) that the limit is taken from (99.5 % of four distances)."""
    found = Familiarity.measure(TRAINING, np.array([[2.0, 2.0]], np.float32))
    far, next_far = 1 + np.sqrt(0.5), 1.0
    assert found.limit == pytest.approx(1.25 * (next_far + (far - next_far) * 0.985), rel=1e-5)


def test_a_single_training_picture_is_enough():
    found = Familiarity.measure(TRAINING[:1], TRAINING[:1])
    assert found.known(TRAINING[:1].astype(np.float16)).tolist() == [True]


def test_pictures_of_another_kind_are_strange():
    """Features that vary in some directions, against features that vary in others."""
    random = np.random.default_rng(0)
    mix = random.normal(size=(4, 32))
    training, held_out, same = (random.normal(size=(n, 4)) @ mix + 5 for n in (300, 100, 200))
    other = random.normal(size=(200, 32)) * 2 + 5
    found = Familiarity.measure(training.astype(np.float32), held_out.astype(np.float32))
    assert found.known(same).mean() > 0.97
    assert found.known(other).mean() < 0.1


def test_it_takes_grids():
    found = Familiarity.measure(TRAINING, TRAINING)
    grid = np.array([[[[5.0, 0.0], [1.0, 2.0]]]], np.float16)  # mean (3, 1), a training picture
    assert found.known(grid).tolist() == [True]


def test_saved_and_opened_again_it_says_the_same(tmp_path):
    random = np.random.default_rng(1)
    found = Familiarity.measure(
        random.normal(size=(20, 6)).astype(np.float32), random.normal(size=(9, 6))
    )
    found.save(tmp_path / "familiarity.npz")
    again = Familiarity.load(tmp_path / "familiarity.npz")
    seen = random.normal(size=(5, 6))
    np.testing.assert_allclose(again.distances(seen), found.distances(seen), atol=2e-3)
    assert again.limit == pytest.approx(found.limit, rel=1e-6)


def test_a_run_without_it_has_none(tmp_path):
    assert Familiarity.load(tmp_path / "familiarity.npz") is None


@pytest.mark.parametrize("damage", ["empty", "cut", "other", "text"])
def test_a_damaged_file_is_told(tmp_path, damage):
    path = tmp_path / "familiarity.npz"
    Familiarity.measure(TRAINING, TRAINING).save(path)
    whole = path.read_bytes()
    if damage == "other":
        np.savez(path, centre=np.zeros(2))
    else:
        path.write_bytes({"empty": b"", "cut": whole[:-40], "text": b"no zip"}[damage])
    with pytest.raises(CnnRnnError, match="familiarity.npz is damaged"):
        Familiarity.load(path)
