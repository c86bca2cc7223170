"""Oscillations whose period, size and stability are known in closed form."""

import functools
import tracemalloc

import numpy as np
import pytest
import reference
import tensorflow as tf

from fixedpoint_tf import as_system
from fixedpoint_tf._utils import chunks
from fixedpoint_tf.analysis import Cycles, find_cycles
from fixedpoint_tf.analysis.cycles import search
from fixedpoint_tf.analysis.cycles.maps import VariationalMap
from fixedpoint_tf.analysis.cycles.orbits import orbits, shooting
from fixedpoint_tf.analysis.cycles.orbits.orbits import Orbit
from fixedpoint_tf.analysis.cycles.orbits.recurrences import settled_period

pytestmark = pytest.mark.slow

MU, GOLDEN = 0.1, (np.sqrt(5.0) - 1.0) / 2.0


@functools.cache  # compiled once
def logistic(r):
    return as_system(lambda x, u: r * x * (1.0 - x), n_states=1, n_inputs=0)


def starts(n, d, seed=0, scale=1.0):
    return scale * np.random.default_rng(seed).normal(size=(n, d))


def logistic_starts(n=4):
    return np.random.default_rng(1).uniform(0.1, 0.9, (n, 1))


@functools.cache  # compiled once
def neimark_sacker(theta, mu=MU):
    c, s = float(np.cos(theta)), float(np.sin(theta))

    def step(x, u):
        a, b = x[:, :1], x[:, 1:]
        gain = 1.0 + mu - (a * a + b * b)
        return tf.concat([gain * (c * a - s * b), gain * (s * a + c * b)], 1)

    return as_system(step, n_states=2, n_inputs=0)


@functools.cache  # compiled once
def hopf(sign, w, mu=MU):
    """``dz/dt = sign (mu - |z|^2) z + i w z``: a cycle of radius sqrt(mu)."""

    def velocity(x, u):
        a, b = x[:, :1], x[:, 1:]
        gain = sign * (mu - (a * a + b * b))
        return tf.concat([gain * a - w * b, w * a + gain * b], 1)

    return as_system(velocity, n_states=2, n_inputs=0, time="continuous")


def of_period(cycles, period):
    return np.flatnonzero(cycles.period == period)


# ---- exact cycles of a map ----


@pytest.mark.parametrize("r", [3.3, 3.55, 3.9], ids=["stable", "repelling", "in chaos"])
def test_the_period_2_cycle_of_the_logistic_map(r):
    cycles = find_cycles(logistic(r), logistic_starts(), max_period=2)
    (row,) = of_period(cycles, 2)
    root = np.sqrt((r - 3.0) * (r + 1.0))
    exact = (r + 1.0 + np.array([-root, root])) / (2.0 * r)
    assert np.sort(cycles.orbit(row)[:, 0]) == pytest.approx(exact, abs=1e-10)
    multiplier = 1.0 - (r - 3.0) * (r + 1.0)  # F'(p) F'(q)
    assert cycles.multipliers[row, 0] == pytest.approx(multiplier, abs=1e-9)
    assert cycles.is_stable[row] == (abs(multiplier) < 1)
    assert cycles.n_unstable[row] == (abs(multiplier) > 1)
    assert cycles.amplitude[row] == pytest.approx(root / (2.0 * r), abs=1e-10)


def test_the_stable_period_3_and_its_unstable_companion():
    # In the period-3 window at r = 1 + sqrt(8) + 0.002 there are two cycles of period 3.
    cycles = find_cycles(logistic(1.0 + np.sqrt(8.0) + 2e-3), logistic_starts(), max_period=3)
    rows = of_period(cycles, 3)
    assert len(rows) == 2 and cycles.is_stable[rows].tolist() == [True, False]
    assert (cycles.n_starts[rows] == [4, 0]).all()
    for row in rows:
        points = cycles.orbit(row)[:, 0]
        r = 1.0 + np.sqrt(8.0) + 2e-3
        assert r * points * (1 - points) == pytest.approx(np.roll(points, -1), abs=1e-12)
        assert cycles.multipliers[row, 0] == pytest.approx(np.prod(r * (1 - 2 * points)))


def test_all_cycles_up_to_period_5_of_the_full_logistic_map():
    # Conjugate to the doubling map: 1, 2, 3, 6 cycles of periods 2 to 5, multipliers +-2^k.
    cycles = find_cycles(
        logistic(4.0), logistic_starts(20), max_period=5, n_candidates=400, n_extensions=0
    )
    counts = [len(of_period(cycles, k)) for k in (2, 3, 4, 5)]
    assert counts == [1, 2, 3, 6]
    assert np.abs(cycles.multipliers[:, 0]) == pytest.approx(2.0**cycles.period, rel=1e-6)


