"""Divergences against exact values found another way."""

import numpy as np
import pytest
import scipy.integrate
import scipy.special
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp

from lfads_tf.config import LFADSConfig
from lfads_tf.layers.priors import (
    AutoregressivePrior,
    IndependentPrior,
    InitialConditionPrior,
    input_prior,
)

tfd = tfp.distributions
N_BINS, N_U = 6, 2
# A Gaussian mean of a polynomial of degree 5 or less is exact at these points.
POINTS, POINT_WEIGHTS = np.array([0.0, 3**0.5, -(3**0.5)]), np.array([2 / 3, 1 / 6, 1 / 6])


@pytest.fixture
def rng():
    return np.random.default_rng(4)


def gaussian_kl(mean, covariance, prior_mean, prior_covariance):
    """Between two Gaussians of many dimensions, in nats."""
    inverse = np.linalg.inv(prior_covariance)
    difference = prior_mean - mean
    log_determinants = [np.linalg.slogdet(c)[1] for c in (prior_covariance, covariance)]
    return 0.5 * (
        np.trace(inverse @ covariance)
        + difference @ inverse @ difference
        - len(mean)
        + log_determinants[0]
        - log_determinants[1]
    )


def test_initial_condition_kl_is_the_exact_one(rng):
    prior = InitialConditionPrior(3, variance=0.4, dtype="float64")
    prior.mean.assign(rng.normal(size=3))
    mean, sd = rng.normal(size=(5, 3)), rng.uniform(0.1, 2, (5, 3))
    expected = [
        gaussian_kl(m, np.diag(s**2), prior.mean.numpy(), 0.4 * np.eye(3))
        for m, s in zip(mean, sd, strict=True)
    ]
    np.testing.assert_allclose(prior(tf.constant(mean), tf.constant(sd)), expected, rtol=1e-7)


def test_independent_kl_is_the_exact_one(rng):
    prior = IndependentPrior(N_U, variance=0.3, dtype="float64")
    mean, sd = rng.normal(size=(N_BINS, 5, N_U)), rng.uniform(0.1, 2, (N_BINS, 5, N_U))
    expected = [
        gaussian_kl(m.ravel(), np.diag(s.ravel() ** 2), 0.0, 0.3 * np.eye(N_BINS * N_U))
        for m, s in zip(mean.swapaxes(0, 1), sd.swapaxes(0, 1), strict=True)
    ]
    got = tf.reduce_sum(prior(tf.constant(mean), tf.constant(sd), tf.constant(mean)), axis=0)
    np.testing.assert_allclose(got, expected, rtol=1e-6)


TAU, NOISE = np.array([1.5, 8.0]), np.array([0.3, 0.05])


def autoregressive(tau=TAU, noise=NOISE):
    prior = AutoregressivePrior(N_U, dtype="float64")
    prior.log_time_constant.assign(np.log(tau))
    prior.log_noise_variance.assign(np.log(noise))
    return prior


def stationary_covariance(tau, noise, n_bins=N_BINS):
    """Of an AR(1) process that has run for ever: ``s a^|i-j| / (1 - a^2)``."""
    decay = np.exp(-1 / tau)
    apart = np.abs(np.subtract.outer(np.arange(n_bins), np.arange(n_bins)))
    return noise / (1 - decay**2) * decay**apart


def exact_autoregressive_kl(mean, sd, tau=TAU, noise=NOISE):
    """Of an independent posterior ``(n_bins, n_inputs)``."""
    return sum(
        gaussian_kl(
            mean[:, i], np.diag(sd[:, i] ** 2), 0.0, stationary_covariance(tau[i], noise[i])
        )
        for i in range(N_U)
    )


def average_kl(prior, mean, sd):
    """The mean over samples, exact: each term is a square in the sample of one bin."""
    samples = mean[:, None] + sd[:, None] * POINTS[None, :, None]

    def tiled(x):
        return tf.repeat(tf.constant(x)[:, None], len(POINTS), axis=1)

    kl = tf.reduce_sum(prior(tiled(mean), tiled(sd), tf.constant(samples)), axis=0)
    return tf.reduce_sum(kl * POINT_WEIGHTS)


