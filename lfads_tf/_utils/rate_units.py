"""Units of rates: spikes a second or spikes a bin, by the spikes that they are of."""

from __future__ import annotations

import warnings

import numpy as np

__all__ = ["warn_of_rate_unit"]

_LONGEST = 0.1  # seconds: in longer bins a factor of bin_width may be a poor model's
_FEWEST = 20  # spikes, of which chance says little


def warn_of_rate_unit(
    argument: str,
    rates: np.ndarray,
    spikes: np.ndarray,
    bin_width: float,
    *,
    unit: str = "spikes/s",
    stacklevel: int = 2,
) -> None:
    """Warn of rates whose mean is off by about the factor of a bin's width.

    Args:
        argument: name of the rates.
        rates: of any shape; NaN is left out.
        spikes: counts in bins, of the same neurons; NaN is left out.
        bin_width: width of a bin in seconds.
        unit: in which the rates are expected, ``"spikes/s"`` or ``"spikes/bin"``.
        stacklevel: level of the warning in the stack, as seen by the caller.

    Example:
        >>> counts = np.ones((10, 20, 1))
        >>> warn_of_rate_unit("rates", 50.0 * counts, counts, 0.02)
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warn_of_rate_unit("rates", counts, counts, 0.02)
        >>> str(caught[0].message).partition(", and")[0]
        'rates: rates mean 1, like the spikes per bin (1)'
    """
    counts = spikes[np.isfinite(spikes)]
    known = rates[np.isfinite(rates)]
    if bin_width > _LONGEST or counts.sum() < _FEWEST or not known.size:
        return
    given, in_bin = float(known.mean(dtype=np.float64)), float(counts.mean(dtype=np.float64))
    in_unit = {"spikes/bin": in_bin, "spikes/s": in_bin / bin_width}
    words = {"spikes/bin": "per bin", "spikes/s": "per second"}
    expected = in_unit.pop(unit)
    ((other_unit, other),) = in_unit.items()
    if 0.5 < given / other < 2:
        as_which = f"like the spikes {words[other_unit]} ({other:.3g}), and not as those"
    elif 0.5 < given * other / expected**2 < 2:  # by the factor too often, or the wrong way
        as_which = f"{given / expected:.3g} times the spikes"
    else:
        return
    warnings.warn(
        f"{argument}: rates mean {given:.3g}, {as_which} {words[unit]} ({expected:.3g}). "
        f"Are they in {unit}?",
        stacklevel=stacklevel + 1,
    )
