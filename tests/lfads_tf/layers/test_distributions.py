"""Densities and divergences against those of TensorFlow Probability."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf
import tensorflow_probability as tfp

from lfads_tf.layers import distributions
from lfads_tf.layers.distributions import (
    Normal,
    gamma_log_density,
    normal_kl,
    normal_log_density,
)
from lfads_tf.layers.observations import Observation

tfd = tfp.distributions
PARTS = {
    "normal density": (normal_log_density, lambda x, m, s: tfd.Normal(m, s).log_prob(x)),
    "normal divergence": (
        normal_kl,
        lambda m, s, pm, ps: tfd.kl_divergence(tfd.Normal(m, s), tfd.Normal(pm, ps)),
    ),
    "gamma density": (gamma_log_density, lambda x, a, b: tfd.Gamma(a, b).log_prob(x)),
}


def arguments_of(part, rng, n=500):
    """Arguments over the whole range that bounded logarithms leave, in float64."""

    def positive(low=-10.0, high=10.0):
        return np.exp(rng.uniform(low, high, n))

    real = rng.normal(0, 3, (2, n))
    return {
        "normal density": (real[0], real[1], positive(-7, 5)),
        "normal divergence": (real[0], positive(-7, 5), real[1], positive(-7, 5)),
        "gamma density": (positive(-13, 10), positive(-20, 10), positive(-20, 10)),
    }[part]


def sizes(part, *values):
    """The size of the largest term of each answer, to which the rounding is relative."""
    if part == "gamma density":
        x, a, b = values
        terms = [(a + 1) * np.log(x), b * x, tf.math.lgamma(a), a * np.log(b), 1.0 + 0 * x]
        return np.max(np.abs(terms), axis=0)
    x, m, s = values if part == "normal density" else (values[0], values[2], values[3])
    ratio = 0.0 if part == "normal density" else (values[1] / s) ** 2
    return 1.0 + np.abs(np.log(s)) + ratio + ((np.abs(x) + np.abs(m)) / s) ** 2


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("jit", [False, True], ids=["eager", "XLA"])
@pytest.mark.parametrize("part", PARTS)
def test_values_and_gradients_are_those_of_tensorflow_probability(part, jit, dtype):
    """To a few roundings of the largest term; of a gradient, over its argument."""
    ours, theirs = PARTS[part]
    values = arguments_of(part, np.random.default_rng(2))
    arguments = [tf.constant(value, dtype) for value in values]
    rounding = 32 * np.finfo(dtype).eps * sizes(part, *values)

    def with_gradient(function):
        @tf.function(jit_compile=jit)
        def run(*x):
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = function(*x)
            return y, *tape.gradient(y, x)

        return run(*arguments)

    got, expected = with_gradient(ours), with_gradient(theirs)
    assert got[0].dtype == dtype
    assert np.all(np.abs(got[0] - expected[0]) <= rounding)
    for argument, slope, wanted in zip(values, got[1:], expected[1:], strict=True):
        # d/dx of a term of size c is c / x times a power; digamma and cancellation in
        # x - mean come on top where x is small beside the mean.
        tolerance = rounding * (1.0 + 1.0 / np.abs(argument)) * (1.0 + np.abs(wanted))
        assert np.all(np.abs(slope - wanted) <= tolerance)


def test_a_divergence_between_almost_equal_distributions_keeps_its_digits():
    """For a ratio 1 + d of the deviations it is d^2 - (5/3) d^3 to third order."""
    d = 1e-6
    got = float(normal_kl(tf.constant(0.0, tf.float64), 1.0 + d, 0.0, 1.0))
    # log(1 + d) is known to eps, its square enters: relative 2 eps / d
    assert got == pytest.approx(d**2, rel=2 * d + 4 * np.finfo(float).eps / d)


def test_plain_numbers_take_the_type_of_the_tensors():
    assert normal_log_density(np.float64(1.0), tf.constant(0.0), 1).dtype == tf.float32
    assert normal_kl(0, 1, np.zeros(2), 1).dtype == tf.float64
    assert gamma_log_density(np.arange(1, 3), 1.0, 2.0).dtype == tf.float32


def test_a_normal_says_its_moments_density_and_divergence():
    loc, scale = tf.constant([[0.0], [1.0]]), tf.constant([1.0, 2.0])
    mine, theirs = Normal(loc, scale), tfd.Normal(loc, scale)
    np.testing.assert_array_equal(mine.mean(), theirs.mean())
    np.testing.assert_array_equal(mine.stddev(), theirs.stddev())
    np.testing.assert_allclose(mine.log_prob(0.5), theirs.log_prob(0.5), rtol=1e-6)
    other = tfd.kl_divergence(theirs, tfd.Normal(0.0, 1.0))
    np.testing.assert_allclose(mine.kl_divergence(Normal(0.0, 1.0)), other, atol=1e-6)


class NegativeBinomial(Observation):
    """An observation model of a user's own, by TensorFlow Probability."""

    n_parameters, counts = 2, True

    def log_prob(self, parameters, data):
        log_mean, log_size = self.split(parameters)
        return distributions.tfd.NegativeBinomial(
            tf.exp(log_size), logits=log_mean - log_size
        ).log_prob(data)

    def mean(self, parameters):
        return tf.exp(self.split(parameters)[0])


