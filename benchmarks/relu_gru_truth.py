"""Fixed points of a GRU whose candidate is a ReLU.

As z < 1, a fixed point is its own candidate: with ``reset_after``,
``h = relu(b + r (h U + c))`` with ``r = sigmoid(a + h U_r)``, and else
``h = relu(b + (r h) U)``. Where U_r = 0 this is piecewise linear and enumeration gives all
points. In general the map is smooth within each active set; where the positive parts of the
weights have a spectral radius below one, all points lie in a box that is known, and for up
to four units the roots of each active set are counted in it by intervals (every box is
either without a root, by the range of the residual, or holds exactly one, by Krawczyk's
test, or is split). For more units Newton's method from many starts per active set gives a
lower bound. Intervals are widened by 1e-12 of their size instead of rounded outward.
"""

from __future__ import annotations

import numpy as np
from relu_truth import Truth, active_sets, distinct, enumerate_points

MAX_COUNTED = 4  # units up to which the roots are counted
N_STARTS = 4096  # of Newton's method, shared among the active sets


def sigmoid(x):
    return 0.5 * (1.0 + np.tanh(0.5 * x))


class Candidate:
    """Argument of the ReLU, its Jacobian, and both over boxes."""

    def __init__(self, weights, reset_after: bool):
        _, recurrent, bias = (np.asarray(w, np.float64) for w in weights)
        n = recurrent.shape[0]
        self.n, self.reset_after = n, reset_after
        self.update = recurrent[:, :n]
        self.reset, self.inner = recurrent[:, n : 2 * n], recurrent[:, 2 * n :]
        b = bias if reset_after else np.stack([bias, np.zeros_like(bias)])
        self.reset_bias = (b[0] + b[1])[n : 2 * n]
        self.update_bias = (b[0] + b[1])[:n]
        self.outer_bias, self.inner_bias = b[0, 2 * n :], b[1, 2 * n :]

    def argument(self, h):
        r = sigmoid(self.reset_bias + h @ self.reset)
        if self.reset_after:
            return self.outer_bias + r * (h @ self.inner + self.inner_bias)
        return self.outer_bias + (r * h) @ self.inner

    def jacobian(self, h):
        """Return d argument_i / d h_j, (n_points, n, n)."""
        r = sigmoid(self.reset_bias + h @ self.reset)
        slope = r * (1.0 - r)
        if self.reset_after:
            inside = h @ self.inner + self.inner_bias
            return r[:, :, None] * self.inner.T + (slope * inside)[:, :, None] * self.reset.T
        through = np.eye(self.n) * r[:, None, :] + (slope * h)[:, :, None] * self.reset.T
        return np.einsum("ki,pkj->pij", self.inner, through)

    def step_jacobian(self, h):
        """Return the Jacobian of the whole step at fixed points."""
        z = sigmoid(self.update_bias + h @ self.update)
        active = (self.argument(h) > 0.0).astype(np.float64)
        return np.eye(self.n) * z[:, None, :] + ((1.0 - z) * active)[
            :, :, None
        ] * self.jacobian(h)

    def box(self) -> np.ndarray | None:
        """Return upper ends of a box of all fixed points, if the weights give one."""
        positive = np.maximum(self.inner, 0.0)
        if np.abs(np.linalg.eigvals(positive)).max() > 0.95:
            return None
        bias = np.maximum(self.outer_bias, 0.0) + np.maximum(self.inner_bias, 0.0)
        return np.linalg.solve(np.eye(self.n) - positive.T, bias) * (1.0 + 1e-9) + 1e-9

    # -- over boxes, as pairs (low, high) ------------------------------------------------

    def argument_range(self, low, high):
        r = gate_range(self.reset, self.reset_bias, low, high)
        if self.reset_after:
            inside = affine_range(self.inner, self.inner_bias, low, high)
            product = times(r, inside)
            return widened(product[0] + self.outer_bias, product[1] + self.outer_bias)
        return affine_range(self.inner, self.outer_bias, *times(r, (low, high)))

    def jacobian_range(self, low, high):
        r = gate_range(self.reset, self.reset_bias, low, high)
        slope = slope_range(r)
        if self.reset_after:
            inside = affine_range(self.inner, self.inner_bias, low, high)
            first = scaled(column(r), self.inner.T)
            second = scaled(column(times(slope, inside)), self.reset.T)
            return widened(first[0] + second[0], first[1] + second[1])
        through = scaled(column(times(slope, (low, high))), self.reset.T)
        through = tuple(
            t + np.eye(self.n) * g[:, None, :] for t, g in zip(through, r, strict=True)
        )
        positive, negative = np.maximum(self.inner.T, 0.0), np.minimum(self.inner.T, 0.0)
        return widened(
            positive @ through[0] + negative @ through[1],
            positive @ through[1] + negative @ through[0],
        )


