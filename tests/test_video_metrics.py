"""Figures of judgements by hand, order controls, ensembles, and the claims of a comparison."""

from __future__ import annotations

import json

import numpy as np
import pytest

from cnnrnn.errors import CnnRnnError
from cnnrnn.intervals import gain, over_seeds
from cnnrnn.media.sources import Source
from cnnrnn.video_classify import metrics
from cnnrnn.video_classify.claims import claims
from cnnrnn.video_classify.controls import shuffled, single_frame
from cnnrnn.video_classify.ensemble import fit_weights
from cnnrnn.video_classify.evaluate import read_predictions
from cnnrnn.video_classify.layouts import Example
from cnnrnn.video_classify.results import Result, Table

LABELS = ["a", "b", "c"]
ROWS = np.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.2, 0.3, 0.5]])
NAMES = ["a", "b", "b", "d"]  # the label d was never learned


def scores() -> metrics.Scores:
    return metrics.score(["1", "2", "3", "4"], NAMES, LABELS, ROWS)


def test_figures_by_hand():
    found = scores()
    assert found.overall["top1"] == 0.5
    assert found.overall["top5"] == 0.75
    # a: 1 of 1, b: 1 of 2, d: 0 of 1
    assert found.overall["mean_class"] == pytest.approx(0.5)
    expected = -np.log([0.7, 0.3, 0.8, 1e-7]).mean()
    assert found.overall["log_loss"] == pytest.approx(expected)
    assert found.within(2).tolist() == [1, 1, 1, 0]


def test_confusion_and_labels_by_hand():
    rows, counts = scores().confusion()
    assert rows == ["a", "b", "c", "d"]
    assert counts.tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 0, 1]]
    assert scores().per_label() == [
        ("a", 1, 1.0, 0.5), ("b", 2, 0.5, 1.0), ("c", 0, None, 0.0), ("d", 1, 0.0, None),
    ]  # fmt: skip
    assert scores().mistaken() == [("b", "a", 1), ("d", "c", 1)]


def test_pairs_by_hand():
    # Clip 1 prefers a to b, clip 2 too, clip 3 prefers b; clip 4 is in no pair.
    assert scores().pair_correct([("a", "b")]).tolist() == [1, 0, 1]
    alike = metrics.score(["1"], ["a"], LABELS, np.array([[0.4, 0.4, 0.2]]))
    assert alike.pair_correct([("a", "b")]).tolist() == [0.5]


def test_a_difference_needs_the_same_clips():
    found = scores()
    assert found.difference(found) == (0, 0, 0)
    with pytest.raises(CnnRnnError, match="different clips"):
        found.difference(metrics.score(["9"], ["a"], LABELS, ROWS[:1]))
    with pytest.raises(CnnRnnError, match="no clips"):
        metrics.score([], [], LABELS, np.zeros((0, 3)))


def test_the_majority_baseline():
    rows = metrics.majority(["a", "a", "b"], LABELS, 2)
    np.testing.assert_allclose(rows, [[2 / 3, 1 / 3, 0]] * 2)


# -- controls --------------------------------------------------------------------------------------


def given():
    values = np.arange(10).reshape(2, 5)
    mask = np.array([[True] * 5, [True, True, True, False, False]])
    return {"rgb": values, "motion": values * 10, "mask": mask}


def test_shuffled_frames_are_the_same_frames():
    before, numbers = given(), np.array([4, 7])
    after = shuffled(0)(before, numbers)
    for row, real in zip((0, 1), before["mask"], strict=True):
        assert sorted(after["rgb"][row, real]) == sorted(before["rgb"][row, real])
    assert (after["motion"] == 10 * after["rgb"]).all()  # both streams in the same order
    assert (after["rgb"][1, 3:] == before["rgb"][1, 3:]).all()
    assert (after["rgb"] != before["rgb"]).any()
    # The order depends on the clip, not on its batch.
    alone = shuffled(0)({key: value[1:] for key, value in before.items()}, numbers[1:])
    assert (alone["rgb"] == after["rgb"][1:]).all()


def test_a_single_frame_is_the_middle_one():
    after = single_frame(given(), np.array([0, 1]))
    assert (after["rgb"][0] == 2).all() and (after["rgb"][1] == 6).all()
    assert (after["mask"] == given()["mask"]).all()


# -- ensembles -------------------------------------------------------------------------------------


def test_weights_favour_what_is_right():
    targets = np.array([0, 1, 0, 1])
    right = np.array([[0.9, 0.1], [0.1, 0.9], [0.9, 0.1], [0.1, 0.9]])
    weights = fit_weights(np.stack([right, np.full((4, 2), 0.5), 1 - right]), targets)
    assert weights[0] == pytest.approx(1, abs=1e-3)


def test_weights_are_those_of_the_lowest_log_loss():
    generator = np.random.default_rng(0)
    rows = generator.dirichlet([1, 1, 1], (2, 200))
    targets = generator.integers(0, 3, 200)
    found = fit_weights(rows, targets)
    chosen = rows[:, np.arange(200), targets]
    grid = np.linspace(0, 1, 1001)
    losses = -np.log(grid[:, None] * chosen[0] + (1 - grid[:, None]) * chosen[1]).mean(axis=1)
    assert found[0] == pytest.approx(grid[losses.argmin()], abs=2e-3)


