"""Proofs of piecewise-linear networks, against enumeration in rational numbers."""

import itertools
from fractions import Fraction

import keras
import numpy as np
import pytest
import tensorflow as tf
from reference import leaky_relu_network, load, meta

from fixedpoint_tf import FixedPointFinder, as_system
from fixedpoint_tf.analysis import CompletenessCode, prove_complete
from fixedpoint_tf.analysis.completeness.proof.active_sets import (
    Rectifiers,
    all_sets,
    solve_active_sets,
)
from fixedpoint_tf.analysis.completeness.proof.limits import Limits
from fixedpoint_tf.analysis.completeness.proof.pruned_sets import bound_outputs, prune_sets
from fixedpoint_tf.analysis.completeness.proof.regions import LowRank
from fixedpoint_tf.systems.cells import PiecewiseLinear


def solve_rationally(V, c, rectified, below):
    """All fixed points of ``y = f(V y + c)``; None where some active set is singular."""
    n = len(c)
    V = [[Fraction(float(v)) for v in row] for row in V]
    points = set()
    for signs in itertools.product(*([1, -1] if r else [0] for r in rectified)):
        slopes = [
            Fraction(float(below[i])) if s < 0 else Fraction(1) for i, s in enumerate(signs)
        ]
        rows = [
            [int(i == j) - slopes[i] * V[i][j] for j in range(n)] + [slopes[i] * c[i]]
            for i in range(n)
        ]
        for k in range(n):
            pivot = next((r for r in range(k, n) if rows[r][k] != 0), None)
            if pivot is None:
                return None
            rows[k], rows[pivot] = rows[pivot], rows[k]
            rows[k] = [a / rows[k][k] for a in rows[k]]
            for r in range(n):
                if r != k:
                    rows[r] = [
                        a - rows[r][k] * b for a, b in zip(rows[r], rows[k], strict=True)
                    ]
        y = [row[-1] for row in rows]
        z = [c[i] + sum(v * x for v, x in zip(V[i], y, strict=True)) for i in range(n)]
        if all(s * a >= 0 for s, a in zip(signs, z, strict=True)):
            points.add(tuple(y))
    return points


def draw(kind, rng):
    """A small network of low rank: weights, offset, rectified units, slopes below."""
    n = int(rng.integers(3, 7))
    r = int(rng.integers(1, 3))
    left, right = rng.normal(size=(n, r)), rng.normal(size=(r, n))
    c = rng.normal(size=n)
    if kind == "whole numbers":  # fixed points on thresholds, singular active sets
        left, right = rng.integers(-2, 3, size=(n, r)), rng.integers(-2, 3, size=(r, n)) / 4
        c = rng.integers(-2, 3, size=n).astype(float)
    elif kind == "without an offset":
        c *= 0.0
    V = np.float64(np.float32(1.5 * left @ right))  # of low rank but for rounding
    if kind == "equal units":
        V[1], c[1] = V[0], c[0]
    elif kind == "silent units":
        V[:2], c[1] = 0.0, 0.0
    if rng.random() < 0.5:
        V = -np.abs(V)
    rectified = rng.random(n) < 0.9
    below = np.where(rng.random(n) < 0.5, 0.0, rng.choice([0.25, -0.5, 1.5], size=n))
    return V, c, rectified, below


