"""The Kalman filter as a decoder: behaviour has dynamics, rates are its noisy observation."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from lfads_tf._utils.checks import numbers_or_nan
from lfads_tf.analysis.decoding.linear import check_strengths
from lfads_tf.analysis.decoding.samples import check_samples, complete_samples

__all__ = ["KalmanFilter", "kalman_filters"]


class KalmanFilter(NamedTuple):
    """``z' = A z + N(0, W)`` and ``x = H z + N(0, Q)``, both taken from their means.

    Attributes:
        transition: ``A``, ``(n_targets, n_targets)``, over one bin.
        transition_noise: ``W``, ``(n_targets, n_targets)``.
        observation: ``H``, ``(n_features, n_targets)``.
        observation_noise: ``Q``, ``(n_features, n_features)``.
        initial_mean: of ``z`` in a trial's first bin, ``(n_targets,)``.
        initial_covariance: of ``z`` there, ``(n_targets, n_targets)``.
        features_mean: ``(n_features,)``.
        targets_mean: ``(n_targets,)``.
        penalty: the shrinkage that it was fitted with.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> force = rng.normal(size=(20, 30, 1)).cumsum(axis=1)
        >>> rates = force @ [[1.0, -1.0]] + rng.normal(size=(20, 30, 2))
        >>> fitted = kalman_filters(rates, force, [0.0])[0]
        >>> fitted.predict(rates).shape
        (20, 30, 1)
    """

    transition: np.ndarray
    transition_noise: np.ndarray
    observation: np.ndarray
    observation_noise: np.ndarray
    initial_mean: np.ndarray
    initial_covariance: np.ndarray
    features_mean: np.ndarray
    targets_mean: np.ndarray
    penalty: float

    def predict(self, features: Any, name: str = "features") -> np.ndarray:
        """Return the mean of behaviour given the rates up to each bin.

        Args:
            features: ``(n_trials, n_bins, n_features)``. Where one is NaN the filter goes on
                by the transition alone.
            name: name of the features, for errors.

        Returns:
            ``(n_trials, n_bins, n_targets)``.
        """
        n_features = len(self.features_mean)
        shape = f"(n_trials, n_bins, {n_features})"
        features = numbers_or_nan(features, name, n_axes=(3,), shape=shape)
        if features.shape[-1] != n_features:
            raise ValueError(
                f"{name}: expected shape {shape}, as the filter's, received {features.shape}."
            )
        n_trials, n_bins, _ = features.shape
        a, w, h = self.transition, self.transition_noise, self.observation
        # All that the rates of a bin say of behaviour, in as many numbers as behaviour has: the
        # information form, whose noise is inverted once. A floor keeps rates without noise of
        # their own, as those of a low-dimensional model are, from being trusted without bound.
        noise = self.observation_noise
        floor = 1e-9 * max(np.trace(noise) / n_features, np.mean(h**2))
        told = np.linalg.solve(noise + max(floor, 1e-300) * np.eye(n_features), h)
        information, seen = h.T @ told, np.isfinite(features).all(axis=-1)
        centred = np.where(seen[..., None], features - self.features_mean, 0.0)
        evidence = centred @ told
        n_targets = len(self.targets_mean)
        mean = np.tile(self.initial_mean, (n_trials, 1))
        covariance = np.tile(self.initial_covariance, (n_trials, 1, 1))
        states = np.empty((n_trials, n_bins, n_targets))
        for t in range(n_bins):
            if t:
                mean = mean @ a.T
                covariance = a @ covariance @ a.T + w
            # (I + P J)^-1 P needs no inverse of P, which may be singular.
            gain = np.linalg.solve(np.eye(n_targets) + covariance @ information, covariance)
            correction = evidence[:, t] - mean @ information
            now = seen[:, t]
            mean = mean + np.where(now[:, None], np.einsum("nij,nj->ni", gain, correction), 0.0)
            gain = 0.5 * (gain + gain.transpose(0, 2, 1))
            covariance = np.where(now[:, None, None], gain, covariance)
            states[:, t] = mean
        return states + self.targets_mean


def kalman_filters(
    features: Any,
    targets: Any,
    shrinkages: Any = (0.0,),
    names: tuple[str, str] = ("features", "targets"),
) -> list[KalmanFilter]:
    """Fit a filter by regression for each shrinkage (:class:`~.decoders.Kalman`)."""
    shares = check_strengths(shrinkages, "shrinkages", 1.0)
    features, targets = check_samples(features, targets, names, trials=True)
    x, y = complete_samples(features, targets)
    before, after = complete_samples(targets[:, :-1], targets[:, 1:])
    if len(x) < 2 or len(before) < 2:
        raise ValueError(
            "features: expected at least two training samples without NaN in features and "
            f"targets, and two steps, received {len(x)} and {len(before)}."
        )
    x_mean, y_mean = x.mean(axis=0), y.mean(axis=0)
    transition, transition_noise = _regression(before - y_mean, after - y_mean)
    observation, noise = _regression(y - y_mean, x - x_mean)
    starts = targets[:, 0][~np.isnan(targets[:, 0]).any(axis=1)] - y_mean
    if len(starts) < 2:  # No trial's first bin is known: anything seen may be there.
        starts = y - y_mean
    mean = starts.mean(axis=0)
    spread = (starts - mean).T @ (starts - mean) / len(starts)
    alone = np.diag(np.diag(noise))
    return [
        KalmanFilter(
            transition,
            transition_noise,
            observation,
            (1.0 - share) * noise + share * alone,
            mean,
            spread,
            x_mean,
            y_mean,
            share,
        )
        for share in shares
    ]


def _regression(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit ``y = M x + noise``, and return the matrix and the covariance of the noise."""
    matrix = np.linalg.lstsq(x, y, rcond=None)[0].T
    rest = y - x @ matrix.T
    return matrix, rest.T @ rest / len(y)
