"""The contexts of one pass over a band, by compiled loops where there are any; both ways give the same."""

from __future__ import annotations

from typing import Optional

import numpy as np

from srn_core.codec import compiled
from srn_core.codec.context_network import (
    SIZE_BINS,
    ZERO_BINS,
    ContextModel,
    contexts,
    first_layer,
    further_layers,
)
from srn_core.codec.pyramid_beside import LOG
from srn_core.codec.pyramid_contexts import PARITIES, Known, Surroundings, lattice
from srn_core.native import calls

SLAB = 1 << 15
"""Coefficients whose surroundings are looked at together: what fits a cache."""


class PassContexts:
    """What a context model says of coefficients."""

    def __init__(self, model: ContextModel) -> None:
        self._model, self._further = model, further_layers(model)
        self._kinds: dict[tuple[tuple[int, ...], int], np.ndarray] = {}

    def of(
        self, surroundings: Surroundings, known: Known, number: int, active: Optional[np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(Zero contexts, size contexts, expected signs), each (n,), of the coefficients of pass ``number``.

        ``active``: of which coefficients (z, y, x) of the band; None: all.
        """
        if calls.there():
            return self._compiled(surroundings, known, number, active)
        return self._in_slabs(surroundings, known, number, active)

    def _compiled(
        self, surroundings: Surroundings, known: Known, number: int, active: Optional[np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        which = surroundings.relation.band.high, number
        if which not in self._kinds:
            self._kinds[which] = surroundings.kinds(number, self._model.signs)
        return compiled.contexts(
            known.magnitudes,
            known.signed,
            known.shape,
            PARITIES[number],
            self._kinds[which],
            surroundings.beside.parents,
            surroundings.beside.sums,
            active,
            LOG,
            (first_layer(self._model, surroundings.constants(known, number)), *self._further),
            (ZERO_BINS - 1, SIZE_BINS - 1),
        )

    def _in_slabs(
        self, surroundings: Surroundings, known: Known, number: int, active: Optional[np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """By arrays, in slabs that fit a cache."""
        constants = surroundings.constants(known, number)
        depth, height, width = ((n + 1 - o) // 2 for n, o in zip(known.shape, PARITIES[number]))
        thick = max(1, SLAB // (height * width))
        slabs = [slice(first, min(first + thick, depth)) for first in range(0, depth, thick)]
        chosen = None if active is None else active[lattice(PARITIES[number])]

        def look(layers: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            some = None if chosen is None else np.flatnonzero(chosen[layers])
            told = surroundings.of(known, number, self._model.signs, some, layers)
            return (*contexts(self._model, told.features, constants), told.expected)

        zero, size, expected = zip(*map(look, slabs))
        return np.concatenate(zero), np.concatenate(size), np.concatenate(expected)
