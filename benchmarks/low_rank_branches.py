"""Every branch of fixed points of a low-rank ReLU network along an input, exactly.

The network ``x' = (1 - alpha) x + alpha (m n^T relu(x + b) / N + u W)`` of rank two has its
fixed points at ``x = m k / N + u W`` with ``k = n^T relu(x + b)``, in a plane of ``k`` that
the lines ``x_j + b_j = 0`` cut into regions. Along ``u = u_0 + s (u_1 - u_0)`` the regions lie
in the space of ``(k, s)``, cut by N planes. Every region has a corner where three planes meet
(planes in general position), so the regions about all corners are all the regions; in each,
``k`` is linear in ``s``, and holds for an interval of ``s`` where it stays inside. Stability
is constant in a region, so that everything happens where a branch meets a border.

    python benchmarks/low_rank_branches.py --data DIR [--from U0] [--to U1]

prints the numbers of fixed points against ``s`` for ``relu_lowrank_reach_rnn.npz`` in DIR.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
from pathlib import Path

import numpy as np

FILE = "relu_lowrank_reach_rnn.npz"
SAME = 1e-9  # two borders nearer than this, relative to 1 + |s|, are one


@dataclasses.dataclass(frozen=True)
class LowRank:
    """The weights of a rank-two leaky ReLU network: x' as in the module's text."""

    m: np.ndarray
    n: np.ndarray
    bias: np.ndarray
    w_in: np.ndarray
    alpha: float

    @classmethod
    def load(cls, folder: str | Path) -> LowRank:
        with np.load(Path(folder) / FILE, allow_pickle=False) as file:
            names = ("m", "n", "b_rec", "w_inp")
            return cls(*(file[name] for name in names), float(file["alpha"]))

    def step(self, x: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Compute one step of states (n, N) under inputs (n, n_inputs)."""
        rates = np.maximum(x + self.bias, 0.0)
        drive = (rates @ self.n) @ self.m.T / len(self.bias) + u @ self.w_in
        return (1.0 - self.alpha) * x + self.alpha * drive


