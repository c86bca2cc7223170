"""Stability, time constants and frequencies of modes, from their eigenvalues."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fixedpoint_tf._utils.checks import as_numbers, check_number
from fixedpoint_tf._utils.enums import TextStrEnum
from fixedpoint_tf.linearization.time_units import check_time, step

__all__ = [
    "STABILITY_TOL",
    "Stability",
    "classify",
    "frequencies",
    "growth",
    "is_stable",
    "n_unstable",
    "rotation",
    "time_constants",
]

#: An eigenvalue nearer than this to the edge of stability is called marginal.
STABILITY_TOL = 1e-6


class Stability(TextStrEnum):
    """Stability of a point or cycle, equal to its word: ``"stable" == Stability.STABLE``.

    Example:
        >>> Stability.SADDLE, Stability("saddle").text
        ('saddle', 'some modes grow, some decay')
    """

    STABLE = "stable", "every mode decays"
    SADDLE = "saddle", "some modes grow, some decay"
    UNSTABLE = "unstable", "some modes grow, none decays"
    MARGINAL = (
        "marginal",
        "none grows, but one is at the edge: linear theory cannot tell (a line attractor, a "
        "bifurcation)",
    )
    UNDECIDED = "undecided", "on a kink, where neither decay nor growth was shown"
    UNKNOWN = "unknown", "an eigenvalue is not known"


def growth(eigenvalues: ArrayLike, time: str = "discrete") -> np.ndarray:
    """Compute how fast a mode grows: the magnitude (discrete) or real part (continuous).

    Args:
        eigenvalues: of any shape.
        time: ``"discrete"`` or ``"continuous"``.

    Returns:
        Real numbers of the same shape. A mode is at the edge of stability where they are
        1 (discrete) or 0 (continuous).

    Example:
        >>> growth([0.6 + 0.8j]).tolist(), growth([0.6 + 0.8j], "continuous").tolist()
        ([1.0], [0.6])
    """
    check_time(time)
    values = as_numbers(eigenvalues, "eigenvalues", dtype=np.complex128)
    return np.abs(values) if time == "discrete" else values.real


def rotation(eigenvalues: np.ndarray, time: str) -> np.ndarray:
    """Return the angle by which a mode turns in one step or one unit of time, in radians."""
    return np.abs(np.angle(eigenvalues) if time == "discrete" else eigenvalues.imag)


def _margin(eigenvalues: ArrayLike, time: str, tol: float) -> np.ndarray:
    """Return the growth beyond the edge of stability: negative for a mode that decays."""
    check_time(time)
    check_number(tol, "tol", closed="low")
    margin = growth(eigenvalues, time) - (1.0 if time == "discrete" else 0.0)
    if margin.ndim == 0:
        raise ValueError("eigenvalues: expected shape (..., n_states), received one number.")
    return margin


def n_unstable(
    eigenvalues: ArrayLike, time: str = "discrete", tol: float = STABILITY_TOL
) -> np.ndarray:
    """Count the unstable directions of each point.

    Args:
        eigenvalues: ``(n, n_states)``.
        time: ``"discrete"``, a mode is unstable where its magnitude exceeds ``1 + tol``;
            ``"continuous"``, where its real part exceeds ``tol``.
        tol: a mode nearer than this to the edge counts neither as stable nor as unstable.

    Returns:
        ``(n,)`` int; -1 where an eigenvalue is NaN, since the number is then unknown.

    Example:
        >>> n_unstable([[1.2, 0.5], [0.9, 0.5]]).tolist()
        [1, 0]
    """
    margin = _margin(eigenvalues, time, tol)
    count = (margin > tol).sum(axis=-1)
    return np.where(np.isnan(margin).any(axis=-1), -1, count)


def is_stable(
    eigenvalues: ArrayLike, time: str = "discrete", tol: float = STABILITY_TOL
) -> np.ndarray:
    """Test whether every mode of a point decays, with at least ``tol`` to spare.

    Args:
        eigenvalues: ``(n, n_states)``.
        time: ``"discrete"`` or ``"continuous"``.
        tol: as for :func:`n_unstable`. A marginal point is not called stable.

    Returns:
        ``(n,)`` bool; False where an eigenvalue is NaN.

    Example:
        >>> is_stable([[0.9, 0.5], [1.0, 0.5]]).tolist()
        [True, False]
    """
    return np.asarray((_margin(eigenvalues, time, tol) < -tol).all(axis=-1))


def classify(
    eigenvalues: ArrayLike, time: str = "discrete", tol: float = STABILITY_TOL
) -> np.ndarray:
    """Name the stability of each point by a word of :class:`Stability`.

    Args:
        eigenvalues: ``(n, n_states)``.
        time: ``"discrete"`` or ``"continuous"``.
        tol: distance from the edge of stability within which a mode is marginal.

    Returns:
        ``(n,)`` strings, each equal to a member of :class:`Stability`; ``"unknown"`` where an
        eigenvalue is NaN.

    Example:
        >>> classify([[0.9, 0.5], [1.2, 0.5], [1.2, 1.1], [1.0, 0.5]]).tolist()
        ['stable', 'saddle', 'unstable', 'marginal']
    """
    margin = _margin(eigenvalues, time, tol)
    grows, decays = (margin > tol).any(axis=-1), (margin < -tol).any(axis=-1)
    return np.select(
        [
            np.isnan(margin).any(axis=-1),
            grows & decays,
            grows,
            (margin < -tol).all(axis=-1),
        ],
        [Stability.UNKNOWN, Stability.SADDLE, Stability.UNSTABLE, Stability.STABLE],
        default=Stability.MARGINAL,
    )


def time_constants(
    eigenvalues: ArrayLike, time: str = "discrete", dt: float | None = None
) -> np.ndarray:
    r"""Compute the time in which each mode shrinks, or grows, by the factor e.

    :math:`\tau = 1 / |\ln |\lambda||` in steps (discrete; Maheswaranathan et al. 2019,
    "Reverse engineering recurrent networks for sentiment classification") or
    :math:`1 / |\mathrm{Re} \lambda|` (continuous). It does not distinguish growth from decay;
    :func:`n_unstable` counts the growing modes.

    Args:
        eigenvalues: of any shape.
        time: ``"discrete"`` or ``"continuous"``.
        dt: length of one step in seconds; the result is then in seconds. None for a continuous
            system, whose eigenvalues are rates already.

    Returns:
        Positive numbers of the same shape; infinite at the edge of stability, and 0 for
        a discrete mode that is gone after one step.

    Example:
        >>> time_constants([0.9]).round(4).tolist()
        [9.4912]
        >>> time_constants([0.9], dt=0.01).round(6).tolist()
        [0.094912]
    """
    length = step(check_time(time), dt)
    with np.errstate(divide="ignore"):
        rate = growth(eigenvalues, time)
        rate = np.log(rate) if time == "discrete" else rate
        return length / np.abs(rate)


def frequencies(
    eigenvalues: ArrayLike, time: str = "discrete", dt: float | None = None
) -> np.ndarray:
    r"""Compute the frequency of each mode, in cycles per step, or in Hz given ``dt``.

    :math:`f = |\arg \lambda| / 2 \pi` (discrete) or :math:`|\mathrm{Im} \lambda| / 2 \pi`
    (continuous). A negative real eigenvalue of a discrete system flips sign at each step,
    which is half a cycle: its frequency is 0.5.

    Args:
        eigenvalues: of any shape.
        time: ``"discrete"`` or ``"continuous"``.
        dt: length of one step in seconds; None for a continuous system.

    Returns:
        Numbers >= 0 of the same shape; both members of a conjugate pair have the same.

    Example:
        >>> frequencies([1j, 0.9, -0.9]).tolist()
        [0.25, 0.0, 0.5]
    """
    length = step(check_time(time), dt)
    values = as_numbers(eigenvalues, "eigenvalues", dtype=np.complex128)
    return rotation(values, time) / (2.0 * np.pi * length)
