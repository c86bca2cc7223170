r"""Error of the linearisation against the distance from the point.

Starts on a sphere of radius :math:`\rho` about a point, run by the network and by its
linearisation, drift apart by :math:`O(\rho^2)`: the linear picture holds where their
difference is small beside the deviation itself.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from tqdm import tqdm

from fixedpoint_tf import linearization
from fixedpoint_tf._utils.checks import (
    as_numbers,
    check_fits,
    check_number,
    check_seed,
    check_switch,
    check_time_step,
    check_whole,
)
from fixedpoint_tf._utils.chunks import chunk_size, chunks
from fixedpoint_tf._utils.interruption import Interruption
from fixedpoint_tf._utils.results import Result
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.systems import simulation
from fixedpoint_tf.systems.at_points import inputs_of, jacobians_at
from fixedpoint_tf.systems.convert import system_of
from fixedpoint_tf.systems.system import DynamicalSystem

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["LinearError", "linear_error"]

_MOST_AT_ONCE = 16  # points, which an interruption loses together


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class LinearError(Result):
    r"""Error of the linear roll-out, by distance from the point.

    :math:`e_t` is the difference between the linear and the true trajectory, :math:`d_t` the
    true deviation from the point, at the steps t = 1 ... ``n_steps``.

    Attributes:
        distances: ``(n_distances,)``, of the starts from the point, rising.
        absolute: ``(n, n_distances, n_directions)``, the root mean square over the steps
            of :math:`|e_t|`.
        relative: of the same shape, :math:`\sqrt{\sum |e_t|^2 / \sum |d_t|^2}`. 1 means that
            the linear prediction is no better than a state that stays at the point.
        n_steps: number of steps.
        time: ``"discrete"`` or ``"continuous"``.
        interrupted: whether the call was interrupted; what was left out is NaN.

    Example:
        >>> from fixedpoint_tf import FixedPoints, as_system
        >>> linear = as_system(lambda h, u: 0.5 * h, n_states=1, n_inputs=0)
        >>> error = linear_error(linear, FixedPoints(xstar=[[0.0]]), [0.1, 1.0], n_steps=3)
        >>> error.n, error.distances.tolist(), bool((error.relative < 1e-12).all())
        (1, [0.1, 1.0], True)
    """

    distances: np.ndarray
    absolute: np.ndarray
    relative: np.ndarray
    n_steps: int
    time: str
    interrupted: bool = False

    _axes = {"n_distances": "distances", "n n_distances n_directions": "absolute relative"}
    _ranges = {"0 inf": "distances absolute relative", "1 inf": "n_steps"}

    @property
    def n(self) -> int:
        """Number of points."""
        return self.relative.shape[0]

    def radius(self, tolerance: float = 0.1, quantile: float = 1.0) -> np.ndarray:
        """Return the distance from each point within which the linearisation holds.

        Args:
            tolerance: largest relative error that is called holding.
            quantile: the share of the sampled directions in which it must hold.

        Returns:
            ``(n,)``, the largest of the ``distances`` up to which, without a gap, it
            holds; 0 where it fails at the smallest, NaN where it was not measured.
        """
        tolerance = check_number(tolerance, "tolerance")
        quantile = check_number(quantile, "quantile", 0.0, 1.0, closed="both")
        relative = np.where(np.isposinf(self.relative), np.finfo(float).max, self.relative)
        level = np.quantile(relative, quantile, axis=2)
        n_held = np.cumprod(level <= tolerance, axis=1).sum(axis=1)
        held = np.concatenate([[0.0], self.distances])[n_held]
        return np.where(np.isnan(level).any(axis=1), np.nan, held)

    def __repr__(self) -> str:
        n, _, n_directions = self.relative.shape
        radius = self.radius()
        known = radius[np.isfinite(radius)]
        text = f"linearisation of {n:,} point{'s' * (n != 1)} over {self.n_steps} steps"
        if len(known):
            low, high = known.min(), known.max()
            span = f"{low:.2g}" if low == high else f"{low:.2g} to {high:.2g}"
            text += f": within 10 % up to a distance of {span}, in {n_directions} directions"
        return text + (" (interrupted)" if self.interrupted else "")

    def plot(
        self,
        *,
        tolerance: float = 0.1,
        fig: Figure | None = None,
        ax: Axes | None = None,
    ) -> tuple[Figure, Axes]:
        """Draw the relative error of the linear roll-out against the distance of its start.

        Each line is the median over directions at one point; the band reaches from the best
        point and direction to the worst. A second-order error rises by one decade per decade of
        distance.

        Args:
            tolerance: a relative error to draw as a line.
            fig: the figure to add axes to.
            ax: the axes to draw in.

        Returns:
            The figure and the axes.

        Example:
            >>> from fixedpoint_tf import FixedPoints, as_system
            >>> from fixedpoint_tf.analysis import linear_error
            >>> system = as_system(lambda h, u: 0.5 * h + h * h, n_states=1, n_inputs=0)
            >>> points = FixedPoints(xstar=np.zeros((1, 1)))
            >>> fig, ax = linear_error(system, points).plot()
            >>> ax.get_xscale(), ax.get_yscale()
            ('log', 'log')
        """
        from fixedpoint_tf.analysis.sensitivity.plotting import plot_linear_error

        return plot_linear_error(self, tolerance=tolerance, fig=fig, ax=ax)


def linear_error(
    system: Any,
    points: FixedPoints,
    distances: ArrayLike | None = None,
    n_steps: int = 10,
    seed: int = 0,
    *,
    n_directions: int = 32,
    directions: ArrayLike | None = None,
    dt: float | None = None,
    verbose: bool = False,
) -> LinearError:
    """Measure the error of the linearisation against the distance from the points.

    At a slow point the linear prediction includes the drift. After an interruption from the
    keyboard, what has not been measured is NaN.

    Cost: ``n * n_distances * n_directions`` runs of the system over ``n_steps``, in
    batches; Jacobians that the points hold are used, others are computed.

    Args:
        system: anything that :func:`fixedpoint_tf.as_system` takes as its only argument.
        points: points of this system; see :class:`fixedpoint_tf.FixedPoints`.
        distances: ``(n_distances,)`` positive; default: 13 from 1e-3 to 1, evenly spaced
            in their logarithm.
        n_steps: number of steps.
        seed: seed of the directions, which are the same at every point.
        n_directions: number of directions, uniform on the sphere.
        directions: ``(n_directions, n_states)``, directions to use instead of random ones, of
            any length but zero: for example those in which trajectories move, since in many
            dimensions a random direction has almost no component along the slow modes.
        dt: length of a step of a continuous system.
        verbose: show a progress bar.

    Returns:
        A :class:`LinearError`.

    Raises:
        TypeError, ValueError: an argument is not as described.

    Example:
        >>> from fixedpoint_tf import FixedPoints, as_system
        >>> system = as_system(lambda h, u: 0.5 * h + h * h, n_states=1, n_inputs=0)
        >>> origin = FixedPoints(xstar=np.zeros((1, 1)))
        >>> error = linear_error(system, origin, [0.1, 0.2], n_steps=1, directions=[[1.0]])
        >>> error.absolute[0, :, 0].round(6).tolist()  # the square of the distance
        [0.01, 0.04]
    """
    system = system_of(system)
    inputs_of(system, points)  # refuses points of another system
    radii = _distances(distances)
    n_steps = check_whole(n_steps, "n_steps")
    check_fits("n_steps", n_steps, n_steps, system.n_states)
    units = _directions(directions, n_directions, system.n_states, check_seed(seed))
    check_time_step(dt, system.time)
    check_switch(verbose, "verbose")
    shape = (points.n, len(radii), len(units))
    absolute, relative = np.full(shape, np.nan), np.full(shape, np.nan)
    offsets = (radii[:, None, None] * units).reshape(-1, system.n_states)
    n_runs = chunk_size(n_steps * system.n_states)
    stop = Interruption("what had not been measured by then is NaN")
    size = min(_MOST_AT_ONCE, max(1, n_runs // len(offsets)))
    with (
        tqdm(total=points.n, desc="linear error", unit="point", disable=not verbose) as bar,
        stop,
    ):
        for rows in chunks(points.n, size=size):
            some = points[rows]
            parts = chunks(len(offsets), size=n_runs)
            sizes = np.concatenate(
                [_differences(system, some, offsets[j], n_steps, dt) for j in parts], axis=2
            ).reshape(2, some.n, *shape[1:])
            absolute[rows], relative[rows] = sizes
            bar.update(some.n)
    return LinearError(radii, absolute, relative, int(n_steps), system.time, stop.came)


def _differences(
    system: DynamicalSystem,
    points: FixedPoints,
    offsets: np.ndarray,
    n_steps: int,
    dt: float | None,
) -> np.ndarray:
    """Return absolute and relative error of each roll-out, ``(2, n, n_offsets)``."""
    starts = (points.xstar[:, None] + offsets).reshape(-1, system.n_states)
    at = inputs_of(system, points)
    inputs = np.repeat(at, len(offsets), axis=0)[:, None]
    inputs = np.broadcast_to(inputs, (len(starts), n_steps, system.n_inputs))
    true = simulation.roll_out(system, inputs, starts, dt=dt)
    true = true.reshape(points.n, len(offsets), n_steps, system.n_states)
    by_state = jacobians_at(system, points)
    image = system.step(points.xstar, at).numpy()
    drift = image - points.xstar if system.time == "discrete" else image
    absolute, relative = np.empty(true.shape[:2]), np.empty(true.shape[:2])
    for i in range(points.n):
        linear = linearization.linear_trajectories(
            points.xstar[i],
            by_state[i],
            points.xstar[i] + offsets,
            n_steps,
            drift=drift[i],
            time=system.time,
            dt=dt,
        )
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            missed = np.linalg.norm(true[i] - linear, axis=(1, 2))
            moved = np.linalg.norm(true[i] - points.xstar[i], axis=(1, 2))
            absolute[i] = missed / np.sqrt(n_steps)
            # Where a network leaves the range of numbers, its linearisation is no help.
            relative[i] = np.where(
                np.isfinite(missed), np.where(missed > 0.0, missed / moved, 0.0), np.inf
            )
            absolute[i][~np.isfinite(missed)] = np.inf
    return np.stack([absolute, relative])


def _distances(distances: ArrayLike | None) -> np.ndarray:
    if distances is None:
        return np.geomspace(1e-3, 1.0, 13)
    radii = np.atleast_1d(as_numbers(distances, "distances"))
    if radii.ndim != 1 or not len(radii) or not (np.isfinite(radii) & (radii > 0.0)).all():
        raise ValueError(f"distances: expected positive numbers, received {distances!r}.")
    return np.sort(radii)


def _directions(
    directions: ArrayLike | None, n_directions: int, n_states: int, seed: int
) -> np.ndarray:
    """Return unit vectors, ``(n_directions, n_states)``."""
    if directions is None:
        n_directions = check_whole(n_directions, "n_directions")
        check_fits("n_directions", n_directions, n_directions, n_states)
        vectors = np.random.default_rng(seed).normal(size=(n_directions, n_states))
    else:
        vectors = as_numbers(directions, "directions")
        if vectors.ndim != 2 or vectors.shape[1] != n_states or not len(vectors):
            raise ValueError(
                f"directions: expected shape (n_directions, {n_states}), received "
                f"{vectors.shape}."
            )
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (np.isfinite(lengths) & (lengths > 0.0)).all():
        raise ValueError(
            "directions: expected finite vectors other than zero, received NaN, infinity or "
            "zero."
        )
    return vectors / lengths
