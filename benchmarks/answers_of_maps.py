"""Systems whose answers are known exactly, and networks trained elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from answers import Fact

from fixedpoint_tf import DynamicalSystem, FixedPointFinder, FixedPoints, as_system
from fixedpoint_tf.analysis import (
    certify,
    classify_attractors,
    continue_branches,
    find_connections,
    find_cycles,
)

EXACT = 1e-6


def _exact(case: str, known: str, error: float) -> Fact:
    return Fact(case, f"{known}, to {EXACT:.0e}", f"off by {error:.1e}", error < EXACT)


def _bifurcations(branches, kind: str) -> np.ndarray:
    kinds = np.array(branches.bifurcation_types)
    return branches.bifurcation_s[kinds == kind] if len(kinds) else np.zeros(0)


def _off(found: np.ndarray, known: list[float]) -> float:
    """Return the largest error of sorted numbers, infinite where their counts differ."""
    found = np.sort(np.asarray(found, float).ravel())
    return np.abs(found - np.sort(known)).max() if len(found) == len(known) else np.inf


def normal_forms(_: int) -> list[Fact]:
    facts = []
    one = {"n_states": 1, "n_inputs": 1}
    path = lambda s: np.array([s])  # noqa: E731

    fold = as_system(lambda x, u: x + u - x**2, **one)
    found = continue_branches(
        fold, FixedPoints(xstar=[[1.0]]), path, start=1.0, s_range=(-1, 1)
    )
    facts.append(
        _exact("saddle-node", "fold at u = 0", _off(_bifurcations(found, "saddle-node"), [0.0]))
    )

    fork = as_system(lambda x, u: x + u * x - x**3, **one)
    found = continue_branches(
        fork, FixedPoints(xstar=[[0.0]]), path, start=-1.0, s_range=(-1, 1)
    )
    facts.append(
        _exact(
            "pitchfork",
            "branches cross at u = 0",
            _off(_bifurcations(found, "branch point"), [0.0]),
        )
    )

    weight = 2.0
    unit = as_system(lambda x, u: tf.tanh(weight * x + u), **one)
    x = np.sqrt(1 - 1 / weight)
    edge = np.arctanh(x) - weight * x
    found = continue_branches(
        unit, FixedPoints(xstar=[[-0.99]]), path, start=-1.0, s_range=(-1, 1)
    )
    facts.append(
        _exact(
            "tanh unit with memory",
            "two folds",
            _off(_bifurcations(found, "saddle-node"), [edge, -edge]),
        )
    )

    logistic = as_system(lambda x, u: (3.0 + u) * x * (1 - x), **one)
    found = continue_branches(
        logistic, FixedPoints(xstar=[[0.6]]), path, start=-0.5, s_range=(-0.5, 0.5)
    )
    facts.append(
        _exact(
            "logistic map",
            "period doubling at r = 3",
            _off(_bifurcations(found, "period doubling"), [0.0]),
        )
    )

    def delayed(h, u):
        x, y = h[:, :1], h[:, 1:]
        return tf.concat([(2.0 + u) * x * (1 - y), x], axis=1)

    found = continue_branches(
        as_system(delayed, n_states=2, n_inputs=1),
        FixedPoints(xstar=[[0.4, 0.4]]),
        path,
        start=-0.3,
        s_range=(-0.3, 0.2),
    )
    facts.append(
        _exact(
            "delayed logistic map",
            "Neimark-Sacker at r = 2",
            _off(_bifurcations(found, "Neimark-Sacker"), [0.0]),
        )
    )

    r = 3.3
    found = find_cycles(
        as_system(lambda x, _: r * x * (1 - x), n_states=1, n_inputs=0), [[0.3]], max_period=2
    )
    orbit = [(r + 1 + sign * np.sqrt((r - 3) * (r + 1))) / (2 * r) for sign in (-1, 1)]
    two = np.flatnonzero(found.period == 2)
    off = _off(found.orbit(two[0]), orbit) if len(two) else np.inf
    facts.append(_exact("logistic map at r = 3.3", "the cycle of period 2", off))
    multiplier = found.multipliers[two[0], 0] if len(two) else np.nan
    facts.append(
        _exact(
            "logistic map at r = 3.3",
            "its multiplier 4 + 2r - r²",
            abs(multiplier - (4 + 2 * r - r * r)),
        )
    )

    mu, theta = 0.09, 2.0 * np.pi * (np.sqrt(5) - 1) / 20
    turn = np.array([[np.cos(theta), np.sin(theta)], [-np.sin(theta), np.cos(theta)]])

    def neimark_sacker(h, u):
        radius2 = tf.reduce_sum(h * h, axis=1, keepdims=True)
        return (1 + mu - radius2) * (h @ tf.constant(turn, h.dtype))

    found = find_cycles(as_system(neimark_sacker, n_states=2, n_inputs=0), [[0.1, 0.0]])
    facts.append(
        _exact(
            "Neimark-Sacker normal form",
            "the period 2π/θ",
            _off(found.period, [2 * np.pi / theta]),
        )
    )
    facts.append(
        _exact(
            "Neimark-Sacker normal form", "the radius √μ", _off(found.amplitude, [np.sqrt(mu)])
        )
    )
    crosswise = np.abs(found.multipliers[0])[-1] if found.n else np.nan
    known = (1 - 2 * mu) ** (2 * np.pi / theta)
    facts.append(
        _exact(
            "Neimark-Sacker normal form", "the multiplier (1 - 2μ)^T", abs(crosswise - known)
        )
    )

    mu, omega = 0.25, 2.0

    def hopf(h, u):
        x, y = h[:, :1], h[:, 1:]
        r2 = x * x + y * y
        return tf.concat([mu * x - omega * y - x * r2, omega * x + mu * y - y * r2], axis=1)

    flow = as_system(hopf, n_states=2, n_inputs=0, time="continuous")
    found = find_cycles(flow, [[0.1, 0.0]], dt=0.02)
    facts.append(
        _exact("Hopf normal form", "the period 2π/ω", _off(found.period, [2 * np.pi / omega]))
    )
    known = [np.exp(-4 * np.pi * mu / omega), 1.0]
    facts.append(
        _exact(
            "Hopf normal form",
            "the multipliers 1 and exp(-4πμ/ω)",
            _off(np.abs(found.multipliers), known),
        )
    )
    return facts


def _tanh_network(rng: np.random.Generator, n: int, gain: float) -> keras.Layer:
    cell = keras.layers.SimpleRNNCell(n)
    cell.build((None, 1))
    cell.set_weights(
        [np.zeros((1, n)), gain * rng.standard_normal((n, n)) / np.sqrt(n), np.zeros(n)]
    )
    return cell


def random_networks(_: int) -> list[Fact]:
    facts = []
    for gain, known in (
        (0.5, "exactly one fixed point, at 0"),
        (1.5, "one fixed point or many"),
    ):
        numbers, certified = [], []
        for seed in range(10):
            rng = np.random.default_rng(seed)
            finder = FixedPointFinder(_tanh_network(rng, 32, gain), verbose=False)
            starts = rng.uniform(-1, 1, (256, 32))
            unique, _ = finder.find_fixed_points(starts, [[0.0]])
            numbers.append(unique.fixed.n)
            certified.append(int(finder.certify(unique.fixed).certified.sum()))
        agrees = certified == numbers and (gain > 1 or numbers == [1] * 10)
        facts.append(
            Fact(
                f"10 random tanh networks, gain {gain:g}",
                known + "; each certified",
                f"{min(numbers)} to {max(numbers)} points; "
                f"{sum(certified)} of {sum(numbers)} certified",
                agrees,
            )
        )
    return facts


def false_certificates(_: int) -> list[Fact]:
    """Certify states that linger where a saddle-node has just vanished, without a point.

    One unit is tanh(w x + b), with b beyond the fold by a little; the others are drawn to
    it. At the place of the vanished point the speed is as small as one likes.
    """
    rng = np.random.default_rng(0)
    n_false, n_made, speeds = 0, 0, []
    weight, n = 1.5, 8
    x = np.sqrt(1 - 1 / weight)
    fold = np.arctanh(x) - weight * x
    for gap in np.logspace(-2, -9, 50):
        # The fold at negative b leaves the upper point first: below it only one is left.
        recurrent = np.zeros((n, n))
        recurrent[0, 0] = weight
        recurrent[0, 1:] = rng.normal(size=n - 1) * 0.3
        cell = keras.layers.SimpleRNNCell(n)
        cell.build((None, 1))
        cell.set_weights([np.zeros((1, n)), recurrent, np.r_[fold - gap, np.zeros(n - 1)]])
        first = x + 0.3 * np.sqrt(gap) * rng.standard_normal(20)
        others = np.tanh(first[:, None] * recurrent[0, 1:])
        states = np.column_stack([first, others])
        answer = certify(cell, states, inputs=[[0.0]])
        system = as_system(cell)
        step = np.asarray(system.step(states, np.zeros((1, 1)))) - states
        speeds.append(0.5 * np.square(step).sum(axis=1).max())
        n_false, n_made = n_false + int(answer.certified.sum()), n_made + len(states)
    return [
        Fact(
            "slow points where a saddle-node has vanished",
            "none is a fixed point",
            f"{n_false} of {n_made:,} certified; "
            f"speeds q from {max(speeds):.0e} to {min(speeds):.0e}",
            n_false == 0 and n_made >= 1000,
        )
    ]


def _leaky_relu(path: Path) -> tuple[DynamicalSystem, FixedPoints]:
    """Return a low-rank leaky ReLU network, and its reference points at zero input."""
    with np.load(path) as file:
        data = {name: file[name] for name in file.files}
    alpha, n = float(data["alpha"]), len(data["m"])

    def step(h: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        bias, left, right, kernel = (
            tf.constant(data[name], h.dtype) for name in ("b_rec", "m", "n", "w_inp")
        )
        current = tf.nn.relu(h + bias) @ right @ tf.transpose(left) / n
        return (1 - alpha) * h + alpha * (current + u @ kernel)

    system = as_system(step, n_states=n, n_inputs=len(data["w_inp"]))
    x = data["zero.xstar"]
    inputs = np.tile(data["zero.input"], (len(x), 1))
    points = FixedPoints(xstar=x, inputs=inputs, status=np.zeros(len(x), np.int8))
    return system, points


def shared_networks(data: Path, _: int) -> list[Fact]:
    rng = np.random.default_rng(0)
    facts = []
    for name in ("relu_lowrank_osc_rnn", "relu_lowrank_reach_rnn"):
        system, known = _leaky_relu(data / f"{name}.npz")
        finder = FixedPointFinder(system, verbose=False)
        scale = 1.0 + np.abs(known.xstar).max()
        starts = rng.uniform(-2 * scale, 2 * scale, (512, system.n_states))
        starts = np.vstack([starts, rng.normal(0, 0.1 * scale, (512, system.n_states))])
        found = finder.find_fixed_points(starts, known.inputs[:1])[0].fixed
        gaps = np.linalg.norm(found.xstar[:, None] - known.xstar, axis=2)
        missed = (gaps.min(axis=0) > 1e-5).sum()
        invented = (gaps.min(axis=1) > 1e-5).sum()
        facts.append(
            Fact(
                name,
                f"{known.n} fixed points, by enumeration",
                f"{found.n} found: {missed} missed, {invented} others",
                missed == 0 and invented == 0,
            )
        )
        if name == "relu_lowrank_osc_rnn":
            states = known.xstar + rng.normal(0, 0.3, (8, system.n_states))
            cycles = find_cycles(system, states, known.inputs[:1], max_period=0)
            sizes = np.abs(cycles.multipliers[0])[:3] if cycles.n else np.zeros(0)
            period = cycles.period[0] if cycles.n else np.nan
            facts.append(
                Fact(
                    name,
                    "one stable cycle of about 50 steps around the focus",
                    f"{cycles!r}; period {period:.4f}, multipliers {sizes.round(4).tolist()}",
                    cycles.n == 1 and 45 < period < 55 and bool(cycles.is_stable[0]),
                )
            )
            continue
        ways = find_connections(system, found)
        matrix, _ = ways.adjacency()
        around = np.linalg.matrix_power(matrix + np.eye(len(matrix), dtype=int), len(matrix))
        ring = len(matrix) == 8 and (matrix.sum(axis=1) == 2).all() and (around > 0).all()
        facts.append(
            Fact(name, "8 attractors and 8 saddles, joined in a ring", f"{ways!r}", bool(ring))
        )
        facts.append(
            Fact(
                name,
                "16 of the points on a ring",
                f"{classify_attractors(system, found, min_time_constant=50.0)!r}",
                "ring of 16"
                in repr(classify_attractors(system, found, min_time_constant=50.0)),
            )
        )
    return facts


PARTS: dict[str, Callable[[int], list[Fact]]] = {
    "normal_forms": normal_forms,
    "random_networks": random_networks,
    "false_certificates": false_certificates,
}
