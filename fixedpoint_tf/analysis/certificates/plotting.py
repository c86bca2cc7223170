"""Pictures of the radii of existence and uniqueness."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fixedpoint_tf._utils.figures import COLORS, legend_above, new_axes, say_if_empty
from fixedpoint_tf.analysis.certificates.codes import CertificateCode
from fixedpoint_tf.analysis.certificates.result import Certificates

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_certificates"]

_REFUSED = {
    CertificateCode.SLOW_POINT: ("slow point", "^", COLORS["orange"]),
    CertificateCode.RESIDUAL: ("residual too large", "v", COLORS["vermillion"]),
    CertificateCode.SINGULAR: ("not isolated", "s", COLORS["purple"]),
    CertificateCode.KINK: ("undecided at a threshold", "D", COLORS["green"]),
    CertificateCode.BORDER: ("border collision", "P", COLORS["green"]),
}


def plot_certificates(
    certificates: Certificates, *, fig: Figure | None = None, ax: Axes | None = None
) -> tuple[Figure, Axes]:
    """Draw the figure that ``Certificates.plot`` describes."""
    from matplotlib.ticker import MaxNLocator

    fig, ax = new_axes(fig, ax, size=(6.0, 4.0))
    c = certificates
    yes = np.flatnonzero(c.certified)
    # An exact fixed point has the radius zero, which a logarithmic axis cannot show.
    low = np.maximum(c.existence_radius[yes], 1e-17)
    proof = c.method == "closed form"
    if len(yes):
        ax.vlines(yes, low, c.uniqueness_radius[yes], color=COLORS["sky blue"], linewidth=1.5)
        ax.plot(
            yes,
            low,
            "o",
            color=COLORS["black"],
            markersize=4.5,
            label="exists within (proved)" if proof else "exists within (supported by samples)",
        )
        ax.plot(
            yes,
            c.uniqueness_radius[yes],
            "o",
            color=COLORS["blue"],
            markerfacecolor="white",
            markersize=5.5,
            label="is alone within" if proof else "no other met within",
        )
    near = yes[np.isfinite(c.nearest[yes]) & (c.nearest[yes] > 0)]
    if len(near):
        ax.plot(
            near,
            c.nearest[near],
            "_",
            color=COLORS["grey"],
            markersize=8,
            label="nearest point",
        )
    codes = np.array(c.codes, dtype=object)
    n_kinds = len(yes)
    for code, (name, marker, color) in _REFUSED.items():
        rows = np.flatnonzero((codes == code) & np.isfinite(c.newton_bound))
        n_kinds += len(rows)
        if len(rows):
            ax.plot(
                rows,
                np.maximum(c.newton_bound[rows], 1e-17),
                linestyle="none",
                marker=marker,
                color=color,
                markersize=5.5,
                label=f"{name}: Newton step",
            )
    ax.set_yscale("log")
    ax.set_xlim(-0.75, max(len(c), 1) - 0.25)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("point")
    ax.set_ylabel("distance in state space")
    say_if_empty(ax, n_kinds, "no points")
    legend_above(ax)
    return fig, ax
