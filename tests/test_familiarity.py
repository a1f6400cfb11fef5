"""How far a picture is from those that a model was trained on."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrnn.errors import CnnRnnError
from cnnrnn.features.familiarity import Familiarity, pooled


def test_grids_are_pooled_by_their_mean():
    grid = np.array([[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]], np.float16)  # (1, 2, 2, 2)
    assert pooled(grid).tolist() == [[4.0, 5.0]] and pooled(grid).dtype == np.float32
    assert pooled(grid.reshape(1, 4, 2)).tolist() == [[4.0, 5.0]]
    assert pooled(np.array([[1, 2]], np.float16)).tolist() == [[1.0, 2.0]]


def test_large_half_precision_features_do_not_overflow():
    [[found]] = pooled(np.full((1, 49, 1), 60_000, np.float16))
    assert found == pytest.approx(60_000, 1e-3)


# Mean (1, 1); both features have the variance 2 and nothing to do with each other.
TRAINING = np.array([[3.0, 1.0], [-1.0, 1.0], [1.0, 3.0], [1.0, -1.0]], np.float32)
UNIT = np.sqrt(1 / 1.03)  # the shrinkage adds 0.03 to a variance of 1


def test_distance_by_hand():
    found = Familiarity.measure(TRAINING, np.array([[2.0, 1.0]], np.float32))
    assert found.centre.tolist() == [1.0, 1.0]
    seen = np.array([[1.0, 1.0], [3.0, 1.0], [3.0, 3.0], [1.0, 7.0]])
    expected = [0, UNIT, UNIT * np.sqrt(2), UNIT * 3]
    np.testing.assert_allclose(found.distances(seen), expected, rtol=1e-5, atol=1e-6)


def test_distance_is_measured_in_the_spread_of_the_training_pictures():
    """Two features that always agree: to differ in them is strange, to be large in both is not."""
    along = np.random.default_rng(0).normal(size=(500, 1)) * [1.0, 1.0]
    found = Familiarity.measure(along, along[:100])
    same, other = found.distances(np.array([[2.0, 2.0], [1.0, -1.0]]))
    assert other > 4 * same
    assert found.known(np.array([[2.0, 2.0], [1.0, -1.0]])).tolist() == [True, False]


def test_the_limit_is_a_tenth_above_what_held_out_pictures_keep():
    held_out = np.array([[3.0, 1.0]] * 100, np.float32)
    found = Familiarity.measure(TRAINING, held_out)
    assert found.limit == pytest.approx(1.1 * UNIT, rel=1e-5)
    seen = np.array([[3.1, 1.0], [1.0, 1.0], [3.4, 1.0]], np.float16)
    assert found.known(seen).tolist() == [True, True, False]


def test_where_few_are_held_out_either_half_of_the_training_pictures_counts_too():
    """Each half of these lies on one line: seen from it, the other half is far."""
    alone = Familiarity.measure(TRAINING, np.array([[1.0, 1.0]] * 100, np.float32))
    found = Familiarity.measure(TRAINING, np.array([[1.0, 1.0]], np.float32))
    assert alone.limit == 0 and found.limit > 1


def test_photos_are_strange_to_the_starter_and_scenes_are_not(shared_data):
    from itertools import islice

    from cnnrnn.caption.captioner import STARTER
    from cnnrnn.features.extractor import Extractor
    from cnnrnn.media.sources import expand

    starter, look = Familiarity.load(STARTER / "familiarity.npz"), Extractor("scenes")
    photos = look.extract(islice(expand([str(shared_data / "flickr8k")]), 60))
    drawn = look.extract(expand(["scenes:0-99"]))
    assert starter.known(photos.read(range(60))).mean() <= 0.1
    assert starter.known(drawn.read(range(100))).mean() >= 0.98


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
