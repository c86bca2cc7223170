"""Conditions of trials: one label per trial, as numbers or as text.

NaN, None, pandas' NA, masked values and empty text say that a trial has no condition, and so
does what NumPy and pandas make of NaN among text. Among numbers it is NaN, among text the
empty string; :func:`has_condition` tells the others.
"""

from __future__ import annotations

import codecs
import contextlib
import numbers
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["as_conditions", "as_one_kind", "condition_kinds", "decoded", "has_condition"]

#: What surrounds a label in a table of fixed width.
_BLANKS = " \t\r\n\0\ufeff"
#: What NumPy and pandas make of a missing label when they turn labels into text. "None" may as
#: well be a condition, and is only warned of.
_MISSING_TEXTS = ("nan", "NaN", "<NA>", "NaT")
#: Up to which float64 holds each whole number.
_EXACT = 2**53
_MARKS = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


def as_conditions(value: Any, n_trials: int | None, name: str = "conditions") -> np.ndarray:
    """Return one label for each trial: numbers or text.

    Blanks and NULs at the ends of text are no part of a label.

    Args:
        value: ``(n_trials,)``, or a row or a column of them; text may be bytes, in UTF-8,
            UTF-16 or Latin-1.
        n_trials: number of trials; None: as many as there are labels.
        name: name of the argument, for errors.

    Returns:
        ``(n_trials,)``: numbers as they are, NaN for no condition; or text, the empty one
        for no condition. Whole numbers that float64 does not hold are text beside trials
        without a condition, since only float64 has NaN.

    Raises:
        TypeError: neither numbers nor text, or both.
        ValueError: not one for each trial.

    Example:
        >>> as_conditions([b"left", b"right ", None], 3).tolist()
        ['left', 'right', '']
        >>> as_conditions([[2, 1, None]], 3).tolist()
        [2.0, 1.0, nan]
    """
    array = _as_array(value)
    if n_trials is None:
        n_trials = array.size
    if array.shape not in ((n_trials,), (n_trials, 1), (1, n_trials)):
        raise ValueError(
            f"{name}: expected one for each of {n_trials} trials, received shape {array.shape}."
        )
    array = array.reshape(n_trials)
    if array.dtype.kind in "biuf":
        _warn_of_rounding(array, name)
        return array
    if array.dtype.kind not in "SUO":
        raise TypeError(
            f"{name}: expected numbers or strings, received an array of {array.dtype}."
        )
    given = [_plain(label) for label in array.tolist()]
    labels = [None if _is_missing(label) else label for label in given]
    known = [label for label in labels if label is not None]
    if not known and any(isinstance(label, numbers.Real) for label in given):
        return np.full(n_trials, np.nan)
    if known and all(isinstance(label, str | bytes) for label in known):
        texts = iter(decoded(known))
        found = np.array(["" if label is None else next(texts) for label in labels], dtype=str)
        if (found == "None").any():
            warnings.warn(
                f"{name}: 'None' is taken as a condition; for trials without one give None "
                "itself, NaN or empty text.",
                stacklevel=2,
            )
        return np.where(np.isin(found, _MISSING_TEXTS), "", found)
    if known and all(isinstance(label, numbers.Real) for label in known):
        exact = _as_numbers(labels)
        if exact is not None:
            _warn_of_rounding(exact, name)
            return exact
    wrong = [label for label in known if not isinstance(label, str | bytes | numbers.Real)]
    is_mixed = any(isinstance(label, str | bytes) for label in known)
    received = "both" if is_mixed else "None only" if not known else "too large whole numbers"
    received = f"a {type(wrong[0]).__name__}" if wrong else received
    raise TypeError(f"{name}: expected numbers or strings, received {received}.")


def has_condition(labels: np.ndarray) -> np.ndarray:
    """Return a mask of the trials that have a condition.

    Args:
        labels: of :func:`as_conditions`.

    Returns:
        A mask ``(n_trials,)``.

    Example:
        >>> has_condition(as_conditions(["left", None, "right"], 3)).tolist()
        [True, False, True]
    """
    labels = np.asarray(labels)
    return labels != "" if labels.dtype.kind == "U" else ~np.isnan(labels)


