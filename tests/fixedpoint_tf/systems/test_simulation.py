"""Runs follow the Keras layer: masks, directions, what goes with the inputs."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from fixedpoint_tf import FixedPointFinder, as_system
from fixedpoint_tf.systems.models.rnn_inputs import RNNInputs
from fixedpoint_tf.systems.simulation import roll_out, simulate

RNG = np.random.default_rng(0)
INPUTS = np.random.default_rng(2).normal(size=(3, 6, 2)).astype("float32")


def leaky(time="discrete"):
    step = (lambda h, u: 0.5 * h + u) if time == "discrete" else (lambda h, u: u - h)
    return as_system(step, n_states=1, n_inputs=1, time=time)


def decay(rate):
    return as_system(lambda h, u: rate * h + u, n_states=1, n_inputs=1, time="continuous")


@pytest.mark.parametrize("make", [layers.SimpleRNN, layers.GRU, layers.LSTM])
def test_a_run_is_that_of_the_keras_layer(make):
    layer = make(4, return_sequences=True, return_state=True, bias_initializer="normal")
    sequence, *last = (np.asarray(x) for x in layer(INPUTS))
    system = as_system(layer)
    states = system.simulate(INPUTS)
    assert states.dtype == np.float64
    np.testing.assert_allclose(states[:, :, :4], sequence, atol=1e-6)
    np.testing.assert_allclose(states[:, -1], np.concatenate(last, axis=-1), atol=1e-6)


def test_a_run_of_a_stack_holds_the_states_of_every_layer():
    layer = layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], return_sequences=True)
    sequence = np.asarray(layer(INPUTS))
    system = as_system(layer)
    states = system.layout.unpack(system.simulate(INPUTS))
    np.testing.assert_allclose(states["layer1.h"], sequence, atol=1e-6)
    assert states["layer0.c"].shape == (3, 6, 3)


def test_a_run_from_given_states():
    layer = layers.LSTM(4, return_sequences=True)
    h, c = (RNG.normal(size=(3, 4)).astype("float32") for _ in range(2))
    sequence = np.asarray(layer(INPUTS, initial_state=[keras.ops.array(h), keras.ops.array(c)]))
    system = as_system(layer)
    for initial in ([h, c], np.hstack([h, c]), {"h": h, "c": c}):
        states = system.simulate(INPUTS, initial)
        np.testing.assert_allclose(states[:, :, :4], sequence, atol=1e-6)


def test_a_run_is_the_repeated_step():
    system = as_system(lambda h, u: 0.9 * h + u**2, n_states=2, n_inputs=2)
    states = system.simulate(INPUTS)
    h = np.zeros((3, 2))
    for t in range(INPUTS.shape[1]):
        h = system.step(h, INPUTS[:, t]).numpy()
        np.testing.assert_allclose(states[:, t], h, atol=1e-14)


def test_single_precision_where_asked():
    system = as_system(lambda h, u: 0.1 * h + u, n_states=2, n_inputs=2)
    single = system.simulate(INPUTS, dtype="float32")
    assert single.dtype == np.float64
    np.testing.assert_array_equal(single, single.astype(np.float32))


def test_continuous_time_follows_the_exponential():
    states = decay(-2.0).simulate(np.zeros((1, 20, 1)), [[1.0]], dt=0.05)
    exact = np.exp(-2.0 * 0.05 * np.arange(1, 21))
    np.testing.assert_allclose(states[0, :, 0], exact, atol=1e-6)


def test_runge_kutta_is_of_fourth_order():
    errors = []
    for n in (10, 20):
        states = decay(-1.0).simulate(np.ones((1, n, 1)), [[3.0]], dt=1.0 / n)
        errors.append(abs(states[0, -1, 0] - (1 + 2 * np.exp(-1.0))))
    assert 14 < errors[0] / errors[1] < 18


BAD_RUNS = {
    "inputs": (
        (np.zeros((3, 2)),),
        {},
        r"u: expected shape \(n_batch, n_time, n_inputs\)",
    ),
    "width": (
        (np.zeros((3, 4, 5)),),
        {},
        r"= \(n_batch, n_time, 1\), received shape \(3, 4, 5\)",
    ),
    "states": (
        (np.zeros((3, 4, 1)), np.zeros((2, 1))),
        {},
        "initial_states: expected a row for each of the 3 sequences of inputs, received 2",
    ),
    "no step": (
        (np.zeros((3, 4, 1)),),
        {"dt": None},
        "dt: expected a positive .*, received None",
    ),
    "step": ((np.zeros((3, 4, 1)),), {"dt": -0.1}, "dt: expected a positive .*, received -0.1"),
    "word": (
        (np.zeros((3, 4, 1)),),
        {"dt": "0.1"},
        "dt: expected a positive .*, received '0.1'",
    ),
    "type": ((np.zeros((3, 4, 1)),), {"dtype": "int8"}, "dtype: expected .*, received 'int8'"),
}


@pytest.mark.parametrize("case", BAD_RUNS)
def test_bad_runs(case):
    arguments, options, message = BAD_RUNS[case]
    with pytest.raises(ValueError, match=message):
        decay(-1.0).simulate(*arguments, **{"dt": 0.1, **options})


def test_a_masked_step_keeps_the_state():
    u = np.array([[[1.0], [np.nan], [0.0], [5.0]], [[7.0], [2.0], [1.0], [np.inf]]])
    mask = np.array([[True, False, True, False], [False, True, True, False]])
    states = simulate(leaky(), u, [[0.0], [4.0]], mask=mask)
    np.testing.assert_array_equal(states[..., 0], [[1, 1, 0.5, 0.5], [4, 4, 3, 3]])


def test_a_mask_holds_in_continuous_time():
    u = RNG.normal(size=(3, 8, 1))
    mask = RNG.random(size=(3, 8)) < 0.5
    states = roll_out(leaky("continuous"), u, dt=0.1, mask=mask)
    for trial in range(3):
        alone = roll_out(leaky("continuous"), u[trial : trial + 1, mask[trial]], dt=0.1)[0]
        np.testing.assert_allclose(states[trial, mask[trial]], alone, rtol=1e-13)


def test_all_steps_taken_is_no_mask():
    u = RNG.normal(size=(3, 8, 1))
    states = roll_out(leaky(), u, mask=np.ones((3, 8), bool))
    np.testing.assert_array_equal(states, roll_out(leaky(), u))


@pytest.mark.parametrize("mask", [np.ones((2, 3)), np.ones((2, 3, 1), bool), np.ones(3, bool)])
def test_a_mask_of_another_kind_is_refused(mask):
    with pytest.raises(
        ValueError, match=r"mask: expected booleans of shape \(n_batch, n_time\) = \(2, 3"
    ):
        simulate(leaky(), np.ones((2, 3, 1)), mask=mask)


def backwards():
    rnn = layers.SimpleRNN(1, activation="linear", go_backwards=True, return_sequences=True)
    rnn.build((None, None, 1))
    rnn.set_weights([np.ones((1, 1)), np.full((1, 1), 0.5), np.zeros(1)])
    return FixedPointFinder(rnn, verbose=False)


def test_inputs_and_states_of_a_layer_that_goes_backwards_belong_together():
    """The state is never the input but where it was zero before: at the last input."""
    finder = backwards()
    inputs = np.array([[[1.0], [0.0], [4.0]]])
    states = finder.simulate(inputs)
    np.testing.assert_array_equal(states[0, :, 0], [4.0, 2.0, 2.0])
    u, x = finder.sample_inputs_and_states(inputs, states, 64)
    assert {(a, b) for a, b in zip(u.ravel(), x.ravel(), strict=True)} == {
        (4.0, 4.0),
        (0.0, 2.0),
        (1.0, 2.0),
    }


def test_states_held_through_padding_need_not_be_drawn():
    model = keras.Sequential([keras.Input((None, 1)), layers.Masking(9.0), layers.GRU(2)])
    finder = FixedPointFinder(model, verbose=False)
    x = np.full((1, 50, 1), 9.0)
    x[0, :2] = [[1.0], [-1.0]]
    u = finder.rnn_inputs(x)
    assert u.valid_bxt.sum() == 2
    states = finder.simulate(u)
    drawn = finder.sample_states(states, 200, valid_bxt=u.valid_bxt)
    share = (drawn == states[0, 1]).all(axis=1).mean()
    assert 0.3 < share < 0.7  # 49 of 50 without


def test_the_arithmetic_can_be_that_of_the_model():
    rnn = layers.GRU(3, return_sequences=True)
    x = RNG.normal(size=(2, 6, 2))
    want = rnn(x)
    finder = FixedPointFinder(rnn, verbose=False)
    single = finder.simulate(x, dtype="float32")
    np.testing.assert_array_equal(single, single.astype("float32"))
    np.testing.assert_allclose(single, want, atol=2e-6)


class TestRNNInputs:
    def make(self):
        mask = np.array([[True, True], [True, False], [False, True]])
        return RNNInputs(RNG.normal(size=(3, 2, 4)), RNG.normal(size=(3, 5)), mask)

    def test_trials_are_chosen_with_their_masks_and_states(self):
        u = self.make()
        for key in (slice(1, None), [2, 0], np.array([False, True, True])):
            part = u[key]
            np.testing.assert_array_equal(part.values, u.values[key])
            np.testing.assert_array_equal(part.mask, u.mask[key])
            np.testing.assert_array_equal(part.initial_states, u.initial_states[key])

    def test_it_is_an_array_to_numpy_and_tensorflow(self):
        u = self.make()
        assert isinstance(u[0, -1], np.ndarray) and u[:, -1].shape == (3, 4)
        assert (u.shape, u.ndim, len(u)) == ((3, 2, 4), 3, 3)
        np.testing.assert_array_equal(np.asarray(u), u.values)
        np.testing.assert_array_equal(u - 1.0, u.values - 1.0)
        np.testing.assert_array_equal(1.0 - u, 1.0 - u.values)
        np.testing.assert_array_equal(np.abs(u - tf.constant(u.values)), 0.0)
        np.testing.assert_array_equal(np.concatenate([u, u]), np.concatenate([u.values] * 2))
        assert np.array(u, dtype="float32").dtype == "float32"
        assert repr(u) == "RNNInputs(3 trials, 2 steps, 4 inputs, masked)"

    def test_another_network_refuses_its_width(self):
        with pytest.raises(ValueError, match=r"\(n_batch, n_time, 1\)"):
            simulate(leaky(), self.make())
