"""Networks whose fixed points lie in a space of few dimensions, which is searched densely."""

from __future__ import annotations

import itertools

import numpy as np
from recall_known import (
    Known,
    combinations,
    layer_form,
    newton,
    roots,
    simple_rnn,
    single,
    tanh_jacobian,
    tanh_step,
)


def hopfield(n_units: int, n_patterns: int, gain: float = 1.15) -> Known:
    """Return orthogonal patterns in which every combination of signs is equally frequent.

    Just above the bifurcation the points are the equal mixtures of any patterns with any
    signs: ``3 ** n_patterns`` of them (Amit, Gutfreund & Sompolinsky 1985).
    """
    signs = combinations([np.array([-1.0, 1.0])] * n_patterns)
    patterns = np.tile(signs, (n_units // len(signs), 1))
    weights = single(gain / n_units * patterns @ patterns.T)
    recurrent = weights  # symmetric
    points = []
    for choice in itertools.product((-1.0, 0.0, 1.0), repeat=n_patterns):
        direction = patterns @ np.array(choice)
        used = np.flatnonzero(choice)
        if not len(used):
            points.append(np.zeros(n_units))
            continue
        along = patterns[:, used[0]] * choice[used[0]]

        def overlap(m, direction=direction, along=along):
            return np.mean(along * np.tanh(gain * np.multiply.outer(m, direction)), -1) - m

        m = roots(overlap, 1.1)[-1]
        points.append(np.tanh(gain * m * direction))
    step = tanh_step(recurrent, np.zeros(n_units))
    truth = newton(step, np.array(points), n_iters=4)
    form = layer_form(recurrent, np.zeros(n_units))
    return Known(simple_rnn(recurrent, np.zeros(n_units)), n_units, step, truth, form)


def hopfield_strong(n_units: int, n_patterns: int, gain: float) -> Known:
    """Return the same network far above the bifurcation, with unequal mixtures."""
    signs = combinations([np.array([-1.0, 1.0])] * n_patterns)
    patterns = np.tile(signs, (n_units // len(signs), 1))
    recurrent, bias = single(gain / n_units * patterns @ patterns.T), np.zeros(n_units)
    back = gain / n_units * patterns
    m = np.random.default_rng(0).uniform(-1.2, 1.2, size=(20_000, n_patterns)) * gain
    of_m = newton(lambda m: np.tanh(m @ patterns.T) @ back, m)
    step = tanh_step(recurrent, bias)
    jacobian = tanh_jacobian(recurrent, bias)
    truth = newton(step, np.tanh(of_m @ patterns.T), n_iters=4, jacobian=jacobian)
    form = layer_form(recurrent, bias)
    return Known(simple_rnn(recurrent, bias), n_units, step, truth, form, by="search")


def low_rank(n_units: int, rank: int, seed: int, gain: float = 8.0) -> Known:
    """Return a random network of low rank, not symmetric, ``x = tanh(m n'x / n + b)``."""
    rng = np.random.default_rng(seed)
    m = rng.normal(size=(n_units, rank))
    n = gain * (m + 0.4 * rng.normal(size=m.shape)) / n_units
    bias = single(0.1 * rng.normal(size=n_units))
    recurrent = single(n @ m.T)  # what unit i sends to unit j
    # The single-precision weights are of full rank by their rounding alone.
    of_kappa = newton(
        lambda k: np.tanh(k @ m.T + bias) @ n, rng.uniform(-3.0, 3.0, size=(4_000, rank))
    )
    step = tanh_step(recurrent, bias)
    truth = newton(step, np.tanh(of_kappa @ m.T + bias), n_iters=4)
    form = layer_form(recurrent, bias)
    return Known(simple_rnn(recurrent, bias), n_units, step, truth, form)
