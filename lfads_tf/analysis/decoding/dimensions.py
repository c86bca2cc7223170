"""Decoding of behaviour against the number of dimensions of rates or factors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fixedpoint_tf._utils import checks
from lfads_tf._utils.checks import check_pair, several
from lfads_tf.analysis.components import principal_components
from lfads_tf.analysis.decoding.cross_validation import decoding_r_squared
from lfads_tf.analysis.decoding.decoders import Ridge
from lfads_tf.analysis.decoding.fitting import fit_decoder
from lfads_tf.analysis.decoding.folds import each_fold
from lfads_tf.analysis.decoding.regressor import as_method
from lfads_tf.analysis.decoding.samples import check_samples, check_varying

__all__ = ["OverDimensions", "decode_over_dimensions"]

#: Tried by default, densely where each adds much.
_DIMENSIONS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 30, 40, 60, 80, 100)


class OverDimensions(NamedTuple):
    """Held-out R^2 for a growing number of dimensions.

    Attributes:
        dimensions: numbers of principal components, ``(n_dimensions,)``; the last is that of
            all features.
        fold_r_squared: pooled over dimensions of behaviour, ``(n_dimensions, n_folds)``.
        explained: share of the features' variance in the leading components of the training
            trials, ``(n_dimensions, n_folds)``.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> force = rng.normal(size=(40, 20, 2))
        >>> rates = force @ rng.normal(size=(2, 12)) + 0.1 * rng.normal(size=(40, 20, 12))
        >>> found = decode_over_dimensions(rates, force, dimensions=[1, 2])
        >>> found.dimensions.tolist()  # the last: all rates
        [1, 2, 12]
    """

    dimensions: np.ndarray
    fold_r_squared: np.ndarray
    explained: np.ndarray

    @property
    def r_squared(self) -> np.ndarray:
        """Mean over folds, ``(n_dimensions,)``."""
        return self.fold_r_squared.mean(axis=1)

    def needed(self, share: float = 0.95) -> int:
        """Return the least number of dimensions with this share of the R^2 of all.

        Args:
            share: above 0, at most 1.

        Returns:
            The number of dimensions; that of all features where no smaller number reaches the
            share.

        Raises:
            ValueError: a share out of range.

        Example:
            >>> import numpy as np
            >>> r_squared = np.array([[0.2], [0.77], [0.8]])
            >>> OverDimensions(np.array([1, 2, 5]), r_squared, r_squared).needed()
            2
        """
        checks.check_number(share, "share", high=1.0, closed="high")
        enough = self.r_squared >= share * self.r_squared[-1]
        enough[-1] = True  # also of an R^2 below 0
        return int(self.dimensions[np.argmax(enough)])


def decode_over_dimensions(
    features: Any,
    targets: Any,
    decoder: Any = None,
    folds: Any = 5,
    *,
    test: tuple[Any, Any] | None = None,
    dimensions: Sequence[int] = _DIMENSIONS,
    seed: int = 0,
) -> OverDimensions:
    """Decode from the leading principal components of the features.

    As in Pandarinath et al. (2018, Nature Methods 15:805): factors that carry behaviour in
    few dimensions are a more compact account of it than rates that need many. Components are
    ordered by the variance of the features over the training trials, which behaviour has no
    part in. In each fold they are taken from the training trials.

    Args:
        features: ``(n_trials, n_bins, n_features)``: factors, or rates of all neurons.
        targets: ``(n_trials, n_bins, n_targets)``.
        decoder: as for :func:`fit_decoder`; None: :class:`Ridge`. Lag and penalty are chosen
            for each number of dimensions, inside the training trials.
        folds: as for :func:`cross_validate`.
        test: features and targets of trials that are held out already, by a model that never
            saw them. Then ``features`` and ``targets`` are the training trials, and ``folds``
            only chooses lag and penalty among them.
        dimensions: numbers of components; those above the number of features are left out,
            and that number is added.
        seed: seed of random folds.

    Returns:
        R^2 of each number and fold; of ``test``, a single fold.

    Raises:
        ValueError: shapes that do not fit, fewer than two folds.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> latent = rng.normal(size=(20, 30, 2))
        >>> rates = latent @ rng.normal(size=(2, 12)) + 0.1 * rng.normal(size=(20, 30, 12))
        >>> result = decode_over_dimensions(rates, latent)
        >>> result.needed(), result.dimensions.tolist()
        (2, [1, 2, 3, 4, 5, 6, 8, 10, 12])
        >>> train, test = slice(0, 15), slice(15, None)
        >>> decode_over_dimensions(
        ...     rates[train], latent[train], test=(rates[test], latent[test])
        ... ).needed()
        2
    """
    checks.check_seed(seed)
    decoder = Ridge() if decoder is None else as_method(decoder)
    numbers = {checks.check_whole(n, "dimensions") for n in several(dimensions, "dimensions")}
    train = check_samples(features, targets)
    check_varying(train[1])
    if test is not None:
        both = check_pair(test, "test", "features and targets")
        tested = check_samples(*both, ("test (features)", "test (targets)"))
        wanted, found = ([part.shape[-1] for part in parts] for parts in (train, tested))
        if found != wanted:
            raise ValueError(
                f"test: expected {wanted[0]} features and {wanted[1]} targets, as for "
                f"training, received {found[0]} and {found[1]}."
            )
        check_varying(tested[1], "test (targets)")
        return _decode_test(train, tested, decoder, folds, numbers, seed)
    results = []
    for _, held, inner in each_fold(folds, len(train[0]), seed, 5):
        known, tested = (tuple(part[rows] for part in train) for rows in (~held, held))
        results.append(_decode_test(known, tested, decoder, inner, numbers, seed))
    return OverDimensions(
        results[0].dimensions,
        np.concatenate([one.fold_r_squared for one in results], axis=1),
        np.concatenate([one.explained for one in results], axis=1),
    )


def _decode_test(
    train: tuple[np.ndarray, np.ndarray],
    test: tuple[np.ndarray, np.ndarray],
    decoder: Any,
    folds: Any,
    numbers: set[int],
    seed: int,
) -> OverDimensions:
    """Decode held-out trials from components of the training trials, as a single fold."""
    features, targets = train
    n_features = features.shape[-1]
    tried = np.array(sorted({n for n in numbers if n < n_features} | {n_features}))
    fitted = principal_components(features)
    scores, test_scores = (fitted.project(part[0]) for part in (train, test))
    scored = []
    for n in tried:
        one = fit_decoder(decoder, scores[..., :n], targets, folds=folds, seed=seed)
        scored.append(decoding_r_squared(test[1], one.predict(test_scores[..., :n])))
    total = fitted.total_variance or 1.0
    explained = np.cumsum(fitted.variances)[tried - 1] / total
    return OverDimensions(tried, np.array(scored)[:, None], explained[:, None])
