"""Networks of ReLU and linear units: one matrix, and a mask of rectified units."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from fixedpoint_tf._utils.checks import as_booleans, as_numbers, check_whole

__all__ = ["PiecewiseLinear", "stack"]


@dataclasses.dataclass(frozen=True)
class PiecewiseLinear:
    """A network whose fixed points are those of ``y = f(V y + c)``, ``f`` ReLU or linear.

    ``c`` is ``from_input @ u + bias``. The states are the outputs ``y``, or the arguments
    ``V y + c`` of the units, less ``threshold``.

    Attributes:
        recurrent: ``V``, ``(n, n)``.
        from_input: ``(n, n_inputs)``.
        bias: ``(n,)``.
        rectified: ``(n,)`` bool, True for ReLU units.
        n_layers: number of layers of a stack, whose update differs but has the same fixed
            points.
        slope_below: slope below the threshold of the units that are rectified, a number or
            ``(n,)``; not 0: a leaky ReLU.
        threshold: ``(n,)``, for states that are arguments: ``f`` is applied to ``x +
            threshold``, which ``bias`` must include. None: the states are outputs.

    Example:
        >>> # x' = x + (W relu(x + 0.5) + 1 - x) / 10, for which y = relu(W y + 1 + 0.5)
        >>> network = PiecewiseLinear(
        ...     np.array([[-2.0]]), np.zeros((1, 0)), np.array([1.5]), np.ones(1, bool),
        ...     threshold=np.array([0.5]),
        ... )
        >>> network.image(np.array([[0.0]]), np.zeros((1, 0))).tolist()
        [[0.0]]
    """

    recurrent: np.ndarray
    from_input: np.ndarray
    bias: np.ndarray
    rectified: np.ndarray
    n_layers: int = 1
    slope_below: np.ndarray | float = 0.0
    threshold: np.ndarray | None = None

    def __post_init__(self) -> None:
        recurrent = as_numbers(
            self.recurrent, "recurrent", n_axes=(2,), shape="(n, n)", finite=True
        )
        n, square = len(recurrent), recurrent.shape[0] == recurrent.shape[1]
        if not square:
            raise ValueError(f"recurrent: expected shape (n, n), received {recurrent.shape}.")
        check_whole(self.n_layers, "n_layers")
        slope = as_numbers(self.slope_below, "slope_below", finite=True)
        if slope.shape not in ((), (n,)):
            raise ValueError(
                f"slope_below: expected a number or shape (n={n},), received {slope.shape}."
            )
        values = {
            "recurrent": recurrent,
            "from_input": self._of_units("from_input", n, f"(n={n}, n_inputs)", 2),
            "bias": self._of_units("bias", n, f"(n={n},)", 1),
            "rectified": as_booleans(self.rectified, "rectified", (n,), "n"),
        }
        if self.threshold is not None:
            values["threshold"] = self._of_units("threshold", n, f"(n={n},)", 1)
        if slope.ndim:
            values["slope_below"] = slope
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _of_units(self, name: str, n: int, shape: str, n_axes: int) -> np.ndarray:
        """Return a field with a row per unit."""
        return as_numbers(
            getattr(self, name),
            name,
            n_axes=(n_axes,),
            sizes={0: n},
            shape=shape,
            empty=n_axes == 2,
            finite=True,
        )

    @property
    def is_of_outputs(self) -> bool:
        """Test for ReLU or linear units whose outputs are the states."""
        return self.threshold is None and not np.any(self.slope_below)

    def activate(self, z: np.ndarray) -> np.ndarray:
        """Apply ``f`` to arguments ``(m, n)``.

        Args:
            z: arguments ``(m, n)``.
        """
        z = _rows(z, "z", len(self.bias))
        return np.where(self.rectified & (z < 0.0), self.slope_below * z, z)

    def image(self, x: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Return the states at which states ``(m, n)`` would rest if their inputs stayed.

        Args:
            x: states ``(m, n)``.
            u: inputs ``(m, n_inputs)``, or ``(1, n_inputs)`` for all.
        """
        x = _rows(x, "x", len(self.bias))
        u = _rows(u, "u", self.from_input.shape[1])
        if len(u) not in (1, len(x)):
            raise ValueError(
                f"u: expected one row, or one for each of the {len(x)} states, received "
                f"{len(u)}."
            )
        y = x if self.threshold is None else self.activate(x + self.threshold)
        z = y @ self.recurrent.T + u @ self.from_input.T + self.bias
        return self.activate(z) if self.threshold is None else z - self.threshold


def _rows(value: Any, argument: str, width: int) -> np.ndarray:
    """Return rows of a width, possibly none."""
    shape = f"(m, {width})"
    return as_numbers(value, argument, n_axes=(2,), sizes={1: width}, shape=shape, empty=True)


def stack(layers: Sequence[PiecewiseLinear]) -> PiecewiseLinear:
    """Join layers whose states are outputs, each of which takes those of the one below.

    Example:
        >>> one = PiecewiseLinear(np.eye(1), np.full((1, 1), 2.0), np.ones(1), np.ones(1, bool))
        >>> both = stack([one, one])
        >>> both.recurrent.tolist(), both.from_input.tolist()
        ([[1.0, 0.0], [2.0, 1.0]], [[2.0], [0.0]])
    """
    stops = np.cumsum([len(layer.bias) for layer in layers])
    n = int(stops[-1])
    recurrent, from_input = np.zeros((n, n)), np.zeros((n, layers[0].from_input.shape[1]))
    below = slice(0, 0)
    for layer, stop in zip(layers, stops, strict=True):
        units = slice(int(stop) - len(layer.bias), int(stop))
        recurrent[units, units] = layer.recurrent
        if units.start == 0:
            from_input[units] = layer.from_input
        else:
            recurrent[units, below] = layer.from_input
        below = units
    return PiecewiseLinear(
        recurrent,
        from_input,
        np.concatenate([layer.bias for layer in layers]),
        np.concatenate([layer.rectified for layer in layers]),
        sum(layer.n_layers for layer in layers),
        np.concatenate(
            [np.broadcast_to(layer.slope_below, layer.bias.shape) for layer in layers]
        ),
    )