@dataclasses.dataclass(frozen=True)
class Pieces:
    """Straight pieces of branches: ``x(s) = x_0 + s x_1`` for ``s_low < s < s_high``.

    Attributes:
        s_low, s_high: (n_pieces,), borders of the region or infinite.
        x_0, x_1: (n_pieces, N).
        n_unstable: (n_pieces,), eigenvalues of the Jacobian outside the unit circle.
        n_regions: how many regions were looked into.
    """

    s_low: np.ndarray
    s_high: np.ndarray
    x_0: np.ndarray
    x_1: np.ndarray
    n_unstable: np.ndarray
    n_regions: int

    def at(self, s: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the fixed points at ``s``, (n, N), and the numbers of unstable directions."""
        here = (self.s_low < s) & (s < self.s_high)
        return self.x_0[here] + s * self.x_1[here], self.n_unstable[here]


def regions(planes: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Return the active sets (n, N), bool, of all regions with a corner, of planes (N, 3)."""
    triples = np.array(list(itertools.combinations(range(len(planes)), 3)))
    corners = np.linalg.solve(planes[triples], -offsets[triples][..., None])[..., 0]
    signs = corners @ planes.T + offsets > 0.0
    rows = np.arange(len(triples))[:, None]
    every = []
    for sides in itertools.product([False, True], repeat=3):
        about = signs.copy()
        about[rows, triples] = sides
        every.append(np.packbits(about, axis=1))
    packed = np.unique(np.concatenate(every), axis=0)
    return np.unpackbits(packed, axis=1, count=len(planes)).astype(bool)


def exact_pieces(network: LowRank, start: np.ndarray, end: np.ndarray) -> Pieces:
    """Return all pieces of branches for ``u = start + s (end - start)`` and every real s."""
    n_units = len(network.bias)
    m, n = network.m / n_units, network.n
    origin, slope = start @ network.w_in, (end - start) @ network.w_in
    offset = network.bias + origin
    active = regions(np.column_stack([m, slope]), offset)
    mask = active.astype(np.float64)
    inner = np.einsum("ji,pj,jk->pik", n, mask, m)
    left = np.eye(2) - inner
    k_0, k_1 = (np.linalg.solve(left, ((mask * c) @ n)[..., None])[..., 0]
                for c in (offset, slope))  # fmt: skip
    sign = np.where(active, 1.0, -1.0)
    level, rate = sign * (k_0 @ m.T + offset), sign * (k_1 @ m.T + slope)
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = -level / rate
    s_low = np.where(rate > 0.0, crossing, -np.inf).max(axis=1)
    s_high = np.where(rate < 0.0, crossing, np.inf).min(axis=1)
    keep = s_high - s_low > SAME * (1.0 + np.abs(s_low))
    eigenvalues = 1.0 - network.alpha + network.alpha * np.linalg.eigvals(inner[keep])
    return Pieces(
        s_low[keep],
        s_high[keep],
        k_0[keep] @ m.T + origin,
        k_1[keep] @ m.T + slope,
        (np.abs(eigenvalues) > 1.0).sum(axis=1),
        len(active),
    )


def events(pieces: Pieces, low: float = 0.0, high: float = np.inf) -> list[dict]:
    """Return the bifurcations where pieces meet, ``{"s", "type", "n_unstable", "x"}`` by s.

    ``fold`` joins two pieces on one side of s, ``stability`` two of different stability on
    both sides, ``kink`` two of one stability. ``n_unstable`` is of the two pieces.
    """
    ends = []
    for k in range(len(pieces.s_low)):
        for s, side in ((pieces.s_low[k], 1), (pieces.s_high[k], -1)):
            if low < s < high:
                ends.append((s, side, k, pieces.x_0[k] + s * pieces.x_1[k]))
    found, used = [], set()
    for i, (s, side, k, x) in enumerate(ends):
        if i in used:
            continue
        for j in range(i + 1, len(ends)):
            t, other_side, other, y = ends[j]
            near = abs(s - t) < SAME * (1.0 + abs(s))
            if j not in used and near and np.abs(x - y).max() < 1e-7 * (1.0 + abs(x).max()):
                pair = [int(pieces.n_unstable[k]), int(pieces.n_unstable[other])]
                kind = "fold" if side == other_side else "stability"
                if kind == "stability" and pair[0] == pair[1]:
                    kind = "kink"
                if kind != "fold" and side > 0:
                    pair.reverse()  # below s first
                found.append({"s": float(s), "type": kind, "n_unstable": pair, "x": x,
                              "vanish_above": bool(side < 0)})  # fmt: skip
                used |= {i, j}
                break
        else:
            found.append({"s": float(s), "type": "end", "n_unstable": [], "x": x})
    return sorted(found, key=lambda event: event["s"])


def numbers(pieces: Pieces, low: float = 0.0, high: float = np.inf) -> list[tuple]:
    """Return ``(s, n_points, n_stable, n_saddles, n_sources)`` where they change."""
    edges = [low, *sorted({e["s"] for e in events(pieces, low, high)}), high]
    rows: list[tuple] = []
    for begin, end in itertools.pairwise(edges):
        if not end - begin > SAME * (1.0 + abs(begin)):
            continue
        middle = begin + 1.0 if np.isinf(end) else 0.5 * (begin + end)
        unstable = pieces.at(middle)[1]
        count = (len(unstable), *(int((unstable == k).sum()) for k in range(3)))
        if not rows or rows[-1][1:] != count:
            rows.append((begin, *count))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help=f"folder of {FILE}")
    parser.add_argument("--from", dest="start", type=float, nargs=2, default=[0.0, 0.0])
    parser.add_argument("--to", dest="end", type=float, nargs=2, default=[1.0, 0.0])
    options = parser.parse_args()
    network = LowRank.load(options.data)
    start, end = np.array(options.start), np.array(options.end)
    pieces = exact_pieces(network, start, end)
    print(f"{pieces.n_regions} regions, {len(pieces.s_low)} of them with fixed points")
    print("s from      points  stable  saddles  sources")
    for s, *counts in numbers(pieces):
        print(f"{s:<12.9f}" + "".join(f"{c:>8}" for c in counts))
    x, _ = pieces.at(1e-12)
    residual = np.abs(network.step(x, start[None] + 1e-12 * (end - start)) - x).max()
    print(f"largest |F(x) - x| of the points at s = 0: {residual:.1e}")
    happened = [e["type"] for e in events(pieces, 0.0, 1.0)]
    print({kind: happened.count(kind) for kind in sorted(set(happened))}, "in 0 < s < 1")


if __name__ == "__main__":
    main()
