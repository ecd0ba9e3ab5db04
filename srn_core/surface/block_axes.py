"""A wanted grid cut into blocks along each of its axes."""

from __future__ import annotations

from typing import NamedTuple, Sequence

import numpy as np


class BlockAxis(NamedTuple):
    """One axis of a wanted grid. Blocks that follow one another share a sample: between them lies no gap."""

    places: np.ndarray
    """(samples,) float64: fractional indices of original samples."""
    first: np.ndarray
    """(blocks,): the first sample of each block."""
    last: np.ndarray
    """(blocks,): its last sample, included."""

    @property
    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        """Fractional indices of original samples at the two ends of each block."""
        return self.places[self.first], self.places[self.last]


def block_axes(index: Sequence[np.ndarray], edge: int) -> tuple[BlockAxis, ...]:
    """The axes z, y, x of a grid whose samples lie at ``index`` along x, y, z, cut into blocks of ``edge`` cells."""
    axes = []
    for places in reversed(index):
        first = np.arange(0, max(len(places) - 1, 1), edge)
        axes.append(BlockAxis(places, first, np.minimum(first + edge, len(places) - 1)))
    return tuple(axes)


def boxes(values: np.ndarray, axes: Sequence[tuple[np.ndarray, np.ndarray]], reduce: np.ufunc) -> np.ndarray:
    """``reduce`` (minimum, maximum, ...) over boxes of an array (z, y, x): (boxes along z, along y, along x).

    ``axes``: the first and the last index, both included, of all boxes along z, y and x.
    """
    for number, (first, last) in enumerate(axes):
        lines = np.moveaxis(values, number, 0)
        values = np.stack(
            [reduce.reduce(lines[a : b + 1], axis=0) for a, b in zip(first.tolist(), last.tolist())], axis=number
        )
    return values
