"""A mask by probability, from coarse to fine: what is uniform costs next to nothing.

First the *tree*: blocks of voxels, from one that holds all down to the smallest, are 0, mixed or 1; the eight parts of
a mixed block are blocks of the next level. Then the *lattice*: the voxels of mixed blocks, every so many along each
axis first, then those between them, and so on. Both go in passes over interleaved positions, and the context of each is
how much of its 26 neighbours known so far is 1 (Howard and others 1998 code pictures of two levels so, row by row).
"""

from __future__ import annotations

from itertools import product
from typing import Iterator, NamedTuple, Optional, Sequence, Union

import numpy as np

from srn_core.codec.adaptive import Adaptive
from srn_core.codec.rans import Decoder, Encoder
from srn_core.codec.rans_lanes import most_bytes
from srn_core.errors import SrnFormatError

Shape = "tuple[int, int, int]"
Coder = Union[Encoder, Decoder]

MOST_VOXELS = 1 << 27
"""Larger masks are stored otherwise: a hostile one of this form takes some 6 bytes per voxel."""
LEVEL = 6
"""Contexts on either side of "as many neighbours are 1 as are 0"."""
PARITIES = tuple(product((0, 1), repeat=3))
BETWEEN = tuple(PARITIES[place] for place in (1, 2, 4, 3, 5, 6, 7))
"""Parities of (z, y, x) in the order of the passes: of all positions, and of those between known ones."""

_ONES = np.array((1, 1, 2, 4, 8, 16, 32, 48, 56, 60, 62, 63, 63))
POINT_PRIOR = np.stack([_ONES[::-1], _ONES], axis=1)
"""(contexts, 2) weights of 0 and 1 before any voxel is seen."""
_SOLID = np.array((1, 1, 2, 4, 6, 9, 12, 14, 17, 19, 21, 22, 22))
BLOCK_PRIOR = np.stack([_SOLID[::-1], np.full(_SOLID.size, 8), _SOLID], axis=1)
"""(contexts, 3) weights of 0, mixed and 1 before any block is seen."""

_CHUNK = 1 << 16


class Cut(NamedTuple):
    """How a mask is cut, both as powers of 2."""

    block: int
    """Edge of the smallest blocks."""
    step: int
    """Distance of the voxels that are coded first; at most the block's edge."""


CUTS = (Cut(1, 0), Cut(3, 3))
"""Cuts that a writer tries: for thin and scattered shapes, and for smooth bodies."""


def encode(mask: np.ndarray, cut: Cut) -> bytes:
    """The bytes of a (z, y, x) mask of bool: a byte 16 block + step, then one rANS stream."""
    coder = Encoder()
    _walk(coder, mask.shape, cut, mask)
    return bytes([16 * cut.block + cut.step]) + coder.finish()


def decode(data: bytes, shape: tuple[int, int, int]) -> np.ndarray:
    """The (z, y, x) mask of bool. Raises SrnFormatError for bytes that :func:`encode` would not have made."""
    if not data or not 1 <= data[0] >> 4 <= 8 or data[0] % 16 > data[0] >> 4:
        raise SrnFormatError("a mask is cut in a way that none is; the file is damaged")
    coder = Decoder(data[1:])
    mask = _walk(coder, shape, Cut(data[0] >> 4, data[0] % 16), None)
    coder.finish()
    return mask


def most_nested_bytes(shape: tuple[int, int, int]) -> int:
    """The most bytes that a mask has. Raises SrnFormatError for one that is too large for this form."""
    z, y, x = shape
    if z * y * x > MOST_VOXELS:
        raise SrnFormatError(f"a mask of {shape} voxels is said to be nested, which is for smaller ones; it is damaged")
    # A grid of blocks is at most (n + 1) / 2 long along each axis, and each level above it shorter again.
    return 1 + most_bytes(z * y * x + sum(a * b * c for a, b, c in _levels(shape, 1)))


def _walk(coder: Coder, shape: Sequence[int], cut: Cut, truth: Optional[np.ndarray]) -> np.ndarray:
    """Code the mask, of which an encoder knows the ``truth``, and give it."""
    states = _tree(coder, _levels(shape, cut.block), None if truth is None else _blocks(truth, cut.block))
    known: Optional[np.ndarray] = None
    for step in range(cut.step, -1, -1):
        # Of blocks of one value every voxel is known, of others those that were coded with wider steps.
        places = (np.arange(0, n, 1 << step) >> cut.block for n in shape)
        values = np.pad(states[np.ix_(*places)], 1)
        inner = values[1:-1, 1:-1, 1:-1]
        if known is not None:
            inner[::2, ::2, ::2] = known
        parities = PARITIES if known is None else BETWEEN
        if known is None or step == cut.step - 1:
            models = {parity: Adaptive(POINT_PRIOR) for parity in parities}
        wanted = (
            None if truth is None else 2 * truth[tuple(slice(None, None, 1 << step) for _ in shape)].view(np.int8) - 1
        )
        _passes(coder, values, inner == 0, models, wanted)
        known = inner
    assert known is not None
    return np.asarray(known > 0)


