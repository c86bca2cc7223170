"""Compatibility of sessions to be stitched, in errors that name the session."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fixedpoint_tf._utils.checks import listed
from lfads_tf._utils.checks import UNNAMED
from lfads_tf._utils.conditions import as_one_kind, condition_kinds, has_condition
from lfads_tf.data.session import Session

__all__ = ["as_sessions", "common_conditions"]


def as_sessions(sessions: Any, name: str = "sessions") -> list[Session]:
    """Return a list of sessions for one model, checked against the first of them.

    Args:
        sessions: a session, or several of them.
        name: name of the argument, for errors.

    Raises:
        TypeError: no sessions.
        ValueError: none at all, two of one name, or sessions that differ in the width or
            number of bins, in the bins to be encoded, or in their external inputs.

    Example:
        >>> days = [Session(np.ones((4, 50, n)), 0.02, f"day{n}") for n in (6, 9)]
        >>> [session.name for session in as_sessions(days)]
        ['day6', 'day9']
        >>> as_sessions([days[0], days[0]])
        Traceback (most recent call last):
        ...
        ValueError: sessions: expected sessions of different names, received 'day6' twice.
    """
    if isinstance(sessions, Session):
        sessions = [sessions]
    is_several = isinstance(sessions, Sequence) and not isinstance(sessions, str)
    if not is_several or not all(isinstance(session, Session) for session in sessions):
        shown = type(sessions).__name__
        if is_several:
            shown += f" of {', '.join(sorted({type(item).__name__ for item in sessions}))}"
        raise TypeError(f"{name}: expected a Session or a list of them, received a {shown}.")
    if not sessions:
        raise ValueError(f"{name}: expected at least one session, received none.")
    first, names = sessions[0], [session.name for session in sessions]
    for session in sessions:
        if names.count(session.name) > 1:
            raise ValueError(
                f"{name}: expected sessions of different names, received {session.name!r} "
                f"{'twice' if names.count(session.name) == 2 else 'several times'}."
                + (" Session(..., name=...) names one." if session.name == UNNAMED else "")
            )
        if not math.isclose(session.bin_width, first.bin_width, rel_tol=1e-6):
            raise ValueError(
                f"{name}: expected bins of {first.bin_width:g} s, as in {first.name!r}, "
                f"received bins of {session.bin_width:g} s in {session.name!r}. rebin makes "
                "bins wider."
            )
        for what, of in _COMMON.items():
            expected, received = of(first), of(session)
            if expected != received:
                raise ValueError(
                    f"{name}: expected {expected} {what}, as in {first.name!r}, received "
                    f"{received} in {session.name!r}."
                )
    return list(sessions)


def _n_external(session: Session) -> int:
    return 0 if session.external_inputs is None else session.external_inputs.shape[2]


_COMMON = {
    "bins in a trial": lambda session: session.n_bins,
    "external inputs": _n_external,
    "encoded bins": lambda session: session.n_encode_bins or session.n_bins,
}


def common_conditions(sessions: Sequence[Session], name: str = "sessions") -> np.ndarray:
    """Return the conditions, which must be the same in every session, from trials with one.

    Args:
        sessions: of :func:`as_sessions`.
        name: name of the argument, for errors.

    Returns:
        Their labels in order, ``(n_conditions,)``.

    Raises:
        ValueError: a session without conditions, or one that lacks a condition of another's.

    Example:
        >>> days = [
        ...     Session(np.ones((4, 50, 6)), 0.02, name, conditions=["left", "right"] * 2)
        ...     for name in ("monday", "tuesday")
        ... ]
        >>> common_conditions(days).tolist()
        ['left', 'right']
    """
    labels: dict[str, np.ndarray] = {}
    for session in sessions:
        if session.conditions is None or not has_condition(session.conditions).any():
            raise ValueError(
                f"{name}: expected the condition of each trial, by which sessions are "
                f"aligned, received none in {session.name!r}."
            )
        labels[session.name] = condition_kinds(session.conditions)
    labels = dict(zip(labels, as_one_kind(list(labels.values())), strict=True))
    for one, ours in labels.items():
        for other, theirs in labels.items():
            missing = [label for label in theirs.tolist() if label not in ours.tolist()]
            if missing:
                raise ValueError(
                    f"{name}: expected the same conditions in every session, received "
                    f"{one!r} without {'condition' if len(missing) == 1 else 'conditions'} "
                    f"{listed(map(repr, missing))} of {other!r}."
                )
    return next(iter(labels.values()))
