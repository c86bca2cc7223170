"""A certificate is given where there is a fixed point, and never where there is none."""

import dataclasses

import keras
import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf
from keras import layers as L
from networks import flip_flop_network

from fixedpoint_tf import FixedPointFinder, FixedPoints, Status, as_system
from fixedpoint_tf._utils import chunks
from fixedpoint_tf._utils.linalg import inverses
from fixedpoint_tf._utils.norms import spectral_norms
from fixedpoint_tf.analysis import Certificates, certify
from fixedpoint_tf.analysis.certificates.proofs import Prover
from fixedpoint_tf.analysis.certificates.radii_polynomial import radii
from fixedpoint_tf.analysis.certificates.sampled_variation import jacobian_variation
from fixedpoint_tf.systems.cells.activations import suprema
from fixedpoint_tf.tasks import flip_flop


def simple(recurrent, bias, activation="tanh"):
    """A SimpleRNNCell with one idle input; ``x' = f(x @ recurrent + bias)``."""
    recurrent = np.asarray(recurrent, float)
    cell = L.SimpleRNNCell(len(recurrent), activation=activation, dtype="float64")
    cell.build((None, 1))
    cell.set_weights([np.zeros((1, len(recurrent))), recurrent, np.asarray(bias, float)])
    return as_system(cell)


def random_cell(make, seed, scale):
    cell = make(6)
    cell.build((None, 2))
    rng = np.random.default_rng(seed)
    for w in cell.weights:
        w.assign(rng.normal(0.0, scale / np.sqrt(6), w.shape))
    return as_system(cell)


CELLS = {
    "tanh": lambda n: L.SimpleRNNCell(n),
    "sigmoid": lambda n: L.SimpleRNNCell(n, activation="sigmoid"),
    "GRU after": lambda n: L.GRUCell(n),
    "GRU before": lambda n: L.GRUCell(n, reset_after=False),
    "GRU linear": lambda n: L.GRUCell(n, activation="linear", recurrent_activation="tanh"),
    "LSTM": lambda n: L.LSTMCell(n),
    "LSTM linear": lambda n: L.LSTMCell(n, activation="linear"),
    "stack": lambda n: L.StackedRNNCells([L.GRUCell(n), L.LSTMCell(n)]),
    "stack before": lambda n: L.StackedRNNCells(
        [L.SimpleRNNCell(n), L.GRUCell(n, reset_after=False)]
    ),
}
#: How far above the largest change met the bound may lie (median over points), at 6 units.
LOOSENESS = {"tanh": 3.0, "sigmoid": 3.0, "stack": 60.0, "stack before": 60.0}


@pytest.fixture(scope="module")
def memory():
    """A trained 3-bit flip-flop, its 27 fixed points and where each start ended."""
    model = flip_flop_network()
    finder = FixedPointFinder(model, verbose=False)
    drive, _ = flip_flop(np.random.default_rng(1), 128, n_bits=3, pulse_probability=0.1)
    states = finder.simulate(drive)
    starts = finder.sample_states(states, 512, noise_scale=0.5)
    unique, all_points = finder.find_fixed_points(starts, np.zeros((1, 3)))
    return finder.system, unique, all_points


# ---- proofs ----


def test_all_27_fixed_points_of_a_trained_memory_are_proved(memory):
    system, unique, _ = memory
    answer = certify(system, unique)
    assert unique.fixed.n == 27
    assert answer.method == "closed form"
    assert answer.certified.tolist() == (unique.status == Status.FIXED_POINT).tolist()
    assert answer.n_distinct == 27
    assert np.nanmax(answer.existence_radius) < 1e-11
    assert (answer.uniqueness_radius[:27] < answer.nearest[:27]).all()
    assert answer.n_unstable[:27].tolist() == unique.n_unstable[:27].tolist()


