"""Divergences and likelihoods against exact values found another way."""

import itertools

import numpy as np
import pytest
import scipy.integrate
import scipy.special
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp

from lfads_tf.config import LFADSConfig
from lfads_tf.distributions import (
    AutoregressivePrior,
    Gamma,
    Gaussian,
    IndependentPrior,
    InitialConditionPrior,
    Poisson,
    ZeroInflatedGamma,
    input_prior,
    log_factorial,
    observation,
)

tfd = tfp.distributions
N_BINS, N_U = 6, 2
SIZES = {"n_neurons": 4, "n_bins": 20, "bin_width": 0.02}
# A Gaussian mean of a polynomial of degree 5 or less is exact at these points.
POINTS, POINT_WEIGHTS = np.array([0.0, 3**0.5, -(3**0.5)]), np.array([2 / 3, 1 / 6, 1 / 6])


def test_log_factorial_is_exact_to_rounding():
    counts = np.concatenate([np.arange(300), [1e3, 1e4, 1e6]]).astype("float32")
    exact = scipy.special.gammaln(counts.astype("float64") + 1)
    np.testing.assert_allclose(log_factorial(counts), exact, rtol=3e-7, atol=1e-6)


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


# --- priors ------------------------------------------------------------------------------


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
        Poisson(name="d"),
        Gaussian(),
        Gamma(),
        ZeroInflatedGamma(0.25),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_layers_come_back_from_their_configuration(layer):
    again = type(layer).from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    for a, b in zip(layer.weights, again.weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


# --- observation models ------------------------------------------------------------------


def test_poisson_likelihood():
    log_rate, counts = np.meshgrid(np.linspace(-8, 4, 13), np.arange(12.0))
    got = Poisson().log_prob(tf.constant(log_rate), tf.constant(counts))
    np.testing.assert_allclose(got, scipy.stats.poisson.logpmf(counts, np.exp(log_rate)))


def test_gaussian_likelihood(rng):
    mean, log_variance, data = rng.normal(0, 2, (3, 50))
    parameters = tf.constant(np.stack([mean, log_variance], axis=-1))
    got = Gaussian().log_prob(parameters, tf.constant(data[:, None]))[:, 0]
    expected = scipy.stats.norm.logpdf(data, mean, np.exp(log_variance / 2))
    np.testing.assert_allclose(got, expected, rtol=1e-4)  # a floor of 1e-6 under the variance
    expected = scipy.stats.norm.logpdf(data, mean, np.sqrt(np.exp(log_variance) + 1e-6))
    np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_gamma_likelihood(rng):
    shape, rate, data = rng.uniform(0.3, 5, (3, 50))
    parameters = tf.constant(np.log(np.stack([shape, rate], axis=-1)))
    got = Gamma().log_prob(parameters, tf.constant(data[:, None]))[:, 0]
    np.testing.assert_allclose(got, scipy.stats.gamma.logpdf(data, shape, scale=1 / rate))


def test_zero_inflated_gamma_likelihood(rng):
    shape, rate, data = rng.uniform(0.3, 5, (3, 50))
    event = rng.uniform(0.05, 0.95, 50)
    location = 0.25
    data = np.where(rng.random(50) < 0.5, 0.0, location + data)
    logit = np.log(event / (1 - event))
    parameters = tf.constant(np.stack([np.log(shape), np.log(rate), logit], axis=-1))
    got = ZeroInflatedGamma(location).log_prob(parameters, tf.constant(data[:, None]))[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        above = scipy.stats.gamma.logpdf(data, shape, loc=location, scale=1 / rate)
    expected = np.where(data == 0, np.log(1 - event), np.log(event) + above)
    np.testing.assert_allclose(got, expected, rtol=1e-10)


def test_parameters_are_blocks_of_neurons():
    """Two neurons: means first, then log variances."""
    parameters = tf.constant([[1.0, -2.0, 0.0, np.log(4.0)]], tf.float64)
    data = np.array([[0.5, 1.0]])
    expected = scipy.stats.norm.logpdf(data, [[1.0, -2.0]], [[1.0, 2.0]])
    got = Gaussian().log_prob(parameters, tf.constant(data))
    np.testing.assert_allclose(got, expected, rtol=1e-5)
    np.testing.assert_array_equal(Gaussian().mean(parameters), [[1.0, -2.0]])


def by_integration(model, parameters, location=0.0):
    """Total probability and mean of a continuous density with an atom at zero."""
    atom = 0.0
    if isinstance(model, ZeroInflatedGamma):
        atom = float(np.exp(model.log_prob(parameters, tf.zeros((1,), tf.float64))[0]))

    def density(x):
        return float(np.exp(model.log_prob(parameters, tf.constant([x], tf.float64))[0]))

    low = -30.0 if isinstance(model, Gaussian) else location + 1e-6
    total, mean = (
        scipy.integrate.quad(function, low, 30.0, epsabs=1e-9, limit=200, points=[1.0])[0]
        for function in (density, lambda x: x * density(x))
    )
    return atom + total, mean


@pytest.mark.parametrize(
    ("model", "parameters"),
    [
        (Gaussian(), [0.7, -0.5]),
        (Gamma(), [np.log(2.5), np.log(1.5)]),
        (ZeroInflatedGamma(0.3), [np.log(2.5), np.log(2.0), -0.4]),
    ],
    ids=["gaussian", "gamma", "zero_inflated_gamma"],
)
def test_mean_is_that_of_the_density(model, parameters):
    parameters = tf.constant(parameters, tf.float64)
    location = getattr(model, "location", 0.0)
    total, mean = by_integration(model, parameters, location)
    assert total == pytest.approx(1.0, abs=1e-6)
    assert float(model.mean(parameters)[0]) == pytest.approx(mean, rel=1e-5)


def test_poisson_mean():
    counts = np.arange(60.0)
    parameters = tf.constant(1.3, tf.float64)
    probabilities = np.exp(Poisson().log_prob(parameters, tf.constant(counts)))
    assert float(Poisson().mean(parameters)) == pytest.approx(probabilities @ counts)


MODELS = ["poisson", "gaussian", "gamma", "zero_inflated_gamma"]


@pytest.mark.parametrize("name", MODELS)
def test_extreme_parameters_keep_value_and_gradient_finite(name):
    model = observation(LFADSConfig(**SIZES, observation=name))
    choices = [-1e4, -30.0, -20.0, 0.0, 10.0, 30.0, 1e4]
    parameters = np.array(list(itertools.product(choices, repeat=model.n_parameters)))
    for value in (0.0, 1e-8, 0.05, 1.0, 50.0, 1e4):
        for of in ("log_prob", "mean"):
            x = tf.constant(parameters, tf.float32)
            with tf.GradientTape() as tape:
                tape.watch(x)
                data = tf.fill((len(parameters), 1), value)
                y = model.log_prob(x, data) if of == "log_prob" else model.mean(x)
            assert np.isfinite(y).all(), (value, of)
            assert np.isfinite(tape.gradient(y, x)).all(), (value, of)


@pytest.mark.parametrize("name", MODELS)
def test_gradient_is_the_slope(name, rng):
    """Where nothing is bounded."""
    model = observation(LFADSConfig(**SIZES, observation=name))
    x = tf.constant(rng.normal(0, 0.7, (20, model.n_parameters)))
    data = np.round(rng.gamma(1.0, 2.0, (20, 1)))
    direction = rng.normal(size=x.shape)
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(model.log_prob(x, tf.constant(data)))
    slope = np.sum(tape.gradient(total, x) * direction)
    up, down = (
        np.sum(model.log_prob(x + sign * 1e-6 * direction, tf.constant(data)))
        for sign in (1, -1)
    )
    assert (up - down) / 2e-6 == pytest.approx(slope, rel=1e-6)


def moments(model, parameters):
    """Mean and variance of each neuron's data, by hand."""
    blocks = np.split(np.asarray(parameters, np.float64), model.n_parameters)
    if isinstance(model, Poisson):
        return np.exp(blocks[0]), np.exp(blocks[0])
    if isinstance(model, Gaussian):
        return blocks[0], np.exp(blocks[1])
    shape, rate = np.exp(blocks[0]), np.exp(blocks[1])
    if isinstance(model, Gamma):
        return shape / rate, shape / rate**2
    event = 1 / (1 + np.exp(-blocks[2]))
    above = model.location + shape / rate
    mean = event * above
    return mean, event * (above**2 + shape / rate**2) - mean**2


@pytest.mark.parametrize("name", MODELS)
def test_start_gives_the_data_their_mean_and_variance(name):
    model = observation(LFADSConfig(**SIZES, observation=name))
    mean, variance = np.array([0.02, 0.3, 4.0]), np.array([0.01, 0.5, 30.0])
    parameters = model.start(tf.constant(mean), tf.constant(variance))
    assert parameters.shape == (3 * model.n_parameters,)
    np.testing.assert_allclose(model.mean(parameters), mean, rtol=1e-6)
    got_mean, got_variance = moments(model, parameters)
    np.testing.assert_allclose(got_mean, mean, rtol=1e-6)
    if name != "poisson":  # whose variance is its mean
        np.testing.assert_allclose(got_variance, variance, rtol=1e-6)


def test_zero_inflated_gamma_starts_at_the_moments_of_its_own_data(rng):
    """Sparse events, as deconvolution gives them."""
    model = ZeroInflatedGamma(0.1)
    event, scale = np.array([0.01, 0.2, 0.6]), np.array([0.5, 0.05, 2.0])
    data = (rng.random((200_000, 3)) < event) * (0.1 + rng.exponential(scale, (200_000, 3)))
    parameters = model.start(tf.constant(data.mean(0)), tf.constant(data.var(0)))
    shape, log_rate, logit = np.split(parameters.numpy(), 3)
    np.testing.assert_array_equal(shape, 0.0)
    np.testing.assert_allclose(np.exp(-log_rate), scale, rtol=0.15)
    np.testing.assert_allclose(1 / (1 + np.exp(-logit)), event, rtol=0.15)


@pytest.mark.parametrize("mean", [0.0, 1e-9, 0.05, 0.3, 100.0])
@pytest.mark.parametrize("variance", [0.0, 1e-9, 0.5])
@pytest.mark.parametrize("name", MODELS)
def test_start_is_finite_for_silent_and_for_constant_neurons(name, mean, variance):
    model = observation(LFADSConfig(**SIZES, observation=name))
    parameters = model.start(tf.constant([mean]), tf.constant([variance]))
    assert np.isfinite(parameters).all()
    np.testing.assert_allclose(model.mean(parameters), mean, rtol=1e-3, atol=2e-6)
