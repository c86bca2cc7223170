"""Traces: the points of one branch from its start on, and where it ends."""

from __future__ import annotations

import dataclasses

import numpy as np

from fixedpoint_tf.curves.curve import Curve
from fixedpoint_tf.curves.ends import BranchEnd
from fixedpoint_tf.curves.merging import lies_on

__all__ = ["Trace", "append", "closes"]

AT_START = 1e-9  # of the size of the start: nearer to it a trace is closed


@dataclasses.dataclass
class Trace:
    """One branch from its start on: rows of points and tangents, and why it stopped.

    At the points of ``meetings`` more than one branch passes a border of smooth pieces.
    """

    z: list[np.ndarray]
    t: list[np.ndarray]
    jacobian_sign: list[float]
    eigenvalues: list[np.ndarray]
    end: BranchEnd = BranchEnd.MOST_POINTS
    meetings: list[np.ndarray] = dataclasses.field(default_factory=list)

    def beginning(self) -> np.ndarray:
        """Return the start and the next point that is not at the same place, as rows."""
        z = np.array(self.z)
        moved = np.flatnonzero((z != z[0]).any(axis=1))
        return z[[0, *moved[:1]]]

    def drop_unfinished(self) -> None:
        """Drop a last point to which an interruption has left no tangent or eigenvalues."""
        n = min(len(self.z), len(self.t), len(self.jacobian_sign), len(self.eigenvalues))
        del self.z[n:], self.t[n:], self.jacobian_sign[n:], self.eigenvalues[n:]

    def turned(self, end: BranchEnd) -> Trace:
        """Return the start alone, seen the other way, where nothing leads on."""
        begin = ([self.z[0]], [-self.t[0]], [-self.jacobian_sign[0]], [self.eigenvalues[0]])
        return Trace(*begin, end=end)


def closes(curve: Curve, start, first_t, before, new, tangent, piece: int) -> bool:
    """Test for a step that has come through the start, the way that it was left."""
    if not tangent @ first_t > 0.8:
        return False
    distance = np.linalg.norm(new - start)
    if distance < AT_START * (1.0 + np.linalg.norm(start)):  # as at a corner of the path
        return True
    if not ((before - start) @ first_t < 0 and (new - start) @ first_t >= 0):
        return False
    return bool(lies_on(curve, before[None], new[None], start[None], np.array([piece]))[0])


def append(one: Trace, z, t, sign, values, *, closed, beyond, steps, curve) -> bool:
    """Add a point to a trace, and return whether it is the last."""
    if closed:  # end where it began, so that the loop has no gap and no overlap
        z, t, sign, values = one.z[0], one.t[0], one.jacobian_sign[0], one.eigenvalues[0]
    one.z.append(z)
    one.t.append(t)
    one.jacobian_sign.append(sign)
    one.eigenvalues.append(values)
    x = curve.unpack(z[None])[0][0]
    if closed:
        one.end = BranchEnd.CLOSED_LOOP
    elif beyond:
        one.end = BranchEnd.END_OF_PATH
    elif steps.outside(x):
        one.end = BranchEnd.LEFT_BOUNDS
    elif len(one.z) >= steps.max_points:
        one.end = BranchEnd.MOST_POINTS
    else:
        return False
    return True
