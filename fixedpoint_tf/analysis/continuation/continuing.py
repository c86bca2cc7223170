"""``continue_branches``: branches of fixed points along a path of inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from tqdm import tqdm

from fixedpoint_tf._utils.checks import as_numbers, check_rows, check_switch, is_number, shown
from fixedpoint_tf.analysis.continuation.joining import as_branches, both_ways, join
from fixedpoint_tf.analysis.continuation.result import Branches
from fixedpoint_tf.curves.curve import Curve, CurvePoints
from fixedpoint_tf.curves.input_path import Path
from fixedpoint_tf.curves.merging import first_on_branch
from fixedpoint_tf.curves.starts import size_of_states, starts
from fixedpoint_tf.curves.steps import Steps, checked_steps
from fixedpoint_tf.curves.trace import Trace
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.fixed_points.status import Status
from fixedpoint_tf.systems.at_points import check_one_set
from fixedpoint_tf.systems.convert import system_of

__all__ = ["ON_PATH_TOL", "continue_branches"]

ON_PATH_TOL = 1e-6  # how far the inputs of points may be from the path, relative


def continue_branches(
    system: Any,
    points: Any,
    path: Any,
    *,
    start: float | None = None,
    s_range: tuple[float, float] | None = None,
    first_step: float = 0.01,
    max_step: float = 0.05,
    min_step: float = 1e-8,
    max_points: int = 1000,
    bounds: tuple[Any, Any] | None = None,
    verbose: bool = False,
) -> Branches:
    r"""Follow fixed points along a path of inputs, through folds.

    Pseudo-arclength continuation (Keller 1977): each step goes along the tangent of the curve
    :math:`F(x, u(s)) = x` (continuous: :math:`g(x, u(s)) = 0`), then Newton's method returns
    to the curve at right angles to the tangent, so a branch is followed also where it turns
    back in s. All points are followed at once, in both directions. Where an eigenvalue crosses
    the edge of stability the bifurcation is located by its test function (Kuznetsov 2004,
    section 10.2), to about ten digits.

    Where a unit reaches its threshold (ReLU, clipped or absolute values) the Jacobian
    jumps. The branch is followed up to that border and continued on the other side, along the
    null vector of the Jacobians there. If it turns back in s, two branches meet and vanish
    there: a border-collision fold (di Bernardo et al. 2008, "Piecewise-smooth dynamical
    systems", chapter 5). If only the stability or the number of unstable modes changes, it is a
    border collision; otherwise nothing is reported. Where several units reach their thresholds
    together, many branches may meet (a border branch point): two of them are joined if each is
    the straightest continuation of the other, and the rest end there.

    Beware: a pair of bifurcations within one step cancels in the test functions and is
    missed; a shorter ``max_step`` finds it (thresholds of piecewise-linear units are never
    missed). Branches on which no given point lies are not found: give all known fixed points,
    or see :func:`fixedpoint_tf.analysis.switch_branch`.

    Args:
        system: anything that :func:`fixedpoint_tf.as_system` takes as its only argument.
        points: a :class:`fixedpoint_tf.FixedPoints` of any number of points, or states
            ``(n, n_states)``. Each may have its own input. Of points with a status only the
            fixed points are followed: from a slow point, Newton's method leads to a distant
            fixed point, or to none.
        path: inputs ``(n, n_inputs)`` joined by straight lines, s = 0 at the first and 1
            at the last, evenly spaced; two of them are the ends of one line. A branch has a
            point at each corner. Or a function from s to ``(n_inputs,)``, which must be
            smooth.
        start: position of the points on the path. Default: where the path has the ``inputs`` of
            a FixedPoints; for states, the beginning of the path.
        s_range: first and last s of a function; (0, 1) by default.
        first_step: length of the first step along the curve, in s and in the root mean
            square over the units, relative to the size of the states. This size is half the
            width of the box that holds all fixed points if it is known, otherwise the size of
            the points and of their change along the path; a size from 0.1 to 10 counts as 1.
        max_step: the longest step. No interval between two points is much longer.
        min_step: step length below which a branch ends.
        max_points: largest number of points of one branch in each direction.
        bounds: ``(lower, upper)``, numbers or ``(n_states,)``: a branch that leaves them
            ends. By default the box that holds all fixed points of the system, where it is
            known: -1 to 1 for units of tanh.
        verbose: show a bar.

    Returns:
        The distinct branches; ``branch_of_point`` says which one each point lies on.
        After an interruption from the keyboard, what has been followed so far, marked
        ``interrupted``: without bifurcations if they were still being located, and with a
        branch through two of the points listed twice if branches were still being compared.

    Raises:
        TypeError, ValueError: an argument is not as described.

    Cost: at each point of a branch about four Jacobians and inverses, three Jacobians more
    for the kinks of all but standard cells of tanh units, and one eigenvalue decomposition
    of n_states by n_states; the number of points is the length of the branch divided by
    ``max_step``.

    Example:
        >>> from fixedpoint_tf import as_system
        >>> fold = as_system(lambda x, u: x + u - x * x, n_states=1, n_inputs=1)
        >>> branches = continue_branches(fold, [[1.0]], [1.0, -1.0], bounds=(-1.5, 1.5))
        >>> branches.bifurcations
        [saddle-node at s = 0.5, u = (...), eigenvalue 1.000]
    """
    system = system_of(system)
    check_switch(verbose, "verbose")
    line = Path(path, system.n_inputs, s_range)
    x, s = _begin(system, points, line, start)
    checked_steps(system, 1.0, first_step, max_step, min_step, max_points, bounds)
    usable = _fixed(points)
    curve = Curve(system, line, size_of_states(system, line, x, s))
    steps = checked_steps(
        system, curve.size, first_step, max_step, min_step, max_points, bounds
    )
    known, ahead, behind = np.zeros(0, dtype=int), list[Trace](), dict[int, Trace]()
    try:
        known, begun = _on_curve(curve, x, s, usable, steps)
        z, forward, backward, at_border = starts(curve, begun.z[known], begun.slopes[known])
        with tqdm(desc="continuation", unit="point", disable=not verbose) as bar:
            ahead, behind, stopped = both_ways(
                curve, z, forward, backward, steps, bar.update, at_border, _shared(z)
            )
    except KeyboardInterrupt:  # before the first step
        known, stopped = known[:0], True
    joined = [join(behind.get(k), one, system.time) for k, one in enumerate(ahead)]
    # At a border several branches meet: what follows the start tells which one it is.
    both = [(one, behind.get(k, one)) for k, one in enumerate(ahead)]
    firsts = [one.beginning() if len(one.z) > 1 else other.beginning() for one, other in both]
    try:
        first = first_on_branch(curve, [arrays[0] for arrays, _, _ in joined], firsts)
    except KeyboardInterrupt:  # what is one branch twice is returned as two
        first, stopped = np.arange(len(joined)), True
    unique, number = np.unique(first, return_inverse=True)
    branch_of_point = np.full(len(x), -1)
    branch_of_point[known] = number[: len(known)]
    return as_branches(curve, [joined[k] for k in unique], branch_of_point, stopped)


def _on_curve(
    curve: Curve, x: np.ndarray, s: np.ndarray, usable: np.ndarray | bool, steps: Steps
) -> tuple[np.ndarray, CurvePoints]:
    """Correct the given points, and return the numbers of those that start branches."""
    fixed_s = np.zeros((len(x), curve.d + 1))
    fixed_s[:, -1] = 1.0
    begun = curve.correct(curve.pack(x, s), fixed_s)
    begun.z[:, -1] = s
    inside = ~steps.outside(curve.unpack(begun.z)[0])
    return np.flatnonzero(begun.converged & usable & inside), begun


def _shared(z: np.ndarray) -> np.ndarray:
    """Find the starts that stand at the place of another."""
    _, number, count = np.unique(z, axis=0, return_inverse=True, return_counts=True)
    return np.asarray(count[number.ravel()] > 1)


def _fixed(points: Any) -> np.ndarray | bool:
    """Return a mask of the fixed points, or True where points have no status."""
    if not isinstance(points, FixedPoints) or points.status is None or not points.n:
        return True
    fixed = np.asarray(points.status) == Status.FIXED_POINT
    if not fixed.any():
        raise ValueError(
            f"points: expected a fixed point among them, received {points.n}, none of that "
            "status. Give the states alone, points.xstar, to look for fixed points from them."
        )
    return fixed


def _begin(system, points: Any, line: Path, start: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the starting states and their positions on the path."""
    u = None
    if isinstance(points, FixedPoints):
        x, u = points.xstar, points.inputs
        if points.time != system.time:
            raise ValueError(
                f"points: expected those of a {system.time} system, received those of a "
                f"{points.time} one."
            )
    else:
        check_one_set(points)
        x = system.layout.pack(points, "points")
    check_rows(x, "points", system.n_states, "n_states")
    if start is not None:
        if not (is_number(start) and line.low <= start <= line.high):
            raise ValueError(
                f"start: expected a place on the path, {line.low} to {line.high}, received "
                f"{shown(start)}."
            )
        return x, line.snap(np.full(len(x), float(start)))
    if u is None:
        return x, np.full(len(x), line.low)
    u = as_numbers(u, "points.inputs")
    check_rows(u, "points.inputs", system.n_inputs, "n_inputs")
    s, distance = line.place(u)
    span = np.linalg.norm(line(line.breaks)[0], axis=1).max()
    far = distance > ON_PATH_TOL * (span + np.linalg.norm(u, axis=1))
    if far.any():
        worst = int(np.argmax(distance))
        raise ValueError(
            "path: expected one through the inputs of points, received one that is "
            f"{distance[worst]:.3g} from those of point {worst}. Give start= to begin at a "
            "place of the path."
        )
    return x, line.snap(s)
