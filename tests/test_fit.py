"""The fit loop on a model of a few weights: rate, clipping, averaging, stopping, resuming."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from fit_helpers import FAST, STEPS, WIDTH, Figures, Points, column, keras, model, start

from cnnrnn.errors import CnnRnnError, UsageError
from cnnrnn.training import fit as fitting
from cnnrnn.training.fit import (
    FitSettings,
    Interrupted,
    averaged,
    averaging_of,
    fit,
    load_model,
)
from cnnrnn.training.run import Run


@pytest.fixture
def run(tmp_path):
    return Run.create(tmp_path, "caption", "one")


# -- settings and rate ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        {"schedule": "step"},
        {"epochs": 0},
        {"patience": 0},
        {"learning_rate": 0.0},
        {"learning_rate": math.nan},
        {"averaging": 1.0},
        {"clip_norm": -1.0},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(wrong):
    with pytest.raises(UsageError):
        FitSettings(**wrong)


def rates(settings, steps):
    return [fitting._rate(settings, step, steps) for step in range(settings.epochs * steps)]


def test_the_rate_rises_over_the_first_epoch():
    settings = FitSettings(epochs=2, learning_rate=0.8, schedule="fixed", warmup=1.0)
    assert rates(settings, 4) == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8, 0.8, 0.8, 0.8])


def test_cosine_falls_to_zero_over_all_epochs():
    settings = FitSettings(epochs=2, learning_rate=1.0, schedule="cosine", warmup=0.0)
    half = math.sqrt(0.5)
    expected = [1.0, (1 + half) / 2, 0.5, (1 - half) / 2]
    assert rates(settings, 2) == pytest.approx(expected)


def test_warm_up_and_cosine_multiply():
    settings = FitSettings(epochs=2, learning_rate=1.0, schedule="cosine", warmup=0.5)
    half = math.sqrt(0.5)
    assert rates(settings, 2) == pytest.approx([1.0, (1 + half) / 2, 0.5, (1 - half) / 2])
    settings = replace(settings, warmup=1.0)
    assert rates(settings, 2) == pytest.approx([0.5, (1 + half) / 2, 0.5, (1 - half) / 2])


def test_plateau_halves_the_rate_after_each_epoch_that_is_not_the_best(run):
    settings = replace(FAST, epochs=6, schedule="plateau", warmup=0.0, learning_rate=0.08)
    start(run, Figures(5.0, 6.0, 4.0, 4.0, 4.5, 3.0), settings)
    assert column(run, "rate") == pytest.approx([0.08, 0.08, 0.04, 0.04, 0.02, 0.01])


def test_other_schedules_do_not_halve(run):
    start(run, Figures(1.0, 2.0, 3.0), replace(FAST, epochs=3, schedule="fixed", warmup=0.0))
    assert column(run, "rate") == pytest.approx([0.05] * 3)


# -- one epoch -----------------------------------------------------------------------------------


def first_moments(settings, scale):
    """Norm of Adam's first moments after one epoch whose gradients are huge."""
    network = model()
    network.compile(fitting.optimizer(settings), keras.losses.MeanSquaredError())
    fitting._train_epoch(network, Points(scale), settings, 1, 1.0)
    moments = [variable for variable in network.optimizer.variables if "momentum" in variable.path]
    assert len(moments) == len(network.trainable_variables)
    return math.sqrt(sum(float(np.square(each.numpy()).sum()) for each in moments))


def test_gradients_are_clipped_by_their_global_norm():
    """Each moment is at most the mean of clipped gradients: (1 - 0.9 ** 3) * 2 = 0.542."""
    assert first_moments(replace(FAST, clip_norm=2.0), 1e6) <= (1 - 0.9**STEPS) * 2.0 + 1e-4
    assert first_moments(replace(FAST, clip_norm=0.0), 1e6) > 1e5


def test_weights_decay_but_biases_do_not():
    """With a gradient of 0, AdamW takes rate * decay of each weight and nothing of a bias."""
    settings = replace(FAST, weight_decay=0.5, schedule="fixed", warmup=0.0, averaging=0.0)
    points = Points()
    points.inputs[:], points.targets[:] = 0, 0
    network = keras.Sequential([keras.layers.Input((WIDTH,)), keras.layers.Dense(1)])
    network.set_weights([np.ones((WIDTH, 1)), np.array([0.0])])
    network.compile(fitting.optimizer(settings), keras.losses.MeanSquaredError())
    fitting._train_epoch(network, points, settings, 1, 1.0)
    kernel, bias = network.get_weights()
    np.testing.assert_allclose(kernel, (1 - 0.05 * 0.5) ** STEPS, rtol=1e-6)
    assert bias == 0
    network.layers[0].bias.assign([3.0])
    network.compile(fitting.optimizer(settings), lambda target, output: 0 * output)
    fitting._train_epoch(network, points, settings, 1, 1.0)
    assert network.get_weights()[1] == 3.0


