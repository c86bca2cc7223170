"""Linear enclosures of a map over boxes: a matrix times the distance to the centre, a rest."""

from __future__ import annotations

import dataclasses

import numpy as np

from fixedpoint_tf._utils.intervals import Interval
from fixedpoint_tf._utils.norms import gamma

__all__ = ["LinearEnclosure"]


@dataclasses.dataclass(frozen=True)
class LinearEnclosure:
    """Enclosure ``slope @ (x - centre) + rest`` of a map over ``m`` boxes.

    Attributes:
        slope: ``(m, k, k)``, numbers.
        rest: ``(m, k)``.
        of_units: ``(m, n)``, where the rest is their product with ``to`` and ``besides``.
        to: ``(n, k)``.
        besides: ``(m, k)``.
    """

    slope: np.ndarray
    rest: Interval
    of_units: Interval | None = None
    to: np.ndarray | None = None
    besides: Interval | None = None

    def rest_times(self, matrix: np.ndarray) -> Interval:
        """Enclose the product of a matrix with the rest, ``(m, k, k)`` to ``(m, k)``.

        Errors of the units are added up after the product: what they have in common with
        each other's coordinates cancels.
        """
        if self.of_units is None or self.to is None or self.besides is None:
            return Interval.at(matrix).apply(self.rest)
        n, k = self.to.shape
        combined = matrix @ self.to.T  # (m, k, n)
        centre, radius = self.of_units.centre[..., None], self.of_units.radius[..., None]
        slack = gamma(n + k + 8)
        # The product itself is rounded: by no more than that of the absolute values.
        size = np.abs(matrix) @ np.abs(self.to.T)
        spread = np.abs(combined) @ radius * (1.0 + slack)
        spread = spread + slack * (size @ (np.abs(centre) + radius))
        middle = (combined @ centre)[..., 0]
        own = Interval.around(middle, spread[..., 0] * (1.0 + 4.0 * slack) + 1e-300)
        return own + Interval.at(matrix).apply(self.besides)
