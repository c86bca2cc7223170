"""The networks of the benchmark, each with the starts of its search, as ``.npz`` files.

Three come from a directory of trained workloads; the others are made here from a seed, in
a process of their own: ``python benchmarks/networks.py NAME FILE``. Both sides of the
benchmark and the judge read the same file.
"""

from __future__ import annotations

import dataclasses
import hashlib
import sys
from pathlib import Path

import numpy as np
from judge import Judge

NOISE = 0.5  # standard deviation of the noise on the starts


@dataclasses.dataclass(frozen=True)
class Network:
    """A trained or random network and where to search.

    Attributes:
        kind: ``"tanh"``, ``"gru"``, ``"lstm"`` or ``"stacked_gru"``.
        weights: in the layout and order of Keras.
        x0: ``(n_starts, n_states)``, the starts.
        inputs: ``(1, n_inputs)``, the constant input.
        pool: ``(n, n_states)``, states on trajectories, for the long search.
    """

    kind: str
    weights: tuple[np.ndarray, ...]
    x0: np.ndarray
    inputs: np.ndarray
    pool: np.ndarray

    def judge(self) -> Judge:
        return Judge(self.kind, self.weights, self.inputs)

    @property
    def key(self) -> str:
        """A digest of everything that the set of its fixed points depends on."""
        digest = hashlib.sha256(self.kind.encode())
        for array in (*self.weights, self.x0, self.inputs, self.pool):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def save(self, path: Path) -> None:
        arrays = {f"weights_{i}": w for i, w in enumerate(self.weights)}
        with open(path, "wb") as file:
            np.savez(
                file,
                time=self.time,
                x0=self.x0,
                inputs=self.inputs,
                pool=self.pool,
                **arrays,
            )

    @classmethod
    def load(cls, path: str | Path) -> Network:
        with np.load(path, allow_pickle=False) as file:
            n_weights = sum(name.startswith("weights_") for name in file.files)
            return cls(
                str(file["kind"]),
                tuple(file[f"weights_{i}"] for i in range(n_weights)),
                file["x0"],
                file["inputs"],
                file["pool"],
            )


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes:
        title: what the network is.
        file: in the directory of workloads; None for a network that is made here.
        n_expected: the known number of its fixed points, if it is known.
        peer: whether FixedPointFinder takes such a network.
    """

    title: str
    file: str | None = None
    n_expected: int | None = None
    peer: bool = True


ROWS = {
    "W1": Row("GRU, 32 units", "W1_gru32.npz", 27),
    "W2": Row("GRU, 128 units", "W2_gru128.npz", 1),
    "W3": Row("tanh, 256 units", "W3_tanh256.npz", 27),
    "S": Row("tanh, 16 units"),
    "LSTM": Row("LSTM, 32 units", peer=False),
    "STACK": Row("2 GRU layers of 24", peer=False),
    "RANDOM": Row("tanh, 150 units, random"),
}


def from_workload(path: Path) -> Network:
    """Return one of the trained workloads."""
    with np.load(path, allow_pickle=False) as data:
        names = ("keras_kernel", "keras_recurrent_kernel", "keras_bias")
        weights = tuple(data[name] for name in names)
        pool = data["hidden_traj"].reshape(-1, int(data["n_hidden"]))
        return Network(str(data["kind"]), weights, data["x0"], data["inputs"], pool)


def _with_starts(kind, weights, inputs, states, n_starts, rng) -> Network:
    """Draw starts as FixedPointFinder's example, on trajectories plus noise."""
    pool = states.reshape(-1, states.shape[-1]).astype(np.float32)
    drawn = pool[rng.integers(len(pool), size=n_starts)]
    x0 = drawn + NOISE * rng.normal(size=drawn.shape)
    weights = tuple(np.asarray(w, dtype=np.float32) for w in weights)
    return Network(kind, weights, x0.astype(np.float32), inputs, pool)


def make_random(n_units=150, gain=1.5, seed=0, n_starts=1024) -> Network:
    """Draw Gaussian weights of a gain above one (Sompolinsky, Crisanti & Sommers 1988).

    Nobody trained it and the search was not tuned on it. No bias and no input, so that
    with every fixed point x there is the fixed point -x. Of the seeds 0 to 5, this one had
    the most fixed points.
    """
    rng = np.random.default_rng(seed)
    recurrent = gain / np.sqrt(n_units) * rng.normal(size=(n_units, n_units))
    weights = (np.zeros((1, n_units)), recurrent, np.zeros(n_units))
    inputs = np.zeros((1, 1), dtype=np.float32)
    judge = Judge("tanh", weights, inputs)
    x, states = rng.uniform(-1.0, 1.0, size=(64, n_units)), []
    for _ in range(100):
        x = judge.step(x)
        states.append(x)
    return _with_starts("tanh", weights, inputs, np.stack(states, 1), n_starts, rng)


def make_flip_flop(kind: str, units: int, n_starts: int, seed: int = 0) -> Network:
    """Train the 3-bit flip-flop, and print its performance."""
    import keras

    from fixedpoint_tf import tasks

    rng = np.random.default_rng(seed)
    keras.utils.set_random_seed(seed)
    if kind == "stacked_gru":
        inputs = keras.Input((None, 3))
        cells = [keras.layers.GRUCell(units, seed=i) for i in range(2)]
        states = keras.layers.RNN(cells, return_sequences=True, name="rnn")(inputs)
        model = keras.Model(inputs, keras.layers.Dense(3)(states))
        tasks.train(model, *tasks.flip_flop(rng, 512), epochs=100)
    else:
        model = tasks.train_flip_flop(seed, cell=kind, units=units)
    trial_inputs, targets = tasks.flip_flop(np.random.default_rng(seed + 1), 128)
    error = np.mean((model.predict(trial_inputs, verbose=0) - targets) ** 2)
    print(f"trained {kind} of {units} units: squared error {error:.2g} on new trials")
    weights = tuple(model.get_layer("rnn").get_weights())
    constant = np.zeros((1, 3), dtype=np.float32)
    n_states = units if kind in ("tanh", "gru") else 2 * units
    states = Judge(kind, weights, constant).run(trial_inputs.astype(np.float64), n_states)
    return _with_starts(kind, weights, constant, states, n_starts, rng)


MAKERS = {
    "S": lambda: make_flip_flop("tanh", 16, 300),
    "LSTM": lambda: make_flip_flop("lstm", 32, 1024),
    "STACK": lambda: make_flip_flop("stacked_gru", 24, 1024),
    "RANDOM": make_random,
}


if __name__ == "__main__":
    MAKERS[sys.argv[1]]().save(Path(sys.argv[2]))
