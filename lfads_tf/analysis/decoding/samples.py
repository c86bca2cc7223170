"""Features and targets of the same samples, checked, and those without NaN."""

from __future__ import annotations

from typing import Any

import numpy as np

from lfads_tf._utils.checks import numbers_or_nan

__all__ = ["check_samples", "check_varying", "complete_samples", "training_samples"]

_SHAPE = "(n_trials, n_bins, n) or (n_samples, n)"


def check_samples(
    features: Any,
    targets: Any,
    names: tuple[str, str] = ("features", "targets"),
    *,
    trials: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Check features and targets of the same samples, or of trials alone, as float64.

    Infinity is refused.
    """
    of_x, of_y = names
    n_axes, shape = ((3,), "(n_trials, n_bins, n)") if trials else ((2, 3), _SHAPE)
    x = numbers_or_nan(features, of_x, n_axes=n_axes, shape=shape)
    y = numbers_or_nan(targets, of_y, n_axes=n_axes, shape=shape)
    if x.shape[:-1] != y.shape[:-1]:
        raise ValueError(
            f"{of_y}: expected shape ({', '.join(map(str, x.shape[:-1]))}, n_targets), since "
            f"{of_x} have shape {x.shape}, received {y.shape}."
        )
    return x.astype(np.float64, copy=False), y.astype(np.float64, copy=False)


def check_varying(targets: np.ndarray, argument: str = "targets") -> None:
    """Refuse constant behaviour, whose R^2 would be NaN."""
    with np.errstate(invalid="ignore"):
        rows = targets.reshape(-1, targets.shape[-1])
        low = np.nanmin(rows, axis=0, initial=np.inf)
        high = np.nanmax(rows, axis=0, initial=-np.inf)
    if not (low < high).any():
        raise ValueError(f"{argument}: expected behavior that varies, received one value.")


def complete_samples(
    features: np.ndarray, targets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Take the samples without NaN in features or targets, one a row."""
    x = features.reshape(-1, features.shape[-1])
    y = targets.reshape(-1, targets.shape[-1])
    keep = ~(np.isnan(x).any(axis=1) | np.isnan(y).any(axis=1))
    return (x, y) if keep.all() else (x[keep], y[keep])


def training_samples(
    features: np.ndarray, targets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Take the samples without NaN, which must be two at least."""
    x, y = complete_samples(features, targets)
    if len(x) < 2:
        raise ValueError(
            "features: expected at least two training samples without NaN in features and "
            f"targets, received {len(x)}."
        )
    return x, y
