"""ReLU networks: within a linear region by linear algebra, at thresholds by all sides."""

import itertools

import keras
import numpy as np
import pytest
from keras import layers as L

from fixedpoint_tf import as_system
from fixedpoint_tf.analysis import certify
from fixedpoint_tf.analysis.certificates.bounds import norm_through
from fixedpoint_tf.analysis.certificates.proofs import Prover
from fixedpoint_tf.analysis.certificates.thresholds import prove_at_threshold
from fixedpoint_tf.systems.cells.curvature import as_arrays
from fixedpoint_tf.systems.cells.piecewise_linear import PiecewiseLinear


def relu_units(recurrent, bias):
    """``x' = relu(V x + b)`` in a Keras cell, ``V`` as ``recurrent``."""
    recurrent = np.asarray(recurrent, float)
    cell = L.SimpleRNNCell(len(recurrent), activation="relu", dtype="float64")
    cell.build((None, 1))
    cell.set_weights([np.zeros((1, len(recurrent))), recurrent.T, np.asarray(bias, float)])
    return as_system(cell)


def enumerated(V, b):
    """All fixed points, from the linear algebra of each set of active units."""
    n, found = len(b), []
    for bits in itertools.product([0.0, 1.0], repeat=n):
        active = np.array(bits)
        x = np.linalg.solve(np.eye(n) - active[:, None] * V, active * b)
        if ((V @ x + b > 0) == (active > 0)).all():
            found.append(x)
    return np.array(found).reshape(-1, n)


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e3])
@pytest.mark.parametrize("seed", range(4))
def test_all_points_of_random_relu_networks_are_proved_and_nothing_else(seed, size):
    rng = np.random.default_rng(seed)
    n_true = 0
    for n in range(2, 8):
        # Each unit feeds itself and silences the others: many sets of winners.
        V = np.diag(rng.uniform(0.2, 0.8, n))
        V -= rng.uniform(0.7, 1.5, (n, n)) * (1 - np.eye(n))
        b = size * rng.uniform(0.9, 1.1, n)
        true = enumerated(V, b)
        n_true += len(true)
        beside = true[rng.integers(len(true), size=40)]
        beside = beside + size * 10.0 ** rng.uniform(-12, 0, (40, 1)) * rng.normal(size=(40, n))
        system = relu_units(V, b)
        answer = certify(system, np.concatenate([true, beside]), inputs=[[0.0]])
        assert answer.proved[: len(true)].all() and answer.n_distinct == len(true)
        yes = np.flatnonzero(answer.certified)
        away = np.linalg.norm(np.concatenate([true, beside])[yes, None] - true, axis=2)
        assert (away.min(axis=1) <= answer.existence_radius[yes] + 1e-12 * size).all()
        assert ((away < answer.uniqueness_radius[yes, None]).sum(axis=1) == 1).all()
        active = (true @ V.T + b > 0)[away.argmin(axis=1)]
        unstable = (np.abs(np.linalg.eigvals(active[:, :, None] * V)) > 1).sum(axis=1)
        assert answer.n_unstable[yes].tolist() == unstable.tolist()
    assert n_true > 40


def tent(gap):
    """``a' = gap + a + |a| / 2`` with ``a = p - q`` of two ReLU units; and a third one."""
    V = np.array([[1.5, -0.5, 0.0], [-1.5, 0.5, 0.0], [0.3, 0.0, 0.5]])
    return relu_units(V, [gap, -gap, 0.2]), V


@pytest.mark.parametrize("gap", [1e-3, 1e-6, 1e-9, 1e-12, 1e-16, 1e-30, 1e-300])
def test_no_certificate_for_the_ghost_of_a_border_collision(gap):
    system, _ = tent(gap)
    rng = np.random.default_rng(0)
    a = np.concatenate([[0.0], 10.0 ** rng.uniform(-18, 0, 19)])
    a = a * np.where(np.arange(20) % 2, 1.0, -1.0)
    p, q = np.maximum(a, 0.0), np.maximum(-a, 0.0)
    x = np.stack([p, q, (0.3 * p + 0.2) / 0.5], axis=1)
    assert not certify(system, x, inputs=[[0.0]]).certified.any()


@pytest.mark.parametrize("gap", [1e-3, 1e-9, 1e-12])
def test_two_fixed_points_beside_a_threshold_are_two(gap):
    system, V = tent(-gap)
    true = enumerated(V, np.array([-gap, gap, 0.2]))
    answer = certify(system, true, inputs=[[0.0]])
    assert len(true) == 2 and answer.proved.all() and answer.n_distinct == 2


