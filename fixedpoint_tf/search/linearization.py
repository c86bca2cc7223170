"""Jacobians at the end points of a search, and a check that they are the derivatives."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf import linearization
from fixedpoint_tf._utils.chunks import map_chunks
from fixedpoint_tf._utils.linalg import smallest_singular_values
from fixedpoint_tf.fixed_points.status import Status
from fixedpoint_tf.search.search import Search
from fixedpoint_tf.systems.differentiation.autodiff import Autodiff
from fixedpoint_tf.systems.differentiation.finite_differences import Differenced
from fixedpoint_tf.systems.kinks.stability import settle_at_kinks
from fixedpoint_tf.systems.system import DynamicalSystem
from fixedpoint_tf.systems.validation.derivative_errors import describe
from fixedpoint_tf.systems.validation.derivatives import check_jacobian

if TYPE_CHECKING:
    from fixedpoint_tf.config import FinderConfig

__all__ = ["check_jacobians", "linearize_ends"]

logger = logging.getLogger(__name__)


def linearize_ends(
    search: Search,
    own: dict[str, Any],
    u: np.ndarray,
    located: np.ndarray,
    config: FinderConfig,
) -> dict[str, Any]:
    """Linearise the network at end points, at kinks on one of their sides.

    Args:
        search: the search, at its end.
        own: columns of the end points, with ``xstar`` and ``status``.
        u: inputs, ``(n, n_inputs)``.
        located: ``(n,)``, distance within which each point lies.
        config: what is to be computed, and in how much memory.

    Returns:
        Columns of :class:`fixedpoint_tf.FixedPoints`; none where not asked for, or too large.
    """
    x, system = own["xstar"], search.problem.system
    if not config.do_compute_jacobians:
        return {}
    n, d = x.shape
    if search.descents.matrix_free or 40.0 * n * d * d > 4.0 * config.memory_limit:
        logger.warning(
            "the Jacobians of %d points of %d states would need %.1f GB with their "
            "eigenvectors and are left out; raise memory_limit or tol_unique, or lower "
            "max_n_unique", n, d, 40.0 * n * d * d / 1e9,
        )  # fmt: skip
        return {}
    limit = config.memory_limit
    jacobians = map_chunks(system.jacobian, x, u, shape=(d, d), memory_limit=limit)
    by_input = map_chunks(
        system.input_jacobian, x, u, shape=(d, u.shape[1]), memory_limit=limit
    )
    unit = search.problem.scale
    growth = settle_at_kinks(
        system,
        x,
        u,
        jacobians,
        by_input,
        fixed=own["status"] == Status.FIXED_POINT,
        size=np.linalg.norm((x - search.problem.origin) / unit, axis=1) + 1.0,
        # Of a random direction, the root of their number is left along any given one.
        located=np.sqrt(d) * located,
        unit=unit,
        eps=search.descents.eps,
    )
    shift = np.eye(d) if system.time == "discrete" else 0.0
    linear = {
        "J_xstar": jacobians,
        "dFdu": by_input,
        "growth_at_kink": growth,
        "smallest_singular_value": smallest_singular_values(jacobians - shift),
    }
    if config.do_decompose_jacobians:
        values, right, left = linearization.decompose(jacobians, system.time)
        linear |= {
            "eigval_J_xstar": values,
            "eigvec_J_xstar": right,
            "left_eigvec_J_xstar": left,
        }
    return linear


def check_jacobians(
    search: Search, linear: dict[str, Any], x: np.ndarray, u: np.ndarray
) -> None:
    """Refuse Jacobians that are not the derivatives of the update at the points.

    Args:
        search: the search, at its end.
        linear: what :func:`linearize_ends` returned.
        x: the points, ``(n, n_states)``.
        u: inputs, ``(n, n_inputs)``.

    Raises:
        ValueError: they are not; of central differences a warning tells how exact they are.
    """
    system: DynamicalSystem = search.problem.system
    equations = system.equations
    if isinstance(equations, Differenced) and len(x):
        dtype = system.dtypes[1]
        error = equations.relative_error(system.weights(dtype), x, u, dtype)
        logger.warning(
            "the Jacobians of %r are central differences; at these points they are exact "
            "to %.0e of their size.", system.name, error,
        )  # fmt: skip
        return
    if "J_xstar" not in linear or not isinstance(equations, Autodiff):
        return  # closed forms are held against the cell when the system is made
    unit = search.problem.scale
    away = (x - search.problem.origin) / unit
    size = np.maximum(
        np.sqrt(np.mean(away * away, axis=1)), np.sqrt(np.mean(search.start**2)) or 1.0
    )
    wrong = check_jacobian(
        system, x, u, linear["J_xstar"], linear["dFdu"], scale=size, unit=unit
    )
    if wrong:
        raise ValueError(describe(system, wrong))
