r"""Jacobians held against differences of the update itself.

Automatic differentiation believes what each operation says of its own gradient. One that
has none (``tf.numpy_function``), one that hides it (``tf.stop_gradient``, rounding) or one
that claims another (surrogate gradients) makes a Jacobian that is no derivative, and says
nothing. Here products ``J v`` are compared with differences of ``F`` along ``v``
(:mod:`fixedpoint_tf.systems.differentiation.directional`). What disagrees must do so again at
states near
by: at a kink, where a point may stand, the Jacobian of either side is right. And it must do
so at a step along which the Jacobian itself hardly changes: differences of a function that
oscillates within a step are no derivatives.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from fixedpoint_tf._utils.chunks import chunks
from fixedpoint_tf.systems.differentiation.autodiff import Autodiff
from fixedpoint_tf.systems.differentiation.directional import (
    EXACT,
    LADDERS,
    Function,
    differences,
)
from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = [
    "WrongDerivative", "check_derivatives", "check_jacobian", "describe", "listed", "unit_name",
]  # fmt: skip

NEARBY = {"float64": 1e-3, "float32": 1e-2}  # distance of the states of the second look
N_NEARBY = 8  # states beside a doubtful one, of which half must disagree
N_DOUBTFUL = 8  # rows that get a second look
SCALES = (0.01, 0.3, 3.0)  # sizes of states, from nearly linear to saturated
N_STATES = {64: 32, 256: 4}  # states tried at each scale, by their width; 1 beyond
#: Step lengths, relative to a state, a decade apart.
SHORT = {"float64": 10.0 ** -np.arange(3.0, 11.0), "float32": 10.0 ** -np.arange(2.0, 6.0)}
WITHIN = np.array([-1.0, -0.37, 0.0, 0.61, 1.0])  # places along a step
FAR = 1e3  # sizes of a state, beyond which its offset is no part of it
STEADY = 0.05  # relative change of a Jacobian along a step that differences resolve
STAIRS = 5  # distinct values that a unit with no derivative may not exceed
WAY_OUT = (
    "An operation in it has no gradient (tf.numpy_function, tf.py_function, rounding), hides "
    "it (tf.stop_gradient) or claims another one (surrogate, straight-through). Write it "
    "with operations that are differentiated as they are, or give derivatives='differences'"
)


class WrongDerivative(NamedTuple):
    """A unit whose derivative is not what differences give.

    Attributes:
        row: of the states that were asked about.
        unit: index in the flat state of the unit that is differentiated.
        by: index in the flat state, or in the input, of what it is differentiated by.
        by_input: whether ``by`` is an input.
        claimed: the entry of the Jacobian, at a state near that row.
        found: the same by differences.
    """

    row: int
    unit: int
    by: int
    by_input: bool
    claimed: float
    found: float


def check_derivatives(system: DynamicalSystem, seed: int = 0) -> None:
    """Refuse a system whose Jacobians are not the derivatives of its update.

    Random states and inputs of three scales are tried. A network that is undefined or
    raises an error at some of them is judged by the others.

    Args:
        system: what is checked.
        seed: of the states, inputs and directions.

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
        doubtful = _disagrees(system, x, u, v, products, scale, by_input)
        for wrong in _confirm(system, x, u, scale, doubtful, by_input, rng):
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
        seed: of the directions.

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
            doubtful[rows] = _disagrees(
                system, x[rows], u[rows], v[rows], products, scale[rows], by_input
            )
        for some in _confirm(system, x, u, scale, doubtful, by_input, rng, per):
            wrong += some
    return wrong


def describe(system: DynamicalSystem, wrong: list[WrongDerivative]) -> str:
    """Say which derivatives are wrong, and how to mend them."""
    first = max(wrong, key=lambda one: abs(one.claimed - one.found))
    units = [unit_name(system, i) for i in sorted({one.unit for one in wrong})]
    by = sorted({one.by for one in wrong if one.by_input == first.by_input})
    sources = [f"u[{j}]" if first.by_input else unit_name(system, j) for j in by]
    source = f"u[{first.by}]" if first.by_input else unit_name(system, first.by)
    cut = f"by {listed(sources)}" if len(sources) < len(units) else f"of {listed(units)}"
    return (
        f"rnn: expected Jacobians of {system.name!r} that are the derivatives of its update, "
        f"received d {unit_name(system, first.unit)} / d {source} = {first.claimed:.4g}, where "
        f"differences give {first.found:.4g}; the gradient {cut} is cut or wrong. "
        f"{_way_out(system)}."
    )


def _way_out(system: DynamicalSystem) -> str:
    if isinstance(system.equations, Autodiff):
        return WAY_OUT
    return f"Correct the jacobian or input_jacobian of {system.equations}"


