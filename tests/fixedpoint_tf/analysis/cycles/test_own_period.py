"""The oscillation's own period, beside the number of steps after which a state returns."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from fixedpoint_tf import as_system
from fixedpoint_tf.analysis import Cycles, find_cycles

pytestmark = pytest.mark.slow


def starts(n, d, seed=0, scale=1.0):
    return scale * np.random.default_rng(seed).normal(size=(n, d))


def rotation(share, harmonics=(), n_states=None, seed=0):
    """Turning by a share of a circle, towards radius 1; units that follow harmonics."""
    width = 2 + 2 * len(harmonics)
    n_states = n_states or width
    frame = np.linalg.qr(np.random.default_rng(seed).normal(size=(n_states, n_states)))[0]
    frame = frame if n_states > 2 else np.eye(2)

    def step(h, u):
        turned = tf.constant(frame, h.dtype)
        z = h @ tf.transpose(turned)
        radius = tf.sqrt(z[:, :1] ** 2 + z[:, 1:2] ** 2)
        angle = tf.atan2(z[:, 1:2], z[:, :1]) + 2 * np.pi * share
        radius = radius + 0.3 * (1 - radius) * radius
        parts = [radius * tf.cos(angle), radius * tf.sin(angle)]
        for order, size in harmonics:
            parts += [size * tf.cos(order * angle), size * tf.sin(order * angle)]
        parts.append(0.3 * z[:, width:])
        return tf.concat(parts, axis=1) @ turned

    return as_system(step, n_states=n_states, n_inputs=0)


@pytest.mark.parametrize(
    ("turns", "steps", "harmonics", "n_states"),
    [
        (10, 73, (), 2),
        (2, 5, (), 2),
        (3, 7, (), 2),
        (1, 50, (), 2),
        (10, 73, ((2, 3.0),), 12),
        (2, 7, ((2, 3.0),), 8),
        (3, 20, ((3, 0.5),), 6),
    ],
)
def test_a_circle_filled_with_cycles_is_one_oscillation(turns, steps, harmonics, n_states):
    system = rotation(turns / steps, harmonics, n_states)
    cycles = find_cycles(system, starts(6, n_states), max_period=0)
    assert cycles.n == 1 and cycles.n_starts.tolist() == [6]
    assert cycles.period.tolist() == [steps] and cycles.turns.tolist() == [turns]
    assert cycles.frequencies() == pytest.approx([turns / steps], rel=1e-12)
    assert cycles.is_stable[0] and cycles.n_family.tolist() == [1]


@pytest.mark.parametrize("d", [1, 2])
def test_cycles_of_any_size_beside_each_other_are_not_stable(d):
    """h -> -h: every state has period 2, and a deviation stays as it is."""
    system = as_system(lambda h, u: -h, n_states=d, n_inputs=0)
    cycles = find_cycles(system, starts(3, d), max_period=0)
    assert set(cycles.stability_in_words()) == {"marginal"} and not cycles.is_stable.any()
    assert (cycles.n_family == d).all()


def test_a_line_of_cycles_through_a_fixed_point_does_not_close():
    system = as_system(
        lambda h, u: tf.concat([-h[:, :1], 0.5 * h[:, 1:]], 1), n_states=2, n_inputs=0
    )
    cycles = find_cycles(system, starts(3, 2), max_period=0)
    assert set(cycles.stability_in_words()) == {"marginal"}
    assert not cycles.family_closes.any()


@pytest.mark.parametrize(("turns", "steps"), [(1, 3), (1, 4), (1, 2)])
def test_few_points_on_a_circle_that_draws_states_in_are_stable(turns, steps):
    cycles = find_cycles(rotation(turns / steps), starts(4, 2), max_period=0)
    assert cycles.n == 1 and cycles.period.tolist() == [steps] and cycles.is_stable[0]


def test_the_line_says_both_periods():
    cycles = find_cycles(rotation(10 / 73), starts(2, 2), max_period=0)
    said = "a stable cycle: the oscillation takes 7.3 steps, 10 turns in 73 steps; "
    assert repr(cycles) == said + "starts: 2 on a cycle"


@pytest.mark.parametrize("period", [7.3001, 50.0002, 49.9997, 4.0002, 3.0001])
def test_nearly_locked_is_a_closed_curve_with_its_rotation_number(period):
    cycles = find_cycles(rotation(1 / period), starts(4, 2), max_period=0)
    assert cycles.n == 1 and not cycles.is_exact[0] and cycles.turns.tolist() == [1]
    assert cycles.frequencies() == pytest.approx([1 / period], rel=1e-8)
    assert np.linalg.norm(cycles.orbit(0), axis=1) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(("r", "k"), [(3.3, 2), (3.8284 + 0.002, 3), (3.5, 4), (3.7390, 5)])
def test_a_map_of_one_unit_samples_no_oscillation(r, k):
    logistic = as_system(lambda x, u: r * x * (1 - x), n_states=1, n_inputs=0)
    cycles = find_cycles(logistic, [[0.3]], max_period=0)
    assert cycles.period.tolist() == [k] and cycles.turns.tolist() == [1]
    assert cycles.frequencies() == pytest.approx([1 / k])


def clipped_focus(period, growth):
    """A focus that is unstable, in a box that its states may not leave."""
    angle = 2 * np.pi / period
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    skew = np.eye(2) + 0.2 * np.random.default_rng(1).normal(size=(2, 2))
    turn = (skew @ turn @ np.linalg.inv(skew)).T

    def step(h, u):
        return tf.clip_by_value(h @ tf.constant(growth * turn, h.dtype), -1.0, 1.0)

    return as_system(step, n_states=2, n_inputs=0)


def test_a_locked_cycle_that_stands_alone_is_gone_round_as_often_as_its_angle_says():
    cycles = find_cycles(clipped_focus(7.3, 1.05), starts(4, 2), max_period=0)
    for row in range(cycles.n):
        points = cycles.orbit(row)
        angle = np.unwrap(np.arctan2(*np.append(points, points[:1], axis=0).T))
        assert cycles.turns[row] == round(abs(angle[-1] - angle[0]) / (2 * np.pi))
    assert cycles.n >= 1 and cycles.turns.max() > 1


def flip(h, u):
    angle = 2 * np.pi * 10 / 73
    c, s = np.cos(angle), np.sin(angle)
    a, b = h[:, :1], h[:, 1:2]
    gain = 1.3 - 0.3 * tf.sqrt(a * a + b * b)
    return tf.concat(
        [gain * (c * a - s * b), gain * (s * a + c * b), -tf.tanh(2 * h[:, 2:])], 1
    )


def test_beside_a_unit_that_flips_the_oscillation_is_the_same():
    system = as_system(flip, n_states=3, n_inputs=0)
    cycles = find_cycles(system, [[0.5, 0.2, 0.1]], max_period=0)
    assert cycles.period.tolist() == [146] and cycles.turns.tolist() == [20]


#: Eisenmann et al. 2023, github.com/DurstewitzLab/SCYFI, test/convPLRNN_tests.jl:
#: period, then the diagonal of A, the entries beside the diagonal of W, the bias.
PUBLISHED = [
    (16, 0.8377689, -0.64375, 0.52505308, -0.97931491),
    (27, 0.9777689, -0.14375, 0.52505308, -0.97931491),
    (31, 0.9777689, -0.14375, 1.17505308, -0.97931491),
    (40, 0.9777689, -0.64375, 0.52505308, -0.97931491),
    (53, 0.9377689, -0.64375, 0.52505308, -0.97931491),
    (65, 0.9777689, -0.14375, 1.32505308, -0.97931491),
    (80, 0.9777689, -0.14375, 0.52505308, -0.77931491),
    (83, 0.9777689, -0.14375, 0.67505308, -0.97931491),
]


@pytest.mark.parametrize("published", PUBLISHED, ids=[str(p[0]) for p in PUBLISHED])
def test_published_cycles_of_piecewise_linear_networks(published):
    period, a, w1, w2, bias = published
    weights = np.array([[0.0, w1], [w2, 0.0]]).T

    def step(h, u):
        leak, b = (tf.constant(v, h.dtype) for v in ([a, 0.96461297], [0.37298253, bias]))
        return leak * h + tf.nn.relu(h) @ tf.constant(weights, h.dtype) + b

    system = as_system(step, n_states=2, n_inputs=0)
    cycles = find_cycles(system, starts(8, 2, scale=5.0), max_period=0)
    (row,) = np.flatnonzero(cycles.period == period)
    assert cycles.is_exact[row] and cycles.is_stable[row]
    points = cycles.orbit(row)
    angle = np.unwrap(np.arctan2(*(np.append(points, points[:1], 0) - points.mean(0)).T))
    assert cycles.turns[row] == round(abs(angle[-1] - angle[0]) / (2 * np.pi))


@functools.cache  # compiled once
def threshold_linear(n, dt, seed):
    """Units that inhibit each other, the next one less (Morrison et al. 2016)."""
    rng = np.random.default_rng(seed)
    weights = np.full((n, n), -1.5)
    weights[(np.arange(n) + 1) % n, np.arange(n)] = -0.75
    np.fill_diagonal(weights, 0.0)
    weights += (1 - np.eye(n)) * rng.uniform(-0.05, 0.05, (n, n))

    def step(h, u):
        drive = tf.nn.relu(h @ tf.constant(weights.T, h.dtype) + 1.0)
        return h + dt * (drive - h)

    def plain(h):
        return h + dt * (np.maximum(h @ weights.T + 1.0, 0.0) - h)

    return as_system(step, n_states=n, n_inputs=0), plain, rng.uniform(0, 0.6, (4, n))


@pytest.mark.parametrize(
    ("n", "dt", "seed"), [(3, 0.1, 0), (3, 0.3, 2), (3, 0.4, 3), (5, 0.21, 2), (5, 0.24, 3)]
)
def test_a_piecewise_linear_oscillation_has_the_period_of_a_long_run(n, dt, seed):
    """The invariant curve has corners, and no two states are ever the same."""
    system, plain, x = threshold_linear(n, dt, seed)
    cycles = find_cycles(system, x, max_period=0)
    assert cycles.n == 1 and cycles.is_stable[0] and cycles.n_starts.tolist() == [4]
    h, passages, before = x[0], [], None
    for t in range(120_000):
        h = plain(h)
        height = h[0] - h[1]
        if t > 20_000 and before is not None and before < 0 <= height:
            passages.append(t - height / (height - before))
        before = height
    period = (passages[-1] - passages[0]) / (len(passages) - 1)
    assert cycles.oscillation_period == pytest.approx([period], rel=1e-4)


@pytest.mark.parametrize(
    ("scale", "centre"), [(1e-6, 0.0), (1e-3, 0.0), (1.0, 0.0), (1e3, 0.0), (1e-3, 10.0)]
)
def test_cycles_are_the_same_at_every_size_of_the_states(scale, centre):

    def logistic(x, u):
        y = (x - centre) / scale
        return centre + scale * 3.5 * y * (1 - y)

    system = as_system(logistic, n_states=1, n_inputs=0)
    cycles = find_cycles(system, centre + scale * np.array([[0.3], [0.6]]), max_period=2)
    assert cycles.period.tolist() == [4, 2] and cycles.is_stable.tolist() == [True, False]
    assert cycles.multipliers[1, 0] == pytest.approx(4 + 2 * 3.5 - 3.5**2, rel=1e-5)
    assert cycles.outcomes == ("cycle", "cycle")

    def turn(h, u):
        z = (h - centre) / scale
        angle = 2 * np.pi / (6 + 2**0.5)
        turned = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        gain = 1.1 - tf.reduce_sum(z * z, axis=1, keepdims=True)
        return centre + scale * gain * (z @ tf.constant(turned, h.dtype))

    system = as_system(turn, n_states=2, n_inputs=0)
    cycles = find_cycles(system, centre + scale * starts(3, 2, scale=0.3), max_period=0)
    assert cycles.n == 1 and cycles.outcomes == ("invariant curve",) * 3
    assert cycles.period == pytest.approx([6 + 2**0.5], rel=1e-7)
    assert cycles.amplitude == pytest.approx([scale * 0.1**0.5], rel=1e-4)


@pytest.mark.parametrize("scale", [1e-6, 1e3])
def test_limit_cycles_are_the_same_at_every_size_of_the_states(scale):
    def hopf(h, u):
        z = h / scale
        a, b = z[:, :1], z[:, 1:]
        gain = 0.1 - (a * a + b * b)
        return scale * tf.concat([gain * a - 2.3 * b, 2.3 * a + gain * b], 1)

    system = as_system(hopf, n_states=2, n_inputs=0, time="continuous")
    x = scale * starts(3, 2, scale=0.15)
    cycles = find_cycles(system, x, dt=0.05, n_steps=1024, n_candidates=4)
    assert cycles.n == 1 and cycles.outcomes == ("cycle",) * 3
    assert cycles.period == pytest.approx([2 * np.pi / 2.3], rel=1e-8)


def test_what_shrinks_to_zero_comes_to_a_fixed_point():
    system = as_system(lambda h, u: 0.999 * h, n_states=3, n_inputs=0)
    assert find_cycles(system, starts(2, 3)).outcomes == ("fixed point",) * 2


# ---- chaos that ends, and chaos that does not ----


def test_chaos_that_ends_is_not_called_chaos():
    """In the window of period 4 near r = 3.96 states wander for long before they settle."""
    logistic = as_system(lambda x, u: 3.9602701 * x * (1 - x), n_states=1, n_inputs=0)
    x = np.random.default_rng(0).uniform(0.05, 0.95, (32, 1))
    h, settled = x.copy(), np.zeros(32, dtype=bool)
    for _ in range(128):
        h = 3.9602701 * h * (1 - h)
    ahead = h.copy()
    for _ in range(4):
        ahead = 3.9602701 * ahead * (1 - ahead)
    settled = np.abs(ahead - h)[:, 0] < 1e-6
    assert not settled.all()  # some still wander when they are looked at
    cycles = find_cycles(logistic, x, n_transient=0, n_steps=128, n_extensions=0, max_period=0)
    assert "chaotic" not in cycles.outcomes and cycles.outcomes.count("cycle") > 16
    assert cycles.period.tolist() == [4]


@pytest.mark.parametrize("gain", [3.0, 5.0])
def test_chaos_that_goes_on_is_called_so_with_its_exponent_and_error(gain):
    weights = gain * np.random.default_rng(1).normal(size=(40, 40)) / 40**0.5
    network = as_system(
        lambda h, u: tf.tanh(h @ tf.constant(weights, h.dtype)), n_states=40, n_inputs=0
    )
    found = find_cycles(network, starts(2, 40), n_steps=1024, max_period=0, n_extensions=0)
    assert found.n == 0 and found.outcomes == ("chaotic",) * 2
    assert (found.lyapunov > 10 * found.lyapunov_error).all()
    assert "2 chaotic (exponent 0." in repr(found)


def test_chaos_is_said_of_the_steps_that_were_simulated():
    logistic = as_system(lambda x, u: 4.0 * x * (1 - x), n_states=1, n_inputs=0)
    found = find_cycles(logistic, [[0.3], [0.35]], n_transient=100, n_steps=400, max_period=0)
    assert (found.n_run >= 400 * 40).all()
    said = f"in all {found.n_run.min():,} steps simulated)"
    assert found.outcomes == ("chaotic",) * 2 and said in repr(found)


def test_chaos_longer_than_ten_runs_is_followed_where_that_of_others_ends():
    """Escape from what was chaos before a crisis, at a rate of one in a thousand steps."""

    def plain(x, leak=0.001):  # a tent, and from a narrow place in it out to a fixed point
        tent = 1.0 - 2.0 * np.abs(x - 0.5)
        return np.where(x > 1.5, 2.0, np.where(np.abs(x - 0.4) < leak / 2, 2.0, 0.9999 * tent))

    def step(x, u, leak=0.001):
        tent = 0.9999 * (1.0 - 2.0 * tf.abs(x - 0.5))
        inside = tf.where(tf.abs(x - 0.4) < leak / 2, 0.0 * x + 2.0, tent)
        return tf.where(x > 1.5, 0.0 * x + 2.0, inside)

    x = np.random.default_rng(1).uniform(0.05, 0.95, (24, 1))
    h = x.copy()
    for _ in range(11 * 100):
        h = plain(h)
    assert 0 < (h < 1.5).sum() < 24  # some still wander after eleven runs, and some do not
    system = as_system(step, n_states=1, n_inputs=0)
    found = find_cycles(system, x, n_transient=0, n_steps=100, n_extensions=0, max_period=0)
    assert found.outcomes == ("fixed point",) * 24


# ---- starts that run away ----


@pytest.mark.parametrize("time", ["discrete", "continuous"])
def test_starts_that_run_away_are_counted_and_harm_no_other(time):
    def velocity(h, u):
        return h**3 - h

    def step(h, u):
        return h + 0.1 * (h**3 - h)

    system = as_system(
        velocity if time == "continuous" else step, n_states=1, n_inputs=0, time=time
    )
    options = {"dt": 0.1} if time == "continuous" else {}
    for x, outcomes in (
        ([[3.0]], ("diverged",)),
        ([[3.0], [4.0]], ("diverged", "diverged")),
        ([[0.5], [3.0], [1e200]], ("fixed point", "diverged", "diverged")),
    ):
        found = find_cycles(system, x, n_transient=200, n_steps=512, **options)
        assert found.n == 0 and found.outcomes == outcomes


def test_nan_from_the_network_is_counted_as_diverged():
    system = as_system(lambda h, u: tf.sqrt(h - 0.1), n_states=1, n_inputs=0)
    found = find_cycles(system, [[0.05], [0.8]])
    assert found.outcomes == ("diverged", "fixed point")


def test_states_too_great_for_single_precision_are_counted_as_diverged():
    one = np.float32(1.0)
    system = as_system(lambda h, u: tf.cast(h, tf.float32) * one * 4.0, n_states=1, n_inputs=0)
    assert find_cycles(system, [[1.0], [1e39]]).outcomes == ("diverged",) * 2


# ---- numbers of starts, files ----


def test_starts_that_are_the_same_come_to_the_same():
    system = rotation(10 / 73)
    same = find_cycles(system, np.full((3, 2), 0.4), max_period=0)
    one = find_cycles(system, np.full((1, 2), 0.4), max_period=0)
    assert same.n == one.n == 1 and same.period == one.period
    assert same.n_starts.tolist() == [3] and one.n_starts.tolist() == [1]


def test_no_start_is_refused():
    with pytest.raises(ValueError, match=r"states: expected at least one start, received"):
        find_cycles(rotation(0.1), np.zeros((0, 2)))


def test_turns_are_kept_in_files_and_are_1_in_old_ones(tmp_path):
    cycles = find_cycles(rotation(2 / 5), starts(1, 2), max_period=0)
    cycles.save(tmp_path / "cycles.h5")
    back = Cycles.load(tmp_path / "cycles.h5")
    assert repr(back) == repr(cycles) and back.frequencies() == pytest.approx([0.4])
    fields = {name: getattr(cycles, name) for name in (
        "period", "points", "lengths", "multipliers", "residual", "amplitude", "is_exact",
        "inputs", "n_starts", "outcomes", "cycle_of_start", "lyapunov",
    )}  # fmt: skip
    assert Cycles(**fields).turns.tolist() == [1]
