"""Rotations beside cycles: several closed curves that are visited in turn."""

import numpy as np
import pytest
import tensorflow as tf

from fixedpoint_tf import as_system
from fixedpoint_tf.analysis import Cycles, find_cycles
from fixedpoint_tf.analysis.cycles.closed_curves.curve_sets import curves_in_turn
from fixedpoint_tf.analysis.cycles.closed_curves.rotation import closed_curve

pytestmark = pytest.mark.slow


def turned(z, angle):
    """Turning by an angle, towards radius 1."""
    a, b = z[:, :1], z[:, 1:2]
    gain = 1.3 - 0.3 * tf.sqrt(a * a + b * b + 1e-30)
    c, s = np.cos(angle), np.sin(angle)
    return tf.concat([gain * (c * a - s * b), gain * (s * a + c * b)], 1)


def beside(period, r, seed=0):
    """A rotation and a logistic map, which a fourth unit hears; all units mixed."""
    frame = np.linalg.qr(np.random.default_rng(seed).normal(size=(4, 4)))[0]

    def step(h, u):
        turn = tf.constant(frame, h.dtype)
        z = h @ turn
        y = z[:, 2:3]
        heard = 0.5 * z[:, 3:] + 0.3 * y * z[:, :1]
        parts = [turned(z[:, :2], 2 * np.pi / period), r * y * (1 - y), heard]
        return tf.concat(parts, 1) @ tf.transpose(turn)

    rng = np.random.default_rng(seed)
    x = np.hstack([rng.normal(size=(2, 2)), rng.uniform(0.1, 0.9, (2, 2))])
    return as_system(step, n_states=4, n_inputs=0), x @ frame.T


@pytest.mark.parametrize(
    ("period", "r", "k"),
    [
        (6 + 2**0.5, 3.2, 2),
        (6 + 2**0.5, 3.5545, 8),
        (np.pi, 3.8304, 3),
        (3.1416, 3.568, 16),
        ((3 + 5**0.5) / 2, 3.739, 5),
        (50.0002, 3.2, 2),  # nearly locked: samples lie in clusters
        (50.0002, 3.8304, 3),
    ],
)
def test_a_rotation_beside_a_cycle_goes_round_on_as_many_curves(period, r, k):
    system, x = beside(period, r)
    cycles = find_cycles(system, x, max_period=0)
    assert cycles.n == 1 and cycles.outcomes == ("invariant curve",) * 2
    assert cycles.n_curves.tolist() == [k] and cycles.is_stable[0]
    assert cycles.oscillation_period == pytest.approx([period], rel=1e-7)
    assert f", on {k} closed curves; " in repr(cycles)
    # Each point is mapped to a place on the next curve, and back to its own after k steps.
    rings = cycles.orbit(0).reshape(k, 256, 4)
    for j in range(k):
        image = system.step(rings[j, ::16], np.zeros((16, 0))).numpy()
        apart = np.linalg.norm(image[:, None] - rings[(j + 1) % k], axis=2).min(axis=1)
        assert apart.max() < 0.02


def test_a_unit_that_flips_beside_a_rotation(tmp_path):
    def step(h, u):
        return tf.concat([turned(h, 2 * np.pi / (6 + 2**0.5)), -tf.tanh(2 * h[:, 2:])], 1)

    system = as_system(step, n_states=3, n_inputs=0)
    cycles = find_cycles(system, np.random.default_rng(0).normal(size=(3, 3)), max_period=0)
    assert cycles.n == 1 and cycles.n_curves.tolist() == [2]
    assert cycles.frequencies() == pytest.approx([1 / (6 + 2**0.5)], rel=1e-9)
    flipping = cycles.orbit(0)[:, 2].reshape(2, 256)
    assert flipping.mean(axis=1) == pytest.approx(
        np.sign(flipping[:, 0]) * 0.957504, abs=1e-5  # tanh(2 y) = y
    )  # fmt: skip
    _, ax = cycles.plot()
    drawn = [line.get_xydata() for line in ax.lines]
    assert len(drawn) == 2  # nothing joins the curves
    for line in drawn:
        assert np.linalg.norm(np.diff(line, axis=0), axis=1).max() < 0.1
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words == ["stable, period 7.41421 steps, 2 closed curves"]
    cycles.save(tmp_path / "cycles.h5")
    assert repr(Cycles.load(tmp_path / "cycles.h5")) == repr(cycles)


def test_two_curves_around_a_cycle_of_period_2_that_lost_its_stability():
    """Two coupled quadratic maps beyond a Neimark-Sacker bifurcation of their 2-cycle."""
    r, e = 0.7, 0.26

    def step(h, u):
        x, y = h[:, :1], h[:, 1:]
        return tf.concat([1 - r * x * x + e * (y - x), 1 - r * y * y + e * (x - y)], 1)

    def plain(h):
        x, y = h
        return np.array([1 - r * x * x + e * (y - x), 1 - r * y * y + e * (x - y)])

    cycles = find_cycles(as_system(step, n_states=2, n_inputs=0), [[0.1, -0.3]], max_period=0)
    assert cycles.n_curves.tolist() == [2] and cycles.is_stable[0]
    h, orbit = np.array([0.1, -0.3]), []
    for t in range(50_000):
        h = plain(h)
        if t >= 10_000:
            orbit.append(h)
    every = np.array(orbit)[::2]
    centred = every - every.mean(axis=0)
    angle = np.unwrap(np.arctan2(centred[:, 1], centred[:, 0]))
    turns = abs(angle[-1] - angle[0]) / (2 * np.pi * (len(angle) - 1))  # in two steps
    found = (2 * cycles.frequencies()[0]) % 1.0
    assert min(found, 1 - found) == pytest.approx(min(turns, 1 - turns), abs=1e-4)


def test_one_curve_is_no_set_of_curves_and_a_torus_none():
    t = np.arange(4096)[:, None]
    one = np.hstack([np.cos(0.7 * t), np.sin(0.7 * t)])
    assert closed_curve(one, 1e-6) is not None
    assert next(curves_in_turn(one, 1e-6), None) is None
    torus = np.hstack([one, np.cos(2**0.5 * t), np.sin(2**0.5 * t), (-1.0) ** t])
    assert next(curves_in_turn(torus, 1e-6), None) is None
    noise = np.random.default_rng(0).normal(size=(4096, 3))
    assert next(curves_in_turn(noise, 1e-6), None) is None