def test_the_loss_of_an_epoch_is_the_mean_of_its_steps(run):
    """Without learning (a rate of almost nothing) and dropout it can be computed aside."""
    keras.utils.set_random_seed(1)
    network = keras.Sequential([keras.layers.Input((WIDTH,)), keras.layers.Dense(1)])
    points, settings = Points(), replace(FAST, epochs=1, learning_rate=1e-30)
    outputs = points.inputs @ network.get_weights()[0]
    loss = keras.losses.MeanSquaredError()
    fit(network, loss, points, Figures(1.0), "val_loss", settings, run)
    expected = float(np.square(outputs - points.targets).mean())
    assert column(run, "loss") == pytest.approx([expected], rel=1e-5)


def test_the_order_is_another_each_epoch_and_the_same_again():
    seen = []

    class Noted(Points):
        def epoch(self, generator):
            for inputs, targets in super().epoch(generator):
                seen.append(inputs)
                yield inputs, targets

    network = model()
    network.compile("sgd", "mse")
    for epoch in (1, 2, 1):
        fitting._train_epoch(network, Noted(), FAST, epoch, 1.0)
    first, second, again = (np.concatenate(seen[at : at + STEPS]) for at in (0, 3, 6))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(np.sort(first, axis=0), np.sort(second, axis=0))


