"""Splits of trials for training and validation."""

from __future__ import annotations

import numpy as np

from fixedpoint_tf._utils.checks import check_number, check_seed

__all__ = ["validation_trials"]


def validation_trials(
    n_trials: int, valid_fraction: float, seed: int, conditions: np.ndarray | None = None
) -> np.ndarray:
    """Draw the trials for validation, so many of each condition as its share is.

    There are ``valid_fraction * n_trials`` of them, rounded, but at least one, and at least
    one is left. Conditions get the whole part of their share each, and what is left goes to
    the largest remainders, ties being drawn; none loses its last trial as long as another
    has one to give.

    Args:
        n_trials: number of trials, at least 2.
        valid_fraction: between 0 and 1.
        seed: the same seed gives the same trials.
        conditions: ``(n_trials,)``; None: all are alike.

    Returns:
        A mask ``(n_trials,)``, true for validation.

    Raises:
        TypeError: a fraction that is not a number.
        ValueError: a fraction out of range, or fewer than two trials.

    Example:
        >>> import numpy as np
        >>> conditions = np.array(["left", "right"] * 5)
        >>> mask = validation_trials(10, 0.4, seed=0, conditions=conditions)
        >>> sorted(conditions[mask].tolist())
        ['left', 'left', 'right', 'right']
    """
    check_number(valid_fraction, "valid_fraction", high=1.0)
    check_seed(seed)
    if n_trials < 2:
        raise ValueError(f"n_trials: expected at least two to split, received {n_trials}.")
    rng = np.random.default_rng(seed)
    groups = np.zeros(n_trials, int)
    if conditions is not None:
        groups = np.unique(conditions, return_inverse=True)[1]
    n_valid = min(max(round(valid_fraction * n_trials), 1), n_trials - 1)
    is_valid = np.zeros(n_trials, bool)
    for group, share in enumerate(_shares(np.bincount(groups), n_valid, rng)):
        is_valid[rng.permutation(np.flatnonzero(groups == group))[:share]] = True
    return is_valid


def _shares(sizes: np.ndarray, total: int, rng: np.random.Generator) -> np.ndarray:
    """Apportion ``total`` trials to groups by their sizes."""
    quotas = total * sizes / sizes.sum()
    shares = np.floor(quotas).astype(int)
    for _ in range(total - shares.sum()):
        empties = shares + 1 >= sizes
        full = shares >= sizes
        order = np.lexsort((rng.random(len(sizes)), shares - quotas, empties, full))
        shares[order[0]] += 1
    return shares
