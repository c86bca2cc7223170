"""Sensitivity to inputs, and the range in which the linearisation holds.

:func:`analyze_sensitivity` reads the inputs through the left eigenvectors of the dynamics at
fixed points and the modes through the readout; :func:`linear_error` measures at which
distance from a point the linear picture fails.
"""

from fixedpoint_tf.analysis.sensitivity.alignment import Sensitivity, analyze_sensitivity
from fixedpoint_tf.analysis.sensitivity.rollouts import LinearError, linear_error

__all__ = ["LinearError", "Sensitivity", "linear_error", "analyze_sensitivity"]