def posterior(rng):
    return rng.normal(size=(N_BINS, N_U)), rng.uniform(0.1, 1.0, (N_BINS, N_U))


def test_the_mean_of_the_autoregressive_kl_is_the_divergence_of_the_joint(rng):
    mean, sd = posterior(rng)
    got = average_kl(autoregressive(), mean, sd)
    np.testing.assert_allclose(got, exact_autoregressive_kl(mean, sd), rtol=1e-12)


def test_the_prior_of_each_bin_makes_a_stationary_process():
    """The log-density of a path is that of the joint Gaussian."""
    path = np.random.default_rng(0).normal(size=(N_BINS, 3, N_U))
    given = autoregressive().given(tf.constant(path))
    got = np.sum(given.log_prob(path), axis=0)
    for i in range(N_U):
        covariance = stationary_covariance(TAU[i], NOISE[i])
        joint = scipy.stats.multivariate_normal(np.zeros(N_BINS), covariance)
        np.testing.assert_allclose(got[:, i], joint.logpdf(path[..., i].T), rtol=1e-12)
        assert float(given.stddev()[0, 0, i]) ** 2 == pytest.approx(covariance[0, 0], rel=1e-12)
        assert float(given.stddev()[1, 0, i]) ** 2 == pytest.approx(NOISE[i], rel=1e-12)


def paths_of_a_feedback_posterior(rng, n_paths):
    """Inputs each of which depends on the last one, as a controller's do."""
    slope, sd = -0.6, 0.4
    offset = np.linspace(-1, 1, N_BINS)[:, None] * np.ones(N_U)
    u, means = np.zeros((n_paths, N_U)), []
    samples = []
    for t in range(N_BINS):
        means.append(offset[t] + (slope * u if t else 0 * u))
        u = means[-1] + sd * rng.normal(size=u.shape)
        samples.append(u)
    # The joint of one input: (I - slope * shift) u = offset + sd * noise.
    mixing = np.linalg.inv(np.eye(N_BINS) - slope * np.eye(N_BINS, k=-1))
    joint = mixing @ offset[:, 0], sd**2 * mixing @ mixing.T
    return np.array(means), np.full((N_BINS, n_paths, N_U), sd), np.array(samples), joint


def test_kl_of_a_posterior_that_depends_on_its_own_past(rng):
    """Within four standard errors of the divergence of the joint, by sampling."""
    n_paths = 100_000
    mean, sd, samples, joint = paths_of_a_feedback_posterior(rng, n_paths)
    got = autoregressive()(*map(tf.constant, (mean, sd, samples))).numpy().sum(axis=0)
    exact = sum(
        gaussian_kl(*joint, 0.0, stationary_covariance(TAU[i], NOISE[i])) for i in range(N_U)
    )
    assert abs(got.mean() - exact) < 4 * got.std() / n_paths**0.5
    assert got.std() / n_paths**0.5 < 0.01 * exact


def test_closed_form_has_the_mean_of_one_sample_and_less_variance(rng):
    """The peers estimate the divergence by ``log q - log p`` of a sample."""
    mean, sd = posterior(rng)
    n = 50_000
    tiled = [np.repeat(x[:, None], n, axis=1) for x in (mean, sd)]
    samples = tiled[0] + tiled[1] * rng.normal(size=tiled[0].shape)
    prior = autoregressive()
    closed = prior(*map(tf.constant, (*tiled, samples))).numpy().sum(axis=0)
    log_ratio = tfd.Normal(*tiled).log_prob(samples) - prior.given(
        tf.constant(samples)
    ).log_prob(samples)
    noisy = np.sum(log_ratio, axis=(0, 2))
    assert abs(noisy.mean() - closed.mean()) < 4 * (noisy - closed).std() / n**0.5
    assert closed.var() < 0.8 * noisy.var()


