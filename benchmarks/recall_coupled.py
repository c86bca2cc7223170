"""Coupled networks, random and trained, whose truth is a proof or a union of long searches.

A proof (``prove_complete``, no point given) counts only if it has every point of the search.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from networks import make_random
from recall_cells import Equations, gru, gru_before, lstm
from recall_known import (
    N_STARTS,
    Known,
    Step,
    distinct,
    layer_form,
    newton,
    searched,
    simple_rnn,
    single,
    tanh_jacobian,
    tanh_step,
)
from recall_trained import trained

from fixedpoint_tf.analysis import prove_complete
from lfads_tf.layers.cells import ClippedGRUCell


def long_search(
    step: Step,
    jacobian: Step | None,
    n: int,
    n_starts: int,
    seed: int = 300,
    pool: np.ndarray | None = None,
) -> np.ndarray:
    """Run Newton's method from states of all sizes, their images, and states on trials.

    Of the points that it arrives at, it starts again from mirror images and from midpoints.
    """
    rng = np.random.default_rng(seed)
    size = np.exp(rng.uniform(np.log(0.03), np.log(3.0 * np.sqrt(n)), size=(n_starts, 1)))
    x = size * rng.normal(size=(n_starts, n))
    x[::2] = step(x[::2])
    x[1::2] *= 1.0 / np.sqrt(n)
    if pool is not None:
        drawn = pool[rng.integers(len(pool), size=n_starts // 2)]
        x = np.concatenate([x, drawn + 0.3 * rng.normal(size=drawn.shape)])
    points = newton(step, x, longest=0.7, jacobian=jacobian)
    if not len(points):
        return points
    pairs = rng.integers(len(points), size=(2, n_starts // 8))
    between = points[pairs].mean(axis=0) + 0.02 * rng.normal(size=(pairs.shape[1], n))
    further = np.concatenate([-points, between])
    further = newton(step, further, longest=0.7, jacobian=jacobian)
    return distinct(np.concatenate([points, further]))


def proved(known: Known, max_seconds: float = 20.0) -> Known:
    """Return the same with all its points where they can be proved."""
    none = np.zeros((0, known.n_states))
    found = prove_complete(
        known.rnn, none, inputs=np.zeros((1, known.n_inputs)), max_seconds=max_seconds
    )
    if not found.is_complete:
        return known
    for x in known.truth:
        if np.linalg.norm(found.xstar - x, axis=1).min(initial=np.inf) > 1e-6:
            raise RuntimeError("A point of the long search is not among those of the proof.")
    return dataclasses.replace(known, truth=found.xstar, by="proof")


# -- random --------------------------------------------------------------------------------


def tanh_layer(recurrent: np.ndarray, bias: np.ndarray, n_search: int, **more) -> Known:
    recurrent, bias = single(recurrent), single(bias)
    step, jacobian = tanh_step(recurrent, bias), tanh_jacobian(recurrent, bias)
    truth = searched(
        f"tanh {n_search}",
        [recurrent, bias],
        lambda: long_search(step, jacobian, len(bias), n_search, pool=more.get("pool")),
    )
    form = layer_form(recurrent, bias)
    rnn = simple_rnn(recurrent, bias)
    return Known(rnn, len(bias), step, truth, form, by="search", **more)


def symmetric_tanh(n: int, seed: int, gain: float = 2.5, n_starts: int = 10_000) -> Known:
    a = np.random.default_rng(seed).normal(size=(n, n))
    return tanh_layer(gain * (a + a.T) / np.sqrt(2.0 * n), np.zeros(n), n_starts)


def random_tanh(n: int, seed: int, gain: float = 8.0, n_starts: int = 10_000) -> Known:
    """Draw Gaussian weights without any symmetry, and biases."""
    rng = np.random.default_rng(seed)
    recurrent = gain / np.sqrt(n) * rng.normal(size=(n, n))
    return tanh_layer(recurrent, 0.1 * rng.normal(size=n), n_starts)


def random_of_benchmark() -> Known:
    """Return RANDOM of ``networks.py``, with 150 tanh units of gain 1.5."""
    network = make_random()
    _, recurrent, bias = network.weights
    return tanh_layer(recurrent, bias, 2_000)


def gated(equations: Equations, n_search: int, **more) -> Known:
    """Return a gated network with the points of a long search in its hidden state."""
    arrays = equations.form[1]
    n = len(arrays["recurrent"])
    pool = more.get("pool")
    hidden = searched(
        f"{equations.form[0]} {n_search}",
        list(arrays.values()),
        lambda: long_search(
            equations.reduced,
            equations.jacobian,
            n,
            n_search,
            pool=None if pool is None else pool[:, :n],
        ),
    )
    truth = equations.lift(hidden)
    form, n_states = equations.form, truth.shape[1]
    return Known(equations.cell, n_states, equations.step, truth, form, by="search", **more)


def random_gru(
    n: int, seed: int, gain: float, n_starts: int = 4_000, excitation: float = 0.0
) -> Known:
    """Draw Gaussian weights and biases, with candidates that may excite themselves."""
    rng = np.random.default_rng(seed)
    recurrent = gain / np.sqrt(n) * rng.normal(size=(n, 3 * n))
    recurrent[:, 2 * n :] += excitation * np.eye(n)
    bias = single(0.3 * rng.normal(size=(2, 3 * n)))
    return gated(gru(single(recurrent), bias), n_starts)


def random_lstm(
    n: int, seed: int, gain: float, n_starts: int = 4_000, excitation: float = 4.0
) -> Known:
    """Draw Gaussian weights and biases, with candidates that excite themselves."""
    rng = np.random.default_rng(seed)
    recurrent = gain / np.sqrt(n) * rng.normal(size=(n, 4 * n))
    recurrent[:, 2 * n : 3 * n] += excitation * np.eye(n)
    return gated(lstm(single(recurrent), single(0.3 * rng.normal(size=4 * n))), n_starts)


# -- trained -------------------------------------------------------------------------------


def of_training(name: str, n_starts: int = N_STARTS, n_search: int = 4_000) -> Known:
    """Return a network of ``recall_trained.py``, without input."""
    network = trained(name)
    kind, pool = str(network["kind"]), network["states"].astype(np.float64)
    kernel, recurrent, bias = (single(network[f"weights_{i}"]) for i in range(3))
    more = {"pool": pool, "n_starts": n_starts}
    if kind == "tanh":
        return tanh_layer(recurrent, bias, n_search, **more)
    if kind == "gru_before":
        cell = ClippedGRUCell(len(recurrent))
        cell.build((None, len(kernel)))
        cell.set_weights([kernel, recurrent, bias])
        more["n_inputs"] = len(kernel)
        return gated(gru_before(recurrent, bias, cell), n_search, **more)
    return gated({"gru": gru, "lstm": lstm}[kind](recurrent, bias), n_search, **more)