def test_averages_are_validated_and_kept_and_training_goes_on_with_the_weights(run):
    """The moving average by hand: first the weights themselves, then 0.9 old + 0.1 new."""
    network = model()
    network.compile(fitting.optimizer(FAST), keras.losses.MeanSquaredError())
    means = None
    for inputs, targets in Points().epoch(np.random.default_rng(0)):
        network.train_on_batch(inputs, targets)
        now = network.get_weights()
        old = means or now
        means = [0.9 * a + 0.1 * b for a, b in zip(old, now, strict=True)]
    with averaged(network):
        for found, expected in zip(network.get_weights(), means, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)
    for found, expected in zip(network.get_weights(), now, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_without_averaging_the_weights_themselves_are_validated(run):
    figures = Figures(1.0)
    start(run, figures, replace(FAST, epochs=1, averaging=0.0))
    last = load_model(run.last).get_weights()
    for found, expected in zip(figures.weights[0], last, strict=True):
        np.testing.assert_array_equal(found, expected)


# -- the best epoch, and the end -----------------------------------------------------------------


def test_the_best_epoch_is_kept(run):
    figures = Figures(0.1, 0.4, 0.3, 0.2, name="val_CIDEr")
    result = start(run, figures)
    assert (result.epochs, result.best_epoch, result.best_value) == (4, 2, 0.4)
    assert not result.stopped_early
    assert column(run, "val_CIDEr") == [0.1, 0.4, 0.3, 0.2]
    for found, expected in zip(load_model(run.best).get_weights(), figures.weights[1], strict=True):
        np.testing.assert_array_equal(found, expected)


def test_epochs_that_are_alike_are_told_apart_by_their_loss(run):
    """A captioner whose CIDEr is 0 for a while learns all the same."""

    class Both(Figures):
        def __call__(self, model):
            loss, self.values = self.values[0][1], [self.values[0][0], *self.values[1:]]
            return super().__call__(model) | {"val_loss": loss}

    values = [(0.0, 4.0), (0.0, 3.0), (0.0, 3.5), (0.0, 2.0), (0.1, 9.0)]
    settings = replace(FAST, epochs=5, patience=2)
    assert start(run, Both(*values, name="val_CIDEr"), settings).best_epoch == 5
    assert column(run, "val_loss") == [4.0, 3.0, 3.5, 2.0, 9.0]


def test_a_run_of_before_there_were_ranks_keeps_its_best(run):
    with pytest.raises(Interrupted):
        start(run, Figures(0.4, KeyboardInterrupt(), name="val_CIDEr"))
    state = json.loads((run.path / "state.json").read_text())
    del state["rank"]
    (run.path / "state.json").write_text(json.dumps(state))
    result = start(run, Figures(0.1, 0.2, 0.3, name="val_CIDEr"), resume=True)
    assert (result.best_epoch, result.best_value) == (1, 0.4)


def test_the_first_step_makes_no_variable(run):
    """Else it would be compiled a second time."""
    network = model()

    class Watched(Points):
        def epoch(self, generator):
            before = len(network.optimizer.variables)
            yield from super().epoch(generator)
            assert before == len(network.optimizer.variables) > len(network.trainable_variables)

    fit(network, keras.losses.MeanSquaredError(), Watched(), Figures(1.0), "val_loss",
        replace(FAST, epochs=1), run)  # fmt: skip


@pytest.mark.parametrize(("steps", "momentum"), [(0.2, 0.5), (18, 17 / 18), (5000, 0.99)])
def test_an_average_is_over_so_many_steps(steps, momentum):
    assert averaging_of(steps) == pytest.approx(momentum)


def test_a_loss_is_better_when_it_is_lower(run):
    assert start(run, Figures(3.0, 2.0, 2.5, 2.0)).best_epoch == 2


def test_training_stops_when_patience_is_at_its_end(run):
    result = start(run, Figures(3.0, 2.0, 2.5, 2.1, 1.0), replace(FAST, epochs=5, patience=2))
    assert result.stopped_early
    assert (result.epochs, result.best_epoch, result.best_value) == (4, 2, 2.0)


def test_a_finished_training_resumed_adds_nothing(run):
    settings = replace(FAST, epochs=5, patience=1)
    first = start(run, Figures(1.0, 2.0), settings)
    saved = run.last.read_bytes()
    again = start(run, Figures(), settings, resume=True)
    assert (again.epochs, again.best_epoch, again.stopped_early) == (2, 1, True)
    assert again.best_value == first.best_value
    assert run.last.read_bytes() == saved and len(run.log()) == 2


# -- what goes wrong -----------------------------------------------------------------------------


class Broken(Points):
    """From one epoch on, a target is no number."""

    def __init__(self, epochs_left):
        super().__init__()
        self.left = epochs_left

    def epoch(self, generator):
        self.left -= 1
        for number, (inputs, targets) in enumerate(super().epoch(generator)):
            yield inputs, targets * (math.nan if self.left < 0 and number == 1 else 1)


def test_a_loss_that_is_no_number_ends_training_and_keeps_the_last_good_epoch(run):
    figures = Figures(3.0, 2.0, 1.0)
    with pytest.raises(CnnRnnError, match=r"became nan in epoch 3, step 2.*--learning-rate"):
        start(run, figures, points=Broken(2))
    assert run.read_state()["epoch"] == 2 and len(run.log()) == 2
    for path in (run.best, run.last):
        assert all(np.isfinite(weight).all() for weight in load_model(path).get_weights())


def test_in_the_first_epoch_nothing_is_said_to_be_kept(run):
    with pytest.raises(CnnRnnError, match="epoch 1, step 2") as caught:
        start(run, Figures(), points=Broken(0))
    assert "kept" not in str(caught.value) and not run.last.exists()


def test_a_failure_while_batches_are_made_is_told(run):
    class Damaged(Points):
        def epoch(self, generator):
            yield from list(super().epoch(generator))[:1]
            raise CnnRnnError("row 7 of the cache is damaged")

    with pytest.raises(CnnRnnError, match="row 7"):
        start(run, Figures(), points=Damaged())


def test_ctrl_c_says_how_to_go_on(run):
    with pytest.raises(Interrupted) as caught:
        start(run, Figures(2.0, 1.0, KeyboardInterrupt()))
    assert caught.value.exit_code == 130
    assert "2 epochs are saved" in str(caught.value)
    assert f"cnnrnn caption train --resume {run.path}" in str(caught.value)


def test_ctrl_c_in_the_first_epoch_has_nothing_to_go_on_with(run):
    with pytest.raises(Interrupted, match="no epoch was finished"):
        start(run, Figures(KeyboardInterrupt()))


@pytest.mark.parametrize("content", [b"", b"not a model"])
def test_a_damaged_model_file_is_told_in_one_line(tmp_path, content):
    path = tmp_path / "best.keras"
    path.write_bytes(content)
    with pytest.raises(CnnRnnError, match="cannot open the model") as caught:
        load_model(path)
    assert "\n" not in str(caught.value)


def test_a_truncated_model_file_is_told(run, tmp_path):
    start(run, Figures(1.0), replace(FAST, epochs=1))
    whole = run.best.read_bytes()
    (tmp_path / "cut.keras").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CnnRnnError, match="cannot open the model"):
        load_model(tmp_path / "cut.keras")


