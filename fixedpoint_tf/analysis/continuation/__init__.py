"""Branches of fixed points along a path of inputs, and their bifurcations."""

from fixedpoint_tf.analysis.continuation.continuing import continue_branches
from fixedpoint_tf.analysis.continuation.result import Bifurcation, Branches
from fixedpoint_tf.analysis.continuation.switching import switch_branch

__all__ = ["Bifurcation", "Branches", "continue_branches", "switch_branch"]
