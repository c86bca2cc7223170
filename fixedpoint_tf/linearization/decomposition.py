"""Eigenvalues and eigenvectors of Jacobians, with the left ones dual to the right ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fixedpoint_tf._utils.checks import as_numbers
from fixedpoint_tf._utils.linalg import each
from fixedpoint_tf.linearization.stability import growth, rotation
from fixedpoint_tf.linearization.time_units import check_time

__all__ = ["decompose", "right_eigenvectors"]

#: A left eigenvector is kept where its row of ``left @ right`` is that of I to within this.
_BIORTHOGONALITY_TOL = 1e-6

#: Beyond this condition number, |left| |right|, an eigenvalue is taken as defective:
#: rounding splits an exact Jordan block by about the square root of the machine epsilon.
_DEFECTIVE_CONDITION = 1e7


def decompose(
    jacobians: ArrayLike, time: str = "discrete"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""Decompose a batch of Jacobians: eigenvalues and both sets of eigenvectors.

    The modes are sorted by how fast they grow, fastest first: by :math:`|\lambda|`
    (discrete) or by the real part (continuous); among equals the slower rotation comes
    first, and of a conjugate pair the one that turns forwards.

    A Jacobian that holds NaN or infinity gets NaN throughout, and leaves the others as
    they are. A defective matrix has fewer eigenvectors than dimensions, so that no set of
    left vectors can make ``left @ right`` the identity: the left vectors of its defective
    eigenvalues are NaN, those of its other eigenvalues are exact.

    Args:
        jacobians: ``(n, n_states, n_states)``, indexed ``[point, output, input]``.
        time: ``"discrete"`` or ``"continuous"``; it decides the order.

    Returns:
        ``eigenvalues``, ``(n, n_states)``; ``right``, ``(n, n_states, n_states)``, whose
        *columns* are right eigenvectors of length 1; ``left``, of the same shape, whose
        *rows* are left eigenvectors, scaled so that ``left @ right`` is the identity. All
        three are complex128.

    Raises:
        ValueError: the shape or ``time`` is another.

    Example:
        >>> import numpy as np
        >>> jacobian = np.array([[[0.5, 1.0], [0.0, 0.9]]])
        >>> eigenvalues, right, left = decompose(jacobian)
        >>> eigenvalues.real.tolist()
        [[0.9, 0.5]]
        >>> bool(np.allclose(left @ right, np.eye(2)))
        True
    """
    matrices = _square(jacobians, time)
    n, n_states, _ = matrices.shape
    if n == 0 or n_states == 0:
        empty = np.zeros(matrices.shape, dtype=np.complex128)
        return np.zeros((n, n_states), dtype=np.complex128), empty, empty.copy()
    parts = each(lambda matrix: _decompose_one(matrix, time), matrices)
    values, right, left = (np.stack(part) for part in zip(*parts, strict=True))
    return values, right, left


def right_eigenvectors(
    jacobians: ArrayLike, time: str = "discrete"
) -> tuple[np.ndarray, np.ndarray]:
    """Compute eigenvalues and right eigenvectors alone, as :func:`decompose` has them.

    For those who have no use for left ones: it takes half the memory, and no inverses.

    Args:
        jacobians: ``(n, n_states, n_states)``, indexed ``[point, output, input]``.
        time: ``"discrete"`` or ``"continuous"``; it decides the order.

    Returns:
        ``(n, n_states)`` and ``(n, n_states, n_states)``, vectors as columns; complex128.

    Raises:
        ValueError: the shape or ``time`` is another.

    Example:
        >>> values, right = right_eigenvectors([[[0.5, 1.0], [0.0, 0.9]]])
        >>> values.real.tolist()
        [[0.9, 0.5]]
        >>> np.abs(right[0, :, 1]).tolist()
        [1.0, 0.0]
    """
    matrices = _square(jacobians, time)
    n, n_states, _ = matrices.shape
    if n == 0 or n_states == 0:
        return np.zeros((n, n_states), dtype=np.complex128), np.zeros(
            matrices.shape, dtype=np.complex128
        )
    parts = each(lambda matrix: _right_of_one(matrix, time), matrices)
    values, right = (np.stack(part) for part in zip(*parts, strict=True))
    return values, right


def _square(jacobians: ArrayLike, time: str) -> np.ndarray:
    """Return the Jacobians as an array, or an error that names them."""
    check_time(time)
    matrices = as_numbers(jacobians, "jacobians")
    if matrices.ndim != 3 or matrices.shape[1] != matrices.shape[2]:
        raise ValueError(
            f"jacobians: expected shape (n, n_states, n_states), received {matrices.shape}."
        )
    return matrices


def _right_of_one(matrix: np.ndarray, time: str) -> tuple[np.ndarray, np.ndarray]:
    """Return sorted eigenvalues and right eigenvectors of one matrix, NaN where undefined."""
    undefined = np.full(matrix.shape, np.nan, dtype=np.complex128)
    if not np.isfinite(matrix).all():
        return undefined[0], undefined
    try:
        values, vectors = np.linalg.eig(matrix)
    except np.linalg.LinAlgError:  # The iteration does not converge.
        return undefined[0], undefined
    values = values.astype(np.complex128)
    order = np.lexsort((-values.imag, rotation(values, time), -growth(values, time)))
    return values[order], vectors[:, order].astype(np.complex128)


def _decompose_one(matrix: np.ndarray, time: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    values, right = _right_of_one(matrix, time)
    if not np.isfinite(values).all():
        return values, right, np.full_like(right, np.nan)
    return values, right, _left_eigenvectors(matrix, values, right)


def _left_eigenvectors(
    matrix: np.ndarray, eigenvalues: np.ndarray, right: np.ndarray
) -> np.ndarray:
    """Return left eigenvectors as rows with ``left @ right = I``, NaN where undefined."""
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
    """Test which left eigenvectors are dual to the right ones, False for NaN."""
    with np.errstate(over="ignore", invalid="ignore"):
        error = np.abs(left @ right - np.eye(len(left))).max(axis=1)
        condition = np.linalg.norm(left, axis=1)  # The right vectors have length 1.
    return np.asarray((error < _BIORTHOGONALITY_TOL) & (condition < _DEFECTIVE_CONDITION))
