"""Kinds of arguments that mean the same everywhere, and objects that many calls take."""

from __future__ import annotations

import functools

import numpy as np
from argument_kinds import Kind, figure_axes, flag, path, seed

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
    """A map of two states and one input."""
    from fixedpoint_tf import as_system

    return as_system(lambda h, u: 0.5 * h + u, n_states=2, n_inputs=1)


@functools.cache
def points():
    """Its fixed point."""
    from fixedpoint_tf import FixedPointFinder

    finder = FixedPointFinder(system(), effort=0.0, verbose=False)
    return finder.find_fixed_points(np.zeros((4, 2)), np.zeros((1, 1)))[0]
