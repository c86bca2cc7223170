"""All fixed points of piecewise-linear networks, by every set of active units.

Where the set of active units is given, the map is linear and its fixed point is the solve of
a linear system; it is one of the network if its own active set is the given one. ``2**n``
solves of an n-unit network therefore give all points, in double precision, of the weights
as single precision stores them (Hahnloser, Seung & Slotine 2003; Morrison & Curto 2019). A
point on a kink belongs to several sets and is kept once.
"""

from __future__ import annotations

import dataclasses

import numpy as np

ON_KINK = 1e-9  # how far on the wrong side of a kink rounding may place a point, relative


@dataclasses.dataclass(frozen=True)
class Truth:
    """All fixed points of a network.

    Attributes:
        xstar: (n_points, n_units).
        is_stable: (n_points,), by the Jacobian of the region; meaningless on a kink.
        on_kink: (n_points,), whether a unit's argument is zero there.
        complete: whether these are surely all.
        margin: the least of ``| |eigenvalue| - 1 |`` and of ``|det(I - J)|`` over the points.
    """

    xstar: np.ndarray
    is_stable: np.ndarray
    on_kink: np.ndarray
    complete: bool = True
    margin: float = np.inf


def active_sets(n_units: int) -> np.ndarray:
    """Return all sets of units, (2**n, n), bool."""
    return (np.arange(2**n_units)[:, None] >> np.arange(n_units)) % 2 == 1


def rectified_affine(weights: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return candidates and their arguments for ``h = relu(h W + b)``, ``(2**n, n)`` each.

    A row of ``weights`` holds what one unit sends, as in Keras. Singular sets are left out.
    """
    masks = active_sets(len(bias)).astype(np.float64)
    left = np.eye(len(bias)) - masks[:, :, None] * weights.T
    regular = np.abs(np.linalg.det(left)) > 1e-12
    masks, left = masks[regular], left[regular]
    x = np.linalg.solve(left, (masks * bias)[..., None])[..., 0]
    return x, x @ weights + bias


def affine_of_rates(weights: np.ndarray, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return candidates and their arguments for ``h = relu(h) W + b``, both ``h``."""
    masks = active_sets(len(bias)).astype(np.float64)
    left = np.eye(len(bias)) - weights.T * masks[:, None, :]
    regular = np.abs(np.linalg.det(left)) > 1e-12
    x = np.linalg.solve(left[regular], np.broadcast_to(bias, masks[regular].shape)[..., None])
    return x[..., 0], x[..., 0]


def distinct(points: np.ndarray, tolerance: float = 1e-8) -> np.ndarray:
    """Return rows without repetitions of earlier ones."""
    kept: list[int] = []
    size = max(np.abs(points).max(initial=0.0), 1.0)  # weights are of order one
    for k, x in enumerate(points):
        if all(np.abs(points[j] - x).max() > tolerance * size for j in kept):
            kept.append(k)
    return np.array(kept, dtype=int)


def enumerate_points(weights, bias, form: str, alpha: float = 1.0) -> Truth:
    """Return all fixed points of ``h + alpha (-h + G(h))`` with a piecewise-linear G.

    Args:
        weights: (n, n), as Keras stores a recurrent kernel.
        bias: (n,).
        form: ``"outside"`` for G = relu(h W + b), ``"inside"`` for G = relu(h) W + b.
        alpha: the leak, 1 for a network without.
    """
    w, b = np.asarray(weights, np.float64), np.asarray(bias, np.float64)
    solve = {"outside": rectified_affine, "inside": affine_of_rates}[form]
    x, argument = solve(w, b)
    size = np.abs(argument).max(axis=1, keepdims=True) + np.abs(b).max() + 1e-300
    if form == "outside":
        x = np.where(np.abs(x) <= ON_KINK * size * 1e-3, 0.0, x)  # a silent unit
    value = np.maximum(argument, 0.0) if form == "outside" else np.maximum(x, 0.0) @ w + b
    true = np.abs(value - x).max(axis=1) <= ON_KINK * size[:, 0]
    x, argument, size = x[true], argument[true], size[true]
    keep = distinct(x)
    x, argument, size = x[keep], argument[keep], size[keep]
    on_kink = (np.abs(argument) <= ON_KINK * size).any(axis=1)
    open_units = (argument > 0.0).astype(np.float64)
    inner = open_units[:, :, None] * w.T if form == "outside" else w.T * open_units[:, None, :]
    jacobians = (1.0 - alpha) * np.eye(len(b)) + alpha * inner
    moduli = np.abs(np.linalg.eigvals(jacobians)) if len(x) else np.zeros((0, len(b)))
    singular = np.abs(np.linalg.det(np.eye(len(b)) - inner)) if len(x) else np.zeros(0)
    margin = min(np.abs(moduli - 1.0).min(initial=np.inf), singular.min(initial=np.inf))
    return Truth(x, (moduli < 1.0).all(axis=1), on_kink, True, float(margin))


def compare_points(found: np.ndarray, true: np.ndarray, tolerance: float = 1e-6):
    """Return masks of the true points that were found, and of the found ones that are true."""
    if not len(found) or not len(true):
        return np.zeros(len(true), bool), np.zeros(len(found), bool)
    size = max(np.abs(true).max(), 1.0)
    near = np.abs(found[:, None] - true[None]).max(axis=2) <= tolerance * size
    return near.any(axis=0), near.any(axis=1)
