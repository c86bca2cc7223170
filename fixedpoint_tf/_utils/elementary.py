"""Elementary functions of intervals: enclosures of their values and of their slopes.

Assumed is that NumPy and SciPy compute them within ``ULPS`` units in the last place.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import erf

from fixedpoint_tf._utils.intervals import Interval
from fixedpoint_tf._utils.norms import EPS

__all__ = ["FUNCTIONS", "function_values"]

ULPS = 16.0  # error allowed to a function, in units in the last place
_TINY = np.finfo(np.float64).tiny  # covers what underflow can lose in a product
_FAR = 300.0  # beyond, cosh(x) ** -2 is called zero
_TURN_SLACK = 1e-9  # a turning point so near an interval, relative to its size, counts as in it


def function_values(name: str, x: Interval) -> Interval:
    """Enclose the values of a function over intervals.

    Args:
        name: a key of :data:`FUNCTIONS`, or ``"linear"``.
        x: of any shape.
    """
    if name == "linear":
        return x
    return _tanh_values(x) if name == "tanh" else FUNCTIONS[name](x)[0]


def _widened(lower: np.ndarray, upper: np.ndarray, n_products: float = 1.0) -> Interval:
    """Widen products of elementary functions by their rounding error."""
    error = 2.0 * n_products * ULPS * EPS
    # An infinite bound stays what it is.
    return Interval(
        lower - np.where(np.isinf(lower), 0.0, error * np.abs(lower)) - _TINY,
        upper + np.where(np.isinf(upper), 0.0, error * np.abs(upper)) + _TINY,
    )


def _within(x: Interval, lower: float, upper: float) -> Interval:
    """Limit values to a range in which they are known to lie."""
    return Interval(np.maximum(x.lower, lower), np.minimum(x.upper, upper))


def _near_and_far(x: Interval) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and the largest absolute value."""
    crosses = (x.lower <= 0.0) & (x.upper >= 0.0)
    near = np.where(crosses, 0.0, np.minimum(np.abs(x.lower), np.abs(x.upper)))
    return near, x.size


def _tanh_values(x: Interval) -> Interval:
    return _within(_widened(np.tanh(x.lower), np.tanh(x.upper)), -1.0, 1.0)


def _tanh(x: Interval) -> tuple[Interval, Interval]:
    value = _tanh_values(x)
    # 1 - tanh^2, whose error is absolute: far out the slope is zero to rounding.
    near, far = _near_and_far(value)
    lowest, highest = (1.0 - far) * (1.0 + far), (1.0 - near) * (1.0 + near)
    return value, _within(Interval(lowest - 4.0 * EPS, highest + 4.0 * EPS), 0.0, 1.0)


def _sigmoid(x: Interval) -> tuple[Interval, Interval]:
    # sigmoid(a) = 1 / (1 + exp(-a)), whose relative error stays small far out as well.
    with np.errstate(over="ignore"):
        value = _widened(1.0 / (1.0 + np.exp(-x.lower)), 1.0 / (1.0 + np.exp(-x.upper)))
    half = _sech_squared(Interval(0.5 * x.lower, 0.5 * x.upper))
    return _within(value, 0.0, 1.0), Interval(0.25 * half.lower, 0.25 * half.upper)


def _sech_squared(x: Interval) -> Interval:
    """Bound the slope of tanh, which falls with the distance from zero."""
    near, far = _near_and_far(x)
    lowest, highest = (1.0 / np.cosh(np.minimum(a, _FAR)) for a in (far, near))
    lowest, highest = np.where(far > _FAR, 0.0, lowest * lowest), highest * highest
    return _within(_widened(lowest, highest, 3), 0.0, 1.0)


def _relu(x: Interval) -> tuple[Interval, Interval]:
    value = Interval(np.maximum(x.lower, 0.0), np.maximum(x.upper, 0.0))
    return value, Interval((x.lower > 0.0).astype(float), (x.upper >= 0.0).astype(float))


def _ramp(x: Interval) -> tuple[Interval, Interval]:
    """Bound the ramp, which is 0 below 0, x up to 1 and 1 above, and its slope."""
    inside = (x.lower > 0.0) & (x.upper < 1.0)
    outside = (x.upper < 0.0) | (x.lower > 1.0)
    value = Interval(np.clip(x.lower, 0.0, 1.0), np.clip(x.upper, 0.0, 1.0))
    return value, Interval(inside.astype(float), (~outside).astype(float))


def _abs(x: Interval) -> tuple[Interval, Interval]:
    near, far = _near_and_far(x)
    slope = Interval(np.where(x.lower > 0.0, 1.0, -1.0), np.where(x.upper < 0.0, -1.0, 1.0))
    return Interval(near, far), slope


def _softsign(x: Interval) -> tuple[Interval, Interval]:
    def at(a: np.ndarray) -> np.ndarray:
        return np.where(
            np.isinf(a), np.sign(a), a / (1.0 + np.abs(np.where(np.isinf(a), 0.0, a)))
        )

    near, far = _near_and_far(x)
    value = _within(_widened(at(x.lower), at(x.upper)), -1.0, 1.0)
    slope = _widened((1.0 + far) ** -2.0, (1.0 + near) ** -2.0)
    return value, _within(slope, 0.0, 1.0)


