"""Small problems with known answers, for the solvers."""

import numpy as np
import tensorflow as tf
from scipy.optimize import brentq

from fixedpoint_tf import as_system
from fixedpoint_tf.search.solvers.base import Points, Problem

# The roots of h = tanh(2 h).
ROOT = brentq(lambda h: np.tanh(2 * h) - h, 0.5, 1.0, xtol=1e-15)


def double_wells(n):
    """Return ``n`` uncoupled bistable units, with 3^n fixed points in {-ROOT, 0, ROOT}^n."""
    return as_system(lambda h, u: tf.tanh(2.0 * h), n_states=n, n_inputs=1, bounds=(-1, 1))


def problem(system, reach=10.0):
    box = np.full(system.n_states, reach)
    lower, upper = np.maximum(system.lower, -box), np.minimum(system.upper, box)
    return Problem(system, lower, upper)


def points(system, n, seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    x = scale * rng.uniform(-1, 1, size=(n, system.n_states))
    return Points(x, np.zeros((n, system.n_inputs)))


def distance_to_roots(x):
    return np.abs(x[..., None] - np.array([-ROOT, 0.0, ROOT])).min(axis=-1).max(axis=-1)
