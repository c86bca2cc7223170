r"""Stability of a fixed point on a kink, by the linear pieces of all sides together.

Near a fixed point on a kink a piecewise smooth map takes the direction ``d`` to ``J(d) d``,
where ``J(d)`` is the Jacobian of the side on which ``d`` lies: a map that is linear on each of
several cones. Directions go from cone to cone, so that they may grow although every single
side is stable, and shrink although none is (Branicky 1998, IEEE Trans. Autom. Control
43:475-482; Simpson 2016, SIAM Rev. 58:177-226). The map of directions is exact at any length:
here many directions are run and brought back to length one after each step.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from fixedpoint_tf import linearization
from fixedpoint_tf._utils.chunks import chunks
from fixedpoint_tf.systems.differentiation.autodiff import Autodiff
from fixedpoint_tf.systems.kinks.sides import is_smooth, sides_at
from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = ["choose_side", "growth_at_kink", "settle_at_kinks"]

ON_KINK = 64.0, 1e-12  # distance from a kink that is none: least, in roundings; most, in sizes
BESIDE = 1e-9, 1e4, 1e-4  # where sides are told apart: in sizes, in distances, at most in sizes
N_LOOKED_AT = 8  # pairs of states at which sides are looked for
WIDE = 16  # states above which fewer directions are run
N_PAIRS = 128, 24  # opposite random directions of a narrow and of a wide system
N_SIDES, N_MODES = 8, 4  # sides whose fastest modes are run as well, and how many of each
WINDOW = 50  # steps of which the longest length is taken
LOOKS = (2, 4, 8, 12)  # windows after which the run may end
DECIDED = 5.0  # logarithm of a growth that is neither a power of time nor a transient
STEADY = 1.0, 0.2  # logarithm of a growth that does for one that stays the same, and how far
STILL = 1e-3  # logarithm of a growth over half the run that is none
UNSEEN = 0.02  # difference of growths, of one or the fastest rate, that a run may not show
ALIKE = 1e-2  # relative change of a Jacobian of one side over the distance of a look
ON_RAY = 1e-9  # relative error of an eigenvector of the map of directions
MANY_STATES = 32  # above which products take the place of Jacobians
PACE = 0.2  # of the fastest rate, a step in continuous time


def settle_at_kinks(
    system: DynamicalSystem,
    x: np.ndarray,
    u: np.ndarray,
    jacobians: np.ndarray,
    input_jacobians: np.ndarray | None = None,
    *,
    fixed: np.ndarray,
    size: np.ndarray,
    located: np.ndarray | float = np.inf,
    unit: np.ndarray | float = 1.0,
    eps: float = 2.2e-16,
) -> np.ndarray:
    """Replace the derivatives at kinks by those of one side in place, and return growth.

    It is the side of :func:`choose_side`; of what is no fixed point the one that grows the
    fastest.

    Args:
        system: the network.
        x: states, ``(n, n_states)``.
        u: inputs, ``(n, n_inputs)``.
        jacobians: by the states, ``(n, n_states, n_states)``, changed in place.
        input_jacobians: by the inputs, ``(n, n_states, n_inputs)``, changed in place.
        fixed: ``(n,)`` boolean, which are fixed points.
        size: size of the states, ``(n,)``, in these units, to which rounding is relative.
        located: ``(n,)``, within which distance the points are known, in these units.
        unit: ``(n_states,)``, unit of each state; default: the same for all.
        eps: relative rounding of the network.

    Returns:
        ``(n,)``, of fixed points on kinks the growth that :func:`growth_at_kink` measures;
        NaN elsewhere.

    Example:
        >>> import tensorflow as tf
        >>> from fixedpoint_tf import as_system
        >>> system = as_system(
        ...     lambda h, u: tf.where(h < 0.0, -2.0 * h, -0.1 * h), n_states=1, n_inputs=0)
        >>> x, J = np.zeros((1, 1)), np.zeros((1, 1, 1))
        >>> growth = settle_at_kinks(
        ...     system, x, x[:, :0], J, fixed=np.array([True]), size=np.ones(1))
        >>> (growth**2).round(6).tolist(), J.ravel().tolist()
        ([0.2], [-0.1])
    """
    growth = np.full(len(x), np.nan)
    if not len(x) or is_smooth(system.equations):
        return growth
    finite = np.isfinite(jacobians).all(axis=(1, 2)) & np.isfinite(x).all(axis=1)
    near = np.maximum(ON_KINK[0] * eps, np.minimum(ON_KINK[1], located / size))
    sides = sides_at(system, x, u, near * size, n_directions=N_LOOKED_AT, unit=unit)
    kinked = np.zeros(len(x), dtype=bool)
    for row, (some, places) in enumerate(sides):
        if finite[row] and np.isfinite(some).all():
            kinked[row] = len(some) > 1
            if not kinked[row] and (places[0] != x[row]).any():  # the point's own is none
                _take_on(system, row, some[0], places[0], u, jacobians, input_jacobians)
    beside = np.clip(BESIDE[1] * near, BESIDE[0], BESIDE[2]) * size
    rows = np.flatnonzero(kinked)
    if len(rows):
        farther = sides_at(
            system, x[rows], u[rows], beside[rows],
            n_directions=N_LOOKED_AT, unit=unit, only_beside=True,
        )  # fmt: skip
        # A smooth bend as narrow as that has other Jacobians farther out, a kink the same.
        kinked[rows] = [
            _all_met(out, sides[row][0]) for row, (out, _) in zip(rows, farther, strict=True)
        ]
    rows = np.flatnonzero(kinked & fixed)
    decided = np.zeros(len(x), dtype=bool)
    if len(rows):
        growth[rows], decided[rows] = growth_at_kink(
            system, x[rows], u[rows], beside[rows], [sides[row][0] for row in rows], unit=unit
        )
    for row in np.flatnonzero(kinked).tolist():
        some, places = sides[row]
        if fixed[row]:
            side, growth[row] = choose_side(some, growth[row], decided[row], system.time)
        else:
            side, _ = choose_side(some, np.inf, True, system.time)
        _take_on(system, row, some[side], places[side], u, jacobians, input_jacobians)
    return growth


def _all_met(some: np.ndarray, sides: np.ndarray) -> bool:
    """Test Jacobians for being those of some sides, but for smooth change."""
    gap = np.abs(some[:, None] - sides).max(axis=(2, 3)).min(axis=1)
    return bool((gap <= ALIKE * (1.0 + np.abs(sides).max())).all())


def _take_on(system, row, jacobian, place, u, jacobians, input_jacobians) -> None:
    """Put the derivatives at a state of a side in the place of the point's own."""
    jacobians[row] = jacobian
    if input_jacobians is not None and input_jacobians.shape[2]:
        input_jacobians[row] = system.input_jacobian(place[None], u[[row]]).numpy()[0]


