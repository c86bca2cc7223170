"""Kinds of arguments that mean the same everywhere, and objects that many calls take."""

from __future__ import annotations

import functools

import numpy as np
from argument_kinds import Kind, figure_axes, flag, instance, path, seed

KINDS: dict[str, Kind] = {
    "verbose": flag(),
    "seed": seed(),
    "overwrite": flag(),
    "path": path(),
    "fig": figure_axes(),
    "ax": figure_axes(),
}


@functools.cache
def system():
    """Return a map of two states and one input."""
    from fixedpoint_tf import as_system

    return as_system(lambda h, u: 0.5 * h + u, n_states=2, n_inputs=1)


@functools.cache
def points():
    """Return the fixed point of the map."""
    from fixedpoint_tf import FixedPointFinder

    finder = FixedPointFinder(system(), effort=0.0, verbose=False)
    return finder.find_fixed_points(np.zeros((4, 2)), np.zeros((1, 1)))[0]


def fixed_points() -> Kind:
    """Describe the FixedPoints of ``system``; states alone, and other widths, are wrong."""
    from fixedpoint_tf import FixedPoints

    wide = FixedPoints(xstar=np.zeros((1, 3)), inputs=np.zeros((1, 1)))
    return instance(others=(wide, (wide, wide), np.zeros((1, 2)), [[0.0, 0.0]]))


def network() -> Kind:
    """Describe what ``as_system`` takes by itself: a function does not say its sizes."""
    return instance(others=(lambda h, u: h, dict, "nothing.keras", [system()], (system(),)))
