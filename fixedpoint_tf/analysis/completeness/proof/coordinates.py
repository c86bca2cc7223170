r"""Coordinates in which fixed points are enclosed, few for networks of low rank.

With the outputs ``h`` entering through ``h K`` alone and ``K = P Q + E``, ``P`` of ``r``
columns and ``E`` small (the weights that training leaves are low in rank only nearly), the
fixed points of :math:`h = g(h K + b)` correspond to those of

.. math:: \kappa = H(\kappa) = h(\kappa) P, \qquad h(\kappa) = g(\kappa Q + h(\kappa) E + b),

one to one while ``h(kappa)`` is unique, that is :math:`|G| |E| < 1` for the slopes ``G`` of
``g``. ``E`` enters the values of ``H`` as an interval, and its derivatives by a bound of the
norm of what is left out.
"""

from __future__ import annotations

import numpy as np

from fixedpoint_tf._utils.affine import Affine
from fixedpoint_tf._utils.duals import Dual
from fixedpoint_tf._utils.intervals import Interval
from fixedpoint_tf._utils.norms import EPS, gamma, spectral_norms
from fixedpoint_tf.systems.cells.couplings import leading_space
from fixedpoint_tf.systems.cells.fixed_point_map import FixedPointMap
from fixedpoint_tf.systems.enclosures.linear import LinearEnclosure

__all__ = ["Coordinates"]

LEFT_OUT = 1e-5  # singular values below this share of the largest may be left out
_TINY = np.finfo(np.float64).tiny  # covers what underflow can lose
MOST_COORDINATES = 6  # beyond, all outputs cost less than the looser enclosures


