"""Branches of networks with thresholds, whose fixed points are all known by linear algebra."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from fixedpoint_tf import FixedPoints, as_system
from fixedpoint_tf.analysis import continue_branches

pytestmark = pytest.mark.slow

FOLD, COLLISION, CROSSING = "border-collision fold", "border collision", "border branch point"
WHOLE = ("end of path", "end of path")


def system(step, n_states=1, n_inputs=1, time="discrete"):
    return as_system(step, n_states=n_states, n_inputs=n_inputs, time=time)


def constant(value, like):
    return tf.constant(np.asarray(value), like.dtype)


def two_slopes(left, right, time="discrete"):
    """x -> u + left x below 0 and right x above: its fixed points are u / (1 - slope)."""

    def step(x, u):
        image = u + tf.where(x < 0, left * x, right * x)
        return image - x if time == "continuous" else image

    return system(step, time=time)


# ---- one threshold ----


@pytest.mark.parametrize("time", ["discrete", "continuous"])
def test_two_branches_meet_at_a_threshold_and_vanish(time):
    """Slopes 0.5 and 1.5: at each u < 0 the points 2 u and -2 u, above none."""
    x = -0.6
    branches = continue_branches(two_slopes(0.5, 1.5, time), [[x]], [-0.3, 0.3])
    assert branches.ends == (WHOLE,)
    (fold,) = branches.bifurcations
    assert fold.bifurcation_type == FOLD and fold.change == "stable -> unstable"
    assert fold.inputs == pytest.approx([0.0], abs=1e-11)
    assert fold.state == pytest.approx([0.0], abs=1e-11)
    assert np.isnan(fold.eigenvalue)
    u, x = branches.inputs[:, 0], branches.xstar[:, 0]
    assert np.abs(x) == pytest.approx(-2.0 * u, abs=1e-10)
    # At the border itself the branch has a point of either side.
    away = np.abs(x) > 1e-9
    assert (branches.is_stable[away] == (x[away] < 0)).all()
    assert np.sort(branches.crossings(0.25)[:, 0]) == pytest.approx([-0.3, 0.3], abs=1e-10)
    assert branches.crossings(0.75).shape == (0, 1)
    assert repr(branches).endswith("bifurcations: 1 border-collision fold")


@pytest.mark.parametrize(
    ("right", "change"), [(-1.5, "stable -> unstable"), (0.9, None), (-0.9, None), (0.0, None)]
)
def test_a_branch_passes_a_threshold(right, change):
    branches = continue_branches(two_slopes(0.5, right), [[-0.6]], [-0.3, 0.3])
    assert branches.ends == (WHOLE,) and branches.s[[0, -1]].tolist() == [0.0, 1.0]
    u = branches.inputs[:, 0]
    slope = np.where(u < 0, 0.5, right)
    assert branches.xstar[:, 0] == pytest.approx(u / (1.0 - slope), abs=1e-10)
    away = np.abs(u) > 1e-9
    assert (branches.is_stable[away] == (np.abs(slope[away]) < 1.0)).all()
    if change is None:
        assert branches.bifurcations == []
        assert repr(branches).endswith("bifurcations: none")
    else:
        (found,) = branches.bifurcations
        assert (found.bifurcation_type, found.change) == (COLLISION, change)
        assert found.s == pytest.approx(0.5, abs=1e-11)
        assert repr(branches).endswith("1 border collision (stable -> unstable)")
        assert "s = 0.5, u = (" in repr(found) and repr(found).endswith(change)


def test_backwards_along_the_path_the_change_is_told_backwards():
    branches = continue_branches(two_slopes(0.5, -1.5), [[0.12]], [0.3, -0.3])
    (found,) = branches.bifurcations
    assert (found.bifurcation_type, found.change) == (COLLISION, "unstable -> stable")


@pytest.mark.parametrize("function", ["relu", "abs", "maximum", "hard_sigmoid"])
def test_every_kind_of_kink_is_passed(function):
    """x = f(u) / 2 + x / 2 with a kink of f at 0, and no other solution than f(u)."""
    functions = {
        "relu": tf.nn.relu,
        "abs": tf.abs,
        "maximum": lambda u: tf.maximum(0.3 * u, 2.0 * u),
        "hard_sigmoid": lambda u: tf.clip_by_value(u, 0.0, 0.25),
    }
    values = {
        "relu": lambda u: np.maximum(u, 0.0),
        "abs": np.abs,
        "maximum": lambda u: np.maximum(0.3 * u, 2.0 * u),
        "hard_sigmoid": lambda u: np.clip(u, 0.0, 0.25),
    }
    kinked = system(lambda x, u: 0.5 * x + 0.5 * functions[function](u))
    branches = continue_branches(kinked, [values[function](np.array([-1.0]))], [-1.0, 1.0])
    assert branches.ends == (WHOLE,) and branches.bifurcations == []
    truth = values[function](branches.inputs[:, 0])
    assert branches.xstar[:, 0] == pytest.approx(truth, abs=1e-9)
    assert branches.is_stable.all()


# ---- several thresholds ----


@pytest.mark.parametrize("spread", [1.0, 1e-3, 1e-6, 0.0])
def test_twenty_thresholds_are_passed_however_close_they_stand(spread):
    at = np.linspace(-0.5, 0.5, 20) * spread

    def step(x, u):
        return 0.5 * x - tf.reduce_sum(tf.nn.relu(x - constant(at, x)), 1)[:, None] / 50 + u

    def input_of(x):
        return 0.5 * x + np.maximum(x[:, None] - at, 0.0).sum(axis=1) / 50

    branches = continue_branches(system(step), [[-0.6]], [-0.3, 0.3])
    assert branches.ends == (WHOLE,) and branches.bifurcations == []
    assert input_of(branches.xstar[:, 0]) == pytest.approx(branches.inputs[:, 0], abs=1e-9)
    assert branches.is_stable.all()


def test_many_units_that_reach_their_threshold_together_fold_as_one():
    """Each unit follows the mean m, which folds: m = m + u + |m| / 2."""

    def step(x, u):
        mean = tf.reduce_mean(x, 1, keepdims=True)
        return mean + u + 0.5 * tf.abs(mean) + 0.1 * (x - mean)

    branches = continue_branches(system(step, 30), np.full((1, 30), -0.6), [-0.3, 0.3])
    (fold,) = branches.bifurcations
    assert (fold.bifurcation_type, fold.change) == (FOLD, "stable -> saddle")
    assert fold.inputs == pytest.approx([0.0], abs=1e-10)
    assert branches.ends == (WHOLE,)


def test_two_folds_within_one_step_are_both_found():
    """A fold and its return between u = 0 and u = -0.001, far less than a step."""
    gap = 1e-3

    def step(x, u):
        return 0.5 * x + 1.5 * tf.clip_by_value(x, 0.0, gap) + u

    # u = x / 2 - 1.5 clip(x, 0, gap): down by gap between, up on both sides.
    branches = continue_branches(system(step), [[-0.6]], [-0.3, 0.3])
    assert branches.bifurcation_types == (FOLD, FOLD)
    assert branches.bifurcation_inputs[:, 0] == pytest.approx([0.0, -gap], abs=1e-10)
    assert branches.ends == (WHOLE,)


def test_branches_that_only_touch_a_threshold_go_on():
    """y = y / 2 + relu(x^2 - c) with x = u: it touches at c = 0, and misses for c < 0."""
    for c in (0.0, 1e-12, -1e-12, 1e-6):

        def step(x, u, c=c):
            return tf.concat(
                [0.5 * x[:, :1] + 0.5 * u, 0.5 * x[:, 1:] - tf.nn.relu(c - x[:, :1] ** 2)], 1
            )

        branches = continue_branches(system(step, 2), [[-1.0, 0.0]], [-1.0, 1.0])
        assert branches.ends == (WHOLE,) and branches.bifurcations == []
        truth = -2.0 * np.maximum(c - branches.inputs[:, 0] ** 2, 0.0)
        assert branches.xstar[:, 1] == pytest.approx(truth, abs=1e-9)


def test_branches_that_cross_at_a_threshold():
    """x = x + (|u| - |x|) / 2: both diagonals are fixed points, and cross at 0."""
    cross = system(lambda x, u: x + 0.5 * (tf.abs(u) - tf.abs(x)))
    branches = continue_branches(cross, [[1.0]], [-1.0, 1.0])
    (point,) = branches.bifurcations
    assert point.bifurcation_type == CROSSING and point.inputs == pytest.approx(
        [0.0], abs=1e-11
    )
    assert branches.xstar[:, 0] == pytest.approx(-branches.inputs[:, 0], abs=1e-10)
    # Begun where they cross, all four ways are followed.
    both = continue_branches(cross, [[0.0]], [-1.0, 1.0], start=0.5)
    assert both.n == 2 and both.ends == (WHOLE, WHOLE)
    for s in (0.2, 0.7):
        u = 2.0 * s - 1.0
        assert np.sort(both.crossings(s)[:, 0]) == pytest.approx([-abs(u), abs(u)], abs=1e-10)


def test_a_start_at_the_threshold_of_every_unit():
    """Without bias and input, h = 0 is at all thresholds: at u > 0 the point is (0, 2 u)."""
    w = [[0.0, 1.0], [-1.0, 0.5]]
    silent = system(lambda x, u: tf.nn.relu(x @ constant(w, x) + u), 2)
    branches = continue_branches(silent, [[0.0, 0.0]], [0.0, 1.0])
    assert branches.ends == (WHOLE,) and branches.bifurcations == []
    u = branches.inputs
    assert branches.xstar == pytest.approx(np.hstack([0.0 * u, 2.0 * u]), abs=1e-10)
    assert (np.abs(branches.eigenvalues[:, 0] - 0.5) < 1e-12).all()


# ---- inputs at which all states of a line are fixed ----


def test_a_line_of_fixed_points_is_told():
    """x = relu(x) + u: at u = 0 every x >= 0, above none."""
    branches = continue_branches(
        system(lambda x, u: tf.nn.relu(x) + u), [[-1.0]], [-1.0, 1.0], bounds=(-2.0, 2.0)
    )
    (line,) = branches.bifurcations
    assert line.bifurcation_type == "continuum" and line.inputs == pytest.approx(
        [0.0], abs=1e-11
    )
    assert branches.ends == (("end of path", "left the bounds"),)
    assert repr(branches).endswith("bifurcations: 1 continuum")
    on_line = branches.xstar[:, 0] > 1e-9
    assert branches.inputs[on_line, 0] == pytest.approx(0.0, abs=1e-10)
    assert not branches.is_stable[on_line].any()


def test_a_line_of_fixed_points_with_ends_is_gone_through():
    """Below 0 and above 1 the slope is 0, between 1."""
    line = system(lambda x, u: tf.clip_by_value(x, 0.0, 1.0) + u)
    for x, start in ((-1.0, 0.0), (0.5, 0.5)):
        branches = continue_branches(line, [[x]], [-1.0, 1.0], start=start)
        assert branches.ends == (WHOLE,)
        assert branches.bifurcation_types == ("continuum",)
        ends = np.sort(branches.xstar[[0, -1], 0])  # from within, either way is ahead
        assert ends == pytest.approx([-1.0, 2.0], abs=1e-9)


def test_a_branch_ends_where_the_system_itself_jumps():
    jump = system(lambda x, u: 0.5 * x + u + tf.where(x < 0, 0.0 * x, 0.2 + 0.0 * x))
    branches = continue_branches(jump, [[-1.0]], [-0.5, 0.5])
    assert branches.ends == (("end of path", "jump of the system"),)
    assert branches.s[-1] == pytest.approx(0.5, abs=1e-7)


# ---- corners of the path ----


@pytest.mark.parametrize(
    ("right", "found_type", "last"),
    [(-1.5, COLLISION, 1.0), (1.5, FOLD, 0.0), (0.9, None, 1.0)],
)
def test_a_threshold_at_a_corner_of_the_path(right, found_type, last):
    branches = continue_branches(two_slopes(0.5, right), [[-0.6]], [-0.3, 0.0, 0.6])
    assert branches.ends == (WHOLE,) and branches.s[-1] == last
    assert branches.bifurcation_types == ((found_type,) if found_type else ())
    slope = np.where(branches.xstar[:, 0] < 0, 0.5, right)
    truth = branches.inputs[:, 0] / (1.0 - slope)
    assert branches.xstar[:, 0] == pytest.approx(truth, abs=1e-9)


# ---- smooth within the pieces ----


def test_smooth_bifurcations_are_found_between_thresholds():
    """u = x^2 - |x - 0.2| / 10: a saddle-node at -0.05; the threshold at 0.2 is passed."""
    bent = system(lambda x, u: x + u - x * x + 0.1 * tf.abs(x - 0.2))
    x = 0.8
    branches = continue_branches(bent, [[x]], [x * x - 0.06, -0.5], bounds=(-1.5, 1.5))
    (fold,) = branches.bifurcations
    assert fold.bifurcation_type == "saddle-node" and fold.eigenvalue == pytest.approx(
        1.0, abs=1e-8
    )
    assert fold.state == pytest.approx([-0.05], abs=1e-8)
    assert fold.inputs == pytest.approx([0.05**2 - 0.025], abs=1e-10)
    truth = branches.xstar[:, 0] ** 2 - 0.1 * np.abs(branches.xstar[:, 0] - 0.2)
    assert branches.inputs[:, 0] == pytest.approx(truth, abs=1e-9)


def test_folds_at_thresholds_between_curved_pieces():
    """u = sin(x) - 2 |x|: it rises up to the threshold at 0, and falls beyond it."""
    curved = system(lambda x, u: x + 0.2 * (u - tf.sin(x) + 2.0 * tf.abs(x)))
    begin = -0.5
    u = np.sin(begin) - 2.0 * abs(begin)
    branches = continue_branches(curved, [[begin]], [u, u + 3.0])
    (fold,) = branches.bifurcations
    assert fold.bifurcation_type == FOLD and fold.inputs == pytest.approx([0.0], abs=1e-10)
    x = branches.xstar[:, 0]
    assert np.sin(x) - 2.0 * np.abs(x) == pytest.approx(branches.inputs[:, 0], abs=1e-9)


def test_a_gru_with_relu_units():
    """Along the way each point is a fixed point of its Jacobian's own side."""
    rng = np.random.default_rng(3)
    cell = keras.layers.GRUCell(4, activation="relu", recurrent_activation="hard_sigmoid")
    cell.build((None, 1))
    cell.set_weights([rng.normal(size=w.shape) for w in cell.get_weights()])
    network = as_system(cell)
    state = np.zeros((1, 4))
    for _ in range(3000):
        state = network.step(state, [[0.0]]).numpy()
    if np.abs(network.step(state, [[0.0]]).numpy() - state).max() > 1e-10:
        pytest.fail("the network of the test must settle")
    branches = continue_branches(network, state, [0.0, 1.0])
    assert set(sum(branches.ends, ())) == {"end of path"}
    step = network.step(branches.xstar, branches.inputs).numpy()
    assert step == pytest.approx(branches.xstar, abs=1e-8)
    assert branches.s[-1] == 1.0