def test_a_cycle_of_the_henon_map():
    a, b = 1.4, 0.3

    def step(x, u):
        return tf.concat([1.0 - a * x[:, :1] ** 2 + x[:, 1:], b * x[:, :1]], 1)

    henon = as_system(step, n_states=2, n_inputs=0)
    cycles = find_cycles(henon, starts(6, 2, scale=0.1), max_period=2, n_extensions=0)
    (row,) = of_period(cycles, 2)
    # a^2 x^2 - a (1 - b) x + (1 - b)^2 - a = 0 (Henon 1976)
    exact = np.sort(np.roots([a * a, -a * (1 - b), (1 - b) ** 2 - a]).real)
    points = cycles.orbit(row)
    points = points[np.argsort(points[:, 0])]
    assert points[:, 0] == pytest.approx(exact, abs=1e-10)
    jacobian = np.array([[-2 * a * exact[1], 1], [b, 0]]) @ [[-2 * a * exact[0], 1], [b, 0]]
    values = np.linalg.eigvals(jacobian)
    values = values[np.argsort(-np.abs(values))]
    assert cycles.multipliers[row] == pytest.approx(values, abs=1e-9)
    assert set(cycles.outcomes) <= {"chaotic", "diverged"}
    chaotic = np.array(cycles.outcomes) == "chaotic"
    assert cycles.lyapunov[chaotic] == pytest.approx(0.419, abs=0.02)  # known of old


def test_a_rotation_by_a_rational_angle_is_an_exact_cycle():
    # z' = e^(2 pi i / 5) (1 + mu - |z|^2) z: every point of the circle has period 5.
    cycles = find_cycles(neimark_sacker(2.0 * np.pi / 5.0), starts(1, 2), max_period=0)
    assert cycles.period.tolist() == [5.0]
    assert cycles.multipliers[0] == pytest.approx([1.0, (1 - 2 * MU) ** 5], abs=1e-8)


@pytest.mark.parametrize("kind", ["discrete", "continuous"])
def test_jacobians_are_held_a_few_at_a_time_or_all_with_the_same_result(monkeypatch, kind):
    """An unstable cycle, solved with the Jacobians of all pieces and of 2 at a time."""
    if kind == "discrete":
        tangents = VariationalMap(logistic(3.83))
        guess, periods = np.array([[[0.16], [0.52], [0.96]]]), None
    else:
        tangents = VariationalMap(hopf(1, 1.0), 0.1)
        angle = 2 * np.pi * np.arange(8) / 8
        circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        guess, periods = 0.3 * circle[None], np.array([6.0])
    d = guess.shape[2]
    u = np.zeros((1, 0))
    whole = shooting.shoot(tangents, guess, u, periods)
    assert whole.converged.all()
    values = shooting.multipliers(tangents, whole.points[0], u[0], whole.periods[0])
    monkeypatch.setattr(chunks, "MEMORY_LIMIT", 8 * chunks.COPIES * 2 * d * d)
    few = shooting.shoot(tangents, guess, u, periods)
    np.testing.assert_allclose(few.points, whole.points, atol=1e-12)
    np.testing.assert_allclose(few.periods, whole.periods, atol=1e-12)
    again = shooting.multipliers(tangents, few.points[0], u[0], few.periods[0])
    np.testing.assert_allclose(again, values, atol=1e-9)


