"""The layouts by name. The writer tries all that suit and keeps the smallest.

Those in this file store codes as they are and leave it to the section codecs to squeeze them; see
:mod:`srn_core.codec.entropy` and :mod:`srn_core.codec.significance` for those that code by probabilities.
"""

from __future__ import annotations

from math import prod
from typing import Sequence

import numpy as np

from srn_core.codec.entropy import Entropy
from srn_core.codec.layout import CodeType, Layout, count_of, flat, shaped
from srn_core.codec.pyramids import Pyramid
from srn_core.codec.significance import Significance
from srn_core.errors import SrnFormatError


class Dense(Layout):
    """Every code in 1 or 2 bytes: one stream of the low bytes, and one of the high bytes if there are any."""

    name = "dense"

    def suits(self, shapes: Sequence[tuple[int, ...]], kind: CodeType) -> bool:
        """Always."""
        return True

    def split(self, arrays: Sequence[np.ndarray], kind: CodeType) -> list[bytes]:
        """The byte planes."""
        return _planes(flat(arrays), kind)

    def limits(self, shapes: Sequence[tuple[int, ...]], kind: CodeType) -> list[int]:
        """One byte per code and plane."""
        return [count_of(shapes)] * kind.bytes

    def join(self, streams: Sequence[bytes], shapes: Sequence[tuple[int, ...]], kind: CodeType) -> list[np.ndarray]:
        """The arrays."""
        return shaped(_from_planes(streams, count_of(shapes), kind), shapes)


