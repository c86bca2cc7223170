"""Time of proofs of completeness, and detection of a hidden fixed point.

    python benchmarks/completeness.py [--seeds 3] [--seconds 60]

Networks of each class for which there is a proof. Each proof runs twice: with no fixed point
given, and with all but one of those that the first has found, which must turn up.
"""

from __future__ import annotations

import argparse
import itertools
import time

import keras
import numpy as np
import tensorflow as tf
from scipy.linalg import hadamard

from fixedpoint_tf import as_system
from fixedpoint_tf.analysis import prove_complete


def built(cell, weights):
    """Build a cell and give it weights."""
    cell.build((None, 1))
    shapes = [weight.shape for weight in cell.weights]
    cell.set_weights([np.reshape(w, s) for w, s in zip(weights, shapes, strict=True)])
    return cell


def simple(weights, bias, activation="tanh"):
    n = len(bias)
    cell = keras.layers.SimpleRNNCell(n, activation=activation)
    return built(cell, [np.zeros((1, n)), weights, bias])


def circulant(n):
    """Return weights like those of FixedPointFinder's test networks, with rolled rows."""
    row = np.linspace(-1.0, 1.0, n)
    return np.array([-np.roll(row, -k) for k in range(n)])


def rates(weights, bias, activation, time):
    """Return a rate network as users write it, leaky in steps or in continuous time."""
    n = len(bias)

    def step(h, u):
        drive = activation(h @ tf.constant(weights, h.dtype) + tf.constant(bias, h.dtype) + u)
        return h + 0.1 * (drive - h)

    def velocity(x, u):
        drive = activation(x) @ tf.constant(weights, x.dtype) + tf.constant(bias, x.dtype)
        return (drive + u - x) / 0.05

    update = step if time == "discrete" else velocity
    return as_system(update, n_states=n, n_inputs=1, time=time)


def own_updates(rng):
    """Yield networks of which only the update is known, and networks near a fold."""
    n = 4
    weights = 2.0 * rng.normal(size=(n, n)) / np.sqrt(n) + np.eye(n)
    bias = 0.2 * rng.normal(size=n)
    yield "leaky tanh, 4 units, a function", rates(weights, bias, tf.tanh, "discrete")
    yield "currents of tanh, 4 units", rates(weights, bias, tf.tanh, "continuous")
    weights, bias = 5.0 * weights, -2.5 * weights.sum(axis=0)
    yield "leaky sigmoid, 4 units, a function", rates(weights, bias, tf.sigmoid, "discrete")
    yield "softsign, 3 units", simple(3.0 * rng.normal(size=(3, 3)), np.zeros(3), "softsign")
    for n in (2, 3, 4):
        yield (
            f"rolled rows as FixedPointFinder tests, {n} units",
            simple(circulant(n), np.zeros(n)),
        )
    at_fold = np.sqrt(0.5)
    for distance in (1e-9, -1e-9):
        bias = np.array([np.arctanh(at_fold) - 2.0 * at_fold + distance])
        fold = rates(np.array([[2.0]]), bias, tf.tanh, "discrete")
        yield f"a fold {distance:+.0e} away, {3 if distance > 0 else 1} points", fold


def networks(rng):
    """Yield a name and a network of each class."""
    for n in (4, 8):
        weights = 2.0 * rng.normal(size=(n, n)) / np.sqrt(n)
        yield f"tanh, {n} units", simple(weights, 0.2 * rng.normal(size=n))
    n = 4
    weights = 8.0 * rng.normal(size=(n, n)) / np.sqrt(n)
    yield "sigmoid, 4 units", simple(weights, -2.0 + rng.normal(size=n), "sigmoid")
    for n, after in ((3, True), (3, False), (5, True)):
        cell = keras.layers.GRUCell(n, reset_after=after)
        recurrent = 4.0 * rng.normal(size=(n, 3 * n)) / np.sqrt(n)
        recurrent[:, 2 * n :] += 2.0 * np.eye(n)
        bias = 0.3 * rng.normal(size=(2, 3 * n) if after else 3 * n)
        reset = "after" if after else "before"
        yield (
            f"GRU, {n} units, reset {reset}",
            built(cell, [np.zeros((1, 3 * n)), recurrent, bias]),
        )
    for n in (2, 4):
        recurrent = 4.0 * rng.normal(size=(n, 4 * n)) / np.sqrt(n)
        bias = 0.3 * rng.normal(size=4 * n)
        cell = built(keras.layers.LSTMCell(n), [np.zeros((1, 4 * n)), recurrent, bias])
        yield f"LSTM, {n} units", cell
    for n, rank in ((512, 2), (512, 3), (512, 4), (512, 5)):
        left = rng.normal(size=(n, rank))
        right = left + 0.3 * rng.normal(size=(n, rank))
        weights = 2.0 * left @ right.T / n
        yield f"tanh, {n} units of rank {rank}", simple(weights, np.zeros(n))
    for n_patterns in (4, 5):
        patterns = hadamard(64)[:, rng.permutation(np.arange(1, 64))[:n_patterns]]
        weights = 1.5 * patterns @ patterns.T / 64
        yield f"Hopfield, 64 units, {n_patterns} patterns", simple(weights, np.zeros(64))
    yield "6 independent bistable units", simple(2.0 * np.eye(6), np.zeros(6))
    weights = 0.45 * rng.normal(size=(500, 500)) / np.sqrt(500)
    yield "contraction, 500 units", simple(weights, rng.normal(size=500))
    for n in (8, 12, 16):
        weights = 1.5 * rng.normal(size=(n, n)) / np.sqrt(n)
        yield f"ReLU, {n} units", simple(weights, rng.normal(size=n), "relu")
    for n, rank in ((60, 2), (512, 2), (512, 3), (512, 4)):
        angles = 2.0 * np.pi * rng.random(n)
        left = np.column_stack([np.cos(angles), np.sin(angles), rng.normal(size=(n, rank - 2))])
        right = left * (1.0 + 0.6 * np.cos(4.0 * angles))[:, None]
        weights = 10.0 * right @ left.T / n
        bias = -0.5 + 0.3 * rng.random(n)
        yield f"ReLU, {n} units of rank {rank}", simple(weights, bias, "relu")
    for n in (20, 30):
        weights = -2.0 * np.abs(rng.normal(size=(n, n))) / np.sqrt(n)
        weights[np.arange(n), np.arange(n)] = 0.0
        yield (
            f"ReLU, {n} units that inhibit each other",
            simple(weights, 0.5 + rng.random(n), "relu"),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=60.0)
    args = parser.parse_args()
    print("| network | seed | result | points | boxes | CPU s | hidden point |")
    print("|---|---|---|---|---|---|---|")
    for seed in range(args.first_seed, args.first_seed + args.seeds):
        rng = np.random.default_rng(seed)
        for name, cell in itertools.chain(networks(rng), own_updates(rng)):
            n = as_system(cell).n_states
            begin = time.process_time()
            found = prove_complete(
                cell, np.zeros((0, n)), inputs=[[0.0]], max_seconds=args.seconds
            )
            seconds = time.process_time() - begin
            hidden = "-"
            if found.is_complete and len(found.xstar):
                rest = np.delete(found.xstar, rng.integers(len(found.xstar)), axis=0)
                again = prove_complete(cell, rest, inputs=[[0.0]], max_seconds=args.seconds)
                turned_up = again.is_complete and again.new.n == 1
                hidden = "turned up" if turned_up else "MISSED"
            print(
                f"| {name} | {seed} | {found.codes[0]} | {len(found.xstar)} "
                f"| {found.n_boxes[0]:,} | {seconds:.2f} | {hidden} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
