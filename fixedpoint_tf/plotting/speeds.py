"""The distribution of the speed q at points of several kinds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fixedpoint_tf._utils.checks import check_whole
from fixedpoint_tf._utils.figures import COLORS, legend_above, new_axes, say_if_empty

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_speeds"]

#: Before a tolerance this many times above every speed the axis has a break.
_FAR = 1e6

MOST_BARS = 10_000  # of a histogram; more than any screen has pixels


def plot_speeds(
    groups: Sequence[tuple[str, str, np.ndarray]],
    time: str,
    *,
    tol_q: float | None = None,
    n_bins: int = 40,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw the distribution of the speed q, one row of bars a kind of point, from below.

    Args:
        groups: name, colour and speeds ``(n_points,)`` of each kind.
        time: ``"discrete"`` or ``"continuous"``.
        tol_q: a tolerance to draw as a line; before one far above all speeds the axis has a
            break.
        n_bins: number of bars in the range of q, equally wide in log q.
        fig: the figure to add axes to.
        ax: the axes to draw in.
    """
    from matplotlib.ticker import NullFormatter

    fig, ax = new_axes(fig, ax, size=(5.5, 1.4 + 0.7 * max(1, len(groups))))
    q = np.concatenate([np.zeros(0), *(values for _, _, values in groups)])
    positive = q[np.isfinite(q) & (q > 0)]
    # Nothing is left of zero on a logarithmic axis: zeros stand one decade below the rest.
    floor = positive.min() / 10.0 if len(positive) else 1e-32
    any_zero = bool((q == 0).any())
    low = floor if any_zero or not len(positive) else positive.min()
    high = positive.max() if len(positive) else low
    # A tolerance far above all speeds would leave most of the axis empty.
    far = tol_q is not None and len(positive) > 0 and tol_q > _FAR * high
    if tol_q is not None and tol_q > 0 and not far:
        low, high = min(low, tol_q), max(high, tol_q)
    # At least three decades, so that the axis has several of its marks, at powers of ten.
    widen = max(1.5, np.sqrt(1e3 * low / high))
    check_whole(n_bins, "n_bins", most=MOST_BARS)
    edges = np.geomspace(low / widen, high * widen, n_bins + 1)
    names = []
    for height, (name, color, values) in enumerate(groups):
        finite = values[np.isfinite(values)]
        counts, _ = np.histogram(np.maximum(finite, low), edges)
        names.append(f"{name} ({len(values):,})")
        if len(finite) < len(values):
            names[-1] += f"\n{len(values) - len(finite):,} without finite q"
        bars = 0.8 * counts / max(1, counts.max())
        ax.bar(
            edges[:-1],
            bars,
            width=np.diff(edges),
            bottom=height,
            align="edge",
            color=color,
            edgecolor="white",
            linewidth=0.3,
        )
        ax.axhline(height, color=COLORS["grey"], linewidth=0.6, zorder=0)
    ax.set_xscale("log")
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(-0.05, max(1, len(groups)) - 0.05)
    ax.set_yticks(np.arange(len(groups)) + 0.35, names)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    marks = [] if tol_q is None else [(tol_q, "tol_q", "--")]
    if tol_q is not None and far:
        _break_axis(ax, (edges[0], edges[-1]), tol_q)
    if any_zero:
        marks.append((low, "q = 0", ":"))
    for at, words, dashes in marks:
        ax.axvline(at, color=COLORS["black"], linestyle=dashes, linewidth=1.0)
        ax.annotate(
            words,
            (at, 1.0),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="bottom",
            fontsize="small",
        )
    residual = "|F(x) − x|²" if time == "discrete" else "|dx/dt|²"
    ax.set_xlabel(f"speed q = ½ {residual}")
    say_if_empty(ax, len(groups), "no points")
    legend_above(ax)
    return fig, ax


def _power(number: float) -> str:
    """Write a whole power of ten as one, another number with one digit."""
    k = np.log10(number)
    return f"$10^{{{k:.0f}}}$" if abs(k - round(k)) < 1e-9 else f"{number:.0e}"


def _break_axis(ax: Axes, occupied: tuple[float, float], mark: float) -> None:
    """Draw the empty decades between the bars and a mark short, with a sign of the break."""
    ends = np.log10([*occupied, mark, 10.0 * mark])
    places = np.array([0.0, 0.75, 0.95, 1.0])

    def forward(q: np.ndarray) -> np.ndarray:
        return np.interp(np.log10(np.maximum(q, 1e-300)), ends, places)

    def inverse(place: np.ndarray) -> np.ndarray:
        return 10.0 ** np.interp(place, places, ends)

    ax.set_xscale("function", functions=(forward, inverse))
    ax.set_xlim(occupied[0], 10.0 * mark)
    low, high = np.ceil(ends[0]), np.floor(ends[1])
    decades = np.arange(low, high + 1, max(1, np.ceil((high - low) / 5)))
    ax.set_xticks([*10.0**decades, mark], [_power(q) for q in (*10.0**decades, mark)])
    ax.annotate(
        "//", (0.85, 0.0), xycoords="axes fraction", ha="center", va="center",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
    )  # fmt: skip
