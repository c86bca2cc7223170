"""What is asked of the points and the readout before anything is computed at them."""

from __future__ import annotations

from typing import Any

import numpy as np

from fixedpoint_tf.checks import as_numbers, check_finite
from fixedpoint_tf.fixed_points import FixedPoints
from fixedpoint_tf.system import DynamicalSystem

__all__ = ["check_points", "inputs_of", "jacobians", "readout_matrix"]

#: Entries of the Jacobians of one call, which bounds its memory.
_CHUNK = 2**22


def check_points(system: DynamicalSystem, points: Any) -> FixedPoints:
    """Points of this system, at known inputs; or an error that says what is expected."""
    if not isinstance(points, FixedPoints):
        raise TypeError(f"points must be FixedPoints; got {type(points).__name__}.")
    if points.n_states != system.n_states or points.kind != system.kind:
        raise ValueError(
            f"points must be of a {system.kind} system of {system.n_states} states; got "
            f"those of a {points.kind} one of {points.n_states}."
        )
    if points.inputs is None and system.n_inputs:
        raise ValueError("points must have inputs, at which they were found; got None.")
    if inputs_of(points).shape[1] != system.n_inputs:
        raise ValueError(
            f"points must have inputs of width {system.n_inputs}; got {points.n_inputs}."
        )
    if points.n:
        check_finite(points.xstar, "points")
        check_finite(inputs_of(points), "inputs of points")
    return points


def inputs_of(points: FixedPoints) -> np.ndarray:
    """``(n, n_inputs)``; of no width where the points have none."""
    return np.zeros((points.n, 0)) if points.inputs is None else points.inputs


def jacobians(
    system: DynamicalSystem, points: FixedPoints, *, by_input: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """dF/dx and dF/du at the points: those that they carry, else computed in chunks."""
    d, u = system.n_states, inputs_of(points)

    def computed(function: Any, width: int) -> np.ndarray:
        result = np.empty((points.n, d, width))
        chunk = max(1, _CHUNK // (d * max(width, 1)))
        for i in range(0, points.n, chunk):
            rows = slice(i, i + chunk)
            result[rows] = function(points.xstar[rows], u[rows]).numpy()
        return result

    by_state = points.J_xstar if points.J_xstar is not None else computed(system.jacobian, d)
    if not by_input:
        return by_state, np.zeros((points.n, d, 0))
    if points.dFdu is not None:
        return by_state, points.dFdu
    return by_state, computed(system.input_jacobian, system.n_inputs)


def readout_matrix(readout: Any, system: DynamicalSystem) -> np.ndarray:
    """``(n_outputs, n_states)``, from a matrix or from a Keras layer with a kernel."""
    if hasattr(readout, "kernel"):
        kernel = np.asarray(readout.kernel, dtype=np.float64)
        if kernel.ndim == 2 and kernel.shape[0] != system.n_states:
            kernel = _onto_output(kernel, system)
        weights = kernel.T
    else:
        weights = as_numbers(readout, "readout")
    if weights.ndim != 2 or weights.shape[1] != system.n_states:
        raise ValueError(
            f"readout must have shape (n_outputs, {system.n_states}), or be a Keras layer "
            f"that reads the states; got shape {weights.shape}."
        )
    return weights


def _onto_output(kernel: np.ndarray, system: DynamicalSystem) -> np.ndarray:
    """A kernel of the output alone, padded with zeros to one of the whole state.

    A layer after an LSTM sees its h and not its c; after a stack, the h of the last layer.
    Of a cell that is not standard nothing says which state is the output.
    """
    names, sizes = zip(*system.state_names, strict=True)
    prefix = names[-1].rpartition(".")[0]
    output = f"{prefix}.h" if prefix else "h"
    if output not in names or sizes[names.index(output)] != kernel.shape[0]:
        return kernel
    before = sum(sizes[: names.index(output)])
    after = system.n_states - before - kernel.shape[0]
    return np.pad(kernel, ((before, after), (0, 0)))
