"""Traces of both directions as branches, with their bifurcations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fixedpoint_tf._utils.interruption import Interruption
from fixedpoint_tf.analysis.continuation.result import Branches
from fixedpoint_tf.curves.arclength import trace
from fixedpoint_tf.curves.bifurcations.detection import FoundBifurcation, detect
from fixedpoint_tf.curves.bifurcations.intervals import border_event
from fixedpoint_tf.curves.curve import Curve
from fixedpoint_tf.curves.ends import BifurcationType, BranchEnd
from fixedpoint_tf.curves.steps import Steps
from fixedpoint_tf.curves.trace import Trace

__all__ = ["as_branches", "both_ways", "join"]

AT_BORDER = (
    BifurcationType.BORDER_BRANCH_POINT,
    BifurcationType.BORDER_COLLISION,
    BifurcationType.BORDER_FOLD,
)


def both_ways(
    curve: Curve,
    z: np.ndarray,
    forward: np.ndarray,
    backward: np.ndarray,
    steps: Steps,
    report: Callable[[int], None],
    at_border: np.ndarray,
    meets: np.ndarray,
) -> tuple[list[Trace], dict[int, Trace], bool]:
    """Follow the curve from points on it in two directions.

    Args:
        curve: curve of fixed points.
        z: ``(n, n_states + 1)``.
        forward: ``(n, n_states + 1)``, unit tangents of the one direction.
        backward: unit tangents of the other; NaN where there is none.
        steps: lengths and limits.
        report: called with the number of points that were added.
        at_border: ``(n,)`` bool, points at a border of smooth pieces.
        meets: ``(n,)`` bool, points at which other branches begin.

    Returns:
        Traces of the one direction; those of the other by number, none where the first
        came round to the start; whether the keyboard interrupted.
    """
    ahead, stopped = trace(curve, z, forward, steps, report, at_border)
    alone = ~np.isfinite(backward).all(axis=1)
    loops = [one.end == BranchEnd.CLOSED_LOOP for one in ahead]
    again = [k for k in range(len(ahead)) if not (loops[k] or alone[k])]
    place, (low, high) = z[:, -1], curve.path.breaks[[0, -1]]
    at_end = (place <= low) | (place >= high)
    behind = {}
    for k in np.flatnonzero(alone):
        end = BranchEnd.BORDER_BRANCH_POINT if meets[k] else BranchEnd.JUMP
        behind[int(k)] = ahead[k].turned(BranchEnd.END_OF_PATH if at_end[k] else end)
    for k in np.flatnonzero(meets & ~alone):
        ahead[k].meetings.append(ahead[k].z[0])
    if not stopped:
        traces, stopped = trace(
            curve, z[again], backward[again], steps, report, at_border[again]
        )
        behind.update(zip(again, traces, strict=True))
    return ahead, behind, stopped


def join(backward: Trace | None, forward: Trace, time: str):
    """Join both halves of a branch: (z, tangents, signs, eigenvalues), ends, meetings."""
    meetings = forward.meetings + (backward.meetings if backward else [])
    if backward is None:
        one, ends = forward, (forward.end, forward.end)
        parts = (one.z, one.t, one.jacobian_sign, one.eigenvalues)
    else:
        ends = (backward.end, forward.end)
        # Begun at a border, both sides of it are noted where something happens there.
        sides = (
            (-backward.t[0], forward.t[0]),
            (-backward.jacobian_sign[0], forward.jacobian_sign[0]),
            (backward.eigenvalues[0], forward.eigenvalues[0]),
        )
        meets = any((one == forward.z[0]).all() for one in forward.meetings)
        first = None if meets or border_event(*sides, time) else 0
        # Walked the other way a tangent turns round, and with it the determinant.
        parts = (
            backward.z[:first:-1] + forward.z,
            [-t for t in backward.t[:first:-1]] + forward.t,
            [-s for s in backward.jacobian_sign[:first:-1]] + forward.jacobian_sign,
            backward.eigenvalues[:first:-1] + forward.eigenvalues,
        )
    return tuple(np.array(part) for part in parts), ends, meetings


def _with_meetings(found: list[FoundBifurcation], joined: list) -> list[FoundBifurcation]:
    """Add the border branch points at which branches pass or end to the bifurcations."""
    met: list[FoundBifurcation] = []
    for number, (parts, ends, meetings) in enumerate(joined):
        z = parts[0]
        at = [
            k
            for end, k in zip(ends, (0, len(z) - 1), strict=True)
            if end == BranchEnd.BORDER_BRANCH_POINT
        ]
        for place in meetings:
            same = (z == place).all(axis=1)
            at += np.flatnonzero(same[:-1] & same[1:]).tolist()
        continua = [
            one.after
            for one in found
            if one.branch == number and one.bifurcation_type == BifurcationType.CONTINUUM
        ]
        met += [
            FoundBifurcation(
                BifurcationType.BORDER_BRANCH_POINT, number, k, z[k], complex(np.nan)
            )
            for k in sorted(set(at) - set(continua))
        ]
    again = {(one.branch, one.after) for one in met}
    left = [
        one
        for one in found
        if (one.branch, one.after) not in again or one.bifurcation_type not in AT_BORDER
    ]
    return sorted(left + met, key=lambda one: (one.branch, one.after))


def as_branches(
    curve: Curve, joined: list, branch_of_point: np.ndarray, stopped: bool, passed_over=()
) -> Branches:
    """Find the bifurcations of joined traces, and put all into a result."""
    d = curve.d
    empty = (np.zeros((0, d + 1)), np.zeros((0, d + 1)), np.zeros(0), np.zeros((0, d), complex))
    arrays = [parts for parts, _, _ in joined]
    found: list[FoundBifurcation] = []
    stop = Interruption("branches are returned as far as they had been followed")
    if stopped:
        stop.note()
    with stop:
        found = _with_meetings(detect(curve, arrays, passed_over), joined)
    x, s = curve.unpack(np.concatenate([empty[0], *(part[0] for part in arrays)]))
    at = np.array([f.z for f in found]).reshape(len(found), d + 1)
    state, place = curve.unpack(at)
    return Branches(
        s=s,
        inputs=curve.path(s)[0],
        xstar=x,
        eigenvalues=np.concatenate([empty[3], *(part[3] for part in arrays)]),
        lengths=np.array([len(part[0]) for part in arrays], dtype=int),
        ends=tuple(ends for _, ends, _ in joined),
        branch_of_point=branch_of_point,
        bifurcation_types=tuple(f.bifurcation_type for f in found),
        bifurcation_places=np.array([(f.branch, f.after) for f in found], int).reshape(-1, 2),
        bifurcation_s=place,
        bifurcation_inputs=curve.path(place)[0],
        bifurcation_states=state,
        bifurcation_eigenvalues=np.array([f.eigenvalue for f in found], dtype=complex),
        time=curve.system.time,
        state_names=tuple(curve.system.state_names),
        interrupted=stop.came,
    )
