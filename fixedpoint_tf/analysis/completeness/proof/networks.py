"""All fixed points of one map, block by block, by the method that fits."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np

from fixedpoint_tf._utils.intervals import Interval
from fixedpoint_tf._utils.norms import spectral_norms
from fixedpoint_tf.analysis.completeness.proof.branch_and_bound import enclose_all
from fixedpoint_tf.analysis.completeness.proof.coordinates import Coordinates
from fixedpoint_tf.analysis.completeness.proof.limits import Limits
from fixedpoint_tf.systems.cells.couplings import independent_blocks
from fixedpoint_tf.systems.cells.fixed_point_map import FixedPointMap

__all__ = ["MOST_VARIABLES", "Proof", "prove_map"]

MOST_PRODUCTS = 100_000  # fixed points of independent blocks together
MOST_VARIABLES = 24  # beyond, cutting boxes ends nowhere, and only a contraction is tried
CONTRACTION_STEPS = 200  # of the iteration to its fixed point; the bound holds after any number


@dataclasses.dataclass(frozen=True)
class Proof:
    """Fixed points of a map, each enclosed alone, and the boxes that are left.

    Attributes:
        outputs: enclosures of the outputs, ``(m, n)``.
        open: boxes of outputs that may hold more, ``(p, n)``.
        n_boxes: boxes that were looked at.
        timed_out: a limit ended it.
        method: in words.
        too_large: no method is there for so many variables.
    """

    outputs: Interval
    open: Interval
    n_boxes: int
    timed_out: bool
    method: str
    too_large: bool = False


def prove_map(network: FixedPointMap, known: np.ndarray, limits: Limits) -> Proof:
    """Enclose all fixed points of a map, block by block where its units fall into blocks.

    Args:
        network: the map.
        known: outputs ``(p, n)`` where fixed points are thought to be.
        limits: limits of the proof.
    """
    units = [np.arange(network.n)]
    if network.is_elementwise:
        units = independent_blocks(network.couplings())
    if len(units) == 1:
        return _prove_block(network, known, limits)
    proofs = []
    for of_block in units:
        some = np.unique(known[:, of_block].round(9), axis=0)
        proofs.append(_prove_block(network.part(of_block), some, limits))
    return _product(network.n, units, proofs)


def _product(n: int, units: list[np.ndarray], proofs: list[Proof]) -> Proof:
    """Combine the fixed points of independent blocks in all ways."""
    counts = [len(proof.outputs.lower) for proof in proofs]
    n_all = int(np.prod([float(count) for count in counts]))
    too_many = n_all > MOST_PRODUCTS
    choices = [] if too_many else list(itertools.product(*map(range, counts)))
    lower, upper = np.zeros((len(choices), n)), np.zeros((len(choices), n))
    for k, (of_block, proof) in enumerate(zip(units, proofs, strict=True)):
        rows = [choice[k] for choice in choices]
        lower[:, of_block] = proof.outputs.lower[rows]
        upper[:, of_block] = proof.outputs.upper[rows]
    # A box left in one block is left beside whatever the others do.
    open_lower, open_upper = [], []
    for of_block, proof in zip(units, proofs, strict=True):
        some = np.full((len(proof.open.lower), n), -np.inf)
        some[:, of_block] = proof.open.lower
        open_lower.append(some)
        some = np.full((len(proof.open.lower), n), np.inf)
        some[:, of_block] = proof.open.upper
        open_upper.append(some)
    methods = sorted({proof.method for proof in proofs})
    return Proof(
        Interval(lower, upper),
        Interval(np.concatenate(open_lower), np.concatenate(open_upper)),
        sum(proof.n_boxes for proof in proofs),
        too_many or any(proof.timed_out for proof in proofs),
        f"{len(units)} independent blocks, each by {' or '.join(methods)}",
        any(proof.too_large for proof in proofs),
    )


def _prove_block(network: FixedPointMap, known: np.ndarray, limits: Limits) -> Proof:
    """Enclose all fixed points of a map whose units do not fall into blocks."""
    coordinates = Coordinates(network)
    contraction = _prove_contraction(network, coordinates)
    if contraction is not None:
        return contraction
    k = len(coordinates.box.lower)
    if k > MOST_VARIABLES:
        none = np.zeros((0, network.n))
        box = Interval(network.lower[None], network.upper[None])
        return Proof(Interval(none, none), box, 0, False, "none", too_large=True)
    found = enclose_all(
        coordinates.enclose,
        coordinates.enclose_linearly,
        coordinates.box,
        coordinates.of(known).centre,
        n_units=network.n,
        limits=limits,
    )
    return Proof(
        coordinates.outputs_at(found.roots),
        coordinates.outputs_at(found.open),
        found.n_boxes,
        found.timed_out,
        f"branch and bound in {k} variable{'s' if k > 1 else ''}",
    )


def _prove_contraction(network: FixedPointMap, coordinates: Coordinates) -> Proof | None:
    """Enclose the one fixed point of a map whose Jacobian has a norm below 1 everywhere."""
    if not network.is_elementwise:
        return None
    whole = Interval(network.lower[None], network.upper[None])
    norm = coordinates.gate_slopes(whole) * float(spectral_norms(network.kernel[None])[0])
    if not norm < 1.0 - 1e-9:
        return None
    h = np.zeros((1, network.n))
    for _ in range(CONTRACTION_STEPS):
        h = np.clip(network.image(Interval.at(h)).centre, network.lower, network.upper)
    # Banach: a fixed point is no farther than the step from here over 1 - norm.
    step = (network.image(Interval.at(h)) - h).size
    radius = float(np.sqrt((step**2).sum()) / (1.0 - norm)) * (1.0 + 1e-9)
    none = np.zeros((0, network.n))
    root = Interval.around(h, np.full_like(h, radius))
    return Proof(root, Interval(none, none), 1, False, "contraction")