def test_an_observation_model_of_ones_own_may_use_tensorflow_probability():
    counts, mean, size = np.array([[0.0], [3.0], [8.0]]), 2.5, 4.0
    parameters = tf.constant(np.log([[mean, size]] * 3))
    with tf.GradientTape() as tape:
        tape.watch(parameters)
        got = NegativeBinomial().log_prob(parameters, tf.constant(counts))
    expected = scipy.stats.nbinom.logpmf(counts, size, size / (size + mean))
    np.testing.assert_allclose(got, expected, rtol=1e-12)
    assert np.isfinite(tape.gradient(got, parameters)).all()


def test_without_tensorflow_probability_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_probability", None)
    major, minor = tf.__version__.split(".")[:2]
    with pytest.raises(ImportError, match=r"^tfd: expected .*received none") as error:
        from lfads_tf.layers.distributions import tfd  # noqa: F401
    assert '"fixedpoint-tf[tfp]"' in str(error.value)
    assert f'"tf-keras=={major}.{minor}.*"' in str(error.value)


@pytest.mark.parametrize(
    ("version", "pinned"),
    [("2.16.2", True), ("2.17.1", True), ("2.18.0", False), ("2.21.0-rc1", False)],
)
def test_the_line_to_install_fits_the_tensorflow_that_is_there(version, pinned, monkeypatch):
    monkeypatch.setattr(tf, "__version__", version)
    line = distributions._install_line()
    assert ('"tensorflow-probability==0.24.*"' in line) == pinned
    assert f'"tf-keras=={version[:4]}.*"' in line


def test_a_module_has_nothing_else():
    with pytest.raises(AttributeError, match="no attribute 'tfb'"):
        distributions.tfb  # noqa: B018


@pytest.mark.slow
def test_both_packages_work_where_neither_is_installed():
    """A fit with gamma data and inferred inputs, and a search, in a process without them."""
    program = """
import sys
sys.modules["tensorflow_probability"] = sys.modules["tf_keras"] = None
import keras, numpy as np
from fixedpoint_tf import FixedPointFinder
from lfads_tf import LFADS, LFADSConfig, Session
data = np.random.default_rng(0).gamma(2.0, 1.0, (12, 8, 3))
session = Session.from_arrays(data, 0.01)
config = LFADSConfig.for_data(session).replace(
    observation="gamma", generator_units=4, encoder_units=4, controller_units=4,
    controller_encoder_units=4, n_initial_conditions=4, n_factors=2, n_inferred_inputs=1)
model = LFADS(config)
model.compile()
assert np.isfinite(model.fit(session, epochs=1, verbose=0).history["loss"]).all()
finder = FixedPointFinder(model.generator)
points, _ = finder.find_fixed_points(np.zeros((4, 4)), np.zeros((1, 1)))
print("n points", points.n)
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=600
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout.startswith("n points")
