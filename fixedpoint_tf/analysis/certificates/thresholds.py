r"""Proofs at the thresholds of ReLU units, where one Jacobian says little.

The fixed points of :math:`x = \varphi(V x + c)`, with each unit ReLU or linear, are the
solutions of a linear complementarity problem with the matrix :math:`I - V`: with :math:`y = V x
+ c = z - w`, a ReLU unit has :math:`z, w \ge 0` and :math:`z w = 0`. A stack of such layers has
the fixed points of one layer whose ``V`` is block triangular.

Within a ball around a point only some units ``S`` can cross their thresholds. Extended linearly
beyond the ball, :math:`G(x) = x - \varphi(V x + c)` has :math:`2^{|S|}` linear pieces, with the
matrices :math:`M_s`. It is one-to-one and onto exactly where all :math:`\det M_s` have one
sign (Samelson, Thrall & Wesler 1958, Proc. AMS 9:805; Cottle, Pang & Stone 1992, theorem
3.3.7). Then its inverse has the Lipschitz constant :math:`L = \max_s |M_s^{-1}|`, so that one
fixed point of the extended map lies within :math:`L |G(\bar x)|` of :math:`\bar x`. Where this
is less than the ball, it is a fixed point of the network, and the only one in the ball.

With many units at their thresholds the pieces are not enumerated. With the inverse ``A`` of
the mean of all pieces, :math:`x - A G(x)` contracts where half of the jumps, seen through
``A``, is less than 1 in the Euclidean norm, or entry by entry in spectral radius (Rohn 2012,
for the regularity of interval matrices). That too is sufficient, and not necessary.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from fixedpoint_tf._utils.norms import EPS, gamma, spectral_norms
from fixedpoint_tf.analysis.certificates.codes import CertificateCode
from fixedpoint_tf.analysis.certificates.radii_polynomial import SLACK
from fixedpoint_tf.systems.cells.piecewise_linear import PiecewiseLinear

__all__ = ["Proof", "prove_at_threshold"]

MOST_ENUMERATED = 10  # units at a threshold; beyond it the 2^k pieces are bounded together
_POWER_ITERATIONS = 60  # for the weights: any are valid, better ones make a sharper bound


@dataclasses.dataclass(frozen=True)
class Proof:
    """Proof of existence and uniqueness at one point near thresholds.

    Attributes:
        code: ``certified``, ``border`` (pieces of opposite orientation) or ``kink``.
        existence: radius within which the fixed point lies.
        uniqueness: and no other within this one.
        contracts: the map itself shortens all distances there, so that the point is stable.
    """

    code: CertificateCode
    existence: float = np.nan
    uniqueness: float = np.nan
    contracts: bool = False


def prove_at_threshold(
    network: PiecewiseLinear, x: np.ndarray, u: np.ndarray, reach: float, cap: float
) -> Proof:
    """Decide by all sides whether one fixed point lies near a state.

    Args:
        network: the network.
        x: the state, ``(n,)``.
        u: the input, ``(n_inputs,)``.
        reach: length of the Newton step on the state's own side; units whose thresholds are
            nearer are looked at on both sides, and more where these do not suffice.
        cap: the largest radius of interest.

    Example:
        >>> # h' = relu(-2 h) and h' = relu(2 h): the fixed point 0 is on the threshold.
        >>> relu, rest = np.array([True]), (np.zeros((1, 0)), np.zeros(1))
        >>> falls = PiecewiseLinear(np.array([[-2.0]]), *rest, relu)
        >>> grows = PiecewiseLinear(np.array([[2.0]]), *rest, relu)
        >>> prove_at_threshold(falls, np.zeros(1), np.zeros(0), 0.0, 1e3)
        Proof(code='certified', existence=0.0, uniqueness=1000.0, contracts=False)
        >>> prove_at_threshold(grows, np.zeros(1), np.zeros(0), 0.0, 1e3).code
        'border'
    """
    V = network.recurrent
    n = len(V)
    size = np.abs(V) @ np.abs(x) + np.abs(network.from_input) @ np.abs(u) + np.abs(network.bias)
    # The terms are V x and W u, the rest are additions of their sums.
    error = gamma(n + len(u) + 3) * size
    y = V @ x + network.from_input @ u + network.bias
    z = np.where(network.rectified, np.maximum(y, 0.0), y)
    rounding = error + EPS * (np.abs(z) + np.abs(x))
    residual = float(np.linalg.norm(np.abs(z - x) + rounding)) * (1.0 + SLACK)
    # Only a point that is one to rounding is at a border collision; others are on their way.
    stays = np.linalg.norm(z - x) <= 4.0 * np.linalg.norm(rounding)
    length = np.linalg.norm(V, axis=1) * (1.0 + SLACK)
    with np.errstate(all="ignore"):
        distance = np.maximum(np.abs(y) - error, 0.0) * (1.0 - SLACK) / length
    clear = np.abs(y) > error
    distance = np.where(network.rectified & ~((length == 0.0) & clear), distance, np.inf)
    distance = np.where(np.isnan(distance), 0.0, distance)  # at its threshold, and stays there
    order = np.argsort(distance)
    active = (y > 0.0) | ~network.rectified
    k = int((distance <= reach).sum())
    while k <= n:
        switching = order[:k]
        room = min(float(distance[order[k]]) if k < n else np.inf, cap)
        constant, code = _inverse_bound(V, active, switching)
        if code != CertificateCode.CERTIFIED:
            return Proof(code if stays else CertificateCode.KINK)
        existence = constant * residual * (1.0 + SLACK)
        if existence < room:
            moving = active.copy()
            moving[switching] = True
            contracts = network.n_layers == 1 and spectral_norms(V[None, moving])[0] < 1.0
            alone = room * (1.0 - SLACK) if room < cap else room
            return Proof(CertificateCode.CERTIFIED, existence, alone, bool(contracts))
        if k == n or not np.isfinite(distance[order[k]]) or room >= cap:
            break
        k = int((distance <= max(existence, room)).sum())
    return Proof(CertificateCode.KINK)


def _inverse_bound(
    V: np.ndarray, active: np.ndarray, switching: np.ndarray
) -> tuple[float, CertificateCode]:
    """Bound the Lipschitz constant of the inverse of the extended map, with the code."""
    if len(switching) <= MOST_ENUMERATED:
        return _by_enumeration(V, active, switching)
    return _by_contraction(V, active, switching)


def _by_enumeration(
    V: np.ndarray, active: np.ndarray, switching: np.ndarray
) -> tuple[float, CertificateCode]:
    """Hold the determinants of all pieces against each other."""
    n, k = len(V), len(switching)
    bits = (np.arange(2**k)[:, None] >> np.arange(k)) & 1
    pieces = np.repeat(active[None].astype(np.float64), 2**k, axis=0)
    pieces[:, switching] = bits
    M = np.eye(n) - pieces[:, :, None] * V
    try:
        A = np.linalg.inv(M)
    except np.linalg.LinAlgError:
        return np.nan, CertificateCode.KINK
    size = np.linalg.norm(A, axis=(1, 2))
    whole = np.linalg.norm(M, axis=(1, 2)) + np.sqrt(n)
    defect = np.linalg.norm(np.eye(n) - A @ M, axis=(1, 2)) * (1.0 + gamma(n * n))
    defect += (gamma(n + 2) + gamma(2)) * size * whole
    if not (defect < 0.5).all():
        return np.nan, CertificateCode.KINK
    largest = float((spectral_norms(A) / (1.0 - defect)).max())
    # det M' / det M = 1 - V_j M^-1 e_j, where unit j becomes active.
    opposite = False
    for b in range(k):
        j, some = switching[b], np.flatnonzero(bits[:, b] == 0)
        columns = A[some][:, :, j]
        ratio = 1.0 - columns @ V[j]
        slack = np.linalg.norm(V[j]) * np.linalg.norm(columns, axis=1)
        slack = slack * (defect[some] / (1.0 - defect[some]) + gamma(n + 2)) + 4.0 * EPS
        if not (np.abs(ratio) > 2.0 * slack).all():
            return np.nan, CertificateCode.KINK
        opposite |= bool((ratio < 0.0).any())
    if opposite:
        return np.nan, CertificateCode.BORDER
    return largest, CertificateCode.CERTIFIED


def _by_contraction(
    V: np.ndarray, active: np.ndarray, switching: np.ndarray
) -> tuple[float, CertificateCode]:
    """Bound all pieces together through the inverse of their mean."""
    n = len(V)
    middle = active.astype(np.float64)
    middle[switching] = 0.5
    M = np.eye(n) - middle[:, None] * V
    try:
        A = np.linalg.inv(M)
    except np.linalg.LinAlgError:
        return np.nan, CertificateCode.KINK
    size = float(np.linalg.norm(A))
    defect = float(np.linalg.norm(np.eye(n) - A @ M)) * (1.0 + gamma(n * n))
    defect += (gamma(n + 2) + gamma(2)) * size * (float(np.linalg.norm(M)) + np.sqrt(n))
    norms = spectral_norms(A[None])[0]
    across = spectral_norms(A[None, :, switching])[0]
    kappa = defect + 0.5 * across * spectral_norms(V[None, switching])[0]
    if kappa * (1.0 + SLACK) < 1.0:
        return float(norms / (1.0 - kappa * (1.0 + SLACK))), CertificateCode.CERTIFIED
    # Entry by entry: |x - y| <= (I - B)^-1 |A| |G(x) - G(y)| where B = |A| E + defect.
    B = 0.5 * np.abs(A[:, switching]) @ np.abs(V[switching]) * (1.0 + gamma(n + 2)) + defect
    weight = np.ones(n)
    for _ in range(_POWER_ITERATIONS):
        weight = B @ weight + weight
        weight /= weight.max()
    theta = float((B @ weight / weight).max()) * (1.0 + gamma(n + 4))
    if not theta < 1.0:
        return np.nan, CertificateCode.KINK
    # In the maximum norm with these weights the inverse has the constant below, and the
    # Euclidean one is between them by the extremes of the weights.
    scaled = (np.abs(A) @ weight / weight).max() / (1.0 - theta)
    return float(scaled * np.sqrt(n) / weight.min()) * (1.0 + SLACK), CertificateCode.CERTIFIED
