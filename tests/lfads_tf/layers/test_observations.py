"""Likelihoods and means against exact values found another way."""

import itertools

import numpy as np
import pytest
import scipy.integrate
import scipy.special
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp
from each import each

from lfads_tf.config import LFADSConfig
from lfads_tf.layers.observations import (
    Gamma,
    Gaussian,
    Poisson,
    ZeroInflatedGamma,
    observation,
)

tfd = tfp.distributions
SIZES = {"n_neurons": 4, "n_bins": 20, "bin_width": 0.02}


@pytest.fixture
def rng():
    return np.random.default_rng(4)


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


@each(name=MODELS, mean=[0.0, 1e-9, 0.05, 0.3, 100.0], variance=[0.0, 1e-9, 0.5])
def test_start_is_finite_for_silent_and_for_constant_neurons(name, mean, variance):
    model = observation(LFADSConfig(**SIZES, observation=name))
    parameters = model.start(tf.constant([mean]), tf.constant([variance]))
    assert np.isfinite(parameters).all()
    np.testing.assert_allclose(model.mean(parameters), mean, rtol=1e-3, atol=2e-6)


@pytest.mark.parametrize(
    "layer",
    [
        Poisson(name="a"),
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