def test_a_long_cycle_takes_no_more_memory_than_a_block_of_its_jacobians(monkeypatch):
    """Turning by 1/300 of a circle, 64 units: its Jacobians would take 9.8 MB."""
    m, d = 300, 64

    def step(x, u):
        radius = tf.norm(x[:, :2], axis=1, keepdims=True)
        angle = tf.atan2(x[:, 1:2], x[:, :1])
        angle = angle + 2 * np.pi / m + 5e-4 * tf.sin(m * angle)
        radius = 0.5 * radius + 0.5
        parts = [radius * tf.cos(angle), radius * tf.sin(angle), 0.3 * x[:, 2:]]
        return tf.concat(parts, axis=1)

    angle = 2 * np.pi * (np.arange(m) + 0.5) / m  # where sin is 0 and falls
    guess = np.zeros((1, m, d))
    guess[0, :, 0], guess[0, :, 1] = 1.01 * np.cos(angle), np.sin(angle)
    tangents = VariationalMap(as_system(step, n_states=d, n_inputs=0))
    tangents(guess[0, :1], np.zeros((1, 0)))  # what is compiled is none of it
    monkeypatch.setattr(chunks, "MEMORY_LIMIT", 8 * chunks.COPIES * 10 * d * d)
    tracemalloc.start()
    shot = shooting.shoot(tangents, guess, np.zeros((1, 0)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert shot.converged.all()
    assert peak < m * d * d * 8 / 2


def test_distances_from_a_long_cycle_are_taken_in_blocks(monkeypatch):
    states, points = starts(50, 3), starts(40, 3, seed=1)
    for exact in (True, False):
        orbit = Orbit(40.0, points, np.zeros(0), 0.0, np.zeros(0), exact, True)
        whole = orbits.distance_to(orbit, states)
        with monkeypatch.context() as patch:
            patch.setattr(chunks, "MEMORY_LIMIT", 8 * chunks.COPIES * 7 * points.size)
            np.testing.assert_array_equal(orbits.distance_to(orbit, states), whole)


# ---- closed invariant curves ----


@pytest.mark.parametrize("rho", [GOLDEN, 1.0 / np.sqrt(2403.0), np.sqrt(2.0) - 1.0])
def test_the_curve_after_a_neimark_sacker_bifurcation(rho):
    cycles = find_cycles(neimark_sacker(2.0 * np.pi * rho), starts(5, 2, scale=0.5))
    assert cycles.outcomes == ("invariant curve",) * 5
    assert cycles.n == 1 and cycles.n_starts.tolist() == [5]
    slower = min(rho, 1.0 - rho)
    assert cycles.period == pytest.approx([1.0 / slower], rel=1e-9)
    assert not cycles.is_exact[0] and cycles.is_stable[0]
    radius = np.linalg.norm(cycles.orbit(0), axis=1)
    assert radius == pytest.approx(np.sqrt(MU), abs=1e-8)
    assert cycles.amplitude == pytest.approx([np.sqrt(MU)], abs=1e-8)
    per_step = np.abs(cycles.multipliers[0]) ** slower
    assert per_step == pytest.approx([1.0, 1.0 - 2.0 * MU], abs=1e-6)
    assert cycles.frequencies(dt=0.01) == pytest.approx([slower / 0.01])


def test_a_strong_harmonic_is_not_taken_for_the_period():
    """A slave that doubles the phase, ten times as strong as the oscillator itself."""
    oscillator = neimark_sacker(2.0 * np.pi * GOLDEN / 10.0)

    def step(x, u):
        z = oscillator.equations.step((), x[:, :2], u)
        a, b = x[:, :1], x[:, 1:2]
        return tf.concat([z, 100.0 * (a * a - b * b), 200.0 * a * b], 1)

    cycles = find_cycles(as_system(step, n_states=4, n_inputs=0), starts(2, 4, scale=0.3))
    assert cycles.period == pytest.approx([10.0 / GOLDEN], rel=1e-8)


def test_the_oscillator_of_rank_2():
    data = reference.load("rnn", "relu_lowrank_osc_rnn.npz")
    system = as_system(reference.leaky_relu_network(data), n_states=20, n_inputs=1)
    x = np.concatenate([data["x0"], data["zero.xstar"] + starts(3, 20, scale=0.1)])
    cycles = find_cycles(system, x, [data["zero.input"]])
    assert cycles.outcomes == ("invariant curve",) * 4 and cycles.n == 1
    assert 45.0 < cycles.period[0] < 55.0 and cycles.is_stable[0]
    # Turns counted in a long run of plain NumPy, by the passages of a section.
    h, r = data["x0"][0].copy(), []
    alpha, n = float(data["alpha"]), 20
    for _ in range(60_000):
        current = data["m"] @ (data["n"].T @ np.maximum(h + data["b_rec"], 0.0)) / n
        h = (1 - alpha) * h + alpha * current
        r.append(h - data["zero.xstar"][0])
    orbit = np.array(r[10_000:])
    axes = np.linalg.svd(orbit[:2000], full_matrices=False)[2][:2]
    angle = np.unwrap(np.arctan2(*(orbit @ axes.T).T))
    period = 2 * np.pi * (len(angle) - 1) / abs(angle[-1] - angle[0])
    assert cycles.period[0] == pytest.approx(period, rel=1e-4)
    # Around the whole cycle the focus is not a point of it.
    focus = np.linalg.norm(cycles.orbit(0) - data["zero.xstar"], axis=1)
    assert focus.min() > 0.1 * cycles.amplitude[0]
    # The plane's largest transverse multiplier, and the one along the curve.
    assert np.abs(cycles.multipliers[0, 0]) == pytest.approx(1.0, abs=3e-3)
    # Leak alone acts on the 18 directions outside the plane: (1 - alpha)^T.
    assert np.abs(cycles.multipliers[0, 2]) == pytest.approx((1 - alpha) ** period, rel=0.05)


# ---- continuous time ----


@pytest.mark.parametrize("sign", [1.0, -1.0], ids=["stable", "unstable"])
def test_the_limit_cycle_of_the_hopf_normal_form(sign):
    w = 2.3
    system = hopf(sign, w)
    cycles = find_cycles(
        system, starts(4, 2, scale=0.15), dt=0.05, n_steps=1024, n_candidates=8
    )
    assert cycles.n == 1
    assert cycles.period == pytest.approx([2 * np.pi / w], abs=1e-8)
    along = np.sort(np.abs(cycles.multipliers[0] - 1.0))[0]
    assert along < 1e-8
    transverse = cycles.transverse[0][np.isfinite(cycles.transverse[0])]
    assert transverse == pytest.approx([np.exp(-sign * 4 * np.pi * MU / w)], abs=1e-8)
    assert cycles.amplitude == pytest.approx([np.sqrt(MU)], abs=1e-8)
    assert bool(cycles.is_stable[0]) == (sign > 0)
    assert cycles.outcomes == (("cycle" if sign > 0 else "fixed point"),) * 4


def test_the_van_der_pol_oscillator():
    def velocity(x, u):
        return tf.concat([x[:, 1:], (1.0 - x[:, :1] ** 2) * x[:, 1:] - x[:, :1]], 1)

    system = as_system(velocity, n_states=2, n_inputs=0, time="continuous")
    cycles = find_cycles(system, [[0.5, 0.0]], dt=0.05, n_steps=1024, n_candidates=0)
    # T = 6.6632868593231301896996820305 for mu = 1 (Andersen & Geer 1982).
    assert cycles.period == pytest.approx([6.66328685932313], abs=1e-8)
    # The product of multipliers is the exponential of the divergence around (Liouville).
    divergence = (1.0 - cycles.orbit(0)[:, 0] ** 2).mean() * cycles.period[0]
    assert np.prod(cycles.multipliers[0]) == pytest.approx(np.exp(divergence), abs=1e-8)


# ---- what is no cycle ----


def test_what_goes_to_a_fixed_point_is_no_cycle():
    cycles = find_cycles(logistic(2.8), logistic_starts())
    assert cycles.n == 0 and cycles.outcomes == ("fixed point",) * 4
    assert repr(cycles) == "no cycles; starts: 4 at a fixed point"


def test_a_slow_focus_is_no_curve():
    c, s = 0.999 * np.cos(0.3), 0.999 * np.sin(0.3)

    def step(x, u):
        return tf.matmul(x, tf.constant([[c, s], [-s, c]], x.dtype))

    focus = as_system(step, n_states=2, n_inputs=0)
    cycles = find_cycles(focus, starts(2, 2))
    assert cycles.n == 0 and cycles.outcomes == ("fixed point",) * 2


@functools.cache  # compiled once
def spiral(rate):
    c, s = float(rate * np.cos(0.5)), float(rate * np.sin(0.5))
    turn = np.array([[c, s], [-s, c]])
    return as_system(lambda h, u: h @ tf.constant(turn, h.dtype), n_states=2, n_inputs=0)


@pytest.mark.parametrize("n_extensions", [0, 2])
@pytest.mark.parametrize("rate", [0.99999, 1.000001, 0.9999999])
def test_a_linear_spiral_is_neither_a_torus_nor_a_curve(rate, n_extensions):
    found = find_cycles(spiral(rate), [[1.0, 0.3]], n_extensions=n_extensions, max_period=0)
    assert len(found) == 0 and found.outcomes == ("not settled",)


def test_a_network_that_decays_ever_slower_is_no_torus():
    """h = tanh(Q h) with a rotation Q: |tanh z| < |z|, so that all states go to 0."""
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(8, 8)))[0]
    network = as_system(
        lambda h, u: tf.tanh(h @ tf.constant(turn, h.dtype)), n_states=8, n_inputs=0
    )
    found = find_cycles(network, starts(2, 8), max_period=0)
    assert len(found) == 0 and found.outcomes == ("not settled",) * 2


