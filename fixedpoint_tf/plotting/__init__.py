"""Figures of fixed points and the dynamics around them.

Every function returns the figure and its axes, draws into given axes if asked to, and
leaves showing or saving to the caller. matplotlib is imported when the first figure is
drawn, not before.
"""

from fixedpoint_tf.plotting.flow import plot_flow
from fixedpoint_tf.plotting.spectra import plot_eigenvalues
from fixedpoint_tf.plotting.speeds import plot_q
from fixedpoint_tf.plotting.state_space import plot_fixed_points

#: The name of the same figure in FixedPointFinder (Golub & Sussillo 2018).
plot_fps = plot_fixed_points

__all__ = ["plot_eigenvalues", "plot_fixed_points", "plot_flow", "plot_fps", "plot_q"]
