"""Principal components regression where its answers are known."""

import numpy as np
import pytest

from lfads_tf.sessions.condition_averages import shared_components
from lfads_tf.sessions.regression import fit_log_linear, fit_log_linear_to_trials, regress

RNG = np.random.default_rng(0)
LATENTS = RNG.normal(size=(6, 20, 3))
SESSIONS = [LATENTS @ RNG.normal(size=(3, n)) + RNG.normal(size=n) for n in (5, 8, 3)]


def test_shared_components_of_noiseless_linear_data_are_recovered_exactly():
    """Every session's neurons lead to the same components, which span the true latents."""
    scores = shared_components(SESSIONS, 3)
    for averages in SESSIONS:
        kernel, bias = regress(averages, scores, penalty=0.0)
        np.testing.assert_allclose(averages @ kernel + bias, scores, atol=1e-12)
    kernel, bias = regress(scores, LATENTS, penalty=0.0)
    np.testing.assert_allclose(scores @ kernel + bias, LATENTS, atol=1e-12)
    flat = scores.reshape(-1, 3)
    covariance = flat.T @ flat
    np.testing.assert_allclose(covariance, np.diag(np.diag(covariance)), atol=1e-9)
    assert (np.diff(np.diag(covariance)) < 0).all()


def test_components_beyond_the_rank_are_zero():
    scores = shared_components(SESSIONS, 5)
    np.testing.assert_array_equal(scores[..., 3:], 0.0)
    np.testing.assert_array_equal(scores[..., :3], shared_components(SESSIONS, 3))


def test_what_one_session_did_not_observe_is_left_out_for_all():
    cut = SESSIONS[0].copy()
    cut[2, 15:] = np.nan
    scores = shared_components([cut, *SESSIONS[1:]], 3)
    assert np.isnan(scores[2, 15:]).all() and np.isfinite(scores[:2]).all()
    kernel, bias = regress(SESSIONS[1], scores, penalty=0.0)
    seen = np.isfinite(scores)
    np.testing.assert_allclose((SESSIONS[1] @ kernel + bias)[seen], scores[seen], atol=1e-12)
    early, late = (session[:1].copy() for session in SESSIONS[:2])
    early[:, 10:], late[:, :10] = np.nan, np.nan
    with pytest.raises(ValueError, match="bins that are observed in every session"):
        shared_components([early, late], 2)


def test_a_silent_neuron_is_modulated_by_nothing():
    rates = np.exp(0.3 * LATENTS @ RNG.normal(size=(3, 4)))
    rates[..., 2] = 0.0
    kernel = fit_log_linear(rates, np.ones_like(rates), LATENTS)
    np.testing.assert_array_equal(kernel[:, 2], 0.0)
    assert np.isfinite(kernel).all() and np.abs(kernel).max() > 0.05


def test_a_read_out_of_single_trials_is_that_which_made_them():
    factors = RNG.normal(size=(400, 20, 3))
    kernel, bias = 0.5 * RNG.normal(size=(3, 6)), np.array([-1.0, 0.0, 0.5, -0.5, 0.2, -3.0])
    counts = RNG.poisson(np.exp(factors @ kernel + bias)).astype(float)
    counts[:50, :5, 1] = np.nan  # not observed
    counts[..., 3] = 0.0  # silent
    found, constant = fit_log_linear_to_trials(counts, factors, penalty=1.0)
    heard = [0, 1, 2, 4, 5]
    np.testing.assert_allclose(found[:, heard], kernel[:, heard], atol=0.1)
    np.testing.assert_allclose(constant[heard], bias[heard], atol=0.1)
    np.testing.assert_array_equal(found[:, 3], 0.0)
    assert np.exp(constant[3]) == pytest.approx(0.5 / counts[..., 3].size)
    told = np.where(np.isfinite(counts), np.exp(factors @ found + constant), np.nan)
    heard_mean, told_mean = (np.nanmean(x[..., heard], axis=(0, 1)) for x in (counts, told))
    np.testing.assert_allclose(told_mean, heard_mean)


def test_of_many_trials_a_part_tells_the_read_out():
    factors = RNG.normal(size=(400, 20, 3))
    kernel = 0.5 * RNG.normal(size=(3, 6))
    counts = np.exp(factors @ kernel)
    found, _ = fit_log_linear_to_trials(counts, factors, penalty=0.0, most=20 * 9 * 10)
    np.testing.assert_allclose(found, kernel, atol=1e-8)
