"""The flip-flop: its trials, and what training leaves alone."""

import random

import keras
import numpy as np
import pytest

from fixedpoint_tf.tasks import flip_flop, train_flip_flop

pytestmark = pytest.mark.slow


def by_the_rule(inputs):
    """The memory, one step after the other."""
    memory = np.zeros_like(inputs[:, 0])
    targets = np.empty_like(inputs)
    for t in range(inputs.shape[1]):
        memory = np.where(inputs[:, t] != 0, inputs[:, t], memory)
        targets[:, t] = memory
    return targets


@pytest.mark.parametrize("probability", [0.0, 0.1, 0.5, 1.0])
def test_target_is_the_sign_of_the_last_pulse(probability):
    rng = np.random.default_rng(1)
    inputs, targets = flip_flop(rng, 20, n_time=30, n_bits=4, pulse_probability=probability)
    np.testing.assert_array_equal(targets, by_the_rule(inputs))
    assert set(np.unique(inputs)) <= {-1.0, 0.0, 1.0}
    assert np.all(np.abs(inputs[:, 0]) == 1.0), "every bit is set at the first step"


def test_pulses_come_as_often_as_asked_and_are_fair():
    inputs, _ = flip_flop(np.random.default_rng(2), 500, n_time=81, pulse_probability=0.2)
    later = inputs[:, 1:]
    n = later.size
    assert abs(np.mean(later != 0) - 0.2) < 4 * np.sqrt(0.2 * 0.8 / n)
    assert abs(later.mean()) < 4 * np.sqrt(0.2 / n)


def test_same_seed_same_trials():
    first, again, other = (flip_flop(np.random.default_rng(s), 5)[0] for s in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("probability", [-0.1, 1.5, np.nan])
def test_probability_outside_its_range_is_refused(probability):
    with pytest.raises(ValueError, match=r"pulse_probability: expected a number in \[0, 1\]"):
        flip_flop(np.random.default_rng(0), 1, pulse_probability=probability)


def test_training_lowers_the_error_and_repeats_with_the_seed():
    inputs, targets = flip_flop(np.random.default_rng(5), 64, n_bits=1)
    options = {"n_bits": 1, "units": 8, "n_trials": 512, "epochs": 40}
    first, again = (train_flip_flop(7, **options).predict(inputs, verbose=0) for _ in "ab")
    np.testing.assert_array_equal(first, again)
    assert np.mean((first - targets) ** 2) < 0.5 * np.mean(targets**2)


def test_training_leaves_the_global_generators_alone():
    before = random.getstate(), np.random.get_state()[1].copy()
    train_flip_flop(0, n_bits=1, units=2, n_trials=4, epochs=1)
    assert random.getstate() == before[0]
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])


def test_callbacks_are_called_every_epoch():
    epochs = []
    report = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: epochs.append(epoch)
    )
    train_flip_flop(0, n_bits=1, units=2, n_trials=4, epochs=3, callbacks=[report])
    assert epochs == [0, 1, 2]
