"""The table and the figures of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf._utils.figures import save_figure
from fixedpoint_tf._utils.files import writing
from lfads_tf import plotting
from lfads_tf.analysis import metrics
from lfads_tf.analysis.decoding.cross_validation import decoding_r_squared
from lfads_tf.analysis.decoding.decoders import Ridge
from lfads_tf.analysis.decoding.fitting import fit_decoder
from lfads_tf.analysis.smoothing import select_gaussian_width, smooth_gaussian
from lfads_tf.config import LFADSConfig
from lfads_tf.data.session import Session
from lfads_tf.inference.result import Inferred
from lfads_tf.model import LFADS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw", "measured"]


def measured(
    model: LFADS, train: Session, valid: Session, of_train: Inferred, of_valid: Inferred
) -> str:
    """Return a Markdown table of LFADS beside smoothing, on validation trials.

    Smoothing has no bits/spike: its rate in a bin is made of the very spikes in it. What
    the encoders do not see has rows of its own: neurons (co-smoothing) in the bins that
    they see, and bins (forward prediction).

    Args:
        model: the model of the inference.
        train: trials for training.
        valid: trials for validation.
        of_train: inference on the former.
        of_valid: inference on the latter.
    """
    width = train.bin_width
    sd = select_gaussian_width(train.spikes, width).sd
    rates = {
        "LFADS": (of_train.rates, of_valid.rates),
        f"Gaussian, {1e3 * sd:.0f} ms": tuple(
            smooth_gaussian(session.spikes, width, sd) for session in (train, valid)
        ),
    }
    rows: dict[str, list[str]] = {}
    if model.network.observation.counts:
        means = metrics.mean_rates(train.spikes, width)
        for name, bins, neurons in _scored(model.config, valid):
            spikes = valid.spikes[:, bins, neurons]
            if not np.nansum(spikes):
                continue  # no spike there could be predicted
            bits = metrics.bits_per_spike(
                of_valid.rates[:, bins, neurons], spikes, width, reference=means[neurons]
            )
            rows[f"bits/spike, {name}"] = [f"{bits:.3f}", "-"]
    if valid.true_rates is not None:
        for average in ("neurons", "pooled"):
            rows[f"R^2 to the true rates, {average}"] = [
                f"{metrics.r_squared(valid.true_rates, of, average=average):.3f}"
                for _, of in rates.values()
            ]
    if train.behavior is not None and valid.behavior is not None:
        rows["R^2 of behavior, ridge"] = [
            f"{_decoded(train, valid, *both):.3f}" for both in rates.values()
        ]
    lines = [f"| | {' | '.join(rates)} |", "|---" * (len(rates) + 1) + "|"]
    lines += [f"| {name} | {' | '.join(values)} |" for name, values in rows.items()]
    return "\n".join(lines)


def _scored(config: LFADSConfig, session: Session) -> list[tuple[str, slice, slice]]:
    """List the parts of a session on which bits/spike are measured: name, bins, neurons."""
    bins, neurons = config.encoded_bins, config.encoded_of(config.index_of(session.name))
    scored = [("validation trials", slice(None), slice(None))]
    if neurons < session.n_neurons:
        scored.append(("held-out neurons", slice(0, bins), slice(neurons, None)))
    if bins < config.n_bins:
        scored.append(("held-out bins", slice(bins, None), slice(None)))
    return scored


def _decoded(train: Session, valid: Session, of_train: Any, of_valid: Any) -> float:
    decoder = fit_decoder(Ridge(), of_train, train.behavior)
    return decoding_r_squared(valid.behavior, decoder.predict(of_valid))


def draw(
    out: Path,
    train: Session,
    valid: Session,
    of_valid: Inferred,
    history: Mapping[str, Any],
) -> list[str]:
    """Draw the run and the validation trials.

    Args:
        out: folder for the figures.
        train: trials for training.
        valid: trials for validation.
        of_valid: inference on the latter.
        history: lists by name, a number per epoch.

    Returns:
        The names of the files.
    """
    width = valid.bin_width
    figures = {
        "learning_curve": plotting.plot_history(history)[0],
        "trials": plotting.plot_trials(valid, of_valid)[0],
        "factors": plotting.plot_factors(of_valid, valid.conditions, bin_width=width)[0],
        "initial_conditions": plotting.plot_initial_conditions(of_valid, valid.conditions)[0],
    }
    if of_valid.inferred_input_mean.shape[-1]:
        figures["inferred_inputs"] = plotting.plot_inferred_inputs(
            of_valid, bin_width=width, conditions=valid.conditions
        )[0]
    if valid.true_rates is not None:
        sd = select_gaussian_width(train.spikes, width).sd
        figures["rates_against_truth"] = plotting.plot_rates_against_truth(
            of_valid.rates,
            valid.true_rates,
            bin_width=width,
            smoothed=smooth_gaussian(valid.spikes, width, sd),
        )[0]
    return _save(out, figures)


def _save(out: Path, figures: Mapping[str, Figure]) -> list[str]:
    from matplotlib import pyplot

    for name, figure in figures.items():
        with writing(out / f"{name}.png", overwrite=True) as path:
            save_figure(figure, path)
        pyplot.close(figure)
    return [f"{name}.png" for name in figures]