# -- files of predictions --------------------------------------------------------------------------


def examples(*names):
    return [Example(name, Source(name), "a") for name in names]


def lines(path, *rows):
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_predictions_of_any_program(tmp_path, capsys):
    file = lines(
        tmp_path / "p.jsonl",
        {"path": "clips/x.mp4", "scores": {"a": 3, "b": 1}},
        {"path": "y.mp4", "scores": {"a": -1.0, "c": 0.0}},
        {"path": "strange.mp4", "scores": {"a": 1}},
    )
    found, labels, rows = read_predictions(file, examples("clips/x.mp4", "clips/y.mp4", "z.mp4"))
    assert [each.id for each in found] == ["clips/x.mp4", "clips/y.mp4"]
    assert labels == ["a", "b", "c"]
    np.testing.assert_allclose(rows[0], [0.75, 0.25, 0])
    share = np.exp(-1) / (1 + np.exp(-1))
    np.testing.assert_allclose(rows[1], [share, 0, 1 - share])
    told = capsys.readouterr().err
    assert "1 predictions are of clips" in told and "1 of 3 clips have no prediction" in told


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"path": "x.mp4"}, "line 1 has no path or no scores"),
        ({"path": "x.mp4", "scores": {"a": "much"}}, "line 1 has no path or no scores"),
        ({"path": "x.mp4", "scores": {}}, "line 1 has no path or no scores"),
        ({"scores": {"a": 1}}, "line 1 has no path"),
        ({"path": "other.mp4", "scores": {"a": 1}}, "no prediction in"),
    ],
)
def test_predictions_that_are_none(tmp_path, row, message):
    with pytest.raises(CnnRnnError, match=message):
        read_predictions(lines(tmp_path / "p.jsonl", row), examples("x.mp4"))


# -- comparisons -----------------------------------------------------------------------------------

PAIRS = [("opens", "closes")]


def result(model, seed, right, under_shuffle=None, count=200) -> Result:
    """A model that is right in so many of the clips, and in half of them when shuffled."""
    names = ["opens", "closes"] * (count // 2)

    def rows(share):
        correct = np.random.default_rng([seed, len(model)]).random(count) < share
        p = np.where(correct, 0.9, 0.1)
        first = np.array([name == "closes" for name in names])
        return np.stack([np.where(first, p, 1 - p), np.where(first, 1 - p, p)], axis=1)

    plain, mixed = rows(right), rows(right if under_shuffle is None else under_shuffle)
    return Result(
        model, seed, ["closes", "opens"], [str(n) for n in range(count)], names,
        {"classifier": plain, "shuffled frames": mixed, "single frame": mixed},
        names, plain, 1.5, 100,
    )  # fmt: skip


def test_claims_are_read_off_the_figures():
    found = [result("mean", s, 0.5) for s in range(2)] + [
        result("lstm", s, 0.97, 0.5) for s in range(2)
    ]
    found += [result("c3d", s, 0.9, 0.5) for s in range(2)]
    verdicts = {c.text: c.held for c in claims({"clips": Table("clips", found, PAIRS)})}
    assert verdicts["pooling the frames misses order"] is True
    assert verdicts["3D convolution misses order"] is False
    assert verdicts["an LSTM that fuses the frames sees order"] is True
    assert verdicts["choosing frames helps where many say nothing (clips)"] is None
    assert verdicts["an ensemble beats its best member"] is False  # lstm alone is as good


def test_an_lstm_no_better_than_pooling_does_not_hold():
    found = [result("mean", 0, 0.9), result("lstm", 0, 0.9, 0.9)]
    claim = claims({"x": Table("x", found, PAIRS)})[2]
    assert claim.held is False and "lstm is" in claim.numbers


def test_a_gain_is_seed_by_seed_and_one_seed_stands_beside_all():
    three, two = np.array([[3.0], [5.0], [7.0]]), np.array([[1.0], [2.0]])
    assert gain(three, two).value == 2.5  # (3 - 1 + 5 - 2) / 2
    assert gain(three, two[:1]).value == gain(three, np.full((3, 1), 1.0)).value == 4.0


def test_an_interval_is_over_seeds_too():
    # All clips of a seed alike: the clips alone would give no interval at all.
    figure = over_seeds(np.array([[1.0] * 50, [0.0] * 50]))
    assert (figure.value, figure.low, figure.high) == (0.5, 0, 1)


def test_results_come_back_from_their_file():
    before = result("lstm", 1, 0.8)
    again = Result.from_json(json.loads(json.dumps(before.as_json())))
    for control, rows in before.probabilities.items():
        np.testing.assert_allclose(again.probabilities[control], rows)
    assert again.ids == before.ids
    with pytest.raises(CnnRnnError, match="no judgements"):
        Result.from_json({"model": "lstm"})


def test_trainings_on_other_clips_are_not_compared():
    with pytest.raises(CnnRnnError, match="different clips"):
        Table("x", [result("mean", 0, 0.5), result("lstm", 0, 0.5, count=100)])