def test_a_posterior_equal_to_the_prior_has_no_divergence_and_no_noise(rng):
    """One sample of ``log q - log p`` is zero then, and so is every exact term."""
    samples = tf.constant(rng.normal(size=(N_BINS, 3, N_U)))
    prior = autoregressive()
    given = prior.given(samples)
    mean, sd = given.mean(), given.stddev() * tf.ones_like(samples)
    np.testing.assert_allclose(prior(mean, sd, samples), 0.0, atol=1e-12)


def test_gradients_at_time_constant_and_noise_are_those_of_the_exact_divergence(rng):
    mean, sd = posterior(rng)
    prior = autoregressive()
    with tf.GradientTape() as tape:
        kl = average_kl(prior, mean, sd)
    slopes = tape.gradient(kl, [prior.log_time_constant.value, prior.log_noise_variance.value])
    step = 1e-5
    for i in range(N_U):
        factor = np.exp(step * (np.arange(N_U) == i))
        by_tau = [exact_autoregressive_kl(mean, sd, TAU * f) for f in (factor, 1 / factor)]
        by_noise = [
            exact_autoregressive_kl(mean, sd, TAU, NOISE * f) for f in (factor, 1 / factor)
        ]
        for slope, (up, down) in zip(slopes, (by_tau, by_noise), strict=True):
            assert float(slope[i]) == pytest.approx((up - down) / (2 * step), rel=1e-6)
            assert abs(slope[i]) > 1e-3


def test_the_gradient_passes_through_the_samples(rng):
    """The sample of a bin is the mean of the prior of the next."""
    mean, sd = (tf.constant(x[:, None]) for x in posterior(rng))
    with tf.GradientTape() as tape:
        sample = mean + sd
        tape.watch(sample)
        kl = autoregressive()(mean, sd, sample)
    slope = tape.gradient(kl, sample)[:, 0].numpy()
    decay = np.exp(-1 / TAU)
    before, after = sample[:-1, 0].numpy(), mean[1:, 0].numpy()
    np.testing.assert_allclose(slope[:-1], -decay * (after - decay * before) / NOISE, rtol=1e-9)
    np.testing.assert_array_equal(slope[-1], 0.0)


@pytest.mark.parametrize("extreme", [-1e4, -20.0, 10.0, 1e4])
def test_priors_keep_their_gradients_finite(extreme, rng):
    mean, sd = (tf.constant(x[:, None], tf.float32) for x in posterior(rng))
    autoregressive_prior, independent = AutoregressivePrior(N_U), IndependentPrior(N_U)
    for prior, weight in (
        (autoregressive_prior, autoregressive_prior.log_time_constant),
        (autoregressive_prior, autoregressive_prior.log_noise_variance),
        (independent, independent.log_variance),
    ):
        before = weight.numpy()
        weight.assign(np.full(N_U, extreme))
        with tf.GradientTape() as tape:
            kl = prior(mean, sd, mean)
        assert np.isfinite(kl).all()
        slopes = tape.gradient(kl, prior.trainable_variables)
        assert all(np.isfinite(slope).all() for slope in slopes), weight.path
        weight.assign(before)


def test_input_prior_has_its_time_constant_in_bins():
    config = LFADSConfig(
        n_neurons=4,
        n_bins=20,
        bin_width=0.02,
        n_inferred_inputs=3,
        input_prior_time_constant=0.3,
        input_prior_noise_variance=0.2,
    )
    prior = input_prior(config)
    np.testing.assert_allclose(np.exp(prior.log_time_constant.numpy()), 15.0, rtol=1e-5)
    np.testing.assert_allclose(np.exp(prior.log_noise_variance.numpy()), 0.2, rtol=1e-5)
    prior = input_prior(config.replace(input_prior="gaussian"))
    np.testing.assert_allclose(np.exp(prior.log_variance.numpy()), 0.2, rtol=1e-5)


@pytest.mark.parametrize(
    "layer",
    [
        InitialConditionPrior(3, 0.7, name="a"),
        AutoregressivePrior(2, 4.0, 0.3, name="b"),
        IndependentPrior(2, 0.3, name="c"),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_layers_come_back_from_their_configuration(layer):
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    for a, b in zip(layer.weights, again.weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
