"""What is known around a wavelet coefficient when it is coded, as numbers for the context network.

A band is coded in eight passes over interleaved sub-lattices ("parities" of z, y, x), so that each pass is a few
operations on whole arrays and knows the positions of all passes before it. All arithmetic is in integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import NamedTuple, Optional, Sequence

import numpy as np

from srn_core.codec.pyramid_relations import Relation, on_shape

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
LOGARITHMS = 1 << 15
_LOG = np.round(16 * np.log2(1.0 + np.minimum(np.arange(LOGARITHMS), (1 << 14) - 1))).astype(np.uint8)
"""16 log2(1 + n), and from 2^14 on as just below: no n lies so near a rounding boundary that machines could differ."""


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
        shape = relation.shape
        zero = np.zeros(shape, np.uint8)
        self._still: list[np.ndarray] = []
        self._means = [
            _mean(sum(int(magnitudes[p].sum(dtype=np.int64)) for p in some), sum(magnitudes[p].size for p in some))
            for some in (relation.parents, relation.lower)
        ]
        for n in range(2):
            if n < len(relation.parents):
                parent = magnitudes[relation.parents[n]]
                self._still += [
                    on_shape(_LOG[parent], shape),
                    on_shape(_LOG[_six(parent)], shape),
                ]
            else:
                self._still += [zero, zero]
        around: Optional[np.ndarray] = None
        for places in (relation.lower, relation.others):
            total: Optional[np.ndarray] = None
            for place in places:
                sibling = on_shape(magnitudes[place], shape)
                total = sibling.astype(np.int16) if total is None else total + sibling
                about = _six(sibling)
                around = about if around is None else around + about
            self._still.append(zero if total is None else _LOG[total])
        self._still.append(zero if around is None else _LOG[around])

    def constants(self, known: Known, parity: int) -> np.ndarray:
        """(CONSTANTS,) int64: what is the same for all coefficients of a pass; 16 stands for 1."""
        out = np.zeros(CONSTANTS, np.int64)
        out[parity] = 16
        out[8 + self.relation.highs] = 16
        out[12] = 16 * min(len(self.relation.parents), 2)
        out[13] = 16 * min(len(self.relation.lower), 2)
        out[14] = 16 * sum(self.relation.band.level) // 3
        out[15] = _mean(known.total, self._passed(parity))
        out[16:] = self._means
        return out

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
        high = self.relation.band.high
        low, across, diagonal = np.zeros((3, *sizes), np.int16)
        for offset, sums in faces.items():
            where = diagonal if sum(offset) > 1 else across if high[offset.index(1)] else low
            where += sums
        expected = np.zeros(sizes, np.int16)
        weights = sign_weights[self.relation.highs, parity]
        for offset, sums in signed.items():
            weight = int(weights[_sign_class(offset, high)])
            if weight:
                expected += np.multiply(sums, weight, dtype=np.int16)

        def chosen(values: np.ndarray) -> np.ndarray:
            flat = values.reshape(-1)
            return flat if active is None else flat[active]

        found = chosen(expected)
        features = np.empty((FEATURES, found.size), np.uint8)
        for row, values in enumerate((chosen(low), chosen(across), chosen(diagonal), chosen(far), np.abs(found) >> 3)):
            np.take(_LOG, values, out=features[row], mode="clip")  # no index is clipped, but checks would take longer
        for row, values in enumerate(self._still, start=5):
            features[row] = chosen(values[lattice(odd)][layers])
        return Pass(features, found)


class Pass(NamedTuple):
    """What is known of the coefficients of one pass."""

    features: np.ndarray
    """(FEATURES, n) uint8: logarithms, 16 to an octave."""
    expected: np.ndarray
    """(n,) int16: positive where the coefficient is rather positive; SIGN_UNIT is about one natural logit."""


def _mean(total: int, count: int) -> int:
    """16 log2(1 + 64 times the mean)."""
    return int(_LOG[64 * total // max(count, 1)])


def _sign_class(offset: Sequence[int], high: Sequence[int]) -> int:
    """Number of a kind of neighbour, by how many high-pass and low-pass axes it lies away on."""
    highs = sum(o and h for o, h in zip(offset, high))
    lows = sum(offset) - highs
    return {(0, 1): 0, (0, 2): 1, (1, 0): 2, (1, 1): 3, (1, 2): 4, (2, 0): 5, (2, 1): 6, (3, 0): 7, (0, 3): 8}[
        (highs, lows)
    ]


def _six(values: np.ndarray) -> np.ndarray:
    """A position and its 6 neighbours by a face, summed: int16."""
    total = values.astype(np.int16)
    wide = total.copy()
    for axis in range(3):
        before = [slice(None)] * 3
        after = [slice(None)] * 3
        before[axis], after[axis] = slice(None, -1), slice(1, None)
        total[tuple(before)] += wide[tuple(after)]
        total[tuple(after)] += wide[tuple(before)]
    return total


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
