"""Which arrays are stored together, and how: the writer's search for the smallest file.

Small arrays cost more alone (each section has some 15 bytes of header and a code table of its own),
large ones are better squeezed by their own statistics. The few sensible ways are all tried.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Sequence

import numpy as np

from srn_core.codec.container import section_header
from srn_core.codec.field import StoredArray
from srn_core.codec.header import GroupHeader
from srn_core.codec.layouts import LAYOUTS, CodeType
from srn_core.codec.packing import pack_smallest

SMALL = 1024
"""Codes below which an array is seldom worth a group of its own."""
SEARCHED = 1 << 20
"""Codes above which groups are not searched but taken to be one per array: the header no longer matters."""
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
    mixed = [(p,) for p in large] + ([small] if small else [])
    if sum(arrays[p].codes.size for p in places) > SEARCHED:
        return [mixed]
    together = [tuple(places)]
    halves = [tuple(large), small] if large and small else together
    ways: list[list[tuple[int, ...]]] = []
    for way in (together, halves, mixed):
        if way not in ways:
            ways.append(way)
    return ways


def _group(places: tuple[int, ...], arrays: Sequence[StoredArray], tried: dict[tuple[int, ...], Group]) -> Group:
    """The group in its smallest layout."""
    if places not in tried:
        members = [arrays[p] for p in places]
        packings: dict[bytes, tuple[str, bytes]] = {}
        tried[places] = min((_laid_out(name, places, members, packings) for name in _suiting(members)), key=_cost)
    return tried[places]


def _suiting(members: Sequence[StoredArray]) -> list[str]:
    shapes = [m.codes.shape for m in members]
    return [name for name, layout in LAYOUTS.items() if layout.suits(shapes, code_type(members[0]))]


def _laid_out(
    name: str, places: tuple[int, ...], members: Sequence[StoredArray], packings: dict[bytes, tuple[str, bytes]]
) -> Group:
    kind = code_type(members[0])
    streams = LAYOUTS[name].split([m.codes for m in members], kind)
    steps, codebooks = None, None
    if kind.signed:
        steps = tuple(float(np.float32(m.step)) for m in members)
    else:
        books = [np.asarray(m.codebook, "<f4") for m in members]
        codebooks = tuple(book.size for book in books)
        streams.insert(0, codebook_stream(books))
    for stream in streams:
        if stream not in packings:
            packings[stream] = pack_smallest(stream)
    packed = [packings[stream] for stream in streams]
    sections = tuple(section_header(codec, data, len(s)) for (codec, data), s in zip(packed, streams))
    return Group(GroupHeader(name, kind.bits, places, sections, steps, codebooks), [data for _, data in packed])


def codebook_stream(books: Sequence[np.ndarray]) -> bytes:
    """The entries of all codebooks: their first bytes (little-endian float32), then their second ones, ..."""
    entries = np.concatenate(books).astype("<f4")
    return entries.view(np.uint8).reshape(-1, 4).T.tobytes()


def codebooks_of(stream: bytes, sizes: Sequence[int]) -> list[np.ndarray]:
    """Undo :func:`codebook_stream`; the stream has 4 bytes per entry."""
    entries = np.frombuffer(stream, np.uint8).reshape(4, -1).T.copy().view("<f4").ravel().astype(np.float32)
    return np.split(entries, np.cumsum(sizes)[:-1])


def _cost(group: Group) -> int:
    return group.cost


def in_order(spec_names: Sequence[str], arrays: Mapping[str, StoredArray]) -> list[StoredArray]:
    """The arrays in the spec's order, by which the header knows them."""
    return [arrays[name] for name in spec_names]
