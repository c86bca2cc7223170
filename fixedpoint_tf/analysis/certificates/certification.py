"""``certify``: existence, uniqueness and distance of a true fixed point near each point."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from tqdm import tqdm

from fixedpoint_tf._utils.checks import (
    check_finite,
    check_fits,
    check_number,
    check_seed,
    check_switch,
    check_whole,
)
from fixedpoint_tf._utils.chunks import chunk_size, chunks
from fixedpoint_tf._utils.interruption import Interruption
from fixedpoint_tf.analysis.certificates.codes import CertificateCode
from fixedpoint_tf.analysis.certificates.precision import working_precision
from fixedpoint_tf.analysis.certificates.proofs import Prover, Verdict, has_closed_form
from fixedpoint_tf.analysis.certificates.result import Certificates
from fixedpoint_tf.analysis.certificates.same_point import compare_points, shrink_to_others
from fixedpoint_tf.analysis.certificates.units import in_units, unequal_sizes
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.fixed_points.status import Status
from fixedpoint_tf.systems.at_points import check_one_set, given_inputs
from fixedpoint_tf.systems.convert import system_of
from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = ["certify"]

#: Points that are examined at once, and are lost together by an interruption.
_MOST_AT_ONCE = 64
_AT_ZERO = 1e-9, 1e-15  # sizes that are zero: of those of the starts, and where none are known


def certify(
    system: Any,
    points: Any,
    *,
    inputs: Any = None,
    n_directions: int = 8,
    safety: float = 2.0,
    seed: int = 0,
    verbose: bool = False,
) -> Certificates:
    """Prove that a true fixed point of the system lies at each point, or say why not.

    A *proof* is given for cells in closed form, see below. Of any other system only *support by
    samples* can be had, which the answer keeps apart from proofs in every word.

    A small speed does not make a fixed point. Here the Newton-Kantorovich theorem is applied
    in the form of radii polynomials (``analysis/certificates/radii_polynomial.py``):
    the Newton step must be short against how fast the Jacobian turns around the point. Then
    exactly one true fixed point lies within ``uniqueness_radius``, and it lies within
    ``existence_radius``. A slow point cannot pass.

    For Keras's SimpleRNN, GRU (both resets), LSTM and stacks of them, with tanh, sigmoid,
    ReLU or linear activations, the change of the Jacobian is bounded in closed form
    (``systems/cells/``), and so are the rounding errors of the residual and of the Jacobian;
    a cell of your own joins them with :func:`fixedpoint_tf.systems.cells.register_cell`.
    Networks with ReLU are linear or smooth between thresholds: their balls end at the nearest
    one. Around a point at a threshold, the Jacobians on all sides decide (``thresholds.py``).

    Any other system is *sampled* (``sampled_variation.py``), kinks
    included: a ball is no larger than the radius within which samples in all directions show
    the Jacobian change by less than half of what could hide a second fixed point. Rounding
    errors are those of the floating type in which the function computes, float32 where it
    does. Where the sizes of the states differ by more than a factor of 64 each is measured in
    its own.

    The proof holds for the network with its weights as stored, given two assumptions about
    the machine: sums and products are those of IEEE 754 double precision, in any order,
    with tanh and sigmoid within 16 units in the last place; and LAPACK finds the largest
    eigenvalue of a symmetric matrix to within ``8 n^2`` units of roundoff.

    Args:
        system: anything that :func:`fixedpoint_tf.as_system` takes.
        points: a :class:`~fixedpoint_tf.FixedPoints` with its ``inputs``, or states
            ``(n, n_states)`` (nested as the cell has them).
        inputs: ``(1, n_inputs)`` or ``(n, n_inputs)``; default: those of the points.
        n_directions: above 8, the number of samples grows in proportion (sampled systems
            only).
        safety: factor on the largest change that samples meet, at least 1.
        seed: seed of the samples.
        verbose: show a progress bar.

    Returns:
        A certificate for each point. After Ctrl-C, the points not examined by then have the
        code ``interrupted``.

    Raises:
        TypeError, ValueError: an argument is not as described.

    Cost: a handful of ``n_states^3`` operations a point and about 8 largest eigenvalues of
    ``n_states x n_states`` matrices, and an eigen-decomposition, the largest part, where the
    points do not carry theirs; sampled systems: up to some 2,000 Jacobians a point instead,
    fewer where they have more than 4,096 entries.

    Example:
        >>> import keras
        >>> cell = keras.layers.SimpleRNNCell(2)
        >>> cell.build((None, 1))
        >>> cell.set_weights([np.zeros((1, 2)), np.diag([0.5, 2.0]), np.zeros(2)])
        >>> answer = certify(cell, [[0.0, 0.0], [0.0, 0.95750402], [0.0, 0.5]], inputs=[[0.0]])
        >>> answer.certified.tolist()
        [True, True, False]
        >>> answer.codes[2], answer.n_unstable.tolist()
        ('slow_point', [1, 0, -1])
    """
    system = system_of(system)
    x, u, status = _check_points(system, points, inputs)
    n_directions = check_whole(n_directions, "n_directions")
    check_fits("n_directions", n_directions, n_directions, system.n_states)
    safety = check_number(safety, "safety", 1.0, closed="low")
    check_switch(verbose, "verbose")
    rng = np.random.default_rng(check_seed(seed))
    closed = has_closed_form(system)
    units = None if closed else unequal_sizes(x, getattr(points, "x_init", None))
    if units is not None:
        system, x = in_units(system, units), x / units
    precision, verdicts = "float64" if closed else system.dtypes[1], list[Verdict]()
    # The samples of a chunk are drawn together: another number draws others.
    size = min(chunk_size(system.n_states**2, copies=64), _MOST_AT_ONCE)
    stop = Interruption("the points not examined by then have the code 'interrupted'")
    with (
        tqdm(total=len(x), desc="certificates", unit="point", disable=not verbose) as bar,
        stop,
    ):
        if not closed:
            precision = working_precision(system, x, u, rng)
        scale = _size_of_states(x, getattr(points, "x_init", None), units)
        prover = Prover(system, rng, int(n_directions), float(safety), precision, scale)
        modes = _modes(points) if units is None else None
        for some in chunks(len(x), size=size):
            known = None if modes is None else tuple(array[some] for array in modes)
            verdicts.append(prover.prove(x[some], u[some], known))
            bar.update(len(verdicts[-1].code))

    def answer() -> Certificates:
        found = _joined(verdicts, len(x))
        return _certificates(
            system, x, u, status, found, closed, precision, safety, units, stop.came
        )

    return stop.complete(answer)


def _certificates(
    system: DynamicalSystem,
    x: np.ndarray,
    u: np.ndarray,
    status: np.ndarray,
    columns: dict[str, np.ndarray],
    closed: bool,
    precision: str,
    safety: float,
    units: np.ndarray | None,
    interrupted: bool,
) -> Certificates:
    """Build the certificates, and join examined points that are the same."""
    codes = columns.pop("code")
    # A residual that rounding cannot explain, with no fixed point near: the state moves on.
    moves = columns["residual"] > 10.0 * columns["rounding"]
    moves |= status == Status.SLOW_POINT
    codes[(codes == CertificateCode.RESIDUAL) & moves] = CertificateCode.SLOW_POINT
    certified = (codes == CertificateCode.CERTIFIED) | (codes == CertificateCode.SUPPORTED)
    nearest, same_as, n_distinct = compare_points(
        x, u, certified, columns["existence_radius"], columns["uniqueness_radius"]
    )
    if not closed:
        columns["uniqueness_radius"] = shrink_to_others(
            x, u, same_as, columns["existence_radius"], columns["uniqueness_radius"]
        )
    return Certificates(
        certified=certified,
        codes=codes.tolist(),
        same_as=same_as,
        n_distinct=n_distinct,
        nearest=nearest,
        method="closed form" if closed else "sampled",
        precision=precision,
        safety=1.0 if closed else float(safety),
        time=system.time,
        interrupted=interrupted,
        units=units,
        **columns,
    )


def _check_points(
    system: DynamicalSystem, points: Any, inputs: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return states, inputs and status of each point, checked."""
    status, given = None, inputs
    if isinstance(points, FixedPoints):
        if points.time != system.time:
            raise ValueError(
                f"points: expected those of a {system.time} system, received those of a "
                f"{points.time} one."
            )
        x, status = points.xstar, points.status
        inputs = points.inputs if inputs is None else inputs
        if x.shape[1] != system.n_states:
            raise ValueError(
                f"points: expected n_states = {system.n_states}, as the system has, received "
                f"{x.shape[1]}."
            )
    else:
        check_one_set(points)
        x = system.layout.pack(points, "points")
        if x.ndim != 2:
            raise ValueError(
                f"points: expected shape (n, {system.n_states}), received shape {x.shape}."
            )
    u = given_inputs(system, inputs)
    if u.ndim != 2 or u.shape[1] != system.n_inputs or len(u) not in (1, len(x)):
        raise ValueError(
            f"inputs: expected shape (1, {system.n_inputs}) or ({len(x)}, {system.n_inputs}), "
            f"received shape {u.shape}."
        )
    check_finite(u, "points.inputs" if given is None else "inputs")
    u = np.ascontiguousarray(np.broadcast_to(u, (len(x), system.n_inputs)))
    system.weights()  # refuses those of a training that failed
    return x, u, np.full(len(x), -1) if status is None else status


