"""Calls of lfads_tf.analysis and lfads_tf.plotting that succeed, and the kinds of arguments."""

from __future__ import annotations

from public_calls import Call, Excluded

CALLS: dict[str, Call | Excluded] = {}