def growth_at_kink(
    system: DynamicalSystem,
    x: np.ndarray,
    u: np.ndarray,
    radius: np.ndarray | float,
    sides: list[np.ndarray],
    *,
    unit: np.ndarray | float = 1.0,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Measure how fast states next to fixed points on kinks leave or come back.

    Args:
        system: the network.
        x: fixed points on kinks, ``(n, n_states)``.
        u: inputs, ``(n, n_inputs)``.
        radius: ``(n,)`` or a number, distance at which the side of a direction is read, well
            above the rounding of the states.
        sides: Jacobians of the sides of each point, ``(k, n_states, n_states)``.
        unit: ``(n_states,)``, unit of each state in which directions and the radius are
            measured; default: the same for all.
        seed: seed of the directions.

    Returns:
        The growth per step (continuous time: the rate) of the directions that grow the fastest,
        ``(n,)``, as :func:`fixedpoint_tf.linearization.growth` gives it of a mode; and whether
        it is more than the run could mistake, ``(n,)`` boolean.

    Example:
        >>> import tensorflow as tf
        >>> from fixedpoint_tf import as_system
        >>> system = as_system(
        ...     lambda h, u: tf.where(h < 0.0, -2.0 * h, -0.8 * h), n_states=1, n_inputs=0)
        >>> sides = [np.array([[[-2.0]], [[-0.8]]])]
        >>> growth, decided = growth_at_kink(
        ...     system, np.zeros((1, 1)), np.zeros((1, 0)), 1e-9, sides)
        >>> (growth**2).round(6).tolist(), decided.tolist()
        ([1.6], [True])
    """
    n, d = x.shape
    growth, decided = np.zeros(n), np.zeros(n, dtype=bool)
    reach = np.broadcast_to(np.asarray(radius, dtype=np.float64), (n,))
    rng = np.random.default_rng(seed)
    pairs = rng.normal(size=(N_PAIRS[d > WIDE] if d > 1 else 1, d))
    per_point = 2 * (len(pairs) + 2 * N_SIDES * N_MODES) * d * min(d, MANY_STATES)
    for rows in chunks(n, per_point):
        block = _Block(system, x[rows], u[rows], reach[rows], sides[rows], unit)
        growth[rows], decided[rows] = block.run(pairs)
    return growth, decided


def choose_side(
    sides: np.ndarray, growth: float, decided: bool, time: str
) -> tuple[int, float]:
    """Choose the side whose linearisation says what the map of all sides does.

    Args:
        sides: Jacobians, ``(k, n_states, n_states)``.
        growth, decided: of :func:`growth_at_kink`.
        time: ``"discrete"`` or ``"continuous"``.

    Returns:
        The number of the side, and the growth of the point. The side is that of the fastest
        growth where states leave, of the fastest decay where they come back, else the one
        nearest the edge of stability. The growth is that of the side where all agree and the
        run cannot tell it from theirs.

    Example:
        >>> choose_side(np.array([[[-2.0]], [[-0.1]]]), 0.45, True, "discrete")
        (1, 0.45)
    """
    edge = 1.0 if time == "discrete" else 0.0
    values = np.linalg.eigvals(sides)
    fastest = linearization.growth(values, time).max(axis=1)
    margin = fastest - edge
    verdict = np.where(np.abs(margin) <= linearization.STABILITY_TOL, 0.0, np.sign(margin))
    rate = 1.0 if time == "discrete" else float(np.linalg.norm(sides, axis=(1, 2)).max())
    confirmed = abs(growth - fastest.max()) <= UNSEEN * rate
    if not decided and confirmed and (verdict == verdict[0]).all():
        growth = float(fastest.max())
    if abs(growth - edge) <= linearization.STABILITY_TOL:
        return int(np.argmin(np.abs(margin))), edge
    return int(np.argmax(fastest) if growth > edge else np.argmin(fastest)), float(growth)


class _Block:
    """The fixed points that are run together."""

    def __init__(self, system, x, u, radius, sides, unit):
        self.system, self.x, self.u, self.radius = system, x, u, radius
        self.unit = np.broadcast_to(np.asarray(unit, dtype=np.float64), x.shape[1:])
        self.per = self.unit / self.unit[:, None]  # brings Jacobians to these units
        self.sides = sides = [some * self.per for some in sides]
        self.discrete = system.time == "discrete"
        largest = max(float(np.linalg.norm(some, axis=(1, 2)).max()) for some in sides)
        self.step = 1.0 if self.discrete else PACE / (largest or 1.0)

    def slopes(self, rows: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Return ``J(v) v`` of directions ``(n, m, d)`` of the points ``rows``."""
        n, m, d = v.shape
        length = np.linalg.norm(v, axis=2, keepdims=True)
        aside = self.radius[rows, None, None] * v / np.where(length > 0.0, length, 1.0)
        places = (self.x[rows, None] + aside * self.unit).reshape(-1, d)
        u, flat = np.repeat(self.u[rows], m, axis=0), v.reshape(-1, d)
        equations = self.system.equations
        if d > MANY_STATES and isinstance(equations, Autodiff):
            dtype = self.system.dtypes[1]
            arrays = places, u, flat * self.unit
            products = equations.product(None, *(tf.constant(a, dtype) for a in arrays))
            products = products.numpy() / self.unit
        else:
            jacobians = self.system.jacobian(places, u).numpy()
            products = np.einsum("nij,nj->ni", jacobians * self.per, flat)
        return products.reshape(n, m, d).astype(np.float64)

    def advance(self, rows: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Return the directions after one step."""
        if self.discrete:
            return self.slopes(rows, v)
        first = self.slopes(rows, v)  # Runge and Kutta's method of fourth order
        second = self.slopes(rows, v + 0.5 * self.step * first)
        third = self.slopes(rows, v + 0.5 * self.step * second)
        fourth = self.slopes(rows, v + self.step * third)
        return v + self.step / 6.0 * (first + 2.0 * (second + third) + fourth)

    def starts(self, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return random directions and the sides' fastest modes, and the rates on rays."""
        n, d = self.x.shape
        modes = np.tile(pairs[0], (n, 2 * N_SIDES * N_MODES if d > 1 else 1, 1))
        rate = np.full(modes.shape[:2], np.nan)
        for row, some in enumerate(self.sides):
            values, vectors = np.linalg.eig(some[:N_SIDES])
            order = np.argsort(-linearization.growth(values, self.system.time), axis=1)
            slot = 0
            for k in range(len(values)):
                for j in order[k, :N_MODES]:
                    parts = [vectors[k, :, j].real]
                    if values[k, j].imag != 0.0:
                        parts.append(vectors[k, :, j].imag)
                    for part in parts:
                        if slot < modes.shape[1] and np.linalg.norm(part) > 0.0:
                            modes[row, slot] = part
                            if len(parts) == 1:
                                rate[row, slot] = values[k, j].real
                            slot += 1
        modes = np.concatenate([modes, -modes], axis=1)
        modes /= np.linalg.norm(modes, axis=2, keepdims=True)
        rate = np.concatenate([rate, rate], axis=1)
        image = self.slopes(np.arange(n), modes)
        error = np.linalg.norm(image - rate[:, :, None] * modes, axis=2)
        on_ray = error <= ON_RAY * (1.0 + np.abs(rate))
        if self.discrete:
            on_ray &= rate > 0.0
        rays = np.where(on_ray, rate, -np.inf).max(axis=1)
        unit = pairs / np.linalg.norm(pairs, axis=1, keepdims=True)
        random = np.tile(np.concatenate([unit, -unit]), (n, 1, 1))
        return np.concatenate([random, modes], axis=1), rays

    def run(self, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the growth of each point, and whether it is certain."""
        v, rays = self.starts(pairs)
        n = len(self.x)
        length = np.zeros(v.shape[:2])  # logarithm
        looks = LOOKS[: 3 if v.shape[2] > WIDE else None]
        longest = np.full((max(looks) + 1, *length.shape), -np.inf)
        longest[0] = 0.0
        rate, decided = np.full(n, np.nan), np.zeros(n, dtype=bool)
        active = np.arange(n)
        for window in range(1, max(looks) + 1):
            for _ in range(WINDOW):
                w = self.advance(active, v[active])
                norm = np.linalg.norm(w, axis=2)
                with np.errstate(divide="ignore"):
                    length[active] += np.log(norm)
                v[active] = w / np.where(norm > 0.0, norm, 1.0)[:, :, None]
                longest[window, active] = np.maximum(longest[window, active], length[active])
            if window not in looks:
                continue
            half = window // 2
            rise = _rise(longest[half, active], longest[window, active])
            rate[active] = rise / (WINDOW * (window - half) * self.step)
            sure = np.abs(rise) >= DECIDED
            if window == max(looks):
                middle = (half + window) // 2
                first = _rise(longest[half, active], longest[middle, active])
                second = _rise(longest[middle, active], longest[window, active])
                with np.errstate(invalid="ignore"):
                    same = np.abs(first - second) <= STEADY[1] * np.abs(rise)
                sure |= (np.abs(rise) >= STEADY[0]) & same
                rate[active[np.abs(rise) <= STILL]] = 0.0
            decided[active] = sure
            active = active[~sure]
            if not len(active):
                break
        growth = np.exp(rate) if self.discrete else rate
        edge = 1.0 if self.discrete else 0.0
        leaves = rays > edge + linearization.STABILITY_TOL
        return np.maximum(growth, rays), decided | leaves


def _rise(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return the largest rise of a logarithm over directions ``(n, m)``, else -inf."""
    with np.errstate(invalid="ignore"):
        rise = after - before
    return np.where(np.isnan(rise), -np.inf, rise).max(axis=1)