def widened(low, high):
    slack = 1e-12 * (np.abs(low) + np.abs(high)) + 1e-300
    return low - slack, high + slack


def column(pair):
    return pair[0][:, :, None], pair[1][:, :, None]


def times(a, b):
    products = [a[0] * b[0], a[0] * b[1], a[1] * b[0], a[1] * b[1]]
    return widened(np.minimum.reduce(products), np.maximum.reduce(products))


def scaled(pair, matrix):
    ends = pair[0] * matrix, pair[1] * matrix
    return widened(np.minimum(*ends), np.maximum(*ends))


def affine_range(weights, bias, low, high):
    positive, negative = np.maximum(weights, 0.0), np.minimum(weights, 0.0)
    return widened(
        low @ positive + high @ negative + bias, high @ positive + low @ negative + bias
    )


def gate_range(weights, bias, low, high):
    ends = affine_range(weights, bias, low, high)
    return widened(sigmoid(ends[0]), sigmoid(ends[1]))


def slope_range(r):
    ends = r[0] * (1.0 - r[0]), r[1] * (1.0 - r[1])
    top = np.where((r[0] <= 0.5) & (r[1] >= 0.5), 0.25, np.maximum(*ends))
    return widened(np.minimum(*ends), top)


# -- roots --------------------------------------------------------------------------------


def newton(candidate: Candidate, active, h):
    """Run Newton's method for ``h = argument`` on the active units, the others at zero."""
    mask = active.astype(np.float64)
    for _ in range(40):
        value = mask * candidate.argument(h) - h
        left = np.eye(candidate.n) - mask[:, None] * candidate.jacobian(h)
        singular = np.abs(np.linalg.det(left)) < 1e-14
        left[singular] = np.eye(candidate.n)
        h = np.clip(h + np.linalg.solve(left, value[..., None])[..., 0], -1e6, 1e6)
    return h


def is_point(candidate: Candidate, h):
    """Mark the states that are fixed points."""
    value = np.maximum(candidate.argument(h), 0.0)
    return np.abs(value - h).max(axis=1) <= 1e-11 * (1.0 + np.abs(h).max(axis=1))


def count_roots(candidate: Candidate, top, max_boxes: int = 400_000) -> np.ndarray | None:
    """Return all fixed points in the box from zero to ``top``, or None if boxes remain."""
    found = []
    for active in active_sets(candidate.n):
        mask = active.astype(np.float64)
        low, high = np.zeros((1, candidate.n)), (mask * top)[None]
        for _ in range(200):
            argument = candidate.argument_range(low, high)
            keep = (argument[0] <= high + 1e-9) & (argument[1] >= low - 1e-9)
            silent = argument[0] <= 1e-9
            possible = np.where(active, keep, silent).all(axis=1)
            low, high = low[possible], high[possible]
            if not len(low):
                break
            low, high, done = krawczyk(candidate, active, low, high)
            found += list(done)
            if not len(low):
                break
            if len(low) > max_boxes:
                return None
            widest = np.argmax(high - low, axis=1)
            rows = np.arange(len(low))
            middle = 0.5 * (low + high)[rows, widest]
            left_high, right_low = high.copy(), low.copy()
            left_high[rows, widest], right_low[rows, widest] = middle, middle
            low = np.concatenate([low, right_low])
            high = np.concatenate([left_high, high])
        else:
            return None
    return np.array(found).reshape(-1, candidate.n)


def krawczyk(candidate: Candidate, active, low, high):
    """Drop boxes without a root, narrow the others, take out the roots that are alone."""
    mask = active.astype(np.float64)
    if not active.any():
        return low[:0], high[:0], [np.zeros(candidate.n)]
    eye = np.eye(candidate.n)
    centre, radius = 0.5 * (low + high), 0.5 * (high - low)
    jacobian = candidate.jacobian_range(low, high)
    ends = tuple(eye - mask[:, None] * j for j in reversed(jacobian))
    middle = 0.5 * (ends[0] + ends[1])
    spread = 0.5 * (ends[1] - ends[0])
    regular = np.abs(np.linalg.det(middle)) > 1e-10
    inverse = np.linalg.inv(np.where(regular[:, None, None], middle, eye))
    residual = centre - mask * candidate.argument(centre)
    moved = centre - (inverse @ residual[..., None])[..., 0]
    reach = np.abs(eye - inverse @ middle) + np.abs(inverse) @ spread
    reach = (reach @ radius[..., None])[..., 0] * (1.0 + 1e-9) + 1e-13
    inside = (np.abs(moved - centre) + reach < radius) | ~active
    alone = inside.all(axis=1) & regular
    outside = (np.abs(moved - centre) > reach + radius) & active & regular[:, None]
    gone = outside.any(axis=1)
    roots = newton(candidate, active, moved[alone])
    roots = list(roots[is_point(candidate, roots)])
    rest = ~alone & ~gone
    new_low = np.where(regular[:, None], np.maximum(low, moved - reach), low)
    new_high = np.where(regular[:, None], np.minimum(high, moved + reach), high)
    new_low, new_high = np.where(active, new_low, 0.0), np.where(active, new_high, 0.0)
    return new_low[rest], np.maximum(new_low, new_high)[rest], roots