def test_wrong_eigenvectors_prove_no_stability(memory):
    system, unique, _ = memory
    wrong = dataclasses.replace(unique.fixed, eigval_J_xstar=0.5 * unique.fixed.eigval_J_xstar)
    answer = certify(system, wrong)
    assert answer.certified.all() and (answer.n_unstable == -1).all()
    # Computed anew, they are as good as those that came with the points.
    anew = certify(system, unique.fixed.xstar, inputs=np.zeros((1, 3)))
    assert anew.n_unstable.tolist() == unique.fixed.n_unstable.tolist()


def test_ends_of_many_starts_are_the_same_true_points(memory):
    system, unique, all_points = memory
    answer = certify(system, all_points[:200])
    where = np.linalg.norm(all_points.xstar[:200, None] - unique.xstar, axis=2).argmin(axis=1)
    yes = answer.certified
    assert yes.sum() > 190
    assert answer.n_distinct == len(np.unique(where[yes]))
    first = {k: np.flatnonzero(yes & (where == k))[0] for k in np.unique(where[yes])}
    assert answer.same_as[yes].tolist() == [first[k] for k in where[yes]]


@pytest.mark.parametrize("seed", range(5))
def test_a_contraction_has_its_one_fixed_point_proved(seed):
    rng = np.random.default_rng(seed)
    W = rng.normal(size=(32, 32))
    system = simple(0.9 * W / np.linalg.norm(W, 2), rng.normal(size=32))
    x = np.zeros((1, 32))
    for _ in range(400):
        x = system.step(x, np.zeros((1, 1))).numpy()
    answer = certify(system, x, inputs=[[0.0]])
    assert answer.certified.all() and answer.n_unstable.tolist() == [0]
    assert answer.existence_radius[0] < 1e-12 < 1e-2 < answer.uniqueness_radius[0]


@pytest.mark.parametrize("w", [1.5, 2.0, 4.0])
def test_balls_hold_one_root_and_no_other(w):
    root = scipy.optimize.brentq(lambda x: np.tanh(w * x) - x, 1e-3, 1.0, xtol=1e-15)
    offsets = np.array([0.0, 1e-12, 1e-6, 1e-3, 1e-2])
    answer = certify(simple([[w]], [0.0]), (root + offsets)[:, None], inputs=[[0.0]])
    yes = answer.certified
    assert yes[:4].all() and answer.same_as[:4].tolist() == [0] * 4
    assert (answer.existence_radius[yes] >= offsets[yes] * (1 - 1e-9) - 2e-15).all()
    assert (answer.existence_radius[1:4] <= 1.5 * offsets[1:4] + 1e-14).all()
    assert (answer.uniqueness_radius[yes] <= root + offsets[yes]).all()  # zero is another
    assert (answer.uniqueness_radius[yes] >= 0.1 * root).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", CELLS)
def test_every_cell_has_proofs(name):
    for seed in range(2):
        system = random_cell(CELLS[name], seed, 0.4)
        u = np.random.default_rng(seed).normal(size=(1, 2))
        x = np.zeros((1, system.n_states))
        for _ in range(60):  # Newton's method, as a second road to the point
            r = system.step(x, u).numpy() - x
            A = system.jacobian(x, u).numpy()[0] - np.eye(system.n_states)
            x = x - np.linalg.solve(A, r[0])
        moved = x + 1e-9 * np.random.default_rng(seed).normal(size=x.shape)
        answer = certify(system, np.concatenate([x, moved]), inputs=u)
        assert answer.certified.all(), answer.reasons
        assert answer.method == "closed form"
        assert answer.same_as.tolist() == [0, 0]
        assert answer.existence_radius[1] >= np.linalg.norm(moved - x) - 1e-12


