"""Aids of debugging that are switched on, and half precision, do not get in the way."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
import zoo

from fixedpoint_tf import FixedPointFinder, as_system

NUMERICS = """
import numpy as np, tensorflow as tf
tf.debugging.enable_check_numerics()
from fixedpoint_tf import FixedPointFinder
finder = FixedPointFinder(lambda h, u: 3.0 * h**3 + 1.0, n_states=1, n_inputs=0, verbose=False)
starts = 3.0 * np.random.default_rng(0).normal(size=(32, 1))
unique, _ = finder.find_fixed_points(starts)
root = [r.real for r in np.roots([3.0, 0.0, -1.0, 1.0]) if abs(r.imag) < 1e-9]
assert np.allclose(unique.xstar.ravel(), root, atol=1e-9), unique.xstar
assert not np.isfinite(finder.simulate(np.zeros((1, 30, 0)), [[2.0]])).all()
for ask in (finder.classify_attractors, finder.find_connections, finder.certify):
    ask(unique)
finder.estimate_basins(unique, starts)
finder.find_cycles(starts[:8])
FixedPointFinder(lambda h, u: tf.exp(h) - 0.5, n_states=1, n_inputs=0, verbose=False
                 ).find_fixed_points(starts)
try:
    tf.math.log(tf.constant(-1.0))
except tf.errors.InvalidArgumentError:
    print("still on")
"""


@pytest.mark.slow
def test_runs_that_overflow_are_no_errors_under_check_numerics():
    run = subprocess.run([sys.executable, "-c", NUMERICS], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout.strip() == "still on"


@pytest.fixture
def eager_functions():
    yield tf.config.run_functions_eagerly
    tf.config.run_functions_eagerly(False)


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("closed", [True, False])
def test_functions_that_run_eagerly_change_nothing(before, closed, eager_functions):
    def make():
        keras.utils.set_random_seed(0)
        cell = keras.layers.GRUCell(3, activation="tanh" if closed else "elu")
        cell.build((None, 2))
        return FixedPointFinder(cell, verbose=False)

    starts, u = np.random.default_rng(0).normal(size=(8, 3)), np.zeros((1, 2))
    expected, _ = make().find_fixed_points(starts, u)
    eager_functions(before)
    finder = make()
    eager_functions(True)
    found, _ = finder.find_fixed_points(starts, u)
    np.testing.assert_allclose(found.xstar, expected.xstar, atol=1e-12)
    assert finder.simulate(np.zeros((1, 3, 2))).shape == (1, 3, 3)
    assert tf.config.functions_run_eagerly()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize(
    "make",
    [
        lambda **k: keras.layers.SimpleRNNCell(4, **k),
        lambda **k: keras.layers.GRUCell(4, activation="elu", **k),
        lambda **k: keras.layers.LSTMCell(4, **k),
        lambda dtype, **k: zoo.LeakyCell(4, dtype=dtype),
    ],
    ids=["SimpleRNN", "GRU elu", "LSTM", "custom"],
)
def test_a_network_in_half_precision_is_studied_in_double(make, dtype, caplog):
    keras.utils.set_random_seed(0)
    cell = make(dtype=dtype, recurrent_initializer="glorot_uniform")
    cell.build((None, 2))
    system = as_system(cell, n_inputs=2)
    rng = np.random.default_rng(0)
    x, u = rng.normal(size=(4, system.n_states)), rng.normal(size=(4, 2))
    half = cell.compute_dtype
    states = tf.split(tf.cast(x, half), system.n_states // 4, axis=1)
    own = tf.concat(cell(tf.cast(u, half), states)[1], axis=1)
    rounding = {"float16": 2.0**-11, "bfloat16": 2.0**-8}[half]
    image = system.step(x, u).numpy()
    assert image.dtype == np.float64
    np.testing.assert_allclose(image, tf.cast(own, "float64"), atol=16 * rounding)
    assert f"computes in {half}, in which every state is rounded to" in caplog.text
