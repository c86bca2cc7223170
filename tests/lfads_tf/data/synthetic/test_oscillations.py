"""Spikes and field potential share one oscillation, and the mean over trials none of it."""

import numpy as np
import pytest
from scipy import special

from lfads_tf.analysis import coherence, cross_correlation
from lfads_tf.data.synthetic import oscillation

WIDTH = 0.01


@pytest.fixture(scope="module")
def data():
    return oscillation(1000, 100, 20, frequency=15.0, lag=0.012, seed=3)


def test_the_rates_are_those_of_the_equation(data):
    wave = np.cos(data.phases[..., None] - 2 * np.pi * 15.0 * data.lags)
    fast = np.exp(data.depths * wave) / special.i0(data.depths)
    slow = data.session.true_rates / fast / 15.0
    for condition in range(4):
        of_condition = slow[data.session.conditions == condition]
        np.testing.assert_allclose(of_condition - of_condition[0], 0.0, atol=1e-5)
    np.testing.assert_allclose(slow.mean(axis=1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(
        np.angle(np.exp(1j * (np.diff(data.phases, axis=1) - 2 * np.pi * 15.0 * WIDTH))),
        0.0,
        atol=1e-9,
    )


def test_the_psth_shows_nothing_of_it(data):
    """exp(d cos p) / I0(d) has mean 1 over phases, and a known variance among trials."""
    i_0, i_0_of_twice = special.i0(data.depths), special.i0(2 * data.depths)
    sd = np.sqrt(i_0_of_twice / i_0**2 - 1)
    still = oscillation(1000, 100, 20, frequency=15.0, lag=0.012, depth=0.0, seed=3)
    for condition in range(4):
        trials = data.session.conditions == condition
        psth, slow = (d.session.true_rates[trials].mean(axis=0) for d in (data, still))
        assert np.abs(psth / slow - 1).max() < 5 * sd.max() / np.sqrt(250)
        single = (data.session.true_rates[trials] / slow).std(axis=0)
        np.testing.assert_allclose(single.mean(axis=0), sd, rtol=0.05)


def test_the_field_potential_is_the_oscillation_and_noise_of_its_memory(data):
    noise = data.lfp - np.cos(data.phases)
    assert np.cos(data.phases).std() == pytest.approx(np.sqrt(0.5), rel=0.01)
    assert noise.std() == pytest.approx(1.0, rel=0.02)
    memory = np.mean(noise[:, 1:] * noise[:, :-1])
    assert memory == pytest.approx(np.exp(-0.01 / 0.05), rel=0.02)


def test_lag_frequency_and_phase_are_found_in_the_true_rates(data):
    rates = data.session.true_rates
    found = cross_correlation(rates, data.lfp, WIDTH, max_lag=0.4, band=(10, 20), n_shuffles=99)
    assert (found.p_value == 0.01).all()
    np.testing.assert_allclose(found.peak_frequency(), 15.0, atol=0.3)
    near = np.abs(found.lags) < 0.03
    lags = found.lags[near][found.correlation[near].argmax(axis=0)]
    assert np.abs(lags - data.lags).max() <= 0.01
    of_phase = coherence(rates, data.lfp, WIDTH)
    at = int(np.argmin(np.abs(of_phase.frequencies - 15.0)))
    assert (of_phase.coherence[at] > of_phase.chance(0.999)).all()
    np.testing.assert_allclose(of_phase.phase[at] / (2 * np.pi * 15.0), data.lags, atol=0.001)


def test_without_depth_nothing_is_shared():
    data = oscillation(200, 100, 20, depth=0.0, seed=1)
    found = cross_correlation(data.session.spikes, data.lfp, WIDTH, max_lag=0.1, n_shuffles=99)
    assert (found.p_value <= 0.05).mean() <= 0.2
    with_depth = oscillation(200, 100, 20, depth=0.6, seed=1)
    np.testing.assert_array_equal(data.lfp, with_depth.lfp)


def test_a_bandwidth_is_that_of_the_spectrum():
    """The correlation of cos p falls as exp(-pi bandwidth t): by half in 0.074 s at 3 Hz."""
    data = oscillation(4000, 60, 1, frequency=10.0, bandwidth=3.0, seed=0)
    turned = np.exp(1j * (data.phases - 2 * np.pi * 10.0 * np.arange(60) * WIDTH))
    for bins in (5, 20):
        kept = np.mean(turned[:, bins:] * turned[:, :-bins].conj()).real
        assert kept == pytest.approx(np.exp(-np.pi * 3.0 * bins * WIDTH), abs=0.03)


def test_all_follows_from_the_seed():
    first, again, other = (oscillation(8, 30, 5, seed=seed) for seed in (5, 5, 6))
    for one, same, different in zip(first[1:], again[1:], other[1:], strict=True):
        np.testing.assert_array_equal(one, same)
        assert np.ndim(one) == 0 or (one != different).any()
    np.testing.assert_array_equal(first.session.spikes, again.session.spikes)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_trials": 0}, ValueError, "n_trials: expected a whole number of at least 1"),
        (
            {"n_conditions": 500},
            ValueError,
            "n_conditions: expected a whole number from 1 to 400, received 500",
        ),
        ({"frequency": 50.0}, ValueError, r"frequency: .* and 50 Hz, .* received 50.0"),
        ({"frequency": 0.0}, ValueError, "frequency: expected a number between 0 and 50 Hz"),
        ({"bandwidth": -1.0}, ValueError, "bandwidth: expected a number of at least 0"),
        ({"depth": None}, TypeError, "depth: expected a number in .*, received None"),
        ({"mean_rate": 0.0}, ValueError, "mean_rate: expected a positive number"),
    ],
)
def test_options_out_of_range_are_refused(options, error, message):
    with pytest.raises(error, match=message):
        oscillation(**options)
