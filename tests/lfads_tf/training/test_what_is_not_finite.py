"""Weights and learning rates that are not finite are said, and reach no file."""

import os

import keras
import numpy as np
import pytest

from lfads_tf import LFADS, LFADSConfig, load_model

X = np.random.default_rng(0).poisson(0.7, (8, 6, 4)).astype("float32")
SIZES = {"encoder_units": 2, "generator_units": 2, "n_factors": 2, "warm_up_steps": 0}


def made(optimizer=None):
    model = LFADS(LFADSConfig(n_neurons=4, n_bins=6, bin_width=0.02, **SIZES))
    model.compile(optimizer, jit_compile=False)
    return model


def all_finite(model):
    return all(np.isfinite(weight).all() for weight in model.get_weights())


class Poison(keras.callbacks.Callback):
    """Does something after the last step of an epoch, or before its first."""

    def __init__(self, epoch, does, hook="on_train_batch_end"):
        super().__init__()
        self.epoch, self.does, self.now = epoch, does, -1
        setattr(self, hook, lambda *_, **__: self.now == epoch and does(self.model))

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch


def spoil(model):
    weight = model.trainable_weights[0]
    weight.assign(np.full(weight.shape, np.nan))


@pytest.mark.parametrize("validation", [None, X])
def test_weights_of_the_last_step_are_said_and_written_nowhere(tmp_path, validation):
    model = made()
    callbacks = [*model.default_callbacks(tmp_path, save_every=0.0), Poison(1, spoil)]
    with pytest.raises(FloatingPointError, match=r"step 1: a weight \(.*\) .* finite.*ch 1"):
        model.fit(X, epochs=2, validation_data=validation, callbacks=callbacks, verbose=0)
    assert all_finite(model) and int(model.step) == 1
    for name in ("best.keras", "last.keras"):
        assert all_finite(load_model(tmp_path / name))


def test_a_step_too_large_is_said_though_its_loss_was_finite(tmp_path):
    model = made(keras.optimizers.SGD(1e30))
    with pytest.raises(FloatingPointError, match="val_.* not finite.*start of this train"):
        callbacks = model.default_callbacks(tmp_path)
        model.fit(X, epochs=1, validation_data=X, callbacks=callbacks, verbose=0)
    assert all_finite(model)
    assert os.listdir(tmp_path) == []
    model.fit(X, epochs=1, verbose=0)  # weights are finite still, and nothing judges them
    for ask in (model.infer, model.predict):
        with pytest.raises(ValueError, match="^model: expected weights that lead to finite"):
            ask(X)


@pytest.mark.parametrize("rate", [np.nan, np.inf, -1e-3])
def test_a_learning_rate_is_checked_when_training_begins(rate):
    for optimizer in (
        keras.optimizers.Adam(rate),
        keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(rate)),
        keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(rate, 9, 0.5)),
    ):
        model = made(optimizer)
        for ask in (model.fit, model.train_on_batch):
            with pytest.raises(ValueError, match="^optimizer: expected a finite learning rate"):
                ask(X)
        assert int(model.step) == 0


@pytest.mark.parametrize("rate", [np.nan, -1e-3])
def test_a_learning_rate_is_checked_while_training_goes(rate):
    def assign(model):
        model.optimizer.learning_rate = rate

    falls = keras.optimizers.schedules.ExponentialDecay(1e-3, 1, rate * 1e3)
    setting = keras.callbacks.LearningRateScheduler(lambda epoch, _: [1e-3, rate][epoch])
    for optimizer, callbacks in (
        (falls, []),
        (1e-3, [setting]),
        (1e-3, [Poison(1, assign, "on_train_batch_begin")]),
    ):
        model = made(keras.optimizers.Adam(optimizer))
        with pytest.raises(
            FloatingPointError, match="step 1: the learning rate is negative or not finite"
        ):
            model.fit(X, epochs=2, callbacks=callbacks, verbose=0)
        assert all_finite(model) and int(model.step) == 1


def test_no_question_is_asked_of_weights_that_are_not_finite():
    model = made()
    model.fit(X, verbose=0)
    spoil(model)
    asks = ("fit", "evaluate", "predict", "infer", "train_on_batch", "test_on_batch")
    for ask in (*asks, "predict_on_batch"):
        with pytest.raises(ValueError, match="^model: expected finite weights, .* network/"):
            getattr(model, ask)(X)


def test_callbacks_that_cannot_set_the_learning_rate_are_refused():
    schedule = keras.optimizers.schedules.ExponentialDecay(1e-3, 9, 0.5)
    for callback in (
        keras.callbacks.ReduceLROnPlateau("loss"),
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate),
    ):
        with pytest.raises(ValueError, match=f"^callbacks: .* no {type(callback).__name__}"):
            made(keras.optimizers.Adam(schedule)).fit(X, callbacks=[callback])
    model = made(keras.optimizers.Adam(schedule))
    model.fit(X, validation_data=X, callbacks=model.default_callbacks(), verbose=0)
    model = made()
    with pytest.raises(ValueError, match="^least_learning_rate: expected at most"):
        model.fit(X, callbacks=model.default_callbacks(least_learning_rate=10.0))
    model = made(keras.optimizers.Adam(1e-7))  # below the least that nobody asked for
    model.fit(X, validation_data=X, callbacks=model.default_callbacks(), verbose=0)


@pytest.mark.parametrize("name", ["loss", "metrics", "loss_weights", "weighted_metrics"])
def test_what_only_keras_compiles_is_refused_by_name(name):
    with pytest.raises(TypeError, match=f"^{name}: expected none, since the model has a loss"):
        made().compile(**{name: "mse"})
