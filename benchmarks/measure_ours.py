"""Times ``fixedpoint_tf`` on one network, in a process of its own.

    python benchmarks/measure_ours.py NETWORK.npz RESULT.npz [--repeats N]
    python benchmarks/measure_ours.py NETWORK.npz RESULT.npz --long
    python benchmarks/measure_ours.py NETWORK.npz RESULT.npz --memory N

``--long`` searches from 20 times as many starts, with finer options, for a reference set.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time

import keras
import numpy as np
import tensorflow as tf
from networks import NOISE, Network

from fixedpoint_tf.finder import FixedPointFinder
from fixedpoint_tf.fixed_points.points import Status

LONG_NOISES = (0.05, 0.25, 0.5, 1.0, 2.0)
LONG_FACTOR = 20


def make_cell(network: Network):
    """Return the Keras cell of a network, with its weights."""
    n_inputs, layers = network.inputs.shape[1], keras.layers
    n_units = network.weights[1].shape[0]
    if network.kind == "stacked_gru":
        n_second = network.weights[4].shape[0]
        cell = layers.StackedRNNCells([layers.GRUCell(n_units), layers.GRUCell(n_second)])
    else:
        cells = {
            "tanh": layers.SimpleRNNCell,
            "gru": layers.GRUCell,
            "lstm": layers.LSTMCell,
        }
        cell = cells[network.kind](n_units)
    cell.build((None, n_inputs))
    cell.set_weights(list(network.weights))
    return cell


def search(cell, x0, inputs, **options):
    """Run one whole call, with Jacobians and eigenvalues."""
    begin = time.perf_counter()
    finder = FixedPointFinder(cell, verbose=False, **options)
    unique, all_points = finder.find_fixed_points(x0, inputs)
    return time.perf_counter() - begin, unique, all_points, finder.system


def check_same_network(network: Network, system) -> None:
    """Check that the cell computes what the judge computes."""
    x = network.x0[:8].astype(np.float64)
    ours = system.step(x, np.repeat(network.inputs, len(x), axis=0)).numpy()
    if not np.allclose(ours, network.judge().step(x), rtol=1e-12, atol=1e-12):
        raise RuntimeError("the cell and the judge do not compute the same network")


def peak_memory() -> float:
    """Return the largest resident memory so far, in GB (1e9 bytes)."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e9


def measure(network: Network, cell, n_repeats: int) -> dict:
    cold, unique, all_points, system = search(cell, network.x0, network.inputs)
    warm = [search(cell, network.x0, network.inputs)[0] for _ in range(n_repeats)]
    check_same_network(network, system)
    return {
        "cold": cold,
        "warm": warm,
        "xstar": unique.fixed.xstar,
        "n_slow": len(unique.slow),
        "n_by_status": np.bincount(all_points.status, minlength=len(Status)),
        "version": f"TensorFlow {tf.__version__}, Keras {keras.__version__}",
    }


def measure_memory(network: Network, cell, n_states: int) -> dict:
    rng = np.random.default_rng(0)
    rows = np.arange(n_states) % len(network.x0)
    x0 = network.x0[rows] + NOISE * rng.normal(size=(n_states, network.x0.shape[1]))
    before = peak_memory()
    seconds, unique, all_points, _ = search(cell, x0.astype(np.float32), network.inputs)
    return {
        "seconds": seconds,
        "before": before,
        "peak": peak_memory(),
        "xstar": unique.fixed.xstar,
        "n_by_status": np.bincount(all_points.status, minlength=len(Status)),
    }


def long_search(network: Network, cell) -> dict:
    rng = np.random.default_rng(12345)
    n = len(network.x0) * LONG_FACTOR // len(LONG_NOISES)
    found = []
    for noise in LONG_NOISES:
        drawn = network.pool[rng.integers(len(network.pool), size=n)]
        x0 = drawn + noise * rng.normal(size=drawn.shape)
        _, unique, _, _ = search(
            cell,
            x0,
            network.inputs,
            dtype="float64",
            share_descents=False,
            tol_unique=1e-5,
            do_compute_jacobians=False,
            random_seed=12345,
        )
        found.append(unique.fixed.xstar)
    return {"xstar": np.concatenate(found)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("network")
    parser.add_argument("result")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--memory", type=int)
    arguments = parser.parse_args()
    network = Network.load(arguments.network)
    cell = make_cell(network)
    if arguments.long:
        result = long_search(network, cell)
    elif arguments.memory:
        result = measure_memory(network, cell, arguments.memory)
    else:
        result = measure(network, cell, arguments.repeats)
    np.savez(arguments.result, **result)


if __name__ == "__main__":
    main()
