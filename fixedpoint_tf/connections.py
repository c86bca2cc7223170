r"""What leads where: from each saddle along its unstable directions to what is reached.

Near a saddle states leave along the unstable eigenvectors of dF/dx. A saddle with one
unstable direction has two ways out, and so joins two attractors: it is the threshold
between them. These connections are the state-transition graph of the network's memories
(heteroclinic connections; Strogatz 2014; Sussillo & Barak 2013).
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fixedpoint_tf import linearization
from fixedpoint_tf.adapters import as_system
from fixedpoint_tf.arrivals import arrive, check_runs, radii, time_step
from fixedpoint_tf.at_points import eigenvalues_of, inputs_of, jacobians_of
from fixedpoint_tf.checks import check_whole
from fixedpoint_tf.fixed_points import FixedPoints
from fixedpoint_tf.outcomes import Outcome, describe_outcomes
from fixedpoint_tf.results import Result
from fixedpoint_tf.status import Status
from fixedpoint_tf.system import DynamicalSystem
from fixedpoint_tf.words import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Connections", "Transitions", "check_runs", "connections"]

#: Lengths of the first step away from a saddle that are tried, longest first, as shares of
#: the distance to the nearest other point.
OFFSETS = 10.0 ** -np.arange(1.0, 8.0)
LINEAR_TOL = 0.01


class Transitions(NamedTuple):
    """The graph of attractors: ``edges`` ``(n, 2)``, and the saddle ``(n,)`` of each."""

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
        target: ``(n_edges,)`` int, the point reached, -1 for none.
        outcome: ``(n_edges,)`` int, of :class:`fixedpoint_tf.outcomes.Outcome`.
        steps: ``(n_edges,)`` int, steps taken until within reach of the target for good.
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

    def __len__(self) -> int:
        return len(self.source)

    @property
    def edges(self) -> list[tuple[int, int]]:
        """Distinct pairs (saddle, point reached), as ``networkx.DiGraph`` takes them."""
        reached = self.target >= 0
        pairs = zip(self.source[reached].tolist(), self.target[reached].tolist(), strict=True)
        return sorted(set(pairs))

    def transition_graph(self) -> Transitions:
        """Which attractors are neighbours: joined by a saddle with one unstable direction.

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
        """The same as a matrix.

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
        parts = [f"{counted(len(self), 'way')} out of {counted(n_saddles, 'saddle')}"]
        if n_one:
            parts.append(
                f"{len(graph.saddles):,} of {n_one:,} with 1 unstable direction join "
                f"{counted(n_pairs, 'pair')} of {counted(self.is_attractor.sum(), 'attractor')}"
            )
        others = describe_outcomes(self.outcome)
        parts += [others] if others else []
        return "; ".join(parts) + (" (interrupted)" if self.interrupted else "")

    def plot(self, **options: Any) -> tuple[Figure, Axes]:
        """Draws the points and the ways between them.

        See :func:`fixedpoint_tf.plotting.connections.plot_connections`.
        """
        from fixedpoint_tf.plotting.connections import plot_connections

        return plot_connections(self, **options)


def connections(
    system: Any,
    points: FixedPoints,
    *,
    n_directions: int = 16,
    tol: float = 0.01,
    max_steps: int = 10_000,
    dt: float | None = None,
    seed: int = 0,
    verbose: bool = False,
) -> Connections:
    """Follow the unstable directions of each saddle to where they lead.

    A saddle with one unstable direction is left both ways along it. One with more is left
    both ways along each axis of its unstable subspace and along random directions in it:
    a sample, which may miss narrow ways.

    Each run starts as far from the saddle, up to a tenth of the way to the nearest other
    point, as the first step still follows the linearised system to 1%.

    Args:
        system: what :func:`fixedpoint_tf.as_system` takes.
        points: of a search, distinct ones. The fixed points are left and reached (without
            a status all points); slow points are not.
        n_directions: random directions from a saddle with several unstable ones.
        tol: a state has arrived within this share of the distance from the target to the
            nearest other point.
        max_steps: of a run. A line attractor, where states stop between the points, and a
            cycle are told apart from states that are still on their way.
        dt: length of a step in which a continuous system is run; by default a quarter of
            the fastest rate at the points.
        seed: of the random directions.
        verbose: show a bar.

    Returns:
        The connections; interrupted by Ctrl-C, those found so far.

    Raises:
        TypeError, ValueError: an argument is not as described.

    Cost: all ways of one input are run as one batch, for the steps that the slowest
        takes; 0.3 s for the 27 points of a flip-flop of 24 units. Eigenvectors are taken
        at the saddles alone; no more than 100 MiB of Jacobians and eigenvectors are held
        at once, or those of one point.

    Example:
        >>> import numpy as np
        >>> from fixedpoint_tf import FixedPoints, as_system
        >>> wells = as_system(lambda h, u: h + 0.1 * (h - h**3), n_states=1, n_inputs=0)
        >>> points = FixedPoints(xstar=np.array([[-1.0], [0.0], [1.0]]))
        >>> found = connections(wells, points)
        >>> found
        2 ways out of 1 saddle; 1 of 1 with 1 unstable direction join 1 pair of 2 attractors
        >>> found.transition_graph().edges.tolist()
        [[0, 2]]
    """
    system = as_system(system)
    inputs = inputs_of(system, points)
    check_runs(tol, max_steps)
    check_whole(n_directions, "n_directions", least=0)
    step = time_step(system, points, inputs, dt)
    is_fixed = np.ones(points.n, dtype=bool)
    if points.status is not None:
        is_fixed = points.status == Status.FIXED_POINT
    values = eigenvalues_of(system, points, inputs)
    n_unstable = np.where(is_fixed, linearization.n_unstable(values, system.kind), -1)
    stable = is_fixed & linearization.is_stable(values, system.kind)
    distinct, condition = np.unique(inputs, axis=0, return_inverse=True)
    condition = condition.ravel()
    rng = np.random.default_rng(seed)
    source, direction, sign, linear = _ways_out(
        system, points, inputs, n_unstable, n_directions, rng
    )

    radius, n_edges = np.zeros(points.n), len(source)
    for c in range(len(distinct)):
        here = np.flatnonzero(is_fixed & (condition == c))
        radius[here] = radii(points.xstar[here], tol)
    offset, error = _offsets(
        system, points.xstar, inputs, source, direction, linear, radius / tol
    )
    start = points.xstar[source] + offset[:, None] * direction
    target, outcome = np.full(n_edges, -1), np.full(n_edges, int(Outcome.NOT_RUN))
    steps, final, interrupted = np.zeros(n_edges, dtype=int), np.array(start), False
    for c in range(len(distinct)):
        edges = np.flatnonzero(condition[source] == c)
        here = np.flatnonzero(is_fixed & (condition == c))
        if interrupted or not len(edges):
            continue
        ends = arrive(
            system,
            start[edges],
            distinct[c],
            points.xstar[here],
            radius[here],
            stable[here],
            max_steps=max_steps,
            dt=step,
            verbose=verbose,
            what="ways",
        )
        target[edges] = np.where(ends.target >= 0, here[ends.target], -1)
        outcome[edges], steps[edges], final[edges] = ends.outcome, ends.steps, ends.final
        interrupted = ends.interrupted
    return Connections(
        source=source,
        direction=direction,
        sign=sign,
        target=target,
        outcome=outcome,
        steps=steps,
        final=final,
        offset=offset,
        linear_error=error,
        n_unstable=n_unstable,
        is_attractor=stable,
        xstar=points.xstar,
        condition=condition,
        dt=step,
        interrupted=interrupted,
    )


def _ways_out(
    system: DynamicalSystem,
    points: FixedPoints,
    inputs: np.ndarray,
    n_unstable: np.ndarray,
    n_directions: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Source, unit vector and sign of every way, and where the linearised system leads.

    Only saddles are linearised, and of their Jacobians a bounded number is held at once.
    """
    source, direction, sign, linear = [], [np.zeros((0, system.n_states))], [], []
    saddles = np.flatnonzero(n_unstable > 0)
    for some, jacobians in jacobians_of(system, points, inputs, saddles):
        if points.eigvec_J_xstar is not None:
            vectors = points.eigvec_J_xstar[some]
        else:
            vectors = linearization.right_eigenvectors(jacobians, system.kind)[1]
        for i, saddle in enumerate(some):
            k = n_unstable[saddle]  # the fastest growing come first
            ways, signs = _ways_in(vectors[i, :, :k], n_directions, rng)
            direction.append(ways)
            linear.append(ways @ jacobians[i].T)
            source += [saddle] * len(ways)
            sign += signs
    every = np.concatenate(direction)
    images = np.concatenate(linear) if linear else every
    return np.array(source, dtype=int), every, np.array(sign, dtype=int), images


