"""``switch_branch``: from a crossing of branches onto the other branches."""

from __future__ import annotations

from typing import Any

import numpy as np
from tqdm import tqdm

from fixedpoint_tf._utils.checks import check_index, check_instance, check_switch
from fixedpoint_tf.analysis.continuation.continuing import ON_PATH_TOL
from fixedpoint_tf.analysis.continuation.joining import as_branches, both_ways, join
from fixedpoint_tf.analysis.continuation.result import Bifurcation, Branches
from fixedpoint_tf.curves.arclength import trace
from fixedpoint_tf.curves.curve import Curve
from fixedpoint_tf.curves.ends import BifurcationType, BranchEnd
from fixedpoint_tf.curves.input_path import Path
from fixedpoint_tf.curves.kinks.directions import ways
from fixedpoint_tf.curves.starts import both_tangents, size_of_states
from fixedpoint_tf.curves.steps import Steps, checked_steps
from fixedpoint_tf.systems.convert import system_of
from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = ["switch_branch"]


def switch_branch(
    system: Any,
    branches: Branches,
    path: Any,
    bifurcation: int,
    *,
    s_range: tuple[float, float] | None = None,
    first_step: float = 0.01,
    max_step: float = 0.05,
    min_step: float = 1e-8,
    max_points: int = 1000,
    bounds: tuple[Any, Any] | None = None,
    verbose: bool = False,
) -> Branches:
    """Follow the other branches that cross at a branch point.

    Within a smooth piece there is one other branch, which is sought in the plane of the two
    tangents, at right angles to the known branch (Keller 1977). At a border of smooth pieces
    the directions of the other branches are the null vectors of the derivatives that lead into
    their own pieces, and there may be several.

    Args:
        system: the same as for :func:`continue_branches`.
        branches: result of :func:`continue_branches`.
        path: the same path of inputs.
        bifurcation: index into ``branches.bifurcations``; it must be a branch point
            or a border branch point.
        s_range, first_step, max_step, min_step, max_points, bounds, verbose: as for
            :func:`continue_branches`.

    Returns:
        One branch, through the branch point; at a border branch point one for each pair of
        other directions. A direction without a partner gives a branch that begins at the point.

    Raises:
        ValueError: the bifurcation is no branch point, or the other branch is not found
            (``first_step`` may be too long).

    Cost: as of :func:`continue_branches` for one branch.

    Example:
        >>> from fixedpoint_tf import as_system
        >>> from fixedpoint_tf.analysis import continue_branches
        >>> pitchfork = as_system(lambda x, u: x + u * x - x**3, n_states=1, n_inputs=1)
        >>> branches = continue_branches(pitchfork, [[0.0]], [-1.0, 1.0])
        >>> other = switch_branch(pitchfork, branches, [-1.0, 1.0], 0)
        >>> round(float(abs(other.crossings(1.0)).max()), 6)
        1.0
    """
    system = system_of(system)
    check_instance(branches, "branches", Branches)
    _check_widths(system, branches)
    check_switch(verbose, "verbose")
    line = Path(path, system.n_inputs, s_range)
    size = size_of_states(system, line, branches.xstar, branches.s)
    curve = Curve(system, line, size)
    steps = checked_steps(system, size, first_step, max_step, min_step, max_points, bounds)
    point = _crossing(branches, bifurcation, line)
    z = curve.pack(point.state[None], np.array([point.s]))
    if point.bifurcation_type == BifurcationType.BORDER_BRANCH_POINT:
        return _at_border(curve, branches, point, z[0], steps, verbose)
    rows = branches.rows(point.branch)
    near = curve.pack(branches.xstar[rows], branches.s[rows])
    t = near[point.after + 1] - near[point.after]
    _, slopes, jacobian = curve.evaluate(z)
    plane = np.linalg.svd(slopes[0])[2][-2:]  # both tangents lie in it
    along = plane @ t / np.linalg.norm(plane @ t)
    across = np.array([-along[1], along[0]]) @ plane
    ways = np.stack([across, -across])
    piece = line.piece(np.repeat(z[:, -1], 2))
    begun = curve.correct(z + first_step * ways, ways, piece)
    if not (begun.converged & (line.piece(begun.z[:, -1]) == piece)).all():
        raise ValueError(
            "bifurcation: expected one with another branch at a distance of "
            f"{first_step:g} from it, received one where none was met. Another first_step may "
            "meet it."
        )
    t = curve.tangent(begun.slopes, ways)
    with tqdm(desc="continuation", unit="point", disable=not verbose) as bar:
        (one, other), stopped = trace(curve, begun.z, t, steps, bar.update)
    if one.end == BranchEnd.CLOSED_LOOP:  # the way back is the same loop
        return as_branches(
            curve, [join(None, one, system.time)], np.zeros(1, dtype=int), stopped
        )
    for half, way in ((one, across), (other, -across)):
        half.z.insert(0, z[0])
        half.t.insert(0, way)
        # At the point itself the determinant vanishes: nothing is sought beside it.
        half.jacobian_sign.insert(0, half.jacobian_sign[0])
        half.eigenvalues.insert(0, curve.eigenvalues(jacobian)[0])
    middle = len(other.z) - 1
    beside = ((0, middle - 1), (0, middle))
    return as_branches(
        curve, [join(other, one, system.time)], np.zeros(1, dtype=int), stopped, beside
    )