def test_chaos_is_said_to_be_no_cycle():
    cycles = find_cycles(logistic(4.0), logistic_starts(), n_steps=2048, max_period=0)
    assert cycles.n == 0 and cycles.outcomes == ("chaotic",) * 4
    assert cycles.lyapunov == pytest.approx(np.log(2.0), abs=0.02)


def test_a_torus_is_no_cycle():
    """Two oscillators of unrelated frequencies: the motion never closes to a curve."""
    one, other = neimark_sacker(2.0 * np.pi * GOLDEN), neimark_sacker(np.sqrt(2.0))

    def step(x, u):
        parts = (one.equations.step((), x[:, :2], u), other.equations.step((), x[:, 2:], u))
        return tf.concat(parts, 1)

    torus = as_system(step, n_states=4, n_inputs=0)
    cycles = find_cycles(torus, starts(2, 4, scale=0.3), n_extensions=0, max_period=0)
    assert cycles.n == 0 and cycles.outcomes == ("quasiperiodic",) * 2


def test_what_runs_away_is_said_and_harms_no_other():
    cycles = find_cycles(logistic(3.3), [[0.3], [2.0]], max_period=2)
    assert cycles.outcomes == ("cycle", "diverged")
    assert cycles.cycle_of_start.tolist() == [0, -1]