@pytest.mark.parametrize(
    "kind", ["any", "whole numbers", "without an offset", "equal units", "silent units"]
)
def test_the_points_are_those_of_rational_enumeration(kind):
    n_compared, limits = 0, Limits(10**6, np.inf)
    for seed in range(40):
        V, c, rectified, below = draw(kind, np.random.default_rng(seed))
        equations = Rectifiers(V, [Fraction(float(v)) for v in c], rectified, below)
        truth = solve_rationally(V, equations.offset, rectified, below)
        low_rank = LowRank.of(equations)
        every = solve_active_sets(equations, all_sets(equations), limits)
        answers = [(every, 0)]
        if low_rank is not None:
            found = low_rank.candidates(limits)
            roots = solve_active_sets(equations, iter([found.active]), limits)
            answers.append((roots, found.n_open))
        outputs = bound_outputs(equations)
        if outputs is not None:
            found = prune_sets(equations, outputs, 10**6, limits)
            roots = solve_active_sets(equations, iter([found.active]), limits)
            assert not found.timed_out, seed
            answers.append((roots, found.n_open))
        for roots, n_open in answers:
            if truth is None:
                continue
            n_compared += 1
            assert n_open == roots.n_open == 0, seed
            assert len(roots.y) == len(truth), seed
            exact = np.array([[float(v) for v in y] for y in truth]).reshape(-1, len(c))
            for y, radius in zip(roots.y, roots.radius, strict=True):
                assert np.abs(exact - y).max(axis=1).min() <= radius + 1e-15, seed
    assert n_compared > 30


def relu_cell(V, c, activation="relu"):
    cell = keras.layers.SimpleRNNCell(len(c), activation=activation)
    cell.build((None, 1))
    cell.set_weights([np.zeros((1, len(c))), V.T, c])
    return cell


def prove(network, form=None, **options):
    system = as_system(network, **options)
    u = np.zeros((1, system.n_inputs))
    return prove_complete(system, np.zeros((0, system.n_states)), inputs=u, form=form)


def ring(n):
    """A network of rank two with as many stable points as its bumps have places."""
    angles = 2.0 * np.pi * np.arange(n) / n
    plane = np.column_stack([np.cos(angles), np.sin(angles)])
    return 4.0 * plane @ plane.T / n * (1.0 + 0.3 * np.cos(4.0 * angles))[None, :]


@pytest.mark.parametrize("n", [60, 300])
def test_a_hidden_point_of_a_low_rank_network_turns_up(n):
    rng = np.random.default_rng(n)
    V = ring(n) * 2.2
    cell = relu_cell(V, -0.5 + 0.3 * rng.random(n))
    found = prove(cell)
    assert (
        found.is_complete
        and found.methods[0] == "active sets of regions in 2 dimensions, in the whole space"
    )
    assert len(found.xstar) > 2
    image = as_system(cell).step(found.xstar, np.zeros((len(found.xstar), 1))).numpy()
    np.testing.assert_allclose(image, found.xstar, atol=1e-9)
    for hidden in range(len(found.xstar)):
        rest = np.delete(found.xstar, hidden, axis=0)
        again = prove_complete(cell, rest, inputs=[[0.0]])
        assert again.is_complete and again.new.n == 1
        np.testing.assert_allclose(again.new.xstar[0], found.xstar[hidden], atol=1e-9)


def test_a_segment_of_points_of_a_low_rank_network_is_never_complete():
    n = 64
    V = np.ones((n, n)) / n  # all states with equal entries above zero rest
    assert prove(relu_cell(V, np.zeros(n))).codes == (CompletenessCode.UNDECIDED,)
    found = prove(relu_cell(V, -np.ones(n) * 0.25))
    assert found.is_complete and found.xstar.tolist() == [[0.0] * n]


@pytest.mark.parametrize("n", [12, 60])
def test_zero_is_the_only_point_without_an_offset(n):
    rng = np.random.default_rng(n)
    V = rng.normal(size=(n, 2)) @ rng.normal(size=(2, n)) / n
    found = prove(relu_cell(V, np.zeros(n)))
    assert found.is_complete and found.xstar.tolist() == [[0.0] * n]


def test_independent_blocks_of_relu_units_are_proved_one_by_one():
    V = np.kron(np.eye(12), np.array([[0.5, -2.0], [-2.0, 0.5]]))
    found = prove(relu_cell(V[:16, :16], np.ones(16)))
    assert found.is_complete and len(found.xstar) == 3**8
    assert found.methods[0].startswith("8 independent blocks, each by all active sets")
    assert prove(relu_cell(V, np.ones(24))).codes == (CompletenessCode.LIMIT,)


