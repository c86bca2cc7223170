"""Oscillations: periodic orbits, closed invariant curves and limit cycles.

A discrete-time network can oscillate in two ways. On an exact cycle of period k every k-th
state is the same. On a closed invariant curve the period is not a whole number of steps, no
state ever comes back exactly, and a search for ``F^k(x) = x`` finds nothing: networks
trained to make sine waves are mostly of this kind.

An exact cycle of many steps may be an oscillation that is much faster, and takes no whole
number of steps: a rotation by 10/73 of a turn has period 73, and an oscillation of 7.3.
"""

from fixedpoint_tf.analysis.cycles.finding import find_cycles
from fixedpoint_tf.analysis.cycles.result import Cycles

__all__ = ["Cycles", "find_cycles"]
