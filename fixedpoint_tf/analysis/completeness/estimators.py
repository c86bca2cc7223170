"""Estimators of the points that a sample of starts has not met."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln
from scipy.stats import beta

__all__ = ["LOST", "accumulation", "chao1", "missing_mass_bound"]

#: The label of a start that reached no point.
LOST = -2


def chao1(counts: np.ndarray) -> float:
    """Estimate the number of points that very many such starts meet, rather too low.

    It is a lower bound of the *expected* number, and none of the number that exist. The
    bias-corrected form of Chao (1984, Scand. J. Stat. 11:265): ``S + (1 - 1/N) f1 (f1 -
    1) / (2 (f2 + 1))`` with ``f1`` points met once and ``f2`` met twice among ``N`` starts.

    Args:
        counts: ``(n_points,)``, positive whole numbers.

    Example:
        >>> chao1(np.array([5, 3, 1, 1]))
        4.9
    """
    n = int(counts.sum())
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    if n == 0:
        return 0.0
    return len(counts) + (1.0 - 1.0 / n) * once * (once - 1) / (2.0 * (twice + 1))


def missing_mass_bound(
    labels: np.ndarray, confidence: float, rng: np.random.Generator, seen: int = 0
) -> float:
    """Bound the chance that one more draw has a new label, from above with confidence.

    Half of the draws, chosen at random, are held out. Given the others, the number of these
    whose label the others lack is binomial, with the missing mass of the others as its
    chance; its exact upper bound (Clopper & Pearson 1934) bounds that of all draws too, which
    can only be less. Unlike bounds by concentration (McAllester & Schapire 2000) it holds
    for any number of draws and falls as 1/N.

    Args:
        labels: ``(n,)`` whole numbers; those below ``seen`` are never counted as new, except
            :data:`LOST`, which always is.
        confidence: in (0, 1).
        rng: chooses which half.
        seen: see ``labels``.

    Returns:
        The bound; 1 where there are fewer than two draws.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> missing_mass_bound(np.zeros(200, int), 0.95, rng)
        0.0295
    """
    order = rng.permutation(len(labels))
    kept, held = labels[order[: len(labels) // 2]], labels[order[len(labels) // 2 :]]
    if not len(kept):
        return 1.0
    new = (~np.isin(held, kept) & (held >= seen)) | (held == LOST)
    n, k = len(held), int(new.sum())
    return 1.0 if k == n else float(beta.ppf(confidence, k + 1, n - k))


def accumulation(counts: np.ndarray, n_starts: np.ndarray, n_total: int) -> np.ndarray:
    """Return the expected number of distinct points among the first ``n`` of the starts.

    The rarefaction curve, exact over all orders of the starts (Hurlbert 1971, Ecology
    52:577).

    Args:
        counts: ``(n_points,)``, starts that ended in each point.
        n_starts: ``(m,)``, at most ``n_total``.
        n_total: starts in all, those that ended in no point included.

    Example:
        >>> accumulation(np.array([2, 1]), np.array([0, 1, 3]), 3).round(6).tolist()
        [0.0, 1.0, 2.0]
    """
    n = np.asarray(n_starts, dtype=np.float64)[:, None]
    others = n_total - np.asarray(counts, dtype=np.float64)[None, :]
    possible = others >= n

    def log_choose(a, b):
        return gammaln(a + 1.0) - gammaln(b + 1.0) - gammaln(a - b + 1.0)

    misses = np.where(possible, log_choose(np.maximum(others, n), n), -np.inf)
    return (1.0 - np.exp(misses - log_choose(n_total, n))).sum(axis=1)
