"""Runs on the inputs of the RNN layer: masks, directions, what goes with the inputs."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from fixedpoint_tf import FixedPointFinder, as_system
from fixedpoint_tf.systems.models.rnn_inputs import RNNInputs
from fixedpoint_tf.systems.simulation import roll_out, simulate

RNG = np.random.default_rng(0)


def leaky(time="discrete"):
    step = (lambda h, u: 0.5 * h + u) if time == "discrete" else (lambda h, u: u - h)
    return as_system(step, n_states=1, n_inputs=1, time=time)


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
        ValueError, match=r"mask: expected boolean \(n_batch, n_time\) = \(2, 3"
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
