"""What is known around a wavelet coefficient when it is coded, as numbers for the context network.

A band is coded in eight passes over interleaved sub-lattices ("parities" of z, y, x), so that each pass is a few
operations on whole arrays and knows the positions of all passes before it. All arithmetic is in integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import NamedTuple, Optional, Sequence

import numpy as np

from srn_core.codec import compiled
from srn_core.codec.pyramid_beside import LOG, beside, mean_log
from srn_core.codec.pyramid_relations import Relation
from srn_core.native import calls

PARITIES = ((0, 0, 0), (1, 1, 1), (1, 1, 0), (0, 0, 1), (1, 0, 1), (0, 1, 0), (0, 1, 1), (1, 0, 0))
"""Passes: each position of the second to last has known neighbours on all sides."""
LARGEST = 255
"""Magnitudes above count as this in contexts."""
LARGEST_SIGNED = 3
FEATURES = 12
CONSTANTS = 18
SIGN_CLASSES = 9
SIGN_UNIT = 64
"""Fixed-point unit of the weights of neighbours in the expected sign."""
BORDER = 2
_SIGNED_BOUNDS = np.int16(-LARGEST_SIGNED), np.int16(LARGEST_SIGNED)


@dataclass
class Known:
    """What is coded so far of a band of ``shape`` (z, y, x), with a border of ``BORDER`` zeros.

    Arrays are (2, z, y, half of x): even samples along x and odd ones, so that those of a pass lie side by side.
    """

    shape: tuple[int, ...]
    magnitudes: np.ndarray
    """int16."""
    signed: np.ndarray
    """int8, within LARGEST_SIGNED."""
    total: int = 0
    """Sum of the magnitudes."""

    def inner(self) -> np.ndarray:
        """Magnitudes (z, y, x) without the border, uint8."""
        found = np.empty(self.shape, np.uint8)
        for odd, values in enumerate(self.magnitudes[:, BORDER:-BORDER, BORDER:-BORDER, BORDER // 2 :]):
            part = found[:, :, odd::2]
            part[...] = values[:, :, : part.shape[2]]
        return found


def nothing_known(shape: Sequence[int]) -> Known:
    """A band before its first pass."""
    z, y, x = (n + 2 * BORDER for n in shape)
    halves = (2, z, y, (x + 1) // 2)
    return Known(tuple(shape), np.zeros(halves, np.int16), np.zeros(halves, np.int8))


def lattice(parity: Sequence[int]) -> tuple[slice, ...]:
    """Positions of a parity in an array without a border."""
    return tuple(slice(odd, None, 2) for odd in parity)


def remember(known: Known, parity: Sequence[int], codes: np.ndarray) -> None:
    """Add the ``codes`` (z, y, x) of a parity."""
    if calls.there():
        known.total += compiled.remember(known.magnitudes, known.signed, parity, codes)
        return
    z, y, x = codes.shape
    rows = (slice(BORDER + odd, BORDER + odd + 2 * n, 2) for odd, n in zip(parity, (z, y)))
    place = (parity[2], *rows, slice(BORDER // 2, BORDER // 2 + x))
    small = np.clip(codes, -LARGEST, LARGEST).astype(np.int16)
    known.signed[place] = np.clip(small, *_SIGNED_BOUNDS)
    np.abs(small, out=small)
    known.total += int(small.sum(dtype=np.int64))
    known.magnitudes[place] = small


class Surroundings:
    """Features of one band's coefficients.

    ``magnitudes`` are those of all earlier bands, (z, y, x) uint8, by their place in the coding order.
    """

    def __init__(self, relation: Relation, magnitudes: Sequence[np.ndarray]) -> None:
        self.relation = relation
        self.beside = beside(relation, magnitudes)
        self._still: list[np.ndarray] = []

    def constants(self, known: Known, parity: int) -> np.ndarray:
        """(CONSTANTS,) int64: what is the same for all coefficients of a pass; 16 stands for 1."""
        out = np.zeros(CONSTANTS, np.int64)
        out[parity] = 16
        out[8 + self.relation.highs] = 16
        out[12] = 16 * min(len(self.relation.parents), 2)
        out[13] = 16 * min(len(self.relation.lower), 2)
        out[14] = 16 * sum(self.relation.band.level) // 3
        out[15] = mean_log(known.total, self._passed(parity))
        out[16:] = self.beside.means
        return out

    def kinds(self, parity: int, sign_weights: np.ndarray) -> np.ndarray:
        """(4, 8) int32 weights of neighbours, by whether they lie away along z, y, x as the digits 4, 2, 1.

        Rows: which count as low, across and diagonal, and their part in expected signs.
        """
        out = np.zeros((4, 8), np.int32)
        high, weights = self.relation.band.high, sign_weights[self.relation.highs, parity]
        for number in range(1, 8):
            offset = number >> 2, number >> 1 & 1, number & 1
            out[self._side(offset), number] = 1
            out[3, number] = weights[_sign_class(offset, high)]
        return out

    def _side(self, offset: Sequence[int]) -> int:
        """0 for a neighbour along a low-pass axis, 1 for one along a high-pass axis, 2 for others."""
        return 2 if sum(offset) > 1 else int(self.relation.band.high[offset.index(1)])

    def _passed(self, parity: int) -> int:
        """How many coefficients of the band were coded before a pass."""
        return sum(prod((n + 1 - o) // 2 for n, o in zip(self.relation.shape, odd)) for odd in PARITIES[:parity])

    def of(
        self,
        known: Known,
        parity: int,
        sign_weights: np.ndarray,
        active: Optional[np.ndarray],
        layers: Optional[slice] = None,
    ) -> Pass:
        """Features of the coefficients of a parity, or of those whose places on its lattice are ``active`` (n,).

        ``layers``: of the lattice along z, to which the places then belong; None: all.
        """
        odd = PARITIES[parity]
        z, y, x = ((n + 1 - o) // 2 for n, o in zip(self.relation.shape, odd))
        layers = slice(0, z) if layers is None else layers
        around = slice(2 * layers.start, 2 * layers.stop + 2 * BORDER + 1)
        sizes = (layers.stop - layers.start, y, x)
        faces, far = _around(known.magnitudes[:, around], odd, sizes)
        signed, _ = _around(known.signed[:, around], odd, sizes, far=False)
        sides = np.zeros((3, *sizes), np.int16)
        for offset, sums in faces.items():
            sides[self._side(offset)] += sums
        expected = np.zeros(sizes, np.int16)
        weights = sign_weights[self.relation.highs, parity]
        for offset, sums in signed.items():
            weight = int(weights[_sign_class(offset, self.relation.band.high)])
            if weight:
                expected += np.multiply(sums, weight, dtype=np.int16)

        def chosen(values: np.ndarray) -> np.ndarray:
            flat = values.reshape(-1)
            return flat if active is None else flat[active]

        found = chosen(expected)
        features = np.empty((FEATURES, found.size), np.uint8)
        for row, values in enumerate((*map(chosen, sides), chosen(far), np.abs(found) >> 3)):
            np.take(LOG, values, out=features[row], mode="clip")  # no index is clipped, but checks would take longer
        self._still = self._still or self.beside.still(self.relation.shape)
        for row, values in enumerate(self._still, start=5):
            features[row] = chosen(values[lattice(odd)][layers])
        return Pass(features, found)


class Pass(NamedTuple):
    """What is known of the coefficients of one pass."""

    features: np.ndarray
    """(FEATURES, n) uint8: logarithms, 16 to an octave."""
    expected: np.ndarray
    """(n,) int16: positive where the coefficient is rather positive; SIGN_UNIT is about one natural logit."""


def _sign_class(offset: Sequence[int], high: Sequence[int]) -> int:
    """Number of a kind of neighbour, by how many high-pass and low-pass axes it lies away on."""
    highs = sum(o and h for o, h in zip(offset, high))
    lows = sum(offset) - highs
    return {(0, 1): 0, (0, 2): 1, (1, 0): 2, (1, 1): 3, (1, 2): 4, (2, 0): 5, (2, 1): 6, (3, 0): 7, (0, 3): 8}[
        (highs, lows)
    ]


def _around(
    values: np.ndarray, odd: Sequence[int], sizes: Sequence[int], far: bool = True
) -> tuple[dict[tuple[int, ...], np.ndarray], np.ndarray]:
    """Sums over the neighbours of a parity's positions, by the axes they lie away on; and over all within 2 samples.

    ``values`` are as in :class:`Known`; the positions' own are 0.
    """
    parts: dict[tuple[int, ...], np.ndarray] = {(): values}
    box = values
    for axis in range(3):
        start, count = BORDER + odd[axis], sizes[axis]

        def at(data: np.ndarray, shift: int, axis: int = axis, start: int = start, count: int = count) -> np.ndarray:
            first = start + shift
            if axis == 2:
                return data[first % 2, :, :, first // 2 : first // 2 + count]
            return data[(slice(None),) * (axis + 1) + (slice(first, first + 2 * count - 1, 2),)]

        wider: dict[tuple[int, ...], np.ndarray] = {}
        for offset, data in parts.items():
            wider[(*offset, 0)] = at(data, 0)
            wider[(*offset, 1)] = at(data, -1) + at(data, 1)
        parts = wider
        if far:
            total = at(box, -2) + at(box, -1)
            for shift in (0, 1, 2):
                total += at(box, shift)
            box = total
    here = parts.pop((0, 0, 0))
    return parts, box if far else here