def test_a_function_is_sampled_and_says_so():
    step = lambda h, u: h * h - 1.0 + u  # noqa: E731
    system = as_system(step, n_states=1, n_inputs=1)
    golden = 0.5 * (1.0 + np.sqrt(5.0))
    answer = certify(system, [[golden], [1.0 - golden], [0.0]], inputs=[[0.0]])
    assert answer.certified.tolist() == [True, True, False]
    assert (answer.method, answer.safety) == ("sampled", 2.0)
    assert "2 of 3 points supported by samples (no proof)" in repr(answer)
    assert not answer.proved.any() and answer.supported.tolist() == [True, True, False]
    assert all("proved: exactly" not in reason for reason in answer.reasons)
    assert "supported by samples, not proved" in answer.reasons[0]
    assert (answer.uniqueness_radius[:2] < np.sqrt(5.0)).all()
    assert answer.jacobian_lipschitz[0] == pytest.approx(2.0 * 2.0 / np.sqrt(5.0), rel=1e-3)


@pytest.mark.parametrize("w", [1.5, 2.0, 4.0])
def test_a_sampled_ball_holds_no_other_root_either(w):
    # At zero the curvature of tanh vanishes: a ball must not grow from what is met there.
    root = scipy.optimize.brentq(lambda x: np.tanh(w * x) - x, 1e-3, 1.0)
    system = as_system(lambda h, u: tf.tanh(w * h) + 0.0 * u, n_states=1, n_inputs=1)
    answer = certify(system, [[0.0], [root], [-root]], inputs=[[0.0]])
    assert answer.certified.all() and answer.n_unstable.tolist() == [1, 0, 0]
    assert (answer.uniqueness_radius < root).all()
    assert (answer.uniqueness_radius > 0.02 * root).all()


def test_a_sampled_ball_is_no_larger_than_a_proved_one_and_not_far_smaller():
    W = np.random.default_rng(0).normal(size=(12, 12)) / np.sqrt(12)
    function = as_system(lambda h, u: tf.tanh(tf.matmul(h, W)), n_states=12, n_inputs=1)
    bound = certify(simple(W, np.zeros(12)), np.zeros((1, 12)), inputs=[[0.0]])
    sampled = certify(function, np.zeros((1, 12)), inputs=[[0.0]])
    ratio = sampled.uniqueness_radius / bound.uniqueness_radius
    assert 0.1 <= ratio[0] < 1.0


def test_continuous_time():
    W = 0.5 * np.random.default_rng(0).normal(size=(4, 4))
    system = as_system(
        lambda h, u: -h + tf.tanh(tf.matmul(h, W)) + u,
        n_states=4,
        n_inputs=4,
        time="continuous",
    )
    answer = certify(system, np.array([[0.0] * 4, [0.3] * 4]), inputs=np.zeros((1, 4)))
    expected = int((np.linalg.eigvals(W.T - np.eye(4)).real > 0).sum())
    assert answer.certified.tolist() == [True, False]
    assert answer.n_unstable.tolist() == [expected, -1]


# ---- what is no fixed point ----


def ghosts(n_networks, rng):
    """Networks just past a fold: units that pass slowly where two points have vanished."""
    for _ in range(n_networks):
        n = int(rng.integers(1, 6))
        w = rng.uniform(1.3, 4.0, n)
        at = np.sign(rng.normal(size=n)) * np.arccosh(np.sqrt(w))  # tanh' = 1 / w
        fold = at - w * np.tanh(at)
        gap = 10.0 ** rng.uniform(-13, -2, n)
        bias = fold - np.sign(at) * gap  # no crossing left on this side
        yield w, bias, np.tanh(at), n


@pytest.mark.slow
def test_no_certificate_for_600_ghosts_of_a_fold():
    rng = np.random.default_rng(0)
    refused = 0
    for w, bias, ghost, n in ghosts(40, rng):
        spread = 10.0 ** rng.uniform(-10, -1, (15, 1))
        x = ghost + spread * rng.normal(size=(15, n))
        assert (np.abs(np.tanh(w * ghost + bias) - ghost) < 0.02).all()
        answer = certify(simple(np.diag(w), bias), x, inputs=[[0.0]])
        refused += (~answer.certified).sum()
    assert refused == 600


