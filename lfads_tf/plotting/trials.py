"""Figures of single trials: spikes, smoothed spikes, inferred rates, and known rates."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf._utils import checks, figures
from fixedpoint_tf._utils.principal_components import fit_components
from lfads_tf._utils.checks import check_kernel, numbers_or_nan, seconds_per_bin
from lfads_tf._utils.conditions import has_condition
from lfads_tf.plotting import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_trials"]


def plot_trials(
    data: Any,
    inferred: Any,
    *,
    bin_width: float | None = None,
    trials: Any = None,
    neurons: Any = None,
    smoothing_sd: float = 0.05,
    true_rates: Any = None,
    start: float = 0.0,
    axes: Any = None,
) -> tuple[Figure, np.ndarray]:
    """Draw example trials, one per column.

    Above, images of all neurons: spikes, rates by smoothing, inferred rates and, if known,
    true rates, all rates in one scale of colours that ends at the 99.5th percentile. The
    neurons stand in the order of their weights in the first principal component of the
    inferred rates (each scaled to its standard deviation), so that neurons that vary
    together are neighbours. Below are the rates of some neurons as traces, with their counts as
    bars under them; the rows of these neurons are labelled in the images.

    Args:
        data: a :class:`~lfads_tf.data.session.Session`, or counts
            ``(n_trials, n_bins, n_neurons)``; NaN where nothing was observed (pale blue).
        inferred: a result of inference, or rates ``(n_trials, n_bins, n_neurons)`` in
            spikes/s.
        bin_width: in seconds; by default that of the session.
        trials: trials to draw; by default three, evenly over the data.
        neurons: neurons to draw as traces; by default three of those whose inferred rates vary
            most.
        smoothing_sd: standard deviation of the smoothing kernel in seconds.
        true_rates: spikes/s, of the shape of the counts; by default those of the session, if it
            has any.
        start: time of the first bin's beginning in seconds.
        axes: axes to draw in, row by row: 3 rows of images (4 with true rates) and one row a
            neuron, one column per trial.

    Returns:
        The figure and the axes, ``(n_rows, n_trials_drawn)``.

    Raises:
        ValueError: shapes that differ, trials or neurons out of range, no bin width.

    Example:
        >>> import numpy as np
        >>> rates = np.random.default_rng(0).gamma(2.0, 10.0, (8, 50, 12))
        >>> spikes = np.random.default_rng(1).poisson(0.02 * rates)
        >>> fig, axes = plot_trials(spikes, rates, bin_width=0.02, trials=[1, 5], neurons=[3])
        >>> axes.shape, axes[0, 0].get_title(), axes[-1, 0].get_xlabel()
        ((4, 2), 'trial 1', 'time (s)')
    """
    from lfads_tf.analysis import smooth_gaussian

    if hasattr(data, "spikes"):
        own = data.bin_width
        if bin_width is not None and not math.isclose(
            seconds_per_bin(bin_width), own, rel_tol=1e-6
        ):
            raise ValueError(
                f"bin_width: expected {own:g} s, the session's, or none, received "
                f"{bin_width:g}."
            )
        bin_width = own
        true_rates = data.true_rates if true_rates is None else true_rates
    elif bin_width is None:
        raise ValueError("bin_width: expected the width of a bin in seconds, received none.")
    width = seconds_per_bin(bin_width)
    shape = "(n_trials, n_bins, n_neurons)"
    check_kernel("smoothing_sd", checks.check_number(smoothing_sd, "smoothing_sd"), width)
    checks.check_number(start, "start", low=-np.inf)
    spikes = numbers_or_nan(getattr(data, "spikes", data), "data", n_axes=(3,), shape=shape)
    rates = style.field("inferred", inferred, "rates", 3, shape, nan=True)
    truth = None if true_rates is None else numbers_or_nan(true_rates, "true_rates")
    for name, array in (("inferred", rates), ("true_rates", truth)):
        if array is not None and array.shape != spikes.shape:
            raise ValueError(
                f"{name}: expected rates of shape {spikes.shape}, as the data's, received "
                f"{array.shape}."
            )
    n_trials, n_bins, n_neurons = spikes.shape
    rows = style.chosen(
        "trials", trials, n_trials, np.unique(np.linspace(0, n_trials - 1, 3).round())
    )
    order = _similar_neighbours(rates)
    examples = style.chosen("neurons", neurons, n_neurons, _most_varying(rates, order))
    counts = spikes[rows]
    smoothed = smooth_gaussian(counts, width, smoothing_sd)
    smoothed[np.isnan(counts)] = np.nan  # Beyond the data it only repeats their last rate.
    kinds = [
        ("smoothed", smoothed, style.SMOOTHED),
        ("LFADS", rates[rows], style.ESTIMATE),
    ]
    if truth is not None:
        kinds.append(("true", truth[rows], style.TRUTH))
    n_images = 1 + len(kinds)
    fig, grid = figures.panels(
        axes,
        n_images + len(examples),
        len(rows),
        size=(2.6 if len(rows) > 2 else 3.6, 1.15),
        sharex=True,
        sharey="row",
        height_ratios=[1.4] * n_images + [1.0] * len(examples),
    )
    _draw_images(fig, grid[:n_images], counts, kinds, order, examples, (width, start))
    time = style.times(n_bins, width, start)
    for i, neuron in enumerate(examples):
        values = [(name, array[:, :, neuron], look) for name, array, look in kinds]
        _draw_traces(grid[n_images + i], time, counts[:, :, neuron], values)
        grid[n_images + i, 0].set_ylabel(f"neuron {neuron}\n(spikes/s)", fontsize="small")
    conditions = getattr(data, "conditions", None)
    for ax, row in zip(grid[0], rows, strict=True):
        words = ""
        if conditions is not None and has_condition(conditions)[row]:
            words = f", condition {conditions[row]}"
        ax.set_title(f"trial {row}{words}", fontsize="medium")
    for ax in grid[-1]:
        ax.set_xlabel("time (s)")
        ax.tick_params(labelbottom=True)
    for ax in grid[:-1].ravel():
        ax.tick_params(labelbottom=False)
    figures.legend_above_panels(
        fig,
        grid,
        own=axes is None,
        handles=grid[n_images, 0].get_legend_handles_labels()[0],
    )
    return fig, grid


def _similar_neighbours(rates: np.ndarray) -> np.ndarray:
    """Order neurons by their weight in the first principal component, ``(n_neurons,)``."""
    flat = np.nan_to_num(rates.reshape(-1, rates.shape[-1]).astype(np.float64))
    flat = flat - flat.mean(axis=0)
    sd = flat.std(axis=0)
    fitted = fit_components(flat / np.where(sd > 0, sd, 1.0), svd_solver="auto")
    return np.argsort(fitted.axes[0], kind="stable")


def _most_varying(rates: np.ndarray, order: np.ndarray) -> list[int]:
    """Return the most varying neuron of each third of the order, which shows three kinds."""
    variance = np.nan_to_num(rates.astype(np.float64)).var(axis=(0, 1))
    thirds = [part for part in np.array_split(order, 3) if len(part)]
    return [int(part[np.argmax(variance[part])]) for part in thirds[::-1]]


def _draw_images(
    fig: Figure,
    grid: np.ndarray,
    counts: np.ndarray,
    kinds: list,
    order: np.ndarray,
    examples: list[int],
    bins: tuple[float, float],
) -> None:
    from matplotlib import colormaps
    from matplotlib.ticker import MaxNLocator

    width, start = bins
    n_bins, n_neurons = counts.shape[1:]
    extent = (start, start + n_bins * width, -0.5, n_neurons - 0.5)
    top = max(float(np.nanpercentile(array, 99.5)) for _, array, _ in kinds[1:])
    most = max(1.0, float(np.percentile(np.nan_to_num(counts), 99.9)))
    shown = [("spikes", counts, "Greys", most)]
    shown += [(name, array, "viridis", top or 1.0) for name, array, _ in kinds]
    heights = np.argsort(order)[examples]
    image: Any = None
    for row, (name, array, colors, high) in zip(grid, shown, strict=True):
        cmap = colormaps[colors].with_extremes(bad="#CFE3F2")
        for ax, trial in zip(row, array, strict=True):
            image = ax.imshow(
                trial[:, order].T,
                aspect="auto",
                origin="lower",
                interpolation="nearest",
                extent=extent,
                cmap=cmap,
                vmin=0.0,
                vmax=high,
            )
            ax.set_yticks(heights, [str(n) for n in examples], fontsize="x-small")
        row[0].set_ylabel(f"{name}\n(neuron)", fontsize="small")
        if name == "spikes":
            bar = fig.colorbar(image, ax=list(row), pad=0.01, aspect=8)
            bar.set_label("count", fontsize="small")
            bar.ax.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    bar = fig.colorbar(image, ax=list(grid[1:].ravel()), pad=0.01, aspect=25, extend="max")
    bar.set_label("rate (spikes/s)", fontsize="small")


def _draw_traces(axes: np.ndarray, time: np.ndarray, counts: np.ndarray, values: list) -> None:
    """Draw one neuron in each trial, rates as lines and counts as bars below."""
    top = 1.05 * max(float(np.nanmax(array, initial=0.0)) for _, array, _ in values) or 1.0
    most = float(np.nanmax(counts, initial=0.0)) or 1.0
    for i, ax in enumerate(axes):
        for name, array, look in values:
            ax.plot(time, array[i], label=name, **look)
        fired = counts[i] > 0
        ax.vlines(
            time[fired],
            -0.06 * top - 0.2 * top * counts[i][fired] / most,
            -0.06 * top,
            color="0.35",
            linewidth=1.0,
            label="spike counts",
        )
        ax.set_ylim(-0.3 * top, top)
