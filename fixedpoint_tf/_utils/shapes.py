"""Arrays whose axes have names: their sizes are checked against each other."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["checked_array"]


def checked_array(
    name: str, value: Any, axes: tuple[str, ...], dtype: Any, sizes: dict[str, int]
) -> np.ndarray:
    """The value as an array of a type, with axes whose sizes agree with known ones.

    Args:
        name: of the argument, for the message.
        value: anything that ``np.asarray`` takes.
        axes: the names of the axes, such as ``("n", "n_states")``.
        dtype: the type wanted; only conversions within a kind are made, so that neither
            fractions nor imaginary parts are lost without a word.
        sizes: known sizes of named axes; those seen for the first time are added.

    Returns:
        The array, not copied where it has the type already.

    Raises:
        ValueError: another shape.
        TypeError: a type that does not convert.

    Example:
        >>> sizes = {"n": 2}
        >>> checked_array("q", [1, 2], ("n",), float, sizes).tolist()
        [1.0, 2.0]
        >>> checked_array("q", [1, 2, 3], ("n",), float, sizes)
        Traceback (most recent call last):
        ...
        ValueError: q: expected shape (n=2), received (3,).
    """
    array = np.asarray(value)
    if array.size == 0 and array.dtype == np.float64:
        array = array.astype(dtype)  # An empty list has no type of its own.
    if not np.can_cast(array.dtype, dtype, casting="same_kind"):
        raise TypeError(f"{name}: expected numbers of {dtype}, received {array.dtype}.")
    if array.ndim == len(axes):
        # The first occurrence of a new name sets its size, the second must repeat it.
        learnt = dict(zip(reversed(axes), reversed(array.shape), strict=True)) | sizes
        if all(learnt[axis] == size for axis, size in zip(axes, array.shape, strict=True)):
            sizes.update(learnt)
            return array.astype(dtype, copy=False)
    wanted = (f"{axis}={sizes[axis]}" if axis in sizes else axis for axis in axes)
    raise ValueError(f"{name}: expected shape ({', '.join(wanted)}), received {array.shape}.")