@pytest.mark.slow
def test_no_sampled_certificate_for_200_ghosts_turned_in_space():
    rng = np.random.default_rng(1)
    for _ in range(4):
        n = 6
        Q = np.linalg.qr(rng.normal(size=(n, n)))[0]
        gap = 10.0 ** rng.uniform(-11, -2)
        rates = rng.uniform(0.2, 0.8, n)

        def step(h, u, Q=Q, gap=gap, rates=rates):
            z = tf.matmul(h, Q)
            first = z[:, :1] + gap + z[:, :1] ** 2
            rest = rates[1:] * z[:, 1:] + 0.3 * z[:, :1] * z[:, 1:]
            return tf.matmul(tf.concat([first, rest], axis=1), Q, transpose_b=True) + 0.0 * u

        system = as_system(step, n_states=n, n_inputs=1, dtype="float64")
        x = (10.0 ** rng.uniform(-6, -1, (50, 1)) * rng.normal(size=(50, n))) @ Q.T
        answer = certify(system, x, inputs=[[0.0]], n_directions=4)
        assert not answer.certified.any(), answer.reasons


def test_no_false_certificate_among_400_states_between_fixed_points(memory):
    system, unique, _ = memory
    rng = np.random.default_rng(2)
    a, b = rng.integers(27, size=(2, 400))
    t = rng.uniform(size=(400, 1)) ** 3
    x = (1 - t) * unique.xstar[a] + t * unique.xstar[b]
    x += 10.0 ** rng.uniform(-12, 0, (400, 1)) * rng.normal(size=x.shape)
    answer = certify(system, x, inputs=np.zeros((1, 3)))
    away = np.linalg.norm(x[:, None] - unique.fixed.xstar, axis=2)
    yes = answer.certified
    assert 50 < yes.sum() < 350
    # Fixed points are known to 1e-12: what is certified must hold one, and only one.
    assert (away[yes].min(axis=1) <= answer.existence_radius[yes] + 1e-11).all()
    assert ((away[yes] < answer.uniqueness_radius[yes, None] - 1e-11).sum(axis=1) == 1).all()
    assert (away[~yes].min(axis=1) > 1e-3).all()  # and none is refused for nothing


@pytest.mark.parametrize("name", ["GRU after", "LSTM"])
def test_certified_states_of_gated_networks_hold_a_fixed_point(name):
    system = random_cell(CELLS[name], 3, 2.0)
    rng = np.random.default_rng(4)
    u = np.zeros((1, 2))
    x = rng.normal(size=(60, system.n_states))
    for _ in range(9):  # unfinished Newton steps: some arrive, some wander
        J = system.jacobian(x, u).numpy() - np.eye(system.n_states)
        r = system.step(x, u).numpy() - x
        x = x - np.clip(np.einsum("nij,nj->ni", inverses(J)[0], r), -1.0, 1.0)
    answer = certify(system, x, inputs=u)
    yes = np.flatnonzero(answer.certified)
    y = x[yes]
    for _ in range(20):
        J = system.jacobian(y, u).numpy() - np.eye(system.n_states)
        y = y - np.linalg.solve(J, (system.step(y, u).numpy() - y)[..., None])[..., 0]
    away = np.linalg.norm(y - x[yes], axis=1)
    assert 5 < len(yes) < 60 and (away <= answer.existence_radius[yes]).all()


def test_a_line_attractor_is_not_isolated():
    answer = certify(simple(np.diag([1.0, 0.5]), [0, 0], "linear"), [[0.3, 0.0]], inputs=[[0]])
    assert answer.codes == ["singular"] and "not isolated" in answer.reasons[0]


# ---- kinks ----


