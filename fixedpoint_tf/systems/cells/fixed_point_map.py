r"""Maps with the same fixed points as a cell, in fewer variables and with narrower enclosures.

A fixed point of a GRU, :math:`h = z \odot h + (1 - z) \odot c` with :math:`z < 1`, is one of
:math:`h = c`: the update gate drops out. One of an LSTM has :math:`c = i \odot g / (1 - f)`,
so that the outputs alone remain. What is left is an elementwise function of products of the
outputs with a matrix, which intervals enclose well.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from fixedpoint_tf._utils.affine import Affine
from fixedpoint_tf._utils.checks import (
    as_numbers,
    check_function,
    check_instance,
    check_switch,
)
from fixedpoint_tf._utils.duals import Dual
from fixedpoint_tf._utils.intervals import Interval

__all__ = ["Enclosure", "FixedPointMap"]

#: What the gates of a cell are written for: both kinds of enclosures have the same operations.
Enclosure = TypeVar("Enclosure", Dual, Affine)


@dataclasses.dataclass(frozen=True)
class FixedPointMap:
    r"""The map :math:`h \mapsto g(h K + b)` of outputs within a box that it maps into itself.

    Attributes:
        kernel: ``K``, ``(n, n_gates * n)``, gate by gate; exact.
        offset: ``b``, ``(n_gates * n,)``, with the constant input in it.
        gates: ``g``: from ``(m, n_gates * n)`` to ``(m, n)``. Where ``is_elementwise``, unit
            ``j`` takes only the columns ``j``, ``n + j``, ... .
        lower: ``(n,)``.
        upper: ``(n,)``; every value of the map is within the box.
        lift: from outputs to the whole state of the cell, ``(m, n)`` to ``(m, n_states)``,
            enclosed.
        is_elementwise: see ``gates``.

    Example:
        >>> recurrent = np.array([[2.0, 0.0], [0.0, 0.5]])
        >>> network = FixedPointMap(
        ...     kernel=recurrent,
        ...     offset=Interval.at(np.zeros(2)),
        ...     gates=lambda a: a.activate("tanh"),
        ...     lower=-np.ones(2),
        ...     upper=np.ones(2),
        ...     lift=lambda h: h,
        ... )
        >>> network.image(Interval.at(np.array([[0.0, 1.0]]))).centre.round(4).tolist()
        [[0.0, 0.4621]]
    """

    kernel: np.ndarray
    offset: Interval
    gates: Callable[[Any], Any]
    lower: np.ndarray
    upper: np.ndarray
    lift: Callable[[Interval], Interval]
    is_elementwise: bool = True

    def __post_init__(self) -> None:
        kernel = as_numbers(
            self.kernel, "kernel", n_axes=(2,), shape="(n, n_gates * n)", finite=True
        )
        n = len(kernel)
        if kernel.shape[1] % n:
            raise ValueError(
                f"kernel: expected shape (n, n_gates * n), received {kernel.shape}."
            )
        object.__setattr__(self, "kernel", kernel)
        for side in ("lower", "upper"):
            array = as_numbers(
                getattr(self, side),
                side,
                n_axes=(1,),
                sizes={0: n},
                shape=f"(n={n},)",
                finite=True,
            )
            object.__setattr__(self, side, array)
        if (self.lower > self.upper).any():
            raise ValueError("upper: expected a box with no side below lower, received one.")
        check_instance(self.offset, "offset", Interval)
        if self.offset.lower.shape[-1:] != kernel.shape[1:]:
            raise ValueError(
                f"offset: expected shape (n_gates * n,) = {kernel.shape[1:]}, received "
                f"{self.offset.lower.shape}."
            )
        check_function(self.gates, "gates", of=" of what enters the units")
        check_function(self.lift, "lift", of=" of outputs")
        check_switch(self.is_elementwise, "is_elementwise")

    @property
    def n(self) -> int:
        """Number of outputs."""
        return len(self.lower)

    @property
    def n_gates(self) -> int:
        """Number of products that enter a unit."""
        return self.kernel.shape[1] // self.n

    def image(self, h: Interval) -> Interval:
        """Enclose the map at outputs ``(m, n)``.

        Args:
            h: outputs ``(m, n)``.
        """
        check_instance(h, "h", Interval)
        arguments = h.matmul(self.kernel) + self.offset
        return self.gates(Dual.constants(arguments)).value

    def _numbers(self, units: Any) -> np.ndarray:
        """Return numbers of units."""
        array = as_numbers(
            units, "units", dtype=None, n_axes=(1,), shape="(m,)", low=0, high=self.n - 1
        )
        if array.dtype.kind not in "iu":
            raise TypeError(f"units: expected whole numbers, received {array.dtype}.")
        return array

    def columns(self, units: np.ndarray) -> np.ndarray:
        """List the columns of the kernel that enter some units.

        Args:
            units: numbers of the units, ``(m,)``.
        """
        units = self._numbers(units)
        return (np.arange(self.n_gates)[:, None] * self.n + units).ravel()

    def couplings(self) -> np.ndarray:
        """Test which output enters which, ``(n, n)``."""
        return (self.kernel.reshape(self.n, self.n_gates, self.n) != 0.0).any(axis=1)

    def part(self, units: np.ndarray) -> FixedPointMap:
        """Return the map of units that receive no input from others.

        Args:
            units: their numbers, ``(m,)``.
        """
        units = self._numbers(units)
        columns = self.columns(units)
        return dataclasses.replace(
            self,
            kernel=self.kernel[np.ix_(units, columns)],
            offset=self.offset[columns],
            lower=self.lower[units],
            upper=self.upper[units],
        )
