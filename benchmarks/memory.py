"""Memory of a long notebook: objects are made, used and dropped in one process.

    python benchmarks/memory.py finders [--number 300]
    python benchmarks/memory.py lfads --number 60
    python benchmarks/memory.py keras --number 60

Each line is written after ``gc.collect()``: what the process holds in MB (not counting code
that the system reads from files), what is left once ``malloc_trim`` has given back what was
freed, how many dropped objects still live, how many graphs, and how many functions TensorFlow
has registered. What is kept grows in the column ``trimmed``; what the allocator has not given
back yet, in ``resident`` alone.

Workloads: ``finders``, each of a new network (layers of each kind, cells of a user's own, and
functions, of eleven sizes), searched, linearised, sampled, its index asked; ``lfads``, models
of one structure, trained two epochs, sampled from; ``sizes``, the same of 35 structures;
``tasks``, a network trained for a task, and its finder. For comparison, plain TensorFlow:
``keras``, a GRU with a read-out, fitted and called; ``jit``, the same compiled by XLA;
``functions``, one small ``tf.function`` each.
"""

from __future__ import annotations

import argparse
import collections
import ctypes
import gc
import time
import tracemalloc
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context as eager_context

from fixedpoint_tf import FixedPointFinder
from fixedpoint_tf.tasks import train_task
from lfads_tf import LFADS, LFADSConfig

SIZES = range(2, 13)  # with four kinds of closed form more than are kept at a time


class LeakyCell(keras.layers.Layer):
    """A cell of a user's own, whose equations are not known."""

    def __init__(self, units: int, leak: float, **options: Any):
        super().__init__(**options)
        self.units, self.leak, self.state_size = units, leak, units

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units, "leak": self.leak}

    def build(self, shape: Any) -> None:
        self.kernel = self.add_weight(shape=(shape[-1], self.units), name="kernel")
        self.recurrent = self.add_weight(shape=(self.units, self.units), name="recurrent")

    def call(self, inputs: Any, states: Any) -> Any:
        driven = keras.ops.matmul(inputs, self.kernel)
        new = keras.ops.tanh(driven + keras.ops.matmul(states[0], self.recurrent))
        state = (1.0 - self.leak) * states[0] + self.leak * new
        return state, [state]