def test_only_a_multiplier_of_1_is_that_of_the_curve():
    def curve(*values):
        one = dict(
            period=np.array([7.5]), points=np.zeros((3, 2)), lengths=np.array([3]),
            residual=np.zeros(1), amplitude=np.ones(1), is_exact=np.array([False]),
            inputs=np.zeros((1, 0)), n_starts=np.ones(1, int), outcomes=("invariant curve",),
            cycle_of_start=np.zeros(1, int), lyapunov=np.zeros(1),
        )  # fmt: skip
        return Cycles(multipliers=np.array([values], dtype=complex), **one)

    assert curve(1.0, 0.5).is_stable[0] and curve(1.0, 0.5).n_unstable[0] == 0
    assert curve(1.3, 0.5).n_unstable[0] == 1  # 1.3 is the nearest to 1, and is not it
    assert not curve(0.8, 0.5).is_stable[0]
    assert curve(0.8, 0.5).transverse[0] == pytest.approx([0.8, 0.5])
    assert np.isnan(curve(1.001, 0.5).transverse[0]).tolist() == [True, False]
    for values, stable in (((1.0, 0.5), True), ((1.3, 0.5), False), ((0.8, 0.5), False)):
        orbit = Orbit(7.5, np.zeros((3, 2)), np.array(values), 0.0, np.zeros(0), False, True)
        assert orbit.is_stable == stable


# ---- many inputs, files, figures, bad input ----


def test_each_input_has_its_own_cycle(tmp_path):
    system = as_system(lambda x, u: u * x * (1.0 - x), n_states=1, n_inputs=1)
    u = np.array([[3.2], [3.4], [2.5], [3.2]])
    cycles = find_cycles(system, np.full((4, 1), 0.3), u, max_period=2)
    assert cycles.outcomes == ("cycle", "cycle", "fixed point", "cycle")
    assert sorted(cycles.inputs[:, 0]) == [3.2, 3.4]
    assert cycles.cycle_of_start[0] == cycles.cycle_of_start[3]
    cycles.save(tmp_path / "cycles.h5")
    back = Cycles.load(tmp_path / "cycles.h5")
    assert repr(back) == repr(cycles) and back.outcomes == cycles.outcomes
    assert (back.points == cycles.points).all()


def test_the_same_seed_gives_the_same_answer():
    first, second = (
        find_cycles(logistic(3.9), logistic_starts(), seed=3, max_period=4) for _ in range(2)
    )
    assert (first.points == second.points).all() and first.outcomes == second.outcomes


def test_trajectories_are_followed_from_their_ends():
    paths = np.full((2, 10, 1), 0.3)
    assert find_cycles(logistic(3.3), paths, max_period=2).n == 1


def test_repeats_are_seen_at_the_least_period():
    orbit = np.tile(np.arange(6.0)[:, None] % 3, (30, 1))
    assert settled_period(orbit, 1e-9) == 3
    assert settled_period(np.ones((50, 1)), 1e-9) == 1


