"""Proofs of completeness: every fixed point once, none missed, and no proof where none is."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.linalg import hadamard

from fixedpoint_tf import FixedPointFinder, FixedPoints, as_system
from fixedpoint_tf.analysis import Completeness, CompletenessCode, prove_complete


def simple(recurrent, bias=None, activation="tanh", kernel=None):
    recurrent = np.asarray(recurrent, dtype=np.float32)
    n = len(recurrent)
    cell = keras.layers.SimpleRNNCell(n, activation=activation)
    cell.build((None, 1))
    zero = np.zeros(n)
    kernel = zero if kernel is None else kernel
    bias = zero if bias is None else np.asarray(bias)
    cell.set_weights([np.reshape(kernel, (1, n)), recurrent, bias])
    return cell


def gated(kind, recurrent, rng, **options):
    n = len(recurrent)
    cell = getattr(keras.layers, f"{kind}Cell")(n, **options)
    cell.build((None, 1))
    cell.set_weights([rng.normal(size=w.shape) * 0.3 for w in cell.get_weights()])
    weights = cell.get_weights()
    weights[1] = np.asarray(recurrent)
    cell.set_weights(weights)
    return cell


def found_by_newton(cell, n_starts=3000, seed=0):
    """Fixed points from very many starts by a solver of its own, in the whole box."""
    system = as_system(cell)
    rng = np.random.default_rng(seed)
    n = system.n_states
    lower, upper = np.maximum(system.lower, -500.0), np.minimum(system.upper, 500.0)
    # The memory of an LSTM has no bound of its own.
    x = rng.uniform(-1.0, 1.0, size=(n_starts, n)) * np.where(
        np.isfinite(system.upper), 1.0, 30.0
    )
    u = np.zeros((n_starts, system.n_inputs))
    for _ in range(100):
        r = system.step(x, u).numpy() - x
        matrix = np.eye(n) - system.jacobian(x, u).numpy() + 1e-9 * rng.normal(size=(n, n))
        step = np.linalg.solve(matrix, r[..., None])[..., 0]
        length = np.linalg.norm(step, axis=1, keepdims=True)
        x = np.clip(x + step * np.minimum(1.0, 0.5 / np.maximum(length, 1e-9)), lower, upper)
    good = np.abs(system.step(x, u).numpy() - x).max(axis=1) < 1e-9
    return np.unique(x[good].round(6) + 0.0, axis=0)


def prove(cell, **options):
    system = as_system(cell)
    return prove_complete(cell, np.zeros((0, system.n_states)), inputs=[[0.0]], **options)


def assert_fixed(cell, found):
    system = as_system(cell)
    u = np.zeros((len(found.xstar), 1))
    image = system.step(found.xstar, u).numpy()
    np.testing.assert_allclose(image, found.xstar, atol=1e-7, rtol=1e-7)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("n", "gain"), [(2, 3.0), (4, 2.0), (6, 3.0)])
def test_a_tanh_network_has_as_many_as_newton_finds(n, gain, seed):
    rng = np.random.default_rng([n, seed])
    cell = simple(
        rng.normal(size=(n, n)) * gain / np.sqrt(n) + np.diag(rng.choice([0.0, 2.0], size=n)),
        rng.normal(size=n) * 0.2,
    )
    found = prove(cell)
    assert found.is_complete, repr(found)
    assert_fixed(cell, found)
    truth = found_by_newton(cell)
    assert len(found.xstar) == len(truth)
    np.testing.assert_allclose(np.unique(found.xstar.round(6) + 0.0, axis=0), truth, atol=3e-6)
    # The sum of the signs of det(I - J) over all fixed points in the box is 1.
    jacobians = as_system(cell).jacobian(found.xstar, np.zeros((len(truth), 1))).numpy()
    assert np.sign(np.linalg.det(np.eye(n) - jacobians)).sum() == 1


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["GRU", "GRU before", "LSTM"])
def test_a_gated_network_has_as_many_as_newton_finds(kind, seed):
    rng = np.random.default_rng(seed)
    name, *before = kind.split()
    options = {"reset_after": not before} if name == "GRU" else {}
    n, n_gates = (3, 3) if name == "GRU" else (2, 4)
    recurrent = rng.normal(size=(n, n_gates * n)) * 3.0
    candidate = slice(2 * n, 3 * n)  # of the GRU and of the LSTM alike
    recurrent[:, candidate] += 3.0 * np.eye(n)
    cell = gated(name, recurrent, rng, **options)
    found = prove(cell)
    assert found.is_complete, repr(found)
    assert_fixed(cell, found)
    assert len(found.xstar) == len(found_by_newton(cell))


@pytest.mark.parametrize("kind", ["SimpleRNN", "GRU", "LSTM"])
def test_independent_units_are_proved_one_by_one(kind):
    rng = np.random.default_rng(0)
    n = 5
    if kind == "SimpleRNN":
        cell = simple(2.0 * np.eye(n))
    else:
        n_gates = 3 if kind == "GRU" else 4
        recurrent = np.zeros((n, n_gates * n))
        recurrent[:, 2 * n : 3 * n] = 4.0 * np.eye(n)
        cell = gated(kind, recurrent, rng)
        cell.set_weights([w if w.shape[0] == n else 0.0 * w for w in cell.get_weights()])
    found = prove(cell)
    assert found.is_complete
    assert len(found.xstar) == 3**n
    assert found.methods[0].startswith("5 independent blocks")
    assert_fixed(cell, found)


@pytest.mark.parametrize("sigma", [0.0, 1e-9])
def test_a_network_of_low_rank_is_proved_in_few_variables(sigma):
    """What rounding in single precision leaves out is enclosed."""
    rng = np.random.default_rng(0)
    patterns = hadamard(64)[:, 1:4]
    weights = patterns @ patterns.T / 64 * 1.5 + sigma * rng.normal(size=(64, 64))
    cell = simple(weights)
    found = prove(cell)
    assert found.is_complete
    assert len(found.xstar) == 27
    assert found.methods[0] == "branch and bound in 3 variables"
    assert_fixed(cell, found)


def test_a_contraction_has_exactly_one_at_any_size():
    rng = np.random.default_rng(0)
    cell = simple(rng.normal(size=(300, 300)) * 0.4 / np.sqrt(300), rng.normal(size=300))
    found = prove(cell)
    assert found.is_complete
    assert found.methods == ("contraction",)
    assert len(found.xstar) == 1
    assert_fixed(cell, found)


@pytest.mark.parametrize("seed", range(5))
def test_a_relu_network_is_proved_by_all_active_sets(seed):
    rng = np.random.default_rng(seed)
    n = 6
    weights = rng.normal(size=(n, n)) * 1.5
    bias = rng.normal(size=n)
    cell = simple(weights, bias, "relu")
    W, b = (w.astype(np.float64) for w in cell.get_weights()[1:])
    truth = []
    for active in itertools.product([0.0, 1.0], repeat=n):
        s = np.array(active)
        x = np.linalg.solve(np.eye(n) - s[:, None] * W.T, s * b)
        if ((W.T @ x + b > 0) == (s > 0)).all():
            truth.append(x)
    found = prove(cell)
    assert found.is_complete
    assert len(found.xstar) == len(truth)
    assert_fixed(cell, found)


def test_points_on_thresholds_are_decided_exactly():
    """Zero is a fixed point without bias, in every active set, and counted once."""
    found = prove(simple(-np.eye(4), activation="relu"))
    assert found.is_complete and found.xstar.tolist() == [[0.0] * 4]
    # relu(1.5 h - 0.5) has exactly the points 0 and 1.
    found = prove(simple([[1.5]], [-0.5], "relu"))
    assert found.is_complete
    np.testing.assert_allclose(np.sort(found.xstar.ravel()), [0.0, 1.0], atol=1e-12)


def test_a_continuum_is_never_called_complete():
    found = prove(simple(np.eye(2), activation="relu"))  # every state above zero rests
    assert not found.is_complete
    assert found.codes == (CompletenessCode.UNDECIDED,)
    assert "undecided" in repr(found)


@pytest.mark.parametrize("distance", [1e-6, 1e-9, 1e-12, 0.0, -1e-12, -1e-9])
def test_a_fold_is_never_called_complete_wrongly(distance):
    """``h = tanh(2 h + u)`` has three points on one side of the fold, one on the other."""
    at_fold = np.sqrt(0.5)
    u = np.arctanh(at_fold) - 2.0 * at_fold + distance
    cell = simple([[2.0]], kernel=np.ones(1))
    found = prove_complete(cell, [[0.9]], inputs=[[u]])
    if found.is_complete:
        assert len(found.xstar) == (3 if distance > 0 else 1)
    else:
        assert abs(distance) < 1e-9 and found.n_open[0] > 0


def test_what_a_search_missed_turns_up():
    cell = simple([[2.0, 0.3], [-0.4, 1.8]])
    finder = FixedPointFinder(cell, verbose=False)
    rng = np.random.default_rng(0)
    unique, _ = finder.find_fixed_points(rng.uniform(-1, 1, size=(200, 2)), [[0.0]])
    everything = finder.prove_complete(unique)
    assert everything.is_complete and (everything.known_row >= 0).all()
    for hidden in range(unique.n):
        rest = unique[np.arange(unique.n) != hidden]
        found = finder.prove_complete(rest)
        assert found.is_complete
        assert found.new.n == 1
        np.testing.assert_allclose(found.new.xstar[0], unique.xstar[hidden], atol=1e-6)
        assert found.xstar.shape == unique.xstar.shape
        rows = found.known_row[found.known_row >= 0]
        assert sorted(rows) == list(range(rest.n))
    assert "1 of them new" in repr(found)


def test_a_point_that_is_none_is_named():
    found = prove_complete(simple([[0.5]]), [[0.0], [0.7]], inputs=[[0.0]])
    assert found.is_complete
    assert found.not_enclosed.tolist() == [1]
    assert "1 point given without a fixed point enclosed" in repr(found)


def test_each_input_is_proved_by_itself():
    cell = simple(2.0 * np.eye(2), kernel=np.ones(2))
    points = FixedPoints(xstar=np.zeros((2, 2)), inputs=np.array([[0.0], [1.0]]))
    found = prove_complete(cell, points)
    assert [int((found.input_number == i).sum()) for i in range(2)] == [9, 1]
    assert found.is_complete
    assert repr(found).splitlines()[1].startswith("input 1: complete: exactly 1 fixed point")


def test_points_of_other_inputs_are_left_aside():
    cell = simple(2.0 * np.eye(1), kernel=np.ones(1))
    points = FixedPoints(xstar=[[0.0], [0.3], [0.9]], inputs=[[0.0], [0.0], [5.0]])
    found = prove_complete(cell, points, inputs=[[0.0]])
    assert found.is_complete and len(found.xstar) == 3
    assert found.not_enclosed.tolist() == [1]  # under the input examined, and no fixed point
    found = prove_complete(cell, points, inputs=[[1.0]])
    assert not len(found.not_enclosed) and found.new.n == len(found.xstar)


@pytest.mark.parametrize("named", [False, True])
def test_nested_states_are_taken_as_the_cell_has_them(named):
    rng = np.random.default_rng(3)
    recurrent = rng.normal(size=(2, 8)) + np.hstack(
        [np.zeros((2, 4)), 4.0 * np.eye(2), np.zeros((2, 2))]
    )
    cell = gated("LSTM", recurrent, rng)
    flat = prove(cell)
    h, c = flat.xstar[:, :2], flat.xstar[:, 2:]
    given = {"h": h, "c": c} if named else [h, c]
    found = prove_complete(cell, given, inputs=[[0.0]])
    assert found.is_complete and found.new.n == 0 and len(found.xstar) > 1
    # The radius is that of every state: the memory is farther from its own truth.
    x = flat.xstar.copy()
    for _ in range(20):
        step = np.eye(4) - as_system(cell).jacobian(x, [[0.0]]).numpy()
        x = (
            x
            + np.linalg.solve(step, (as_system(cell).step(x, [[0.0]]).numpy() - x)[..., None])[
                ..., 0
            ]
        )
    assert (np.abs(x - flat.xstar).max(axis=1) <= flat.radius + 1e-14).all()


def test_boxes_left_of_a_stack_are_listed_as_states():
    stack = keras.layers.StackedRNNCells(
        [keras.layers.SimpleRNNCell(1), keras.layers.LSTMCell(1), keras.layers.SimpleRNNCell(1)]
    )
    stack.build((None, 1))
    weights = [0.3 * np.ones(w.shape) for w in stack.get_weights()]
    weights[0] = np.ones((1, 1))
    weights[1] = np.array([[2.0]])  # the fold of tanh(2 h + u), in the first layer
    weights[2] = np.zeros(1)
    stack.set_weights(weights)
    at_fold = np.sqrt(0.5)
    u = np.arctanh(at_fold) - 2.0 * at_fold
    found = prove_complete(stack, np.zeros((0, 4)), inputs=[[u]])
    assert found.codes == (CompletenessCode.UNDECIDED,)
    assert found.n_open[0] == len(found.open_lower) > 0
    assert found.open_lower.shape == (found.n_open[0], 4)
    assert (found.open_lower[:, 0] <= at_fold + 1e-3).all()
    assert (found.open_upper[:, 0] >= at_fold - 1e-3).all()
    np.testing.assert_array_equal(found.open_lower[:, [1, 3]], -1.0)  # its whole range
    # A limit in the second layer: the first is known there, to rounding.
    weights[1], weights[4] = np.array([[0.5]]), 6.0 * np.ones((1, 4))
    stack.set_weights(weights)
    found = prove_complete(stack, np.zeros((0, 4)), inputs=[[u]], max_boxes=1)
    assert found.codes == (CompletenessCode.LIMIT,)
    assert (found.open_upper[:, 0] - found.open_lower[:, 0]).max() < 1e-9
    assert np.isfinite(found.open_lower[:, 1:3]).all()
    np.testing.assert_array_equal(found.open_upper[:, 3], 1.0)


def test_a_stack_is_proved_layer_after_layer():
    stack = keras.layers.StackedRNNCells(
        [keras.layers.SimpleRNNCell(2), keras.layers.GRUCell(2), keras.layers.LSTMCell(2)]
    )
    stack.build((None, 1))
    rng = np.random.default_rng(4)
    stack.set_weights([rng.normal(size=w.shape) * 1.5 for w in stack.get_weights()])
    found = prove(stack)
    assert found.is_complete, repr(found)
    assert_fixed(stack, found)
    assert len(found.xstar) == len(found_by_newton(stack))


def leaky(recurrent, bias, alpha, activation=tf.tanh):
    """A rate network as users write it, in steps of ``alpha`` time constants."""

    def update(h, u):
        W, b = tf.constant(recurrent, h.dtype), tf.constant(bias, h.dtype)
        return h + alpha * (-h + activation(h @ W + b + u))

    return as_system(update, n_states=len(bias), n_inputs=1)


def currents(recurrent, bias, tau, activation=tf.tanh):
    """The same in continuous time, of currents: their rates enter through the weights."""

    def velocity(x, u):
        W, b = tf.constant(recurrent, x.dtype), tf.constant(bias, x.dtype)
        return (-x + activation(x) @ W + b + u) / tau

    return as_system(velocity, n_states=len(bias), n_inputs=1, time="continuous")


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("make", [leaky, currents])
@pytest.mark.parametrize("activation", [tf.tanh, tf.sigmoid])
def test_a_network_as_users_write_it_has_as_many_as_its_cell(make, activation, seed):
    """``x + alpha (f(x W) - x)`` rests where ``f(x W)`` does, and ``x = f(r) W`` at ``r``."""
    rng = np.random.default_rng([7, seed])
    n = 3
    gain = 2.0 if activation is tf.tanh else 9.0
    recurrent = rng.normal(size=(n, n)) * gain / np.sqrt(n) + gain * np.eye(n)
    recurrent = recurrent.astype(np.float32).astype(np.float64)
    bias = 0.1 * rng.normal(size=n)
    if activation is tf.sigmoid:  # the state in the middle is near one half
        bias = bias - 0.5 * recurrent.sum(axis=0)
    bias = bias.astype(np.float32).astype(np.float64)
    network = make(recurrent, bias, 0.05, activation)
    found = prove_complete(network, np.zeros((0, n)), inputs=[[0.0]])
    cell = simple(recurrent, bias, "tanh" if activation is tf.tanh else "sigmoid")
    truth = prove(cell)
    assert found.is_complete and truth.is_complete
    assert len(found.xstar) == len(truth.xstar) > 1
    own = found.xstar
    if make is currents:
        own = activation(own).numpy()  # the rates, which are the outputs of the cell
    apart = np.abs(own[:, None] - truth.xstar).max(axis=-1)
    assert apart.min(axis=0).max() < 1e-7
    for hidden in range(len(found.xstar)):
        rest = np.delete(found.xstar, hidden, axis=0)
        again = prove_complete(network, rest, inputs=[[0.0]])
        assert again.is_complete and again.new.n == 1
        np.testing.assert_allclose(again.new.xstar[0], found.xstar[hidden], atol=1e-9)


@pytest.mark.parametrize("make", [leaky, currents])
@pytest.mark.parametrize("distance", [1e-6, 1e-9, -1e-9])
def test_a_fold_of_a_leaky_network_is_never_called_complete_wrongly(make, distance):
    at_fold = np.sqrt(0.5)
    u = np.arctanh(at_fold) - 2.0 * at_fold + distance
    found = prove_complete(make([[2.0]], [0.0], 0.1), np.zeros((0, 1)), inputs=[[u]])
    if found.is_complete:
        assert len(found.xstar) == (3 if distance > 0 else 1)
    else:
        assert abs(distance) < 1e-6 and found.n_open[0] > 0


def test_bounds_on_the_users_word_are_named():
    """Gating variables in two populations, of which no operation says that they are bounded."""

    def velocity(s, u):
        W = tf.constant([[3.0, -1.5], [-1.5, 3.0]], s.dtype)
        rate = tf.nn.softplus(s @ W * 4.0 - 4.0 + u)  # without bound, as s has none
        return -s / 0.1 + (1.0 - s) * 8.0 * rate

    options = {"n_states": 2, "n_inputs": 1, "time": "continuous"}
    without = as_system(velocity, **options)
    none = np.zeros((0, 2))
    assert prove_complete(without, none, inputs=[[0.0]]).codes == ("no_bounds",)
    system = as_system(velocity, bounds=(0.0, 1.0), **options)
    found = prove_complete(system, none, inputs=[[0.0]])
    assert found.is_complete
    assert found.methods == ("branch and bound in 2 variables, within the bounds given",)
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(2000, 2))
    for _ in range(60):
        step = np.linalg.solve(
            system.jacobian(x, [[0.0]]).numpy(), system.step(x, [[0.0]]).numpy()[..., None]
        )[..., 0]
        x = np.clip(x - np.clip(step, -0.1, 0.1), 0.0, 1.0)
    good = np.abs(system.step(x, [[0.0]]).numpy()).max(axis=1) < 1e-9
    truth = np.unique(x[good].round(6), axis=0)
    assert len(found.xstar) == len(truth) > 2


@pytest.mark.parametrize(
    ("network", "options", "code"),
    [
        (lambda h, u: h * h, {"n_states": 1, "n_inputs": 1}, "no_bounds"),
        ("leaky gate", {}, "no_bounds"),
        ("large", {}, "too_large"),
        ("many relu", {}, "too_large"),
        ("continuous", {}, "no_bounds"),
    ],
)
def test_where_there_is_no_theorem_it_says_so(network, options, code):
    rng = np.random.default_rng(0)
    if network == "leaky gate":
        network = keras.layers.GRUCell(2, activation="relu")
        network.build((None, 1))
    elif network == "large":
        network = simple(rng.normal(size=(60, 60)) * 0.3)
    elif network == "many relu":
        network = simple(rng.normal(size=(21, 21)), activation="relu")
    elif network == "continuous":
        network, options = simple([[0.5]]), {"time": "continuous"}
    system = as_system(network, **options)
    found = prove_complete(system, np.zeros((1, system.n_states)), inputs=[[0.0]])
    assert not found.is_complete
    assert found.codes == (code,)
    assert repr(found).splitlines()[0] == CompletenessCode(code).text


def test_a_limit_is_said():
    rng = np.random.default_rng(0)
    cell = simple(rng.normal(size=(12, 12)) * 0.8)
    found = prove(cell, max_boxes=3000)
    assert found.codes == (CompletenessCode.LIMIT,)
    assert found.n_open[0] > 0 and len(found.open_lower) > 0
    assert "at least" in repr(found)


def test_a_result_is_saved_and_read(tmp_path):
    found = prove(simple([[2.0]]))
    found.save(tmp_path / "proof.h5")
    again = Completeness.load(tmp_path / "proof.h5")
    assert repr(again) == repr(found)
    np.testing.assert_array_equal(again.xstar, found.xstar)


@pytest.mark.parametrize(
    ("points", "options", "message"),
    [
        ([[0.0, 0.0]], {"inputs": [[0.0]]}, r"points: expected shape \(n, 1\)"),
        ([[0.0]], {}, "inputs: expected an array of width 1"),
        ([[0.0]], {"inputs": [[0.0, 1.0]]}, r"inputs: expected shape \(n, 1\)"),
        ([[0.0]], {"inputs": [[np.nan]]}, "inputs: expected finite numbers"),
        ([[0.0]], {"inputs": [[0.0]], "max_seconds": 0}, "max_seconds: expected"),
        ([[0.0]], {"inputs": [[0.0]], "max_boxes": 0}, "max_boxes: expected"),
        (FixedPoints(xstar=[[0.0, 1.0]], inputs=[[0.0]]), {}, "points: expected those of"),
    ],
)
def test_bad_input_is_refused(points, options, message):
    with pytest.raises(ValueError, match=message):
        prove_complete(simple([[2.0]]), points, **options)


@pytest.mark.parametrize(
    ("root", "code", "n"),
    [(1.0 - 1e-6, "complete", 1), (1.0 + 1e-6, "complete", 0), (1.0, "undecided", 0)],
)
def test_a_fixed_point_beyond_the_bounds_is_not_counted(root, code, n):
    def step(h, u):
        away = h - root
        return root + 0.5 * away + 0.1 * away**2

    system = as_system(step, n_states=1, n_inputs=0, bounds=(-1.0, 1.0))
    found = prove_complete(system, np.zeros((0, 1)))
    assert found.codes == (code,)
    assert len(found.xstar) == n
    assert found.n_open.tolist() == [int(root == 1.0)]


def test_a_point_given_stands_for_one_of_two_near_each_other():
    apart = 1e-6
    system = as_system(
        lambda h, u: h + (h - 0.3) * (h - 0.3 - apart),
        n_states=1,
        n_inputs=0,
        bounds=(-1.0, 1.0),
    )
    found = prove_complete(system, [[0.3]])
    assert found.codes == ("complete",)
    assert len(found.xstar) == 2
    np.testing.assert_allclose(found.new.xstar, [[0.3 + apart]], atol=1e-9)
    both = prove_complete(system, [[0.3], [0.3 + apart], [0.3]])
    assert both.new.n == 0 and not len(both.not_enclosed)


def test_inputs_under_which_the_search_found_nothing_are_examined_too():
    finder = FixedPointFinder(
        lambda h, u: h + 1.0 + u * h, n_states=1, n_inputs=1, verbose=False
    )
    points, _ = finder.find_fixed_points([[1.0], [2.0]], [[0.0], [-0.5]])
    found = finder.prove_complete(points)
    assert found.inputs.tolist() == points.index.inputs.tolist() == [[-0.5], [0.0]]
    with pytest.raises(ValueError, match="inputs: expected at least one row"):
        finder.prove_complete(points[:0])