def _ways_in(
    modes: np.ndarray, n_directions: int, rng: np.random.Generator
) -> tuple[np.ndarray, list[int]]:
    """Unit vectors in the span of the unstable modes ``(n_states, k)``, and their signs."""
    n_states, k = modes.shape
    # The real and imaginary parts of a pair span the plane in which states spiral out.
    parts = np.concatenate([modes.real, modes.imag], axis=1)
    axes = np.linalg.svd(parts, full_matrices=False)[0][:, :k].T
    if np.isrealobj(modes) or not np.abs(modes.imag).max():
        axes = modes.real.T
    ways = np.stack([axes, -axes], axis=1).reshape(-1, n_states)
    signs = [1, -1] * k
    if k > 1:
        # Uniform on the sphere of the subspace, whatever the angle of the eigenvectors.
        basis = np.linalg.qr(axes.T)[0]
        ways = np.concatenate([ways, rng.normal(size=(n_directions, k)) @ basis.T])
        signs += [0] * n_directions
    return ways / np.linalg.norm(ways, axis=1, keepdims=True), signs


def _offsets(
    system: DynamicalSystem, xstar, inputs, source, direction, linear, nearest
) -> tuple[np.ndarray, np.ndarray]:
    """How far from its saddle each way begins, and the error of the linear picture there."""
    offset = np.zeros(len(source))
    error = np.full(len(source), np.inf)
    x, u = xstar[source], inputs[source]
    if not len(source):
        return offset, error
    speed = np.linalg.norm(linear, axis=1)
    origin = x if system.kind == "discrete" else 0.0
    for share in OFFSETS:
        trying = error > LINEAR_TOL
        if not trying.any():
            break
        length = share * nearest[source]
        image = system.step(x + length[:, None] * direction, u).numpy().astype(np.float64)
        miss = np.linalg.norm(image - origin - length[:, None] * linear, axis=1)
        relative = miss / (length * speed)
        better = trying & (relative < error)
        offset[better], error[better] = length[better], relative[better]
    return offset, error
