"""Number of unstable directions at a proved point."""

from __future__ import annotations

import numpy as np

from fixedpoint_tf import linearization
from fixedpoint_tf._utils.norms import gamma

__all__ = ["count_unstable"]


def count_unstable(
    jacobian: np.ndarray,
    moved: np.ndarray,
    proved: np.ndarray,
    time: str,
    modes: tuple[np.ndarray, ...] | None,
) -> np.ndarray:
    """Count unstable directions at the true points, -1 where an eigenvalue may cross the edge.

    With ``J V = V L + R``, the eigenvalues of ``J + E`` lie within ``|V^-1 (R + E V)|`` of
    those in ``L``, and as many on either side (Bauer & Fike 1960).
    """
    count = np.full(len(jacobian), -1)
    rows = np.flatnonzero(proved)
    if not len(rows):
        return count
    J = jacobian[rows]
    if modes is None:
        values, right, left = linearization.decompose(J, time)
    else:
        values, right, left = (array[rows] for array in modes)
    d = J.shape[1]
    with np.errstate(all="ignore"):
        off = np.linalg.norm(np.eye(d) - left @ right, axis=(1, 2))
        length = np.linalg.norm(right, axis=(1, 2))
        off += gamma(4 * d) * np.linalg.norm(left, axis=(1, 2)) * length
        inverse = np.linalg.norm(left, axis=(1, 2)) / np.where(off < 1.0, 1.0 - off, np.nan)
        rest = np.linalg.norm(J @ right - right * values[:, None, :], axis=(1, 2))
        rest += gamma(4 * d) * 2.0 * np.linalg.norm(J, axis=(1, 2)) * length
        reach = inverse * (rest + moved[rows] * length)
        margin = np.abs(values) - 1.0 if time == "discrete" else values.real
        clear = (np.abs(margin) > reach[:, None]).all(axis=1)
    count[rows[clear]] = (margin[clear] > 0.0).sum(axis=1)
    return count