# ---- random networks, all of whose fixed points are known ----


def pieces(w, bias, by_s):
    """All fixed points of x = relu(w x + bias + s by_s) for s in 0 to 1.

    Each set of active units has a line of them: where it begins and ends, its state at
    s = 0 and by s, and the active units.
    """
    n, found = len(w), []
    for active in itertools.product([0.0, 1.0], repeat=n):
        on = np.array(active)
        inverse = np.linalg.inv(np.eye(n) - on[:, None] * w)
        state, slope = inverse @ (on * bias), inverse @ (on * by_s)
        sign = 2.0 * on - 1.0
        margin, change = sign * (w @ state + bias), sign * (w @ slope + by_s)
        crossing = -margin / change
        low = max(0.0, crossing[change > 0].max(initial=0.0))
        high = min(1.0, crossing[change < 0].min(initial=1.0))
        if high > low:
            found.append((low, high, state, slope, on))
    return found


def joints(lines, size):
    """Where lines meet: the two lines, s, and whether both lie on one side of it."""
    ends = [[(s, x + s * v) for s in (low, high)] for low, high, x, v, _ in lines]
    return [
        (i, j, a[0], k == m)
        for (i, one), (j, other) in itertools.combinations(enumerate(ends), 2)
        for (k, a), (m, b) in itertools.product(enumerate(one), enumerate(other))
        if abs(a[0] - b[0]) < 1e-9 and np.abs(a[1] - b[1]).max() < 1e-8 * size
    ]