def listed(names: list[str]) -> str:
    """Join the first six names of units, and say how many more there are.

    Args:
        names: of units.

    Example:
        >>> listed([f"h[{i}]" for i in range(8)])
        'h[0], h[1], h[2], h[3], h[4], h[5] and 2 more'
    """
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return ", ".join(names[:6]) + more


def _check_stairs(system, x, u, products) -> None:
    """Refuse units that take many values although no derivative is ever anything but 0."""
    image = _finite_rows(lambda h: _step(system, h, np.zeros((1, u.shape[1]))), x)
    known = np.isfinite(image) & np.isfinite(products)
    for unit in np.flatnonzero(((products == 0.0) | ~known).all(axis=0)):
        values = image[known[:, unit], unit]
        n_values = len(np.unique(values))
        if n_values > max(STAIRS, 0.5 * len(values)):
            raise ValueError(
                f"rnn: expected Jacobians of {system.name!r} that are the derivatives of its "
                f"update, received zeros for {unit_name(system, int(unit))} at each of "
                f"{len(values)} states, between which it takes {n_values} values; its "
                f"gradient is cut. {_way_out(system)}."
            )


def _probes(rng: np.random.Generator, n: int, width: int) -> np.ndarray:
    """States of three scales, (3 n, width); some positive and some negative throughout."""
    z = rng.normal(size=(len(SCALES), n, width))
    z[:, 1::4], z[:, 3::4] = np.abs(z[:, 1::4]), -np.abs(z[:, 3::4])
    return (z * np.array(SCALES)[:, None, None]).reshape(len(SCALES) * n, width)


def _size(x: np.ndarray) -> np.ndarray:
    """Size of each state; of a zero one that of the others, or 1."""
    size = np.sqrt(np.mean(x * x, axis=1))
    largest = size.max(initial=0.0)
    return np.maximum(size, 1e-3 * largest) if largest > 0.0 else np.ones(len(x))


def _step(system: DynamicalSystem, h: np.ndarray, u: np.ndarray) -> np.ndarray:
    return system.step(h, u).numpy().astype(np.float64)


def _products(system, x, u, v, by_input: bool) -> np.ndarray:
    """``J v`` of each row, without making the Jacobian of a differentiated network."""
    dtype, equations = system.dtypes[1], system.equations
    w = system.weights(dtype)

    def product(rows: np.ndarray) -> np.ndarray:
        h, inputs, vector = (tf.constant(a[rows], dtype) for a in (x, u, v))
        if isinstance(equations, Autodiff):
            return equations.product(w, h, inputs, vector, by_input=by_input).numpy()
        make = equations.input_jacobian if by_input else equations.jacobian
        return tf.linalg.matvec(make(w, h, inputs), vector).numpy()

    rows = np.arange(len(x))[:, None]
    return _finite_rows(lambda r: product(r[:, 0]), rows, system.n_states).astype(np.float64)


def _finite_rows(function: Function, rows: np.ndarray, width: int | None = None) -> np.ndarray:
    """Values of a function; rows at which it raises an error of TensorFlow are NaN."""
    try:
        return function(rows)
    except tf.errors.OpError:
        values = []
        for row in rows:
            try:
                values.append(function(row[None])[0])
            except tf.errors.OpError:
                values.append(None)
        known = [value for value in values if value is not None]
        n = len(known[0]) if known else width or rows.shape[1]
        return np.stack([np.full(n, np.nan) if value is None else value for value in values])