def test_at_rest_without_biases_every_unit_is_on_its_threshold():
    """``x = relu(V x)`` has 0 alone, whatever is added to it, where ``I - V`` is a P-matrix."""
    rng = np.random.default_rng(0)
    n_yes = n_no = 0
    for _ in range(40):
        n = int(rng.integers(1, 7))
        V = rng.uniform(0.2, 2.0) * rng.normal(size=(n, n)) / np.sqrt(n)
        sets = [list(s) for k in range(n) for s in itertools.combinations(range(n), k + 1)]
        minors = [np.linalg.det((np.eye(n) - V)[np.ix_(s, s)]) for s in sets]
        assert np.abs(minors).min() > 1e-6  # no set of units is nearly degenerate
        answer = certify(relu_units(V, np.zeros(n)), np.zeros((1, n)), inputs=[[0.0]])
        assert answer.proved.tolist() == [min(minors) > 0]
        n_yes, n_no = n_yes + (min(minors) > 0), n_no + (min(minors) < 0)
    assert n_yes > 10 and n_no > 5


def test_stability_on_a_threshold_is_said_only_where_all_sides_shrink_all_distances():
    shrinks = certify(relu_units([[-0.5]], [0.0]), [[0.0]], inputs=[[0.0]])
    assert shrinks.proved.all() and shrinks.n_unstable.tolist() == [0]
    undecided = certify(
        relu_units([[0.0, 1.2], [-1.2, 0.0]], [0.0, 0.0]), [[0.0, 0.0]], inputs=[[0]]
    )
    assert undecided.proved.all() and undecided.n_unstable.tolist() == [-1]


def test_one_unit_whose_sides_disagree_is_called_a_border_collision():
    answer = certify(relu_units([[2.0]], [0.0]), [[0.0]], inputs=[[0.0]])
    assert answer.codes == ["border"] and "two fixed points" in answer.reasons[0]
    assert repr(answer) == "0 of 1 point proved; 1 at a border collision"


@pytest.mark.parametrize(
    ("weights", "code"),
    [
        ([[1.5, -0.3], [-0.4, 1.6]], "border"),  # det(I - J): 0.18, -0.5, -0.6 and 1
        ([[0.5, 0.3], [-0.4, 0.6]], "certified"),  # 0.32, 0.5, 0.4 and 1
        ([[1.5, 0.0], [0.0, 0.5]], "border"),  # -0.25, -0.5, 0.5 and 1
    ],
)
def test_several_units_whose_sides_disagree_are_at_a_border_collision(weights, code):
    answer = certify(relu_units(weights, [0.0, 0.0]), [[0.0, 0.0]], inputs=[[0.0]])
    assert answer.codes == [code]


def test_many_units_at_their_thresholds_are_bounded_together():
    rng = np.random.default_rng(0)
    W = rng.normal(size=(40, 40))
    V = 0.8 * W / np.linalg.norm(W, 2)
    answer = certify(relu_units(V, np.zeros(40)), np.zeros((1, 40)), inputs=[[0.0]])
    assert answer.proved.all() and answer.n_unstable.tolist() == [0]
    # Silencing alone: |V| is large, but each side is triangular, with determinant one.
    V = -np.tril(rng.uniform(0, 0.3, (40, 40)), -1)
    network = PiecewiseLinear(V, np.zeros((40, 0)), np.zeros(40), np.ones(40, bool))
    assert prove_at_threshold(network, np.zeros(40), np.zeros(0), 0.0, 1.0).code == "certified"
    V = np.abs(rng.normal(size=(40, 40)))
    answer = certify(relu_units(V, np.zeros(40)), np.zeros((1, 40)), inputs=[[0.0]])
    assert not answer.certified.any()


def test_a_stack_has_the_fixed_points_of_one_layer():
    rng = np.random.default_rng(3)
    cells = [L.SimpleRNNCell(n, activation="relu", dtype="float64") for n in (3, 2)]
    cell = L.StackedRNNCells(cells, dtype="float64")
    cell.build((None, 2))
    for w in cell.weights:
        w.assign(rng.normal(0.0, 0.5, w.shape))
    system, u = as_system(cell), rng.normal(size=(1, 2))
    network = system.equations.piecewise_linear(as_arrays(system.weights("float64")))
    drive = network.from_input @ u[0] + network.bias
    true = enumerated(network.recurrent, drive)
    assert len(true) >= 1
    assert np.abs(system.step(true, u).numpy() - true).max() < 1e-12
    answer = certify(system, true, inputs=u)
    assert answer.proved.all() and answer.n_distinct == len(true)
    # Its states at rest, with all biases zero, are on all thresholds.
    for w in cell.weights:
        if len(w.shape) == 1:
            w.assign(0.0 * w)
    rest = certify(system, np.zeros((1, 5)), inputs=np.zeros((1, 2)))
    sides = [
        np.linalg.det(np.eye(5) - np.array(bits)[:, None] * network.recurrent)
        for bits in itertools.product([0.0, 1.0], repeat=5)
    ]
    assert rest.proved.tolist() == [min(sides) > 0]