def reached(lines, met):
    """Which lines are connected to one at an end of the path."""
    known = {i for i, (low, high, *_) in enumerate(lines) if low == 0.0 or high == 1.0}
    for _ in lines:
        known |= {m for i, j, *_ in met for m in (i, j) if known & {i, j}}
    return known


def random_network(seed, size=1.0, leak=1.0, time="discrete"):
    rng = np.random.default_rng(seed)
    n = 2 + seed % 5
    w, b = 3.0 * rng.normal(size=(n, n)) / np.sqrt(n), size * rng.normal(size=n)
    by_u = size * rng.normal(size=(2, n))
    path = 2.0 * rng.normal(size=(2, 2))

    def step(x, u):
        image = tf.nn.relu(x @ constant(w.T, x) + u @ constant(by_u, x) + constant(b, x))
        return leak * (image - x) if time == "continuous" else x + leak * (image - x)

    def number_unstable(on):
        values = np.linalg.eigvals(leak * (on[:, None] * w - np.eye(n)))
        if time == "continuous":
            return int((values.real > 0).sum())
        return int((np.abs(1.0 + values) > 1.0).sum())

    lines = pieces(w, b + path[0] @ by_u, (path[1] - path[0]) @ by_u)
    return as_system(step, n_states=n, n_inputs=2, time=time), lines, path, number_unstable


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"leak": 0.2},
        {"time": "continuous"},
        {"size": 1e-6},
        {"size": 1e-3},
        {"size": 1e3},
    ],
    ids=["map", "leaky", "continuous", "millionth", "thousandth", "thousand"],
)
def test_random_networks_of_relu_units_along_random_inputs(options):
    size, n_found = options.get("size", 1.0), 0
    for seed in range(112, 120):
        network, lines, path, number_unstable = random_network(seed, **options)
        starts = [
            (x + s * v, path[0] + s * (path[1] - path[0]))
            for low, high, x, v, _ in lines
            for s in (0.0, 1.0)
            if s in (low, high)
        ]
        if not starts:
            continue
        x, u = (np.array(part) for part in zip(*starts, strict=True))
        points = FixedPoints(xstar=x, inputs=u, time=network.time)
        branches = continue_branches(network, points, path, max_points=10_000)
        assert (branches.branch_of_point >= 0).all()
        assert set(sum(branches.ends, ())) == {"end of path"}
        met = joints(lines, max(size, np.abs(x).max()))
        known = reached(lines, met)
        n_found += len(known)
        for s in np.random.default_rng(seed).uniform(size=20):
            here = [
                (state + s * slope, number_unstable(on))
                for i, (low, high, state, slope, on) in enumerate(lines)
                if low < s < high and i in known
            ]
            found = branches.crossings(s)
            assert len(found) == len(here)
            for state, _ in here:
                assert np.abs(found - state).max(axis=1).min() < 1e-8 * max(
                    size, np.abs(state).max()
                )
        # Each point is one, with the stability of a set of active units that it belongs to.
        for s, state, unstable in zip(
            branches.s, branches.xstar, branches.n_unstable, strict=True
        ):
            assert unstable in {
                number_unstable(on)
                for low, high, at, slope, on in lines
                if low - 1e-9 <= s <= high + 1e-9
                and np.abs(at + s * slope - state).max() < 1e-8 * max(size, np.abs(at).max())
            }
        met = [one for one in met if one[0] in known]
        folds = [s for _, _, s, turns in met if turns]
        passes = [
            s
            for i, j, s, turns in met
            if not turns and number_unstable(lines[i][-1]) != number_unstable(lines[j][-1])
        ]
        for event, truth in ((FOLD, folds), (COLLISION, passes)):
            mine = [one.s for one in branches.bifurcations if one.bifurcation_type == event]
            assert sorted(mine) == pytest.approx(sorted(truth), abs=1e-9)
        assert set(branches.bifurcation_types) <= {FOLD, COLLISION}
    assert n_found > 20


