"""Closed curves with corners: the phase orders the samples along them."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from fixedpoint_tf import as_system
from fixedpoint_tf.analysis import find_cycles
from fixedpoint_tf.analysis.cycles.closed_curves.phase_order import (
    line_length,
    neighbours_agree,
    ordering_range,
)
from fixedpoint_tf.analysis.cycles.closed_curves.rotation import closed_curve

pytestmark = pytest.mark.slow


def turning(period, gain):
    angle = 2 * np.pi / period
    return gain * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


@functools.cache
def by_winding(period, gain, leak, n=40000):
    """States of a leaky rotation in a box, and the period by its winding about the centre."""
    matrix, x = turning(period, gain), np.array([0.5, 0.0])
    kept = []
    for _ in range(n):
        x = leak * x + (1 - leak) * np.clip(matrix @ x, -1, 1)
        kept.append(x)
    states = np.array(kept[n // 4 :])
    z = states[:, 0] + 1j * states[:, 1]
    angle = np.angle(z[1:] / z[:-1])
    # Its phase swings by less than a turn, whatever the number of steps.
    return states, 2 * np.pi / angle.mean(), 1.0 / len(angle)


@pytest.mark.parametrize(
    ("period", "gain", "leak"),
    [(17.3, 1.15, 0.2), (7.3, 1.26, 0.2), (25.3, 1.1, 0.2), (12.7, 1.2, 0.6), (33.7, 1.1, 0.2)],
)
@pytest.mark.parametrize("begin", [0, 11000, 22000])
def test_the_period_of_a_curve_with_corners_is_that_of_its_winding(period, gain, leak, begin):
    states, expected, doubt = by_winding(period, gain, leak)
    found = closed_curve(states[begin : begin + 4097], 1e-7)
    assert abs(found.rho - 1 / expected) < found.rho_error + doubt
    assert 0 < found.rho_error < 1e-6
    assert found.misfit < 5e-3 and found.typical < 5e-4


@pytest.mark.parametrize("strong", [2, 3, 5])
def test_a_strong_harmonic_of_a_curve_with_corners_is_not_its_period(strong):
    rho = (np.sqrt(5) - 1) / 20
    phase = rho * np.arange(4000)[:, None] % 1.0

    def saw(phase):
        return 4 * np.abs((phase + [0.0, 0.25]) % 1.0 - 0.5) - 1

    states = np.hstack([saw(strong * phase), 0.3 * np.clip(saw(phase), -0.5, 0.5)])
    found = closed_curve(states, 1e-9)
    assert abs(found.rho - rho) <= found.rho_error + 1e-12


def test_noise_has_no_order():
    noise = np.random.default_rng(0).normal(size=(2000, 2))
    assert closed_curve(noise, 1e-6) is None
    assert not neighbours_agree(noise, 0.1234)


def test_the_range_that_orders_holds_the_rotation_number_and_no_other_order_is_shorter():
    states, expected, doubt = by_winding(17.3, 1.15, 0.2)
    part = states[:4097]
    low, high = ordering_range(part, 1 / expected + 5e-7)
    assert low - doubt < 1 / expected < high + doubt
    within = line_length(part, 0.5 * (low + high))
    for other in (low - (high - low), high + (high - low)):
        assert line_length(part, other) > within


@pytest.mark.parametrize(("period", "gain"), [(17.3, 1.15), (25.3, 1.1)])
def test_a_curve_found_from_several_starts_is_one(period, gain, tmp_path):
    matrix = turning(period, gain)

    def step(h, u):
        return 0.2 * h + 0.8 * tf.clip_by_value(h @ tf.constant(matrix.T, h.dtype), -1.0, 1.0)

    system = as_system(step, n_states=2, n_inputs=0)
    starts = np.random.default_rng(1).normal(size=(3, 2))
    cycles = find_cycles(system, starts, max_period=0)
    assert cycles.n == 1 and cycles.is_stable[0] and cycles.n_starts.tolist() == [3]
    _, expected, doubt = by_winding(period, gain, 0.2)
    error = cycles.period_error[0] + doubt * expected**2
    assert abs(cycles.period[0] - expected) < error
    cycles.save(tmp_path / "cycles.h5")
    again = type(cycles).load(tmp_path / "cycles.h5")
    assert again.period_error.tolist() == cycles.period_error.tolist()


@pytest.mark.parametrize("below_above", [(-1.0, -1.0, 1.0), (-0.5, -2.0, 0.0)])
def test_of_a_family_of_cycles_it_is_said_that_one_is_marginal(below_above):
    below, above, offset = below_above
    system = as_system(
        lambda h, u: tf.where(h < 0, below * h, above * h) + offset, n_states=1, n_inputs=0
    )
    cycles = find_cycles(system, [[0.3], [-0.9]], max_period=0)
    assert set(cycles.stability_in_words()) == {"marginal"} and cycles.n_family.all()
    assert "marginal" in repr(cycles) and "one of a family" in repr(cycles)
    assert "stable" not in repr(cycles)