def test_bounds_of_outputs_hold_all_fixed_points():
    n_bounded = 0
    for seed in range(60):
        V, c, rectified, below = draw("any", np.random.default_rng(seed))
        V *= 0.2
        equations = Rectifiers(V, [Fraction(float(v)) for v in c], rectified, below)
        outputs = bound_outputs(equations)
        truth = solve_rationally(V, equations.offset, rectified, below)
        if outputs is None or truth is None:
            continue
        n_bounded += 1
        for y in truth:
            exact = np.array([float(v) for v in y])
            assert (outputs.lower <= exact + 1e-12).all(), seed
            assert (outputs.upper >= exact - 1e-12).all(), seed
    assert n_bounded > 20


def test_an_inhibitory_network_beyond_all_active_sets_is_proved():
    n = 30
    rng = np.random.default_rng(2)
    V = -np.abs(rng.normal(size=(n, n))) / np.sqrt(n)
    np.fill_diagonal(V, 0.0)
    V[:2, :2] = [[0.0, -3.0], [-3.0, 0.0]]  # two of them silence each other
    cell = relu_cell(V, np.r_[2.0, 2.0, 0.5 + rng.random(n - 2)])
    found = prove(cell)
    assert found.is_complete and found.methods[0].startswith(
        "branch and bound over active sets"
    )
    assert len(found.xstar) == 3
    image = as_system(cell).step(found.xstar, np.zeros((len(found.xstar), 1))).numpy()
    np.testing.assert_allclose(image, found.xstar, atol=1e-9)
    again = prove_complete(cell, found.xstar[1:], inputs=[[0.0]])
    assert again.is_complete and again.new.n == 1


def test_as_many_points_as_active_sets_are_found():
    n = 11  # every choice of active units holds a point where all compete alike
    V = -1.5 * (np.ones((n, n)) - np.eye(n))
    found = prove(relu_cell(V, np.ones(n)))
    assert found.is_complete and len(found.xstar) == 2**n - 1


def leaky(V, B, b, threshold, time="discrete"):
    """``x + a (V f(x + threshold) + B u + b - x)`` with a leaky ReLU, and its form."""
    below = 0.125

    def step(x, u):
        y = tf.nn.leaky_relu(x + tf.constant(threshold, x.dtype), alpha=below)
        goal = tf.matmul(y, tf.constant(V.T, x.dtype)) + tf.matmul(u, tf.constant(B.T, x.dtype))
        way = goal + tf.constant(b, x.dtype) - x
        return 5.0 * way if time == "continuous" else x + 0.2 * way

    rectified = np.ones(len(b), dtype=bool)
    form = PiecewiseLinear(
        V, B, b + threshold, rectified, slope_below=below, threshold=threshold
    )
    return step, form


@pytest.mark.parametrize("time", ["discrete", "continuous"])
def test_a_leaky_network_given_as_a_function_is_proved_by_its_form(time):
    rng = np.random.default_rng(3)
    n = 50
    V = ring(n) * 2.0
    B, b, threshold = rng.normal(size=(n, 1)), rng.normal(size=n) * 0.1, rng.normal(size=n)
    step, form = leaky(V, B, b, threshold, time)
    options = {"n_states": n, "n_inputs": 1, "time": time}
    assert not prove(step, **options).is_complete
    found = prove(step, form, **options)
    assert found.is_complete and len(found.xstar) >= 1
    system = as_system(step, **options)
    image = system.step(found.xstar, np.zeros((len(found.xstar), 1))).numpy()
    goal = 0.0 if time == "continuous" else found.xstar
    np.testing.assert_allclose(image - goal, 0.0, atol=1e-9)


def test_a_form_of_another_network_is_refused():
    rng = np.random.default_rng(0)
    V, B, b, threshold = ring(6), np.ones((6, 1)), rng.normal(size=6), rng.normal(size=6)
    step, form = leaky(V, B, b, threshold)
    options = {"n_states": 6, "n_inputs": 1}
    other = leaky(V, B, b + 1e-3, threshold)[1]
    with pytest.raises(ValueError, match="piecewise linear form"):
        prove(step, other, **options)
    with pytest.raises(ValueError, match="form: expected weights of shapes"):
        prove(step, leaky(V[:3, :3], B[:3], b[:3], threshold[:3])[1], **options)
    with pytest.raises(TypeError, match="form: expected a PiecewiseLinear"):
        prove(step, V, **options)


