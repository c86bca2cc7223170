"""Operations of TensorFlow on enclosed quantities, entry by entry."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from fixedpoint_tf._utils.growth import Growth
from fixedpoint_tf._utils.intervals import Interval

__all__ = [
    "BINARY",
    "Form",
    "Quantity",
    "Unknown",
    "as_quantity",
    "clipped",
    "either_end",
    "elementwise",
    "extremum",
    "flat",
    "to_power",
    "unary",
]

Form = Any  # Dual, Affine or Growth: all have the operations that are used here
_UNARY = {
    "Tanh": "tanh", "Sigmoid": "sigmoid", "Relu": "relu", "Abs": "abs", "Softsign": "softsign",
    "Softplus": "softplus", "Elu": "elu", "Exp": "exp", "Log": "log", "Sqrt": "sqrt",
    "Erf": "erf", "Atan": "arctan", "Sin": "sin", "Cos": "cos", "Square": "square",
}  # fmt: skip
_ONE = Interval.at(np.array(1.0))  # the number one, which has no rounding
# Of Klambauer et al. (2017): the scale, and the scale times alpha.
_SELU = [
    Interval.around(np.array(v), np.array(0.0))
    for v in (1.0507009873554805, 1.7580993408473769)
]


class Unknown(Exception):
    """An operation that has no enclosure here."""


@dataclasses.dataclass(frozen=True)
class Quantity:
    """Entries of an operation's result that depends on the states.

    Attributes:
        form: the entries, one behind another.
        shape: shape of the result.
        cut: ``("Minimum" or "Maximum", of what, with which number)`` where it is one.
    """

    form: Form
    shape: tuple[int, ...]
    cut: tuple[str, Quantity, Interval] | None = None


def flat(value: Interval) -> Interval:
    """Put the entries of an interval one behind another."""
    return Interval(value.lower.ravel(), value.upper.ravel())


def either_end(value: Any, end: str) -> Any:
    """Return the lower or upper end of an interval, other values unchanged."""
    return getattr(value, end) if isinstance(value, Interval) else value


def as_quantity(value: Any, states: Form) -> Quantity:
    """Take a constant as a quantity too."""
    if isinstance(value, Quantity):
        return value
    if not isinstance(value, Interval):
        raise Unknown("a constant in another type")
    return Quantity(states.constant(flat(value)), value.lower.shape)


def elementwise(function: Callable, one: Quantity, two: Quantity) -> Quantity:
    """Apply a function of two quantities, brought to the same shape."""
    shape = np.broadcast_shapes(one.shape, two.shape)
    forms = []
    for part in (one, two):
        numbers = np.arange(int(np.prod(part.shape))).reshape(part.shape)
        columns = np.broadcast_to(numbers, shape).ravel()
        forms.append(part.form if part.shape == shape else part.form.take(columns))
    return Quantity(function(*forms), shape)


def _inverse(form: Form) -> Form:
    """Divide one by numbers of one sign, else by anything."""
    value = form.rest if isinstance(form, Growth) else form.value
    bounded = form._is_bounded if isinstance(form, Growth) else np.ones(value.lower.shape, bool)
    below = (bounded & (value.upper < 0.0)).all(axis=0)
    sign = Interval.at(np.where(below, -1.0, 1.0))
    return (form * sign).reciprocal() * sign


BINARY: dict[str, Callable[[Form, Form], Form]] = {
    "Add": operator.add,
    "AddV2": operator.add,
    "BiasAdd": operator.add,
    "Sub": lambda one, two: one + -two,
    "Mul": operator.mul,
    "RealDiv": lambda one, two: one * _inverse(two),
    "Div": lambda one, two: one * _inverse(two),
    "SquaredDifference": lambda one, two: (one + -two).activate("square"),
}


def to_power(form: Form, exponent: Any) -> Form:
    """Raise to a whole power, which is known exactly."""
    if isinstance(exponent, Quantity):
        raise Unknown("Pow")
    ends = [np.asarray(either_end(exponent, end)).ravel() for end in ("lower", "upper")]
    if ends[0].size != 1 or ends[0] != ends[1] or float(ends[0][0]) not in (1.0, 2.0, 3.0, 4.0):
        raise Unknown("Pow")
    result = form
    n = int(ends[0][0])
    if n in (2, 4):
        result = form.activate("square")
        return result.activate("square") if n == 4 else result
    return form.activate("square") * form if n == 3 else result


def unary(operation: tf.Operation, form: Form) -> Form:
    """Apply a function of one quantity."""
    kind = operation.type
    if kind in _UNARY:
        return form.activate(_UNARY[kind])
    if kind == "Neg":
        return -form
    if kind in ("Reciprocal", "Inv"):
        return _inverse(form)
    if kind == "Rsqrt":
        return _inverse(form.activate("sqrt"))
    if kind == "Relu6":
        return clipped(form, Interval.at(np.array(0.0)), Interval.at(np.array(6.0)))
    if kind == "Selu":
        below = (-((-form).activate("relu"))).activate("elu")
        return form.activate("relu") * _SELU[0] + below * _SELU[1]
    if kind == "Erfc":
        return -form.activate("erf") + _ONE
    if kind == "LeakyRelu":
        alpha = Interval.at(np.array(np.float64(np.float32(operation.get_attr("alpha")))))
        below = -((-form).activate("relu"))
        return form.activate("relu") + below * alpha
    raise Unknown(kind)


def extremum(kind: str, inputs: list, states: Form) -> Quantity:
    """Return the smaller or larger of two, both by one function."""
    number = next((v for v in inputs if isinstance(v, Interval) and v.lower.size == 1), None)
    if number is not None:
        number = flat(number)
        (quantity,) = (value for value in inputs if isinstance(value, Quantity))
        if quantity.cut is not None and quantity.cut[0] != kind:
            _, whole, other = quantity.cut
            ends = (number, other) if kind == "Maximum" else (other, number)
            return Quantity(clipped(whole.form, *ends), whole.shape)
    one, two = (as_quantity(value, states) for value in inputs)
    if kind == "Maximum":  # a + max(b - a, 0)
        cut = elementwise(lambda a, b: a + (b + -a).activate("relu"), one, two)
    else:
        cut = elementwise(lambda a, b: a + -((a + -b).activate("relu")), one, two)
    if number is None:
        return cut
    return dataclasses.replace(cut, cut=(kind, quantity, number))


def clipped(form: Form, lower: Interval, upper: Interval) -> Form:
    """Keep a quantity within two numbers."""
    width = upper - lower
    if not (width.lower > 0.0).all():
        raise Unknown("clip")
    return ((form + -lower) * width.reciprocal()).activate("ramp") * width + lower
