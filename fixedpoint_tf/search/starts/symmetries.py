"""Symmetries of the weights: exchanges of units, and changes of their signs.

Of a network that commutes with a signed permutation of its units, ``F(S x) = S F(x)``, the
image ``S x`` of a fixed point is another one. Such permutations are looked for as those of a
coloured graph: units are distinguished by what they feed and are fed, sums over units of equal
colour, until the colours no longer change; then one unit is given the place of another, and
the rest follows (McKay 1981, "Practical graph isomorphism"). Colours are sums rounded, so
what is found is a candidate, which the caller holds against the network itself.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

import numpy as np

from fixedpoint_tf.systems.cells.couplings import Couplings

__all__ = ["SignedPermutation", "may_permute", "signed_permutations"]

SAME = 1e-10  # of the largest: sums of the same weights in another order differ by less
WORK = 2**20  # entries of matrices that are looked at: some ten milliseconds
MOST_REFINED = 64  # times that colours are refined, each some tenths of a millisecond
MOST_FOUND = 32  # generators: units that stand for each other in all have very many
MOST_FLIPPED = 64  # blocks whose sign is tried alone


@dataclasses.dataclass(frozen=True)
class SignedPermutation:
    """Units that exchange their places, and change their signs.

    Attributes:
        to: ``(n_units,)``, the place of each unit.
        sign: ``(n_units,)``, 1 or -1.
    """

    to: np.ndarray
    sign: np.ndarray

    def of_states(self, couplings: Couplings, x: np.ndarray) -> np.ndarray:
        """Return the images of states, ``(m, n_states)``, in the units of the network."""
        at = np.full((len(self.to), couplings.slot.max() + 1), -1)
        at[couplings.unit, couplings.slot] = np.arange(len(couplings.unit))
        image = np.empty_like(x)
        image[:, at[self.to[couplings.unit], couplings.slot]] = self.sign[couplings.unit] * x
        return image


def signed_permutations(couplings: Couplings, u: np.ndarray) -> list[SignedPermutation]:
    """Find signed permutations of the units that seem to commute with a network.

    Args:
        couplings: couplings between the units.
        u: the constant input, ``(n_inputs,)``.

    Returns:
        Generators of the symmetries, but for the change of all signs, not more than can be
        found within some milliseconds.

    Example:
        >>> from fixedpoint_tf.systems.cells.couplings import couplings_of_gates
        >>> ring = np.roll(np.eye(3), 1, axis=1) - 2.0 * np.eye(3)
        >>> couplings = couplings_of_gates((np.ones((1, 3)), ring, np.zeros(3)), "tanh", [True])
        >>> [p.to.tolist() for p in signed_permutations(couplings, np.ones(1))]
        [[1, 2, 0]]
    """
    graph = _Graph(couplings, couplings.offset(u))
    if len(couplings.kind) < 2:
        return []
    if graph.all_differ():
        return _flips(couplings) if couplings.is_odd else []
    found = graph.generators()
    return [p for p in found if not ((p.sign < 0).all() and _stays(p))]


def may_permute(couplings: Couplings) -> bool:
    """Test for blocks, or units that the weights between them do not tell apart at once."""
    if len(couplings.kind) < 2:
        return False
    graph = _Graph(couplings, np.zeros((1, *couplings.bias.shape[1:])))
    return not graph.all_differ() or (couplings.is_odd and len(couplings.blocks()) > 1)


def _stays(p: SignedPermutation) -> bool:
    return np.array_equal(p.to, np.arange(len(p.to)))


def _flips(couplings: Couplings) -> list[SignedPermutation]:
    """Change the signs of one block of several."""
    n, blocks = len(couplings.kind), couplings.blocks()
    if not 1 < len(blocks) <= MOST_FLIPPED:
        return []
    flips = []
    for units in blocks:
        sign = np.ones(n, dtype=int)
        sign[units] = -1
        flips.append(SignedPermutation(np.arange(n), sign))
    return flips


class _Graph:
    """Units as nodes, once with each sign where the activation is odd.

    Args:
        couplings: couplings between the units.
        offset: what enters each gate besides, ``(n_offsets, n_gates, n)``.
    """

    def __init__(self, couplings: Couplings, offset: np.ndarray):
        rng = np.random.default_rng(0)
        self.n, self.n_signs = len(couplings.kind), 2 if couplings.is_odd else 1
        self.kind, self.is_signed = couplings.kind, couplings.is_signed & couplings.is_odd
        # Random weights of the gates: sums that agree do so gate by gate.
        self.weight = rng.uniform(1.0, 2.0, size=len(self.is_signed))
        self.kernel = couplings.kernel
        self.scale = max(np.abs(self.kernel).max(), 1e-300)
        self.squared = self._sum_gates(np.square, True)
        offset = offset / max(np.abs(offset).max(), 1e-300)
        offset = (offset * rng.uniform(1.0, 2.0, size=(len(offset), 1, 1))).sum(axis=0)
        self.odd_offset = (self.weight * self.is_signed) @ offset
        self.even_offset = (self.weight * ~self.is_signed) @ offset
        self.random = rng.uniform(1.0, 2.0, size=2 * self.n_signs * self.n + 1)
        self.left = min(MOST_REFINED, WORK // self.n**2)

    def _sum_gates(self, function: Callable, which: np.ndarray | bool) -> np.ndarray:
        """Add up what enters some gates of each unit from each, ``(n, n)``."""
        total = np.zeros((self.n, self.n))
        for g in np.flatnonzero(np.broadcast_to(which, self.is_signed.shape)):
            total += self.weight[g] * function(self.kernel[:, g] / self.scale)
        return total

    @functools.cached_property
    def odd(self) -> np.ndarray:
        """Couplings that change sign with the unit that they enter."""
        return self._sum_gates(np.positive, self.is_signed)

    @functools.cached_property
    def even(self) -> np.ndarray:
        """Couplings that do not."""
        return self._sum_gates(np.positive, ~self.is_signed)

    def all_differ(self) -> bool:
        """Test whether already the sizes of the weights tell every unit from every other."""
        sums = (
            np.pi * self.squared.sum(axis=0)
            + self.squared.sum(axis=1)
            + np.e * np.diag(self.squared)
            + self.odd_offset**2
            + self.even_offset
            + 100.0 * self.kind
        )
        return bool(np.diff(np.sort(sums)).min() > SAME * np.abs(sums).max())

    def generators(self) -> list[SignedPermutation]:
        """Find generators, with one node after another held before others are exchanged."""
        found: list[SignedPermutation] = []
        colour = self.refine(self._first()[None])
        while colour is not None and self.left > 0 and len(found) < MOST_FOUND:
            sizes = np.bincount(colour.ravel())
            sizes[sizes < 2] = colour.size + 1
            least = int(sizes.argmin())
            if sizes[least] > colour.size:
                break
            nodes = np.argwhere(colour[0] == least)
            node, orbit = nodes[0], {tuple(nodes[0])}
            held: list[SignedPermutation] = []
            for other in nodes[1:]:
                if tuple(other) in orbit:
                    continue
                if self.left <= 0 or len(found) + len(held) >= MOST_FOUND:
                    break
                p = self._match(self._mark(colour, node), self._mark(colour, other))
                if p is not None:
                    held.append(p)
                    orbit = self._orbit(orbit, held)
            found += held
            colour = self.refine(self._mark(colour, node))
        return found

    def _orbit(self, orbit: set, found: list[SignedPermutation]) -> set:
        """Add the places to which permutations take some nodes."""
        orbit, new = set(orbit), list(orbit)
        while new:
            s, j = new.pop()
            for p in found:
                sign = (1 - 2 * s) * p.sign[j]
                image = (int(sign < 0), int(p.to[j]))
                if image not in orbit:
                    orbit.add(image)
                    new.append(image)
        return orbit

    def _match(self, first: np.ndarray, second: np.ndarray) -> SignedPermutation | None:
        """Find a permutation that takes the nodes of one colouring to those of the other."""
        both = np.concatenate([first, second])
        while self.left > 0:
            refined = self.refine(both)
            if refined is None:
                return None
            both = refined
            p = self._in_order(both)
            if self._commutes(p):
                return p
            sizes = np.bincount(both[0].ravel())
            several = sizes[both[0]] > 1
            if not several.any():
                return None
            # Nodes keep their places where they can.
            stay = np.argwhere(several & (both[0] == both[1]))
            node = stay[0] if len(stay) else np.argwhere(several)[0]
            colour = both[0][tuple(node)]
            other = node if len(stay) else np.argwhere(both[1] == colour)[0]
            both = np.concatenate([self._mark(both[:1], node), self._mark(both[1:], other)])
        return None

    def _in_order(self, both: np.ndarray) -> SignedPermutation:
        """Take nodes to those of equal colour, to themselves where that is one of them."""
        first, second = both.reshape(2, -1)
        place = np.arange(first.size)
        moves = np.flatnonzero(first != second)
        by_first, by_second = (np.argsort(c[moves], kind="stable") for c in (first, second))
        place[moves[by_first]] = moves[by_second]
        s, to = np.divmod(place[: self.n], self.n)
        return SignedPermutation(to, 1 - 2 * s)

    def _commutes(self, p: SignedPermutation) -> bool:
        """Test what enters the gates for a change with the units."""
        self.left -= 1
        if not np.array_equal(np.sort(p.to), np.arange(self.n)):
            return False
        there = np.ix_(p.to, p.to)
        sign, by = p.sign, p.sign[:, None]
        pairs = [
            (self.kind[p.to], self.kind),
            (self.odd_offset[p.to], sign * self.odd_offset),
            (self.even_offset[p.to], self.even_offset),
            (self.squared[there], self.squared),
        ]
        if self.is_signed.any():
            pairs.append((self.odd[there], by * sign * self.odd))
        if not self.is_signed.all():
            pairs.append((self.even[there], by * self.even))
        return all(_same(a, b) for a, b in pairs)

    def _first(self) -> np.ndarray:
        """Colour nodes by their kind alone, ``(n_signs, n)``."""
        return np.tile(self.kind, (self.n_signs, 1))

    def _mark(self, colour: np.ndarray, node: np.ndarray) -> np.ndarray:
        """Mark a node and its opposite with colours of their own, ``(1, n_signs, n)``."""
        marked = colour.copy()
        marked[0, node[0], node[1]] = colour.size + 1
        if self.n_signs == 2:
            marked[0, 1 - node[0], node[1]] = colour.size + 2
        return marked

    def refine(self, colour: np.ndarray) -> np.ndarray | None:
        """Refine colours by sums over neighbours, None if two colourings differ in counts."""
        self.left -= 1
        colour = np.unique(colour, return_inverse=True)[1]
        colour = colour.reshape(-1, self.n_signs, self.n)
        n_colours = colour.max() + 1
        while True:
            value = self.random[colour]
            apart = value[:, 0] - value[:, 1] if self.n_signs == 2 else value[:, 0]
            both = value.sum(axis=1)
            odd = np.broadcast_to(self.odd_offset, apart.shape)
            even = self.even_offset + np.diag(self.squared)
            even = even + both @ self.squared + np.sqrt(3.0) * (both @ self.squared.T)
            if self.is_signed.any():
                odd = odd + apart @ self.odd + np.pi * (apart @ self.odd.T)
                even = even + np.diag(self.odd)
            if not self.is_signed.all():
                odd = odd + np.e * (both @ self.even.T) + np.diag(self.even)
                even = even + apart @ self.even
            sums = np.stack([even + odd, even - odd][: self.n_signs], axis=1)
            new = _classes(colour, sums)
            counts = np.sort(new.reshape(len(new), -1), axis=1)
            if not np.array_equal(counts[0], counts[-1]):
                return None
            if new.max() + 1 == n_colours:
                return new
            colour, n_colours = new, new.max() + 1


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    """Test arrays for equal numbers, but for rounding."""
    return bool(np.abs(a - b).max() <= SAME * max(1.0, np.abs(a).max()))


def _classes(colour: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Number the nodes so that those of equal colour and equal sums share a number."""
    flat, value = colour.ravel(), sums.ravel()
    order = np.lexsort((value, flat))
    steps = np.diff(value[order]) > SAME * np.abs(value).max()
    number = np.concatenate([[0], np.cumsum(steps | (np.diff(flat[order]) != 0))])
    classes = np.empty(len(flat), dtype=int)
    classes[order] = number
    return classes.reshape(colour.shape)
