"""A model of a few weights, its data and its figures, for the tests of the fit loop."""

from __future__ import annotations

import numpy as np

from cnnrnn import backend
from cnnrnn.training.fit import FitSettings, fit

keras = backend.keras()

STEPS, BATCH, WIDTH = 3, 4, 5
FAST = FitSettings(epochs=4, learning_rate=0.05, averaging=0.9, patience=10, seed=7)


class Points:
    """Random points, in an order that the generator decides."""

    def __init__(self, scale: float = 1.0):
        random = np.random.default_rng(0)
        self.inputs = scale * random.normal(size=(STEPS * BATCH, WIDTH)).astype(np.float32)
        self.targets = self.inputs.sum(axis=1, keepdims=True)

    def steps(self):
        return STEPS

    def epoch(self, generator):
        order = generator.permutation(len(self.inputs)).reshape(STEPS, BATCH)
        for chosen in order:
            yield self.inputs[chosen], self.targets[chosen]


class Figures:
    """Stands in for validation: gives the figures of a list, then raises what ends it."""

    def __init__(self, *values, name="val_loss"):
        self.values, self.name = list(values), name
        self.weights = []

    def __call__(self, model):
        self.weights.append(model.get_weights())
        value = self.values.pop(0)
        if isinstance(value, BaseException):
            raise value
        return {self.name: value}


def model():
    keras.utils.set_random_seed(11)
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((WIDTH,)),
            layers.Dense(6, activation="tanh"),
            layers.Dropout(0.5),
            layers.Dense(1),
        ]
    )


def start(run, figures, settings=FAST, points=None, monitor=None, resume=False):
    return fit(
        model(),
        keras.losses.MeanSquaredError(),
        points or Points(),
        figures,
        monitor or figures.name,
        settings,
        run,
        resume,
    )


def column(run, name):
    return [row[name] for row in run.log()]
