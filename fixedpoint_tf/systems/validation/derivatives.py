r"""Jacobians held against differences of the update itself.

Automatic differentiation believes what each operation says of its own gradient. One that
has none (``tf.numpy_function``), one that hides it (``tf.stop_gradient``, rounding) or one
that claims another (surrogate gradients) makes a Jacobian that is no derivative, and says
nothing. Here products ``J v`` are compared with differences of ``F`` along ``v``
(:mod:`fixedpoint_tf.systems.differentiation.directional`). What disagrees must do so again at
states near by: at a kink, where a point may stand, the Jacobian of either side is right. And
it must do so at a step along which the Jacobian itself hardly changes: differences of a
function that oscillates within a step are no derivatives.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from fixedpoint_tf._utils.chunks import chunks
from fixedpoint_tf.systems.differentiation.autodiff import Autodiff
from fixedpoint_tf.systems.differentiation.directional import LADDERS
from fixedpoint_tf.systems.system import DynamicalSystem
from fixedpoint_tf.systems.validation.derivative_errors import (
    WrongDerivative,
    describe,
    remedy,
    unit_name,
)
from fixedpoint_tf.systems.validation.difference_quotients import (
    confirm,
    disagrees,
    finite_rows,
    image_of,
)

__all__ = ["check_derivatives", "check_jacobian"]

SCALES = (0.01, 0.3, 3.0)  # sizes of states, from nearly linear to saturated
N_STATES = {64: 32, 256: 4}  # states tried at each scale, by their width; 1 beyond
STAIRS = 5  # distinct values that a unit with no derivative may not exceed


def check_derivatives(system: DynamicalSystem, seed: int = 0) -> None:
    """Refuse a system whose Jacobians are not the derivatives of its update.

    Random states and inputs of three scales are tried. A network that is undefined or
    raises an error at some of them is judged by the others.

    Args:
        system: what is checked.
        seed: seed of the states, inputs and directions.

    Raises:
        ValueError: which unit's derivative is wrong.

    Example:
        >>> from fixedpoint_tf import as_system
        >>> check_derivatives(as_system(lambda h, u: tf.tanh(h), n_states=2, n_inputs=0))
    """
    rng = np.random.default_rng(seed)
    n = next((n for width, n in N_STATES.items() if system.n_states <= width), 1)
    x, u = (_probes(rng, n, width) for width in (system.n_states, system.n_inputs))
    scale = np.repeat(SCALES, n)
    for by_input in (False, True):
        width = system.n_inputs if by_input else system.n_states
        if not width:
            continue
        v = rng.normal(size=(len(x), width))
        products = _products(system, x, u, v, by_input)
        doubtful = disagrees(system, x, u, v, products, scale, by_input)
        for wrong in confirm(system, x, u, scale, doubtful, by_input, rng):
            raise ValueError(describe(system, wrong))
        if not by_input:
            _check_stairs(system, x, u, products)


def check_jacobian(
    system: DynamicalSystem,
    x: np.ndarray,
    u: np.ndarray,
    jacobians: np.ndarray,
    input_jacobians: np.ndarray | None = None,
    *,
    scale: np.ndarray | float | None = None,
    unit: np.ndarray | None = None,
    seed: int = 0,
) -> list[WrongDerivative]:
    """Compare Jacobians at given states with differences of the update.

    At a kink the Jacobian of either side is right.

    Args:
        system: whose update is differenced.
        x: states, ``(n, n_states)``.
        u: inputs, ``(n, n_inputs)``.
        jacobians: derivatives by the states there, ``(n, n_states, n_states)``.
        input_jacobians: derivatives by the inputs, ``(n, n_states, n_inputs)``.
        scale: size of the states, ``(n,)`` or a number, to which the steps are relative;
            default: the root of their mean square.
        unit: ``(n_states,)``, unit of each state in which that size is measured; default: the
            same for all.
        seed: seed of the directions.

    Returns:
        The units whose derivatives are wrong, each with one entry of the Jacobian; none
        where all are right.

    Example:
        >>> from fixedpoint_tf import as_system
        >>> system = as_system(lambda h, u: 0.5 * h, n_states=1, n_inputs=0)
        >>> x, u = np.ones((1, 1)), np.zeros((1, 0))
        >>> check_jacobian(system, x, u, np.array([[[0.5]]]))
        []
    """
    if not len(x):
        return []
    rng = np.random.default_rng(seed)
    units = np.ones(x.shape[1]) if unit is None else np.asarray(unit, dtype=np.float64)
    scale = np.broadcast_to(
        _size(x / units) if scale is None else np.asarray(scale, float), (len(x),)
    )
    wrong: list[WrongDerivative] = []
    n_places = 1 + 2 * len(LADDERS["float64"])
    for by_input, given in ((False, jacobians), (True, input_jacobians)):
        if given is None or not given.shape[-1]:
            continue
        per = np.ones(given.shape[-1]) if by_input else units
        v = per * rng.normal(size=(len(x), given.shape[-1]))
        doubtful = np.zeros((len(x), system.n_states), dtype=bool)
        for rows in chunks(len(x), n_places * x.shape[1]):
            products = np.einsum("nij,nj->ni", given[rows], v[rows])
            doubtful[rows] = disagrees(
                system, x[rows], u[rows], v[rows], products, scale[rows], by_input
            )
        for some in confirm(system, x, u, scale, doubtful, by_input, rng, per):
            wrong += some
    return wrong


def _check_stairs(system, x, u, products) -> None:
    """Refuse units that take many values although no derivative is ever anything but 0."""
    image = finite_rows(lambda h: image_of(system, h, np.zeros((1, u.shape[1]))), x)
    known = np.isfinite(image) & np.isfinite(products)
    for unit in np.flatnonzero(((products == 0.0) | ~known).all(axis=0)):
        values = image[known[:, unit], unit]
        n_values = len(np.unique(values))
        if n_values > max(STAIRS, 0.5 * len(values)):
            raise ValueError(
                f"rnn: expected Jacobians of {system.name!r} that are the derivatives of its "
                f"update, received zeros for {unit_name(system, int(unit))} at each of "
                f"{len(values)} states, between which it takes {n_values} values; its "
                f"gradient is cut. {remedy(system)}."
            )


def _probes(rng: np.random.Generator, n: int, width: int) -> np.ndarray:
    """Draw states of three scales, (3 n, width), some of them of one sign."""
    z = rng.normal(size=(len(SCALES), n, width))
    z[:, 1::4], z[:, 3::4] = np.abs(z[:, 1::4]), -np.abs(z[:, 3::4])
    return (z * np.array(SCALES)[:, None, None]).reshape(len(SCALES) * n, width)


def _size(x: np.ndarray) -> np.ndarray:
    """Return the size of each state, the others' or 1 for a state of zero."""
    size = np.sqrt(np.mean(x * x, axis=1))
    largest = size.max(initial=0.0)
    return np.maximum(size, 1e-3 * largest) if largest > 0.0 else np.ones(len(x))


def _products(system, x, u, v, by_input: bool) -> np.ndarray:
    """Return ``J v`` of each row, without the Jacobian of a differentiated network."""
    dtype, equations = system.dtypes[1], system.equations
    w = system.read_weights(dtype)

    def product(rows: np.ndarray) -> np.ndarray:
        h, inputs, vector = (tf.constant(a[rows], dtype) for a in (x, u, v))
        if isinstance(equations, Autodiff):
            return equations.product(w, h, inputs, vector, by_input=by_input).numpy()
        make = equations.input_jacobian if by_input else equations.jacobian
        return tf.linalg.matvec(make(w, h, inputs), vector).numpy()

    rows = np.arange(len(x))[:, None]
    return finite_rows(lambda r: product(r[:, 0]), rows, system.n_states).astype(np.float64)
