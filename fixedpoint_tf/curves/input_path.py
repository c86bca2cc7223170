"""Paths of inputs ``u(s)``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.interpolate import CubicSpline

from fixedpoint_tf._utils.checks import as_numbers, check_finite, check_range, shown

__all__ = ["Path"]

N_GRID = 1001  # places of the path, from which the nearest to an input is refined
DIFFERENCE = 1e-6  # of the length of the path, for the slope of a function
BENT = 1e-12  # relative change of the slope at a corner
N_PIECES = 32, 4096  # of a spline through a path in single precision: first and most
AT_CORNER = 1e-9  # of the length of the path: a place so near a corner is on it


class Path:
    """Inputs by a parameter s, and their derivative by it.

    Args:
        path: ``(n, n_inputs)`` inputs, joined by straight lines, which s goes through at
            even steps from 0 to 1 (two of them are the ends of one line); of a single
            input also ``(n,)``; or a function from s to ``(n_inputs,)``.
        n_inputs: width of an input.
        s_range: first and last s of a function.

    Attributes:
        breaks: ``(n_pieces + 1,)``, the ends of the path and the corners between: between
            two of them u is smooth.

    Raises:
        TypeError, ValueError: it is no such path.

    Example:
        >>> u, by_s = Path([-1.0, 1.0], 1)(np.array([0.25]))
        >>> u.tolist(), by_s.tolist()
        ([[-0.5]], [[2.0]])
    """

    def __init__(self, path: Any, n_inputs: int, s_range: Any = None):
        self.n_inputs = n_inputs
        self.function: Callable[[float], Any] | None = None
        self.spline: CubicSpline | None = None  # of a function in single precision
        if n_inputs < 1:
            raise ValueError(
                "path: expected None for a system without inputs, received a path."
            )
        if callable(path):
            self.function = path
            given = (0.0, 1.0) if s_range is None else s_range
            self.low, self.high = check_range(given, "s_range")
            self.breaks = np.array([self.low, self.high])
            self._evaluate(np.array([self.low, self.high]))
            self.spline = self._smooth()
            return
        if s_range is not None:
            raise ValueError(
                f"s_range: expected None but for a function, received {shown(s_range)}."
            )
        corners = as_numbers(path, "path")
        if corners.ndim == 1 and n_inputs == 1:
            corners = corners[:, None]
        if corners.ndim != 2 or corners.shape[1] != n_inputs or len(corners) < 2:
            raise ValueError(
                f"path: expected shape (n >= 2, n_inputs={n_inputs}), or be a function of s, "
                f"received shape {corners.shape}."
            )
        check_finite(corners, "path")
        if not np.ptp(corners, axis=0).any():
            raise ValueError(
                "path: expected inputs that change, received one input throughout."
            )
        self.low, self.high = 0.0, 1.0
        slope = np.diff(corners, axis=0) * (len(corners) - 1)
        bent = np.abs(np.diff(slope, axis=0)).max(axis=1) > BENT * np.abs(slope).max()
        first = np.flatnonzero(np.concatenate([[True], bent]))
        self.breaks = np.append(np.linspace(0.0, 1.0, len(corners))[first], 1.0)
        self.beginnings, self.slopes = corners[first], slope[first]

    def _evaluate(self, s: np.ndarray) -> np.ndarray:
        rows = [as_numbers(self.function(float(value)), "path(s)") for value in s]  # type: ignore[misc]
        for row in rows:
            shape = (1,) if row.shape == () and self.n_inputs == 1 else row.shape
            if shape != (self.n_inputs,) or not np.isfinite(row).all():
                raise ValueError(
                    f"path: expected a function that returns finite inputs of shape "
                    f"({self.n_inputs},), received one that returns {row!r}."
                )
        return np.array(rows).reshape(len(s), self.n_inputs)

    def _smooth(self) -> CubicSpline | None:
        """Fit a spline to a path in single precision, or return None for double precision."""
        length = self.high - self.low
        u = self._evaluate(self.low + length * np.sqrt([0.02, 0.1, 0.3, 0.5, 0.7, 0.9]))
        varies = np.ptp(u, axis=0) > 0
        if not varies.any():
            raise ValueError(
                "path: expected inputs that change, received a function that returns "
                f"{u[0].tolist()} throughout."
            )
        with np.errstate(over="ignore"):  # what is beyond a type is none of its numbers
            half, single = (
                (u == u.astype(kind)).all(axis=0) & varies for kind in (np.float16, np.float32)
            )
        if not single.any():
            return None
        n, s = N_PIECES[0], np.linspace(self.low, self.high, N_PIECES[0] + 1)
        u = self._evaluate(s)
        while n < N_PIECES[1] and not half.any():
            spline, between = CubicSpline(s, u), 0.5 * (s[1:] + s[:-1])
            at = self._evaluate(between)
            rounding = 4.0 * np.finfo(np.float32).eps * np.abs(u).max(axis=0)
            if (np.abs(spline(between) - at) <= rounding)[:, single].all():
                return spline
            n, s = 2 * n, np.insert(s, np.arange(1, n + 1), between)
            u = np.insert(u, np.arange(1, n // 2 + 1), at, axis=0)
        raise ValueError(
            "path: expected a function that returns inputs in double precision, or is smooth "
            "in single precision, received one that is rounded to less, or jumps."
        )

    def piece(self, s: np.ndarray, direction: np.ndarray | float = 1.0) -> np.ndarray:
        """Return the piece between two corners that holds s, at a corner the one ahead."""
        after = np.searchsorted(self.breaks, s, side="right")
        before = np.searchsorted(self.breaks, s, side="left")
        ahead = np.where(np.asarray(direction) >= 0, after, before)
        return np.clip(ahead - 1, 0, len(self.breaks) - 2)

    def snap(self, s: np.ndarray) -> np.ndarray:
        """Move positions that differ from a corner by rounding onto it."""
        nearest = self.breaks[np.abs(s[:, None] - self.breaks).argmin(axis=1)]
        return np.where(np.abs(nearest - s) <= AT_CORNER * (self.high - self.low), nearest, s)

    def __call__(
        self, s: np.ndarray, piece: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return ``u`` and ``du/ds``, each ``(n, n_inputs)``, straight beyond the ends.

        Given the piece, ``(n,)`` int, its line goes straight on beyond its corners too.
        """
        if self.spline is not None:
            clipped = np.clip(s, self.low, self.high)
            slope = self.spline(clipped, 1)
            return self.spline(clipped) + (s - clipped)[:, None] * slope, slope
        if self.function is not None:
            step = DIFFERENCE * (self.high - self.low)
            inside = np.clip(s, self.low + step, self.high - step)
            after, before = self._evaluate(inside + step), self._evaluate(inside - step)
            slope = (after - before) / (2.0 * step)
            clipped = np.clip(s, self.low, self.high)
            return self._evaluate(clipped) + (s - clipped)[:, None] * slope, slope
        k = self.piece(s) if piece is None else piece
        slope = self.slopes[k]
        return self.beginnings[k] + (s - self.breaks[k])[:, None] * slope, slope

    def place(self, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the s at which the path is nearest to inputs, and the distances."""
        grid = np.linspace(self.low, self.high, N_GRID)
        if self.function is None:  # no corner may fall between two places
            grid = np.union1d(grid, self.breaks)
        along, _ = self(grid)
        distance = np.linalg.norm(along[None] - u[:, None], axis=2)
        s = grid[distance.argmin(axis=1)]
        for _ in range(20):  # Gauss-Newton on the distance
            at, slope = self(s)
            length = np.maximum((slope**2).sum(axis=1), 1e-300)
            s = np.clip(s + ((u - at) * slope).sum(axis=1) / length, self.low, self.high)
        far = np.linalg.norm(self(s)[0] - u, axis=1)
        best = grid[distance.argmin(axis=1)]
        s = np.where(far <= distance.min(axis=1), s, best)
        return s, np.minimum(far, distance.min(axis=1))
