"""Inferred rates against the true ones, where these are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf._utils import checks, figures
from lfads_tf._utils.checks import numbers_or_nan, pair, seconds_per_bin
from lfads_tf.plotting import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_rates_against_truth"]

_WORDS = {"neurons": "mean over neurons", "pooled": "pooled over neurons"}


def plot_rates_against_truth(
    rates: Any,
    true_rates: Any,
    *,
    bin_width: float,
    smoothed: Any = None,
    trials: Any = None,
    neurons: Any = None,
    average: str = "neurons",
    start: float = 0.0,
    axes: Any = None,
) -> tuple[Figure, np.ndarray]:
    r"""Draw traces of example neurons over the truth, and all samples against the truth.

    By default the neurons are those at the 90th, 50th and 10th percentile of R^2: a good
    one, a typical one and a bad one. The histogram counts all trials, bins and neurons; on
    its dashed line inferred and true rates are equal. Its axes are logarithmic if the rates
    span decades, and all that is below them is counted at their beginning; else they leave
    out the highest thousandth. Traces of smoothed rates may leave the panel at 2.5 times
    the highest inferred or true rate.

    Args:
        rates: a result of inference, or rates ``(n_trials, n_bins, n_neurons)`` in spikes/s.
        true_rates: spikes/s, of the same shape; NaN where not known.
        bin_width: width of a bin in seconds.
        smoothed: rates by smoothing, of the same shape, drawn beside the inferred ones.
        trials: trials of the traces; by default three, evenly over the data.
        neurons: neurons of the traces.
        average: average of the R^2 over neurons, ``"neurons"`` or ``"pooled"`` (see
            :func:`~lfads_tf.analysis.r_squared`).
        start: time of the first bin's beginning in seconds.
        axes: axes to draw in: one for each neuron and trial, row by row, and one for the
            histogram; with ``smoothed`` two.

    Returns:
        The figure and the axes in this order, ``(n_neurons * n_trials + 1 or 2,)``.

    Raises:
        ValueError: shapes that differ, trials or neurons out of range.

    Example:
        >>> import numpy as np
        >>> true = np.random.default_rng(0).gamma(4.0, 5.0, (6, 40, 8))
        >>> fig, axes = plot_rates_against_truth(true + 1.0, true, bin_width=0.01, neurons=[2])
        >>> len(axes), axes[-1].get_title()
        (4, 'LFADS: R² = 0.99\n(mean over neurons)')
    """
    from lfads_tf.analysis import r_squared

    width = seconds_per_bin(bin_width)
    checks.check_number(start, "start", low=-np.inf)
    if not isinstance(average, str) or average not in _WORDS:
        raise ValueError(f"average: expected 'neurons' or 'pooled', received {average!r}.")
    shape = "(n_trials, n_bins, n_neurons)"
    true_rates = checks.as_numbers(true_rates, "true_rates", n_axes=(3,), shape=shape)
    inferred = style.field("rates", rates, "rates", 3, shape, nan=True)
    truth, inferred = pair("true_rates", true_rates, "rates", inferred)
    if np.isnan(truth).all():
        raise ValueError("true_rates: expected known rates, received NaN only.")
    estimates = [("LFADS", inferred, style.ESTIMATE)]
    if smoothed is not None:
        known = np.array(truth)
        smoothed = numbers_or_nan(smoothed, "smoothed")
        if smoothed.shape == known.shape:
            known[np.isnan(smoothed)] = np.nan
        pair("true_rates", known, "smoothed", smoothed)
        estimates.append(("smoothed", smoothed, style.SMOOTHED))
    n_trials, n_bins, n_neurons = truth.shape
    each = r_squared(truth, inferred, average=None)
    examples = style.chosen("neurons", neurons, n_neurons, _good_typical_bad(each))
    rows = style.chosen(
        "trials", trials, n_trials, np.unique(np.linspace(0, n_trials - 1, 3).round())
    )
    fig, traces, squares = _layout(axes, len(examples), len(rows), len(estimates))
    time = style.times(n_bins, width, start)
    for line, neuron in zip(traces, examples, strict=True):
        for ax, row in zip(line, rows, strict=True):
            for name, values, look in estimates[::-1]:
                ax.plot(time, values[row, :, neuron], label=name, **look)
            ax.plot(time, truth[row, :, neuron], label="true", **style.TRUTH)
        peaks = [
            float(np.nanmax(values[rows][:, :, neuron], initial=0.0))
            for values in (truth, *(values for _, values, _ in estimates))
        ]
        top = min(max(peaks), 2.5 * max(peaks[:2])) or 1.0
        for ax in line:
            ax.set_ylim(0.0, 1.05 * top)
        line[0].set_ylabel(
            f"neuron {neuron}\n(spikes/s)\nR² = {each[neuron]:.2f}", fontsize="small"
        )
    for ax, row in zip(traces[0], rows, strict=True):
        ax.set_title(f"trial {row}", fontsize="medium")
    figures.only_outer_labels(traces, "time (s)")
    _draw_histograms(fig, squares, truth, estimates, average)
    figures.legend_above_panels(fig, traces, own=axes is None)
    return fig, np.concatenate([traces.ravel(), squares])


def _good_typical_bad(each: np.ndarray) -> list[int]:
    """Choose the neurons at the 90th, 50th and 10th percentile of R^2."""
    order = np.argsort(-each)  # NaN at the end
    n = (~np.isnan(each)).sum() or len(each)
    at = np.round(np.array([0.1, 0.5, 0.9]) * (n - 1)).astype(int)
    return [int(order[i]) for i in dict.fromkeys(at)]


def _layout(
    axes: Any, n_neurons: int, n_trials: int, n_estimates: int
) -> tuple[Figure, np.ndarray, np.ndarray]:
    """Return the figure, axes of traces ``(n_neurons, n_trials)``, axes of histograms."""
    n_traces = n_neurons * n_trials
    if axes is not None:
        fig, grid = figures.panels(axes, 1, n_traces + n_estimates, size=(1.0, 1.0))
        return (
            fig,
            grid[0, :n_traces].reshape(n_neurons, n_trials),
            grid[0, n_traces:],
        )
    from matplotlib import pyplot

    height = max(3.4, 1.35 * n_neurons, 2.9 * n_estimates)
    fig = pyplot.figure(figsize=(2.0 * n_trials + 3.6, height), layout="constrained")
    spec = fig.add_gridspec(1, 2, width_ratios=(2.0 * n_trials, 3.0))
    traces = (
        spec[0, 0]
        .subgridspec(n_neurons, n_trials)
        .subplots(sharex=True, sharey="row", squeeze=False)
    )
    squares = spec[0, 1].subgridspec(n_estimates, 1).subplots(squeeze=False)
    figures.hide_frames(traces)
    figures.hide_frames(squares)
    return fig, traces, squares[:, 0]


def _draw_histograms(
    fig: Figure, axes: np.ndarray, truth: np.ndarray, estimates: list, average: str
) -> None:
    from matplotlib.colors import LogNorm

    from lfads_tf.analysis import r_squared

    seen = ~np.isnan(truth)
    x = truth[seen]
    samples = [values[seen] for _, values, _ in estimates]
    everything = np.concatenate([x, *samples])
    everything = everything[np.isfinite(everything)]
    high = float(np.percentile(everything, 99.9)) or 1.0
    low, middle = np.percentile(x, [1.0, 50.0])
    logarithmic = low > 0 and high / low > 30.0 and high / middle > 5.0
    if logarithmic:
        # Every rate has a place: what is below the axis stands at its beginning.
        high = float(everything.max())
        edges = np.geomspace(max(low, 1e-3 * high), high, 61)
    else:
        edges = np.linspace(0.0, high, 61)
    image: Any = None
    for ax, (name, values, _), y in zip(axes, estimates, samples, strict=True):
        fine = np.isfinite(y)
        *_, image = ax.hist2d(
            np.maximum(x[fine], edges[0]),
            np.maximum(y[fine], edges[0]),
            bins=[edges, edges],
            cmap="viridis",
            norm=LogNorm(),
            rasterized=True,
        )
        ax.plot(
            edges[[0, -1]], edges[[0, -1]], "--", color=figures.COLORS["black"], linewidth=1
        )
        if logarithmic:
            ax.set_xscale("log")
            ax.set_yscale("log")
        ax.set_aspect("equal")
        known = np.where(np.isfinite(values), truth, np.nan)
        score = r_squared(known, np.nan_to_num(values), average=average)
        ax.set_title(f"{name}: R² = {score:.2f}\n({_WORDS[average]})", fontsize="medium")
        ax.set_ylabel(f"{name} rate (spikes/s)")
        ax.set_xlabel("true rate (spikes/s)")
        bar = fig.colorbar(image, cax=ax.inset_axes((1.04, 0.0, 0.05, 1.0)))
        bar.set_label("samples")