GATED = {
    "GRU after": lambda n: L.GRUCell(n, activation="relu", dtype="float64"),
    "GRU before": lambda n: L.GRUCell(n, activation="relu", reset_after=False, dtype="float64"),
    "LSTM": lambda n: L.LSTMCell(n, activation="relu", dtype="float64"),
    "stack": lambda n: L.StackedRNNCells(
        [
            L.GRUCell(n, activation="relu", dtype="float64"),
            L.SimpleRNNCell(n, activation="relu", dtype="float64"),
        ],
        dtype="float64",
    ),
}


def gated(name, seed, scale, n=4):
    """A gated ReLU network with random kernels and no biases: 0 is on every threshold."""
    cell = GATED[name](n)
    cell.build((None, 1))
    rng = np.random.default_rng(seed)
    for w in cell.weights:
        is_bias = len(w.shape) == 1 or "bias" in w.path
        w.assign(0.0 * w if is_bias else rng.normal(0.0, scale, w.shape))
    return as_system(cell)


@pytest.mark.parametrize("name", GATED)
def test_bounds_across_thresholds_hold(name):
    """What the Jacobian changes by, on all sides of thresholds, stays below what is bounded."""
    ratios = []
    for seed in range(6):
        system = gated(name, seed, 0.6)
        prover = Prover(system, np.random.default_rng(0), 1, 1.0)
        rng = np.random.default_rng(seed)
        x = rng.normal(size=(1, system.n_states)) * [0.0, 1e-6, 0.3][seed % 3]
        u = np.zeros((1, 1))
        J = system.jacobian(x, u).numpy()
        A = np.linalg.inv(J - np.eye(system.n_states))
        for radius in (1e-6, 1e-2, 0.3):
            answers = prover.bounds_of_jumps(x, u, np.full(1, radius))
            bound = norm_through(A, [a.bend for a in answers]) * radius
            bound = bound + norm_through(A, [a.jump for a in answers])
            d = rng.normal(size=(300, system.n_states))
            d *= radius / np.linalg.norm(d, axis=1)[:, None]
            beside = system.jacobian(x + d, np.zeros((300, 1))).numpy()
            met = np.linalg.norm(A @ (beside - J), 2, axis=(1, 2)).max()
            ratios.append(bound[0] / met)
    assert min(ratios) >= 1.0 - 1e-6 and np.median(ratios) < 60.0


@pytest.mark.parametrize("name", GATED)
def test_a_gated_network_at_rest_without_biases_is_proved_where_its_weights_are_small(name):
    system = gated(name, 0, 0.1)
    rest = np.zeros((1, system.n_states))
    small = certify(system, rest, inputs=[[0.0]])
    assert small.proved.all(), small.reasons
    assert small.uniqueness_radius[0] > 1e-3
    large = certify(gated(name, 0, 5.0), rest, inputs=[[0.0]])
    assert not large.certified.any()


@pytest.mark.parametrize("make", [L.GRUCell, L.LSTMCell])
def test_a_gated_network_with_relu_is_proved_up_to_its_threshold(make):
    keras.utils.set_random_seed(0)
    cell = make(4, activation="relu", dtype="float64")
    cell.build((None, 1))
    rng = np.random.default_rng(1)
    for w in cell.weights:
        w.assign(rng.normal(0.0, 0.4, w.shape))
    system = as_system(cell)
    x = np.zeros((1, system.n_states))
    for _ in range(3000):
        x = system.step(x, [[0.3]]).numpy()
    answer = certify(system, x, inputs=[[0.3]])
    assert answer.proved.all() and answer.n_unstable.tolist() == [0]
    # Nothing in the ball undoes the contraction: the Jacobian jumps nowhere in it.
    directions = rng.normal(size=(400, system.n_states))
    directions *= answer.uniqueness_radius[0] / np.linalg.norm(directions, axis=1)[:, None]
    at = system.jacobian(x, [[0.3]]).numpy()[0]
    beside = system.jacobian(x + directions, np.full((400, 1), 0.3)).numpy()
    inverse = np.linalg.inv(at - np.eye(system.n_states))
    assert np.linalg.norm(inverse @ (beside - at), 2, axis=(1, 2)).max() < 1.0