def test_a_relu_network_is_proved_up_to_its_kink():
    # x' = relu(0.5 x + 1): fixed point 2, kink at -2, beyond which x' = 0.
    answer = certify(simple([[0.5]], [1.0], "relu"), [[2.0], [1.0]], inputs=[[0.0]])
    assert answer.certified.tolist() == [True, True]
    assert answer.existence_radius[0] < 1e-13
    assert answer.uniqueness_radius == pytest.approx([4.0, 3.0], rel=0.05)
    assert (answer.uniqueness_radius <= [4.0, 3.0]).all()


def test_a_newton_step_across_a_kink_proves_nothing():
    # x' = relu(2 x + 1) - has the fixed point -1 of its linear part beyond the kink at -0.5.
    answer = certify(simple([[2.0]], [1.0], "relu"), [[0.0]], inputs=[[0.0]])
    assert answer.codes == ["kink"] and not answer.certified.any()


# ---- bounds ----


def sought_out(jacobian, A, x, u, J, radius, rng, n_directions=24):
    """The largest change of the Jacobian per distance, in directions that are climbed to.

    The second derivative is symmetric, so the direction in which a change acts most strongly
    leads on (the power method for symmetric tensors; De Lathauwer et al. 2000).
    """
    n, d = x.shape
    directions = rng.normal(size=(n, n_directions, d))
    largest = np.zeros(n)
    for _ in range(3):
        directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
        for share in (0.5, 1.0):
            offsets = share * radius * directions
            _, ratio = jacobian_variation(jacobian, A, x, u, J, offsets)
            largest = np.maximum(largest, ratio)
        places = (x[:, None] + offsets).reshape(-1, d)
        change = jacobian(places, np.repeat(u, n_directions, axis=0))
        change = change.reshape(n, n_directions, d, d) - J[:, None]
        directions = np.linalg.svd(A[:, None] @ change)[2][:, :, 0]
    return largest


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("radius", [1e-3, 0.3])
def test_bounds_hold_and_are_not_far_above_what_is_met(name, radius):
    ratios = []
    for seed in range(3):
        system = random_cell(CELLS[name], seed, 1.0)
        rng = np.random.default_rng(seed)
        x = rng.normal(0, 0.7, (5, system.n_states))
        u = rng.normal(size=(5, 2))
        prover = Prover(system, rng, 1, 1.0)
        J = system.jacobian(x, u).numpy()
        A, _ = inverses(J - np.eye(system.n_states))
        r = np.full(5, radius)
        bound = prover._second_bound(A, x, u, J, r)
        met = sought_out(prover._jacobian, A, x, u, J, radius, rng)
        ratios.append(bound / met)
    ratios = np.concatenate(ratios)
    assert (ratios >= 1.0 - 1e-4).all()  # differences of Jacobians are exact to 1e-13 / 1e-3
    assert np.median(ratios) < LOOSENESS.get(name, 15.0)


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "relu", "linear"])
def test_suprema_over_intervals_by_brute_force(name):
    rng = np.random.default_rng(0)
    centre, width = rng.normal(0, 2, 200), rng.exponential(0.5, 200)
    s = suprema(name, centre, width)
    a = tf.constant(centre + width * np.linspace(-1, 1, 2001)[:, None])
    with tf.GradientTape() as second:
        second.watch(a)
        with tf.GradientTape() as first:
            first.watch(a)
            f = getattr(keras.activations, name)(a)
        slope = first.gradient(f, a)
        if name in ("tanh", "sigmoid"):
            total = tf.reduce_sum(slope)
    for bound, values in ((s.size, f), (s.slope, slope), (s.complement, 1.0 - f)):
        largest = np.abs(values).max(axis=0)
        assert (largest <= bound * (1 + 1e-12)).all() and np.allclose(
            largest, bound, 1e-2, 1e-3
        )
    if name in ("tanh", "sigmoid"):
        largest = np.abs(second.gradient(total, a)).max(axis=0)
        assert (largest <= s.curvature * (1 + 1e-12)).all()
        assert np.allclose(largest, s.curvature, 1e-3, 1e-4)


