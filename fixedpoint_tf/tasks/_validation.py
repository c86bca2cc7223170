"""Checks that the tasks share."""

from __future__ import annotations

import numpy as np

__all__ = ["require_generator", "require_positive"]


def require_generator(rng: np.random.Generator) -> None:
    """Refuse anything but a ``numpy.random.Generator``: a seed alone would be drawn twice."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            "rng must be a numpy.random.Generator, such as numpy.random.default_rng(0); "
            f"got {type(rng).__name__}."
        )


def require_positive(**sizes: int) -> None:
    """Refuse a size that is no integer of at least one, by its name."""
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)):
            raise TypeError(f"{name} must be a positive integer; got {size!r}.")
        if size < 1:
            raise ValueError(f"{name} must be a positive integer; got {size}.")
