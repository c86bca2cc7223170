r"""Linear dynamics near a point: eigenvalues, eigenvectors, time scales and stability.

Near a fixed point :math:`x^*` of :math:`x_{t+1} = F(x_t, u)`,

.. math:: x_{t+1} - x^* \approx J \, (x_t - x^*), \qquad J = \partial F / \partial x,

so that each eigenvalue :math:`\lambda` of ``J`` is one mode, which shrinks where
:math:`|\lambda| < 1` and turns by the angle of :math:`\lambda` at each step. For a
continuous-time system :math:`dx/dt = g(x, u)` a mode shrinks where its real part is
negative, and its imaginary part is its angular frequency (Strogatz 2014, chapters 5, 6).

All functions take and return arrays in float64; none of them needs TensorFlow.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike

from fixedpoint_tf.batched import each

__all__ = [
    "KINDS",
    "STABILITY_TOL",
    "classify",
    "decompose",
    "frequencies",
    "growth",
    "is_stable",
    "linear_trajectories",
    "n_unstable",
    "right_eigenvectors",
    "time_constants",
]

KINDS = ("discrete", "continuous")

#: An eigenvalue nearer than this to the edge of stability is called marginal.
STABILITY_TOL = 1e-6

#: A left eigenvector is kept where its row of ``left @ right`` is that of I to within this.
_BIORTHOGONALITY_TOL = 1e-6

#: Beyond this condition number, |left| |right|, an eigenvalue is taken as defective:
#: rounding splits an exact Jordan block by about the square root of the machine epsilon.
_DEFECTIVE_CONDITION = 1e7


def check_kind(kind: str) -> str:
    """Returns ``kind``, or raises ``ValueError`` where it is none of ``KINDS``."""
    if kind not in KINDS:
        raise ValueError(f"kind: expected 'discrete' or 'continuous', received {kind!r}.")
    return kind


def _check_dt(dt: float | None) -> float:
    """The factor from steps to units of time."""
    if dt is None:
        return 1.0
    if not (np.isfinite(dt) and dt > 0):
        raise ValueError(f"dt: expected a positive number, received {dt!r}.")
    return float(dt)


def _step(kind: str, dt: float | None) -> float:
    """The length of a step of a discrete system; a continuous one has none."""
    if kind == "continuous" and dt is not None:
        raise ValueError(
            "dt: expected None for a continuous system, whose eigenvalues are per unit of "
            f"time already, received {dt!r}."
        )
    return _check_dt(dt)


def decompose(
    jacobians: ArrayLike, kind: str = "discrete"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Eigenvalues and both sets of eigenvectors of a batch of Jacobians.

    The modes are sorted by how fast they grow, fastest first: by :math:`|\lambda|`
    (discrete) or by the real part (continuous); among equals the slower rotation comes
    first, and of a conjugate pair the one that turns forwards.

    A Jacobian that holds NaN or infinity gets NaN throughout, and leaves the others as
    they are. A defective matrix has fewer eigenvectors than dimensions, so that no set of
    left vectors can make ``left @ right`` the identity: the left vectors of its defective
    eigenvalues are NaN, those of its other eigenvalues are exact.

    Args:
        jacobians: ``(n, n_states, n_states)``, indexed ``[point, output, input]``.
        kind: ``"discrete"`` or ``"continuous"``; it decides the order.

    Returns:
        ``eigenvalues``, ``(n, n_states)``; ``right``, ``(n, n_states, n_states)``, whose
        *columns* are right eigenvectors of length 1; ``left``, of the same shape, whose
        *rows* are left eigenvectors, scaled so that ``left @ right`` is the identity. All
        three are complex128.

    Raises:
        ValueError: where the shape or the kind is another.

    Example:
        >>> import numpy as np
        >>> jacobian = np.array([[[0.5, 1.0], [0.0, 0.9]]])
        >>> eigenvalues, right, left = decompose(jacobian)
        >>> eigenvalues.real.tolist()
        [[0.9, 0.5]]
        >>> bool(np.allclose(left @ right, np.eye(2)))
        True
    """
    matrices = _square(jacobians, kind)
    n, n_states, _ = matrices.shape
    if n == 0 or n_states == 0:
        empty = np.zeros(matrices.shape, dtype=np.complex128)
        return np.zeros((n, n_states), dtype=np.complex128), empty, empty.copy()
    parts = each(lambda matrix: _decompose_one(matrix, kind), matrices)
    values, right, left = (np.stack(part) for part in zip(*parts, strict=True))
    return values, right, left


