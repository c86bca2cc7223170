"""Discrete and continuous time, and the length of a step."""

from __future__ import annotations

import numpy as np

__all__ = ["TIMES", "check_dt", "check_time", "step"]

TIMES = ("discrete", "continuous")


def check_time(time: str) -> str:
    """Returns ``time``, or raises ``ValueError`` where it is none of ``TIMES``."""
    if time not in TIMES:
        raise ValueError(f"time: expected 'discrete' or 'continuous', received {time!r}.")
    return time


def check_dt(dt: float | None) -> float:
    """The factor from steps to units of time."""
    if dt is None:
        return 1.0
    if not (np.isfinite(dt) and dt > 0):
        raise ValueError(f"dt: expected a positive number, received {dt!r}.")
    return float(dt)


def step(time: str, dt: float | None) -> float:
    """The length of a step of a discrete system; a continuous one has none."""
    if time == "continuous" and dt is not None:
        raise ValueError(
            "dt: expected None for a continuous system, whose eigenvalues are per unit of "
            f"time already, received {dt!r}."
        )
    return check_dt(dt)
