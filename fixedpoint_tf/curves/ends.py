"""Ends of branches, and types of the bifurcations along them."""

from __future__ import annotations

from fixedpoint_tf._utils.enums import TextStrEnum

__all__ = ["BifurcationType", "BranchEnd"]


class BranchEnd(TextStrEnum):
    """Reason for which a branch of fixed points stops.

    Example:
        >>> BranchEnd.CLOSED_LOOP, BranchEnd.CLOSED_LOOP.text
        ('closed loop', 'the branch has returned to its beginning')
    """

    END_OF_PATH = "end of path", "the path of inputs ends here"
    CLOSED_LOOP = "closed loop", "the branch has returned to its beginning"
    LEFT_BOUNDS = "left the bounds", "a state is outside the bounds given"
    MOST_POINTS = "most points", "the branch has as many points as max_points allows"
    STEP_TOO_SMALL = (
        "step too small",
        "the next point was not found by any step that is not shorter than min_step",
    )
    BORDER_BRANCH_POINT = (
        "border branch point",
        "many branches meet where several units reach their thresholds together, and none "
        "goes straight on",
    )
    JUMP = (
        "jump of the system",
        "the next state itself jumps here, or many thresholds meet and no way on is found",
    )
    INTERRUPTED = "interrupted", "stopped from the keyboard"


class BifurcationType(TextStrEnum):
    """Type of a bifurcation.

    Example:
        >>> BifurcationType.SADDLE_NODE, BifurcationType.SADDLE_NODE.text
        ('saddle-node', 'the branch turns back: two fixed points meet and vanish')
    """

    SADDLE_NODE = "saddle-node", "the branch turns back: two fixed points meet and vanish"
    BRANCH_POINT = "branch point", "two branches cross (pitchfork or transcritical)"
    PERIOD_DOUBLING = (
        "period doubling",
        "an eigenvalue passes -1: a cycle of two steps begins here",
    )
    NEIMARK_SACKER = (
        "Neimark-Sacker",
        "a complex pair of eigenvalues passes the unit circle: a closed curve begins here",
    )
    HOPF = (
        "Hopf",
        "a complex pair of eigenvalues passes the imaginary axis: a limit cycle begins here",
    )
    MULTIPLE = (
        "multiple bifurcation",
        "several real eigenvalues cross at one place, as in a symmetric network",
    )
    BORDER_FOLD = (
        "border-collision fold",
        "a unit reaches its threshold: two branches meet here and vanish",
    )
    BORDER_COLLISION = (
        "border collision",
        "a unit reaches its threshold: the branch goes on, with another stability or number "
        "of unstable modes",
    )
    BORDER_BRANCH_POINT = (
        "border branch point",
        "units reach their thresholds: other branches begin here",
    )
    CONTINUUM = (
        "continuum",
        "from here on every point of a part of the branch is a fixed point at one input",
    )

    @property
    def plural(self) -> str:
        """The word for several of them.

        Example:
            >>> BifurcationType.CONTINUUM.plural, BifurcationType.HOPF.plural
            ('continua', 'Hopf')
        """
        if self == BifurcationType.CONTINUUM:
            return "continua"
        of_names = (BifurcationType.HOPF, BifurcationType.NEIMARK_SACKER)
        return self.value if self in of_names else f"{self.value}s"