def test_suprema_of_a_saturated_sigmoid_do_not_round_to_nothing():
    """Values of exp(-a) / (1 + exp(-a)) and of its slope, to more digits than are compared."""
    exact = {37.0: 8.533047625744066e-17, 40.0: 4.248354255291589e-18, 700.0: 9.8596765e-305}
    for a, tail in exact.items():
        s = suprema("sigmoid", np.array([-a, a]), np.zeros(2))
        for bound in (s.size[0], s.complement[1]):
            assert tail * (1 - 1e-15) <= bound <= tail * (1 + 1e-6)
        assert (tail * (1 - 1e-12) <= s.slope).all()
        assert a > 600 or (s.slope <= tail * (1 + 1e-6)).all()


@pytest.mark.parametrize("function", [tf.tanh, tf.sigmoid])
def test_activations_are_as_exact_as_the_proofs_assume(function):
    rng = np.random.default_rng(0)
    a = np.concatenate([rng.normal(0, s, 20000) for s in (1e-6, 1e-2, 1.0, 20.0)])
    exact = np.longdouble(a)
    exact = np.tanh(exact) if function is tf.tanh else 1.0 / (1.0 + np.exp(-exact))
    ulps = np.abs(function(tf.constant(a)).numpy() - exact) / np.spacing(np.float64(exact))
    assert ulps.max() < 16.0


@pytest.mark.parametrize("name", CELLS)
def test_rounding_errors_stay_within_their_bounds(name):
    """The residual and the Jacobian in single precision err by less than those bounds,
    scaled to single precision."""
    system = random_cell(CELLS[name], 1, 2.0)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, system.n_states)).astype(np.float32).astype(np.float64)
    u = rng.normal(size=(200, 2)).astype(np.float32).astype(np.float64)
    prover = Prover(system, rng, 1, 1.0)
    exact, jacobian = system.step(x, u).numpy(), system.jacobian(x, u).numpy()
    error, slope_error = prover._rounding(x, u, exact, jacobian)
    w = system.weights("float32")
    x32, u32 = tf.constant(x, "float32"), tf.constant(u, "float32")
    scale = np.finfo(np.float32).eps / np.finfo(np.float64).eps
    off = np.abs(system.equations.step(w, x32, u32).numpy() - exact)
    turned = system.equations.jacobian(w, x32, u32).numpy() - jacobian
    assert (off <= scale * error).all()
    assert (np.linalg.norm(turned, axis=2) <= scale * slope_error).all()


def test_spectral_norms_are_bounds():
    matrices = (
        np.random.default_rng(0).normal(size=(20, 30, 50))
        * 10.0 ** np.arange(-10, 10)[:, None, None]
    )
    exact = np.linalg.norm(matrices, 2, axis=(1, 2))
    norms = spectral_norms(matrices)
    assert (norms >= exact * (1 - 1e-15)).all() and np.allclose(norms, exact, 1e-9, 0)
    assert spectral_norms(np.full((1, 2, 2), np.nan)).tolist() == [np.inf]


def test_no_root_where_the_polynomial_has_none():
    low, high = radii(np.array([0.6, 0.1, 0.0]), np.array([0.0, 1.0, 0.5]), np.ones(3))
    assert np.isnan(low[:2]).all() and np.isnan(high[:2]).all()
    assert (low[2], high[2]) == (0.0, pytest.approx(1.0))


# ---- the call ----


def test_points_that_are_not_finite_harm_no_other():
    points = [[0.0, 0.0], [np.nan, 0.0], [0.0, np.inf]]
    answer = certify(simple(np.diag([0.5, 2.0]), [0, 0]), points, inputs=[[0.0]])
    assert answer.codes == ["certified", "not_finite", "not_finite"]