def _tree(coder: Coder, shapes: Sequence[tuple[int, ...]], states: Optional[np.ndarray]) -> np.ndarray:
    """States of the smallest blocks, -1 (all 0), 0 (mixed) or 1; ``shapes`` are those of the levels, coarse to fine."""
    levels = [] if states is None else [states]
    while levels and max(levels[0].shape) > 1:
        levels.insert(0, _halved(levels[0]))
    models = {parity: Adaptive(BLOCK_PRIOR) for parity in PARITIES}
    found = np.zeros((1, 1, 1), np.int8)
    for place, shape in enumerate(shapes):
        parents = (np.arange(n) // (1 if n == m else 2) for n, m in zip(shape, found.shape))
        values = np.pad(found[np.ix_(*parents)], 1)
        inner = values[1:-1, 1:-1, 1:-1]
        _passes(coder, values, inner == 0, models, levels[place] if levels else None)
        found = inner
    return found


def _passes(
    coder: Coder,
    values: np.ndarray,
    unknown: np.ndarray,
    models: dict[tuple[int, ...], Adaptive],
    wanted: Optional[np.ndarray],
) -> None:
    """Code what is ``unknown`` (z, y, x) of ``values`` (with a border of zeros), parity by parity."""
    flat, wide = values.reshape(-1), (values.shape[1] * values.shape[2], values.shape[2], 1)
    for parity, model in models.items():
        part = tuple(slice(odd, None, 2) for odd in parity)
        some = np.nonzero(unknown[part])
        if not some[0].size:
            continue
        places = sum((2 * index + odd + 1) * w for index, odd, w in zip(some, parity, wide))
        contexts = _contexts(flat, np.asarray(places), wide)
        alphabet = model.tables().shape[1]
        spread = 3 - alphabet  # -1, 1 are the symbols 0, 1 of voxels; -1, 0, 1 are 0, 1, 2 of blocks
        if isinstance(coder, Encoder) and wanted is not None:
            symbols = (wanted[part][some].astype(np.int64) + 1) >> spread
            coder.take(*model.encode(contexts, symbols, [symbols.size]))
        elif isinstance(coder, Decoder):
            symbols = model.decode(coder, contexts)
        flat[places] = (symbols << spread) - 1


def _contexts(values: np.ndarray, places: np.ndarray, wide: tuple[int, int, int]) -> np.ndarray:
    """Contexts (n,) of ``places`` (n,), flat indices: 0, all known neighbours are 0, to 12, all are 1; 6: as many.

    A neighbour by a face weighs 4, by an edge 2, by a corner 1.
    """
    found = np.empty(places.size, np.int64)
    for start in range(0, places.size, _CHUNK):
        chunk = places[start : start + _CHUNK]
        total, weights = np.zeros((2, chunk.size), np.int32)
        for offset, weight in _neighbours(wide):
            near = values[chunk + offset]
            total += weight * near
            weights += weight * np.abs(near)
        level = (2 * LEVEL * np.abs(total) // np.maximum(weights, 1) + 1) // 2
        found[start : start + _CHUNK] = LEVEL + np.sign(total) * level
    return found


def _neighbours(wide: tuple[int, int, int]) -> Iterator[tuple[int, np.int8]]:
    """(offset, weight) of each of the 26."""
    for step in product((-1, 0, 1), repeat=3):
        if any(step):
            yield sum(s * w for s, w in zip(step, wide)), np.int8(8 >> sum(s != 0 for s in step))


def _levels(shape: Sequence[int], block: int) -> list[tuple[int, ...]]:
    """Shapes of the tree's levels, coarse to fine."""
    levels = [tuple(((n - 1) >> block) + 1 for n in shape)]
    while max(levels[0]) > 1:
        levels.insert(0, tuple((n + 1) // 2 for n in levels[0]))
    return levels


def _blocks(mask: np.ndarray, block: int) -> np.ndarray:
    """States of blocks of a mask."""
    states = 2 * mask.view(np.int8) - 1
    for _ in range(block):
        states = _halved(states)
    return states


def _halved(states: np.ndarray) -> np.ndarray:
    """States of blocks of two along each axis: what both say, or mixed; at an end of odd length what the one says."""
    for axis in range(3):
        size = states.shape[axis]
        first, second = (states.take(np.minimum(np.arange(0, size, 2) + i, size - 1), axis) for i in (0, 1))
        states = np.where(first == second, first, 0).astype(np.int8)
    return states
