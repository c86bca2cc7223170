"""Values that wrap, masks, and indices that are out of range: refused by name."""

import numpy as np
import pytest

from fixedpoint_tf import FixedPoints, linearization

POINTS = FixedPoints(xstar=np.zeros((9, 2)))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("status", [256] * 9),
        ("n_iters", np.full(9, 2**64 - 1, "u8")),
        ("cond_id", np.full(9, 2**63, "u8")),
        ("n_at_bound", np.full(9, 2**63, "u8")),
        ("cond_id", [2**70] * 9),
    ],
)
def test_whole_numbers_that_wrap(name, values):
    with pytest.raises((ValueError, TypeError), match=f"^{name}: expected .*received"):
        FixedPoints(xstar=np.zeros((9, 2)), **{name: values})


@pytest.mark.parametrize(
    "index",
    [
        np.ma.array([True] * 9, mask=True),
        np.ma.array([0, 1], mask=[True, False]),
        [0, 100],
        [-10],
        [True] * 8,
        np.array([2**63], "u8"),
        slice(0, "a"),
        slice(0, 5, 0),
        [[0], [1, 2]],
    ],
)
def test_indices_that_name_no_points(index):
    with pytest.raises((IndexError, TypeError), match="^index: expected .*received"):
        POINTS[index]


def test_masks_of_complex_numbers_are_nan():
    values = np.ma.array([[0.5 + 1j, 0.5 - 1j]], mask=True)
    points = FixedPoints(xstar=np.zeros((1, 2)), eigval_J_xstar=values)
    assert np.isnan(points.eigval_J_xstar).all()
    assert points.n_unstable.tolist() == [-1]
    assert np.isnan(linearization.growth(values)).all()
    assert linearization.classify(values).tolist() == ["unknown"]


def test_indices_that_are_right():
    assert [POINTS[i].n for i in (8, -1, [0, -9], [True] * 9, [], slice(None, None, -1))] == [
        *(1, 1, 2, 9, 0, 9)
    ]
