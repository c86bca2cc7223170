"""Correlation of two signals lag by lag, over the bins that both have at each lag."""

from __future__ import annotations

import numpy as np
from scipy import fft

__all__ = ["LaggedProducts"]


class LaggedProducts:
    """Correlations at each lag of signals of one trial with those of another, for any pairing.

    What does not depend on the pairing, the spectra and the variances, is computed once, so
    that shuffling trials costs one sum of spectra.

    Args:
        x_bt: ``(n_trials, n_bins)``, finite, best with a mean near 0.
        y_btn: ``(n_trials, n_bins, n)``, the same.
        lags: whole numbers from ``-n_lags`` to ``n_lags``, fewer than ``n_bins``.
    """

    def __init__(self, x_bt: np.ndarray, y_btn: np.ndarray, lags: np.ndarray) -> None:
        n_bins = x_bt.shape[1]
        self.lags, self.n_shared = lags, (n_bins - np.abs(lags)).astype(float)
        self.size = fft.next_fast_len(n_bins + abs(int(lags[0])), real=True)
        self.x_spectrum = fft.rfft(x_bt, self.size, axis=1).conj()
        self.y_spectrum = fft.rfft(y_btn, self.size, axis=1)
        of_x, of_y = np.maximum(-lags, 0), np.maximum(lags, 0)  # the first bin that is shared
        n = n_bins - np.abs(lags)

        def sums(values, first):
            total = np.cumsum(np.pad(values, [(0, 0), (1, 0), (0, 0)]), axis=1)
            return total[:, first + n] - total[:, first]

        self.x_sum, self.y_sum = sums(x_bt[..., None], of_x), sums(y_btn, of_y)
        shared = self.n_shared[:, None]
        xx = sums(x_bt[..., None] ** 2, of_x) - self.x_sum**2 / shared
        yy = sums(y_btn**2, of_y) - self.y_sum**2 / shared
        # A remainder of rounding is no variance.
        floors = (1e-20 + 1e-12 * (v**2).sum(axis=(0, 1)) for v in (x_bt[..., None], y_btn))
        xx, yy = xx.sum(axis=0), yy.sum(axis=0)
        x_least, y_least = floors
        with np.errstate(invalid="ignore"):
            self.scale = np.sqrt(np.where((xx > x_least) & (yy > y_least), xx * yy, np.nan))

    def correlation(self, pairing: np.ndarray) -> np.ndarray:
        """Compute Pearson's correlation over all trials, less their means over shared bins.

        Args:
            pairing: ``(n_trials,)``: the trial of x that goes with each trial of y, each once.

        Returns:
            ``(n_lags, n)``, of ``x(t)`` with ``y(t + lag)``; NaN where one never varies.
        """
        cross = np.einsum("bf,bfn->fn", self.x_spectrum[pairing], self.y_spectrum)
        products = fft.irfft(cross, self.size, axis=0)[self.lags]
        means = np.einsum("bl,bln->ln", self.x_sum[pairing][..., 0], self.y_sum)
        return (products - means / self.n_shared[:, None]) / self.scale
