"""Summary of the groups of points in one line, with the evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fixedpoint_tf._utils.plurals import pluralize
from fixedpoint_tf.analysis.attractors.group import count_members, count_stabilities, describe
from fixedpoint_tf.analysis.attractors.group_type import MANIFOLDS, GroupType
from fixedpoint_tf.analysis.outcomes import RunOutcome

if TYPE_CHECKING:
    from fixedpoint_tf.analysis.attractors.result import Attractors

__all__ = ["summarize"]


def summarize(answer: Attractors) -> str:
    """Describe the groups, then the evidence, separated by semicolons."""
    parts = [_sentence(answer), *_evidence(answer)]
    return "; ".join(parts) + (" (interrupted)" if answer.interrupted else "")


def _sentence(answer: Attractors) -> str:
    """Describe the groups in one sentence."""
    groups, shown = list(answer), []
    manifolds = [group for group in groups if len(group) > 1]
    if answer.n_turning or any(group.group_type == GroupType.CYCLE for group in groups):
        shown.append("states settle on a cycle: use find_cycles")
    for wanted in (*MANIFOLDS, GroupType.UNCLEAR):
        some = [group for group in manifolds if group.group_type == wanted]
        unclear = wanted == GroupType.UNCLEAR
        name = "unclear group" if unclear else wanted
        if len(some) == 1:
            shown.append(f"{'an' if unclear else 'a'} {name} of {count_members(some)}")
        elif some:
            total = count_members(some)
            shown.append(f"{pluralize(len(some), name)} of {total} in all")
    points = [group for group in groups if group.group_type == GroupType.POINT]
    if points:
        shown.append(_isolated(np.concatenate([group.n_unstable for group in points])))
    single = [group for group in groups if len(group) == 1]
    alone = [group for group in single if group.group_type == GroupType.UNCLEAR]
    lasting = [group for group in alone if group.dimension_spectral > 0]
    n_lasting = len(lasting)
    if lasting:
        shown.append(f"{count_members(lasting)} with slow modes but no neighbours")
    if len(alone) > n_lasting:
        shown.append(f"{pluralize(len(alone) - n_lasting, 'slow state')} on no manifold")
    if answer.n_drawn:
        lead = "leads" if answer.n_drawn == 1 else "lead"
        shown.append(f"{pluralize(answer.n_drawn, 'slow state')} that {lead} to a point")
    if not groups and not answer.n_turning:
        shown.append(_nothing(answer))
    where = f", at {len(answer.inputs):,} inputs" if len(answer.inputs) > 1 else ""
    return ", ".join(shown) + where


def _nothing(answer: Attractors) -> str:
    """Describe why no group was found."""
    n = answer.n_left_out + answer.n_not_slow
    if answer.interrupted or not n:
        return "no points"
    if len(answer.outcomes) and (answer.outcomes == RunOutcome.CYCLE).all():
        return "states settle on a cycle: use find_cycles"
    are = "is a fixed or slow point" if n == 1 else "are fixed or slow"
    return f"no points: of {pluralize(n, 'point')} given none {are}"


def _evidence(answer: Attractors) -> list[str]:
    """List the evidence for the sentence, and the outcomes of all other states."""
    groups, parts = list(answer), []
    told = [g for g in groups if len(g) > 1]
    names = ["group" if g.group_type == GroupType.UNCLEAR else g.group_type.value for g in told]
    for name, group in zip(names, told, strict=True):
        if names.count(name) == 1:
            several = len(told) > 1 or len(groups) > 1
            parts.append((f"the {name}: " if several else "") + ", ".join(describe(group)))
    if answer.n_turning:
        of = (
            "slow state lies on it or leads"
            if answer.n_turning == 1
            else ("slow states lie on it or lead")
        )
        parts.append(f"{answer.n_turning:,} {of} to it")
    if answer.n_not_slow:
        of = "is no slow point" if answer.n_not_slow == 1 else "are no slow points"
        parts.append(
            f"{answer.n_not_slow:,} {of} by min_time_constant = {answer.min_time_constant:g}"
        )
    ran = answer.outcomes[answer.outcomes != RunOutcome.NOT_RUN]
    n_cycle = int((ran == RunOutcome.CYCLE).sum())
    if n_cycle and (groups or n_cycle < len(ran)):
        settle = "settles" if n_cycle == 1 else "settle"
        of = f"{n_cycle:,} of {pluralize(len(ran), 'other state')}"
        parts.append(f"{of} {settle} on a cycle: use find_cycles")
    elif not groups and len(ran) and not n_cycle:
        parts.append(f"simulated further, {_become(ran)}")
    unclear = GroupType.UNCLEAR in answer.group_type
    if unclear and not set(MANIFOLDS) & set(answer.group_type) and answer.n_slow_points == 0:
        parts.append(
            "no slow points are among those given, by which a manifold would show: "
            "add those of the search, or sample_slow_states"
        )
    return parts


def _become(outcomes: np.ndarray) -> str:
    """Count runs, such as "3 arrive at given fixed points, 1 diverges"."""
    words = {
        RunOutcome.FIXED_POINT: (
            "arrives at a given fixed point",
            "arrive at given fixed points",
        ),
        RunOutcome.OTHER_REST: ("comes to rest", "come to rest"),
        RunOutcome.CYCLE: ("settles on a cycle", "settle on a cycle"),
        RunOutcome.MOVING: ("keeps moving", "keep moving"),
        RunOutcome.DIVERGED: ("diverges", "diverge"),
    }
    counts = [(int((outcomes == outcome).sum()), forms) for outcome, forms in words.items()]
    return ", ".join(f"{n:,} {forms[n > 1]}" for n, forms in counts if n)


def _isolated(n_unstable: np.ndarray) -> str:
    """Count such as "3 isolated attractors", "3 isolated points (2 stable, 1 with ...)"."""
    n = len(n_unstable)
    if (n_unstable == 0).all() and n:
        return pluralize(n, "isolated attractor")
    return f"{pluralize(n, 'isolated point')} ({count_stabilities(n_unstable)})"
