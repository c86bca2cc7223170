"""The result of ``certify``."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from fixedpoint_tf._utils.plurals import pluralize
from fixedpoint_tf._utils.ranges import Agreement
from fixedpoint_tf._utils.results import Result
from fixedpoint_tf.analysis.certificates.codes import CertificateCode

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Certificates"]

_SENTENCES = {
    CertificateCode.CERTIFIED: (
        "proved: exactly one fixed point within {uniqueness:.1e}, at most {existence:.1e} away"
    ),
    CertificateCode.SUPPORTED: (
        "supported by samples, not proved: a fixed point at most {existence:.1e} away; the "
        "samples met no sign of another within {uniqueness:.1e}"
    ),
    CertificateCode.SLOW_POINT: (
        "a slow point: the Newton step of {newton:.1e} is too long for how fast the Jacobian "
        "turns (up to {lipschitz:.1e} of itself per unit of distance), and the residual of "
        "{residual:.1e} is no rounding error (at most {rounding:.1e})"
    ),
    CertificateCode.RESIDUAL: (
        "the Newton step of {newton:.1e} is too long for how fast the Jacobian turns (up to "
        "{lipschitz:.1e} of itself per unit of distance); the residual is {residual:.1e}, of "
        "which rounding in {precision} may be {rounding:.1e}"
    ),
    CertificateCode.SINGULAR: (
        "the Jacobian of the residual is singular to rounding in {precision}: the point is not "
        "isolated (a line of fixed points, or a bifurcation), or its Jacobian is too "
        "ill-conditioned"
    ),
    CertificateCode.KINK: (
        "the Jacobian changes abruptly within the Newton step of {newton:.1e}: the point is at "
        "the threshold of a unit, and the sides do not agree so far that they decide"
    ),
    CertificateCode.BORDER: (
        "on the threshold of a unit, or of several, whose sides have Jacobians of opposite "
        "orientation: a border collision, where the slightest change leaves other numbers of "
        "fixed points, as two fixed points or none"
    ),
    CertificateCode.NOT_FINITE: "the state, its image or its Jacobian is not finite",
    CertificateCode.INTERRUPTED: "not examined: the call was interrupted",
}


#: How the summary counts what was refused: of one, of several.
_REFUSED = {
    CertificateCode.SLOW_POINT: ("slow point", "slow points"),
    CertificateCode.RESIDUAL: ("not located well enough", "not located well enough"),
    CertificateCode.SINGULAR: ("not isolated", "not isolated"),
    CertificateCode.KINK: ("undecided at a threshold", "undecided at thresholds"),
    CertificateCode.BORDER: ("at a border collision", "at border collisions"),
    CertificateCode.NOT_FINITE: ("not finite", "not finite"),
    CertificateCode.INTERRUPTED: ("not examined", "not examined"),
}


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Certificates(Result):
    """Certificates of points, one row per point, by :func:`fixedpoint_tf.analysis.certify`.

    Distances are Euclidean, in the flat state, but see ``units``. ``codes`` is the outcome of
    each point.

    Attributes:
        certified: ``(n,)`` bool, the code is ``certified`` or ``supported``. :attr:`proved` and
            :attr:`supported` distinguish the two.
        codes: of :class:`fixedpoint_tf.analysis.CertificateCode`, one per point.
        existence_radius: ``(n,)``, a true fixed point lies within it; NaN where refused.
        uniqueness_radius: ``(n,)``, no other fixed point lies within it. For a sampled system
            it is at most the largest sampled radius, and no other given point lies within it.
        newton_bound: ``(n,)``, Y, bound of the length of the Newton step.
        inverse_defect: ``(n,)``, Z0, bound of ``|I - A DG|``.
        jacobian_lipschitz: ``(n,)``, Z2, bound of ``|A (DG(x) - DG(x*))| / |x - x*|`` within
            twice the Newton step; for a sampled system the largest sampled value times
            ``safety``.
        residual: ``(n,)``, ``|F(x) - x|`` (or ``|dx/dt|``) as evaluated.
        rounding: ``(n,)``, bound of the error of that evaluation.
        same_as: ``(n,)`` int, the first of the points given that is shown to stand for the
            same true fixed point (itself, if none before it); -1 where not certified.
        n_distinct: number of different true fixed points that are shown to exist: proved, or
            supported by samples, as ``method`` says.
        n_unstable: ``(n,)`` int, number of unstable directions of the true fixed point; -1
            where it is undecided: an eigenvalue is too near the edge, the fixed point may lie
            on a threshold, or nothing is certified.
        nearest: ``(n,)``, distance to the nearest other point under the same input.
        method: ``"closed form"``: the bounds hold everywhere in the ball; ``"sampled"``: the
            change of the Jacobian was measured at some places and multiplied by ``safety``,
            which is evidence, not proof.
        precision: ``"float32"`` or ``"float64"``, in which the network computes: the rounding
            errors are those of this type.
        safety: factor on the sampled change of the Jacobian; 1 for closed forms.
        time: ``"discrete"`` or ``"continuous"``.
        interrupted: whether the call was interrupted.
        units: ``(n_states,)``, the scale of each state, where the sizes of the states of a
            sampled system differ by more than a factor of 64: all distances, and the residual
            and its rounding, are then Euclidean in ``x / units``. None: in ``x``.

    Example:
        >>> from fixedpoint_tf import as_system
        >>> from fixedpoint_tf.analysis import certify
        >>> square = as_system(lambda h, u: h * h, n_states=1, n_inputs=0)
        >>> answer = certify(square, [[0.0], [1.0], [0.9]])
        >>> answer.supported.tolist(), answer.proved.any().item(), answer.n_unstable.tolist()
        ([True, True, False], False, [0, 1, -1])
    """

    certified: np.ndarray
    codes: list[CertificateCode]
    existence_radius: np.ndarray
    uniqueness_radius: np.ndarray
    newton_bound: np.ndarray
    inverse_defect: np.ndarray
    jacobian_lipschitz: np.ndarray
    residual: np.ndarray
    rounding: np.ndarray
    same_as: np.ndarray
    n_distinct: int
    n_unstable: np.ndarray
    nearest: np.ndarray
    method: str
    precision: str
    safety: float
    time: str
    interrupted: bool
    units: np.ndarray | None = None

    _axes = {
        "n": "certified codes existence_radius uniqueness_radius newton_bound inverse_defect "
        "jacobian_lipschitz residual rounding same_as n_unstable nearest",
        "n_states": "units",
    }
    _ranges = {
        "0 inf": "existence_radius uniqueness_radius newton_bound inverse_defect "
        "jacobian_lipschitz residual rounding nearest units",
        "0 n": "n_distinct",
        "1 inf": "safety",
        "-1 <n": "same_as",
        "-1 inf": "n_unstable",
    }
    _words = {
        **Result._words,
        "method": ("closed form", "sampled"),
        "precision": ("float32", "float64"),
    }

    def __post_init__(self) -> None:
        object.__setattr__(self, "codes", [CertificateCode(code) for code in self.codes])

    def _agreements(self) -> Iterator[Agreement]:
        rows, yes = np.arange(len(self)), self.proved | self.supported
        same_as = self.same_as.astype(int)
        stands = np.where(same_as < 0, -1, same_as[same_as])
        first = int((same_as == rows).sum())
        word = (
            CertificateCode.CERTIFIED if self.method == "sampled" else CertificateCode.SUPPORTED
        )
        yield "codes", [code != word for code in self.codes], f"those of {self.method!r}"
        yield "certified", self.certified == yes, "what the codes say"
        yield "existence_radius", np.isfinite(self.existence_radius) == yes, "one if certified"
        alone = self.uniqueness_radius >= self.existence_radius
        yield "uniqueness_radius", alone | ~yes, "at least existence_radius"
        same = ((same_as >= 0) == yes) & (same_as <= rows) & (stands == same_as)
        yield "same_as", same, "the first point of each certified one"
        yield "n_distinct", min(first, 1) <= self.n_distinct <= first, "what same_as leaves"
        yield "n_unstable", yes | (self.n_unstable == -1), "-1 where not certified"

    @property
    def proved(self) -> np.ndarray:
        """``(n,)`` bool, a fixed point is proved to exist and to be alone."""
        return np.array([code == CertificateCode.CERTIFIED for code in self.codes], dtype=bool)

    @property
    def supported(self) -> np.ndarray:
        """``(n,)`` bool, points whose certificate rests on samples, without a proof."""
        return np.array([code == CertificateCode.SUPPORTED for code in self.codes], dtype=bool)

    @property
    def reasons(self) -> list[str]:
        """A sentence for each point: why it is certified, or why it is not."""
        return [
            _SENTENCES[code].format(
                uniqueness=self.uniqueness_radius[i],
                existence=self.existence_radius[i],
                newton=self.newton_bound[i],
                lipschitz=self.jacobian_lipschitz[i],
                residual=self.residual[i],
                rounding=self.rounding[i],
                precision=self.precision,
            )
            for i, code in enumerate(self.codes)
        ]

    def __len__(self) -> int:
        return len(self.codes)

    def __repr__(self) -> str:
        n, n_yes = len(self), int(self.certified.sum())
        if not n:
            return "no points to certify"
        words = "proved" if self.method == "closed form" else "supported by samples (no proof)"
        part = f"{n_yes:,} of {pluralize(n, 'point')} {words}"
        if self.precision == "float32":
            part += " in float32 arithmetic"
        parts = [part]
        if n_yes:
            alone = "unique" if self.method == "closed form" else "with no other found"
            parts[0] += (
                f": {pluralize(self.n_distinct, 'distinct fixed point')}, at most "
                f"{np.nanmax(self.existence_radius):.1e} from the given "
                f"{'points' if n_yes > 1 else 'point'}, {alone} within "
                f"{'at least ' if n_yes > 1 else ''}{np.nanmin(self.uniqueness_radius):.1e}"
            )
            if self.units is not None:
                parts[-1] += ", each state measured in its own size"
        refused = [code for code in self.codes if code in _REFUSED]
        counts = [
            pluralize(refused.count(code), *_REFUSED[code]) for code in dict.fromkeys(refused)
        ]
        return "; ".join(parts + ([", ".join(counts)] if counts else []))

    def plot(self, *, fig: Figure | None = None, ax: Axes | None = None) -> tuple[Figure, Axes]:
        """Draw, for each point, where its true fixed point is and where no other one is.

        A bar runs from the radius within which the true fixed point lies to the one within
        which it is alone; a tick marks the distance to the nearest other point given. A point
        that is not certified shows the length of its Newton step. The legend says whether the
        balls are proved or only supported by samples. Values that are not finite are left out.

        Args:
            fig: the figure to add axes to.
            ax: the axes to draw in.

        Returns:
            The figure and the axes.

        Example:
            >>> from fixedpoint_tf.analysis import certify
            >>> from fixedpoint_tf import as_system
            >>> halve = as_system(lambda h, u: 0.5 * h, n_states=1, n_inputs=1)
            >>> fig, ax = certify(halve, [[0.0]], inputs=[[0.0]]).plot()
            >>> ax.get_yscale()
            'log'
        """
        from fixedpoint_tf.analysis.certificates.plotting import plot_certificates

        return plot_certificates(self, fig=fig, ax=ax)
