"""Guesses of points of a curve from two of its points and the unit tangents there.

The cubic through both points along both tangents (Hermite's) strays from the curve by the
fourth power of their distance, where the tangent alone strays by its square.
"""

from __future__ import annotations

import numpy as np

from fixedpoint_tf.curves.curve import Curve
from fixedpoint_tf.curves.kinks.borders import BESIDE

__all__ = ["ahead", "between", "tangents_within"]

FARTHEST = 2.0  # of a guess ahead, in lengths of the part of the curve that is known
STEEPEST = 0.3  # of the step: a larger bend is no guess


def _cubic(begin, finish, first, last, share):
    """Return the cubic at shares of the way from one point to the other, which may exceed 1."""
    length = np.linalg.norm(finish - begin, axis=1)[:, None]
    r = share[:, None]
    # Newton's form: exact where the points and tangents lie on a line.
    rise = (finish - begin) - length * first
    turn = length * (first + last) - 2.0 * (finish - begin)
    return begin + r * length * first + r**2 * rise + r**2 * (r - 1.0) * turn


def between(
    begin: np.ndarray,
    finish: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    share: np.ndarray,
) -> np.ndarray:
    """Guess points over shares of chords, in the planes at right angles to them.

    Args:
        begin: ``(n, n_states + 1)``.
        finish: the same shape.
        first: unit tangents at ``begin``.
        last: unit tangents at ``finish``.
        share: ``(n,)``, of each chord.

    Returns:
        The shape of ``begin``.
    """
    chord = finish - begin
    squared = np.maximum((chord**2).sum(axis=1, keepdims=True), 1e-300)
    guess = _cubic(begin, finish, first, last, share)
    foot = begin + share[:, None] * chord
    bend = guess - foot
    return foot + bend - (bend * chord).sum(axis=1, keepdims=True) / squared * chord


def ahead(
    before: np.ndarray, here: np.ndarray, earlier: np.ndarray, along: np.ndarray, h: np.ndarray
) -> np.ndarray:
    """Guess points a step ahead, in the planes that the tangent itself leads to.

    Args:
        before: ``(n, n_states + 1)``, the points before; NaN where there is none.
        here: the same shape, the last points.
        earlier: unit tangents at ``before``.
        along: unit tangents at ``here``.
        h: ``(n,)``, lengths of the steps.

    Returns:
        The shape of ``here``.
    """
    guess = here + h[:, None] * along
    length = np.linalg.norm(here - before, axis=1)
    known = np.flatnonzero((length > 0) & (h <= FARTHEST * length))  # false where NaN
    if not len(known):
        return guess
    share = 1.0 + h[known] / length[known]
    cubic = _cubic(before[known], here[known], earlier[known], along[known], share)
    bend = cubic - guess[known]
    bend -= (bend * along[known]).sum(axis=1, keepdims=True) * along[known]
    bend[np.linalg.norm(bend, axis=1) > STEEPEST * h[known]] = 0.0
    guess[known] += bend
    return guess


def tangents_within(
    curve: Curve, begin: np.ndarray, finish: np.ndarray, piece: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return unit tangents at both ends of parts of a curve, inside of any border.

    Args:
        curve: curve of fixed points.
        begin: ``(n, n_states + 1)``, where each part begins.
        finish: the same shape, where it ends.
        piece: ``(n,)`` int, of the path.

    Returns:
        Two arrays of the shape of ``begin``; the chord's own direction where the derivative
        gives none.
    """
    chord = finish - begin
    length = np.maximum(np.linalg.norm(chord, axis=1), 1e-300)[:, None]
    way = chord / length
    inside = np.minimum(0.25 * length, BESIDE * (1.0 + np.linalg.norm(begin, axis=1))[:, None])
    ends = np.concatenate([begin + inside * way, finish - inside * way])
    ways = np.tile(way, (2, 1))
    tangents = curve.tangent(curve.evaluate(ends, np.tile(piece, 2))[1], ways)
    tilted = ~((tangents * ways).sum(axis=1) > 0.5)  # also where it is NaN
    tangents[tilted] = ways[tilted]
    first, last = np.split(tangents, 2)
    return first, last