class Coordinates:
    """The map of a network in coordinates ``(k,)``, enclosed over boxes of them.

    Args:
        network: the map of the outputs.
    """

    def __init__(self, network: FixedPointMap):
        self.network = network
        kernel = network.kernel
        self.to = np.eye(network.n)
        self.back, self.left_out = kernel, Interval.at(np.zeros(kernel.shape[1]))
        self.by_left_out = 0.0
        box = Interval(network.lower, network.upper)
        if network.is_elementwise:
            self._reduce(kernel, box)
        self.box = Interval(box.lower[None], box.upper[None]).matmul(self.to)[0]
        self.is_reduced = self.to.shape[1] < network.n
        # Slopes of one gate of each unit are sums over the units of a slope times these.
        self.is_single = self.is_reduced and network.n_gates == 1
        k = self.to.shape[1]
        self.by_slopes = np.empty((0, k * k))
        if self.is_single:
            self.by_slopes = (self.to[:, :, None] * self.back.T[:, None]).reshape(-1, k * k)

    def _reduce(self, kernel: np.ndarray, box: Interval) -> None:
        """Take fewer coordinates where the kernel is of low rank, nearly."""
        n = len(kernel)
        to = leading_space(kernel, LEFT_OUT)
        if not 0 < to.shape[1] <= min(MOST_COORDINATES, n - 1):
            return
        back = to.T @ kernel
        rest = Interval.at(kernel) - Interval.at(to).matmul(back)
        radius = box.size @ rest.size * (1.0 + 1e-12)
        norm_rest, norm_to, norm_back = (
            float(spectral_norms(m[None])[0]) for m in (rest.size, to, back)
        )
        self.to, self.back = to, back
        self.left_out = Interval(-radius, radius)
        everywhere = Interval(box.lower[None], box.upper[None]).matmul(to)
        slopes = self._slopes_at(everywhere)
        shrinks = slopes * norm_rest
        if not shrinks < 0.5:
            self.to, self.back = np.eye(n), kernel
            self.left_out = Interval.at(np.zeros(kernel.shape[1]))
            return
        moved = slopes * norm_back / (1.0 - shrinks)
        self.by_left_out = norm_to * slopes * norm_rest * moved * (1.0 + 1e-9)

    def gate_slopes(self, box: Interval) -> float:
        """Bound the norm of the slopes of elementwise gates by their arguments.

        Args:
            box: box of outputs, ``(1, n)``.
        """
        return self._norm_of_slopes(box.matmul(self.network.kernel))

    def _slopes_at(self, box: Interval) -> float:
        """Return the norm of the slopes within a box of coordinates."""
        return self._norm_of_slopes(box.matmul(self.back) + self.left_out)

    def _norm_of_slopes(self, products: Interval) -> float:
        n, n_gates = self.network.n, self.network.n_gates
        unit = np.repeat(np.eye(n_gates), n, axis=0)[None]
        arguments = Dual(products + self.network.offset, Interval(unit, unit))
        slope = self.network.gates(arguments).slope
        return float(np.sqrt((slope.size**2).sum(axis=-1)).max()) * (1.0 + 1e-12)

    def outputs(self, at: Interval) -> Dual:
        """Enclose the outputs, and their derivatives but for what is left out."""
        inner = Dual.coordinates(at).matmul(self.back)
        return self.network.gates(inner + self.left_out + self.network.offset)

    def enclose(self, box: Interval) -> tuple[Interval, Interval]:
        """Enclose the map and its derivatives over boxes.

        Args:
            box: ``(m, k)``.

        Returns:
            The values ``(m, k)`` and the derivatives ``(m, k, k)``.
        """
        if self.is_single:
            value, slope = self._enclose_single(box)
        else:
            image = self.outputs(box)
            image = image.matmul(self.to) if self.is_reduced else image
            value, slope = image.value, image.slope
        spread = self.by_left_out
        if spread:
            slope = slope + Interval(np.array(-spread), np.array(spread))
        return value, slope

    def _enclose_single(self, box: Interval) -> tuple[Interval, Interval]:
        """Enclose single-gate units, from one slope of each unit."""
        m, k = box.lower.shape
        arguments = box.matmul(self.back) + (self.left_out + self.network.offset)
        one = Interval.at(np.ones((*arguments.lower.shape, 1)))
        image = self.network.gates(Dual(arguments, one))
        slope = image.slope[..., 0].matmul(self.by_slopes)
        rounding = 2.0 * EPS * (image.slope.size[..., 0] @ np.abs(self.by_slopes)) + _TINY
        slope = slope + Interval(-rounding, rounding)
        shape = m, k, k
        slope = Interval(slope.lower.reshape(shape), slope.upper.reshape(shape))
        return image.value.matmul(self.to), slope

    def enclose_linearly(self, box: Interval) -> LinearEnclosure:
        """Enclose the map over boxes by linear functions of the distance to their centres.

        Args:
            box: ``(m, k)``.
        """
        if self.is_single:
            return self._enclose_single_linearly(box)
        inner = Affine.coordinates(box.centre, box.radius).matmul(self.back)
        image = self.network.gates(inner + self.left_out + self.network.offset)
        image = image.matmul(self.to) if self.is_reduced else image
        return LinearEnclosure(image.slope, image.rest)

    def _enclose_single_linearly(self, box: Interval) -> LinearEnclosure:
        """Enclose single-gate units linearly, in the argument of each unit."""
        m, k = box.lower.shape
        centre, radius = box.centre, box.radius
        rest = Interval.at(centre).matmul(self.back) + (self.left_out + self.network.offset)
        slack = 1.0 + gamma(k + 4)
        reach = (radius @ np.abs(self.back)) * slack + _TINY
        n = self.network.n
        flat = Interval(rest.lower.reshape(-1, 1), rest.upper.reshape(-1, 1))
        spread = reach.reshape(-1, 1)
        arguments = Affine(
            spread, np.ones((m * n, 1, 1)), flat, flat + Interval(-spread, spread)
        )
        image = self.network.gates(arguments)
        slope = image.slope.reshape(m, n)
        left = Interval(image.rest.lower.reshape(m, n), image.rest.upper.reshape(m, n))
        size = (np.abs(slope) @ np.abs(self.by_slopes)).reshape(m, k, k)
        rounding = gamma(n + 6) * (size @ radius[..., None])[..., 0] * slack + _TINY
        slopes = (slope @ self.by_slopes).reshape(m, k, k)
        besides = Interval(-rounding, rounding)
        return LinearEnclosure(slopes, left.matmul(self.to) + besides, left, self.to, besides)

    def of(self, h: np.ndarray) -> Interval:
        """Enclose the coordinates of outputs ``(m, n)``."""
        return Interval.at(h).matmul(self.to)

    def outputs_at(self, box: Interval) -> Interval:
        """Enclose the outputs at fixed points within boxes, ``(m, k)`` to ``(m, n)``."""
        return self.outputs(box).value
