"""Discrete and continuous time, and the length of a step."""

from __future__ import annotations

import numpy as np

__all__ = ["KINDS", "check_dt", "check_kind", "step"]

KINDS = ("discrete", "continuous")


def check_kind(kind: str) -> str:
    """Returns ``kind``, or raises ``ValueError`` where it is none of ``KINDS``."""
    if kind not in KINDS:
        raise ValueError(f"kind: expected 'discrete' or 'continuous', received {kind!r}.")
    return kind


def check_dt(dt: float | None) -> float:
    """The factor from steps to units of time."""
    if dt is None:
        return 1.0
    if not (np.isfinite(dt) and dt > 0):
        raise ValueError(f"dt: expected a positive number, received {dt!r}.")
    return float(dt)


def step(kind: str, dt: float | None) -> float:
    """The length of a step of a discrete system; a continuous one has none."""
    if kind == "continuous" and dt is not None:
        raise ValueError(
            "dt: expected None for a continuous system, whose eigenvalues are per unit of "
            f"time already, received {dt!r}."
        )
    return check_dt(dt)
