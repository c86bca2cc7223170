"""Synthetic data whose rates, latents and inputs are known."""

from lfads_tf.data.synthetic.days import lorenz_days
from lfads_tf.data.synthetic.dynamics import (
    Synthetic,
    chaotic_rnn_with_pulse,
    lorenz,
    lorenz_flow,
    spikes_from_rates,
)
from lfads_tf.data.synthetic.oscillations import Oscillation, oscillation

__all__ = [
    "Oscillation",
    "Synthetic",
    "chaotic_rnn_with_pulse",
    "lorenz",
    "lorenz_days",
    "lorenz_flow",
    "oscillation",
    "spikes_from_rates",
]
