"""Binning of recordings: counts in bins, segments, chopping and merging, rebinning.

Time runs in seconds; bins are half open, ``[left edge, right edge)``. Pure functions of
arrays: none changes what it is given.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fixedpoint_tf._utils.checks import (
    ArgumentTypeError,
    as_numbers,
    check_choice,
    check_fits,
    check_number,
    check_whole,
    is_number,
    listed,
    shown,
)
from lfads_tf._utils.checks import check_infinity, refuse_flags, seconds_per_bin

__all__ = ["bin_spikes", "chop", "merge", "rebin", "segment"]

# Times that are nearer to an edge than this share of a bin are meant to lie on it: 0.3 s is
# the left edge of bin 3 of 0.1 s, although 0.3 < 3 * 0.1 in floating point. In an hour of
# bins of 1 ms the rounding is 1e-9 of a bin; one sample at 30 kHz is 3e-2 of a bin.
_ON_EDGE = 1e-6
# Of a recording: in bins of 1 ms more than three weeks.
_MOST_BINS = 2_000_000_000

# Times in other units, by how many of them are a second.
_OTHER_UNITS = {1e3: "ms", 1e6: "µs", 3e4: "samples at 30 kHz"}
# Neurons that fire less often than once in ten seconds are rare; the same in ms would be 100
# spikes/s, which is more than populations fire.
_LEAST_RATE = 0.1


def bin_spikes(
    spike_times: Sequence[Any], bin_width: float, start: float, stop: float
) -> np.ndarray:
    """Count the spikes of each neuron in bins.

    There are ``round((stop - start) / bin_width)`` bins. A spike on an edge belongs to the
    bin that begins there; edges are meant up to a millionth of a bin, so that a time that
    was typed or rounded as an edge is one. Spikes outside the bins are left out, among
    them those on the last edge. Times, widths or ends that seem to be in another unit than
    seconds are warned of.

    Args:
        spike_times: one array of times for each neuron, in seconds, in any order; a row, a
            column or nothing, as MATLAB has them.
        bin_width: width of a bin in seconds.
        start: left edge of the first bin, in seconds.
        stop: end of the last bin, in seconds.

    Returns:
        Counts ``(n_bins, n_neurons)``, float32.

    Raises:
        TypeError: times that are no numbers.
        ValueError: a width or a duration that is not positive; times that are not finite
            or not one-dimensional.

    Example:
        >>> bin_spikes([[0.01, 0.02, 0.3], []], bin_width=0.1, start=0.0, stop=0.4).T
        array([[2., 0., 0., 1.],
               [0., 0., 0., 0.]], dtype=float32)
    """
    width = seconds_per_bin(bin_width)
    start = check_number(start, "start", -math.inf, for_=" of seconds")
    stop = check_number(stop, "stop", -math.inf, for_=" of seconds")
    duration = (stop - start) / width
    if not abs(duration) <= _MOST_BINS:
        raise ValueError(
            f"stop: expected at most {_MOST_BINS:,} bins of {width:g} s from start "
            f"({start:g} s) on, received {stop:g} s."
        )
    n_bins = round(duration)
    if n_bins < 1:
        raise ValueError(
            f"stop: expected a time at least one bin of {width:g} s after start ({start:g} s), "
            f"received {stop:g} s."
        )
    spike_times = _each_neuron(spike_times)
    # In single precision, and the counts of one neuron and a copy of them in double.
    check_fits("bin_width", width, n_bins, len(spike_times) / 2 + 2)
    shape = np.shape(spike_times) if isinstance(spike_times, np.ndarray) else ()
    if len(shape) == 2 and shape[0] > shape[1] == 1:
        raise ValueError(
            "spike_times: expected one array of times for each neuron, received one column "
            f"{shape}. For a single neuron give [times.ravel()]."
        )
    given: list[np.ndarray] = []
    counts = np.empty((n_bins, len(spike_times)), np.float32)
    for neuron, times in enumerate(spike_times):
        times = as_numbers(times, f"spike_times of neuron {neuron}", dtype=None)
        if times.dtype == bool:
            raise TypeError(
                f"spike_times of neuron {neuron}: expected times in seconds, received flags. "
                "Bins with and without a spike are counts already."
            )
        times = times.astype(np.float64)
        if times.size == 0 or (times.ndim == 2 and 1 in times.shape):
            times = times.ravel()
        if times.ndim != 1:
            raise ValueError(
                "spike_times: expected one array of times for each neuron, received an array "
                f"of shape {times.shape} for neuron {neuron}."
            )
        if not np.isfinite(times).all():
            raise ValueError(
                "spike_times: expected finite times in seconds, received NaN or infinity for "
                f"neuron {neuron}."
            )
        bins = _bin_of(times, start, width)
        inside = bins[(bins >= 0) & (bins < n_bins)]
        counts[:, neuron] = np.bincount(inside.astype(np.int64), minlength=n_bins)
        given.append(times)
    if len(shape) == 2 and any(len(own) and own[-1] == 0 < own.max() for own in given):
        warnings.warn(
            "spike_times: rows of the matrix end in 0, as in tables padded with zeros; these "
            "zeros are counted as spikes. Pass a list with one array for each neuron.",
            stacklevel=2,
        )
    if doubt := _doubt_of_unit(given, int(counts.sum(dtype=np.float64)), start, stop):
        warnings.warn(f"spike_times: {doubt} Are they in seconds?", stacklevel=2)
    return counts


def _each_neuron(spike_times: Any) -> Any:
    """Return the times of at least one neuron, in an array or a list."""
    expected = "spike_times: expected one array of times for each neuron, in a list, received"
    if isinstance(spike_times, Mapping):
        raise TypeError(
            f"{expected} a mapping with keys {list(spike_times)[:5]}; give "
            "list(times.values())."
        )
    if hasattr(spike_times, "__array__") and not isinstance(spike_times, np.ndarray):
        spike_times = np.asarray(spike_times)
    is_array = isinstance(spike_times, np.ndarray) and spike_times.ndim > 0
    is_list = isinstance(spike_times, Sequence) and not isinstance(spike_times, str | bytes)
    if not is_array and not is_list:
        raise ArgumentTypeError(f"{expected} {shown(spike_times)}.")
    if not len(spike_times):
        raise ValueError(f"{expected} none.")
    return spike_times


def _doubt_of_unit(given: list[np.ndarray], n_inside: int, start: float, stop: float) -> str:
    """Describe evidence that times are not in seconds, or return ""."""
    n_spikes = sum(map(len, given))
    window = f"{start:g} to {stop:g} s"
    if not n_spikes:
        return ""
    times = np.concatenate(given)
    n_distinct = sum(len(np.unique(own)) for own in given)
    if n_spikes >= 20 and n_distinct < n_spikes / 2:
        return (
            f"{n_spikes} spikes came at {n_distinct} different times, as counts in bins do, "
            "not spikes."
        )
    if n_inside == 0:
        return f"none of the {n_spikes} spikes lies within {window}."
    first, last = times.min(), times.max()
    spent = last - first
    rate = n_spikes / max(spent, 1e-9) / sum(len(own) > 0 for own in given)
    for per_second, unit in _OTHER_UNITS.items():
        n_then = np.sum((times >= per_second * start) & (times < per_second * stop))
        if n_then > max(10 * n_inside, 20) and rate < _LEAST_RATE:
            return (
                f"only {n_inside} of {n_spikes} spikes lie within {window}, and neurons would "
                f"fire {rate:.2g} times a second; in {unit}, {n_then} would lie within."
            )
    if n_spikes >= 100 and rate < _LEAST_RATE / 4:
        return f"neurons would fire {rate:.2g} times a second."
    if n_spikes >= 20 and spent > 0 and last - start < (stop - start) / 500:
        return (
            f"the last of {n_spikes} spikes comes at {last:g} s of {window}: start and stop "
            "seem to be in another unit."
        )
    return ""


def segment(
    continuous: Any,
    event_times: Any,
    before: float,
    after: float,
    bin_width: float,
    start: float,
    *,
    outside: str = "error",
) -> np.ndarray:
    """Cut a trial around each event out of a binned recording.

    The bin that holds the event is bin ``before / bin_width`` of its trial. An event within
    a bin is thereby moved to the bin's left edge, by less than one bin; to align spikes to
    events exactly, call :func:`bin_spikes` for each event instead.

    Args:
        continuous: ``(n_bins, ...)``, as of :func:`bin_spikes`.
        event_times: ``(n_events,)``, in seconds on the clock of ``start``; NaN for a trial
            without the event, whose window then lies outside the recording.
        before: time before each event, in seconds, a whole number of bins.
        after: time from each event on, in seconds, a whole number of bins.
        bin_width: width of a bin in seconds.
        start: left edge of the recording's first bin, in seconds, as given to
            :func:`bin_spikes`. Without it, events would be looked up on another clock.
        outside: what to do with events whose window leaves the recording. ``"error"``:
            refuse them; ``"drop"``: leave them out, with a warning that lists them;
            ``"nan"``: keep them, with NaN (not observed) where there is no recording.

    Returns:
        ``(n_events, n_bins_of_a_trial, ...)``.

    Raises:
        TypeError: not an array of numbers.
        ValueError: times that are not a whole number of bins, an empty window, or events
            outside the recording with ``outside="error"``.

    Example:
        >>> import numpy as np
        >>> recording = np.arange(10.0)[:, None]
        >>> segment(recording, [0.25, 0.6], 0.1, 0.2, bin_width=0.1, start=0.0)[..., 0]
        array([[1., 2., 3.],
               [5., 6., 7.]])
    """
    array = _recording(continuous)
    refuse_flags(event_times, "event_times", "times in seconds")
    times = as_numbers(event_times, "event_times", n_axes=(1,), shape="(n_events,)")
    check_infinity(times, "event_times")
    width = seconds_per_bin(bin_width)
    start = check_number(start, "start", -math.inf, for_=" of seconds")
    check_choice(outside, "outside", ("error", "drop", "nan"))
    n_before = _whole_bins("before", before, width)
    n_after = _whole_bins("after", after, width)
    if n_before + n_after < 1:
        raise ValueError(
            f"before, after: expected a window of at least one bin, received {before!r} s and "
            f"{after!r} s."
        )
    _check_window(n_before, n_after, len(array), width, outside)
    known = np.isfinite(times)
    first = _bin_of(np.where(known, times, start), start, width) - n_before
    inside = known & (first >= 0) & (first + n_before + n_after <= len(array))
    if not inside.all() and outside != "nan":
        message = (
            f"event_times: expected windows within the recording of {start:g} to "
            f"{start + len(array) * width:g} s, received {np.sum(~inside)} of {len(times)} "
            f"events whose windows leave it: events {listed(np.flatnonzero(~inside))}"
        )
        timeless = ""
        if not known.all():
            timeless = f" Of these, events {listed(np.flatnonzero(~known))} have no time (NaN)."
        if outside == "error":
            raise ValueError(
                f"{message}. Pass outside='drop' or 'nan' to go on without.{timeless}"
            )
        warnings.warn(f"{message}. They are left out.{timeless}", stacklevel=2)
        first = first[inside]
    bins = first.astype(np.int64)[:, None] + np.arange(n_before + n_after)
    if outside != "nan":
        return array[bins]
    there = known[:, None] & (bins >= 0) & (bins < len(array))
    if known.any() and not there.any():
        warnings.warn(
            f"event_times: no window of {known.sum()} events meets the recording of {start:g} "
            f"to {start + len(array) * width:g} s. Are they in seconds?",
            stacklevel=2,
        )
    trials = _as_float(array[np.where(there, bins, 0)])
    trials[~there] = np.nan
    return trials


def chop(continuous: Any, window: int, overlap: int, *, fill: float = np.nan) -> np.ndarray:
    """Chop a continuous recording into overlapping windows that cover all of it.

    Window ``i`` begins at bin ``i * (window - overlap)``. :func:`merge` joins a model's outputs
    for the windows.

    Args:
        continuous: ``(n_bins, ...)``.
        window: bins in a window.
        overlap: bins that a window shares with the next, from 0 to ``window - 1``.
        fill: value after the end of the recording in the last window: NaN, not observed; for
            measured inputs to a model, 0.

    Returns:
        ``(n_windows, window, ...)``, a copy; floating point as given, else float32.

    Raises:
        TypeError: not an array of numbers.
        ValueError: no bins, or sizes out of range.

    Example:
        >>> import numpy as np
        >>> chop(np.arange(5), window=3, overlap=1)
        array([[0., 1., 2.],
               [2., 3., 4.]], dtype=float32)
    """
    array = _recording(continuous)
    if not (is_number(fill) and np.isnan(fill)):
        fill = check_number(fill, "fill", -math.inf, for_=" or NaN")
    n_windows = _number_of_windows(len(array), window, overlap)
    of_bin = array.size // len(array)
    check_fits("window", window, n_windows, window, 2 + of_bin / 2)
    bins = (window - overlap) * np.arange(n_windows)[:, None] + np.arange(window)
    chopped = _as_float(array[np.minimum(bins, len(array) - 1)])
    chopped[bins >= len(array)] = fill
    return chopped


def merge(windows: Any, overlap: int, n_bins: int | None = None) -> np.ndarray:
    """Join overlapping windows into one recording, with a smooth cross-fade.

    Each window fades in over its first ``overlap`` bins while what came before fades out.
    The two weights add up to one (raised cosines), so that windows that agree are given
    back exactly: ``merge(chop(x, window, overlap), overlap, len(x))`` is ``x``. Where one of
    the two is NaN, the other is taken whole.

    Args:
        windows: ``(n_windows, window, ...)``, such as rates inferred from what
            :func:`chop` returned.
        overlap: as given to :func:`chop`.
        n_bins: number of bins of the recording, to leave out what lies past its end; None: keep
            all.

    Returns:
        ``(n_bins, ...)``; floating point as given, else float32.

    Raises:
        TypeError: not an array of numbers.
        ValueError: ``n_bins`` that do not chop into so many windows.

    Example:
        >>> import numpy as np
        >>> windows = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
        >>> merge(windows, overlap=1)
        array([0. , 0. , 0.5, 1. , 1. ])
    """
    array = as_numbers(windows, "windows", dtype=None)
    if array.ndim < 2 or 0 in array.shape[:2]:
        raise ValueError(
            f"windows: expected shape (n_windows, window, ...) and not empty, received "
            f"{array.shape}."
        )
    n_windows, window = array.shape[:2]
    check_whole(overlap, "overlap", 0, window - 1)
    if n_bins is not None:
        check_whole(n_bins, "n_bins")
    stride = window - overlap
    longest = window + (n_windows - 1) * stride
    if _number_of_windows(longest if n_bins is None else n_bins, window, overlap) != n_windows:
        raise ValueError(
            f"n_bins: expected as many as chop into {n_windows} windows of {window} bins that "
            f"overlap by {overlap}, received {n_bins!r}."
        )
    merged = np.empty((longest, *array.shape[2:]), _as_float(array[:0]).dtype)
    merged[:window] = array[0]
    ramp = 0.5 - 0.5 * np.cos(np.pi * np.arange(1, overlap + 1) / (overlap + 1))
    ramp = ramp.astype(merged.dtype).reshape(-1, *[1] * (merged.ndim - 1))
    for i in range(1, n_windows):
        shared = slice(i * stride, i * stride + overlap)
        old, new = merged[shared], array[i, :overlap]
        # Not w a + (1 - w) b, which rounds where a = b.
        faded = old + ramp * (new - old)
        faded = np.where(np.isnan(old), new, faded)
        merged[shared] = np.where(np.isnan(new), old, faded)
        merged[i * stride + overlap : i * stride + window] = array[i, overlap:]
    return merged[:n_bins]


def rebin(spikes: Any, factor: int) -> np.ndarray:
    """Add up the counts of neighbouring bins.

    A wide bin is NaN if one of its parts is.

    Args:
        spikes: counts, ``(..., n_bins, n_neurons)``.
        factor: number of narrow bins in a wide one; it divides ``n_bins``.

    Returns:
        Counts ``(..., n_bins // factor, n_neurons)``; float32 for counts of half precision.

    Raises:
        TypeError: not an array of numbers.
        ValueError: a factor that does not divide the number of bins.

    Example:
        >>> import numpy as np
        >>> rebin(np.ones((10, 6, 4)), 3).shape
        (10, 2, 4)
    """
    array = as_numbers(spikes, "spikes", dtype=None)
    if array.ndim < 2:
        raise ValueError(
            f"spikes: expected shape (..., n_bins, n_neurons), received {array.shape}."
        )
    *leading, n_bins, n_neurons = array.shape
    if n_bins % check_whole(factor, "factor", most=max(n_bins, 1)):
        raise ValueError(
            f"factor: expected a whole number that divides {n_bins} bins, received {factor!r}. "
            "Cut the bins that are left over first."
        )
    parts = array.reshape(*leading, n_bins // factor, factor, n_neurons)
    # Half precision holds no sums above 65,504, and rounds those above 2,048.
    is_half = array.dtype.kind in "fV" and array.dtype.itemsize < 4
    return np.asarray(parts.sum(axis=-2, dtype=np.float32 if is_half else None))


def _recording(continuous: Any) -> np.ndarray:
    """Return a recording ``(n_bins, ...)`` of at least one bin."""
    array = as_numbers(continuous, "continuous", dtype=None)
    if array.ndim < 1 or len(array) == 0:
        raise ValueError(
            f"continuous: expected shape (n_bins, ...) with at least one bin, received "
            f"{array.shape}."
        )
    return array


def _bin_of(times: np.ndarray, start: float, width: float) -> np.ndarray:
    """Return the bin that holds each time, a whole number as float."""
    position = (times - start) / width
    nearest = np.rint(position)
    return np.where(np.abs(position - nearest) < _ON_EDGE, nearest, np.floor(position))


def _number_of_windows(n_bins: int, window: int, overlap: int) -> int:
    check_whole(window, "window")
    check_whole(overlap, "overlap", 0, window - 1)
    check_whole(n_bins, "n_bins")
    return max(0, math.ceil((n_bins - window) / (window - overlap))) + 1


def _whole_bins(name: str, duration: float, width: float) -> int:
    n_bins = check_number(duration, name, -math.inf, for_=" of seconds") / width
    if not abs(n_bins) <= _MOST_BINS or abs(n_bins - round(n_bins)) > 1e-6 * max(
        1.0, abs(n_bins)
    ):
        raise ValueError(
            f"{name}: expected a whole number of bins of {width:g} s, received {duration!r} s "
            f"({n_bins:.4g} bins)."
        )
    return round(n_bins)


def _check_window(n_before: int, n_after: int, n_bins: int, width: float, outside: str) -> None:
    """Refuse a window that no event of the recording can have."""
    name = "before" if n_before > n_after else "after"
    longest, most = max(n_before, n_after), n_bins
    if n_before + n_after > n_bins and outside != "nan":
        name, longest = "before, after", n_before + n_after
    elif outside == "nan":  # Much of a window may lie outside, but hardly all of it.
        most = 10 * n_bins
    if longest > most:
        raise ValueError(
            f"{name}: expected a window within the recording of {n_bins * width:g} s, received "
            f"{longest * width:g} s. Is it in seconds?"
        )


def _as_float(array: np.ndarray) -> np.ndarray:
    return array if array.dtype.kind == "f" else array.astype(np.float32)