def _along(system, x, u, by_input: bool) -> tuple[Function, np.ndarray]:
    """The update as a function of states or of inputs, and where it is asked about."""
    fixed, varied = (x, u) if by_input else (u, x)
    m, k = varied.shape

    def function(stencil: np.ndarray) -> np.ndarray:
        rows = np.tile(np.arange(m), len(stencil) // m)

        def step(indexed: np.ndarray) -> np.ndarray:
            moved, still = indexed[:, :k], fixed[indexed[:, k].astype(int)]
            return _step(system, *((still, moved) if by_input else (moved, still)))

        return _finite_rows(step, np.column_stack([stencil, rows]), system.n_states)

    return function, varied


def _disagrees(system, x, u, v, products, scale, by_input) -> np.ndarray:
    """Units of each row whose product is no difference along ``v``, (n, n_states)."""
    function, place = _along(system, x, u, by_input)
    found, tolerance = differences(function, place, v, scale, system.dtypes[1], products)
    known = np.isfinite(found) & np.isfinite(tolerance) & np.isfinite(products)
    with np.errstate(invalid="ignore"):
        close = np.abs(found - products) <= tolerance
    return known.any(axis=0) & ~(close & known).any(axis=0)


def _confirm(
    system, x, u, scale, doubtful, by_input, rng, unit: np.ndarray | float = 1.0
) -> Iterator[list[WrongDerivative]]:
    """Look again at doubtful units, at states near by, with the Jacobian itself."""
    dtype = system.dtypes[1]
    make = system.input_jacobian if by_input else system.jacobian
    count = doubtful.sum(axis=1)
    for row in np.argsort(-count, kind="stable")[: min(N_DOUBTFUL, np.count_nonzero(count))]:
        near, inputs = (np.repeat(a[row : row + 1], N_NEARBY, axis=0) for a in (x, u))
        moved = inputs if by_input else near
        moved += NEARBY[dtype] * scale[row] * unit * rng.normal(size=moved.shape)
        try:
            jacobians = make(near, inputs).numpy().astype(np.float64)
        except tf.errors.OpError:
            continue
        v, sizes = unit * rng.normal(size=moved.shape), np.full(N_NEARBY, scale[row])
        products = np.einsum("nij,nj->ni", jacobians, v)
        again = _disagrees(system, near, inputs, v, products, sizes, by_input)
        again[:, again.mean(axis=0) < 0.5] = False
        if again.any():
            again &= _disagrees_where_steady(system, near, inputs, v, scale[row], by_input)
        at = int(again.sum(axis=1).argmax())
        if again[at].any():
            found = _matrix(
                system, near[at], inputs[at], scale[row] * unit, jacobians[at], by_input
            )
            yield _entries(int(row), jacobians[at], found, again[at], by_input)


def _disagrees_where_steady(system, x, u, v, scale: float, by_input: bool) -> np.ndarray:
    """Units whose difference disagrees at the step along which ``J v`` changes least."""
    dtype = system.dtypes[1]
    make = system.input_jacobian if by_input else system.jacobian
    wrong = np.zeros((len(x), system.n_states), dtype=bool)
    least = np.full(wrong.shape, np.inf)
    for length in SHORT[dtype] * scale:
        places = [
            (x, u + t * length * v) if by_input else (x + t * length * v, u) for t in WITHIN
        ]
        try:
            jacobians = np.stack([make(h, w).numpy().astype(float) for h, w in places])
            claims = np.einsum("pnij,nj->pni", jacobians, v)
            behind, ahead = _step(system, *places[0]), _step(system, *places[-1])
        except tf.errors.OpError:
            continue
        with np.errstate(invalid="ignore", over="ignore"):
            size, change = np.abs(claims).max(axis=0), np.ptp(claims, axis=0)
            largest = np.abs(ahead).max(axis=1) + np.abs(x).max(axis=1, initial=0.0)
            rounding = 8.0 * np.finfo(dtype).eps * largest[:, None] / length
            tolerance = 3.0 * change + EXACT[dtype] * size + rounding
            gap = np.abs((ahead - behind) / (2.0 * length) - claims[2])
            better = (change <= STEADY * size) & (tolerance < least) & np.isfinite(gap)
            # A part in single precision may round away what a long step of that slope makes.
            image = np.minimum(np.abs(ahead), FAR * scale)
            unseen = 8.0 * np.finfo("float32").eps * image / (LADDERS[dtype][0] * scale)
        wrong = np.where(better, gap > np.maximum(tolerance, unseen), wrong)
        least = np.where(better, tolerance, least)
    return wrong


def _matrix(system, x, u, scale, jacobian, by_input) -> np.ndarray:
    """The Jacobian at one state by central differences, ``(n_states, k)``."""
    columns = []
    scale = np.broadcast_to(scale, jacobian.shape[1:])
    n_places = 1 + 2 * len(LADDERS["float64"])
    for some in chunks(jacobian.shape[1], n_places * max(jacobian.shape)):
        v = np.eye(jacobian.shape[1])[some]
        h, inputs = (np.repeat(a[None], len(v), axis=0) for a in (x, u))
        function, place = _along(system, h, inputs, by_input)
        products = jacobian[:, some].T
        found = differences(function, place, v, scale[some], system.dtypes[1], products)
        columns.append(found[0][0])
    return np.concatenate(columns).T


def _entries(row, claimed, found, units, by_input) -> list[WrongDerivative]:
    """List the worst entry of the derivative for each wrong unit."""
    gap = np.nan_to_num(np.abs(found - claimed))
    return [
        WrongDerivative(
            row, int(i), int(j := gap[i].argmax()), by_input, float(claimed[i, j]),
            float(found[i, j]),
        )
        for i in np.flatnonzero(units)
    ]  # fmt: skip


def unit_name(system: DynamicalSystem, index: int) -> str:
    """Name a coordinate of the flat state.

    Args:
        system: the network.
        index: of the coordinate.

    Example:
        >>> from fixedpoint_tf import as_system
        >>> unit_name(as_system(lambda h, u: 0.5 * h, n_states=4, n_inputs=0), 3)
        'h[3]'
    """
    for name, size in system.state_names:
        if index < size:
            return f"{name}[{index}]"
        index -= size
    return f"[{index}]"
