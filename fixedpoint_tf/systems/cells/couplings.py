"""Couplings of units in the weights: independent blocks, and numerical rank."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.sparse.csgraph import connected_components

__all__ = ["Couplings", "couplings_of_gates", "independent_blocks", "leading_space", "stack"]


@dataclasses.dataclass(frozen=True)
class Couplings:
    """Weights by which the units of a cell feed each other, gate by gate.

    A unit obeys one equation of what enters its gates, and units of one kind obey the same.

    Attributes:
        kernel: ``(n_units, n_gates, n_units)``, from unit ``i`` to gate ``g`` of unit ``j``.
        from_input: ``(n_inputs, n_gates, n_units)``.
        bias: ``(n_biases, n_gates, n_units)``.
        unit: ``(n_states,)``, the unit to which each state belongs.
        slot: ``(n_states,)``, the number of the state within its unit.
        kind: ``(n_units,)``.
        is_signed: ``(n_gates,)`` boolean, the gate changes sign with its unit where the
            network is odd, as the candidate of a GRU does and its gates do not.
        is_odd: whether the activation is odd.
    """

    kernel: np.ndarray
    from_input: np.ndarray
    bias: np.ndarray
    unit: np.ndarray
    slot: np.ndarray
    kind: np.ndarray
    is_signed: np.ndarray
    is_odd: bool

    def blocks(self, least: float = 0.0) -> list[np.ndarray]:
        """List the units of each block, of which no unit feeds another block.

        Args:
            least: couplings that are no larger count as none.
        """
        return independent_blocks((np.abs(self.kernel) > least).any(axis=1))

    def offset(self, u: np.ndarray) -> np.ndarray:
        """Return each gate's input besides the units, ``(n_biases + 1, n_gates, n_units)``.

        Args:
            u: the constant input, ``(n_inputs,)``.
        """
        return np.concatenate([self.bias, np.tensordot(u, self.from_input, axes=1)[None]])


def couplings_of_gates(
    weights: Sequence[np.ndarray], activation: str, is_signed: Sequence[bool], n_each: int = 1
) -> Couplings:
    """Read the couplings of a cell whose weights stand gate after gate.

    Args:
        weights: ``(n_inputs, g n)`` of the inputs, ``(n, g n)`` of the units, and biases
            ``(g n,)``.
        activation: its name.
        is_signed: see :class:`Couplings`.
        n_each: states of a unit, all first ones before all second ones.

    Example:
        >>> weights = np.ones((1, 2)), np.eye(2), np.zeros(2)
        >>> [block.tolist() for block in couplings_of_gates(weights, "tanh", [True]).blocks()]
        [[0], [1]]
    """
    kernel, recurrent, *biases = weights
    n, n_gates = len(recurrent), len(is_signed)
    return Couplings(
        kernel=recurrent.reshape(n, n_gates, n),
        from_input=kernel.reshape(-1, n_gates, n),
        bias=np.stack(biases).reshape(-1, n_gates, n),
        unit=np.tile(np.arange(n), n_each),
        slot=np.repeat(np.arange(n_each), n),
        kind=np.zeros(n, dtype=int),
        is_signed=np.array(is_signed),
        is_odd=activation in ("tanh", "linear"),
    )


def stack(layers: Sequence[Couplings]) -> Couplings:
    """Join layers, each of which takes as input the outputs of the one below.

    Example:
        >>> one = couplings_of_gates((np.eye(2), np.eye(2), np.zeros(2)), "tanh", [True])
        >>> [block.tolist() for block in stack([one, one]).blocks()]
        [[0, 2], [1, 3]]
    """
    n_units = sum(len(layer.kind) for layer in layers)
    # Each layer has gates of its own, and beside them what enters these from below.
    n_gates = 2 * sum(len(layer.is_signed) for layer in layers)
    kernel = np.zeros((n_units, n_gates, n_units))
    from_input = np.zeros((len(layers[0].from_input), n_gates, n_units))
    bias = np.zeros((max(len(layer.bias) for layer in layers), n_gates, n_units))
    first_unit, first_gate, below = 0, 0, slice(0, 0)
    for k, layer in enumerate(layers):
        units = slice(first_unit, first_unit + len(layer.kind))
        own = slice(first_gate, first_gate + len(layer.is_signed))
        outer = slice(own.stop, own.stop + len(layer.is_signed))
        kernel[units, own, units] = layer.kernel
        if k:
            kernel[below, outer, units] = layer.from_input
        else:
            from_input[:, outer, units] = layer.from_input
        bias[: len(layer.bias), own, units] = layer.bias
        first_unit, first_gate, below = units.stop, outer.stop, units
    n_below = np.cumsum([0, *(len(layer.kind) for layer in layers)])[:-1]
    return Couplings(
        kernel,
        from_input,
        bias,
        np.concatenate([n + layer.unit for n, layer in zip(n_below, layers, strict=True)]),
        np.concatenate([layer.slot for layer in layers]),
        np.repeat(np.arange(len(layers)), [len(layer.kind) for layer in layers]),
        np.concatenate([np.tile(layer.is_signed, 2) for layer in layers]),
        all(layer.is_odd for layer in layers),
    )


def independent_blocks(coupled: np.ndarray) -> list[np.ndarray]:
    """List the units of each block of a network, of which no unit feeds another block.

    Args:
        coupled: ``(n, n)`` boolean, which unit feeds which.

    Example:
        >>> [block.tolist() for block in independent_blocks(np.eye(3)[[1, 0, 2]] > 0.0)]
        [[0, 1], [2]]
    """
    n_blocks, block = connected_components(coupled, directed=False)
    return [np.flatnonzero(block == k) for k in range(n_blocks)]


def leading_space(kernel: np.ndarray, left_out: float) -> np.ndarray:
    """Return the space of states that a network distinguishes, up to small weights.

    Args:
        kernel: ``(n, m)``, through which the states enter.
        left_out: share of the largest singular value up to which others are left out.

    Returns:
        An orthonormal basis, ``(n, rank)``.

    Example:
        >>> leading_space(np.outer([3.0, 4.0], [1.0, 2.0]), 1e-6).shape
        (2, 1)
    """
    left, values, _ = np.linalg.svd(kernel, full_matrices=False)
    return left[:, values > left_out * values[:1].sum()]
