"""Calls of fixedpoint_tf, but for its analysis, that succeed, and the kinds of arguments."""

from __future__ import annotations

from public_calls import Call, Excluded

CALLS: dict[str, Call | Excluded] = {}
