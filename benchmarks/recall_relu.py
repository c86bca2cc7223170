"""Piecewise-linear networks, whose fixed points are enumerated over all active sets."""

from __future__ import annotations

import numpy as np
from recall_known import Known, layer_form, simple_rnn, single
from relu_truth import enumerate_points


def relu_network(weights: np.ndarray, bias: np.ndarray) -> Known:
    weights, bias = single(weights), single(bias)
    truth = enumerate_points(weights, bias, "outside", 1.0)
    return Known(
        simple_rnn(weights, bias, "relu"),
        len(bias),
        lambda x: np.maximum(x @ weights + bias, 0.0),
        truth.xstar,
        layer_form(weights, bias, "relu"),
        by="enumeration",
        size=2.0,
    )


def relu_units(n: int, seed: int) -> Known:
    """Return units ``relu(a x - b)``, each with the points 0 and ``b / (a - 1)``."""
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(1.4, 1.8, n), rng.uniform(0.4, 0.8, n)
    return relu_network(np.diag(a), -b)


def relu_winners(n: int, seed: int) -> Known:
    """Return units that silence each other, a fixed point for each non-empty active set."""
    rng = np.random.default_rng(seed)
    weights = -rng.uniform(1.2, 1.3, size=(n, n))
    np.fill_diagonal(weights, 0.0)
    return relu_network(weights, np.ones(n))


def relu_pairs(n: int, seed: int) -> Known:
    """Return pairs of units that silence each other, weakly coupled."""
    rng = np.random.default_rng(seed)
    weights = 0.02 * rng.normal(size=(n, n))
    for k in range(0, n - 1, 2):
        weights[k, k + 1], weights[k + 1, k] = -rng.uniform(1.3, 2.0, size=2)
    return relu_network(weights, rng.uniform(0.8, 1.2, size=n))


def relu_coupled(n: int, seed: int) -> Known:
    """Return units that excite themselves, coupled by weights of either sign."""
    rng = np.random.default_rng(seed)
    weights = 0.04 * rng.normal(size=(n, n))
    weights[np.diag_indices(n)] += rng.uniform(1.4, 1.8, n)
    return relu_network(weights, -rng.uniform(0.4, 0.8, n))
