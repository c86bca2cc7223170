"""Trained networks whose fixed points are asked for: weights and states on trials.

    python benchmarks/recall_trained.py [NAME ...]

Trains those that are not kept yet, in seconds to minutes each. The networks that decide,
remember and integrate are trained by ``fixedpoint_tf.tasks``; the generators of LFADS on the
spikes of a Lorenz system, as ``lfads_generator.py`` does, from ``lorenz_known_rates.h5`` in
the directory that the environment variable ``RECALL_DATA`` names.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
from recall_known import FOLDER, kept

N_TRIALS = 64  # whose states are kept, to draw starts from
N_STATES = 8192

#: By name: task, kind of cell, units and seed.
TASKS = {
    "gru-decision-40": ("binary_decision", "gru", 40, 0),
    "gru-decision-40b": ("binary_decision", "gru", 40, 1),
    "tanh-flip-flop-24": ("flip_flop", "tanh", 24, 0),
    "gru-flip-flop-24": ("flip_flop", "gru", 24, 1),
    "lstm-flip-flop-16": ("flip_flop", "lstm", 16, 2),
    "tanh-average-32": ("two_point_average", "tanh", 32, 0),
    "tanh-context-64": ("context_dependent_integration", "tanh", 64, 1),
    "lstm-decision-20": ("binary_decision", "lstm", 20, 3),
}
#: By name: seed of the model.
GENERATORS = {"lfads-lorenz-100": 0, "lfads-lorenz-100b": 1}


def trained(name: str) -> dict[str, np.ndarray]:
    """Return ``weights_0``, ``weights_1``, ..., ``states`` and ``kind`` of a network."""
    make = (lambda: generator(GENERATORS[name])) if name in GENERATORS else lambda: task(name)
    return kept(f"trained-{name}", make)


def task(name: str) -> dict[str, np.ndarray]:
    """Train on a task; the error on new trials is kept too."""
    from fixedpoint_tf import FixedPointFinder
    from fixedpoint_tf.tasks import TASKS as CATALOGUE
    from fixedpoint_tf.tasks import train_task

    task_name, cell, units, seed = TASKS[name]
    model = train_task(task_name, cell, units, seed)
    inputs, _ = CATALOGUE[task_name](np.random.default_rng(seed + 1), N_TRIALS)
    states = FixedPointFinder(model, verbose=False).simulate(inputs)
    weights = model.get_layer("rnn").get_weights()
    error = CATALOGUE[task_name].error(model, seed=1000 + seed)
    return parts(cell, weights, states) | {"error": np.array(error)}


def generator(seed: int) -> dict[str, np.ndarray]:
    """Train an LFADS on the spikes of a Lorenz system; the states of its generator."""
    from lfads_generator import trained as trained_model

    from lfads_tf import Session

    path = Path(os.environ["RECALL_DATA"]) / "lorenz_known_rates.h5"
    train, valid = (Session.load(path, split=s, bin_width=0.01) for s in ("train", "valid"))
    model = trained_model("lorenz", train, valid, seed, FOLDER / "models")
    states = model.infer(valid).generator_states
    return parts("gru_before", model.generator.get_weights(), states)


def parts(kind: str, weights: list[np.ndarray], states: np.ndarray) -> dict[str, np.ndarray]:
    flat = np.asarray(states).reshape(-1, states.shape[-1])
    rows = np.random.default_rng(0).permutation(len(flat))[:N_STATES]
    arrays = {f"weights_{i}": np.asarray(w) for i, w in enumerate(weights)}
    return arrays | {"kind": np.array(kind), "states": flat[rows]}


def main() -> None:
    for name in sys.argv[1:] or [*TASKS, *GENERATORS]:
        begin = time.process_time()
        network = trained(name)
        error = f", error {network['error']:.2g}" if "error" in network else ""
        print(f"{name}: {time.process_time() - begin:.0f} s{error}", flush=True)


if __name__ == "__main__":
    main()
