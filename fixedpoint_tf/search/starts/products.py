"""Fixed points of independent blocks, whose combinations are those of the network."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["Products"]

MOST_LISTED = 2**20  # combinations; of more, some are drawn
MOST_DRAWN = 16  # times as many as are asked for, of which some are known


class Products:
    """Coordinates of known points in each block, and the combinations that are not known.

    Args:
        blocks: numbers of the states of each block.
        reach: coordinates of a block that lie nearer to each other are one.

    Example:
        >>> products = Products([np.array([0]), np.array([1])], 1e-9)
        >>> products.add(np.array([[0.0, 5.0], [1.0, 6.0], [2.0, 5.0]]))
        >>> products.n_coordinates, products.n_all, products.n_left
        (5, 6, 3)
        >>> products.take(np.random.default_rng(0), 9).tolist()
        [[0.0, 6.0], [1.0, 5.0], [2.0, 6.0]]
    """

    def __init__(self, blocks: list[np.ndarray], reach: float):
        self.blocks, self.reach = blocks, reach
        self.coordinates = [np.zeros((0, len(block))) for block in blocks]
        self.seen: set[bytes] = set()

    @property
    def n_coordinates(self) -> int:
        """Number of points of the blocks, all together."""
        return sum(map(len, self.coordinates))

    @property
    def n_all(self) -> int:
        """Number of combinations."""
        return math.prod(map(len, self.coordinates))

    @property
    def n_left(self) -> int:
        """Number of combinations that are neither known nor were taken."""
        return self.n_all - len(self.seen)

    def add(self, x: np.ndarray) -> None:
        """Add known points, ``(m, n_states)``."""
        labels = np.empty((len(x), len(self.blocks)), dtype=np.int32)
        for b, block in enumerate(self.blocks):
            _, first, which = np.unique(
                x[:, block].round(9), axis=0, return_index=True, return_inverse=True
            )
            numbers = np.array([self._number(b, x[i, block]) for i in first], dtype=np.int32)
            labels[:, b] = numbers[which.reshape(-1)]
        self.seen.update(map(bytes, labels))

    def _number(self, b: int, part: np.ndarray) -> int:
        """Return the number of a point among those of its block, a new one where it is new."""
        known = self.coordinates[b]
        distance = np.abs(known - part).max(axis=1, initial=0.0)
        if len(known) and distance.min() <= self.reach:
            return int(distance.argmin())
        self.coordinates[b] = np.concatenate([known, part[None]])
        return len(known)

    def take(self, rng: np.random.Generator, most: int) -> np.ndarray:
        """Take combinations that are neither known nor were taken, ``(m, n_states)``."""
        sizes = [len(c) for c in self.coordinates]
        if not self.n_left:
            labels = np.zeros((0, len(sizes)), dtype=np.int32)
        elif self.n_all <= MOST_LISTED:
            every = np.unravel_index(np.arange(self.n_all), sizes)
            labels = np.stack(every, axis=1).astype(np.int32)
        else:
            drawn = [rng.integers(size, size=MOST_DRAWN * most) for size in sizes]
            labels = np.unique(np.stack(drawn, axis=1).astype(np.int32), axis=0)
            labels = rng.permutation(labels)
        new = np.array([bytes(row) not in self.seen for row in labels], dtype=bool)
        labels = labels[new][:most]
        self.seen.update(map(bytes, labels))
        x = np.empty((len(labels), sum(map(len, self.blocks))))
        for b, block in enumerate(self.blocks):
            x[:, block] = self.coordinates[b][labels[:, b]]
        return x
