"""Bounds of a field of bricks: what is blended lies between what the bricks say."""

from __future__ import annotations

from typing import Callable, Optional, Sequence

import numpy as np

from srn_core.bricks.decoders import BrickDecoders
from srn_core.progress import ProgressCallback, share_of
from srn_core.surface.block_axes import BlockAxis
from srn_core.surface.network_bounds import Bounds

Bound = Callable[..., "tuple[Bounds, bool]"]


def brick_bounds(
    decoders: BrickDecoders,
    axes: Sequence[BlockAxis],
    component: int,
    bound: Bound,
    progress: Optional[ProgressCallback] = None,
) -> tuple[Bounds, bool]:
    """As :func:`srn_core.surface.value_bounds.value_bounds`, which is ``bound``."""
    shape = [len(axis.first) for axis in axes]
    bounds, exact = Bounds(np.full(shape, np.inf), np.full(shape, -np.inf)), True
    bricks = decoders.field.bricks
    for number, brick in enumerate(bricks):
        offset = decoders.offset(brick)[::-1]
        cut = [_within(axis, first, n) for axis, first, n in zip(axes, offset, brick.geometry.shape)]
        if any(len(axis.first) == 0 for axis, _ in cut):
            continue
        told = share_of(progress, number / len(bricks), 1 / len(bricks))
        decoder = decoders.open(number, (number,)).decoder
        found, sure = bound(decoder, [axis for axis, _ in cut], component, told)
        exact = exact and sure
        where = np.ix_(*(blocks for _, blocks in cut))
        bounds.low[where] = np.minimum(bounds.low[where], found.low)
        bounds.high[where] = np.maximum(bounds.high[where], found.high)
    return bounds, exact


def _within(axis: BlockAxis, offset: int, samples: int) -> tuple[BlockAxis, np.ndarray]:
    """The blocks of an axis that reach into a brick, in indices of its samples, and their numbers."""
    # Cells may lie up to half a sample beyond the samples of the whole, where the outermost value holds.
    low, high = (ends - offset for ends in axis.ends)
    blocks = np.flatnonzero((high >= -0.5) & (low <= samples - 0.5))
    if not blocks.size:
        return BlockAxis(axis.places[:0], axis.first[:0], axis.last[:0]), blocks
    first, last = axis.first[blocks], axis.last[blocks]
    places = np.clip(axis.places[first[0] : last[-1] + 1] - offset, 0, samples - 1)
    return BlockAxis(places, first - first[0], last - first[0]), blocks
