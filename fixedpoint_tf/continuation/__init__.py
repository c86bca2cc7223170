"""How fixed points move, meet and change their stability as the input changes."""

from fixedpoint_tf.continuation.following import continue_in, switch
from fixedpoint_tf.continuation.result import Bifurcation, Branches

__all__ = ["Bifurcation", "Branches", "continue_in", "switch"]