def as_one_kind(several: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return labels of several sets of trials so that equal ones are equal.

    Whole numbers that float64 does not hold are text in a set in which trials have no
    condition; beside it they become text in the others, too.

    Args:
        several: of :func:`as_conditions`.

    Example:
        >>> large = 2**60 + 1
        >>> pair = as_conditions([large, None], 2), as_conditions([large, 3], 2)
        >>> [labels.tolist() for labels in as_one_kind(pair)]
        [['1152921504606846977', ''], ['1152921504606846977', '3']]
    """
    if not any(labels.dtype.kind == "U" for labels in several):
        return list(several)
    return [labels.astype(str) if _are_large(labels) else labels for labels in several]


def condition_kinds(labels: np.ndarray) -> np.ndarray:
    """Return the different conditions, sorted, without trials that have none.

    Args:
        labels: of :func:`as_conditions`.

    Example:
        >>> condition_kinds(as_conditions([2, None, 1, 2], 4)).tolist()
        [1.0, 2.0]
    """
    return np.unique(labels[has_condition(labels)])


def decoded(labels: Sequence[str | bytes]) -> list[str]:
    """Return text of labels that were written in one encoding, without blanks at the ends.

    Bytes are UTF-8 if all of them can be, else UTF-16 where they hold bytes that no text has
    in UTF-8, else those of Windows and Latin-1.

    Example:
        >>> decoded(["à droite".encode("latin-1"), b"gauche  "])
        ['à droite', 'gauche']
        >>> decoded(["à droite".encode("utf-16")])
        ['à droite']
    """
    encoding = _encoding([label for label in labels if isinstance(label, bytes)])
    return [
        (_text(label, encoding) if isinstance(label, bytes) else label).strip(_BLANKS)
        for label in labels
    ]


def _encoding(labels: Sequence[bytes]) -> str:
    """Return the first encoding in which all labels can be read."""
    candidates = ["utf-8", "cp1252", "latin-1"]
    marked = [label[:2] for label in labels if label[:2] in _MARKS]
    # No text holds the lowest bytes in UTF-8; in UTF-16 they are the higher of two, mostly.
    low = [
        sum(sum(byte < 9 for byte in _whole(label)[k::2]) for label in labels) for k in (0, 1)
    ]
    if marked:
        candidates.insert(0, _MARKS[marked[0]])
    elif any(byte < 9 for label in labels for byte in label.rstrip(b"\0")):
        candidates.insert(0, "utf-16-be" if low[0] > low[1] else "utf-16-le")
    for candidate in candidates[:-1]:
        with contextlib.suppress(UnicodeDecodeError):
            for label in labels:
                _text(label, candidate)
            return candidate
    return candidates[-1]


def _text(label: bytes, encoding: str) -> str:
    return (_whole(label) if encoding in _MARKS.values() else label).decode(encoding)


def _whole(label: bytes) -> bytes:
    """Return a label in UTF-16 with the NUL that NumPy and HDF5 drop at the end."""
    return label + b"\0" * (len(label) % 2)


def _as_array(value: Any) -> np.ndarray:
    """Return an array in which text is no number, and None stands for what is masked."""
    if np.ma.isMaskedArray(value):
        labels = np.ma.getdata(value).astype(object)
        labels[np.ma.getmaskarray(value)] = None
        return labels
    # NumPy would write NaN and numbers in a list of text as text.
    return np.asarray(value, dtype=object if isinstance(value, list | tuple) else None)


def _as_numbers(labels: list[Any]) -> np.ndarray | None:
    """Return numbers, NaN for None, or text of whole ones that float64 does not hold."""
    known = [label for label in labels if label is not None]
    if not all(isinstance(label, numbers.Integral) for label in known):
        found = np.array([np.nan if label is None else label for label in labels])
        rounds = any(isinstance(i, numbers.Integral) and int(float(i)) != i for i in known)
        return found if found.dtype.kind in "biuf" and not rounds else None
    least, most = min(known), max(known)
    if not (-(2**63) <= least and most < (2**64 if least >= 0 else 2**63)):
        return None
    if len(known) == len(labels):
        return np.array(known, dtype=np.uint64 if most >= 2**63 else None)
    if -_EXACT <= least and most <= _EXACT:
        return np.array([np.nan if label is None else float(label) for label in labels])
    return np.array(["" if label is None else str(int(label)) for label in labels])


def _are_large(labels: np.ndarray) -> bool:
    """Test for whole numbers that float64 does not hold exactly."""
    is_whole = labels.dtype.kind in "iu" and labels.size > 0
    return is_whole and not -_EXACT <= int(labels.min()) <= int(labels.max()) <= _EXACT


def _warn_of_rounding(labels: np.ndarray, name: str) -> None:
    """Warn of whole numbers so large that neighbours have become one."""
    if labels.dtype.kind == "f" and labels.size:
        largest = float(np.nanmax(np.abs(labels), initial=0.0))
        if largest >= 2.0 ** (np.finfo(labels.dtype).nmant + 1):
            warnings.warn(
                f"{name}: {labels.dtype} cannot distinguish whole numbers as large as "
                f"{largest:.0f} "
                "apart, and conditions may have become one; give integers or text.",
                stacklevel=3,
            )


def _plain(label: Any) -> Any:
    """Return the number or text of a scalar of NumPy's, and others as they are."""
    if not isinstance(label, np.generic | np.ndarray) or label.ndim:
        return label
    return None if np.ma.is_masked(label) else label.item()


def _is_missing(label: Any) -> bool:
    if isinstance(label, numbers.Real):
        return bool(label != label)
    return label is None or type(label).__name__ in ("NAType", "NaTType", "MaskedConstant")
