"""Coherence of known signals: 1, its exact value in noise, and chance at its stated level."""

import numpy as np
import pytest

from lfads_tf.analysis import coherence

WIDTH = 0.01


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def at(found, frequency):
    return int(np.argmin(np.abs(found.frequencies - frequency)))


@pytest.mark.parametrize("lag", [-0.01, 0.0, 0.008])
def test_a_delayed_sinusoid_is_coherent_with_the_phase_of_its_delay(lag):
    time = np.arange(100) * WIDTH
    phases = np.random.default_rng(0).uniform(0, 2 * np.pi, (400, 1))
    x = np.cos(2 * np.pi * 15 * time + phases)
    y = 8 + np.cos(2 * np.pi * 15 * (time - lag) + phases)
    found = coherence(y, x, WIDTH)
    assert found.frequencies[0] == 1.0 and found.frequencies[-1] == 50.0
    # What leaks from -15 Hz through the third taper leaves 6e-6.
    assert found.coherence[at(found, 15)] == pytest.approx(1.0, abs=1e-5)
    assert found.phase[at(found, 15)] / (2 * np.pi * 15) == pytest.approx(lag, abs=1e-5)


def test_a_signal_in_noise_has_the_coherence_of_its_share_of_power():
    x = noise(1000, 64)
    y = x + 2 * noise(1000, 64, seed=1)  # |C|^2 = 1 / (1 + 4)
    found = coherence(y, x, WIDTH)
    # The estimate's standard deviation is (1 - |C|^2) / sqrt(2 n) = 0.010, or less.
    assert found.n_estimates == 3000
    np.testing.assert_allclose(found.coherence[1:-1], np.sqrt(0.2), atol=0.06)
    assert found.coherence[1:-1].mean() == pytest.approx(np.sqrt(0.2), abs=0.01)


@pytest.mark.parametrize(("n_trials", "half_bandwidth"), [(10, None), (5, 6.0), (30, 1.0)])
def test_independent_noise_is_at_chance_at_the_stated_level(n_trials, half_bandwidth):
    """The squared coherence is beta distributed; near 0 and 50 Hz spectra are real."""
    x, y = noise(n_trials, 100), noise(n_trials, 100, 500, seed=1)
    found = coherence(y, x, WIDTH, half_bandwidth=half_bandwidth)
    edge = int(2 * found.half_bandwidth)
    inside = found.coherence[edge:-edge]
    # Each neuron is one independent draw at a frequency, though its frequencies are not.
    for level in (0.95, 0.99):
        share = (inside > found.chance(level)).mean(axis=1)
        sd = np.sqrt(level * (1 - level) / 500)
        assert np.abs(share - (1 - level)).max() < 4.5 * sd
    squared = (inside**2).mean(axis=1) * found.n_estimates
    assert np.abs(squared - 1).max() < 4.5 / np.sqrt(500)


def test_neurons_are_taken_one_by_one_and_units_do_not_count():
    x, y = noise(8, 40), noise(8, 40, 3, seed=1)
    all_at_once = coherence(1e4 * y + 7, 1e-5 * x - 3, WIDTH)
    assert all_at_once.coherence.shape == (20, 3)
    alone = coherence(y[..., 1], x, WIDTH)
    np.testing.assert_allclose(all_at_once.coherence[:, 1], alone.coherence, rtol=1e-6)
    np.testing.assert_allclose(all_at_once.phase[:, 1], alone.phase, atol=1e-6)


def test_a_signal_that_never_varies_has_no_coherence():
    y = np.stack([noise(8, 40), np.full((8, 40), 20.0)], axis=-1)
    found = coherence(y, noise(8, 40, seed=1), WIDTH)
    assert np.isfinite(found.coherence[:, 0]).all() and np.isnan(found.coherence[:, 1]).all()


def test_wrong_arguments():
    x = noise(4, 40)
    with pytest.raises(ValueError, match=r"half_bandwidth: .*\(2.5 Hz\) .* received 2.0"):
        coherence(x, x, WIDTH, half_bandwidth=2.0)
    with pytest.raises(ValueError, match="half_bandwidth: .* received 50"):
        coherence(x, x, WIDTH, half_bandwidth=50)
    with pytest.raises(ValueError, match="at least 2 trials, or tapers, .* received 1 and 1"):
        coherence(x[:1], x[:1], WIDTH, half_bandwidth=2.5)
    with pytest.raises(ValueError, match=r"lfp: expected shape \(4, 40\)"):
        coherence(x, x[:, :30], WIDTH)
    with pytest.raises(ValueError, match="level: expected above 0 and below 1, received 1"):
        coherence(x, x, WIDTH).chance(1)