def right_eigenvectors(
    jacobians: ArrayLike, kind: str = "discrete"
) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and right eigenvectors alone, as :func:`decompose` has them.

    For those who have no use for left ones: it takes half the memory, and no inverses.

    Args:
        jacobians: ``(n, n_states, n_states)``, indexed ``[point, output, input]``.
        kind: ``"discrete"`` or ``"continuous"``; it decides the order.

    Returns:
        ``(n, n_states)`` and ``(n, n_states, n_states)``, vectors as columns; complex128.

    Raises:
        ValueError: where the shape or the kind is another.

    Example:
        >>> values, right = right_eigenvectors([[[0.5, 1.0], [0.0, 0.9]]])
        >>> values.real.tolist()
        [[0.9, 0.5]]
        >>> np.abs(right[0, :, 1]).tolist()
        [1.0, 0.0]
    """
    matrices = _square(jacobians, kind)
    n, n_states, _ = matrices.shape
    if n == 0 or n_states == 0:
        return np.zeros((n, n_states), dtype=np.complex128), np.zeros(
            matrices.shape, dtype=np.complex128
        )
    parts = each(lambda matrix: _right_of_one(matrix, kind), matrices)
    values, right = (np.stack(part) for part in zip(*parts, strict=True))
    return values, right


def _square(jacobians: ArrayLike, kind: str) -> np.ndarray:
    """The Jacobians as an array, or an error that names them."""
    check_kind(kind)
    matrices = np.asarray(jacobians, dtype=np.float64)
    if matrices.ndim != 3 or matrices.shape[1] != matrices.shape[2]:
        raise ValueError(
            f"jacobians: expected shape (n, n_states, n_states), received {matrices.shape}."
        )
    return matrices


def _right_of_one(matrix: np.ndarray, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Sorted eigenvalues and right eigenvectors of one matrix, NaN where undefined."""
    undefined = np.full(matrix.shape, np.nan, dtype=np.complex128)
    if not np.isfinite(matrix).all():
        return undefined[0], undefined
    try:
        values, vectors = np.linalg.eig(matrix)
    except np.linalg.LinAlgError:  # The iteration does not converge.
        return undefined[0], undefined
    values = values.astype(np.complex128)
    order = np.lexsort((-values.imag, _rotation(values, kind), -growth(values, kind)))
    return values[order], vectors[:, order].astype(np.complex128)


