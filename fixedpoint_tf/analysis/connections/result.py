"""The ways out of the saddles, and the graph of attractors that they make."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fixedpoint_tf._utils.plurals import pluralize
from fixedpoint_tf._utils.results import Result
from fixedpoint_tf.analysis.outcomes import RunOutcome, describe_outcomes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Connections", "Transitions"]


class Transitions(NamedTuple):
    """The graph of attractors: ``edges`` ``(n, 2)``, and the saddle ``(n,)`` of each.

    Attributes:
        edges: ``(n, 2)`` int, the two attractors of each.
        saddles: ``(n,)`` int, the saddle between them.

    Example:
        >>> import numpy as np
        >>> graph = Transitions(edges=np.array([[0, 2]]), saddles=np.array([1]))
        >>> f"{graph.saddles[0]} joins {graph.edges[0].tolist()}"
        '1 joins [0, 2]'
    """

    edges: np.ndarray
    saddles: np.ndarray


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Connections(Result):
    """Ways out of the saddles, and where each leads.

    Numbers of points are rows of the FixedPoints given. Points without an unstable
    direction have no way out.

    Attributes:
        source: ``(n_edges,)`` int, the saddle left.
        direction: ``(n_edges, n_states)``, of length 1, in its unstable subspace.
        sign: ``(n_edges,)`` int: the two ways along one axis are 1 and -1; directions
            drawn at random are 0.
        target: ``(n_edges,)`` int, the point reached, -1 for none. For a way along a boundary
            between basins, the saddle on this boundary that it would reach in exact arithmetic.
        outcome: ``(n_edges,)`` int, of :class:`fixedpoint_tf.analysis.RunOutcome`.
        steps: ``(n_edges,)`` int, steps until the state stays within reach of the target.
        final: ``(n_edges, n_states)``, the last state; NaN where it ran away.
        offset: ``(n_edges,)``, distance from the saddle at which the run began.
        linear_error: ``(n_edges,)``, relative difference there between the first step and
            that of the linearised system.
        n_unstable: ``(n,)`` int, unstable directions of each point; -1 unknown.
        is_attractor: ``(n,)``, the stable fixed points.
        xstar: ``(n, n_states)``, the points.
        condition: ``(n,)`` int, which points share an input.
        dt: length of a step; 1 in discrete time.
        interrupted: whether Ctrl-C ended the runs early.

    Example:
        >>> import numpy as np
        >>> from fixedpoint_tf import FixedPoints, as_system
        >>> from fixedpoint_tf.analysis import find_connections
        >>> wells = as_system(lambda h, u: h + 0.1 * (h - h**3), n_states=1, n_inputs=0)
        >>> found = find_connections(wells, FixedPoints(xstar=np.array([[-1.0], [0.0], [1.0]])))
        >>> found.source.tolist(), sorted(found.target.tolist())
        ([1, 1], [0, 2])
    """

    source: np.ndarray
    direction: np.ndarray
    sign: np.ndarray
    target: np.ndarray
    outcome: np.ndarray
    steps: np.ndarray
    final: np.ndarray
    offset: np.ndarray
    linear_error: np.ndarray
    n_unstable: np.ndarray
    is_attractor: np.ndarray
    xstar: np.ndarray
    condition: np.ndarray
    dt: float = 1.0
    interrupted: bool = False

    _axes = {
        "n_edges": "source sign target outcome steps offset linear_error",
        "n_edges n_states": "direction final",
        "n": "n_unstable is_attractor condition",
        "n n_states": "xstar",
    }
    _ranges = {
        "0 <n": "source",
        "-1 <n": "target",
        "-1 1": "sign",
        "-1 n_states": "n_unstable",
        "0 inf": "outcome steps offset linear_error condition dt",
    }

    def __len__(self) -> int:
        return len(self.source)

    @property
    def is_representative(self) -> np.ndarray:
        """``(n_edges,)`` bool, ways that represent a plane or more of unstable directions."""
        return np.asarray(self.n_unstable[self.source] > 1)

    @property
    def edges(self) -> list[tuple[int, int]]:
        """Distinct pairs (saddle, point reached), as ``networkx.DiGraph`` takes them."""
        reached = self.target >= 0
        pairs = zip(self.source[reached].tolist(), self.target[reached].tolist(), strict=True)
        return sorted(set(pairs))

    def transition_graph(self) -> Transitions:
        """List the pairs of attractors joined by a saddle with one unstable direction.

        Returns:
            ``edges``, ``(n_transitions, 2)``, two attractors, the lower number first, and
            ``saddles``, the one between them. Several saddles may join the same two; one
            whose both ways lead to the same attractor joins none.
        """
        found = []
        for saddle in np.unique(self.source[self.n_unstable[self.source] == 1]):
            ends = np.unique(self.target[self.source == saddle])
            if len(ends) == 2 and ends[0] >= 0 and self.is_attractor[ends].all():
                found.append((*ends, saddle))
        table = np.array(found, dtype=int).reshape(-1, 3)
        return Transitions(table[:, :2], table[:, 2])

    def adjacency(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the transitions as a matrix.

        Returns:
            ``(k, k)`` int, how many saddles join two attractors, and ``(k,)``, the
            numbers of the attractors.
        """
        names = np.flatnonzero(self.is_attractor)
        matrix = np.zeros((len(names), len(names)), dtype=int)
        a, b = np.searchsorted(names, self.transition_graph().edges).T
        np.add.at(matrix, (np.r_[a, b], np.r_[b, a]), 1)
        return matrix, names

    def __repr__(self) -> str:
        n_saddles = len(np.unique(self.source))
        if not n_saddles:
            return "no saddles, no connections"
        graph = self.transition_graph()
        n_pairs = len(np.unique(graph.edges, axis=0))
        n_one = len(np.unique(self.source[self.n_unstable[self.source] == 1]))
        n_several, n_stand = n_saddles - n_one, int(self.is_representative.sum())
        what = "saddle" if n_one else "point"
        parts = [f"{pluralize(len(self), 'way')} out of {pluralize(n_saddles, what)}"]
        n_arrived = int((self.outcome == RunOutcome.FIXED_POINT).sum())
        if self.is_attractor.sum() < 2:  # no two that a saddle could join
            if n_arrived:
                parts.append(f"{n_arrived:,} to a fixed point given")
        elif n_one:
            parts.append(
                f"{len(graph.saddles):,} of {pluralize(n_one, 'saddle')} with 1 unstable "
                f"direction {'joins' if len(graph.saddles) == 1 else 'join'} "
                f"{pluralize(n_pairs, 'pair')} of "
                f"{pluralize(self.is_attractor.sum(), 'attractor')}"
            )
        if n_stand:
            of = "it has" if n_one == 0 and n_several == 1 else "they have"
            if n_one:
                of = pluralize(n_several, "point") + (" has" if n_several == 1 else " have")
            ways = "way is a sample" if n_stand == 1 else "ways are samples"
            parts.append(
                f"{n_stand:,} {ways} of a continuum, since {of} several unstable directions"
            )
        others = describe_outcomes(self.outcome)
        parts += [others] if others else []
        return "; ".join(parts) + (" (interrupted)" if self.interrupted else "")

    def plot(
        self,
        *,
        coordinates: np.ndarray | None = None,
        higher: bool = True,
        fig: Figure | None = None,
        ax: Axes | None = None,
    ) -> tuple[Figure, Axes]:
        """Draw points, and an arrow from each saddle to each point that it leads to.

        Attractors are filled circles, saddles with one unstable direction open diamonds,
        points with several open triangles. Arrows from saddles with one unstable direction are
        dark, those from points with several are grey, dashed where they run along the boundary
        between basins. A star marks the end of a trajectory that reaches no known point.

        Points far apart in many dimensions may overlap in two: give ``coordinates`` that show
        what the network represents, such as its readout.

        Args:
            coordinates: ``(n, 2)``, where to place the points; by default their principal
                components, seen obliquely where a third one holds much of the variance.
            higher: draw points with several unstable directions and the ways out of them.
            fig: the figure to add axes to.
            ax: the axes to draw in.

        Returns:
            The figure and the axes.

        Raises:
            ValueError: coordinates of another shape.

        Example:
            >>> import numpy as np
            >>> from fixedpoint_tf import FixedPoints, as_system
            >>> from fixedpoint_tf.analysis import find_connections
            >>> wells = as_system(lambda h, u: h + 0.1 * (h - h**3), n_states=1, n_inputs=0)
            >>> points = FixedPoints(xstar=np.array([[-1.0], [0.0], [1.0]]))
            >>> fig, ax = find_connections(wells, points).plot()
            >>> ax.get_xlabel()
            'state'
        """
        from fixedpoint_tf.analysis.connections.plotting import plot_connections

        return plot_connections(self, coordinates=coordinates, higher=higher, fig=fig, ax=ax)
