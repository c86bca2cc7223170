"""Checks of the initial states and constant inputs of a search."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from fixedpoint_tf._utils.checks import as_numbers, check_rows, shown
from fixedpoint_tf._utils.chunks import map_chunks
from fixedpoint_tf.search.search import Search
from fixedpoint_tf.systems.models.rnn_inputs import LayerArray
from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = ["check_image", "check_resolution", "check_starts"]

logger = logging.getLogger(__name__)

LEAST_RESOLUTION = 1e-4  # of how far states vary about an offset, that must be resolved


def check_starts(
    system: DynamicalSystem, initial_states: Any, inputs: Any, cond_ids: Any, said: set[str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Read the arguments of a search.

    Args:
        system: the network.
        initial_states: ``(n, n_states)``, or nested as the cell has them.
        inputs: ``(1, n_inputs)`` or ``(n, n_inputs)``; None for a network without inputs.
        cond_ids: ``(n,)`` whole numbers, or None.
        said: what has been said once; that constants are those of the RNN layer is added.

    Returns:
        States ``(n, n_states)``, inputs ``(n, n_inputs)`` and labels.

    Raises:
        TypeError, ValueError: an argument is not as described.

    Example:
        >>> from fixedpoint_tf import as_system
        >>> system = as_system(lambda h, u: 0.5 * h + u, n_states=1, n_inputs=1)
        >>> x, u, _ = check_starts(system, [[1.0], [2.0]], [[0.5]], None, set())
        >>> u.tolist()
        [[0.5], [0.5]]
    """
    x = system.layout.pack(initial_states, "initial_states")
    check_rows(x, "initial_states", system.n_states, "n_states")
    if inputs is None and system.n_inputs == 0:
        inputs = np.zeros((1, 0))
    u = as_numbers(inputs, "inputs")
    _check_constant(system, u)
    _say_whose(system, inputs, said)
    if len(u) not in (1, len(x)):
        raise ValueError(
            f"inputs: expected one row, or one for each of the {len(x)} initial states, "
            f"received {len(u)} rows. Search under each input by itself and join the points by "
            "FixedPoints.concatenate, or repeat the initial states for each input."
        )
    u = np.ascontiguousarray(np.broadcast_to(u, (len(x), system.n_inputs)))
    if cond_ids is not None:
        cond_ids = _checked_labels(cond_ids, len(x))
    return x, u, cond_ids


def _checked_labels(cond_ids: Any, n: int) -> np.ndarray:
    """Return the labels of conditions as whole numbers."""
    received = shown(cond_ids)
    try:
        labels = as_numbers(cond_ids, "cond_ids", dtype=None)
        received = f"{labels.dtype} of shape {labels.shape}"
    except TypeError:
        labels = np.zeros(0)
    highest = np.iinfo(np.int64).max
    if labels.shape != (n,) or labels.dtype.kind not in "iu" or (labels > highest).any():
        raise ValueError(
            f"cond_ids: expected whole numbers of shape ({n},), one for each initial state, "
            f"received {received}."
        )
    return labels


def _check_constant(system: DynamicalSystem, u: np.ndarray) -> None:
    """Refuse constant inputs of another width, naming the layers before."""
    path = system.path
    try:
        check_rows(u, "inputs", system.n_inputs, "n_inputs")
    except ValueError as error:
        if u.shape == (system.n_inputs,):
            raise ValueError(f"{error} One constant input is a row: [[...]].") from None
        if path is None or u.shape[-1:] == (system.n_inputs,):
            raise
        raise ValueError(
            f"{error} These are {path.describe()}: finder.rnn_inputs(model_inputs)[:, -1] "
            "translates a constant input of the model."
        ) from None


def _say_whose(system: DynamicalSystem, inputs: Any, said: set[str]) -> None:
    """Warn once that constant inputs are those of the RNN layer, if it matters."""
    path = system.path
    if "whose inputs" in said or path is None or isinstance(inputs, LayerArray):
        return
    between = path.between()
    if between is not None:
        said.add("whose inputs")
        logger.warning(
            "inputs are taken as constants at the RNN layer %r, behind %s; "
            "finder.rnn_inputs(x)[:, -1] translates a constant input x of the model.",
            path.layer.name, between,
        )  # fmt: skip


def check_image(system: DynamicalSystem, x: np.ndarray, u: np.ndarray) -> None:
    """Refuse a network that returns NaN or infinity where the search begins."""
    image = map_chunks(system.step, x, u, shape=x.shape[1:])
    bad = int((~np.isfinite(image)).any(axis=1).sum())
    if bad:
        raise ValueError(
            f"rnn: expected finite new states, received NaN or infinity at {bad} of the "
            f"{len(x)} initial states. Check its weights and the range of the states."
        )


def check_resolution(search: Search, x: np.ndarray) -> None:
    """Refuse states that vary less about an offset than their arithmetic resolves."""
    eps, problem = search.descents.eps, search.problem
    if not problem.origin.any() or eps <= LEAST_RESOLUTION:
        return
    worst = int(np.argmax(np.abs(problem.origin) / problem.scale))
    raise ValueError(
        f"initial_states: expected states whose differences the arithmetic of the network "
        f"resolves, received state {worst} within {np.ptp(x[:, worst]):.1g} about "
        f"{problem.origin[worst]:g}, of which {problem.system.name!r} rounds away {eps:.0e}. "
        "Measure the states from there (subtract it in the equations), or compute in "
        "double precision throughout."
    )