def _softplus(x: Interval) -> tuple[Interval, Interval]:
    value = _widened(np.logaddexp(0.0, x.lower), np.logaddexp(0.0, x.upper))
    return _within(value, 0.0, np.inf), _sigmoid(x)[0]


def _elu(x: Interval) -> tuple[Interval, Interval]:
    def at(a: np.ndarray) -> np.ndarray:
        return np.where(a > 0.0, a, np.expm1(np.minimum(a, 0.0)))

    slope = _widened(np.exp(np.minimum(x.lower, 0.0)), np.exp(np.minimum(x.upper, 0.0)))
    value = _within(_widened(at(x.lower), at(x.upper)), -1.0, np.inf)
    return value, _within(slope, 0.0, 1.0)


def _exp(x: Interval) -> tuple[Interval, Interval]:
    with np.errstate(over="ignore"):
        value = _within(_widened(np.exp(x.lower), np.exp(x.upper)), 0.0, np.inf)
    return value, value


def _log(x: Interval) -> tuple[Interval, Interval]:
    above = x.lower > 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        value = _widened(np.log(x.lower), np.log(x.upper))
    value = Interval(
        np.where(above, value.lower, -np.inf), np.where(above, value.upper, np.inf)
    )
    return value, x.reciprocal()


def _sqrt(x: Interval) -> tuple[Interval, Interval]:
    above = x.lower > 0.0
    with np.errstate(invalid="ignore"):
        value = _widened(np.sqrt(x.lower), np.sqrt(x.upper))
    value = Interval(
        np.where(above, value.lower, -np.inf), np.where(above, value.upper, np.inf)
    )
    return value, (value * 2.0).reciprocal()


def _erf(x: Interval) -> tuple[Interval, Interval]:
    near, far = _near_and_far(x)
    value = _within(_widened(erf(x.lower), erf(x.upper)), -1.0, 1.0)
    scale = 2.0 / np.sqrt(np.pi)
    # The rounded square in the exponent moves exp(-x^2) by x^2 roundoffs, relatively.
    error = 3.0 + np.minimum(far, 40.0) ** 2
    slope = _widened(scale * np.exp(-(far**2)), scale * np.exp(-(near**2)), error)
    return value, _within(slope, 0.0, 1.13)  # 2 / sqrt(pi) is 1.1284


def _arctan(x: Interval) -> tuple[Interval, Interval]:
    near, far = _near_and_far(x)
    slope = _widened(1.0 / (1.0 + far**2), 1.0 / (1.0 + near**2))
    return _widened(np.arctan(x.lower), np.arctan(x.upper)), _within(slope, 0.0, 1.0)


def _sin(x: Interval) -> tuple[Interval, Interval]:
    return _wave(np.sin, 0.5, x), _wave(np.cos, 0.0, x)


def _cos(x: Interval) -> tuple[Interval, Interval]:
    return _wave(np.cos, 0.0, x), -_wave(np.sin, 0.5, x)


def _wave(function: Callable, top: float, x: Interval) -> Interval:
    """Bound a function of period two pi that is largest at ``top`` times pi."""
    finite = np.isfinite(x.lower) & np.isfinite(x.upper)
    low, high = np.where(finite, x.lower, 0.0), np.where(finite, x.upper, 0.0)
    slack = _TURN_SLACK * (1.0 + np.maximum(np.abs(low), np.abs(high)))

    def holds(turn: float) -> np.ndarray:
        first = (low - slack) / (2.0 * np.pi) - 0.5 * turn
        last = (high + slack) / (2.0 * np.pi) - 0.5 * turn
        return (np.ceil(first) <= last) | ~finite

    ends = function(low), function(high)
    value = _widened(np.minimum(*ends), np.maximum(*ends))
    lower = np.where(holds(top + 1.0), -1.0, value.lower)
    upper = np.where(holds(top), 1.0, value.upper)
    return _within(Interval(lower, upper), -1.0, 1.0)


def _square(x: Interval) -> tuple[Interval, Interval]:
    near, far = _near_and_far(x)
    return _within(_widened(near**2, far**2), 0.0, np.inf), x * 2.0


#: From intervals to enclosures of a function's values and slopes. Where it has a kink, its
#: slopes are those of both sides and all between; where it is not defined, anything.
FUNCTIONS: dict[str, Callable[[Interval], tuple[Interval, Interval]]] = {
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "relu": _relu,
    "ramp": _ramp,
    "abs": _abs,
    "softsign": _softsign,
    "softplus": _softplus,
    "elu": _elu,
    "exp": _exp,
    "log": _log,
    "sqrt": _sqrt,
    "erf": _erf,
    "arctan": _arctan,
    "sin": _sin,
    "cos": _cos,
    "square": _square,
}
