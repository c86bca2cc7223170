"""Networks of ReLU and linear units: one matrix, and which units are rectified."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

__all__ = ["PiecewiseLinear", "stack"]


@dataclasses.dataclass(frozen=True)
class PiecewiseLinear:
    """A network whose fixed points are those of ``x = f(V x + c)``, ``f`` ReLU or linear.

    Attributes:
        recurrent: ``V``, ``(n, n)``.
        from_input: ``(n, n_inputs)``.
        bias: ``(n,)``.
        rectified: ``(n,)`` bool, the unit is ReLU.
        n_layers: of a stack, whose map is another one with the same fixed points.
    """

    recurrent: np.ndarray
    from_input: np.ndarray
    bias: np.ndarray
    rectified: np.ndarray
    n_layers: int = 1


def stack(layers: Sequence[PiecewiseLinear]) -> PiecewiseLinear:
    """Join layers, each of which takes as input the states of the one below.

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
    )
