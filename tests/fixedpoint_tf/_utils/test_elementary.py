"""Elementary functions of intervals hold the values and slopes to sixty digits."""

import decimal
from decimal import Decimal

import numpy as np
import pytest

from fixedpoint_tf._utils.elementary import FUNCTIONS
from fixedpoint_tf._utils.intervals import Interval

PI = Decimal(
    "3.14159265358979323846264338327950288419716939937510582097494459230781640628620899"
)


@pytest.fixture(autouse=True)
def eighty_digits():
    """Compute to eighty digits here, whatever other tests set."""
    with decimal.localcontext() as context:
        context.prec = 80
        yield


def series(first, ratio):
    """A sum of terms, each the one before times ``ratio(k)``."""
    total = term = first
    for k in range(1, 400):
        term = term * ratio(k)
        total += term
        if abs(term) < Decimal(10) ** -75:
            break
    return total


def sine(a):
    return series(a, lambda k: -a * a / ((2 * k) * (2 * k + 1)))


def cosine(a):
    return series(Decimal(1), lambda k: -a * a / ((2 * k - 1) * (2 * k)))


def error_function(a):
    total = term = a
    for k in range(1, 2000):
        term = -term * a * a / k
        total += term / (2 * k + 1)
        if abs(term) < Decimal(10) ** -75:
            break
    return 2 / PI.sqrt() * total


def arctangent(a):
    if abs(a) > Decimal("0.3"):  # half the angle
        return 2 * arctangent(a / (1 + (1 + a * a).sqrt()))
    total, power = Decimal(0), a
    for k in range(200):
        total += power / (2 * k + 1)
        power = -power * a * a
    return total


def sigmoid(a):
    return 1 / (1 + (-a).exp())


EXACT = {
    "softsign": (lambda a: a / (1 + abs(a)), lambda a: 1 / (1 + abs(a)) ** 2),
    "softplus": (lambda a: (1 + a.exp()).ln(), sigmoid),
    "elu": (lambda a: a if a > 0 else a.exp() - 1, lambda a: Decimal(1) if a > 0 else a.exp()),
    "exp": (lambda a: a.exp(), lambda a: a.exp()),
    "log": (lambda a: a.ln(), lambda a: 1 / a),
    "sqrt": (lambda a: a.sqrt(), lambda a: 1 / (2 * a.sqrt())),
    "square": (lambda a: a * a, lambda a: 2 * a),
    "sin": (sine, cosine),
    "cos": (cosine, lambda a: -sine(a)),
    "erf": (error_function, lambda a: 2 / PI.sqrt() * (-a * a).exp()),
    "arctan": (arctangent, lambda a: 1 / (1 + a * a)),
    "abs": (abs, lambda a: Decimal(1 if a > 0 else -1)),
    "ramp": (
        lambda a: min(max(a, Decimal(0)), Decimal(1)),
        lambda a: Decimal(1 if 0 < a < 1 else 0),
    ),
}


@pytest.mark.parametrize("name", EXACT)
def test_values_and_slopes_are_enclosed(name):
    rng = np.random.default_rng(0)
    centre = rng.normal(size=40) * 10.0 ** rng.uniform(-3, 0.7, size=40)
    radius = np.exp(rng.uniform(-38.0, 1.0, size=40))
    if name in ("log", "sqrt"):
        centre = np.abs(centre)
        radius = np.minimum(radius, 0.9 * centre)
    box = Interval(centre - radius, centre + radius)
    value, slope = FUNCTIONS[name](box)
    function, derivative = EXACT[name]
    for i, (low, high) in enumerate(zip(box.lower, box.upper, strict=True)):
        for a in np.linspace(low, high, 7).clip(low, high):
            exact = Decimal(float(a))
            assert Decimal(value.lower[i]) <= function(exact) <= Decimal(value.upper[i])
            assert Decimal(slope.lower[i]) <= derivative(exact) <= Decimal(slope.upper[i])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_infinite_intervals_are_no_errors(name):
    ends = np.array([-np.inf, -np.inf, 1.0]), np.array([np.inf, 1.0, np.inf])
    with np.errstate(all="ignore"):
        value, _ = FUNCTIONS[name](Interval(*ends))
    inside = FUNCTIONS[name](Interval.at(np.array([1.0, 1.0, 2.0])))[0]
    assert not (value.lower > inside.lower).any()
    assert not (value.upper < inside.upper).any()