def test_an_interrupted_search_returns_what_it_has(monkeypatch):
    before = search.seek_unstable

    def interrupt(*arguments, **options):
        before(*arguments, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(search, "seek_unstable", interrupt)
    cycles = find_cycles(logistic(3.3), [[0.3]], max_period=2)
    assert cycles.interrupted and cycles.n == 1


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([[0.1, 0.2]],), {}, r"states: expected shape \(\.\.\., 1\)"),
        (([[np.nan]],), {}, "states: expected finite"),
        (
            ([[0.3]], [[1.0]]),
            {},
            r"inputs: expected one row.*0 columns, received shape \(1, 1\)",
        ),
        (([[0.3]],), {"dt": 0.1}, "dt: expected None for a discrete system"),
        (([[0.3]],), {"n_steps": 3}, "n_steps: expected a whole number of at least 64"),
        (([[0.3]],), {"tol_unique": 0.0}, "tol_unique: expected a positive number"),
    ],
)
def test_bad_input_is_refused(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        find_cycles(logistic(3.3), *arguments, **options)


def test_a_continuous_system_needs_a_step():
    with pytest.raises(ValueError, match="dt: expected a positive number"):
        find_cycles(hopf(1.0, 1.0), [[0.1, 0.0]])


def test_figures_say_what_is_drawn():
    cycles = find_cycles(logistic(3.5), logistic_starts(), max_period=2)
    figure, ax = cycles.plot()
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words == ["stable, period 4 steps", "unstable, period 2 steps"]
    assert cycles.plot(ax=ax)[1] is ax
    none = find_cycles(logistic(2.8), [[0.3]])
    _, ax = none.plot()
    assert [text.get_text() for text in ax.texts] == ["no cycles\nstarts: 1 at a fixed point"]


def test_where_there_is_no_cycle_the_trajectories_searched_may_be_drawn():
    system = neimark_sacker(1.0, mu=-0.1)
    paths = system.simulate(np.zeros((3, 40, 0)), starts(3, 2, scale=0.3))
    none = find_cycles(system, paths)
    _, ax = none.plot(state_traj=paths)
    drawn = [line.get_xydata() for line in ax.lines if len(line.get_xydata())]
    np.testing.assert_allclose(np.stack(drawn), paths)
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words == ["no cycles; starts: 3 at a fixed point"]
    with pytest.raises(ValueError, match="state_traj"):
        none.plot(state_traj=paths[..., :1])


def test_each_phase_is_shown_where_asked_for(capsys):
    find_cycles(logistic(3.5), logistic_starts(), max_period=3)
    assert capsys.readouterr().err == ""
    find_cycles(logistic(3.5), logistic_starts(), max_period=3, verbose=True)
    shown = capsys.readouterr().err
    for phase in ("running forward", "4 starts", "unstable cycles of period 3"):
        assert phase in shown


def test_what_has_not_gone_round_is_no_cycle():
    """Half a turn of a slow focus fits a closed curve as well as half a turn of a cycle."""
    angle, rate = 2.0 * np.pi / 2000, 0.99995
    turn = rate * np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    system = as_system(lambda h, u: h @ tf.constant(turn, h.dtype), n_states=2, n_inputs=0)
    found = find_cycles(system, [[1.0, 1.0]], n_transient=0, n_steps=1024, n_extensions=0)
    assert len(found) == 0
    assert found.outcomes == ("not settled",)


def test_starts_that_have_not_settled_are_told_what_they_may_need():
    """A closed curve of 400.3 steps: it is seen where it is gone round three times."""
    angle = 2.0 * np.pi / 400.3
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])

    def step(h, u):
        h = h @ tf.constant(turn, h.dtype)
        return h * (1.2 - 0.2 * tf.reduce_sum(h * h, axis=1, keepdims=True))

    system = as_system(step, n_states=2, n_inputs=0)
    few = find_cycles(system, [[1.0, 0.5]], n_steps=1024, n_extensions=0, max_period=0)
    said = "1 not settled after 2,024 steps (slow cycles need a larger n_steps"
    assert repr(few).startswith(f"no cycles; starts: {said}")
    # However long it is run, less than three turns are looked at.
    longer = find_cycles(system, [[1.0, 0.5]], n_steps=1024, n_extensions=2, max_period=0)
    assert longer.outcomes == ("not settled",)
    more = find_cycles(system, [[1.0, 0.5]], n_steps=4096, n_extensions=0, max_period=0)
    np.testing.assert_allclose(more.period, [400.3], rtol=1e-6)
