r"""Inputs read through left eigenvectors, modes read through the readout.

Near a fixed point, :math:`\delta x_{t+1} = J \delta x_t + B \delta u_t`. In the coordinate
:math:`a_k = l_k \cdot \delta x` along a right eigenvector :math:`r_k`,

.. math:: a_{k,t+1} = \lambda_k a_{k,t} + (l_k B) \, \delta u_t,

so that the left eigenvector, the *selection vector*, decides what the mode takes up of an
input, and :math:`W r_k` what the readout shows of the mode (Mante, Sussillo, Shenoy &
Newsome 2013; Maheswaranathan et al. 2019, "Reverse engineering recurrent networks for
sentiment classification").
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from fixedpoint_tf import linearization
from fixedpoint_tf._utils.checks import (
    check_names,
    check_number,
    check_switch,
    check_whole,
)
from fixedpoint_tf._utils.chunks import chunk_size, chunks
from fixedpoint_tf._utils.interruption import Interruption
from fixedpoint_tf._utils.linalg import each
from fixedpoint_tf._utils.results import Result
from fixedpoint_tf.analysis.sensitivity import nonnormality
from fixedpoint_tf.analysis.sensitivity.angles import angles
from fixedpoint_tf.analysis.sensitivity.readout import readout_matrix
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.systems.at_points import inputs_of, jacobians_at
from fixedpoint_tf.systems.convert import system_of
from fixedpoint_tf.systems.system import DynamicalSystem

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Sensitivity", "analyze_sensitivity"]

_MOST_AT_ONCE = 64  # points that an interruption loses together, and
_ENTRIES_AT_ONCE = 2**24  # operations of a product of their Jacobians: a second or two


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Sensitivity(Result):
    r"""Alignment of the modes at each point with the inputs and the readout.

    Modes are sorted as in :func:`fixedpoint_tf.linearization.decompose`: those that grow
    fastest, or decay slowest, come first. NaN marks undefined values: the angle of an input
    without effect, the selection vector of a defective eigenvalue. Both members of a conjugate
    pair are given, with the same angles and sizes.

    Printed, it names the input that the slowest modes listen to most, with the medians over
    points of its effect and of its angle to the selection vector (90 degrees: not heard), and
    the largest ``peak_amplification``: 1-fold is no growth; without end is that of a point with
    an unstable mode.

    Attributes:
        eigenvalues: ``(n, n_modes)`` complex.
        time_constants: ``(n, n_modes)``, of each mode, in steps or in units of ``dt``.
        selection_vectors: ``(n, n_modes, n_states)`` complex, the left eigenvectors
            :math:`l_k` as rows, with :math:`l_k \cdot r_k = 1`.
        mode_vectors: ``(n, n_states, n_modes)`` complex, the right eigenvectors
            :math:`r_k` as columns, of length 1.
        input_vectors: ``(n, n_states, n_inputs)``, :math:`B = \partial F / \partial u`.
        input_effect: ``(n, n_modes, n_inputs)`` complex, :math:`l_k B`: how far a unit of
            the input moves the state along the mode in one step (continuous: in a unit of
            time).
        input_angle: ``(n, n_modes, n_inputs)``, degrees from 0 to 90 between input vector
            and selection vector; for a turning mode, the plane of its real and imaginary
            part. At 90 the input does not drive the mode, however large the input vector.
        readout_effect: ``(n, n_outputs, n_modes)`` complex, :math:`W r_k`; None without a
            readout.
        readout_angle: ``(n, n_outputs, n_modes)``, degrees between the weights of an
            output and the direction, or plane, of the mode; None without a readout.
        condition: ``(n, n_modes)``, :math:`|l_k|`: 1 where the selection vector points
            along the mode, larger the more it points elsewhere.
        henrici: ``(n,)``, Henrici's departure from normality as a share of the norm of
            the Jacobian: 0 for a normal one, below 1.
        initial_growth: ``(n,)``, see
            ``nonnormality.initial_growth``.
        peak_amplification: ``(n,)``, the largest factor by which a perturbation grows;
            infinite where a mode grows without end, see
            ``nonnormality.peak_amplification``.
        peak_time: ``(n,)``, time of that peak, in steps or in units of ``dt``.
        time: ``"discrete"`` or ``"continuous"``.
        input_names: names of the inputs, for figures.
        interrupted: whether the call was interrupted; what was left out is NaN.

    Example:
        >>> from fixedpoint_tf import FixedPoints, as_system
        >>> leaky = as_system(lambda h, u: 0.9 * h + u, n_states=1, n_inputs=1)
        >>> answer = analyze_sensitivity(leaky, FixedPoints(xstar=[[0.0]], inputs=[[0.0]]))
        >>> answer.time_constants.round(2).tolist(), answer.input_effect.real.tolist()
        ([[9.49]], [[[1.0]]])
    """

    eigenvalues: np.ndarray
    time_constants: np.ndarray
    selection_vectors: np.ndarray
    mode_vectors: np.ndarray
    input_vectors: np.ndarray
    input_effect: np.ndarray
    input_angle: np.ndarray
    readout_effect: np.ndarray | None
    readout_angle: np.ndarray | None
    condition: np.ndarray
    henrici: np.ndarray
    initial_growth: np.ndarray
    peak_amplification: np.ndarray
    peak_time: np.ndarray
    time: str
    input_names: list[str]
    interrupted: bool = False

    _axes = {
        "n n_modes complex": "eigenvalues",
        "n n_modes": "time_constants condition",
        "n n_modes n_states complex": "selection_vectors",
        "n n_states n_modes complex": "mode_vectors",
        "n n_states n_inputs": "input_vectors",
        "n n_modes n_inputs complex": "input_effect",
        "n n_modes n_inputs": "input_angle",
        "n n_outputs n_modes complex": "readout_effect",
        "n n_outputs n_modes": "readout_angle",
        "n": "henrici initial_growth peak_amplification peak_time",
        "n_inputs": "input_names",
    }
    _ranges = {
        "0 inf": "condition input_angle readout_angle henrici peak_amplification peak_time"
    }

    @property
    def n(self) -> int:
        """Number of points."""
        return self.eigenvalues.shape[0]

    def __repr__(self) -> str:
        n, n_modes, n_inputs = self.input_effect.shape
        parts = [f"{n:,} point{'s' * (n != 1)}, {n_modes} mode{'s' * (n_modes != 1)} each"]
        rows = np.flatnonzero(~np.isnan(self.henrici))
        if len(rows) and n_modes and n_inputs:
            # Modes are in order of growth: the slowest is not the first where some grow.
            tau = self.time_constants[rows]
            slowest = np.where(np.isnan(tau), -1.0, tau).argmax(axis=1)
            strength = np.median(np.abs(self.input_effect[rows, slowest]), axis=0)
            if np.isfinite(strength).any():
                best = int(np.nanargmax(strength))
                angle = float(np.median(self.input_angle[rows, slowest, best]))
                which = "" if n_modes == self.mode_vectors.shape[1] else " of these"
                parts.append(
                    f"the slowest{which} listens most to {self.input_names[best]} "
                    f"(median effect {strength[best]:.2g}, at {angle:.0f} degrees)"
                )
        if len(rows):
            parts.append(f"non-normality {np.median(self.henrici[rows]):.2f}")
        bounded = self.peak_amplification[np.isfinite(self.peak_amplification)]
        endless = int(np.isposinf(self.peak_amplification).sum())
        if len(bounded) and not endless and bounded.max() < 1.005:
            parts[-1] += ", perturbations do not grow"
        elif len(bounded):
            parts[-1] += f", perturbations grow up to {bounded.max():.2g}-fold"
        if endless:
            parts[-1] += f", without end at {endless:,} point{'s' * (endless != 1)}"
        return "; ".join(parts) + (" (interrupted)" if self.interrupted else "")

    def plot(
        self,
        point: int | None = None,
        *,
        n_modes: int = 6,
        fig: Figure | None = None,
        ax: Axes | None = None,
    ) -> tuple[Figure, Axes]:
        """Draw the angle between each input and the selection vector of each mode.

        Dark fields are aligned; white fields are orthogonal, so that the input does not drive
        the mode. A field holds the angle in degrees and, below, the effect: how far a unit of
        the input moves the state along the mode in one step.

        Args:
            point: the number of a point; default: the median over all points.
            n_modes: number of modes drawn, from the first on; for several points, the median
                is over the first modes of all points, over the second modes, and so on.
            fig: the figure to add axes to.
            ax: the axes to draw in.

        Returns:
            The figure and the axes.

        Raises:
            IndexError: there is no such point.

        Example:
            >>> import tensorflow as tf
            >>> from fixedpoint_tf import FixedPoints, as_system
            >>> from fixedpoint_tf.analysis import analyze_sensitivity
            >>> system = as_system(lambda h, u: 0.5 * h + u, n_states=2, n_inputs=2)
            >>> points = FixedPoints(xstar=np.zeros((1, 2)), inputs=np.zeros((1, 2)))
            >>> fig, ax = analyze_sensitivity(system, points).plot()
            >>> [label.get_text() for label in ax.get_xticklabels()]
            ['input 1', 'input 2']
        """
        from fixedpoint_tf.analysis.sensitivity.plotting import plot_alignment

        return plot_alignment(self, point, n_modes=n_modes, fig=fig, ax=ax)


def analyze_sensitivity(
    system: Any,
    points: FixedPoints,
    readout: Any = None,
    *,
    dt: float | None = None,
    n_modes: int | None = None,
    horizon: float | None = None,
    input_names: Sequence[str] | None = None,
    verbose: bool = False,
) -> Sensitivity:
    """Measure the alignment of each input and read-out with each mode at each point.

    After an interruption from the keyboard, what has not been computed is NaN.

    Cost: one eigendecomposition per point (none if the points hold theirs), one Schur
    decomposition, and the powers of the Jacobian until they decay. Points are taken a few
    at a time; of each, only the modes that are kept stay in memory.

    Args:
        system: anything that :func:`fixedpoint_tf.as_system` takes as its only argument.
        points: points of this system, linearised or not; see
            :class:`fixedpoint_tf.FixedPoints`.
        readout: ``(n_outputs, n_states)``, or the Keras layer that reads the states (for an
            LSTM, its output h; for a stack, the state of its last layer).
        dt: length of a step in seconds, for time constants in seconds; None for a
            continuous system.
        n_modes: number of modes kept per point, the longest-lasting ones; default: all.
        horizon: the longest time over which growth of perturbations is measured; default: no
            limit, see ``nonnormality.peak_amplification``.
        input_names: one for each input; default: "input 1", ...
        verbose: show a progress bar.

    Returns:
        A :class:`Sensitivity`.

    Raises:
        TypeError, ValueError: an argument is not as described.

    References:
        Mante, Sussillo, Shenoy & Newsome (2013), Nature 503:78-84; Maheswaranathan,
        Williams, Golub, Ganguli & Sussillo (2019), NeurIPS 32.

    Example:
        >>> import tensorflow as tf
        >>> from fixedpoint_tf import FixedPoints, as_system
        >>> J = np.array([[1.0, 1.0], [0.0, 0.5]])  # the first state keeps the sum
        >>> step = lambda h, u: tf.matmul(h, J.T.astype(h.dtype.name)) + u
        >>> system = as_system(step, n_states=2, n_inputs=2)
        >>> points = FixedPoints(xstar=np.zeros((1, 2)), inputs=np.zeros((1, 2)))
        >>> answer = analyze_sensitivity(system, points)
        >>> answer.selection_vectors[0, 0].real.tolist()  # reads both states, one twice
        [1.0, 2.0]
        >>> answer.input_effect[0, 0].real.tolist()
        [1.0, 2.0]
    """
    system = system_of(system)
    inputs_of(system, points)  # refuses points of another system
    weights = None if readout is None else readout_matrix(readout, system)
    if n_modes is None:
        n_modes = system.n_states
    n_modes = check_whole(n_modes, "n_modes")
    if horizon is not None:
        horizon = check_number(horizon, "horizon")
    names = [f"input {i + 1}" for i in range(system.n_inputs)]
    if input_names is not None:
        names = check_names(input_names, "input_names", system.n_inputs, of="names of inputs")
    check_switch(verbose, "verbose")
    linearization.time_constants([0.5], system.time, dt)  # refuses a bad dt before any work
    at = functools.partial(_at, system, weights, int(n_modes), dt, horizon)
    columns = {
        name: None if part is None else np.full((points.n, *part.shape[1:]), np.nan, part.dtype)
        for name, part in at(points[:0]).items()
    }
    stop = Interruption("what had not been computed by then is NaN")
    # Points that are taken together are lost together.
    size = min(_MOST_AT_ONCE, chunk_size(system.n_states**2))
    size = max(1, min(size, _ENTRIES_AT_ONCE // system.n_states**3))
    with (
        tqdm(total=points.n, desc="sensitivity", unit="point", disable=not verbose) as bar,
        stop,
    ):
        for rows in chunks(points.n, size=size):
            parts = at(points[rows])
            for name, part in parts.items():
                column = columns[name]
                if column is not None:
                    column[rows] = part
            bar.update(rows.stop - rows.start)
    arrays: dict[str, Any] = columns
    return stop.complete(
        lambda: Sensitivity(
            **arrays, time=system.time, input_names=names, interrupted=stop.came
        )
    )


def _at(
    system: DynamicalSystem,
    weights: np.ndarray | None,
    n_modes: int,
    dt: float | None,
    horizon: float | None,
    points: FixedPoints,
) -> dict[str, np.ndarray | None]:
    """Return the arrays of the answer for some of the points."""
    by_state = jacobians_at(system, points)
    by_input = points.dFdu
    if by_input is None:
        by_input = np.zeros((points.n, system.n_states, system.n_inputs))
        if points.n:
            by_input = system.input_jacobian(points.xstar, inputs_of(system, points)).numpy()
    eigen: Any = (points.eigval_J_xstar, points.eigvec_J_xstar, points.left_eigvec_J_xstar)
    if any(part is None for part in eigen):
        eigen = linearization.decompose(by_state, system.time)
    values, right, left = eigen
    values, right, left = values[:, :n_modes], right[:, :, :n_modes], left[:, :n_modes]

    def measure(matrix: np.ndarray) -> tuple[float, ...]:
        size = float(np.linalg.norm(matrix))
        departure = nonnormality.henrici_departure(matrix)
        return (
            departure / size if size else 0.0,
            nonnormality.initial_growth(matrix, system.time),
            *nonnormality.peak_amplification(matrix, system.time, horizon),
        )

    measured = np.array(each(measure, by_state)).reshape(points.n, 4)
    readout_effect = readout_angle = None
    if weights is not None:
        readout_effect = weights @ right
        every = np.broadcast_to(weights, (points.n, *weights.shape))
        readout_angle = angles(every, right.transpose(0, 2, 1)).transpose(0, 2, 1)
    return {
        "eigenvalues": values,
        "time_constants": linearization.time_constants(values, system.time, dt),
        "selection_vectors": left,
        "mode_vectors": right,
        "input_vectors": by_input,
        "input_effect": left @ by_input,
        "input_angle": angles(by_input.transpose(0, 2, 1), left),
        "readout_effect": readout_effect,
        "readout_angle": readout_angle,
        "condition": np.linalg.norm(left, axis=2),
        "henrici": measured[:, 0],
        "initial_growth": measured[:, 1],
        "peak_amplification": measured[:, 2],
        "peak_time": measured[:, 3] * (dt or 1.0),
    }
