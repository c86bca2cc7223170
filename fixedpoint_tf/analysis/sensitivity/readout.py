"""Matrix of the readout, from a matrix or a Keras layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from fixedpoint_tf._utils.checks import as_numbers
from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = ["readout_matrix"]


def readout_matrix(readout: Any, system: DynamicalSystem) -> np.ndarray:
    """Return the matrix ``(n_outputs, n_states)`` of an array or of a layer's kernel."""
    if hasattr(readout, "built") and getattr(readout, "kernel", None) is None:
        built = "without a kernel" if readout.built else "that is not built yet: call it once"
        raise ValueError(
            f"readout: expected an array (n_outputs, {system.n_states}) or a built layer with "
            f"a kernel, received {readout.name!r} ({type(readout).__name__}) {built}."
        )
    if hasattr(readout, "kernel"):
        kernel = np.asarray(readout.kernel, dtype=np.float64)
        if kernel.ndim == 2 and kernel.shape[0] != system.n_states:
            kernel = _onto_output(kernel, system)
        weights = kernel.T
    else:
        weights = as_numbers(readout, "readout")
    if weights.ndim != 2 or not len(weights) or weights.shape[1] != system.n_states:
        turned = weights.ndim == 2 and weights.shape[0] == system.n_states
        raise ValueError(
            f"readout: expected shape (n_outputs, {system.n_states}), or be a Keras layer "
            f"that reads the states, received shape {weights.shape}"
            f"{', of which the transpose would do' if turned else ''}."
        )
    if not np.isfinite(weights).all():
        bad = np.count_nonzero(~np.isfinite(weights))
        raise ValueError(
            f"readout: expected finite numbers, received NaN or infinity in {bad} of "
            f"{weights.size} entries."
        )
    return weights


def _onto_output(kernel: np.ndarray, system: DynamicalSystem) -> np.ndarray:
    """Pad the kernel of a cell's output with zeros to one of the whole state."""
    names, sizes = zip(*system.state_names, strict=True)
    prefix = names[-1].rpartition(".")[0]
    output = f"{prefix}.h" if prefix else "h"
    if output not in names or sizes[names.index(output)] != kernel.shape[0]:
        return kernel
    before = sum(sizes[: names.index(output)])
    after = system.n_states - before - kernel.shape[0]
    return np.pad(kernel, ((before, after), (0, 0)))