def _check_widths(system: DynamicalSystem, branches: Branches) -> None:
    """Refuse branches of another system."""
    received = branches.time, branches.xstar.shape[1], branches.inputs.shape[1]
    expected = system.time, system.n_states, system.n_inputs
    if received != expected:
        raise ValueError(
            f"branches: expected those of a system of (time, n_states, n_inputs) = {expected}, "
            f"received those of one of {received}."
        )


def _crossing(branches: Branches, bifurcation: int, line: Path) -> Bifurcation:
    """Return the bifurcation, if other branches leave it on this path."""
    n = len(branches.bifurcation_types)
    bifurcation = check_index(bifurcation, "bifurcation", n, "bifurcations of branches")
    point = branches.bifurcations[bifurcation]
    if point.bifurcation_type not in (
        BifurcationType.BRANCH_POINT,
        BifurcationType.BORDER_BRANCH_POINT,
    ):
        raise ValueError(
            "bifurcation: expected a branch point or border branch point, from which "
            f"other branches lead, received a {point.bifurcation_type}."
        )
    u = line(np.array([point.s]))[0][0]
    span = np.linalg.norm(line(line.breaks)[0], axis=1).max()
    if np.linalg.norm(u - point.inputs) > ON_PATH_TOL * span:
        raise ValueError(
            f"path: expected that of branches, at s = {point.s:.6g} the inputs "
            f"{point.inputs.tolist()}, received {u.tolist()}."
        )
    return point


def _without(pair, taken) -> tuple[np.ndarray, np.ndarray] | None:
    """Return a pair of tangents without one of them."""
    left = [t for t in pair if t is not taken and np.isfinite(t).all()]
    return (left[0], left[1] if len(left) == 2 else np.nan * left[0]) if left else None


def _at_border(
    curve: Curve, branches: Branches, point: Bifurcation, z, steps: Steps, verbose: bool
) -> Branches:
    """Return the branches along all ways out but the two of the branch that is known."""
    breaks = curve.path.breaks
    corner = np.isin(z[-1], breaks)
    piece = None if corner else int(curve.path.piece(z[-1:])[0])
    rows = branches.rows(point.branch)
    known = curve.pack(branches.xstar[rows], branches.s[rows])
    beside = [known[: point.after + 1][::-1], known[point.after + 1 :]]
    found = ways(curve, z, piece)
    two = both_tangents(found, float(z[-1]), (breaks[0], breaks[-1]))
    for side in beside:
        apart = np.linalg.norm(side - z, axis=1)
        left = [t for pair in two for t in pair if np.isfinite(t).all()]
        if left and (apart > 0).any():
            chord = (side - z)[np.flatnonzero(apart > 0)[0]]
            taken = max(left, key=lambda t: float(t @ chord))
            two = [pair for pair in (_without(pair, taken) for pair in two) if pair]
    if not two:
        raise ValueError(
            "bifurcation: expected a point with other ways out than those of its branch, "
            f"received {point!r}, where none is found."
        )
    forward, backward = (np.stack([pair[k] for pair in two]) for k in (0, 1))
    many = np.repeat(z[None], len(two), axis=0)
    with tqdm(desc="continuation", unit="point", disable=not verbose) as bar:
        ahead, behind, stopped = both_ways(
            curve,
            many,
            forward,
            backward,
            steps,
            bar.update,
            np.ones(len(two), dtype=bool),
            np.ones(len(two), dtype=bool),
        )
    joined = [join(behind.get(k), one, curve.system.time) for k, one in enumerate(ahead)]
    return as_branches(curve, joined, np.zeros(1, dtype=int), stopped)