def _decompose_one(matrix: np.ndarray, kind: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    values, right = _right_of_one(matrix, kind)
    if not np.isfinite(values).all():
        return values, right, np.full_like(right, np.nan)
    return values, right, _left_eigenvectors(matrix, values, right)


def _left_eigenvectors(
    matrix: np.ndarray, eigenvalues: np.ndarray, right: np.ndarray
) -> np.ndarray:
    """Rows of left eigenvectors with ``left @ right = I``; NaN where there is none."""
    try:
        left = np.linalg.inv(right)
        # The length of a row is the condition of its eigenvalue; far below the limit, the
        # inverse is exact enough without multiplying it out.
        if np.abs(left).max() < 1e-4 * _DEFECTIVE_CONDITION:
            return left
        if _is_dual(left, right).all():
            return left
    except np.linalg.LinAlgError:
        pass
    # The right vectors do not span the space. A simple eigenvalue still has its own left
    # vector, which the adjoint gives (Golub & Van Loan 2013, section 7.2.2).
    undefined = np.full_like(right, np.nan)
    if not np.isfinite(right).all():
        return undefined
    adjoint_values, adjoint_vectors = np.linalg.eig(matrix.T)
    nearest = np.abs(adjoint_values[None, :] - eigenvalues[:, None]).argmin(axis=1)
    left = adjoint_vectors.T[nearest].astype(np.complex128)
    overlap = np.einsum("ij,ji->i", left, right)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        left = left / overlap[:, None]
        return np.where(_is_dual(left, right)[:, None], left, undefined)


def _is_dual(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Which rows are left eigenvectors in more than name; those of NaN are not."""
    with np.errstate(over="ignore", invalid="ignore"):
        error = np.abs(left @ right - np.eye(len(left))).max(axis=1)
        condition = np.linalg.norm(left, axis=1)  # The right vectors have length 1.
    return np.asarray((error < _BIORTHOGONALITY_TOL) & (condition < _DEFECTIVE_CONDITION))


def growth(eigenvalues: ArrayLike, kind: str = "discrete") -> np.ndarray:
    """How fast a mode grows: the magnitude (discrete) or the real part (continuous).

    Args:
        eigenvalues: of any shape.
        kind: ``"discrete"`` or ``"continuous"``.

    Returns:
        Real numbers of the same shape. A mode is at the edge of stability where they are
        1 (discrete) or 0 (continuous).

    Example:
        >>> growth([0.6 + 0.8j]).tolist(), growth([0.6 + 0.8j], "continuous").tolist()
        ([1.0], [0.6])
    """
    values = np.asarray(eigenvalues, dtype=np.complex128)
    return np.abs(values) if check_kind(kind) == "discrete" else values.real


def _rotation(eigenvalues: np.ndarray, kind: str) -> np.ndarray:
    """The angle by which a mode turns in one step or one unit of time, in radians."""
    return np.abs(np.angle(eigenvalues) if kind == "discrete" else eigenvalues.imag)


def _margin(eigenvalues: ArrayLike, kind: str) -> np.ndarray:
    """The growth beyond the edge of stability: negative for a mode that decays."""
    return growth(eigenvalues, kind) - (1.0 if kind == "discrete" else 0.0)


def n_unstable(
    eigenvalues: ArrayLike, kind: str = "discrete", tol: float = STABILITY_TOL
) -> np.ndarray:
    """Number of unstable directions of each point.

    Args:
        eigenvalues: ``(n, n_states)``.
        kind: ``"discrete"``, a mode is unstable where its magnitude exceeds ``1 + tol``;
            ``"continuous"``, where its real part exceeds ``tol``.
        tol: a mode nearer than this to the edge counts neither as stable nor as unstable.

    Returns:
        ``(n,)`` int; -1 where an eigenvalue is NaN, since the number is then unknown.

    Example:
        >>> n_unstable([[1.2, 0.5], [0.9, 0.5]]).tolist()
        [1, 0]
    """
    margin = _margin(eigenvalues, kind)
    count = (margin > tol).sum(axis=-1)
    return np.where(np.isnan(margin).any(axis=-1), -1, count)


def is_stable(
    eigenvalues: ArrayLike, kind: str = "discrete", tol: float = STABILITY_TOL
) -> np.ndarray:
    """Whether every mode of a point decays, with at least ``tol`` to spare.

    Args:
        eigenvalues: ``(n, n_states)``.
        kind: ``"discrete"`` or ``"continuous"``.
        tol: as for :func:`n_unstable`. A marginal point is not called stable.

    Returns:
        ``(n,)`` bool; False where an eigenvalue is NaN.

    Example:
        >>> is_stable([[0.9, 0.5], [1.0, 0.5]]).tolist()
        [True, False]
    """
    return np.asarray((_margin(eigenvalues, kind) < -tol).all(axis=-1))


def classify(
    eigenvalues: ArrayLike, kind: str = "discrete", tol: float = STABILITY_TOL
) -> np.ndarray:
    """The stability class of each point.

    ============  ===================================================================
    ``stable``    every mode decays
    ``saddle``    some modes grow, some decay
    ``unstable``  some modes grow, none decays
    ``marginal``  none grows, but at least one lies within ``tol`` of the edge: linear
                  theory cannot tell (a line attractor, a bifurcation)
    ``unknown``   an eigenvalue is NaN
    ============  ===================================================================

    Args:
        eigenvalues: ``(n, n_states)``.
        kind: ``"discrete"`` or ``"continuous"``.
        tol: how near the edge of stability a mode is called marginal.

    Returns:
        ``(n,)`` strings.

    Example:
        >>> classify([[0.9, 0.5], [1.2, 0.5], [1.2, 1.1], [1.0, 0.5]]).tolist()
        ['stable', 'saddle', 'unstable', 'marginal']
    """
    margin = _margin(eigenvalues, kind)
    grows, decays = (margin > tol).any(axis=-1), (margin < -tol).any(axis=-1)
    return np.select(
        [
            np.isnan(margin).any(axis=-1),
            grows & decays,
            grows,
            (margin < -tol).all(axis=-1),
        ],
        ["unknown", "saddle", "unstable", "stable"],
        default="marginal",
    )


def time_constants(
    eigenvalues: ArrayLike, kind: str = "discrete", dt: float | None = None
) -> np.ndarray:
    r"""Time in which each mode shrinks, or grows, by the factor e.

    :math:`\tau = 1 / |\ln |\lambda||` in steps (discrete; Maheswaranathan et al. 2019,
    "Reverse engineering recurrent networks for sentiment classification") or
    :math:`1 / |\mathrm{Re} \lambda|` (continuous). It does not say which of the two
    happens: :func:`n_unstable` does.

    Args:
        eigenvalues: of any shape.
        kind: ``"discrete"`` or ``"continuous"``.
        dt: length of one step in seconds; the result is then in seconds. None for a
            continuous system, whose eigenvalues are per unit of time as they are.

    Returns:
        Positive numbers of the same shape; infinite at the edge of stability, and 0 for
        a discrete mode that is gone after one step.

    Example:
        >>> time_constants([0.9]).round(4).tolist()
        [9.4912]
        >>> time_constants([0.9], dt=0.01).round(6).tolist()
        [0.094912]
    """
    with np.errstate(divide="ignore"):
        rate = growth(eigenvalues, kind)
        rate = np.log(rate) if kind == "discrete" else rate
        return _step(kind, dt) / np.abs(rate)


def frequencies(
    eigenvalues: ArrayLike, kind: str = "discrete", dt: float | None = None
) -> np.ndarray:
    r"""How often each mode turns: cycles per step, or in Hz given ``dt``.

    :math:`f = |\arg \lambda| / 2 \pi` (discrete) or :math:`|\mathrm{Im} \lambda| / 2 \pi`
    (continuous). A negative real eigenvalue of a discrete system flips sign at each step,
    which is half a cycle: its frequency is 0.5.

    Args:
        eigenvalues: of any shape.
        kind: ``"discrete"`` or ``"continuous"``.
        dt: length of one step in seconds; None for a continuous system.

    Returns:
        Numbers >= 0 of the same shape; both members of a conjugate pair have the same.

    Example:
        >>> frequencies([1j, 0.9, -0.9]).tolist()
        [0.25, 0.0, 0.5]
    """
    values = np.asarray(eigenvalues, dtype=np.complex128)
    return _rotation(values, check_kind(kind)) / (2.0 * np.pi * _step(kind, dt))


def linear_trajectories(
    xstar: ArrayLike,
    jacobian: ArrayLike,
    initial_states: ArrayLike,
    n_steps: int,
    input_jacobian: ArrayLike | None = None,
    input_deviation: ArrayLike | None = None,
    *,
    drift: ArrayLike | None = None,
    kind: str = "discrete",
    dt: float | None = None,
) -> np.ndarray:
    r"""Trajectories of the system linearised at one point.

    .. math:: x_{t+1} - x^* = J (x_t - x^*) + B \, \delta u_t + d

    (continuous: :math:`d(x - x^*)/dt` equals the right-hand side; solved exactly, the
    input held constant over each step). Compare them with the true trajectories to see
    how far from the point the linear picture holds.

    Args:
        xstar: ``(n_states,)``, the point.
        jacobian: ``(n_states, n_states)``, ``J``.
        initial_states: ``(n, n_states)`` or ``(n_states,)``.
        n_steps: number of steps.
        input_jacobian: ``(n_states, n_inputs)``, ``B``.
        input_deviation: the input minus the one at which the point was found:
            ``(n_inputs,)``, constant; ``(n_steps, n_inputs)``; or
            ``(n, n_steps, n_inputs)``. Needs ``input_jacobian``.
        drift: ``(n_states,)``, ``F(x*) - x*`` (continuous: ``dx/dt`` at the point). Zero
            at a fixed point; give it at a slow point, which the states leave.
        kind: ``"discrete"`` or ``"continuous"``.
        dt: time between two states of a continuous system; not for a discrete one.

    Returns:
        ``(n, n_steps, n_states)``: the states after each step, without the initial ones.

    Raises:
        ValueError: an argument of another shape, or an argument that another one needs.

    Example:
        >>> import numpy as np
        >>> linear_trajectories([1.0], [[0.5]], [[2.0]], n_steps=3).ravel().tolist()
        [1.5, 1.25, 1.125]
    """
    point = np.asarray(xstar, dtype=np.float64)
    if point.ndim != 1:
        raise ValueError(f"xstar: expected shape (n_states,), received {point.shape}.")
    n_states = len(point)
    matrix = _shaped("jacobian", jacobian, (n_states, n_states))
    starts = np.atleast_2d(np.asarray(initial_states, dtype=np.float64))
    starts = _shaped("initial_states", starts, (len(starts), n_states))
    if n_steps < 0:
        raise ValueError(f"n_steps: expected an integer >= 0, received {n_steps!r}.")
    if (input_jacobian is None) != (input_deviation is None):
        raise ValueError(
            "input_jacobian, input_deviation: expected both or neither, received one."
        )
    forcing = np.zeros((len(starts), n_steps, n_states))
    if drift is not None:
        forcing += _shaped("drift", drift, (n_states,))
    if input_jacobian is not None and input_deviation is not None:
        deviation = np.asarray(input_deviation, dtype=np.float64)
        n_inputs = deviation.shape[-1] if deviation.ndim else 0
        gain = _shaped("input_jacobian", input_jacobian, (n_states, n_inputs))
        whole = (len(starts), n_steps, n_inputs)
        if deviation.ndim not in (1, 2, 3) or deviation.shape != whole[3 - deviation.ndim :]:
            raise ValueError(
                "input_deviation: expected shape (n_inputs,), (n_steps, n_inputs) or "
                f"(n, n_steps, n_inputs) = {whole}, received {deviation.shape}."
            )
        forcing += deviation @ gain.T

    transition, response = _propagators(matrix, kind, dt)
    forcing = forcing @ response.T
    states = np.empty_like(forcing)
    deviation_from_point = starts - point
    for t in range(n_steps):
        deviation_from_point = deviation_from_point @ transition.T + forcing[:, t]
        states[:, t] = point + deviation_from_point
    return states


def _shaped(name: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    array = np.asarray(value, dtype=np.float64)
    if array.shape != shape:
        raise ValueError(f"{name}: expected shape {shape}, received {array.shape}.")
    return array


def _propagators(
    matrix: np.ndarray, kind: str, dt: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """What one step does to a deviation, and to a constant forcing."""
    identity = np.eye(len(matrix))
    if check_kind(kind) == "discrete":
        if dt is not None:
            raise ValueError(f"dt: expected None for a discrete system, received {dt!r}.")
        return matrix, identity
    if dt is None:
        raise ValueError("dt: expected a positive number for a continuous system.")
    # exp [[J, I], [0, 0]] dt = [[exp J dt, integral of exp J s], [0, I]] (Van Loan 1978).
    block = np.block([[matrix, identity], [np.zeros_like(matrix), np.zeros_like(matrix)]])
    exponential = scipy.linalg.expm(block * _check_dt(dt))
    return exponential[: len(matrix), : len(matrix)], exponential[: len(matrix), len(matrix) :]