@pytest.mark.parametrize("size", [1e-6, 1e-3, 1.0, 1e3])
def test_the_hysteresis_of_a_small_unit_is_that_of_a_large_one(size):
    """x = a tanh(2 x / a + u / a): all lengths go with the states."""
    unit = system(lambda x, u: size * tf.tanh((2.0 * x + u) / size))
    branches = continue_branches(unit, [[0.9 * size]], [size, -size])
    x = np.sqrt(0.5)
    u = np.arctanh(x) - 2.0 * x
    assert branches.bifurcation_types == ("saddle-node",) * 2
    assert branches.bifurcation_inputs[:, 0] / size == pytest.approx([u, -u], abs=1e-9)
    assert branches.ends == (WHOLE,)
    assert 20 < len(branches.s) < 400


# ---- figures ----


def test_the_diagram_marks_what_happens_at_thresholds():
    branches = continue_branches(two_slopes(0.5, 1.5), [[-0.6]], [-0.3, 0.3])
    figure, ax = branches.plot()
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words == ["stable", "unstable", "1 border-collision fold"]
    line = continue_branches(
        system(lambda x, u: tf.clip_by_value(x, 0.0, 1.0) + u), [[-1.0]], [-1.0, 1.0]
    )
    figure, ax = line.plot()
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words == ["stable", "marginal", "1 continuum"]
    passed = continue_branches(two_slopes(0.5, -1.5), [[-0.6]], [-0.3, 0.3])
    figure, ax = passed.plot()
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words == ["stable", "unstable", "1 border collision"]
    solid = [line for line in ax.get_lines() if line.get_linestyle() == "-"]
    assert max(line.get_xdata().max() for line in solid if line.get_xdata().size) == (
        pytest.approx(0.0, abs=1e-10)
    )