def gru_points(weights, reset_after: bool) -> Truth:
    """Return fixed points at input zero, all of them where ``complete``."""
    candidate = Candidate(weights, reset_after)
    n = candidate.n
    complete = True
    if not candidate.reset.any():
        r = sigmoid(candidate.reset_bias)
        if reset_after:
            w = candidate.inner * r
            b = candidate.outer_bias + r * candidate.inner_bias
        else:
            w, b = r[:, None] * candidate.inner, candidate.outer_bias
        x = enumerate_points(w, b, "outside").xstar
    else:
        top = candidate.box()
        x = count_roots(candidate, top) if top is not None and n <= MAX_COUNTED else None
        complete = x is not None
        rng = np.random.default_rng(0)
        scale = 3.0 if top is None else top
        many = []
        for active in active_sets(n):
            starts = active * rng.uniform(0.0, 1.2, size=(max(N_STARTS // 2**n, 8), n)) * scale
            ends = newton(candidate, active, starts)
            many.append(ends[is_point(candidate, ends)])
        searched = np.concatenate(many)
        if x is not None and len(distinct(np.concatenate([x, searched]))) > len(distinct(x)):
            raise ArithmeticError("the count of roots missed one that Newton's method found")
        x = searched if x is None else x
    x = x[distinct(x)]
    argument = candidate.argument(x)
    on_kink = (np.abs(argument) < 1e-9 * (1.0 + np.abs(x).max(initial=0.0))).any(axis=1)
    jacobians = candidate.step_jacobian(x)
    eigenvalues = np.linalg.eigvals(jacobians) if len(x) else np.zeros((0, n))
    moduli = np.abs(eigenvalues)
    margin = min(
        np.abs(moduli - 1.0).min(initial=np.inf), np.abs(eigenvalues - 1.0).min(initial=np.inf)
    )
    return Truth(x, (moduli < 1.0).all(axis=1), on_kink, complete, float(margin))


# -- weights ------------------------------------------------------------------------------


def linear_gru(n: int, rng, reset_after: bool) -> list[np.ndarray]:
    """Return pairs that silence each other, with a constant reset gate."""
    inner = 0.05 * rng.normal(size=(n, n))
    for k in range(0, n - 1, 2):
        inner[k, k + 1], inner[k + 1, k] = -rng.uniform(3.0, 4.0, size=2)
    reset = np.zeros((n, n))
    return packed(n, rng, 0.7 * rng.normal(size=(n, n)), reset, inner, reset_after)


def bounded_gru(n: int, rng, reset_after: bool) -> list[np.ndarray]:
    """Return a GRU with random gates, mutual inhibition and bounded excitation."""
    inner = -rng.uniform(0.0, 0.5, size=(n, n)) * (rng.random((n, n)) < 0.5)
    for k in range(0, n - 1, 2):
        inner[k, k + 1], inner[k + 1, k] = -rng.uniform(3.0, 6.0, size=2)
    np.fill_diagonal(inner, rng.uniform(-0.5, 0.6, size=n))
    reset, update = (0.5 * rng.normal(size=(n, n)) for _ in range(2))
    return packed(n, rng, update, reset, inner, reset_after)


def packed(n, rng, update, reset, inner, reset_after) -> list[np.ndarray]:
    """Return kernel, recurrent kernel and bias as Keras has them."""
    kernel = 0.5 * rng.normal(size=(2, 3 * n))
    bias = np.zeros((2, 3 * n))
    bias[0, 2 * n :] = rng.uniform(0.7, 1.3, size=n)
    bias[0, n : 2 * n] = 0.5 * rng.normal(size=n)
    if reset_after:
        bias[1, 2 * n :] = 0.1 * rng.normal(size=n)
    else:
        bias = bias[0]
    return [kernel, np.concatenate([update, reset, inner], axis=1), bias]
