"""Calls of lfads_tf, without analysis and plotting, and the kinds of their arguments."""

from __future__ import annotations

from public_calls import Call, Excluded

CALLS: dict[str, Call | Excluded] = {}