def _size_of_states(x: np.ndarray, start: np.ndarray | None, units: np.ndarray | None) -> float:
    """Return the size of the largest point, or of the starts if all points are near zero."""

    def largest(states: np.ndarray) -> float:
        finite = states[np.isfinite(states).all(axis=1)]
        return float(np.linalg.norm(finite, axis=1).max(initial=0.0))

    size = largest(x)
    about = 0.0 if start is None else largest(start if units is None else start / units)
    if size > max(_AT_ZERO[0] * about, _AT_ZERO[1]):
        return size
    return about if about > _AT_ZERO[1] else 1.0


def _modes(points: Any) -> tuple[np.ndarray, ...] | None:
    """Return eigenvalues and eigenvectors if the points carry all of them, else None."""
    if not isinstance(points, FixedPoints):
        return None
    values, right = points.eigval_J_xstar, points.eigvec_J_xstar
    left = points.left_eigvec_J_xstar
    if values is None or right is None or left is None:
        return None
    complete = values.shape[1] == points.n_states
    return (values, right, left) if complete else None


def _joined(verdicts: list[Verdict], n: int) -> dict[str, np.ndarray]:
    """Return the columns of all verdicts, with rows that say so for what was not examined."""
    columns = {}
    done = sum(len(verdict.code) for verdict in verdicts)
    for field in dataclasses.fields(Verdict):
        parts = [getattr(verdict, field.name) for verdict in verdicts]
        if field.name == "code":
            parts.append(np.full(n - done, CertificateCode.INTERRUPTED))
        elif field.name == "n_unstable":
            parts.append(np.full(n - done, -1))
        else:
            parts.append(np.full(n - done, np.nan))
        columns[field.name] = np.concatenate(parts)
    columns["code"] = columns["code"].astype(object)
    return columns
