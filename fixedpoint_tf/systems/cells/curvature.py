r"""Bounds in closed form on the variation of a standard cell's Jacobian within a ball.

A unit of a cell is an elementwise function :math:`\varphi` of a few *ports*, quantities
:math:`p_b(x)` that are linear in the states (a gate's argument, the unit's own state). So

.. math::
    D^2 F_k[\Delta, v] = \sum_{a,b} \partial_a \partial_b \varphi_k \;
    (\nabla p_{a,k} \cdot \Delta)\,(\nabla p_{b,k} \cdot v) .

Within the ball of radius :math:`r` around :math:`\bar x` (Euclidean) port ``k`` stays within
:math:`r |\nabla p_k|` of its centre, which bounds every :math:`|\partial_a \partial_b
\varphi_k|` by elementary functions: far less than over the whole space where a unit is
saturated. With :math:`d_{b,k} = \sum_a |\partial_a \partial_b \varphi_k| |\nabla p_{a,k}|` and
:math:`|D p_b| \le \Lambda_b` (spectral norm),

.. math::
    |A\, D^2 F[\Delta, \cdot]| \le |A \,\mathrm{diag}(e)|\, J\, |\Delta|, \qquad
    e_k^2 = \sum_b d_{b,k}^2 \Lambda_b^2,

where ``J`` bounds the norm of all :math:`D p_b / \Lambda_b` one below another. A port that is
not linear (the candidate of a GRU that resets before; the input of a layer from the one below)
adds :math:`|A\,\mathrm{diag}(\partial_b \varphi)|\,|D^2 p_b|`. Rounding errors run along the
same derivatives.

Where a ReLU may cross its threshold within the ball, its curvature is infinite; or, on demand,
its slope counts as a *jump*: the Jacobian is then a smooth function of the states and of the
slopes, and what other slopes change it by is bounded in the same way, with the jumps of
:math:`\partial_b \varphi` in place of :math:`d_b`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from fixedpoint_tf._utils.checks import (
    as_numbers,
    check_fits,
    check_instance,
    check_whole,
    shown,
)
from fixedpoint_tf._utils.norms import EPS, gamma, spectral_norms

if TYPE_CHECKING:
    from fixedpoint_tf.systems.cells.equations import CellEquations

__all__ = [
    "ROUNDING",
    "BallBounds",
    "CellBounds",
    "GateInput",
    "Kernel",
    "SecondDerivative",
    "affine",
    "as_arrays",
    "bounds_of",
    "elementwise",
    "identity",
]

#: Relative error of each product of activations: see the assumption in ``certify``.
ROUNDING = 32.0 * EPS
SLOPE_ULPS = 128.0  # units of roundoff of each slope: four times those of a value


@dataclasses.dataclass(frozen=True)
class GateInput:
    """A quantity that each unit reads, bounded within a ball.

    Attributes:
        value: at the centre, ``(n, d)``.
        slope: of the length of its gradient by the states, ``(n, d)``.
        norm: of the spectral norm of its Jacobian, ``(n,)``.
        bend: of the norm of its second derivative, ``(n,)``; zero where it is linear.
        error: of the rounding error of the value, ``(n, d)``.
        slope_error: of that of the gradient, ``(n, d)``.
        matrix: its constant Jacobian ``(d, n_states of the cell)``, where it has one.
        jump: of the norm of what other slopes at thresholds change its Jacobian by, ``(n,)``.
    """

    value: np.ndarray
    slope: np.ndarray
    norm: np.ndarray
    bend: np.ndarray
    error: np.ndarray
    slope_error: np.ndarray
    matrix: np.ndarray | None = None
    jump: np.ndarray | None = None

    def width(self, radius: np.ndarray) -> np.ndarray:
        """Bound the deviation from the centre within the ball, ``(n, d)``."""
        return self.slope * radius[:, None] + self.error


@dataclasses.dataclass(frozen=True)
class SecondDerivative:
    """Contribution of an elementwise function to the second derivative of a cell.

    Attributes:
        own: ``e J`` above, ``(n, d)``.
        through: pairs of ``|d phi / d p_b|``, ``(n, d)``, and ``|D^2 p_b|``, ``(n,)``.
    """

    own: np.ndarray
    through: list[tuple[np.ndarray, np.ndarray]]


@dataclasses.dataclass(frozen=True)
class CellBounds:
    """A block of a cell's new states, its second derivative, its jumps at thresholds."""

    port: GateInput
    bend: SecondDerivative
    jump: SecondDerivative


