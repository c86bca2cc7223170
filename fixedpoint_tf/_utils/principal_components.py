"""Principal components by scikit-learn, of every picture and analysis of both packages."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["Components", "fit_components"]


class Components(NamedTuple):
    """An origin and orthonormal axes, by falling variance.

    Attributes:
        mean: mean of the rows, ``(n_features,)``; zeros where there are none.
        axes: ``(n_axes, n_features)``, an axis a row; its largest entry is positive.
        squares: sums of the squared coordinates of the rows, ``(n_axes,)``.
    """

    mean: np.ndarray
    axes: np.ndarray
    squares: np.ndarray


def fit_components(
    rows: np.ndarray, n_least: int = 0, *, svd_solver: str = "full"
) -> Components:
    """Fit all principal components of finite rows.

    Args:
        rows: ``(n, n_features)``, float64.
        n_least: axes that are needed, at most ``n_features``. Where the rows span fewer
            dimensions (one row, say) other orthogonal directions follow, without variance.
        svd_solver: SVD solver of scikit-learn's ``PCA``. ``"full"`` keeps directions of little
            variance exact; ``"auto"`` is five times as fast for many rows and takes variances
            below 1e-16 of the largest for any number of that size. With all components kept,
            neither draws random numbers.

    Example:
        >>> fitted = fit_components(np.array([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]]))
        >>> fitted.axes[0].round(6).tolist(), fitted.squares.round(6).tolist()
        ([0.6, 0.8], [50.0, 0.0])
    """
    from sklearn.decomposition import PCA  # takes a second: when it is first needed

    n_rows, n_features = rows.shape
    mean = rows.mean(axis=0) if n_rows else np.zeros(n_features)
    # Rows of zeros change nothing but complete the axes where there are too few rows.
    centred = np.pad(rows - mean, ((0, max(max(n_least, 2) - n_rows, 0)), (0, 0)))
    with np.errstate(invalid="ignore"):  # no variance at all: shares that nobody reads
        fitted = PCA(svd_solver=svd_solver).fit(centred)
    # scikit-learn's own rule for the signs depends on its version.
    axes = fitted.components_
    largest = np.abs(axes).argmax(axis=1)
    signs = np.where(axes[np.arange(len(axes)), largest] < 0, -1.0, 1.0)
    return Components(mean, axes * signs[:, None], np.square(fitted.singular_values_))
