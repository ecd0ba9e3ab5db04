"""What other bands tell of the coefficients of one: its parents, one level up, and its siblings, beside it."""

from __future__ import annotations

from typing import NamedTuple, Optional, Sequence

import numpy as np

from srn_core.codec import compiled
from srn_core.codec.pyramid_relations import Relation, on_shape
from srn_core.native import calls

STILL = 7
"""Features that other bands tell; they stay as they are while a band is coded."""
LOGARITHMS = 1 << 15
LOG = np.round(16 * np.log2(1.0 + np.minimum(np.arange(LOGARITHMS), (1 << 14) - 1))).astype(np.uint8)
"""16 log2(1 + n), and from 2^14 on as just below: no n lies so near a rounding boundary that machines could differ."""


class Beside(NamedTuple):
    """See the module. All is uint8 logarithms, or int16 sums of which the logarithms count; None: nothing is known."""

    parents: tuple[Optional[np.ndarray], ...]
    """4: of two parents each the logarithms of magnitudes and of sums over a place and its neighbours, on its grid."""
    sums: tuple[Optional[np.ndarray], ...]
    """3, shaped as the band: siblings with one high-pass axis less, other siblings, and the neighbours in both."""
    means: tuple[int, int]
    """Mean magnitude of parents and of siblings with one high-pass axis less, as :func:`mean_log`."""

    def still(self, shape: Sequence[int]) -> list[np.ndarray]:
        """The features, uint8 of ``shape``, that of the band."""
        zero = np.zeros(tuple(shape), np.uint8)
        parents = [zero if values is None else on_shape(values, shape) for values in self.parents]
        return parents + [zero if values is None else LOG[values] for values in self.sums]


def beside(relation: Relation, magnitudes: Sequence[np.ndarray]) -> Beside:
    """What the ``magnitudes`` of all earlier bands, (z, y, x) uint8 by their place in the coding order, tell of one."""
    parents: list[Optional[np.ndarray]] = []
    for place in relation.parents:
        parents += [LOG[magnitudes[place]], LOG[six(magnitudes[place])]]
    parents += [None] * (4 - len(parents))
    lower, others = (
        [on_shape(magnitudes[place], relation.shape) for place in places]
        for places in (relation.lower, relation.others)
    )
    summed = compiled.summed_around if calls.there() else _summed_around
    means = [
        mean_log(sum(int(magnitudes[p].sum(dtype=np.int64)) for p in some), sum(magnitudes[p].size for p in some))
        for some in (relation.parents, relation.lower)
    ]
    return Beside(tuple(parents), summed(lower, others), (means[0], means[1]))


def _summed_around(
    lower: Sequence[np.ndarray], others: Sequence[np.ndarray]
) -> tuple[Optional[np.ndarray], Optional[np.ndarray], Optional[np.ndarray]]:
    """Sums of arrays (z, y, x) uint8, and of :func:`six` of all of them: int16, None without arrays."""
    total = [sum(some[1:], some[0].astype(np.int16)) if some else None for some in (lower, others)]
    every = [six(values) for values in (*lower, *others)]
    return total[0], total[1], sum(every[1:], every[0]) if every else None


def mean_log(total: int, count: int) -> int:
    """16 log2(1 + 64 times the mean)."""
    return int(LOG[64 * total // max(count, 1)])


def six(values: np.ndarray) -> np.ndarray:
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
