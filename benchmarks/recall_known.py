"""Networks whose fixed points are known, and Newton's method in NumPy: the common part."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import itertools
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from scipy.optimize import brentq

Step = Callable[[np.ndarray], np.ndarray]

N_STARTS = 1024
NOISE = 0.5  # standard deviation of the noise on the starts, as in README

#: Where trained networks and the results of long searches are kept.
FOLDER = Path(os.environ.get("RECALL_CACHE", Path(tempfile.gettempdir()) / "recall"))


@dataclasses.dataclass(frozen=True)
class Known:
    """A network with the fixed points that it has.

    Attributes:
        rnn: what the finder takes.
        n_states: number of states.
        step: the update in NumPy, ``(n, n_states)`` to the same.
        truth: ``(n_points, n_states)``.
        form: kind of network and its arrays, from which ``recall_peer.py`` builds it again.
        by: how the truth is known: ``"units"``, ``"enumeration"``, ``"search"`` or
            ``"proof"``.
        options: of the finder.
        n_inputs: inputs of the network, which are zero.
        size: of the states, at which trajectories begin.
        pool: ``(n, n_states)``, states on trials of a trained network; else starts are drawn
            from free trajectories.
        n_starts: number of starts.
    """

    rnn: Any
    n_states: int
    step: Step
    truth: np.ndarray
    form: tuple[str, dict[str, np.ndarray]]
    by: str = "units"
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    n_inputs: int = 1
    size: float = 1.0
    pool: np.ndarray | None = None
    n_starts: int = N_STARTS

    @property
    def complete(self) -> bool:
        """True if the truth is all points, not those of a long search."""
        return self.by != "search"

    def starts(self, seed: int, n_starts: int | None = None) -> np.ndarray:
        """Return states on trajectories plus noise, ``(n_starts, n_states)``."""
        rng = np.random.default_rng(seed)
        pool = self.pool
        if pool is None:
            x = self.size * rng.uniform(-1.0, 1.0, size=(64, self.n_states))
            states = []
            for _ in range(50):
                x = self.step(x)
                states.append(x)
            pool = np.concatenate(states)
            pool = pool[np.abs(pool).max(axis=1) < 10.0 * self.size]  # some run away
        drawn = pool[rng.integers(len(pool), size=n_starts or self.n_starts)]
        return drawn + NOISE * rng.normal(size=drawn.shape)


def kept(name: str, make: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return arrays from the folder, made and stored where they are not in it."""
    path = FOLDER / f"{name}.npz"
    if not path.is_file():
        arrays = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new.npz")
        np.savez(fresh, **arrays)
        os.replace(fresh, path)
    with np.load(path, allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def searched(
    name: str, arrays: list[np.ndarray], search: Callable[[], np.ndarray]
) -> np.ndarray:
    """Return the points of a long search, from the folder where it was made before."""
    digest = hashlib.sha256(name.encode())
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return kept(f"truth-{digest.hexdigest()[:16]}", lambda: {"points": search()})["points"]


def roots(function: Callable[[np.ndarray], np.ndarray], reach: float) -> np.ndarray:
    """Return all simple roots of a scalar function within ``[-reach, reach]``."""
    grid = np.linspace(-reach, reach, 40_001) + 1.234e-7  # no root stands on the grid
    value = function(grid)
    left = np.flatnonzero(np.sign(value[:-1]) != np.sign(value[1:]))
    solve = [brentq(function, grid[i], grid[i + 1], xtol=1e-15) for i in left]
    return np.array(solve)


def combinations(of_units: list[np.ndarray]) -> np.ndarray:
    """Return every choice of one root a unit, ``(n_points, n_units)``."""
    return np.array(list(itertools.product(*of_units)))


def newton(
    step: Step,
    x: np.ndarray,
    n_iters: int = 40,
    longest: float = 1.0,
    jacobian: Step | None = None,
) -> np.ndarray:
    """Return the distinct fixed points that Newton's method arrives at."""
    h, arrived = newton_from(step, x, n_iters, longest, jacobian)
    return distinct(h[arrived])


def newton_from(
    step: Step,
    x: np.ndarray,
    n_iters: int = 40,
    longest: float = 1.0,
    jacobian: Step | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return where each start arrives, and whether at a fixed point; by default by differences.

    A start that has arrived makes no further step.
    """
    jacobian = jacobian or functools.partial(difference, step)
    every, eye = x.copy(), np.eye(x.shape[1])
    arrived = np.zeros(len(x), dtype=bool)
    for rows in np.array_split(np.arange(len(x)), max(1, len(x) // 256)):
        active, slight = rows, 1e-13 * np.random.default_rng(0).normal(size=eye.shape)
        for _ in range(n_iters):
            h = every[active]
            r, A = step(h) - h, jacobian(h) - eye + slight
            move = -np.linalg.solve(A, r[..., None])[..., 0]
            length = np.linalg.norm(move, axis=1, keepdims=True)
            every[active] = h + move * np.minimum(1.0, longest / np.maximum(length, 1e-300))
            active = active[np.isfinite(every[active]).all(axis=1) & (length[:, 0] > 1e-13)]
            if not len(active):
                break
        fine = rows[np.isfinite(every[rows]).all(axis=1)]
        h = every[fine]
        arrived[fine] = np.linalg.norm(step(h) - h, axis=1) < 1e-10
    return every, arrived


def difference(step: Step, x: np.ndarray) -> np.ndarray:
    """Return Jacobians by central differences, ``(n, d, d)``."""
    d, eps = x.shape[1], 1e-6
    sides = [
        step((x[:, None] + sign * eps * np.eye(d)).reshape(-1, d)).reshape(len(x), d, d)
        for sign in (1.0, -1.0)
    ]
    return (sides[0] - sides[1]).transpose(0, 2, 1) / (2.0 * eps)


def distinct(points: np.ndarray, tolerance: float = 1e-6) -> np.ndarray:
    """Return points of which no two lie within the tolerance."""
    kept: list[np.ndarray] = []
    for x in points:
        if not kept or np.linalg.norm(np.array(kept) - x, axis=1).min() > tolerance:
            kept.append(x)
    return np.array(kept).reshape(-1, points.shape[1])


def single(array: Any) -> np.ndarray:
    """Return numbers as a Keras variable holds them, in double precision."""
    return np.asarray(array, np.float32).astype(np.float64)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def built(cell: Any, weights: list[np.ndarray], n_inputs: int = 1) -> Any:
    """Return a Keras cell with these weights."""
    cell.build((None, n_inputs))
    cell.set_weights(weights)
    return cell


def simple_rnn(recurrent: np.ndarray, bias: np.ndarray, activation: str = "tanh") -> Any:
    n = len(bias)
    cell = keras.layers.SimpleRNNCell(n, activation=activation)
    return built(cell, [np.zeros((1, n)), recurrent, bias])


def layer_form(
    recurrent: np.ndarray, bias: np.ndarray, activation: str = "tanh"
) -> tuple[str, dict[str, np.ndarray]]:
    return activation, {"recurrent": recurrent, "bias": bias}


def tanh_step(recurrent: np.ndarray, bias: np.ndarray) -> Step:
    return lambda x: np.tanh(x @ recurrent + bias)


def tanh_jacobian(recurrent: np.ndarray, bias: np.ndarray) -> Step:
    def jacobian(x):
        return (1.0 - np.tanh(x @ recurrent + bias) ** 2)[:, :, None] * recurrent.T

    return jacobian