def _networks(k: int) -> tuple[Any, dict[str, Any]]:
    """Return a network by its number, with kinds and sizes in turn and its own weights."""
    keras.utils.set_random_seed(k)
    units = SIZES[k // 6 % len(SIZES)]
    options = {"return_sequences": True, "recurrent_initializer": "random_normal"}
    kind = k % 6
    if kind == 5:
        recurrent = np.random.default_rng(k).normal(size=(units, units)) / np.sqrt(units)

        def update(h: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
            return tf.tanh(tf.matmul(h, tf.constant(recurrent, h.dtype))) + 0.0 * u[:, :1]

        return update, {"n_states": units, "n_inputs": 2}
    layer = (
        lambda: keras.layers.SimpleRNN(units, **options),
        lambda: keras.layers.GRU(units, **options),
        lambda: keras.layers.LSTM(units, **options),
        lambda: keras.layers.SimpleRNN(units, activation="relu", **options),
        lambda: keras.layers.RNN(LeakyCell(units, 0.5), return_sequences=True),
    )[kind]()
    model = keras.Sequential([keras.Input((None, 2)), layer, keras.layers.Dense(1)])
    return model, {}


def finder(k: int) -> list[Any]:
    """Search, linearise, sample and index one network."""
    rnn, sizes = _networks(k)
    one = FixedPointFinder(rnn, random_seed=k, verbose=False, **sizes)
    rng = np.random.default_rng(k)
    states = one.sample_states(one.simulate(rng.normal(size=(4, 20, 2))), 16, noise_scale=0.3)
    points, _ = one.find_fixed_points(states, np.zeros((1, 2)))
    one.linear_error(points, n_steps=3, n_directions=4)
    index = one.sum_index(points)
    slow = one.sample_slow_states(states, np.zeros((1, 2)), n_steps=20)
    networks = [rnn] if isinstance(rnn, keras.Model) else []
    return [one, one.system, points, index, slow, *networks]


def lfads(k: int, n_neurons: int = 6, generator_units: int = 8) -> list[Any]:
    """Train and sample one small model of LFADS."""
    config = LFADSConfig(
        n_neurons=n_neurons,
        n_bins=10,
        bin_width=0.02,
        n_factors=3,
        generator_units=generator_units,
        encoder_units=8,
        dropout=0.05 + 0.01 * (k % 10),
        seed=k,
    )
    spikes = np.random.default_rng(k).poisson(0.5, (24, 10, config.n_neurons))
    model = LFADS(config)
    model.compile()
    model.fit(spikes[8:], validation_data=spikes[:8], epochs=2, batch_size=16, verbose=0)
    model.infer(spikes, n_samples=4)
    return [model, model.network, model.optimizer]


def task(k: int) -> list[Any]:
    """Train a network for a task, a little, and search it."""
    model = train_task("flip_flop", seed=k, units=6 + k % 5, epochs=2, n_trials=16)
    one = FixedPointFinder(model, random_seed=k, verbose=False)
    states = one.sample_states(one.simulate(np.zeros((4, 20, 3))), 16, noise_scale=0.3)
    points, _ = one.find_fixed_points(states, np.zeros((1, 3)))
    return [model, one, points]


def plain_keras(k: int, *, jit_compile: bool = False) -> list[Any]:
    """Fit and call a model of Keras alone, a GRU with a read-out."""
    keras.utils.set_random_seed(k)
    units = 8 + k % 7
    layers = [keras.layers.GRU(units, return_sequences=True), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((10, 2)), *layers])
    model.compile("adam", "mse", jit_compile=jit_compile)
    x = np.zeros((24, 10, 2), np.float32)
    y = np.zeros((24, 10, 1), np.float32)
    model.fit(x[8:], y[8:], validation_data=(x[:8], y[:8]), epochs=2, batch_size=16, verbose=0)
    model.predict(x, verbose=0)
    return [model]


def plain_function(k: int) -> list[Any]:
    """Compile a function of TensorFlow alone."""
    weights = tf.constant(np.random.default_rng(k).normal(size=(8, 8)), tf.float32)

    @tf.function(input_signature=[tf.TensorSpec([None, 8], tf.float32)], autograph=False)
    def update(h: tf.Tensor) -> tf.Tensor:
        return tf.tanh(tf.matmul(h, weights))

    update._omit_frequent_tracing_warning = True
    update(tf.zeros((4, 8)))
    return [update]


WORKLOADS: dict[str, tuple[Callable[[int], list[Any]], int]] = {
    "finders": (finder, 20),
    "lfads": (lfads, 5),
    "sizes": (lambda k: lfads(k, 6 + k % 5, 8 + k % 7), 5),
    "tasks": (task, 5),
    "keras": (plain_keras, 5),
    "jit": (lambda k: plain_keras(k, jit_compile=True), 5),
    "functions": (plain_function, 20),
}


def resident() -> float:
    """Return the resident memory of this process without files, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    values = dict(line.split(":", 1) for line in lines)
    return float(values["RssAnon"].split()[0]) * 1024 / 1e6


def trimmed() -> float:
    """Release freed memory to the system, and return the resident memory in MB."""
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    return resident()


def counts() -> collections.Counter:
    """Count the objects that the garbage collector knows, by the names of their types."""
    return collections.Counter(
        f"{type(thing).__module__}.{type(thing).__qualname__}" for thing in gc.get_objects()
    )


def measure(name: str, number: int, every: int, *, trace: bool) -> None:
    """Run a workload and print a line after every few objects."""
    make = WORKLOADS[name][0]
    made: list[weakref.ref] = []
    before: collections.Counter | None = None
    print(
        f"{'made':>5} {'cpu s':>7} {'resident':>9} {'trimmed':>8} {'python':>7} {'objects':>8} "
        f"{'alive':>6} {'graphs':>7} {'registered':>10}"
    )
    if trace:
        tracemalloc.start()
    for k in range(number):
        made += [weakref.ref(thing) for thing in make(k)]
        if (k + 1) % every:
            continue
        gc.collect()
        held, kept, seen = resident(), trimmed(), counts()
        python = tracemalloc.get_traced_memory()[0] / 1e6 if trace else float("nan")
        alive = sum(one() is not None for one in made)
        graphs = sum(n for kind, n in seen.items() if kind.endswith(".FuncGraph"))
        registered = len(eager_context.context().list_function_names())
        print(
            f"{k + 1:5d} {time.process_time():7.0f} {held:9.0f} {kept:8.0f} {python:7.1f} "
            f"{seen.total():8d} {alive:6d} {graphs:7d} {registered:10d}",
            flush=True,
        )
        if k + 1 <= number // 2:
            before = seen
    if before is not None:
        print("objects more in the second half:")
        for kind, n in (seen - before).most_common(15):
            print(f"  {n:7d} {kind}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("--number", type=int, default=60)
    parser.add_argument("--every", type=int, default=None)
    parser.add_argument("--trace", action="store_true", help="count Python's memory (slow)")
    given = parser.parse_args()
    every = given.every or WORKLOADS[given.workload][1]
    measure(given.workload, given.number, every, trace=given.trace)
