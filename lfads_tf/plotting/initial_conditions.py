"""Initial conditions of the generator in their first principal components."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf._utils import checks, figures
from fixedpoint_tf._utils.principal_components import fit_components
from lfads_tf._utils.checks import several
from lfads_tf.plotting import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_initial_conditions"]


def plot_initial_conditions(
    inferred: Any,
    conditions: Any = None,
    *,
    components: tuple[int, int] = (1, 2),
    cyclic: bool = False,
    ax: Any = None,
) -> tuple[Figure, Axes]:
    """Draw each trial's initial condition in two principal components.

    The principal components are those of the posterior means of all trials. Conditions that
    overlap in the two drawn may be separate in others.

    Args:
        inferred: a result of inference, or posterior means of the initial conditions,
            ``(n_trials, n_initial_conditions)``.
        conditions: conditions of the trials, ``(n_trials,)``.
        components: the two components to draw, counted from 1.
        cyclic: whether the conditions, in order, go around a circle, as directions of reaching
            do; their colours then do too.
        ax: the axes to draw in.

    Returns:
        The figure and the axes, whose labels say the share of the variance.

    Raises:
        TypeError: ``cyclic`` is neither True nor False.
        ValueError: wrong shapes, or components that do not exist.

    Example:
        >>> import numpy as np
        >>> means = np.random.default_rng(0).normal(size=(50, 4)) * [4.0, 2.0, 0.1, 0.1]
        >>> fig, ax = plot_initial_conditions(means)
        >>> ax.get_xlabel(), ax.get_ylabel()
        ('PC 1 (83%)', 'PC 2 (17%)')
    """
    shape = "(n_trials, n_initial_conditions)"
    means = style.field("inferred", inferred, "initial_condition_mean", 2, shape)
    means = means.astype(np.float64)
    n_trials, n = means.shape
    if n == 0:
        raise ValueError(
            f"inferred: expected initial conditions, received shape {means.shape}."
        )
    key = style.condition_key(conditions, n_trials, cyclic)
    # A model of one initial condition is drawn along a line.
    numbers = several(components, "components")
    if len(numbers) != 2 or not all(checks.is_whole(k) and k >= 1 for k in numbers):
        raise checks.ArgumentTypeError(
            "components: expected two whole numbers from 1, received "
            f"{checks.shown(components)}."
        )
    if max(numbers) > max(n, 2):
        raise ValueError(
            f"components: expected numbers up to {max(n, 2)}, since there are {n} initial "
            f"conditions, received {max(numbers)}."
        )
    checks.check_axes(ax)
    means = np.pad(means, ((0, 0), (0, max(0, 2 - n))))
    fitted = fit_components(means, max(numbers))
    points = (means - fitted.mean) @ fitted.axes[[k - 1 for k in numbers]].T
    share = fitted.squares / (fitted.squares.sum() or 1.0)
    fig, ax = figures.new_axes(ax=ax, size=(4.6, 4.4))
    markers = "osD^v<>p"
    for i, (name, color, trials) in enumerate(key):
        ax.plot(
            *points[trials].T,
            linestyle="none",
            marker=markers[i % len(markers)] if len(key) <= len(markers) else "o",
            markersize=4.5,
            color=color,
            markeredgecolor="white",
            markeredgewidth=0.4,
            label="trials" if name is None else name,
        )
    ax.set_xlabel(f"PC {numbers[0]} ({share[numbers[0] - 1]:.0%})")
    ax.set_ylabel(f"PC {numbers[1]} ({share[numbers[1] - 1]:.0%})")
    ax.set_aspect("equal", adjustable="datalim")
    ax.locator_params(nbins=5)
    if len(key) > style.MOST_LISTED:
        ax.set_title(f"{len(key)} conditions, one colour each", fontsize="medium")
    elif conditions is not None:
        figures.legend_above(ax, title="condition")
    return fig, ax
