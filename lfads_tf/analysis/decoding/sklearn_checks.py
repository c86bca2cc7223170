"""Checks of scikit-learn under the names that its releases give them."""

from __future__ import annotations

import contextlib
import datetime
import inspect
import numbers
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from fixedpoint_tf._utils import checks

__all__ = [
    "copy_of",
    "global_numbers_kept",
    "is_estimator",
    "takes_several_targets",
    "validate",
    "validate_samples",
]

_NOT_NUMBERS = (
    *(str, bytes, np.datetime64, np.timedelta64),
    *(datetime.date, datetime.timedelta),
)


def validate_samples(estimator: Any, X: Any, *, reset: bool, finite: Any = True) -> Any:
    """Check and convert samples as scikit-learn does, with ``finite`` True or "allow-nan"."""
    X = _numbers(X, "X")
    try:
        return _validate(estimator, finite, X, reset=reset)
    except (TypeError, ValueError) as error:
        raise _by_name("X", error) from error


def validate(estimator: Any, X: Any, y: Any) -> Any:
    """Check and convert samples and targets to fit to, two samples at least."""
    X, y = _numbers(X, "X"), _numbers(y, "y")
    try:
        return _validate(
            estimator, True, X, y, multi_output=True, y_numeric=True, ensure_min_samples=2
        )
    except (TypeError, ValueError) as error:
        try:
            _validate(estimator, True, X, reset=True, ensure_min_samples=2)
        except (TypeError, ValueError):
            raise _by_name("X", error) from error
        raise _by_name("y", error) from error


def _by_name(argument: str, error: Exception) -> Exception:
    """Put the argument's name before the words of scikit-learn."""
    kind = TypeError if isinstance(error, TypeError) else ValueError
    return kind(f"{argument}: expected numbers as scikit-learn takes them, received: {error}")


def copy_of(estimator: Any, parameters: Mapping[str, Any], seed: int) -> Any:
    """Copy an estimator, unfitted, with other parameters.

    Each ``random_state`` that is none becomes the seed: it would draw from NumPy's global
    generator.
    """
    from sklearn.base import clone

    one = clone(estimator).set_params(**parameters)
    free = [
        name
        for name, value in one.get_params().items()
        if value is None and name.split("__")[-1] == "random_state"
    ]
    return one.set_params(**dict.fromkeys(free, seed % 2**32))  # the most that it takes


@contextlib.contextmanager
def global_numbers_kept() -> Iterator[None]:
    """Restore NumPy's global generator, from which some fits without a seed draw."""
    state = np.random.get_state()
    try:
        yield
    finally:
        np.random.set_state(state)


def is_estimator(value: Any) -> bool:
    """Test whether a value is an object, not a class, that fits and predicts."""
    return not inspect.isclass(value) and hasattr(value, "fit") and hasattr(value, "predict")


def takes_several_targets(regressor: Any) -> bool:
    """Test whether a regressor can be fitted to targets of several columns."""
    try:
        from sklearn.utils import get_tags
    except ImportError:  # before 1.6
        return bool(regressor._get_tags()["multioutput"])
    return bool(get_tags(regressor).target_tags.multi_output)


def _validate(estimator: Any, finite: Any, *arrays: Any, **options: Any) -> Any:
    """Validate by the function of 1.6, or the method of before."""
    options |= {"dtype": "float64"}
    try:
        from sklearn.utils.validation import validate_data
    except ImportError:
        return estimator._validate_data(*arrays, force_all_finite=finite, **options)
    return validate_data(estimator, *arrays, ensure_all_finite=finite, **options)


def _numbers(value: Any, name: str) -> Any:
    """Return NaN for masked values, and refuse text and dates."""
    value = checks.unmasked(value)
    try:
        array = np.asarray(value)
    except ValueError as error:  # lists of unequal length
        raise _by_name(name, error) from error
    items = list(array.flat) if array.dtype.kind == "O" and array.ndim else []
    if array.dtype.kind in "SUMmTV" or any(isinstance(item, _NOT_NUMBERS) for item in items):
        raise TypeError(
            f"{name}: expected an array of real numbers, received {type(value).__name__} of "
            f"{array.dtype}."
        )
    if items and all(item is None or isinstance(item, numbers.Real) for item in items):
        return array.astype(float)  # None is NaN.
    return value