def test_no_points_at_all(tmp_path):
    answer = certify(simple([[0.5]], [0.0]), np.zeros((0, 1)), inputs=[[0.0]])
    assert len(answer) == 0 and repr(answer) == "no points to certify"
    answer.plot()


def test_points_under_other_inputs_are_never_the_same():
    system = as_system(lambda h, u: 0.5 * h + 0.0 * u, n_states=1, n_inputs=1)
    answer = certify(system, np.zeros((3, 1)), inputs=[[0.0], [1.0], [0.0]])
    assert answer.same_as.tolist() == [0, 1, 0] and answer.n_distinct == 2


def test_interrupted_keeps_what_was_shown(monkeypatch):
    calls = []
    prove = Prover.prove

    def stop_at_the_second(self, x, u, modes):
        calls.append(len(x))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return prove(self, x, u, modes)

    monkeypatch.setattr(Prover, "prove", stop_at_the_second)
    monkeypatch.setattr(chunks, "MEMORY_LIMIT", 8 * 64 * 3)
    answer = certify(simple([[0.5]], [0.0]), np.zeros((5, 1)), inputs=[[0.0]])
    assert answer.interrupted
    assert answer.codes == ["certified"] * 3 + ["interrupted"] * 2


def test_same_seed_same_answer_and_saved_as_it_was(tmp_path):
    system = as_system(lambda h, u: tf.sin(h) + u[:, :1] ** 2, n_states=3, n_inputs=1)
    points = [[0.5, 0.1, 0.0], [1.5, 1.5, 1.5]]
    one, two = (certify(system, points, inputs=[[1.0]], seed=4) for _ in range(2))
    one.save(tmp_path / "c.h5")
    back = Certificates.load(tmp_path / "c.h5")
    for answer in (two, back):
        assert answer.jacobian_lipschitz.tolist() == one.jacobian_lipschitz.tolist()
        assert (answer.codes, answer.reasons) == (one.codes, one.reasons)


def test_slow_points_are_called_so(memory):
    system, _, _ = memory
    slow = FixedPoints(xstar=np.full((1, 24), 0.05), inputs=np.zeros((1, 3)), status=[1])
    answer = certify(system, slow)
    assert answer.codes == ["slow_point"] and "slow point" in repr(answer)
    figure, axes = answer.plot()
    assert "slow point: Newton step" in [t.get_text() for t in axes.get_legend().texts]


@pytest.mark.parametrize(
    ("points", "options", "error", "message"),
    [
        (np.zeros((1, 2)), {}, ValueError, r"points: expected shape"),
        (np.zeros(1), {}, ValueError, r"points: expected shape \(n, 1\)"),
        (FixedPoints(xstar=np.zeros((1, 2))), {}, ValueError, r"points: expected n_states = 1"),
        (
            FixedPoints(xstar=np.zeros((1, 1)), time="continuous"),
            {},
            ValueError,
            r"points: expected those of a discrete system",
        ),
        (
            np.zeros((1, 1)),
            {"inputs": None},
            ValueError,
            r"inputs: expected an array of width 1, .* received None",
        ),
        (np.zeros((1, 1)), {"inputs": np.zeros((2, 1))}, ValueError, r"inputs: expected shape"),
        (np.zeros((1, 1)), {"safety": 0.5}, ValueError, r"safety: expected .* at least 1"),
        (
            np.zeros((1, 1)),
            {"n_directions": 0},
            ValueError,
            r"n_directions: expected .* at least 1",
        ),
        (
            np.zeros((1, 1)),
            {"n_directions": 1.5},
            ValueError,
            r"n_directions: expected a whole",
        ),
        ("points", {}, TypeError, r"points: expected an array of real numbers"),
    ],
)
def test_bad_input_is_refused(points, options, error, message):
    with pytest.raises(error, match=message):
        certify(simple([[0.5]], [0.0]), points, **{"inputs": [[0.0]], **options})
