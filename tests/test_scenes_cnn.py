"""The backbone of the built-in data set: its shapes, what it sees, and what its weights know."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrnn import backend, scenes
from cnnrnn.features import scenes_cnn
from cnnrnn.features import train_scenes_cnn as training
from cnnrnn.scenes.world import ALL_KINDS, COLOURS, RELATIONS, Scene, State, Thing

BALL = Thing("ball", "red", "large", states=(State(60.0, 100.0, 40.0),))
ONE_BALL = Scene("val", 0, "side", "beach", 40.0, 1, (BALL,))


@pytest.fixture(scope="module")
def untrained():
    backend.configure(seed=0)
    return scenes_cnn.build()


@pytest.fixture(scope="module")
def trained():
    network = scenes_cnn.build()
    network.load_weights(training.WEIGHTS)
    return network


def test_shapes_at_any_size(untrained):
    assert [tuple(o.shape[1:]) for o in untrained.outputs] == [(14, 14, 128), (192,)]
    assert untrained.get_layer("grid").output is untrained.outputs[0]
    assert untrained.get_layer("pooled").output is untrained.outputs[1]
    other = scenes_cnn.build((64, 96))
    assert [tuple(o.shape[1:]) for o in other.outputs] == [(8, 12, 128), (192,)]
    other.set_weights(untrained.get_weights())


def test_it_survives_saving(untrained, tmp_path):
    keras = backend.keras()
    untrained.save(tmp_path / "network.keras")
    again = keras.models.load_model(tmp_path / "network.keras")
    picture = np.full((1, 112, 112, 3), 90, np.float32)
    for one, other in zip(untrained(picture), again(picture), strict=True):
        assert np.allclose(one, other)


def test_position_code_by_hand():
    code = scenes_cnn.position_code(2, 4, 8)
    assert code.shape == (2, 4, 8)
    # The slower wave is half a turn over the picture; cell (1, 2) lies at x = 5/8 and y = 3/4.
    assert code[1, 2, 0] == pytest.approx(np.sin(np.pi * 5 / 8))
    assert code[1, 2, 2] == pytest.approx(np.cos(np.pi * 5 / 8))
    assert code[1, 2, 4] == pytest.approx(np.sin(np.pi * 3 / 4), abs=1e-6)
    assert code[1, 2, 7] == pytest.approx(np.cos(16 * np.pi * 3 / 4), abs=1e-5)


def test_a_cell_sees_41_pixels(trained):
    picture = np.full((1, 112, 112, 3), 128, np.float32)
    before = np.asarray(trained(picture)[0])
    picture[0, :, 56:58] = 255
    changed = np.flatnonzero(np.abs(np.asarray(trained(picture)[0]) - before).max((0, 1, 3)) > 1e-5)
    # With even sides, padding is on the right: cell c sees columns 8 c - 13 to 8 c + 27.
    assert changed.min() >= 4 and changed.max() <= 8


def test_cell_targets_by_hand():
    target = training.cell_targets(ONE_BALL)
    assert target.shape[:2] == (14, 14)
    # The ball fills (40, 60) to (80, 100); the cell of row 9, column 6 has its middle at (52, 76).
    cell = target[9, 6]
    assert cell[:4].tolist() == [ALL_KINDS.index("ball"), list(COLOURS).index("red"), 0, 2]
    assert cell[4:8] * 56 == pytest.approx([40 - 52, 60 - 76, 80 - 52, 100 - 76], abs=1.5)
    assert target[0, 0, :4].tolist() == [27, 8, 4, 3]
    assert cell[8:10].tolist() == [0, 1] and np.isnan(cell[10])  # upright, and without a door
    assert not target[..., 11:].any()  # a ball has no parts
    house = Thing("house", "blue", "large", states=(State(60.0, 100.0, 36.0, 90.0, 0.25),))
    target = training.cell_targets(Scene("val", 0, "side", "snow", 40.0, 1, (house,)))
    assert target[10, 7, 8:11] == pytest.approx([1, 0, 0.25], abs=1e-6)
    house = house.now(angle=0.0)
    parts = training.cell_targets(Scene("val", 0, "side", "snow", 40.0, 1, (house,)))[..., 11:]
    roof, door = (parts[..., training.PARTS.index(name)] for name in ("roof", "door"))
    assert np.argwhere(roof)[:, 0].max() <= np.argwhere(door)[:, 0].min()


def test_image_targets_by_hand():
    cube = Thing("cube", "blue", "small", states=(
        State(20.0, 100.0, 18.0, relation="left of", anchor=0),
    ))
    flags = training.image_targets(Scene("val", 0, "side", "beach", 40.0, 1, (BALL, cube)))
    ball, box = ALL_KINDS.index("ball"), ALL_KINDS.index("cube")
    colours = flags[: 27 * 8].reshape(27, 8)
    assert set(map(tuple, np.argwhere(colours))) == {
        (ball, list(COLOURS).index("red")), (box, list(COLOURS).index("blue")),
    }
    places = flags[27 * 8 : 27 * 17].reshape(27, 9)
    assert set(map(tuple, np.argwhere(places))) == {(ball, 7), (box, 6)}
    relations = flags[27 * 17 : 27 * 25].reshape(27, 8)
    assert np.argwhere(relations).tolist() == [[box, RELATIONS.index("left of")]]
    assert flags[27 * 25 : 27 * 28].sum() == 0 and flags[-6:].tolist() == [0, 1, 0, 0, 0, 0]


def test_losses_by_hand():
    target = training.cell_targets(ONE_BALL)[None]
    logits = np.zeros((1, 14, 14, training._LOGITS), np.float32)
    logits[..., 46:53] = np.nan_to_num(target[..., 4:11])  # after 28 + 9 + 5 + 4 classes
    chance = sum(np.log(n) for n in (28, 9, 5, 4)) + 8 * np.log(2)
    assert float(training.cell_loss(target, logits)) == pytest.approx(chance, rel=1e-4)
    flags = np.array([[1.0, 0.0]], np.float32)
    assert float(training.image_loss(flags, np.array([[50.0, -50.0]], np.float32))) < 1e-6
    assert float(training.image_loss(flags, np.array([[-3.0, 0.0]], np.float32))) == pytest.approx(
        training.IMAGE_WEIGHT * (np.log1p(np.exp(3)) + np.log(2)) / 2, rel=1e-5
    )


def test_training_writes_weights_that_load(tmp_path):
    path = tmp_path / "folder" / "x.weights.h5"
    measures = training.train(path, steps=2, held_out=32)
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    scenes_cnn.build().load_weights(path)
    assert 0 <= measures["cell kind"] <= 1 and measures["box edge error, pixels"] > 0


def test_varied_scenes_show_the_same_things_otherwise():
    scene = scenes.scene("train", 3)
    other = training.varied(scene)
    assert [t.kind for t in other.things] == [t.kind for t in scene.things]
    assert [t.state.x for t in other.things] == [t.state.x for t in scene.things]
    assert len({t.state.open for t in other.things}) == len(other.things)
    assert training.varied(scene) == other


def test_the_shipped_weights_are_small():
    assert training.WEIGHTS.stat().st_size < 1.5e6


def _cells(network, split: str, count: int):
    """Features and targets of the cells that show something."""
    chosen = [scenes.scene(split, i) for i in range(count)]
    pictures = np.stack([scenes.render(scene) for scene in chosen]).astype(np.float32)
    grid = np.asarray(network(pictures)[0])
    target = np.stack([training.cell_targets(scene) for scene in chosen])
    here = target[..., 0] < len(ALL_KINDS)
    return np.pad(grid[here], ((0, 0), (0, 1)), constant_values=1), target[here]


def test_the_shipped_grid_tells_kind_colour_size_and_place(trained):
    """A linear reading fitted on a few pictures of `train` is right on others, of `test`."""
    features, target = _cells(trained, "train", 160)
    others, wanted = _cells(trained, "test", 60)
    for column, least in ((0, 0.75), (1, 0.9), (2, 0.8), (3, 0.85)):
        classes = np.eye(int(target[:, column].max()) + 1)[target[:, column].astype(int)]
        reading = np.linalg.lstsq(features, classes, rcond=1e-5)[0]
        right = ((others @ reading).argmax(1) == wanted[:, column]).mean()
        print(f"column {column}: {right:.3f}")
        assert right > least
    reading = np.linalg.lstsq(features, target[:, 4:8], rcond=1e-5)[0]
    assert np.abs(others @ reading - wanted[:, 4:8]).mean() * 56 < 5
