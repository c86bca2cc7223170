"""Branches of fixed points along a path of inputs, and their bifurcations."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf import linearization
from fixedpoint_tf._utils.checks import check_index, check_number
from fixedpoint_tf._utils.plurals import pluralize
from fixedpoint_tf._utils.results import Result
from fixedpoint_tf.curves.ends import BifurcationType, BranchEnd
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.fixed_points.status import Status
from fixedpoint_tf.linearization.time_units import check_time

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Bifurcation", "Branches"]


@dataclasses.dataclass(frozen=True, eq=False)
class Bifurcation:
    """Bifurcation on a branch of fixed points.

    Attributes:
        bifurcation_type: type, of :class:`fixedpoint_tf.analysis.BifurcationType`. Where a unit
            reaches its threshold (ReLU, clipped and the like) eigenvalues jump, which makes a
            border-collision fold, a border collision or a border branch point.
        branch: number of the branch.
        after: the point of the branch after which it lies.
        s: place on the path of inputs.
        inputs: ``(n_inputs,)``.
        state: ``(n_states,)``.
        eigenvalue: the eigenvalue at the edge of stability, of a complex pair the one with
            positive imaginary part. NaN at a border, where none passes the edge.
        change: stability before and after, along the branch: ``"stable -> unstable"``, or
            ``"stable branch ends"``.

    Example:
        >>> from fixedpoint_tf import as_system
        >>> from fixedpoint_tf.analysis import continue_branches
        >>> fold = as_system(lambda x, u: x + u - x * x, n_states=1, n_inputs=1)
        >>> branches = continue_branches(fold, [[1.0]], [1.0, -1.0], bounds=(-1.5, 1.5))
        >>> found = branches.bifurcations[0]
        >>> found.bifurcation_type, round(found.s, 6), abs(found.state.round(6)).tolist()
        ('saddle-node', 0.5, [0.0])
    """

    bifurcation_type: BifurcationType
    branch: int
    after: int
    s: float
    inputs: np.ndarray
    state: np.ndarray
    eigenvalue: complex
    change: str = ""

    def __repr__(self) -> str:
        value = self.eigenvalue
        shown = f"{value.real:.3f}" + (f"{value.imag:+.3f}i" if abs(value.imag) > 1e-9 else "")
        shown = self.change if np.isnan(value) else f"eigenvalue {shown}"
        u = ", ".join(f"{entry:.6g}" for entry in self.inputs[:4])
        more = ", ..." if len(self.inputs) > 4 else ""
        return f"{self.bifurcation_type} at s = {self.s:.6g}, u = ({u}{more}), {shown}"


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Branches(Result):
    """Branches of fixed points, in the order of the points from which they were followed.

    Along a branch the points are in order, so that a branch that folds has several points
    at one input. It has a point where it passes the threshold of a unit; if a bifurcation
    happens there it has two points at the same place, with the eigenvalues of either side. A
    branch ends at the end of the path of inputs or before it: ``ends`` says why each stopped.

    Attributes:
        s: ``(n,)``, place on the path of inputs, of all branches end to end.
        inputs: ``(n, n_inputs)``.
        xstar: ``(n, n_states)``.
        eigenvalues: ``(n, n_states)`` complex, fastest growing first.
        lengths: ``(n_branches,)`` int, points of each branch.
        ends: why each branch stopped, at its first point and at its last, of
            :class:`fixedpoint_tf.analysis.BranchEnd`.
        branch_of_point: ``(n_given,)`` int, the branch that each of the points given lies
            on; -1 where it is no fixed point, and where Newton's method found none from it.
        bifurcation_types: type of each, of :class:`fixedpoint_tf.analysis.BifurcationType`.
        bifurcation_places: ``(n_bifurcations, 2)`` int, branch and the point of it after
            which the bifurcation lies.
        bifurcation_s: one row per bifurcation: its place along the path;
        bifurcation_inputs: its input;
        bifurcation_states: its state;
        bifurcation_eigenvalues: the eigenvalue that crosses there.
        time: ``"discrete"`` or ``"continuous"``.
        state_names: pairs ``(name, size)`` of the blocks of the flat state.
        interrupted: whether it was stopped from the keyboard.

    Example:
        >>> from fixedpoint_tf import as_system
        >>> from fixedpoint_tf.analysis import continue_branches
        >>> fold = as_system(lambda x, u: x + u - x * x, n_states=1, n_inputs=1)
        >>> branches = continue_branches(fold, [[1.0]], [1.0, -1.0], bounds=(-1.5, 1.5))
        >>> branches.n, branches.ends
        (1, (('end of path', 'end of path'),))
        >>> sorted(branches.crossings(0.0).ravel().round(6).tolist())  # the points at u = 1
        [-1.0, 1.0]
    """

    s: np.ndarray
    inputs: np.ndarray
    xstar: np.ndarray
    eigenvalues: np.ndarray
    lengths: np.ndarray
    ends: tuple[tuple[BranchEnd, BranchEnd], ...]
    branch_of_point: np.ndarray
    bifurcation_types: tuple[BifurcationType, ...]
    bifurcation_places: np.ndarray
    bifurcation_s: np.ndarray
    bifurcation_inputs: np.ndarray
    bifurcation_states: np.ndarray
    bifurcation_eigenvalues: np.ndarray
    time: str = "discrete"
    state_names: tuple[tuple[str, int], ...] | None = None
    interrupted: bool = False

    _axes = {
        "n": "s",
        "n n_inputs": "inputs",
        "n n_states": "xstar",
        "n n_states complex": "eigenvalues",
        "n_branches": "lengths ends",
        "n_given": "branch_of_point",
        "n_bifurcations": "bifurcation_types bifurcation_s",
        "n_bifurcations pair": "bifurcation_places",
        "n_bifurcations n_inputs": "bifurcation_inputs",
        "n_bifurcations n_states": "bifurcation_states",
        "n_bifurcations complex": "bifurcation_eigenvalues",
    }
    _ranges = {
        "0 n": "lengths",
        "-1 <n_branches": "branch_of_point",
        "0 <n_branches": "bifurcation_places:0",
        "0 <n": "bifurcation_places:1",
    }

    def __post_init__(self) -> None:
        check_time(self.time)
        ends = tuple((BranchEnd(first), BranchEnd(last)) for first, last in self.ends)
        object.__setattr__(self, "ends", ends)
        types = tuple(BifurcationType(word) for word in self.bifurcation_types)
        object.__setattr__(self, "bifurcation_types", types)
        if self.state_names is not None:
            names = tuple((str(name), int(size)) for name, size in self.state_names)
            object.__setattr__(self, "state_names", names)
        if self.lengths.sum() != len(self.s) or len(self.ends) != len(self.lengths):
            raise ValueError(
                f"lengths: expected {len(self.ends)} that add up to {len(self.s)}, "
                f"received {self.lengths.tolist()}."
            )

    @property
    def n(self) -> int:
        """Number of branches."""
        return len(self.lengths)

    def __len__(self) -> int:
        return self.n

    @property
    def is_stable(self) -> np.ndarray:
        """``(n_points,)`` bool, whether every mode decays."""
        return linearization.is_stable(self.eigenvalues, self.time)

    @property
    def n_unstable(self) -> np.ndarray:
        """``(n_points,)`` int, number of unstable modes."""
        return linearization.n_unstable(self.eigenvalues, self.time)

    def rows(self, branch: int) -> slice:
        """Return the rows of one branch in the arrays.

        Args:
            branch: number of the branch.
        """
        branch = check_index(branch, "branch", self.n, "branches")
        end = int(self.lengths[: branch + 1].sum())
        return slice(end - int(self.lengths[branch]), end)

    def count_bifurcations(self) -> dict[tuple[BifurcationType, str], int]:
        """Count the bifurcations of each type, border collisions by stability change.

        Example:
            >>> import tensorflow as tf
            >>> from fixedpoint_tf import as_system
            >>> from fixedpoint_tf.analysis import continue_branches
            >>> steeper = as_system(
            ...     lambda x, u: tf.where(x < 0, 0.5 * x, 1.5 * x) + u, n_states=1, n_inputs=1)
            >>> continue_branches(steeper, [[-1.0]], [-0.5, 0.5]).count_bifurcations()
            {('border-collision fold', ''): 1}
        """
        named = (
            (what, self._change(i) if what == BifurcationType.BORDER_COLLISION else "")
            for i, what in enumerate(self.bifurcation_types)
        )
        return dict(collections.Counter(named))

    @property
    def bifurcations(self) -> list[Bifurcation]:
        """All bifurcations, branch by branch, in order along each."""
        return [
            Bifurcation(
                what,
                int(self.bifurcation_places[i, 0]),
                int(self.bifurcation_places[i, 1]),
                float(self.bifurcation_s[i]),
                self.bifurcation_inputs[i],
                self.bifurcation_states[i],
                complex(self.bifurcation_eigenvalues[i]),
                self._change(i),
            )
            for i, what in enumerate(self.bifurcation_types)
        ]

    def _change(self, i: int) -> str:
        """Describe the stability before and after a bifurcation."""
        branch, after = (int(k) for k in self.bifurcation_places[i])
        rows = self.rows(branch)
        first = rows.start + after
        if self._ends_at(branch, after):
            word = linearization.classify(self.eigenvalues[[first]], self.time)[0]
            return f"{word} branch ends"
        values = self.eigenvalues[first : first + 2]
        words = list(linearization.classify(values, self.time))
        if words[0] == words[1]:
            number = linearization.n_unstable(values, self.time)
            if number[0] == number[1]:
                return f"{words[0]} on both sides"
            words = [str(number[0]), pluralize(int(number[1]), "unstable direction")]
        return " -> ".join(words)

    def _ends_at(self, branch: int, after: int) -> bool:
        """Test a branch for ending at a border branch point that is its point ``after``."""
        rows = self.rows(branch)
        z = np.column_stack([self.s, self.xstar])[rows]
        if after == len(z) - 1:
            return True
        return (
            after == 0
            and self.ends[branch][0] == BranchEnd.BORDER_BRANCH_POINT
            and (z[0] != z[1]).any()
        )

    def crossings(self, s: float) -> np.ndarray:
        """Return the states at which branches pass a position on the path, interpolated.

        Args:
            s: position on the path.

        Returns:
            ``(n_found, n_states)``. Start Newton's method or a finder from them for exact
            fixed points at that input.
        """
        s = check_number(s, "s", -np.inf)
        found = [np.zeros((0, self.xstar.shape[1]))]
        for branch in range(self.n):
            here, x = self.s[self.rows(branch)], self.xstar[self.rows(branch)]
            for i in np.flatnonzero((here[:-1] - s) * (here[1:] - s) < 0):
                share = (s - here[i]) / (here[i + 1] - here[i])
                found.append((x[i] + share * (x[i + 1] - x[i]))[None])
            at = here == s
            at[1:] &= (x[1:] != x[:-1]).any(axis=1) | (here[1:] != here[:-1])  # a border
            if len(at) > 1 and self.ends[branch][1] == BranchEnd.CLOSED_LOOP:
                at[-1] = False  # the first point once more
            found.append(x[at])
        return np.concatenate(found)

    def points(self, branch: int) -> FixedPoints:
        """Return the points of one branch as a set of fixed points.

        Args:
            branch: number of the branch.
        """
        rows = self.rows(branch)
        return FixedPoints(
            xstar=self.xstar[rows],
            inputs=self.inputs[rows],
            eigval_J_xstar=self.eigenvalues[rows],
            status=np.full(int(self.lengths[branch]), Status.FIXED_POINT, dtype=np.int8),
            time=self.time,
            state_names=self.state_names,
        )

    def __iter__(self) -> Iterator[FixedPoints]:
        return (self.points(branch) for branch in range(self.n))

    def __repr__(self) -> str:
        said = [
            pluralize(count, what, what.plural) + (f" ({change})" if change else "")
            for (what, change), count in self.count_bifurcations().items()
        ]
        plural = "branch" if self.n == 1 else "branches"
        points, stable = f"{len(self.s):,} points", f"{int(self.is_stable.sum()):,} stable"
        head = f"{self.n} {plural} ({points}, {stable})" if self.n else "no branches"
        tail = "; interrupted" if self.interrupted else ""
        return f"{head}; bifurcations: {', '.join(said) or 'none'}{tail}"

    def plot(
        self,
        show: int | str | Any = "norm",
        *,
        along: int | None = None,
        fig: Figure | None = None,
        ax: Axes | None = None,
    ) -> tuple[Figure, Axes]:
        """Draw branches of fixed points, stable parts solid and unstable ones dashed.

        Parts whose stability linear theory leaves open, as on a line of fixed points, are
        dotted.

        Args:
            show: quantity on the vertical axis: the number of a unit, counted from 0; a vector
                ``(n_states,)`` on which states are projected; or ``"norm"``, the length of the
                state (for a single unit, the unit itself).
            along: the number of the input on the horizontal axis; by default the position s on
                the path, or the input where there is only one.
            fig: the figure to add axes to.
            ax: the axes to draw in.

        Returns:
            The figure and the axes.

        Raises:
            ValueError: there is no such unit or input, or the vector has another shape.

        Example:
            >>> from fixedpoint_tf import as_system
            >>> from fixedpoint_tf.analysis import continue_branches
            >>> fold = as_system(lambda x, u: x + u - x * x, n_states=1, n_inputs=1)
            >>> branches = continue_branches(fold, [[0.9]], [0.81, -1.0], bounds=(-0.8, 1.5))
            >>> fig, ax = branches.plot()
            >>> [text.get_text() for text in ax.get_legend().get_texts()]
            ['stable', 'unstable', '1 saddle-node']
        """
        from fixedpoint_tf.analysis.continuation.plotting import plot_branches

        return plot_branches(self, show, along=along, fig=fig, ax=ax)
