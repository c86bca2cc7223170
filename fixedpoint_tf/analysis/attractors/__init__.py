r"""Attractors of a network: isolated points, and lines, rings and planes of slow states.

A network that stores a continuous value has a continuum of fixed points, or, since no
trained network is exact, a manifold along which it is merely slow (Seung 1996; Sussillo &
Barak 2013; Khona & Fiete 2022, "Attractor and integrator networks in the brain"). Two
independent kinds of evidence are compared:

- the spectrum: a manifold of dimension d has d eigenvalues of dF/dx near 1 at each of its
  points, :math:`|\lambda - 1| \le 1 / \mathrm{slow}` (continuous: near 0);
- the geometry: neighbours along it lie on a line or a surface.

Points belong together if the dynamics between them are slow: two states on the way from one
point to the other neither converge nor diverge faster than at the rate 1 / slow. By this
criterion the 27 fixed points of a flip-flop, though they lie on lines, are isolated.
"""

from fixedpoint_tf.analysis.attractors.classification import classify_attractors
from fixedpoint_tf.analysis.attractors.group import Group
from fixedpoint_tf.analysis.attractors.result import Attractors

__all__ = ["Attractors", "Group", "classify_attractors"]
