"""Cycles and outcomes of the starts, in words."""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING

import numpy as np

from fixedpoint_tf.analysis.outcomes import StartOutcome
from fixedpoint_tf.linearization.stability import Stability

if TYPE_CHECKING:
    from fixedpoint_tf.analysis.cycles.result import Cycles

__all__ = ["count_starts", "period_words", "summarize"]

SAID = 5e-6  # relative error of a period from which on it shows in six digits


def summarize(cycles: Cycles) -> str:
    """Describe the cycles, and the outcomes of the starts."""
    stability, periods = cycles.stability_in_words(), cycles.periods_in_words()
    curve = [
        "" if exact else ", on a closed curve" if n == 1 else f", on {n} closed curves"
        for exact, n in zip(cycles.is_exact, cycles.n_curves, strict=True)
    ]
    families = [
        ", one of a family" if n and not closes else ""
        for n, closes in zip(cycles.n_family, cycles.family_closes, strict=True)
    ]
    if cycles.n == 0:
        head = "no cycles"
    elif cycles.n == 1:
        kinds: dict[str, str] = {
            Stability.UNDECIDED: "a cycle of undecided stability",
            Stability.UNSTABLE: "an unstable cycle",
        }
        kind = kinds.get(stability[0], f"a {stability[0]} cycle")
        head = f"{kind}{families[0]}: the oscillation takes {periods[0]}{curve[0]}"
    else:
        said = [
            f"{period}{where} ({how}{family})"
            for period, where, how, family in zip(
                periods, curve, stability, families, strict=True
            )
        ]
        more = [f"{cycles.n - 4} more"] if cycles.n > 4 else []
        head = f"{cycles.n} cycles: the oscillations take " + "; ".join(said[:4] + more)
    n = sum(word == Stability.UNDECIDED for word in cycles.kink_stability)
    if n:
        head += f"; {n} through a kink, where stability is undecided"
    tail = "; interrupted" if cycles.interrupted else ""
    return f"{head}; starts: {cycles.starts_in_words() or 'none'}{tail}"


def period_words(cycles: Cycles) -> tuple[str, ...]:
    """Return the period of each oscillation in words, such as "7.3 steps"."""
    unit = "steps" if cycles.time == "discrete" else "time units"
    said = []
    for i, (own, period, turns) in enumerate(
        zip(cycles.oscillation_period, cycles.period, cycles.turns, strict=True)
    ):
        whole = cycles.time == "discrete" and cycles.is_exact[i]
        words = f"{own:.0f} {unit}" if whole and turns == 1 else f"{own:.6g} {unit}"
        if cycles.period_error[i] > SAID * own:
            words = f"{own:.6g} ± {cycles.period_error[i]:.1g} {unit}"
        if turns > 1:
            words += f", {turns} turns in {period:.0f} steps"
        said.append(words)
    return tuple(said)


def count_starts(cycles: Cycles) -> str:
    """Count the starts by outcome in words, such as "2 at a fixed point, 1 chaotic"."""
    counts = collections.Counter(cycles.outcomes)
    words = [
        f"{counts[outcome]:,} {outcome.place}{_details(cycles, outcome)}"
        for outcome in StartOutcome
        if counts[outcome]
    ]
    return ", ".join(words)


def _details(cycles: Cycles, outcome: StartOutcome) -> str:
    """Describe the exponents of chaotic starts, or the options that unsettled ones need."""
    if outcome == StartOutcome.NOT_SETTLED:
        n_steps = int(np.min(cycles.n_run[np.array(cycles.outcomes) == outcome]))
        after = f" after {n_steps:,} steps" if n_steps else ""
        return f"{after} (slow cycles need a larger n_steps, slow decay more n_extensions)"
    if outcome != StartOutcome.CHAOTIC:
        return ""
    chaotic = np.array(cycles.outcomes) == outcome
    rate = float(np.mean(cycles.lyapunov[chaotic]))
    error = float(np.nanmax(np.append(0.0, cycles.lyapunov_error[chaotic])))
    unit = "step" if cycles.time == "discrete" else "time unit"
    n_steps = int(np.min(cycles.n_run[chaotic]))
    over = f", in all {n_steps:,} steps simulated" if n_steps else ""
    return f" (exponent {rate:.2g} ± {error:.1g} per {unit}{over})"
