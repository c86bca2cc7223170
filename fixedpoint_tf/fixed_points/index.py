r"""Index of a set of fixed points, a sum of signs with a known value for complete sets.

The local indices of all fixed points of a map that takes a box into itself add up to one
(Lefschetz-Hopf; Milnor 1965, "Topology from the Differentiable Viewpoint", section 6). For a
regular fixed point the index is the sign of :math:`\det(I - J)`: plus for every stable one,
and minus where an odd number of real eigenvalues exceeds one. In continuous time it is the
sign of :math:`\det(-J)`, where the flow leads into the box. A sum other than one proves that
points are missing. A sum of one leaves open whether an even number is missing whose indices
cancel, as those of the two points do that a fold makes.

The same holds of :math:`F(x) = L x + b(x)` with a bounded :math:`b` and the sign of
:math:`\det(I - L)` in place of one: on a large sphere no :math:`x - L x - t b(x)` is zero
(homotopy invariance of the degree).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from fixedpoint_tf._utils.enums import TextStrEnum
from fixedpoint_tf._utils.plurals import pluralize
from fixedpoint_tf._utils.ranges import Agreement
from fixedpoint_tf._utils.results import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["IndexStatus", "IndexSum", "SelfMap", "add_signs", "determinant_signs"]

BROUWER = "the network has at least one (Brouwer)"
MOST_NAMED = 5  # inputs that a sentence lists by their numbers


class SelfMap(TextStrEnum):
    """Evidence on whether a network keeps the states of a box within it.

    Example:
        >>> SelfMap.LEFT.text
        'states near its bounds leave them'
    """

    PROVED = "proved", "the network maps a box that holds all its fixed points into itself"
    LINEAR = "linear", "far out the network is linear in the states, up to a bounded part"
    ASSUMED = (
        "assumed",
        "if the network is continuous and stays within its bounds, as in samples",
    )
    UNBOUNDED = "unbounded", "no bounds of its states are known"
    LEFT = "left", "states near its bounds leave them"

    @property
    def decides(self) -> bool:
        """Test whether it makes the sum of all indices one."""
        return self in (SelfMap.PROVED, SelfMap.LINEAR, SelfMap.ASSUMED)


class IndexStatus(TextStrEnum):
    """Meaning of a sum of indices.

    Example:
        >>> IndexStatus.MISSING.text
        'the sum is not +1: fixed points are missing'
    """

    PLUS_ONE = (
        "+1",
        "the sum is +1, as for a complete set; an even number of points that add up to zero, "
        "such as the two of a fold, may still be missing",
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
        n_undetermined: ``(n,)``, number of points whose sign is not certain: nearly
            degenerate ones, those on a kink, and those whose Jacobian is not known.
        self_map: ``(n,)`` words of :class:`SelfMap`: whether, and on which ground, the sum
            over all fixed points is known to be one.

    Example:
        >>> IndexSum(np.zeros((1, 1)), np.array([2]), np.array([4]), np.array([0]), ["proved"])
        index: +2 of 4 fixed points: the sum is not +1: fixed points are missing
    """

    inputs: np.ndarray
    total: np.ndarray
    n_points: np.ndarray
    n_undetermined: np.ndarray
    self_map: np.ndarray

    _axes = {
        "n n_inputs": "inputs",
        "n": "total n_points n_undetermined",
        "n text": "self_map",
    }
    _ranges = {"0 inf": "n_points n_undetermined"}

    def __post_init__(self) -> None:
        words = [str(SelfMap(str(word))) for word in self.self_map]
        object.__setattr__(self, "self_map", np.array(words, dtype=str))

    def _agreements(self) -> Iterator[Agreement]:
        most = self.n_points - self.n_undetermined  # signs of plus or minus one
        yield "n_undetermined", most >= 0, "at most n_points"
        odd = (self.total - most) % 2 != 0
        yield "total", (np.abs(self.total) <= most) & ~odd, "sums of the signs of the points"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, IndexSum):
            return NotImplemented
        names = [field.name for field in dataclasses.fields(self)]
        return all(np.array_equal(getattr(self, k), getattr(other, k)) for k in names)

    __hash__ = None  # type: ignore[assignment]

    @property
    def status(self) -> tuple[IndexStatus, ...]:
        """An :class:`IndexStatus` for each input."""
        columns = zip(self.total, self.n_undetermined, self.self_map, strict=True)
        return tuple(_status(*row) for row in columns)

    @property
    def is_missing(self) -> np.ndarray:
        """Test each input for a sum that proves points to be missing, ``(n,)``."""
        return np.array([status == IndexStatus.MISSING for status in self.status], dtype=bool)

    @property
    def has_none(self) -> np.ndarray:
        """``(n_inputs,)`` bool, True where no fixed point was found though one must exist."""
        holds = np.array([SelfMap(str(word)).decides for word in self.self_map], dtype=bool)
        return holds & (self.n_points == 0)

    def to_dict(self) -> dict[str, np.ndarray]:
        """Return all attributes by name, arguments of ``IndexSum``.

        Example:
            >>> one = np.ones(1, int)
            >>> sorted(IndexSum(np.zeros((1, 1)), one, one, 0 * one, ["proved"]).to_dict())
            ['inputs', 'n_points', 'n_undetermined', 'self_map', 'total']
        """
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def plot(self, *, fig: Figure | None = None, ax: Axes | None = None) -> tuple[Figure, Axes]:
        """Draw the sum of the indices for each input, beside that of a complete set of points.

        Args:
            fig: the figure to add axes to.
            ax: the axes to draw in.

        Returns:
            The figure and the axes.

        Example:
            >>> total, n_points, none = np.array([1, 3]), np.array([3, 9]), np.zeros(2, int)
            >>> index = IndexSum(np.zeros((2, 1)), total, n_points, none, ["proved"] * 2)
            >>> fig, ax = index.plot()
            >>> [text.get_text() for text in ax.get_legend().texts]
            ['sum +1', 'points are missing']
        """
        from fixedpoint_tf.fixed_points.index_plotting import plot_index

        return plot_index(self, fig=fig, ax=ax)

    def __repr__(self) -> str:
        lines = []
        for i, status in enumerate(self.status):
            of = pluralize(int(self.n_points[i]), "fixed point", none="no")
            name = f"input {i}: index" if len(self.status) > 1 else "index"
            line = f"{name}: {int(self.total[i]):+d} of {of}: {status.text}"
            if status == IndexStatus.NO_THEOREM:
                line = f"{name}: {status.text}"
            lines.append(line + _condition(self.self_map[i]))
        return "\n".join(lines)

    def in_words(self) -> list[str]:
        """List the conclusions of the sums about missing points in words, one entry per status.

        Example:
            >>> total, n, zero = np.array([1, 3]), np.array([3, 9]), np.zeros(2, int)
            >>> IndexSum(np.zeros((2, 1)), total, n, zero, ["proved"] * 2).in_words()
            ['indices add up to +1 under 1 of 2 inputs, as for a complete set: none or an even \
number of points is missing', 'indices add up to +3 under input 1, not to +1 as for a complete \
set: some points are missing']
        """
        status, none = np.array([str(s) for s in self.status]), self.has_none
        parts = []
        for word in (IndexStatus.PLUS_ONE, IndexStatus.MISSING, IndexStatus.UNDETERMINED):
            rows = np.flatnonzero((status == word) & ~none)
            for ground in np.unique(self.self_map[rows]):
                some = rows[self.self_map[rows] == ground]
                open_ = word == IndexStatus.UNDETERMINED
                condition = "" if open_ else _condition(ground)
                parts.append(self._known(word, some) + condition)
        rows = np.flatnonzero(none)
        for ground in np.unique(self.self_map[rows]):
            some = rows[self.self_map[rows] == ground]
            where = f" under {self._name(some)}" if len(status) > 1 else ""
            words = f"no fixed point found{where}, though {BROUWER}"
            n = int(self.n_undetermined[some].sum())
            near = pluralize(n, "nearly degenerate slow point")
            parts.append(words + _condition(ground) + (f", perhaps among {near}" if n else ""))
        rows = np.flatnonzero(status == IndexStatus.NO_THEOREM)
        for ground in np.unique(self.self_map[rows]):
            some = rows[self.self_map[rows] == ground]
            where = "" if len(some) == len(status) else f" under {self._name(some)}"
            hint = "; bounds= gives some" if ground == SelfMap.UNBOUNDED else ""
            text = SelfMap(ground).text
            parts.append(f"no theorem on the sum of all indices{where} ({text}){hint}")
        return parts

    def _known(self, status: IndexStatus, rows: np.ndarray) -> str:
        """Describe the conclusion for inputs of one status."""
        n_all = len(self.total)
        if status == IndexStatus.PLUS_ONE:
            some = f"{len(rows)} of {n_all} inputs" if len(rows) < n_all else "each input"
            where = f" under {some}" if n_all > 1 else ""
            return (
                f"indices add up to +1{where}, as for a complete set: none or an even number "
                "of points is missing"
            )
        under = f" under {self._name(rows)}" if n_all > 1 else ""
        if status == IndexStatus.MISSING:
            sums = ", ".join(f"{t:+d}" for t in np.unique(self.total[rows])[:MOST_NAMED])
            return (
                f"indices add up to {sums}{under}, not to +1 as for a complete set: some "
                "points are missing"
            )
        n = pluralize(int(self.n_undetermined[rows].sum()), "point")
        return (
            f"sum of indices undetermined{under} ({n} nearly degenerate or without a Jacobian)"
        )

    def _name(self, rows: np.ndarray) -> str:
        """Name some inputs by their numbers, where they are few."""
        if len(rows) > MOST_NAMED:
            return f"{len(rows)} of {len(self.total)} inputs"
        numbers = ", ".join(str(i) for i in rows)
        return f"input {numbers}" if len(rows) == 1 else f"inputs {numbers}"


