"""Activation functions: derivatives, ranges, and bounds of both over intervals."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from scipy.special import expit

from fixedpoint_tf._utils.checks import as_numbers, check_choice, check_switch
from fixedpoint_tf._utils.norms import EPS

__all__ = ["ACTIVATIONS", "Activation", "Suprema", "activation_name", "suprema"]

OUTWARD = 1.0 + 8.0 * EPS  # more than the rounding of an elementary function and a product
_KINK = 1e200  # curvature at a kink: larger than anything, and zero times it is zero
_PEAK = 1.0 / np.sqrt(3.0)  # |tanh''| = 2 t (1 - t^2) is largest at this t = |tanh|


@dataclasses.dataclass(frozen=True)
class Activation:
    """An elementwise function, its derivative written by its own value, its range."""

    function: Callable[[tf.Tensor], tf.Tensor]
    slope: Callable[[tf.Tensor], tf.Tensor]
    lower: float
    upper: float
    is_smooth: bool = True


# Only functions whose derivative is a function of their own value stand here; a cell with
# any other activation is differentiated automatically.
ACTIVATIONS: dict[str, Activation] = {
    "linear": Activation(tf.identity, tf.ones_like, -np.inf, np.inf),
    "tanh": Activation(tf.tanh, lambda y: 1.0 - y * y, -1.0, 1.0),
    "sigmoid": Activation(tf.sigmoid, lambda y: y * (1.0 - y), 0.0, 1.0),
    "relu": Activation(
        tf.nn.relu, lambda y: tf.cast(y > 0.0, y.dtype), 0.0, np.inf, is_smooth=False
    ),
}


def activation_name(function: Any) -> str | None:
    """Return the name of an activation of Keras, or None if its derivatives are unknown.

    Args:
        function: as a layer holds it.

    Returns:
        A key of :data:`ACTIVATIONS`, or None.

    Example:
        >>> activation_name(tf.nn.relu), activation_name(tf.sin)
        ('relu', None)
    """
    known: dict[str, list[Any]] = {
        "tanh": [keras.activations.tanh, tf.tanh, tf.nn.tanh],
        "sigmoid": [keras.activations.sigmoid, tf.sigmoid, tf.nn.sigmoid],
        "relu": [keras.activations.relu, tf.nn.relu],
        "linear": [keras.activations.linear],
    }
    for name, functions in known.items():
        if any(function is candidate for candidate in functions):
            return name
    if function is None:
        return "linear"
    if getattr(function, "__module__", "").startswith("tf_keras."):
        name = getattr(function, "__name__", "")
        return name if name in known else None
    return None


@dataclasses.dataclass(frozen=True)
class Suprema:
    """Largest absolute value of a function, its slopes and ``1 - f`` over intervals."""

    size: np.ndarray
    slope: np.ndarray
    curvature: np.ndarray
    complement: np.ndarray
    jump: np.ndarray | None = None


def suprema(
    name: str, centre: np.ndarray, width: np.ndarray, *, jumps: bool = False
) -> Suprema:
    """Bound an activation over ``[centre - width, centre + width]``, elementwise.

    Args:
        name: a key of ``ACTIVATIONS``.
        centre: ``(n, d)``.
        width: ``(n, d)``.
        jumps: the slope of a ReLU at its threshold counts as a jump of 1, and not as an
            infinite curvature.

    Returns:
        The largest absolute values within each interval, ``(n, d)`` each: ``size`` of the
        function, ``slope``, ``curvature``, ``complement`` of one minus the function, and
        ``jump`` of the slope, or None where it has none.

    Example:
        >>> s = suprema("tanh", np.array([0.0, 3.0]), np.array([0.1, 0.1]))
        >>> s.slope.round(4).tolist(), s.curvature.round(4).tolist()
        ([1.0, 0.0121], [0.1973, 0.024])
    """
    check_choice(name, "name", sorted(ACTIVATIONS))
    check_switch(jumps, "jumps")
    centre = as_numbers(centre, "centre")
    width = as_numbers(width, "width", low=0.0)
    if width.shape != centre.shape:
        raise ValueError(
            f"width: expected shape {centre.shape}, as centre's, received {width.shape}."
        )
    low, high = centre - width, centre + width
    jump = None
    near, far = np.maximum(np.abs(centre) - width, 0.0), np.abs(centre) + width
    if name == "linear":
        ends = low, high
        slope, curvature = np.ones_like(far), np.zeros_like(far)
    elif name == "relu":
        ends = np.maximum(low, 0.0), np.maximum(high, 0.0)
        slope = (high >= 0.0).astype(np.float64)
        crosses = (low <= 0.0) & (high >= 0.0)
        curvature = np.where(crosses, 0.0 if jumps else _KINK, 0.0)
        jump = np.where(crosses & jumps, 1.0, 0.0)
    elif name == "tanh":
        ends = np.tanh(low), np.tanh(high)
        slope, curvature = _tanh_slopes(near, far)
    else:  # sigmoid(a) = (1 + tanh(a / 2)) / 2
        # 1 - sigmoid(a) = sigmoid(-a): differences from 1 would round to nothing far out.
        slope, curvature = _tanh_slopes(0.5 * near, 0.5 * far)
        bounds = expit(high), 0.25 * slope, 0.125 * curvature, expit(-low)
        return Suprema(*(OUTWARD * bound for bound in bounds))
    low, high = ends  # all are monotone
    size = np.maximum(np.abs(low), np.abs(high))
    complement = np.maximum(np.abs(1.0 - low), np.abs(1.0 - high))
    size, slope = OUTWARD * size, OUTWARD * slope
    return Suprema(size, slope, OUTWARD * curvature, OUTWARD * complement, jump)


def _tanh_slopes(near: np.ndarray, far: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the largest ``tanh'`` and ``|tanh''|`` for absolute arguments in a range."""
    low, high = np.tanh(near), np.tanh(far)
    slope_low = np.cosh(np.minimum(near, 300.0)) ** -2.0
    slope_high = np.cosh(np.minimum(far, 300.0)) ** -2.0
    ends = np.maximum(2.0 * low * slope_low, 2.0 * high * slope_high)
    peak = (low <= _PEAK) & (high >= _PEAK)
    return slope_low, np.where(peak, 4.0 / (3.0 * np.sqrt(3.0)), ends)
