"""Intervals and affine enclosures hold what exact arithmetic gives."""

import decimal
from fractions import Fraction

import numpy as np
import pytest

from fixedpoint_tf._utils.affine import Affine
from fixedpoint_tf._utils.duals import Dual
from fixedpoint_tf._utils.intervals import Interval

decimal.getcontext().prec = 60


def exactly(name, a):
    """An activation of a number that is exact, to 60 digits."""
    a = decimal.Decimal(float(a))
    if name == "sigmoid":
        return 1 / (1 + (-a).exp())
    e = (2 * abs(a)).exp()
    return (e - 1) / (e + 1) * (1 if a >= 0 else -1)


def slope_of(name, a):
    factor = 1 if name == "sigmoid" else 2
    e = (-factor * abs(decimal.Decimal(float(a)))).exp()
    return factor**2 * e / (1 + e) ** 2


def draw(seed, shape, size=3.0):
    rng = np.random.default_rng(seed)
    centre = rng.normal(size=shape) * size
    return centre, np.exp(rng.uniform(-35.0, 1.5, size=shape))


@pytest.mark.parametrize("name", ["tanh", "sigmoid"])
@pytest.mark.parametrize("size", [1e-8, 1.0, 30.0, 400.0])
def test_activations_and_their_slopes_are_enclosed(name, size):
    centre, radius = draw(0, (40, 1), size)
    box = Interval(centre - radius, centre + radius)
    image = Dual.coordinates(box).activate(name)
    for i, (low, high) in enumerate(zip(box.lower[:, 0], box.upper[:, 0], strict=True)):
        for a in np.linspace(low, high, 9).clip(low, high):
            y, slope = exactly(name, a), slope_of(name, a)
            assert decimal.Decimal(image.value.lower[i, 0]) <= y
            assert y <= decimal.Decimal(image.value.upper[i, 0])
            assert decimal.Decimal(image.slope.lower[i, 0, 0]) <= slope
            assert slope <= decimal.Decimal(image.slope.upper[i, 0, 0])


@pytest.mark.parametrize("seed", range(3))
def test_products_with_matrices_are_enclosed_to_the_last_bit(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(1, 7)) * 10.0 ** rng.integers(-8, 8, size=7)
    matrix = rng.normal(size=(7, 4)) * 10.0 ** rng.integers(-8, 8, size=(7, 4))
    at = Interval.at(x).matmul(matrix)
    left = Interval.at(x.T).matmul_left(matrix.T)
    applied = Interval.at(matrix.T[None]).apply(Interval.at(x))
    for j in range(4):
        exact = sum(Fraction(v) * Fraction(w) for v, w in zip(x[0], matrix[:, j], strict=True))
        for low, high in (
            (at.lower[0, j], at.upper[0, j]),
            (left.lower[j, 0], left.upper[j, 0]),
            (applied.lower[0, j], applied.upper[0, j]),
        ):
            assert Fraction(low) <= exact <= Fraction(high)


def test_sums_products_and_reciprocals_are_enclosed():
    rng = np.random.default_rng(3)
    for _ in range(200):
        a, b = rng.normal(size=2) * 10.0 ** rng.integers(-12, 12, size=2)
        one, two = Interval.at(np.array([a])), Interval.at(np.array([b]))
        exact = Fraction(a), Fraction(b)
        for got, true in (
            (one + two, exact[0] + exact[1]),
            (one - two, exact[0] - exact[1]),
            (one * two, exact[0] * exact[1]),
            (Interval.at(np.array([abs(a)])).reciprocal(), 1 / abs(exact[0])),
        ):
            assert Fraction(got.lower[0]) <= true <= Fraction(got.upper[0])


@pytest.mark.parametrize("size", [1e-6, 0.3, 3.0, 60.0])
@pytest.mark.parametrize("form", ["tanh", "sigmoid", "product", "memory"])
def test_affine_enclosures_hold_the_function_throughout_the_box(form, size):
    """Every value lies within slope * delta + rest, to 60 digits."""
    rng = np.random.default_rng(5)
    n, d = 30, 2

    def of(x):
        a, b = x.split(2)
        if form == "product":
            return a.activate("tanh") * b
        if form == "memory":
            return a.activate("sigmoid") * (-b).activate("sigmoid").reciprocal()
        return x.activate(form)

    def true(a, b):
        if form == "product":
            return [exactly("tanh", a) * decimal.Decimal(float(b))]
        if form == "memory":
            return [exactly("sigmoid", a) / exactly("sigmoid", -b)]
        return [exactly(form, a), exactly(form, b)]

    centre = rng.normal(size=(n, d)) * size
    radius = np.exp(rng.uniform(-20.0, 1.0, size=(n, d))) * size
    if form == "memory":
        centre, radius = np.clip(centre, -8.0, 8.0), np.minimum(radius, 4.0)
    x = Affine.coordinates(centre, radius)
    image = of(x)
    for i in range(n):
        for share in rng.uniform(-1.0, 1.0, size=(12, d)):
            # The state is a number; its distance from the centre is taken exactly.
            state = np.clip(centre[i] + share * radius[i], *_ends(centre[i], radius[i]))
            delta = [Fraction(s) - Fraction(c) for s, c in zip(state, centre[i], strict=True)]
            if any(abs(e) > Fraction(r) for e, r in zip(delta, radius[i], strict=True)):
                continue
            for j, y in enumerate(true(*state)):
                linear = sum(
                    Fraction(s) * e for s, e in zip(image.slope[i, j], delta, strict=True)
                )
                y = Fraction(y)
                assert linear + Fraction(image.rest.lower[i, j]) <= y
                assert y <= linear + Fraction(image.rest.upper[i, j])
                assert Fraction(image.value.lower[i, j]) <= y
                assert y <= Fraction(image.value.upper[i, j])


def _ends(centre, radius):
    return np.nextafter(centre - radius, np.inf), np.nextafter(centre + radius, -np.inf)


def test_what_an_affine_enclosure_leaves_out_falls_with_the_square_of_the_box():
    widths = []
    for radius in (0.1, 0.01):
        x = Affine.coordinates(np.array([[0.5]]), np.array([[radius]]))
        rest = x.activate("tanh").rest
        widths.append(float((rest.upper - rest.lower)[0, 0]))
    assert widths[0] / widths[1] == pytest.approx(100.0, rel=0.1)
    assert widths[0] < 0.1**2  # |tanh''| / 8 on either side
