"""Sensitivity to inputs, and the range in which the linearisation holds.

:func:`analyze_sensitivity` relates the inputs to the left eigenvectors of the dynamics at fixed
points, and the modes to the readout; :func:`linear_error` measures the distance from a point at
which the linearisation fails.
"""

from fixedpoint_tf.analysis.sensitivity.alignment import Sensitivity, analyze_sensitivity
from fixedpoint_tf.analysis.sensitivity.rollouts import LinearError, linear_error

__all__ = ["LinearError", "Sensitivity", "linear_error", "analyze_sensitivity"]
