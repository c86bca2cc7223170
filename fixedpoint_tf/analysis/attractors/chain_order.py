"""The order, length and drift of slow lines and rings that are known as whole curves."""

from __future__ import annotations

from typing import Any

import numpy as np

from fixedpoint_tf.analysis.attractors.chains import Chain
from fixedpoint_tf.analysis.attractors.group_type import GroupType
from fixedpoint_tf.analysis.attractors.grouping import BRANCHED, NEARLY, ManifoldGrouper, along
from fixedpoint_tf.analysis.attractors.line_or_ring import project_on_path, trace_curve

__all__ = ["examine_chain"]


def examine_chain(sorter: ManifoldGrouper, rows: np.ndarray, chain: Chain) -> dict[str, Any]:
    """Describe a curve that ways out of saddles have traced, and the states that are on it.

    Args:
        sorter: of all points.
        rows: the points of the chain and the slow states that lead to it.
        chain: the chain.

    Returns:
        As :meth:`fixedpoint_tf.analysis.attractors.grouping.ManifoldGrouper.describe`.
    """
    nodes, x = chain.nodes(), sorter.x[rows]
    beyond = not chain.closed and sorter.is_slow[rows].any()
    if beyond:  # states may lie on the line past its outermost attractors
        curve = trace_curve(np.concatenate([nodes[::8], x]), closed=False)
        n = len(nodes[::8])
        coordinate, tangent = curve.coordinate[n:], curve.tangent[n:]
        length, covered = curve.length, curve.covered
    else:
        coordinate, tangent, _ = project_on_path(x, nodes, chain.closed)
        length = float(np.linalg.norm(np.diff(nodes, axis=0), axis=1).sum())
        covered = 1.0
        coordinate = coordinate % length if chain.closed else coordinate
    order = np.argsort(coordinate, kind="stable")
    rows, coordinate, tangent = rows[order], coordinate[order], tangent[order]
    coordinate = coordinate - coordinate[0]
    if beyond:
        drift, between = sorter.drift(rows, tangent, closed=False)
    else:
        at = project_on_path(sorter.x[rows], nodes, chain.closed)[0]
        drift, between = _drift_along(sorter, rows, tangent, at, nodes, chain.closed)
    gaps = np.diff(coordinate, append=length if chain.closed else coordinate[-1])
    gaps = gaps if chain.closed else gaps[:-1]
    typical = float(np.median(gaps))
    on_path = project_on_path(nodes, nodes, chain.closed)[1]
    u = np.broadcast_to(sorter.u[rows[:1]], (len(nodes), sorter.u.shape[1]))
    everywhere = along(sorter.velocity(nodes, u), on_path)
    speeds = np.abs(np.concatenate([drift, between, everywhere]))
    distance = np.abs(sorter.values[rows] - sorter.edge)
    near = (distance <= NEARLY / sorter.min_time_constant).sum(axis=1)[~sorter.is_slow[rows]]
    enough = chain.closed or (len(rows) >= sorter.min_points and covered >= BRANCHED)
    name = GroupType.RING if chain.closed else GroupType.LINE
    return sorter.told(
        rows,
        group_type=name if enough else GroupType.UNCLEAR,
        coordinate=coordinate,
        drift=drift,
        drift_between=between,
        dimension_spectral=int(np.median(near)),
        dimension_local=1,
        length=length,
        gap_ratio=float(gaps.max()) / typical if typical > 0 else np.inf,
        covered=covered,
        largest_drift=float(np.nanmax(speeds)),
        return_time=chain.return_time,
    )


def _drift_along(sorter: ManifoldGrouper, rows, tangent, at, nodes, closed):
    """Return the speed along a known path at the members, and midway to the next."""
    n = len(rows)
    between = np.full(n, np.nan)
    at_members = along(sorter.velocity(sorter.x[rows], sorter.u[rows]), tangent)
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(nodes, axis=0), axis=1))])
    following = np.append(at[1:], at[0] + length[-1])
    following = np.where(following < at, following + length[-1], following)
    middle = (0.5 * (at + following)) % length[-1]
    first = np.arange(n if closed else n - 1)
    places = np.stack([np.interp(middle[first], length, c) for c in nodes.T], axis=1)
    mixed = project_on_path(places, nodes, closed)[1]
    between[first] = along(sorter.velocity(places, sorter.u[rows[first]]), mixed)
    return at_members, between
