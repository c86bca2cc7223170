"""Several recordings of one system, with other neurons and other trials each day."""

from __future__ import annotations

import numpy as np

from fixedpoint_tf._utils.checks import check_array_sizes
from lfads_tf.data.session import Session
from lfads_tf.data.synthetic.dynamics import lorenz

__all__ = ["lorenz_days"]


def lorenz_days(
    n_days: int,
    n_trials: int = 40,
    n_neurons: int = 15,
    *,
    n_bins: int = 100,
    n_conditions: int = 20,
    bin_width: float = 0.01,
    mean_rate: float = 5.0,
    time_per_bin: float = 0.02,
    seed: int = 0,
) -> list[Session]:
    """Draw days of one Lorenz system, each with neurons and trials of its own.

    The conditions, and the trajectories that drive the neurons, are the same on all days: a
        model of all days should infer the same factors for a condition from each day's neurons.

    Args:
        n_days: number of sessions.
        n_trials: number of trials of each.
        n_neurons: number of neurons of each.
        n_bins: as in :func:`lfads_tf.data.synthetic.lorenz`.
        n_conditions: as in :func:`lfads_tf.data.synthetic.lorenz`.
        bin_width: as in ``lorenz``, in seconds.
        mean_rate: as in ``lorenz``, in spikes/s.
        time_per_bin: as in ``lorenz``, in units of the Lorenz system.
        seed: seed of all random numbers.

    Returns:
        Sessions ``"day 0"``, ``"day 1"``, ..., with true rates, and with the three
        coordinates of the Lorenz system as ``behavior``.

    Raises:
        ValueError: numbers out of range.

    Example:
        >>> days = lorenz_days(2, n_trials=20, n_neurons=8, n_conditions=5)
        >>> [day.name for day in days], days[0].behavior.shape
        (['day 0', 'day 1'], (20, 100, 3))
    """
    check_array_sizes(n_days=n_days, n_trials=n_trials, n_neurons=n_neurons)
    made = lorenz(
        n_trials=n_days * n_trials,
        n_bins=n_bins,
        n_neurons=n_days * n_neurons,
        n_conditions=n_conditions,
        bin_width=bin_width,
        mean_rate=mean_rate,
        time_per_bin=time_per_bin,
        seed=seed,
    )
    session, days = made.session, []
    of_trials, rates = np.asarray(session.conditions), np.asarray(session.true_rates)
    for day in range(n_days):
        trials = slice(day * n_trials, (day + 1) * n_trials)
        own = slice(day * n_neurons, (day + 1) * n_neurons)
        days.append(
            Session(
                session.spikes[trials, :, own],
                session.bin_width,
                f"day {day}",
                conditions=of_trials[trials],
                behavior=made.latents[trials],
                true_rates=rates[trials, :, own],
            )
        )
    return days
