"""Discrete and continuous time, and the length of a step."""

from __future__ import annotations

from fixedpoint_tf._utils.checks import check_number, shown

__all__ = ["TIMES", "check_dt", "check_time", "step"]

TIMES = ("discrete", "continuous")


def check_time(time: str) -> str:
    """Return ``time``, or raise ``ValueError`` where it is none of ``TIMES``."""
    if not isinstance(time, str) or time not in TIMES:
        raise ValueError(f"time: expected 'discrete' or 'continuous', received {shown(time)}.")
    return time


def check_dt(dt: float | None) -> float:
    """Return the factor from steps to units of time."""
    return 1.0 if dt is None else check_number(dt, "dt")


def step(time: str, dt: float | None) -> float:
    """Return the length of a step of a discrete system, None for a continuous one."""
    if time == "continuous" and dt is not None:
        raise ValueError(
            "dt: expected None for a continuous system, whose eigenvalues are per unit of "
            f"time already, received {shown(dt)}."
        )
    return check_dt(dt)
