"""Which arrays are stored together, and how: the writer's search for the smallest file.

Small arrays cost more alone (each section has some 15 bytes of header and a code table of its own),
large ones are better squeezed by their own statistics. The few sensible ways are all tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

import numpy as np

from srn_core.codec.codebooks import codebook_stream
from srn_core.codec.container import section_header
from srn_core.codec.field import StoredArray
from srn_core.codec.header import GroupHeader
from srn_core.codec.layouts import LAYOUTS, CodeType
from srn_core.codec.packing import pack_smallest

SMALL = 1024
"""Codes below which an array is seldom worth a group of its own."""
SEARCHED = 1 << 20
"""Codes above which only two ways are tried, a group per array and one for the latent grid."""
LATENT_AXES = 4
"""Axes from which an array is one of a latent grid."""
GUESSED = 1.25
"""Layouts whose guessed size is this many times the smallest guess are not packed to see."""
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


def code_type(array: StoredArray) -> CodeType:
    """What the codes of an array may be."""
    return CodeType(array.bits, array.codebook is None)


def smallest_groups(arrays: Sequence[StoredArray]) -> list[Group]:
    """Groups that hold every array once."""
    alike: dict[CodeType, list[int]] = {}
    for place, array in enumerate(arrays):
        alike.setdefault(code_type(array), []).append(place)
    tried: dict[tuple[int, ...], Group] = {}
    found: list[Group] = []
    for places in alike.values():
        ways = _ways(places, arrays)
        candidates = [[_group(p, arrays, tried) for p in way] for way in ways]
        found += min(candidates, key=lambda groups: sum(g.cost for g in groups))
    return found


def _ways(places: Sequence[int], arrays: Sequence[StoredArray]) -> list[list[tuple[int, ...]]]:
    """Ways to part arrays of one code type into groups, without repetitions."""
    large = [p for p in places if arrays[p].codes.size >= SMALL]
    small = tuple(p for p in places if arrays[p].codes.size < SMALL)
    latent = tuple(p for p in places if arrays[p].codes.ndim >= LATENT_AXES)
    rest = tuple(p for p in places if p not in latent)
    mixed = [(p,) for p in large] + ([small] if small else [])
    apart = [part for part in (latent, rest) if part]  # the levels of a latent grid tell of each other
    halves = [part for part in (tuple(large), small) if part]
    wanted = [[tuple(places)], halves, mixed, apart]
    if sum(arrays[p].codes.size for p in places) > SEARCHED:
        wanted = [mixed, apart]
    ways: list[list[tuple[int, ...]]] = []
    for way in wanted:
        if way not in ways:
            ways.append(way)
    return ways


def _group(places: tuple[int, ...], arrays: Sequence[StoredArray], tried: dict[tuple[int, ...], Group]) -> Group:
    """The group in its smallest layout."""
    if places not in tried:
        members = [arrays[p] for p in places]
        laid_out = _promising(members, code_type(members[0]))
        tried[places] = min((_packed(places, members, *named) for named in laid_out), key=lambda group: group.cost)
    return tried[places]


def _promising(members: Sequence[StoredArray], kind: CodeType) -> list[tuple[str, list[bytes]]]:
    """(name, streams) of the layouts that may turn out smallest: packing is slow, guessing its result is not."""
    codes = [m.codes for m in members]
    suiting = [layout for layout in LAYOUTS.values() if layout.suits([c.shape for c in codes], kind)]
    laid_out = [(layout.name, layout.split(codes, kind)) for layout in suiting]
    guesses = [sum(_guess(stream) for stream in streams) for _, streams in laid_out]
    return [named for named, guess in zip(laid_out, guesses) if guess <= GUESSED * min(guesses) + 100]


def _guess(stream: bytes) -> float:
    """Bytes that a code of at least one bit per byte, such as Huffman's, takes; repetitions may save more."""
    counts = np.bincount(np.frombuffer(stream, np.uint8), minlength=1)
    counts = counts[counts > 0]
    return float(np.sum(counts * np.maximum(1.0, np.log2(max(len(stream), 1) / counts)))) / 8.0


def _packed(places: tuple[int, ...], members: Sequence[StoredArray], layout: str, streams: list[bytes]) -> Group:
    """The group with its streams packed."""
    kind = code_type(members[0])
    steps, codebooks = None, None
    if kind.signed:
        steps = tuple(float(np.float32(m.step)) for m in members)
    else:
        books = [np.asarray(m.codebook, np.float32) for m in members]
        codebooks = tuple(book.size for book in books)
        streams = [codebook_stream(books), *streams]
    packed = [pack_smallest(stream) for stream in streams]
    sections = tuple(section_header(codec, data, len(s)) for (codec, data), s in zip(packed, streams))
    return Group(GroupHeader(layout, kind.bits, places, sections, steps, codebooks), [data for _, data in packed])
