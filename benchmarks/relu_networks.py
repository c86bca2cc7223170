"""Random ReLU networks by seed, as Keras cells, and smooth ones of as many points.

Each maker returns a :class:`Drawn`. Networks whose own runs leave any sensible size are
drawn anew, and so are those with an eigenvalue on the unit circle, about which double
precision decides nothing.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from relu_gru_truth import bounded_gru, gru_points, linear_gru
from relu_truth import Truth, enumerate_points

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from relu_cells import (  # noqa: E402
    ALPHA,
    LeakyReLUCell,
    motif_weights,
    single,
    threshold_linear_weights,
)

N_INPUTS = 2
CLEAR = 1e-4  # the least margin of a network that is kept


@dataclasses.dataclass(frozen=True)
class Drawn:
    """A network, how to make it, and its fixed points at input zero.

    Attributes:
        make: returns a new cell with the weights.
        truth: all its fixed points, or those known.
    """

    make: Callable
    truth: Truth


def with_weights(make: Callable, weights: list[np.ndarray]) -> Callable:
    """Return a function that makes a built cell with these weights."""

    def made():
        cell = make()
        cell.build((None, N_INPUTS))
        cell.set_weights(weights)
        return cell

    return made


def stays_bounded(weights, bias, form: str, alpha: float, rng, limit: float = 1e3) -> bool:
    """Test whether runs from wide starts stay below ``limit``."""
    x = rng.normal(scale=3.0, size=(64, len(bias)))
    for _ in range(int(400 / alpha)):
        if form == "outside":
            target = np.maximum(x @ weights + bias, 0.0)
        else:
            target = np.maximum(x, 0.0) @ weights + bias
        x = x + alpha * (target - x)
        if np.abs(x).max() > limit:
            return False
    return True


def drawn(draw: Callable, form: str, alpha: float, rng, n_draws: int = 1) -> tuple:
    """Draw bounded networks with a clear truth, and return the one of the most points."""
    best = None
    n_kept = 0
    while n_kept < n_draws:
        weights, bias = map(single, draw())
        truth = enumerate_points(weights, bias, form, alpha)
        if truth.margin < CLEAR or not stays_bounded(weights, bias, form, alpha, rng):
            continue
        n_kept += 1
        if best is None or len(truth.xstar) > len(best[2].xstar):
            best = (weights, bias, truth)
    return best


def random_weights(n: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """Draw Gaussian weights of a random gain, and biases."""
    gain = rng.uniform(0.5, 2.5)
    return gain / np.sqrt(n) * rng.normal(size=(n, n)), rng.normal(size=n)


def low_rank_weights(n: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """Return weights of rank two, with overlaps that store two memories."""
    m = rng.normal(size=(n, 2))
    return rng.uniform(2.0, 4.0) / n * (m + 0.3 * rng.normal(size=m.shape)) @ m.T, (
        0.3 * rng.normal(size=n)
    )


def simple(draw: Callable, n_draws: int = 1) -> Callable:
    """Return a maker of ``SimpleRNNCell(n, activation="relu")``."""

    def make(n: int, rng) -> Drawn:
        weights, bias, truth = drawn(lambda: draw(n, rng), "outside", 1.0, rng, n_draws)
        kernel = 0.5 * rng.normal(size=(N_INPUTS, n))
        return Drawn(
            with_weights(
                lambda: keras.layers.SimpleRNNCell(n, activation="relu"),
                [kernel, weights, bias],
            ),
            truth,
        )

    return make


def leaky(draw: Callable, n_draws: int = 1, inside: bool = False) -> Callable:
    """Return a maker of leaky cells."""

    def make(n: int, rng) -> Drawn:
        form = "inside" if inside else "outside"
        weights, bias, truth = drawn(lambda: draw(n, rng), form, ALPHA, rng, n_draws)
        kernel = 0.5 * rng.normal(size=(N_INPUTS, n))
        return Drawn(
            with_weights(
                lambda: LeakyReLUCell(n, inside=inside),
                [kernel, weights, bias],
            ),
            truth,
        )

    return make


def gru(draw: Callable, reset_after: bool) -> Callable:
    """Return a maker of ``GRUCell(n, activation="relu")``."""

    def make(n: int, rng) -> Drawn:
        while True:
            weights = [np.asarray(w, np.float32) for w in draw(n, rng, reset_after)]
            truth = gru_points(weights, reset_after)
            if truth.margin > CLEAR:
                break
        return Drawn(
            with_weights(
                lambda: keras.layers.GRUCell(n, activation="relu", reset_after=reset_after),
                weights,
            ),
            truth,
        )

    return make


def smooth(n: int, rng) -> Drawn:
    """Return ``n // 2`` weakly coupled bistable tanh units that drive the others."""
    while True:
        weights, bias = 0.05 * rng.normal(size=(n, n)), 0.05 * rng.normal(size=n)
        for k in range(n // 2):
            weights[k, k] = rng.uniform(1.7, 2.3)
        w, b = single(weights), single(bias)
        corners = np.array(np.meshgrid(*[[-0.9, 0.0, 0.9]] * (n // 2))).reshape(n // 2, -1).T
        x = np.concatenate([corners, np.zeros((len(corners), n - n // 2))], axis=1)
        for _ in range(50):
            y = np.tanh(x @ w + b)
            jacobians = (1.0 - y**2)[:, :, None] * w.T
            x = x - np.linalg.solve(jacobians - np.eye(n), (y - x)[..., None])[..., 0]
        moduli = np.abs(np.linalg.eigvals((1.0 - x**2)[:, :, None] * w.T))
        margin = np.abs(moduli - 1.0).min()
        separated = len(np.unique(x.round(6), axis=0)) == len(corners)
        if separated and margin > CLEAR and np.abs(np.tanh(x @ w + b) - x).max() < 1e-12:
            break
    stable = (moduli < 1.0).all(axis=1)
    truth = Truth(x, stable, np.zeros(len(x), bool), True, float(margin))
    kernel = 0.5 * rng.normal(size=(N_INPUTS, n))
    return Drawn(
        with_weights(
            lambda: keras.layers.SimpleRNNCell(n, activation="tanh"), [kernel, weights, bias]
        ),
        truth,
    )


FAMILIES: dict[str, Callable] = {
    "simple": simple(random_weights),
    "simple_many": simple(random_weights, n_draws=20),
    "simple_motifs": simple(motif_weights),
    "leaky": leaky(random_weights, n_draws=5),
    "leaky_inside": leaky(random_weights, n_draws=5, inside=True),
    "leaky_motifs": leaky(motif_weights),
    "threshold_linear": leaky(threshold_linear_weights),
    "low_rank": leaky(low_rank_weights, n_draws=5),
    "low_rank_inside": leaky(low_rank_weights, n_draws=5, inside=True),
    "gru_linear": gru(linear_gru, reset_after=True),
    "gru_linear_before": gru(linear_gru, reset_after=False),
    "gru": gru(bounded_gru, reset_after=True),
    "gru_before": gru(bounded_gru, reset_after=False),
    "smooth": smooth,
}


def draw(family: str, n_units: int, seed: int) -> Drawn:
    """Draw the network of a family, a size and a seed."""
    index = list(FAMILIES).index(family)
    return FAMILIES[family](n_units, np.random.default_rng([seed, n_units, index]))
