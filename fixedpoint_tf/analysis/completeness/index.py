r"""Index of a set of fixed points: a sum of signs that is known where all have been found.

A map that takes a box into itself has fixed points whose local indices add up to one
(Lefschetz-Hopf; Milnor 1965, "Topology from the Differentiable Viewpoint", section 6). Of a
regular fixed point the index is the sign of :math:`\det(I - J)`: plus for every stable one,
and minus where an odd number of real eigenvalues exceeds one. So a sum other than one proves
that points are missing. A sum of one proves nothing: what is missing may add up to zero, as
the two points do that a fold makes.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from fixedpoint_tf._utils.checks import as_numbers
from fixedpoint_tf._utils.enums import TextStrEnum
from fixedpoint_tf._utils.plurals import pluralize
from fixedpoint_tf._utils.results import Result
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.fixed_points.status import Status
from fixedpoint_tf.systems.cells.equations import is_self_map
from fixedpoint_tf.systems.convert import as_system

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["IndexStatus", "IndexSum", "sum_index"]

#: Smallest singular value of I - J, relative to its size, at which its sign is certain.
CERTAIN = 1e-6


class IndexStatus(TextStrEnum):
    """Meaning of a sum of indices.

    Example:
        >>> IndexStatus.MISSING.text
        'the sum is not +1: fixed points are missing'
    """

    PLUS_ONE = (
        "+1",
        "the sum is +1, as that of all fixed points is; points that add up to zero, such as "
        "the two of a fold, may be missing all the same",
    )
    MISSING = "missing", "the sum is not +1: fixed points are missing"
    UNDETERMINED = (
        "undetermined",
        "points on a kink, or too near a bifurcation for the sign of det(I - J), leave it open",
    )
    NO_THEOREM = (
        "no theorem",
        "no box is known that the network maps into itself: the sum is not known",
    )


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class IndexSum(Result):
    """Sums of the indices of the fixed points of a search, one for each input.

    Attributes:
        inputs: ``(n, n_inputs)``.
        total: ``(n,)``, sum of the signs that are certain.
        n_points: ``(n,)``, number of fixed points.
        n_undetermined: ``(n,)``, number of those whose sign is not certain.
        status: an :class:`IndexStatus` for each input.

    Example:
        >>> IndexSum(np.zeros((1, 1)), np.array([2]), np.array([4]), np.array([0]), ["missing"])
        index: +2 of 4 fixed points: the sum is not +1: fixed points are missing
    """

    inputs: np.ndarray
    total: np.ndarray
    n_points: np.ndarray
    n_undetermined: np.ndarray
    status: tuple[IndexStatus, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", tuple(map(IndexStatus, self.status)))

    @property
    def is_missing(self) -> np.ndarray:
        """Test each input for a sum that proves points to be missing, ``(n,)``."""
        return np.array([status == IndexStatus.MISSING for status in self.status], dtype=bool)

    def plot(self, *, fig: Figure | None = None, ax: Axes | None = None) -> tuple[Figure, Axes]:
        """Draw the sum of each input, against the one that it must be.

        Args:
            fig: the figure to add axes to.
            ax: the axes to draw in.

        Returns:
            The figure and the axes.

        Example:
            >>> total, n_points, none = np.array([1, 3]), np.array([3, 9]), np.zeros(2, int)
            >>> index = IndexSum(np.zeros((2, 1)), total, n_points, none, ["+1", "missing"])
            >>> fig, ax = index.plot()
            >>> [text.get_text() for text in ax.get_legend().texts]
            ['sum +1', 'points are missing']
        """
        from fixedpoint_tf.analysis.completeness.index_plotting import plot_index

        return plot_index(self, fig=fig, ax=ax)

    def __repr__(self) -> str:
        lines = []
        for i, status in enumerate(self.status):
            of = pluralize(int(self.n_points[i]), "fixed point")
            name = f"input {i}: index" if len(self.status) > 1 else "index"
            lines.append(f"{name}: {int(self.total[i]):+d} of {of}: {status.text}")
        return "\n".join(lines)


def sum_index(system: Any, points: FixedPoints, *, inputs: ArrayLike | None = None) -> IndexSum:
    """Add up the indices of the fixed points of a search, for each input.

    A network with bounded units maps a box into itself, and then the indices of all its fixed
    points add up to one. Any other sum proves that the search has missed some.

    Args:
        system: anything that :func:`fixedpoint_tf.as_system` takes.
        points: the first result of a search, the whole of it, with Jacobians; not thinned by
            ``max_n_unique`` or a coarse ``tol_unique``, which leave out points that were
            found.
        inputs: ``(n, n_inputs)``, those of the search; default: those of the points, among
            which one under which nothing was found is missing.

    Returns:
        The sums.

    Raises:
        ValueError: the points are a choice, or have no Jacobians or inputs.

    Example:
        >>> import keras
        >>> from fixedpoint_tf import FixedPointFinder
        >>> cell = keras.layers.SimpleRNNCell(1)
        >>> cell.build((None, 1))
        >>> cell.set_weights([np.ones((1, 1)), np.full((1, 1), 2.0), np.zeros(1)])
        >>> finder = FixedPointFinder(cell, verbose=False)
        >>> points, _ = finder.find_fixed_points([[-1.0], [0.1], [1.0]], [[0.0]])
        >>> found = finder.sum_index(points)
        >>> found.total.tolist(), found.status
        ([1], ('+1',))
    """
    if points.start_counts is None:
        raise ValueError(
            "points: expected the whole first result of a search, received a choice of points."
        )
    jacobians, singular = points.J_xstar, points.smallest_singular_value
    if jacobians is None or singular is None or points.inputs is None:
        raise ValueError(
            "points: expected points with their Jacobians and inputs, received some without."
        )
    fixed = points.status == Status.FIXED_POINT
    kink = points.growth_at_kink
    sign = _signs(jacobians[fixed], singular[fixed], None if kink is None else kink[fixed])
    system = as_system(system)
    rows = points.inputs if inputs is None else as_numbers(inputs, "inputs", n_axes=(2,))
    rows = np.unique(rows, axis=0)
    of_input = (points.inputs[fixed][None] == rows[:, None]).all(axis=2)
    total = of_input.astype(int) @ np.nan_to_num(sign).astype(int)
    n_undetermined = (of_input & np.isnan(sign)).sum(axis=1)
    holds = is_self_map(system)
    return IndexSum(
        inputs=rows,
        total=total,
        n_points=of_input.sum(axis=1),
        n_undetermined=n_undetermined,
        status=tuple(_status(*row, holds) for row in zip(total, n_undetermined, strict=True)),
    )


def _signs(
    jacobians: np.ndarray, singular: np.ndarray, growth_at_kink: np.ndarray | None
) -> np.ndarray:
    """Return the sign of ``det(I - J)`` at each point, NaN where it is not certain."""
    A = np.eye(jacobians.shape[-1]) - jacobians
    sign = np.linalg.slogdet(A)[0] if len(A) else np.zeros(0)
    sure = singular > CERTAIN * (1.0 + np.linalg.norm(A, axis=(1, 2)))
    if growth_at_kink is not None:
        sure &= np.isnan(growth_at_kink)
    return np.where(sure, sign, np.nan)


def _status(total: int, n_undetermined: int, holds: bool) -> IndexStatus:
    """Return the meaning of a sum."""
    if not holds:
        return IndexStatus.NO_THEOREM
    if n_undetermined:
        return IndexStatus.UNDETERMINED
    return IndexStatus.PLUS_ONE if total == 1 else IndexStatus.MISSING