def _status(total: int, n_undetermined: int, self_map: str) -> IndexStatus:
    """Return the meaning of a sum."""
    if not SelfMap(str(self_map)).decides:
        return IndexStatus.NO_THEOREM
    if n_undetermined:
        return IndexStatus.UNDETERMINED
    return IndexStatus.PLUS_ONE if total == 1 else IndexStatus.MISSING


def _condition(self_map: str) -> str:
    """Return the condition of a conclusion in brackets, or "" if it is proved."""
    return f" ({SelfMap.ASSUMED.text})" if self_map == SelfMap.ASSUMED else ""


def determinant_signs(matrices: np.ndarray, is_certain: np.ndarray) -> np.ndarray:
    """Return the sign of the determinant of each matrix, NaN where it is not certain.

    Args:
        matrices: ``(n, d, d)``, ``I - J`` or its inverse; in continuous time ``-J``.
        is_certain: ``(n,)`` boolean, the others are left out.

    Example:
        >>> determinant_signs(np.array([[[2.0]], [[-1.0]], [[1e-12]]]), [True, True, False])
        array([ 1., -1., nan])
    """
    sign = np.full(len(matrices), np.nan)
    rows = np.flatnonzero(is_certain)
    if len(rows):
        sign[rows] = np.linalg.slogdet(matrices[rows])[0]
    return sign