#: ``(states, inputs, radius) -> answers``: a block of new states each, in order.
BallBounds = Callable[[np.ndarray, GateInput, np.ndarray], list[CellBounds]]


def as_arrays(weights: Any) -> Any:
    """Bring weights of cells to arrays in double precision."""
    return tf.nest.map_structure(lambda w: np.asarray(w, dtype=np.float64), weights)


def bounds_of(
    equations: CellEquations, weights: Any, *, jumps: bool = False
) -> Callable[[np.ndarray, np.ndarray, np.ndarray], list[CellBounds]]:
    """Make ``(states, inputs, radii) -> answers`` of a closed form with its weights.

    Args:
        equations: with bounds within balls.
        weights: as its methods take them, arrays in double precision.
        jumps: thresholds of ReLU units count as jumps, and not as infinite curvature.
    """
    bounds = equations.ball_bounds(weights, jumps=jumps)

    def evaluate(x: np.ndarray, u: np.ndarray, radius: np.ndarray) -> list[CellBounds]:
        zero, none = np.zeros_like(u), np.zeros(len(u))
        with np.errstate(all="ignore"):  # a kink overflows on purpose
            return bounds(x, GateInput(u, zero, none, none, zero, zero), radius)

    return evaluate


def identity(value: np.ndarray, first: int = 0, n_states: int | None = None) -> GateInput:
    """Return the states from ``first`` on, of ``n_states``, as an input of a gate.

    Args:
        value: ``(n, d)``.
        first: index of the first of them among the cell's states.
        n_states: number of states of the cell; default: the last of ``value`` is the last
            state.

    Example:
        >>> identity(np.zeros((1, 2))).matrix.tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    value = as_numbers(value, "value", n_axes=(2,), shape="(n, d)", empty=True)
    n, d = value.shape
    check_whole(first, "first", 0)
    n_states = check_whole(first + d if n_states is None else n_states, "n_states", first + d)
    check_fits("n_states", n_states, n_states, d)
    zero = np.zeros((n, d))
    matrix = np.eye(d, n_states, first)
    return GateInput(value, np.ones((n, d)), np.ones(n), np.zeros(n), zero, zero, matrix)


class Kernel:
    """A constant matrix ``(n_in, d)`` that mixes rows from the right, and its norms.

    Args:
        matrix: in double precision.

    Example:
        >>> kernel = Kernel(np.array([[3.0, 0.0], [4.0, 1.0]]))
        >>> len(kernel), kernel.length.tolist()
        (2, [5.0, 1.0])
    """

    def __init__(self, matrix: np.ndarray):
        matrix = as_numbers(matrix, "matrix", n_axes=(2,), shape="(n_in, d)", finite=True)
        self.matrix = matrix
        self.size = np.abs(matrix)
        self.length = np.linalg.norm(matrix, axis=0)
        self.norm = float(spectral_norms(matrix[None])[0])

    @classmethod
    def split(cls, matrix: np.ndarray, n_gates: int) -> list[Kernel]:
        """Split a matrix into the kernels of its gates, which stand side by side.

        Args:
            matrix: kernel ``(n_in, n_gates * n)``.
            n_gates: number of gates.
        """
        check_whole(n_gates, "n_gates")
        matrix = as_numbers(matrix, "matrix", n_axes=(2,), shape="(n_in, d)", finite=True)
        if matrix.shape[1] % n_gates:
            raise ValueError(
                f"matrix: expected columns for {n_gates} gates, received {matrix.shape[1]}."
            )
        return [cls(part) for part in np.split(matrix, n_gates, axis=1)]

    def __len__(self) -> int:
        return len(self.matrix)


def affine(
    below: GateInput, kernel: Kernel, h: GateInput, recurrent: Kernel, bias: np.ndarray
) -> GateInput:
    """Bound ``u K + h R + b``.

    Args:
        below: the inputs ``u``; without slope where they are constant.
        kernel: ``(n_inputs, d)``.
        h: what is mixed, ``(n, n_units)``.
        recurrent: ``(n_units, d)``.
        bias: ``(d,)``.

    Returns:
        The quantity with its ``value``, ``(n, d)``, and ``width(radius)``, ``(n, d)``: how
        far it gets from that within a ball of states.

    Example:
        >>> own = identity(np.ones((1, 1)))
        >>> a = affine(own, Kernel(np.eye(1)), own, Kernel(np.full((1, 1), 2.0)), np.ones(1))
        >>> a.value.tolist()
        [[4.0]]
    """
    check_instance(below, "below", GateInput)
    check_instance(h, "h", GateInput)
    check_instance(kernel, "kernel", Kernel)
    check_instance(recurrent, "recurrent", Kernel)
    d = recurrent.matrix.shape[1]
    bias = as_numbers(bias, "bias", n_axes=(1,), sizes={0: d}, shape=f"(d={d},)")
    rounding = gamma(len(kernel) + len(recurrent) + 3)
    magnitude = np.abs(below.value) @ kernel.size + np.abs(h.value) @ recurrent.size
    linear = h.matrix is not None and not below.norm.any()
    # A cell's own states and its inputs depend on different ones; what a reset leaves of
    # them (a port that is no linear one) depends on both.
    add = np.hypot if h.matrix is not None else np.add
    return GateInput(
        value=below.value @ kernel.matrix + h.value @ recurrent.matrix + bias,
        slope=add(_mixed_slope(below, kernel), _mixed_slope(h, recurrent)),
        norm=add(kernel.norm * below.norm, recurrent.norm * h.norm),
        bend=kernel.norm * below.bend + recurrent.norm * h.bend,
        error=rounding * (magnitude + np.abs(bias))
        + below.error @ kernel.size
        + h.error @ recurrent.size,
        slope_error=(below.slope_error + rounding * below.slope) @ kernel.size
        + (h.slope_error + rounding * h.slope) @ recurrent.size,
        matrix=recurrent.matrix.T @ h.matrix if linear else None,
        jump=kernel.norm * _jump(below) + recurrent.norm * _jump(h),
    )


def _jump(port: GateInput) -> np.ndarray:
    return np.zeros(len(port.norm)) if port.jump is None else port.jump


def _mixed_slope(port: GateInput, kernel: Kernel) -> np.ndarray:
    """Bound of ``|sum_j K_jk grad p_j|``, two ways."""
    return np.minimum(port.norm[:, None] * kernel.length, port.slope @ kernel.size)


def elementwise(
    ports: list[GateInput],
    value: np.ndarray,
    gradient: list[np.ndarray],
    hessian: dict[tuple[int, int], np.ndarray],
    *,
    rounding: np.ndarray,
    size: np.ndarray,
    jumps: dict[int, np.ndarray] | None = None,
) -> CellBounds:
    """Bound an elementwise function of ports, given bounds of its derivatives in the ball.

    Args:
        ports: inputs of the function, each ``(n, d)``.
        value: at the centre, ``(n, d)``.
        gradient: ``|d phi / d p_b|`` for each port, ``(n, d)``.
        hessian: ``|d^2 phi / d p_a d p_b|`` for pairs ``a <= b``; others are zero.
        rounding: error of evaluating it, ``(n, d)``.
        size: size of the terms of its derivatives, ``(n, d)``.
        jumps: largest change of ``d phi / d p_b`` between the slopes at thresholds.

    Returns:
        The bounds of a block of new states; its ``port`` is the input of a next function.

    Example:
        >>> h = identity(np.array([[0.5]]))  # the unit h' = h^2, |h| at most 0.6 in the ball
        >>> gradient, hessian = [np.array([[1.2]])], {(0, 0): np.array([[2.0]])}
        >>> zero = np.zeros((1, 1))
        >>> new = elementwise([h], h.value**2, gradient, hessian, rounding=zero, size=zero)
        >>> new.bend.own.round(6).tolist()
        [[2.0]]
    """
    _check_function_of_ports(ports, value, gradient, hessian, rounding, size, jumps)
    n_ports = len(ports)
    turn = [np.zeros_like(value) for _ in ports]  # d_b
    wobble = [np.zeros_like(value) for _ in ports]  # the same of rounding errors
    for (a, b), h in hessian.items():
        for i, j in {(a, b), (b, a)}:
            turn[j] = turn[j] + h * ports[i].slope
            wobble[j] = wobble[j] + h * ports[i].error
    squares = [(d * p.norm[:, None]) ** 2 for d, p in zip(turn, ports, strict=True)]
    own = np.sqrt(np.sum(squares, axis=0)) * _joint_norm(ports)[:, None]
    through = [(g, p.bend) for g, p in zip(gradient, ports, strict=True) if p.bend.any()]
    bend = own.max(axis=1) + sum(g.max(axis=1) * b for g, b in through)
    slope_error, error, slope = np.zeros_like(value), rounding, np.zeros_like(value)
    norm = np.zeros(len(value))
    for b in range(n_ports):
        port, g = ports[b], gradient[b]
        slope_error = slope_error + (wobble[b] + SLOPE_ULPS * EPS * size) * port.slope
        slope_error = slope_error + g * port.slope_error
        error = error + g * port.error
        slope = slope + g * port.slope
        norm = norm + g.max(axis=1) * port.norm
    apart = [(jump * ports[b].norm[:, None]) ** 2 for b, jump in (jumps or {}).items()]
    leaps = np.sqrt(np.sum(apart, axis=0)) if apart else np.zeros_like(value)
    leaps = leaps * _joint_norm(ports)[:, None]
    passed = [(g, _jump(p)) for g, p in zip(gradient, ports, strict=True) if _jump(p).any()]
    leap = leaps.max(axis=1) + sum(g.max(axis=1) * b for g, b in passed)
    answer = GateInput(value, slope, norm, bend, error, slope_error, jump=leap)
    return CellBounds(answer, SecondDerivative(own, through), SecondDerivative(leaps, passed))


def _check_function_of_ports(ports, value, gradient, hessian, rounding, size, jumps) -> None:
    """Refuse what is no description of an elementwise function, by its name."""
    check_instance(ports, "ports", list, tuple)
    for port in ports:
        check_instance(port, "ports", GateInput)
    if not ports:
        raise ValueError("ports: expected at least one, received none.")
    shape = ports[0].value.shape
    check_instance(gradient, "gradient", list, tuple)
    if len(gradient) != len(ports):
        raise ValueError(
            f"gradient: expected one array a port, {len(ports)}, received {len(gradient)}."
        )
    check_instance(hessian, "hessian", Mapping)
    check_instance(jumps, "jumps", Mapping, none=True)
    known = range(len(ports))
    for argument, keys in (
        ("hessian", [k for pair in hessian for k in (pair if _is_pair(pair) else (None,))]),
        ("jumps", list(jumps or {})),
    ):
        if any(key not in known for key in keys):
            raise ValueError(
                f"{argument}: expected numbers of ports below {len(ports)}, received "
                f"{shown(keys)}."
            )
    arrays = [("value", value), ("rounding", rounding), ("size", size)]
    arrays += [("gradient", each) for each in gradient]
    arrays += [("hessian", each) for each in hessian.values()]
    arrays += [("jumps", each) for each in (jumps or {}).values()]
    for argument, array in arrays:
        sizes = {0: shape[0], 1: shape[1]}
        as_numbers(
            array, argument, n_axes=(2,), sizes=sizes, shape=f"(n, d) = {shape}", empty=True
        )


def _is_pair(key: Any) -> bool:
    return isinstance(key, tuple) and len(key) == 2


def _joint_norm(ports: list[GateInput]) -> np.ndarray:
    """Return the norm of all Jacobians stacked, each divided by its own norm."""
    moving = [port for port in ports if port.norm.any()]
    n = len(ports[0].norm)
    matrices = [port.matrix for port in moving]
    if not moving or any(matrix is None for matrix in matrices):
        return np.full(n, np.sqrt(len(moving)))
    # A port with a constant Jacobian has one norm at all points.
    scaled = [p.matrix / p.norm.max() for p in moving if p.matrix is not None]
    return np.full(n, spectral_norms(np.concatenate(scaled)[None])[0])
