"""Signals of single trials: checks, and filters for a band of frequencies."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import signal

from fixedpoint_tf._utils import checks
from lfads_tf._utils.checks import numbers_or_nan, seconds_per_bin

__all__ = ["band_pass", "check_band", "check_trials"]


def band_pass(
    values: Any, bin_width: float, band: tuple[float, float], *, order: int = 4
) -> np.ndarray:
    """Filter signals to a band of frequencies, without a shift in time.

    A Butterworth filter runs forward and backward (``scipy.signal.sosfiltfilt``), so that
    phases are kept and gains are squared: 1/2 at both ends of the band. Signals are continued
    at both ends by their reflection; within about a period of the lower frequency from each end
    the result is unreliable. Filtered noise oscillates in the band too: compare with shuffled
    trials.

    Args:
        values: ``(n_trials, n_bins)`` or ``(n_trials, n_bins, n)``.
        bin_width: width of a bin in seconds.
        band: lower and upper frequency in Hz.
        order: order of the filter in one direction.

    Returns:
        The same shape, float64.

    Raises:
        TypeError: values that are not real numbers, or an order that is not an integer.
        ValueError: another number of axes, NaN or infinity, a band that is not between 0 and
            half the bins per second, or trials too short for such a filter.

    Example:
        >>> import numpy as np
        >>> time = np.arange(200) * 0.01
        >>> slow, fast = np.sin(2 * np.pi * 2 * time), np.sin(2 * np.pi * 20 * time)
        >>> found = band_pass((slow + fast)[None], 0.01, (15.0, 25.0))[0]
        >>> bool(np.abs(found - fast)[50:150].max() < 0.01)
        True
    """
    width = seconds_per_bin(bin_width)
    checks.check_whole(order, "order")
    array = _signals("values", values, (2, 3), "(n_trials, n_bins) or (n_trials, n_bins, n)")
    low, high = check_band(band, width)
    n_padded = 3 * (2 * order + 1)  # of sosfiltfilt, for a section each of the order
    if array.shape[1] <= n_padded:
        raise ValueError(
            f"values: expected more than {n_padded} bins for a filter of order {order}, "
            f"received {array.shape[1]}."
        )
    sections = signal.butter(order, [low, high], "bandpass", fs=1 / width, output="sos")
    longest = min(array.shape[1] - 1, max(n_padded, int(np.ceil(1 / (low * width)))))
    return signal.sosfiltfilt(sections, array, axis=1, padlen=longest)


def check_trials(rates: Any, lfp: Any) -> tuple[np.ndarray, np.ndarray]:
    """Check rates ``(n_trials, n_bins, n_neurons)`` and field potential, in float64."""
    y = _signals("rates", rates, (2, 3), "(n_trials, n_bins, n_neurons) or (n_trials, n_bins)")
    x = _signals("lfp", lfp, (2,), "(n_trials, n_bins)")
    if x.shape != y.shape[:2]:
        raise ValueError(
            f"lfp: expected shape {y.shape[:2]}, one value for each trial and bin of rates, "
            f"received {x.shape}."
        )
    for name, array in (("rates", y), ("lfp", x)):
        if (array == array[:, :1]).all():
            raise ValueError(
                f"{name}: expected a signal that varies, received one value in each trial."
            )
    return (y[..., None] if y.ndim == 2 else y), x


def _signals(name: str, value: Any, n_axes: tuple[int, ...], shape: str) -> np.ndarray:
    array = checks.as_numbers(value, name, n_axes=n_axes, shape=shape, dtype=None).astype(
        np.float64
    )
    bad = ~np.isfinite(array)
    if bad.any():
        raise ValueError(
            f"{name}: expected finite numbers, received NaN or infinity in {bad.sum():,} of "
            f"{array.size:,} samples. Cut trials of different lengths to what all have."
        )
    return numbers_or_nan(array, name)


def check_band(band: Any, width: float) -> tuple[float, float]:
    """Check two frequencies in Hz, for bins of this width in seconds."""
    edges = list(band) if isinstance(band, tuple | list | np.ndarray) and np.ndim(band) else []
    if len(edges) != 2 or not all(map(checks.is_number, edges)):
        raise checks.ArgumentTypeError(
            f"band: expected two frequencies in Hz, received {checks.shown(band)}."
        )
    low, high = edges
    if not 0 < low < high < 0.5 / width:
        raise ValueError(
            "band: expected two frequencies in Hz, rising, above 0 and below half the bins "
            f"per second ({0.5 / width:g}), received {band!r}."
        )
    return float(low), float(high)
