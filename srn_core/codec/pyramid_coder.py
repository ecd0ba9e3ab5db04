"""The codes of wavelet pyramids, coefficient by coefficient, in probabilities that their surroundings tell.

Band by band from the coarsest on; in a band, first which blocks hold anything but zeros, then eight passes, in each
which coefficients are zero, how large the others are, and their signs. One class does both directions. An encoder
may leave to a :class:`Chooser` which integer stands for a coefficient, now that its price in bits is known.
"""

from __future__ import annotations

from typing import Optional, Protocol, Sequence

import numpy as np

from srn_core.codec.adaptive import SEEN, Adaptive
from srn_core.codec.context_network import ContextModel, default_model, sign_contexts
from srn_core.codec.pass_contexts import PassContexts
from srn_core.codec.pyramid_blocks import (
    BLOCK,
    BLOCK_CONTEXTS,
    block_bases,
    block_places,
    blocks_of,
    has_blocks,
    spread,
)
from srn_core.codec.pyramid_contexts import PARITIES, Surroundings, lattice, nothing_known, remember
from srn_core.codec.pyramid_relations import Relation, relations
from srn_core.codec.pyramid_tokens import code_rest, token_of
from srn_core.codec.rans import Coder, Encoder


class Models:
    """Probabilities that are learnt while coding, shared by all bands and features."""

    def __init__(self, model: ContextModel) -> None:
        self.contexts = PassContexts(model)
        self.blocks = Adaptive(np.full((BLOCK_CONTEXTS, 2), SEEN))
        self.zeros = Adaptive(model.zero_prior)
        self.sizes = Adaptive(model.size_prior)
        self.signs = Adaptive(model.sign_prior)


class Chooser(Protocol):
    """Decides which integers stand for coefficients, given as multiples of the step."""

    def blocks(self, wanted: np.ndarray) -> np.ndarray:
        """The coefficients (z, y, x) of a band, those zeroed whose blocks are not worth their bits."""

    def codes(
        self, wanted: np.ndarray, models: Models, zero: np.ndarray, size: np.ndarray, expected: np.ndarray
    ) -> np.ndarray:
        """Integers (n,) for coefficients (n,) in contexts (n,)."""


def code_pyramids(
    coder: Coder,
    shape: Sequence[int],
    groups: Sequence[tuple[str, int]],
    wanted: Optional[np.ndarray] = None,
    chooser: Optional[Chooser] = None,
    within: Optional[Sequence[int]] = None,
) -> np.ndarray:
    """Code (features, z, y, x) integers and give them (int32).

    ``wanted`` are those of an encoder: integers, or with a ``chooser`` coefficients in steps. A decoder may stop early,
    when it knows all that lie ``within`` the first (z, y, x): the others are then as they come.
    """
    bands = relations(shape[1:], groups)
    out = np.zeros(tuple(shape), np.int32)
    pass_ = _Coding(coder, Models(default_model()), chooser)
    for feature in range(shape[0]):
        magnitudes: list[np.ndarray] = []
        some = bands if within is None or feature + 1 < shape[0] else _first_bands(bands, within)
        for relation in some:
            part = None if wanted is None else wanted[feature][relation.band.slices]
            found, small = pass_.band(relation, magnitudes, part)
            out[feature][relation.band.slices] = found
            magnitudes.append(small)
    return out


def _first_bands(bands: Sequence[Relation], within: Sequence[int]) -> Sequence[Relation]:
    """The first bands, up to the last one of which something lies within (z, y, x)."""
    last = -1
    for place, relation in enumerate(bands):
        if all(part.start < n for part, n in zip(relation.band.slices, within)):
            last = place
    return bands[: last + 1]


class _Coding:
    """One run over all bands, in either direction."""

    def __init__(self, coder: Coder, models: Models, chooser: Optional[Chooser]) -> None:
        self._coder, self._models, self._chooser = coder, models, chooser

    def band(
        self, relation: Relation, magnitudes: Sequence[np.ndarray], wanted: Optional[np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Code a band: (its integers (z, y, x) int32, their magnitudes, uint8, as contexts take them)."""
        found = np.zeros(relation.shape, np.int32)
        if wanted is not None and self._chooser is not None:
            wanted = self._chooser.blocks(wanted)
        blocks = self._blocks(relation, magnitudes, wanted) if has_blocks(relation.shape) else None
        if blocks is not None and not blocks.any():
            return found, np.zeros(relation.shape, np.uint8)
        active = None if blocks is None or blocks.all() else spread(blocks, relation.shape)
        surroundings = Surroundings(relation, magnitudes)
        known = nothing_known(relation.shape)
        for number, parity in enumerate(PARITIES):
            part = found[lattice(parity)]
            if not part.size:
                continue
            chosen = None if active is None else active[lattice(parity)]
            zero, size, expected = self._models.contexts.of(surroundings, known, number, active)
            some = None
            if wanted is not None:
                some = wanted[lattice(parity)].ravel()
                some = some if chosen is None else some[chosen.ravel()]
            values = self._values(zero, size, expected, some)
            if chosen is None:
                part[...] = values.reshape(part.shape)
            else:
                part[chosen] = values
            remember(known, parity, part)
        return found, known.inner()

    def _values(
        self, zero: np.ndarray, size: np.ndarray, expected: np.ndarray, wanted: Optional[np.ndarray]
    ) -> np.ndarray:
        """Code integers (n,) in contexts (n,) and give them."""
        models = self._models
        if wanted is not None and self._chooser is not None:
            wanted = self._chooser.codes(wanted, models, zero, size, expected)
        some = self._run(models.zeros, zero, None if wanted is None else wanted != 0)
        places = np.flatnonzero(some)
        found = np.zeros(zero.size, np.int64)
        if places.size:
            magnitudes = None if wanted is None else np.abs(wanted[places].astype(np.int64))
            tokens = self._run(models.sizes, size[places], None if magnitudes is None else token_of(magnitudes))
            values = code_rest(self._coder, tokens, magnitudes)
            negative = expected[places] < 0
            odd = None if wanted is None else (wanted[places] < 0) != negative
            odd = self._run(models.signs, sign_contexts(expected[places]), odd)
            found[places] = np.where((odd != 0) != negative, -values, values)
        return found

    def _blocks(self, relation: Relation, magnitudes: Sequence[np.ndarray], wanted: Optional[np.ndarray]) -> np.ndarray:
        """Which blocks hold anything, (z, y, x) of bool."""
        truth = None if wanted is None else blocks_of(wanted != 0)
        found = np.zeros([-(-n // BLOCK) for n in relation.shape], bool)
        even = np.indices(found.shape).sum(axis=0) % 2 == 0
        base = block_bases(relation, magnitudes)
        for half, known in ((even, None), (~even, found)):
            places = block_places(base, known)
            found[half] = self._run(self._models.blocks, places[half], None if truth is None else truth[half]) != 0
        return found

    def _run(self, model: Adaptive, places: np.ndarray, wanted: Optional[np.ndarray]) -> np.ndarray:
        """Code symbols (n,) in contexts ``places`` (n,) and give them."""
        if wanted is None:
            return model.decode(self._coder, places)
        assert isinstance(self._coder, Encoder)
        symbols = wanted.astype(np.int64)
        self._coder.take(*model.encode(places, symbols, [symbols.size]))
        return symbols
