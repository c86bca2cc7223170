"""Inputs of a recurrent layer, with the mask and the initial states that come with them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

__all__ = ["LayerArray", "RNNInputs"]


class LayerArray(np.ndarray):
    """Mark an array as inputs of the recurrent layer, so that no search has to say so.

    Example:
        >>> np.zeros((1, 2)).view(LayerArray)[:, 0]
        LayerArray([0.])
    """


@dataclasses.dataclass(frozen=True, eq=False)
class RNNInputs(np.lib.mixins.NDArrayOperatorsMixin):
    """Inputs, mask and initial states that a recurrent layer receives.

    Made by ``finder.rnn_inputs(model_inputs)`` and taken by ``finder.simulate``. NumPy sees
    the array ``values``: ``u - other``, ``np.mean(u)`` and ``u[0, -1]`` are plain numbers.
    ``u[:10]`` and other choices of trials keep the mask and the initial states.

    Args:
        values: ``(n_batch, n_time, n_inputs)`` float64, as the layer receives them, in the
            order of time even where the layer goes backwards.
        initial_states: ``(n_batch, n_states)``, where the layer starts.
        mask: ``(n_batch, n_time)`` boolean, True where a step is taken and False where the
            layer keeps its state; None: every step is taken.
        go_backwards: the layer takes the last input first, and gives its states in the
            order in which it goes through them.

    Example:
        >>> u = RNNInputs(np.ones((2, 3, 1)), np.zeros((2, 4)))
        >>> u
        RNNInputs(2 trials, 3 steps, 1 input)
        >>> u[:1].shape, float(u[0, -1, 0])
        ((1, 3, 1), 1.0)
    """

    values: np.ndarray
    initial_states: np.ndarray
    mask: np.ndarray | None = None
    go_backwards: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """``(n_batch, n_time, n_inputs)``."""
        return self.values.shape

    @property
    def ndim(self) -> int:
        """Three."""
        return self.values.ndim

    @property
    def dtype(self) -> np.dtype:
        """Type of the numbers."""
        return self.values.dtype

    @property
    def valid_bxt(self) -> np.ndarray:
        """Steps that are taken, ``(n_batch, n_time)``, in the order of the states.

        For ``finder.sample_states(states, n, valid_bxt=u.valid_bxt)``: states that are only
        held through padding are then not drawn.

        Example:
            >>> mask = np.array([[True, True, False]])
            >>> u = RNNInputs(np.ones((1, 3, 1)), np.zeros((1, 2)), mask, go_backwards=True)
            >>> u.valid_bxt.tolist()
            [[False, True, True]]
        """
        mask = np.ones(self.shape[:2], bool) if self.mask is None else self.mask
        return mask[:, ::-1] if self.go_backwards else mask

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, key: Any) -> Any:
        trials = isinstance(key, slice) or (
            isinstance(key, (list, np.ndarray)) and np.ndim(key) == 1
        )
        if trials:
            return dataclasses.replace(
                self,
                values=self.values[key],
                initial_states=self.initial_states[key],
                mask=None if self.mask is None else self.mask[key],
            )
        return self.values[key].view(LayerArray)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = self.values if dtype is None else self.values.astype(dtype, copy=False)
        return array.copy() if copy else array

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        arrays = [x.values if isinstance(x, RNNInputs) else x for x in inputs]
        return getattr(ufunc, method)(*arrays, **options)

    def __repr__(self) -> str:
        n, t, k = self.shape
        extras = [", masked"] if self.mask is not None else []
        extras += [", backwards"] if self.go_backwards else []
        steps = f"{n} trial{'s' * (n != 1)}, {t} step{'s' * (t != 1)}"
        return f"RNNInputs({steps}, {k} input{'s' * (k != 1)}{''.join(extras)})"
