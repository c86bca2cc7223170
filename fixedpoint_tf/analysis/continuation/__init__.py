"""How fixed points move, meet and change their stability as the input changes."""

from fixedpoint_tf.analysis.continuation.following import continue_branches
from fixedpoint_tf.analysis.continuation.result import Bifurcation, Branches
from fixedpoint_tf.analysis.continuation.switching import switch_branch

__all__ = ["Bifurcation", "Branches", "continue_branches", "switch_branch"]