def add_signs(
    sign: np.ndarray,
    condition: np.ndarray,
    is_fixed: np.ndarray,
    inputs: np.ndarray,
    self_map: Sequence[str] | np.ndarray,
) -> IndexSum:
    """Add up the signs of points under each input.

    Args:
        sign: ``(n_points,)``, NaN where it is not certain.
        condition: ``(n_points,)``, the number of the input of each.
        is_fixed: ``(n_points,)`` boolean; the others may be fixed points, and are none for
            certain.
        inputs: ``(n, n_inputs)``, all those of the search.
        self_map: ``(n,)`` words of :class:`SelfMap`.

    Example:
        >>> fixed = np.ones(3, bool)
        >>> signs, of = np.array([1.0, -1.0, np.nan]), np.zeros(3, int)
        >>> add_signs(signs, of, fixed, np.zeros((1, 1)), ["proved"]).n_undetermined.tolist()
        [1]
    """
    n = len(inputs)
    certain = ~np.isnan(sign)
    weight = np.where(certain, sign, 0.0)
    total = np.bincount(condition, weight, minlength=n) if len(sign) else np.zeros(n)
    return IndexSum(
        inputs=inputs,
        total=np.rint(total).astype(int),
        n_points=np.bincount(condition[is_fixed], minlength=n),
        n_undetermined=np.bincount(condition[~certain], minlength=n),
        self_map=np.asarray(self_map),
    )
