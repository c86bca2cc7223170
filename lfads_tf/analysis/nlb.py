"""The metrics of the Neural Latents Benchmark, each as its server computes it.

Pei et al. (2021, arXiv:2109.04463, section 3.3). Rates are in spikes/s here as everywhere;
:func:`evaluate_nlb` takes the benchmark's files, whose rates are in spikes/bin. Its match to
PSTHs is :func:`psth_r_squared`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fixedpoint_tf._utils import checks
from lfads_tf._utils.checks import pair, seconds_per_bin, several
from lfads_tf._utils.rate_units import warn_of_rate_unit
from lfads_tf.analysis import metrics
from lfads_tf.analysis.decoding.samples import check_samples, complete_samples
from lfads_tf.analysis.psth import psth_r_squared
from lfads_tf.data.formats import nlb as files
from lfads_tf.data.formats.labels import labels_of_lists
from lfads_tf.data.formats.nlb_names import check_array_names, check_dataset

__all__ = ["co_smoothing", "evaluate_nlb", "forward_prediction", "nlb_behavior_r_squared"]

#: Of the benchmark's ridge regression: squared error is summed, and features in spikes/bin.
_PENALTIES = tuple(np.logspace(-4, 0, 9).tolist())
_N_FOLDS = 5  # of the cross-validation, the default of the benchmark's scikit-learn


def co_smoothing(
    rates: Any,
    spikes: Any,
    bin_width: float,
    n_encode_neurons: int,
    n_encode_bins: int | None = None,
) -> float:
    """Compute bits per spike of the neurons that were hidden from the model, ``co-bps``.

    Bins after the trial are not scored.

    Args:
        rates: spikes/s, ``(n_trials, n_bins, n_neurons)``.
        spikes: counts of the same shape; NaN where nothing was observed.
        bin_width: width of a bin in seconds.
        n_encode_neurons: number of neurons, from the first on, that the model saw.
        n_encode_bins: number of bins, from the first on, of the trial; None: all.

    Returns:
        As :func:`bits_per_spike`, whose reference are the mean rates of these very
        trials.

    Raises:
        ValueError: no neurons held out, or what :func:`bits_per_spike` refuses.

    Example:
        >>> spikes = [[[5, 1], [5, 0], [5, 1], [5, 0]]]
        >>> rates = [[[0.0, 10.0], [0.0, 0.0], [0.0, 10.0], [0.0, 0.0]]]
        >>> co_smoothing(rates, spikes, 0.1, n_encode_neurons=1)
        1.0
    """
    rates, spikes = _trials(rates, spikes)
    n = checks.check_whole(n_encode_neurons, "n_encode_neurons", most=spikes.shape[2] - 1)
    bins = _bins(n_encode_bins, spikes.shape[1])
    return metrics.bits_per_spike(rates[:, :bins, n:], spikes[:, :bins, n:], bin_width)


def forward_prediction(rates: Any, spikes: Any, bin_width: float, n_encode_bins: int) -> float:
    """Compute bits per spike of the bins after those shown to the model, ``fp-bps``.

    All neurons count, those held in and those held out.

    Args:
        rates: spikes/s, ``(n_trials, n_bins, n_neurons)``.
        spikes: counts of the same shape; NaN where nothing was observed.
        bin_width: width of a bin in seconds.
        n_encode_bins: number of bins, from the first on, that the model saw.

    Returns:
        As :func:`bits_per_spike`.

    Raises:
        ValueError: no bins left, or what :func:`bits_per_spike` refuses.

    Example:
        >>> spikes = [[[9], [1], [0], [1], [0]]]
        >>> rates = [[[0.0], [10.0], [0.0], [10.0], [0.0]]]
        >>> forward_prediction(rates, spikes, 0.1, n_encode_bins=1)
        1.0
    """
    rates, spikes = _trials(rates, spikes)
    n = checks.check_whole(n_encode_bins, "n_encode_bins", most=spikes.shape[1] - 1)
    return metrics.bits_per_spike(rates[:, n:], spikes[:, n:], bin_width)


def nlb_behavior_r_squared(
    train_rates: Any,
    train_behavior: Any,
    eval_rates: Any,
    eval_behavior: Any,
    *,
    bin_width: float,
    train_masks: Any = None,
    eval_masks: Any = None,
    penalties: Sequence[float] = _PENALTIES,
) -> float:
    """Compute R^2 of behaviour by the benchmark's ridge regression, ``vel R2``.

    The decoder sees one bin at a time: the benchmark's behaviour is shifted by a lag already.
    It is fitted to the training trials; its penalty, on the sum of squared weights of rates
    in spikes/bin, is the one of the highest R^2 over five contiguous blocks of them. R^2 is
    the mean over dimensions of behaviour. The decoders of :func:`fit_decoder` decode better:
    this is the common yardstick.

    Args:
        train_rates: spikes/s, ``(n_trials, n_bins, n_neurons)``.
        train_behavior: ``(n_trials, n_bins, n_behavior)``, NaN where unknown.
        eval_rates: rates of the evaluated trials.
        eval_behavior: behaviour of the evaluated trials.
        bin_width: width of a bin in seconds.
        train_masks: trials that share a decoder, ``(n_trials, n_masks)``; None: all do.
        eval_masks: the same of the evaluated trials.
        penalties: candidate penalties.

    Returns:
        R^2, averaged over masks.

    Raises:
        ValueError: shapes that do not fit, too few samples.

    Example:
        >>> import numpy as np
        >>> rates = np.random.default_rng(0).gamma(2.0, 20.0, (20, 30, 4))
        >>> behavior = rates[..., :2] - rates[..., 2:]
        >>> train, test = slice(0, 15), slice(15, None)
        >>> score = nlb_behavior_r_squared(
        ...     rates[train], behavior[train], rates[test], behavior[test], bin_width=0.02
        ... )
        >>> round(score, 3)
        1.0
    """
    width = seconds_per_bin(bin_width)
    train = check_samples(train_rates, train_behavior, ("train_rates", "train_behavior"))
    test = check_samples(eval_rates, eval_behavior, ("eval_rates", "eval_behavior"))
    for name, part, known in zip(("eval_rates", "eval_behavior"), test, train, strict=True):
        if part.shape[-1] != known.shape[-1]:
            raise ValueError(
                f"{name}: expected {known.shape[-1]} on the last axis, as for training, "
                f"received shape {part.shape}."
            )
    tried = several(penalties, "penalties")
    if not all(checks.is_number(one) and 0 < one < np.inf for one in tried):
        raise checks.ArgumentTypeError(
            f"penalties: expected numbers above 0, received {checks.shown(penalties)}."
        )
    inside_ = _masks(train_masks, "train_masks", len(train[0]))
    masks = inside_, _masks(eval_masks, "eval_masks", len(test[0]), inside_.shape[1])
    scores = []
    for inside, outside in zip(masks[0].T, masks[1].T, strict=True):
        x, y = complete_samples(train[0][inside] * width, train[1][inside])
        x_test, y_test = complete_samples(test[0][outside] * width, test[1][outside])
        if len(x) < _N_FOLDS or len(x_test) == 0:
            raise ValueError(
                f"train_behavior: expected at least {_N_FOLDS} samples without NaN for each "
                f"decoder, and one to evaluate, received {len(x)} and {len(x_test)}."
            )
        blocks = np.array_split(np.arange(len(x)), _N_FOLDS)
        found = np.zeros(len(tried))
        for block in blocks:
            rest = np.setdiff1d(np.arange(len(x)), block)
            for i, penalty in enumerate(tried):
                predicted = _ridge(x[rest], y[rest], x[block], penalty)
                found[i] += metrics.r_squared(y[block], predicted)
        best = tried[int(np.argmax(found))]
        scores.append(metrics.r_squared(y_test, _ridge(x, y, x_test, best)))
    return float(np.mean(scores))


def evaluate_nlb(
    targets: Any, submission: Any, dataset: str, bin_width: float
) -> dict[str, float]:
    """Return all metrics of one data set, from the benchmark's files.

    Args:
        targets: path of the file of targets, or its arrays of this data set by name.
        submission: path of the file of predictions, or its arrays of this data set by name.
        dataset: name such as ``"mc_maze"``, or one that you chose.
        bin_width: width of a bin in seconds; with the name it selects the group to read.

    Returns:
        ``co-bps``; ``vel R2`` where behaviour has one value per bin; ``psth R2`` and
        ``fp-bps`` where the targets hold the data that these need. The correlation with
        produced times of ``dmfc_rsg`` is not among them. Rates that seem to be in spikes/s, and
        not in spikes/bin, cause a warning.

    Raises:
        KeyError: arrays that are missing.
        ValueError: shapes that do not fit, or a misspelt name of an array or a data set.

    Example:
        >>> spikes = np.random.default_rng(0).poisson(1.0, (4, 10, 2))
        >>> rates = {"eval_rates_heldin": spikes, "eval_rates_heldout": spikes}
        >>> result = evaluate_nlb({"eval_spikes_heldout": spikes}, rates, "mc_maze", 0.02)
        >>> list(result), result["co-bps"] > 0
        (['co-bps'], True)
    """
    width = seconds_per_bin(bin_width)
    check_dataset(dataset)
    for name, given in (("targets", targets), ("submission", submission)):
        if not isinstance(given, Mapping):
            checks.check_path(given, name)
    group = files.group_name(dataset, width)
    true, told = (_arrays(given, group) for given in (targets, submission))
    check_array_names(true, "targets")
    check_array_names(told, "submission")
    eval_in, eval_out = (
        _needed(told, "submission", f"eval_rates_{part}") for part in ("heldin", "heldout")
    )
    spikes = _needed(true, "targets", "eval_spikes_heldout")
    result = {"co-bps": _bits(eval_out, spikes, width, "submission['eval_rates_heldout']")}
    eval_rates = np.concatenate([eval_in, eval_out], axis=-1) / width
    behavior = [true.get(f"{split}_behavior") for split in ("train", "eval")]
    if all(one is not None and np.ndim(one) == 3 for one in behavior):
        parts = [
            _needed(told, "submission", f"train_rates_{part}") for part in ("heldin", "heldout")
        ]
        result["vel R2"] = nlb_behavior_r_squared(
            np.concatenate(parts, axis=-1) / width,
            behavior[0],
            eval_rates,
            behavior[1],
            bin_width=width,
            train_masks=true.get("train_decode_mask"),
            eval_masks=true.get("eval_decode_mask"),
        )
    if "psth" in true and "eval_cond_idx" in true:
        labels = labels_of_lists(true["eval_cond_idx"], len(eval_rates), "eval_cond_idx")
        # The benchmark's PSTHs are in spikes/bin, as its rates are.
        result["psth R2"] = psth_r_squared(
            eval_rates * width,
            labels,
            true["psth"],
            kinds=np.arange(len(true["psth"])),
            jitter=true.get("eval_jitter"),
        )
    forward = [f"eval_{{}}_{part}_forward" for part in ("heldin", "heldout")]
    if all(one.format("spikes") in true and one.format("rates") in told for one in forward):
        rates, spikes = (
            np.concatenate(
                [_needed(source, argument, one.format(kind)) for one in forward], axis=-1
            )
            for source, argument, kind in (
                (told, "submission", "rates"),
                (true, "targets", "spikes"),
            )
        )
        result["fp-bps"] = _bits(rates, spikes, width, "submission['eval_rates_..._forward']")
    return result


def _masks(given: Any, name: str, n_trials: int, n_masks: int | None = None) -> np.ndarray:
    """Check masks of trials, given as True and False or as 1 and 0."""
    if given is None:
        given = np.ones((n_trials, 1), bool)
    array = checks.as_numbers(given, name, dtype=None)
    wanted = array.shape[-1] if n_masks is None and array.ndim == 2 else n_masks or 1
    if array.shape != (n_trials, wanted) or not wanted:
        raise ValueError(
            f"{name}: expected shape ({n_trials}, {wanted or 'n_masks'}), trials by masks, "
            f"received {array.shape}."
        )
    if not np.isin(array, (0, 1)).all():
        wrong = array[~np.isin(array, (0, 1))][0]
        raise ValueError(f"{name}: expected True and False, received {wrong}.")
    return array.astype(bool)


def _ridge(x: np.ndarray, y: np.ndarray, x_test: np.ndarray, penalty: float) -> np.ndarray:
    from sklearn.linear_model import Ridge

    return Ridge(alpha=penalty).fit(x, y).predict(x_test).reshape(-1, y.shape[1])


def _trials(rates: Any, spikes: Any) -> tuple[np.ndarray, np.ndarray]:
    shape = "(n_trials, n_bins, n_neurons)"
    told = checks.as_numbers(rates, "rates", n_axes=(3,), shape=shape, low=0.0)
    counts = checks.as_numbers(spikes, "spikes", n_axes=(3,), shape=shape, low=0.0)
    counts, told = pair("spikes", counts, "rates", told)
    return told, counts


def _bins(n_encode_bins: int | None, n_bins: int) -> int:
    if n_encode_bins is None:
        return n_bins
    return checks.check_whole(n_encode_bins, "n_encode_bins", most=n_bins)


def _arrays(given: Any, group: str) -> Mapping[str, Any]:
    if isinstance(given, str | os.PathLike):
        return files.read(given, group=group)
    return given


def _bits(rates: np.ndarray, spikes: np.ndarray, width: float, name: str) -> float:
    """Return bits per spike of rates in spikes/bin."""
    warn_of_rate_unit(name, rates, spikes, width, unit="spikes/bin", stacklevel=3)
    return float(metrics.gain_in_bits(rates / width, spikes, width))


def _needed(arrays: Mapping[str, Any], argument: str, name: str) -> np.ndarray:
    if name not in arrays:
        raise KeyError(
            f"{argument}: expected {name}, received "
            f"{', '.join(sorted(map(str, arrays))) or 'nothing'}."
        )
    shape = "(n_trials, n_bins, n_neurons)"
    return checks.as_numbers(arrays[name], f"{argument}[{name!r}]", n_axes=(3,), shape=shape)
