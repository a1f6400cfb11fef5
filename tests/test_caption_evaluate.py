"""The baselines that captions are compared with."""

from __future__ import annotations

import numpy as np
import pytest

from cnnrnn.caption.data import Example
from cnnrnn.caption.evaluate import most_frequent, nearest_neighbour, own_data, scored, show
from cnnrnn.caption.prepare import PictureRows, Pictures
from cnnrnn.media.sources import Source
from cnnrnn.text import metrics
from cnnrnn.training.run import Run


class Table:
    """Rows of features held in memory."""

    def __init__(self, rows: np.ndarray):
        self.rows, self.row_shape = rows, rows.shape[1:]

    def read(self, indices):
        return self.rows[np.asarray(indices)]


def pictures(rows: np.ndarray, *captions: str) -> Pictures:
    examples = [
        Example(f"{number}", Source(name=f"{number}"), (text,), "train")
        for number, text in enumerate(captions)
    ]
    return Pictures(examples, PictureRows(Table(rows), np.arange(len(rows))), [])


@pytest.mark.parametrize("count", [3, 64, 200])
def test_the_nearest_neighbour_has_the_highest_cosine_of_all_blocks(count):
    rng = np.random.default_rng(count)
    training, seen = rng.normal(size=(count, 4, 8)), rng.normal(size=(10, 4, 8))
    means = [rows.mean(axis=1) for rows in (training, seen)]
    units = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in means]
    expected = (units[1] @ units[0].T).argmax(axis=1)
    found = nearest_neighbour(
        pictures(training, *(f"caption {number}" for number in range(count))),
        pictures(seen, *["?"] * 10),
    )
    assert found == {f"{at}": f"caption {number}" for at, number in enumerate(expected)}


def test_length_does_not_make_a_neighbour():
    training = pictures(np.array([[10.0, 10.0], [0.1, 0.0]]), "far", "near")
    assert nearest_neighbour(training, pictures(np.array([[5.0, 0.5]]), "?")) == {"0": "near"}


def test_the_most_frequent_caption_is_said_of_all():
    training = pictures(np.zeros((3, 2)), "a dog", "a cat", "a cat")
    found = most_frequent(training.examples, pictures(np.zeros((2, 2)), "?", "?").examples)
    assert found == {"0": "a cat", "1": "a cat"}


def test_a_run_is_judged_on_as_much_as_it_was_trained_on(tmp_path):
    config = {"data": "scenes", "data_format": "auto", "limit": 3}
    run = Run.create(tmp_path, "caption", "small", config)
    assert len(own_data(run).examples) == 9
    assert len(own_data(run, limit=2).examples) == 6


def test_what_stands_in_for_meteor_has_an_interval_too(monkeypatch, capsys):
    monkeypatch.setattr(metrics, "_meteor", lambda _: (None, {"METEOR": "needs Java"}))
    examples = pictures(np.zeros((3, 2)), "a dog runs", "a cat sits", "a man sings").examples
    texts = {"0": "a dog ran", "1": "a cat sits", "2": "it rains"}
    show([scored("captions", examples, texts, "words")], json=False)
    assert "StemMatch (METEOR needs Java) 0." in capsys.readouterr().err
