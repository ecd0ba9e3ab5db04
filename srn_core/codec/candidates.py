"""Ways to store a group of arrays, judged before they are made.

Probabilities tell the size of a stream to the byte or so before it is made; of the streams that section codecs
squeeze, counts tell it (:mod:`srn_core.codec.guesses`). What several groups need, such as the symbols of an array
that stands for itself, is made once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Callable, NamedTuple, Sequence

import numpy as np

from srn_core.codec import entropy, pyramids, significance
from srn_core.codec.codebooks import codebook_stream
from srn_core.codec.container import section_header
from srn_core.codec.field import StoredArray
from srn_core.codec.guesses import Counts, together
from srn_core.codec.header import GroupHeader
from srn_core.codec.layout import CodeType, Draft
from srn_core.codec.layouts import LAYOUTS
from srn_core.codec.packing import Raw, pack_smallest

LATENT_AXES = 4
"""Axes from which an array is one of a latent grid."""
NEAR, NEAR_BYTES = 1.02, 32
"""What is guessed to be at most this many times, and bytes, larger than the smallest is made, to see."""
ALONE = 1.03
"""What a part of a latent grid is guessed to cost more where the other levels tell nothing of it."""
INCOMPRESSIBLE = 512
"""Bytes from which a stream of probable symbols is stored as it is: only its first ones are not like noise."""
_SECTION_COST = 14
_GROUP_COST = 12
"""Deflated header bytes of a section and of a group, about."""


@dataclass(frozen=True)
class Group:
    """A group as it will be written."""

    header: GroupHeader
    data: list[bytes]

    @property
    def cost(self) -> int:
        """Bytes in the file, about."""
        return sum(len(d) + _SECTION_COST for d in self.data) + _GROUP_COST


def pyramid_group(place: int, array: StoredArray, groups: Sequence[tuple[str, int]]) -> Group:
    """An array that holds a wavelet pyramid, in the layout made for it."""
    stream = array.stream
    if stream is None:
        stream = pyramids.draft(array.codes, groups)[1].streams()[0]
    section = section_header(Raw.name, stream, len(stream))
    header = GroupHeader(pyramids.Pyramid.name, array.bits, (place,), (section,), (float(np.float32(array.step)),))
    return Group(header, [stream])


class _Option(NamedTuple):
    """A layout of a group."""

    layout: str
    sizes: list[float]
    """Bytes of its sections, about."""
    streams: Callable[[], list[bytes]]

    @property
    def cost(self) -> float:
        """Bytes in the file, about."""
        return sum(self.sizes) + _SECTION_COST * len(self.sizes) + _GROUP_COST


class Candidates:
    """Groups of arrays of one code type.

    Args:
        arrays: all arrays of a field.
        places: those of them that are of the type.
    """

    def __init__(self, arrays: Sequence[StoredArray], places: Sequence[int], kind: CodeType) -> None:
        self._arrays, self._kind = arrays, kind
        self._grid = tuple(p for p in places if arrays[p].codes.ndim >= LATENT_AXES)
        self._ranked: dict[tuple[int, ...], list[_Option]] = {}
        self._groups: dict[tuple[int, ...], Group] = {}
        self._coded: dict[int, entropy.Coded] = {}
        self._grid_drafts: list[Draft] = []
        self._counts: dict[tuple[str, int], list[Counts]] = {}

    def guess(self, places: tuple[int, ...]) -> float:
        """Bytes of the group in its smallest layout, about, without the entries of codebooks."""
        codebooks = 0 if self._kind.signed else _SECTION_COST
        return self._options(places)[0].cost + codebooks

    def group(self, places: tuple[int, ...]) -> Group:
        """The group in its smallest layout."""
        if places not in self._groups:
            options = self._options(places)
            near = [option for option in options if option.cost <= NEAR * options[0].cost + NEAR_BYTES]
            self._groups[places] = min((self._made(places, option) for option in near), key=lambda group: group.cost)
        return self._groups[places]

    def _options(self, places: tuple[int, ...]) -> list[_Option]:
        """The layouts that suit a group, the smallest first."""
        if places not in self._ranked:
            shapes = [self._arrays[p].codes.shape for p in places]
            suiting = [name for name, layout in LAYOUTS.items() if layout.suits(shapes, self._kind)]
            ways = {"entropy": self._entropy, "significance": self._significance, "packed": self._packed}
            options = [ways[n](places) if n in ways else self._counted(n, places) for n in suiting]
            self._ranked[places] = sorted(options, key=lambda option: option.cost)
        return self._ranked[places]

    def _codes(self, places: Sequence[int]) -> list[np.ndarray]:
        return [self._arrays[p].codes for p in places]

    def _entropy(self, places: tuple[int, ...]) -> _Option:
        for p in places:
            if p not in self._coded:
                self._coded[p] = entropy.coded(self._arrays[p].codes, self._kind)
        draft = entropy.draft([self._coded[p] for p in places], self._kind)
        return _Option("entropy", [draft.size], draft.streams)

    def _significance(self, places: tuple[int, ...]) -> _Option:
        """A part of the latent grid is judged by its share in the whole: it is seldom stored without the rest."""
        if not self._grid_drafts:
            self._grid_drafts.append(significance.draft(self._codes(self._grid), self._kind))
        draft = self._grid_drafts[0]
        if places == self._grid:
            return _Option("significance", [draft.size], draft.streams)
        share = sum(draft.shares[self._grid.index(p)] for p in places)
        make = partial(LAYOUTS["significance"].split, self._codes(places), self._kind)
        return _Option("significance", [ALONE * share + len(places)], make)

    def _packed(self, places: tuple[int, ...]) -> _Option:
        """What is not like noise is smaller in another layout, so that nothing can be squeezed out of this one."""
        size = sum(self._arrays[p].codes.size for p in places) * self._kind.width / 8
        return _Option("packed", [size], partial(LAYOUTS["packed"].split, self._codes(places), self._kind))

    def _counted(self, layout: str, places: tuple[int, ...]) -> _Option:
        """A layout whose streams are, nearly, those of its arrays end to end."""
        for p in places:
            if (layout, p) not in self._counts:
                streams = LAYOUTS[layout].split(self._codes([p]), self._kind)
                self._counts[layout, p] = [Counts.of(stream) for stream in streams]
        sizes = [together(streams).size for streams in zip(*(self._counts[layout, p] for p in places))]
        return _Option(layout, sizes, partial(LAYOUTS[layout].split, self._codes(places), self._kind))

    def _made(self, places: tuple[int, ...], option: _Option) -> Group:
        """The group in a layout, its streams packed."""
        streams, members, kind = option.streams(), [self._arrays[p] for p in places], self._kind
        noise = option.layout in ("entropy", "significance")
        packed = [(Raw.name, s) if noise and len(s) >= INCOMPRESSIBLE else pack_smallest(s) for s in streams]
        steps, codebooks = None, None
        if kind.signed:
            steps = tuple(float(np.float32(m.step)) for m in members)
        else:
            books = [np.asarray(m.codebook, np.float32) for m in members]
            codebooks = tuple(book.size for book in books)
            streams = [codebook_stream(books), *streams]
            packed = [pack_smallest(streams[0]), *packed]
        sections = tuple(section_header(codec, data, len(s)) for (codec, data), s in zip(packed, streams))
        header = GroupHeader(option.layout, kind.bits, places, sections, steps, codebooks)
        return Group(header, [data for _, data in packed])