class Packed(Layout):
    """Every code in ``width`` bits, most significant bit first, without gaps; the last byte is filled up with 0."""

    name = "packed"

    def suits(self, shapes: Sequence[tuple[int, ...]], kind: CodeType) -> bool:
        """Where it saves bits over bytes."""
        return kind.width % 8 != 0

    def split(self, arrays: Sequence[np.ndarray], kind: CodeType) -> list[bytes]:
        """One stream of bits."""
        codes = flat(arrays).astype(np.uint32)
        shifts = np.arange(kind.width - 1, -1, -1, dtype=np.uint32)
        return [np.packbits(((codes[:, None] >> shifts) & 1).astype(np.uint8)).tobytes()]

    def limits(self, shapes: Sequence[tuple[int, ...]], kind: CodeType) -> list[int]:
        """The bits, rounded up to bytes."""
        return [(count_of(shapes) * kind.width + 7) // 8]

    def join(self, streams: Sequence[bytes], shapes: Sequence[tuple[int, ...]], kind: CodeType) -> list[np.ndarray]:
        """The arrays."""
        count = count_of(shapes)
        bits = bits_from(streams[0], count * kind.width).reshape(count, kind.width)
        codes = np.zeros(count, np.int32)
        for column in range(kind.width):
            codes = (codes << 1) | bits[:, column]
        if kind.signed:
            codes = np.where(codes > kind.bounds[1], codes - (1 << kind.width), codes)
        return shaped(codes.astype(np.int32), shapes)


class Masked(Layout):
    """A mask of one bit per code, set where it is not 0, then those codes as "dense" stores them."""

    name = "masked"

    def suits(self, shapes: Sequence[tuple[int, ...]], kind: CodeType) -> bool:
        """Always; the writer sees whether it pays."""
        return True

    def split(self, arrays: Sequence[np.ndarray], kind: CodeType) -> list[bytes]:
        """The mask, then the byte planes."""
        codes = flat(arrays)
        mask = codes != 0
        return [np.packbits(mask).tobytes(), *_planes(codes[mask], kind)]

    def limits(self, shapes: Sequence[tuple[int, ...]], kind: CodeType) -> list[int]:
        """One bit per code, then at most one byte per code and plane."""
        count = count_of(shapes)
        return [(count + 7) // 8] + [count] * kind.bytes

    def join(self, streams: Sequence[bytes], shapes: Sequence[tuple[int, ...]], kind: CodeType) -> list[np.ndarray]:
        """The arrays."""
        count = count_of(shapes)
        mask = bits_from(streams[0], count).astype(bool)
        codes = np.zeros(count, np.int32)
        codes[mask] = _from_planes(streams[1:], int(np.count_nonzero(mask)), kind)
        return shaped(codes, shapes)


class Shared(Layout):
    """As "masked", but one bit of the mask stands for all entries along an array's first axis.

    The first axis of a latent grid's arrays are its features, which a pruner that drops positions
    drops together. A bit is set where any of the entries is not 0; all of them are then stored,
    the first axis running slowest.
    """

    name = "shared"

    def suits(self, shapes: Sequence[tuple[int, ...]], kind: CodeType) -> bool:
        """Where arrays have a first axis to share along."""
        return any(len(shape) > 1 and shape[0] > 1 for shape in shapes)

    def split(self, arrays: Sequence[np.ndarray], kind: CodeType) -> list[bytes]:
        """The mask of all arrays, then the byte planes."""
        rows = [a.reshape(a.shape[0], -1) for a in arrays]
        masks = [np.any(r != 0, axis=0) for r in rows]
        kept = np.concatenate([r[:, m].ravel() for r, m in zip(rows, masks)])
        return [np.packbits(np.concatenate(masks)).tobytes(), *_planes(kept, kind)]

    def limits(self, shapes: Sequence[tuple[int, ...]], kind: CodeType) -> list[int]:
        """One bit per position, then at most one byte per code and plane."""
        return [(sum(prod(s[1:]) for s in shapes) + 7) // 8] + [count_of(shapes)] * kind.bytes

    def join(self, streams: Sequence[bytes], shapes: Sequence[tuple[int, ...]], kind: CodeType) -> list[np.ndarray]:
        """The arrays."""
        sizes = [prod(shape[1:]) for shape in shapes]
        mask = bits_from(streams[0], sum(sizes)).astype(bool)
        masks = np.split(mask, np.cumsum(sizes)[:-1])
        kept = [int(np.count_nonzero(m)) * shape[0] for m, shape in zip(masks, shapes)]
        parts = np.split(_from_planes(streams[1:], sum(kept), kind), np.cumsum(kept)[:-1])
        arrays = []
        for shape, size, m, part in zip(shapes, sizes, masks, parts):
            codes = np.zeros((shape[0], size), np.int32)
            codes[:, m] = part.reshape(shape[0], -1) if part.size else 0
            arrays.append(codes.reshape(shape))
        return arrays


LAYOUTS: dict[str, Layout] = {
    layout.name: layout for layout in (Dense(), Packed(), Masked(), Shared(), Entropy(), Significance(), Pyramid())
}


def layout_named(name: str) -> Layout:
    """The layout of a group. Raises SrnFormatError that lists the known ones."""
    if name not in LAYOUTS:
        raise SrnFormatError(
            f"the file uses an array layout {name!r}; this release knows {', '.join(sorted(LAYOUTS))}. "
            "It may be made by a newer release: update SRN for ParaView"
        )
    return LAYOUTS[name]


def bits_from(data: bytes, count: int) -> np.ndarray:
    """``count`` bits (uint8, 0 or 1), most significant first. Raises SrnFormatError for any other amount."""
    if len(data) != (count + 7) // 8:
        raise SrnFormatError(f"a stream of {count} bits has {len(data)} bytes; the file is damaged")
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    if bits[count:].any():
        raise SrnFormatError("a stream of bits has bits after its end; the file is damaged")
    return bits[:count]


def _planes(codes: np.ndarray, kind: CodeType) -> list[bytes]:
    """Low bytes, then high bytes if codes have them."""
    return [((codes >> (8 * plane)) & 0xFF).astype(np.uint8).tobytes() for plane in range(kind.bytes)]


def _from_planes(streams: Sequence[bytes], count: int, kind: CodeType) -> np.ndarray:
    """Codes (int32) of byte planes."""
    codes = np.zeros(count, np.int32)
    for plane, data in enumerate(streams):
        if len(data) != count:
            raise SrnFormatError(f"a stream of {count} codes has {len(data)} bytes; the file is damaged")
        codes |= np.frombuffer(data, np.uint8).astype(np.int32) << (8 * plane)
    if kind.signed:
        half = 1 << (8 * kind.bytes - 1)
        codes = np.where(codes >= half, codes - 2 * half, codes).astype(np.int32)
    return codes
