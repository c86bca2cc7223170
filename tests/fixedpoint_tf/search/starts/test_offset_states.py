"""States that vary little about a value far from zero: lengths are those of their spread."""

import numpy as np
import pytest
import tensorflow as tf

from fixedpoint_tf import FixedPointFinder, as_system
from fixedpoint_tf.search.starts.offset_states import offset_states

QUIET = {"verbose": False}


def wells(offset, size, time="discrete", dtype=None):
    """Points at -1, 0 and 1 sizes from the offset in each state: the outer two are stable."""
    offset, size = np.asarray(offset, float), np.asarray(size, float)

    def step(h, u):
        if dtype:
            h = tf.cast(h, dtype)
        v = (h - tf.constant(offset, h.dtype)) / tf.constant(size, h.dtype)
        velocity = 0.3 * tf.constant(size, h.dtype) * (v - v**3)
        return tf.cast(velocity if time == "continuous" else h + velocity, u.dtype)

    return step


def starts(offset, size, n=32):
    noise = np.random.default_rng(0).normal(size=(n, len(offset)))
    return np.asarray(offset) + np.asarray(size) * noise


@pytest.mark.parametrize("time", ["discrete", "continuous"])
@pytest.mark.parametrize(
    ("offset", "size"),
    [
        ([-65.0, -65.0], [0.01, 0.01]),
        ([1e6, 1e6], [0.01, 0.01]),
        ([-65.0, 0.0], [0.01, 1e3]),
    ],
)
def test_all_points_about_an_offset_are_found(offset, size, time):
    finder = FixedPointFinder(
        wells(offset, size, time), n_states=2, n_inputs=0, time=time, **QUIET
    )
    x = starts(offset, size)
    unique, all_points = finder.find_fixed_points(x)
    places = (unique.fixed.xstar - offset) / size
    rounding = 1e2 * np.finfo(float).eps * (1.0 + np.max(np.abs(offset) / np.array(size)))
    np.testing.assert_allclose(places, np.round(places), atol=rounding)
    assert sorted(map(tuple, np.round(places).astype(int))) == [
        (i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)
    ]
    assert unique.fixed.is_stable.tolist() == (np.round(places) != 0).all(axis=1).tolist()
    # What is told of the starts is in the units of the network.
    atol = 4.0 * np.spacing(np.abs(x).max())
    np.testing.assert_allclose(all_points.x_init, x, rtol=0.0, atol=atol)
    image = unique.fixed.xstar if time == "discrete" else 0.0
    scale = 1e3 if time == "discrete" else 1.0
    atol = scale * rounding * np.max(size)
    np.testing.assert_allclose(unique.fixed.F_xstar - image, 0.0, atol=atol)


def test_bounds_far_from_zero_are_an_offset():
    offset, size = [-65.0, -65.0], [0.01, 0.01]
    finder = FixedPointFinder(
        wells(offset, size), n_states=2, n_inputs=0, bounds=(-65.05, -64.95), **QUIET
    )
    unique, _ = finder.find_fixed_points(starts(offset, size))
    assert len(unique.fixed) == 9


@pytest.mark.parametrize("spread", [1e-3, 1e-6])
def test_starts_near_each_other_are_no_offset_by_themselves(spread):
    system = as_system(wells([1.0, 1.0], [1.0, 1.0]), n_states=2, n_inputs=0)
    x = starts([1.0, 1.0], [spread, 1.0])
    origin, size = offset_states(system, x, np.zeros((len(x), 0)))
    assert not origin.any() and np.isnan(size).all()


@pytest.mark.parametrize(
    ("offset", "size", "dtype"), [(1e6, 1e-7, None), (-65.0, 1e-3, "float32")]
)
def test_a_spread_that_rounding_hides_is_refused(offset, size, dtype):
    step = wells([offset], [size], dtype=dtype)
    finder = FixedPointFinder(step, n_states=1, n_inputs=0, **QUIET)
    with pytest.raises(ValueError, match="initial_states: expected states whose differences"):
        finder.find_fixed_points(starts([offset], [size]))


def test_what_double_precision_leaves_open_is_said(caplog):
    finder = FixedPointFinder(wells([1e6], [0.01]), n_states=1, n_inputs=0, **QUIET)
    unique, _ = finder.find_fixed_points(starts([1e6], [0.01]))
    assert len(unique.fixed) == 3
    assert "float64 resolves 1e-08 of the states' variation" in caplog.text
    assert "cast to" not in caplog.text
