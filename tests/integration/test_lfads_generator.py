"""The generator of an LFADS model goes into the search for fixed points as it is."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.optimize import brentq

from fixedpoint_tf import FixedPointFinder, as_system
from fixedpoint_tf.analysis import certify
from lfads_tf import LFADS, LFADSConfig, load_model

pytestmark = pytest.mark.slow

N_NEURONS, N_BINS, WIDTH = 5, 12, 0.02


def small_model(**changes):
    sizes = {
        "n_neurons": N_NEURONS,
        "n_bins": N_BINS,
        "bin_width": WIDTH,
        "n_inferred_inputs": 1,
        "generator_units": 2,
        "n_factors": 2,
        "encoder_units": 4,
        "n_initial_conditions": 3,
        "controller_units": 4,
        "controller_encoder_units": 4,
    }
    model = LFADS(LFADSConfig(**{**sizes, **changes}))
    model.compile(jit_compile=False)
    return model


def spikes(n_trials=40):
    return np.random.default_rng(0).poisson(0.7, (n_trials, N_BINS, N_NEURONS))


@pytest.fixture(scope="module")
def bistable():
    """A generator of two units that each obey h' = (h + tanh(2 h + 0.3 u)) / 2."""
    model = small_model()
    none = np.zeros((2, 2))
    model.generator.kernel.assign([[0.0, 0.0, 0.0, 0.0, 0.3, 0.3]])
    model.generator.recurrent_kernel.assign(np.hstack([none, none, 2 * np.eye(2)]))
    model.generator.bias.assign([0.0, 0.0, 50.0, 50.0, 0.0, 0.0])  # The reset gate is open.
    return model


def roots(u):
    """The three solutions of h = tanh(2 h + 0.3 u), of which the middle one is unstable."""

    def residual(h):
        return np.tanh(2 * h + 0.3 * u) - h

    grid = np.linspace(-1.01, 1.01, 400)
    at = [i for i in range(399) if residual(grid[i]) * residual(grid[i + 1]) < 0]
    return np.array([brentq(residual, grid[i], grid[i + 1], xtol=1e-14) for i in at])


def search(model, u):
    states = model.infer(spikes(), n_samples=3).generator_states
    finder = FixedPointFinder(model.generator, verbose=False)
    starts = finder.sample_states(states, 200, noise_scale=0.7)
    return finder, finder.find_fixed_points(starts, [[u]])[0]


@pytest.fixture(scope="module")
def at_half(bistable):
    """The finder and what it found at the input 0.5."""
    return search(bistable, 0.5)


@pytest.mark.parametrize("u", [0.0, 0.5])
def test_its_fixed_points_are_the_known_ones(bistable, at_half, u):
    finder, unique = at_half if u else search(bistable, u)
    assert (finder.system.n_states, finder.system.n_inputs) == (2, 1)
    assert len(unique.fixed) == len(unique) == 9
    solutions = roots(u)
    assert len(solutions) == 3
    expected = np.array(list(itertools.product(solutions, repeat=2)))
    n_unstable = (expected == solutions[1]).sum(axis=1)
    distance = np.linalg.norm(unique.xstar[:, None] - expected, axis=-1)
    # The weight 0.3 is stored in single precision.
    assert distance.min(axis=1).max() < 1e-7
    nearest = distance.argmin(axis=1)
    assert sorted(nearest) == list(range(9))
    np.testing.assert_array_equal(unique.n_unstable, n_unstable[nearest])


def test_its_fixed_points_are_certified_and_proved_on_a_keras_gru(bistable, at_half):
    finder, unique = at_half
    sampled = finder.certify(unique)
    assert sampled.method == "sampled" and sampled.n_distinct == 9
    # Within the clip, where every fixed point of a GRU lies, the equations are Keras's.
    gru = keras.layers.GRUCell(2, reset_after=False)
    gru.build((None, 1))
    gru.set_weights(bistable.generator.get_weights())
    proved = certify(gru, unique)
    assert proved.method == "closed form" and proved.n_distinct == 9
    np.testing.assert_array_equal(proved.n_unstable, unique.n_unstable)


def test_factors_and_rates_go_along(bistable, at_half):
    _, unique = at_half
    factors = bistable.factors_of(unique.xstar)
    kernel = np.asarray(bistable.network.decoder.factor_kernel)
    np.testing.assert_allclose(
        factors, unique.xstar @ (kernel / np.linalg.norm(kernel, axis=0)), atol=1e-6
    )
    network = bistable.network
    log_counts = factors @ np.asarray(network.read_out_kernel) + np.asarray(
        network.read_out_bias
    )
    rates = bistable.rates_of(unique.xstar)
    np.testing.assert_allclose(rates, np.exp(log_counts) / WIDTH, rtol=1e-5)


def test_the_system_steps_as_the_model_does():
    """From each bin of a trial to the next, under the inputs that were inferred."""
    model = small_model(generator_units=10, n_inferred_inputs=2)
    inferred = model.infer(spikes(8), n_samples=0)
    system = as_system(model.generator)
    states, inputs = inferred.generator_states, inferred.inferred_input_mean
    after = system.step(states[:, :-1].reshape(-1, 10), inputs[:, 1:].reshape(-1, 2))
    np.testing.assert_allclose(
        np.reshape(after, (8, N_BINS - 1, 10)), states[:, 1:], rtol=1e-4, atol=1e-6
    )


def test_without_controller_it_has_no_inputs():
    model = small_model(generator_units=6, n_inferred_inputs=0)
    states = model.infer(spikes(8), n_samples=0).generator_states
    finder = FixedPointFinder(model.generator, verbose=False)
    assert finder.system.n_inputs == 0
    unique, _ = finder.find_fixed_points(finder.sample_states(states, 30), None)
    after, _ = model.generator(
        tf.zeros((len(unique), 0)), [tf.constant(unique.xstar, "float32")]
    )
    np.testing.assert_allclose(after, unique.xstar, atol=1e-6)
    assert len(unique.fixed)


def test_the_search_changes_nothing_and_a_saved_model_gives_the_same(bistable, tmp_path):
    before = [w.numpy().copy() for w in bistable.weights]
    _, unique = search(bistable, 0.5)
    for weight, old in zip(bistable.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), old)
    bistable.save(tmp_path / "model.keras")
    _, again = search(load_model(tmp_path / "model.keras"), 0.5)
    np.testing.assert_array_equal(unique.xstar, again.xstar)
