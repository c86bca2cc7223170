"""Pictures of the alignment of modes with inputs, and of the error of linearisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf._utils.checks import check_index, check_number, check_whole
from fixedpoint_tf._utils.figures import COLORS, legend_above, new_axes, say_if_empty
from fixedpoint_tf.analysis.sensitivity import LinearError, Sensitivity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_alignment", "plot_linear_error"]


def plot_alignment(
    answer: Sensitivity,
    point: int | None = None,
    *,
    n_modes: int = 6,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw the figure that ``Sensitivity.plot`` describes."""
    check_whole(n_modes, "n_modes")
    if point is not None:
        point = check_index(point, "point", answer.n, "points", negative=True)
    rows = np.arange(answer.n) if point is None else np.array([point])
    rows = rows[~np.isnan(answer.henrici[rows])]  # an interruption left out the others
    shown = _distinct_modes(answer.eigenvalues[rows], n_modes)
    n_inputs = len(answer.input_names)
    size = (max(3.6, 1.6 + 1.1 * n_inputs), 1.6 + 0.55 * max(1, shown.shape[1]))
    fig, ax = new_axes(fig, ax, size=size)
    if not len(rows) or not n_inputs or not shown.shape[1]:
        say_if_empty(ax, 0, "no points, or no inputs")
        legend_above(ax)
        return fig, ax
    each = rows[:, None], shown
    angle = np.median(answer.input_angle[each], axis=0)
    effect = np.median(np.abs(answer.input_effect[each]), axis=0)
    tau = np.median(answer.time_constants[each], axis=0)
    aligned = np.cos(np.radians(angle))
    image = ax.imshow(aligned, cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto")
    for (k, i), value in np.ndenumerate(angle):
        words = "–" if np.isnan(value) else f"{value:.0f}°\n{effect[k, i]:.2g}"
        color = "white" if aligned[k, i] > 0.6 else COLORS["black"]
        ax.text(i, k, words, ha="center", va="center", color=color, fontsize="small")
    ax.set_xticks(range(n_inputs), answer.input_names)
    unit = "steps" if answer.time == "discrete" else "time"
    ax.set_yticks(range(len(tau)), [f"{k + 1} ({_short(t)})" for k, t in enumerate(tau)])
    ax.set_ylabel(f"mode (time constant, {unit})")
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    bar = fig.colorbar(image, ax=ax, ticks=np.cos(np.radians([0, 30, 45, 60, 75, 90])))
    bar.ax.set_yticklabels(["0°", "30°", "45°", "60°", "75°", "90°"])
    bar.set_label("angle of input to selection vector")
    bar.outline.set_visible(False)
    whom = f"median of {len(rows):,} points" if point is None else f"point {point}"
    if point is None and len(rows) == 1:
        whom = "1 point"
    gap = " " if n_inputs > 2 else "\n"  # a long title would touch the scale of colours
    ax.set_title(f"{whom}:{gap}angle, and effect of a unit of input", fontsize="small")
    return fig, ax


def _distinct_modes(eigenvalues: np.ndarray, n_modes: int) -> np.ndarray:
    """Return the slowest modes of each point, one of each conjugate pair, ``(n, n_modes)``."""
    backwards = eigenvalues.imag < -1e-9
    least = int((~backwards).sum(axis=1).min(initial=eigenvalues.shape[1]))
    # A stable sort by "backwards" keeps the order of the others.
    return np.argsort(backwards, axis=1, kind="stable")[:, : min(n_modes, least)]


def _short(number: float) -> str:
    """Format a number with three digits, or as "∞"."""
    return "∞" if np.isinf(number) else f"{number:.3g}"


def plot_linear_error(
    answer: LinearError,
    *,
    tolerance: float = 0.1,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw the figure that ``LinearError.plot`` describes."""
    check_number(tolerance, "tolerance")
    fig, ax = new_axes(fig, ax, size=(5.0, 4.2))
    relative = np.where(np.isfinite(answer.relative), answer.relative, np.nan)
    # Differences to rounding are no errors of the linearisation, and stretch the axis.
    measured = ~np.isnan(relative).all(axis=(1, 2))
    relative = np.maximum(relative[measured], 1e-16)
    if len(relative):
        import warnings

        with warnings.catch_warnings():  # of a distance at which every run diverged
            warnings.simplefilter("ignore", RuntimeWarning)
            low = np.nanmin(relative, axis=(0, 2))
            high = np.nanmax(relative, axis=(0, 2))
            middle = np.nanmedian(relative, axis=2)
        band: dict[str, Any] = {"color": COLORS["sky blue"], "alpha": 0.3, "linewidth": 0}
        ax.fill_between(answer.distances, low, high, **band, label="all directions, all points")
        for i, line in enumerate(middle):
            ax.plot(
                answer.distances,
                line,
                color=COLORS["blue"],
                linewidth=1.0,
                alpha=max(0.4, 1.0 / len(middle)),
                label="median over directions, one line a point" if i == 0 else None,
            )
    ax.axhline(tolerance, color=COLORS["black"], linestyle="--", linewidth=1.0)
    ax.annotate(
        f"{tolerance:.0%}", (1.0, tolerance), xycoords=("axes fraction", "data"),
        ha="right", va="bottom", fontsize="small", xytext=(-2, 2), textcoords="offset points",
    )  # fmt: skip
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_xlim(answer.distances[0], answer.distances[-1])
    ax.set_xlabel("distance of the start from the point")
    steps = f"{answer.n_steps} step{'s' * (answer.n_steps != 1)}"
    ax.set_ylabel(f"relative error of the linear\nroll-out over {steps}")
    say_if_empty(ax, len(relative), "no points")
    legend_above(ax)
    return fig, ax