@pytest.mark.parametrize("name", ["relu_lowrank_reach_rnn", "relu_lowrank_osc_rnn"])
def test_trained_networks_have_exactly_the_points_known(name):
    data = load("rnn", f"{name}.npz")
    n = len(data["m"])
    form = PiecewiseLinear(
        data["m"] @ data["n"].T / n,
        data["w_inp"].T,
        data["b_rec"],
        np.ones(n, dtype=bool),
        threshold=data["b_rec"],
    )
    for case in meta(data)["cases"]:
        u, known = (data[f"{case['input']}.{part}"] for part in ("input", "xstar"))
        finder = FixedPointFinder(
            leaky_relu_network(data), n_states=n, n_inputs=len(u), verbose=False
        )
        found = finder.prove_complete(known[1:], inputs=u[None], form=form)
        assert found.is_complete and len(found.xstar) == case["n_fp"] == len(known)
        assert found.new.n == 1  # the one that was hidden
        np.testing.assert_allclose(found.new.xstar[0], known[0], atol=1e-9)


def test_products_that_underflow_decide_nothing():
    # Three times 0.6 u less 2 u is -0.2 u: rounded, with u the smallest number, it is u.
    u = 5e-324
    V, b = np.zeros((7, 7)), np.zeros(7)
    b[:3] = 0.6
    V[3, :3], b[3] = u, -2.0 * u
    V[4, 3], V[5, 4] = 1e308, 1e17
    V[6, 6], V[6, 5], b[6] = 2.0, 1.0, -1.0  # bistable while the fourth unit is silent
    cell = keras.layers.SimpleRNNCell(7, activation="relu", dtype="float64")
    cell.build((None, 1))
    cell.set_weights([np.zeros((1, 7)), V.T, b])
    found = prove_complete(cell, np.zeros((0, 7)), inputs=[[0.0]])
    assert found.codes == ("complete",)
    assert found.xstar[:, 6].tolist() == [0.0, 1.0]


def test_weights_that_are_no_numbers_are_refused_and_points_beyond_them_left_open():
    for weight in (np.nan, np.inf):
        cell = keras.layers.SimpleRNNCell(1, activation="relu", dtype="float64")
        cell.build((None, 1))
        cell.set_weights([np.zeros((1, 1)), np.array([[weight]]), np.zeros(1)])
        with pytest.raises(ValueError, match="finite"):
            prove_complete(cell, np.zeros((0, 1)), inputs=[[0.0]])
    nearly_one = np.array([[np.nextafter(1.0, 0.0)]])
    cell.set_weights([np.zeros((1, 1)), nearly_one, np.array([1e300])])
    found = prove_complete(cell, np.zeros((0, 1)), inputs=[[0.0]])
    assert found.codes == ("undecided",)


def test_a_form_that_is_slightly_wrong_is_refused():
    rng = np.random.default_rng(0)
    V, b = rng.normal(size=(6, 6)) / 3.0, rng.normal(size=6)
    network = as_system(
        lambda h, u: tf.nn.relu(h @ tf.constant(V.T, h.dtype) + b), n_states=6, n_inputs=0
    )
    none, relu = np.zeros((6, 0)), np.ones(6, bool)
    points = np.zeros((0, 6))
    right = prove_complete(network, points, form=PiecewiseLinear(V, none, b, relu))
    assert right.codes == ("complete",) and len(right.xstar)
    with pytest.raises(ValueError, match="form"):
        prove_complete(network, points, form=PiecewiseLinear(V, none, b + 1e-6, relu))
    for parts, what in (
        ((V, none, b[:5], relu), "^bias: expected shape"),
        ((V * np.nan, none, b, relu), "^recurrent: expected finite numbers"),
    ):
        with pytest.raises(ValueError, match=what):
            prove_complete(network, points, form=PiecewiseLinear(*parts))