# -- resume --------------------------------------------------------------------------------------


def weights_of(path):
    """All that training goes on with: weights, optimizer and random state."""
    opened = load_model(path, compiled=True)
    return [*opened.get_weights(), *(variable.numpy() for variable in opened.optimizer.variables)]


@pytest.mark.parametrize("stop_after", [1, 3])
@pytest.mark.parametrize("schedule", ["cosine", "plateau"])
def test_resumed_training_equals_one_that_was_not_stopped(tmp_path, schedule, stop_after):
    """To the last bit: with dropout, averaged weights, decay and a changing rate."""
    values = [4.0, 5.0, 3.0, 3.5]
    settings = replace(FAST, schedule=schedule, weight_decay=0.1)
    whole, parts = (Run.create(tmp_path, "caption", name) for name in ("whole", "parts"))
    expected = start(whole, Figures(*values), settings)
    with pytest.raises(Interrupted):
        start(parts, Figures(*values[:stop_after], KeyboardInterrupt()), settings)
    keras.utils.set_random_seed(99)  # what came between must not matter
    found = start(Run.open(parts.path), Figures(*values[stop_after:]), settings, resume=True)
    assert replace(found, seconds=0) == replace(expected, seconds=0)
    for name in ("loss", "val_loss", "rate", "epoch"):
        assert column(parts, name) == column(whole, name)
    for path in ("last.keras", "best.keras"):
        pairs = zip(
            load_model(parts.path / path).get_weights(),
            load_model(whole.path / path).get_weights(),
            strict=True,
        )
        assert all(np.array_equal(a, b) for a, b in pairs), path
    pairs = zip(weights_of(parts.last), weights_of(whole.last), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)


def test_a_run_killed_in_its_first_epoch_begins_again(run):
    with pytest.raises(Interrupted):
        start(run, Figures(KeyboardInterrupt()))
    assert start(run, Figures(4.0, 3.0, 2.0, 1.0), resume=True).epochs == 4


def test_patience_goes_on_counting(run):
    settings = replace(FAST, epochs=6, patience=3)
    with pytest.raises(Interrupted):
        start(run, Figures(1.0, 2.0, 2.0, KeyboardInterrupt()), settings)
    result = start(run, Figures(2.0, 0.5), settings, resume=True)
    assert result.stopped_early and (result.epochs, result.best_epoch) == (4, 1)


def test_the_log_is_plain_csv(run):
    start(run, Figures(1.0), replace(FAST, epochs=1))
    with open(run.path / "log.csv", newline="") as file:
        [row] = csv.DictReader(file)
    assert list(row) == ["epoch", "loss", "val_loss", "rate", "seconds"]
    assert row["epoch"] == "1" and float(row["seconds"]) >= 0


# -- several losses ------------------------------------------------------------------------------


@keras.saving.register_keras_serializable("test_fit")
class TwoOutputs(keras.Model):
    """Says x and 3 x; one weight, which learns nothing where the rate is tiny."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")

    def build(self, input_shape=None):
        self.built = True

    def call(self, inputs):
        return {"near": self.scale * inputs, "far": 3 * self.scale * inputs}


def test_the_parts_of_a_loss_are_logged_with_their_weights_in_the_sum(run, capsys):
    class Ones:
        def steps(self):
            return 2

        def epoch(self, generator):
            for _ in range(2):
                yield np.ones((4, 1), np.float32), {name: np.zeros((4, 1)) for name in losses}

    losses = {"near": keras.losses.MeanAbsoluteError(), "far": keras.losses.MeanAbsoluteError()}
    settings = FitSettings(epochs=1, learning_rate=1e-9, averaging=0.0, weight_decay=0.0)
    fit(
        TwoOutputs(), losses, Ones(), lambda model: {"val_loss": 1.0, "val_far_loss": 2.0},
        "val_loss", settings, run, by=fitting.optimizer(settings),
        loss_weights={"near": 0.5, "far": 0.1},
    )  # fmt: skip
    [row] = run.log()
    assert row["near_loss"] == pytest.approx(1, rel=1e-4)
    assert row["far_loss"] == pytest.approx(3, rel=1e-4)
    assert row["loss"] == pytest.approx(0.5 * 1 + 0.1 * 3, rel=1e-4)
    said = capsys.readouterr().err
    assert "loss 0.800" in said and "val_loss 1.000" in said and "far_loss" not in said
