"""Which arrays are stored together: the writer's search for the smallest file.

Small arrays cost more alone (each section has some 15 bytes of header and a code table of its own),
large ones are better squeezed by their own statistics. The few sensible ways are all judged by what they will take,
about; what is nearly as small as the smallest is made, to see.
"""

from __future__ import annotations

from typing import Optional, Sequence

from srn_core.codec.candidates import LATENT_AXES, NEAR, NEAR_BYTES, Candidates, Group, pyramid_group
from srn_core.codec.field import NeuralField, StoredArray
from srn_core.codec.layout import CodeType
from srn_core.codec.pyramids import BITS
from srn_core.spec import PyramidSpec

Pyramid = tuple[int, tuple[tuple[str, int], ...]]
"""The place of an array, and the groups of axes of its pyramid."""

SMALL = 1024
"""Codes below which an array is seldom worth a group of its own."""
MOST_WAYS = 2
"""Ways that are made, at most."""


def code_type(array: StoredArray) -> CodeType:
    """What the codes of an array may be."""
    return CodeType(array.bits, array.codebook is None)


def most_bits(field: NeuralField, name: str) -> int:
    """How many bits the codes of an array may have."""
    pyramid = pyramid_of_field(field)
    return BITS if pyramid is not None and list(field.spec.shapes())[pyramid[0]] == name else 16


def pyramid_of_field(field: NeuralField) -> Optional[Pyramid]:
    """Which array holds a wavelet pyramid, and what its groups of axes are; None where none does."""
    wavelet = getattr(field.spec, "wavelet", None)
    if not isinstance(wavelet, PyramidSpec):
        return None
    return list(field.spec.shapes()).index("coefficients"), wavelet.groups


def smallest_groups(arrays: Sequence[StoredArray], pyramid: Optional[Pyramid] = None) -> list[Group]:
    """Groups that hold every array once."""
    alike: dict[CodeType, list[int]] = {}
    found: list[Group] = []
    for place, array in enumerate(arrays):
        if pyramid is not None and place == pyramid[0] and array.codebook is None:
            found.append(pyramid_group(place, array, pyramid[1]))
        else:
            alike.setdefault(code_type(array), []).append(place)
    for kind, places in alike.items():
        candidates = Candidates(arrays, places, kind)
        guessed = [(sum(candidates.guess(p) for p in way), way) for way in _ways(places, arrays)]
        guessed.sort(key=lambda pair: pair[0])
        near = [way for size, way in guessed[:MOST_WAYS] if size <= NEAR * guessed[0][0] + NEAR_BYTES]
        found += min(([candidates.group(p) for p in way] for way in near), key=lambda way: sum(g.cost for g in way))
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
    ways: list[list[tuple[int, ...]]] = []
    for way in ([tuple(places)], halves, mixed, apart):
        if way not in ways:
            ways.append(way)
    return ways
