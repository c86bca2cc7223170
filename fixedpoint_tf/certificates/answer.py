"""What ``certify`` answers."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf.results import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Certificates"]

_SENTENCES = {
    "certified": (
        "exactly one fixed point within {uniqueness:.1e}, at most {existence:.1e} away"
    ),
    "slow_point": (
        "a slow point: the Newton step of {newton:.1e} is too long for how fast the Jacobian "
        "turns (up to {lipschitz:.1e} of itself per unit of distance), and the residual of "
        "{residual:.1e} is no rounding error (at most {rounding:.1e})"
    ),
    "residual": (
        "the Newton step of {newton:.1e} is too long for how fast the Jacobian turns (up to "
        "{lipschitz:.1e} of itself per unit of distance); the residual is {residual:.1e}"
    ),
    "singular": (
        "the Jacobian of the residual is singular to rounding: the point is not isolated (a "
        "line of fixed points, or a bifurcation), or its Jacobian is too ill-conditioned"
    ),
    "kink": (
        "an activation may change its slope abruptly within the Newton step of {newton:.1e}: "
        "the network is not linear there"
    ),
    "not_finite": "the state, its image or its Jacobian is not finite",
    "interrupted": "not examined: the call was interrupted",
}


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Certificates(Result):
    """What :func:`fixedpoint_tf.certificates.certify` could show, a row for each point.

    Distances are Euclidean, in the flat state. ``codes`` says what became of each point:

    ===============  =================================================================
    ``certified``    there is exactly one fixed point within ``uniqueness_radius``
    ``slow_point``   refused, and the residual is no rounding error
    ``residual``     refused: the Newton step is too long for the curvature there
    ``singular``     the Jacobian of the residual has no inverse: not isolated
    ``kink``         a ReLU may change its side within the Newton step
    ``not_finite``   NaN or infinity
    ``interrupted``  not examined
    ===============  =================================================================

    Attributes:
        certified: ``(n,)`` bool.
        codes: one word a point, see above.
        existence_radius: ``(n,)``, a true fixed point lies within it; NaN where refused.
        uniqueness_radius: ``(n,)``, and no other within this one.
        newton_bound: ``(n,)``, Y, bound of the length of the Newton step.
        inverse_defect: ``(n,)``, Z0, bound of ``|I - A DG|``.
        jacobian_lipschitz: ``(n,)``, Z2, bound of ``|A (DG(x) - DG(x*))| / |x - x*|`` within
            twice the Newton step.
        residual: ``(n,)``, ``|F(x) - x|`` (or ``|dx/dt|``) as evaluated.
        rounding: ``(n,)``, bound of the error of that evaluation.
        same_as: ``(n,)`` int, the first of the points given that is proved to stand for the
            same true fixed point (itself, if none before it); -1 where not certified.
        n_distinct: how many different true fixed points are proved to exist.
        n_unstable: ``(n,)`` int, number of unstable directions of the true fixed point,
            proved; -1 where an eigenvalue is too near the edge, or nothing is certified.
        nearest: ``(n,)``, distance to the nearest other point under the same input.
        method: ``"closed form"``: the bounds hold everywhere in the ball; ``"sampled"``: the
            change of the Jacobian was measured at some places and multiplied by ``safety``,
            which is evidence, not proof.
        safety: that factor, 1 for closed forms.
        kind: ``"discrete"`` or ``"continuous"``.
        interrupted: whether the call was interrupted.

    Example:
        >>> from fixedpoint_tf import as_system, certify
        >>> square = as_system(lambda h, u: h * h, n_states=1, n_inputs=0)
        >>> answer = certify(square, [[0.0], [1.0], [0.9]])
        >>> answer.certified.tolist(), answer.n_unstable.tolist(), answer.method
        ([True, True, False], [0, 1, -1], 'sampled')
    """

    certified: np.ndarray
    codes: list[str]
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
    safety: float
    kind: str
    interrupted: bool

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
            )
            for i, code in enumerate(self.codes)
        ]

    def __len__(self) -> int:
        return len(self.codes)

    def __repr__(self) -> str:
        n, n_yes = len(self), int(self.certified.sum())
        verb = (
            "certified" if self.method == "closed form" else "supported by samples (no proof)"
        )
        parts = [f"{n_yes:,} of {n:,} points {verb}"]
        if n_yes:
            parts[0] += f" as {self.n_distinct:,} distinct fixed point"
            parts[0] += "s" if self.n_distinct != 1 else ""
            parts.append(
                f"at most {np.nanmax(self.existence_radius):.1e} away, alone within at least "
                f"{np.nanmin(self.uniqueness_radius):.1e}"
            )
        refused = [code for code in self.codes if code != "certified"]
        counts = [f"{refused.count(code):,} {code}" for code in dict.fromkeys(refused)]
        return "; ".join(parts + ([", ".join(counts).replace("_", " ")] if counts else []))

    def plot(self, **options: Any) -> tuple[Figure, Axes]:
        """Draws both radii of every point.

        See :func:`fixedpoint_tf.plotting.certificates.plot_certificates`.
        """
        from fixedpoint_tf.plotting.certificates import plot_certificates

        return plot_certificates(self, **options)
