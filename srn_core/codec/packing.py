"""Section codecs: how the bytes of a section are squeezed, and opened again within a hard limit.

A codec has a name, ``pack(bytes) -> bytes`` and ``unpack(bytes, size) -> bytes``; ``unpack`` never
makes more than ``size`` bytes and raises SrnFormatError unless exactly that many come out of exactly
all that went in. Another codec (a range coder, say) is one more class and one more entry in CODECS;
codecs that need no memory of the arrays live here, coders that look at neighbours are layouts.
"""

from __future__ import annotations

import math
import zlib
from abc import ABC, abstractmethod
from typing import Any

from srn_core.errors import SrnFormatError, SrnMissingPackageError


class SectionCodec(ABC):
    """The contract of a section codec."""

    name: str
    tried_up_to: float = math.inf
    """Bytes up to which the writer tries it: beyond, another codec is as small and faster."""

    @abstractmethod
    def pack(self, data: bytes) -> bytes:
        """The squeezed bytes; the same for the same data."""

    @abstractmethod
    def unpack(self, data: bytes, size: int) -> bytes:
        """The ``size`` bytes that were packed. Raises SrnFormatError for anything else."""


class Raw(SectionCodec):
    """The bytes as they are."""

    name = "raw"

    def pack(self, data: bytes) -> bytes:
        """The same bytes."""
        return data

    def unpack(self, data: bytes, size: int) -> bytes:
        """The same bytes, if there are ``size`` of them."""
        if len(data) != size:
            raise SrnFormatError(f"a section holds {len(data)} bytes where {size} were expected")
        return data


class Deflate(SectionCodec):
    """Raw deflate (RFC 1951, no header of its own): the smallest for a few hundred bytes."""

    name = "deflate"
    tried_up_to = 1 << 15

    def pack(self, data: bytes) -> bytes:
        """Deflated at the highest level, with or without matches, which in near-noise only cost."""
        return min((deflate(data, strategy=s) for s in (zlib.Z_DEFAULT_STRATEGY, zlib.Z_HUFFMAN_ONLY)), key=len)

    def unpack(self, data: bytes, size: int) -> bytes:
        """Inflated, never to more than ``size`` bytes."""
        return inflate(data, size)


class Zstd(SectionCodec):
    """One Zstandard frame (RFC 8878) with its content size, without checksum."""

    name = "zstd"
    level = 19

    def pack(self, data: bytes) -> bytes:
        """One frame."""
        packer = _zstandard().ZstdCompressor(level=self.level, write_checksum=False, write_content_size=True)
        return bytes(packer.compress(data))

    def unpack(self, data: bytes, size: int) -> bytes:
        """The frame's content; its declared size is checked before anything is allocated."""
        zstandard = _zstandard()
        try:
            if size == 0 or zstandard.frame_content_size(data) != size:
                raise SrnFormatError(f"a Zstandard section does not declare the {size} bytes that were expected")
            unpacker = zstandard.ZstdDecompressor(max_window_size=1 << 27)
            try:
                out = unpacker.decompress(data, max_output_size=size, allow_extra_data=False)
            except TypeError:  # zstandard before 0.22
                out = unpacker.decompress(data, max_output_size=size)
        except zstandard.ZstdError as error:
            raise SrnFormatError(f"a Zstandard section is damaged ({error})") from error
        if len(out) != size:
            raise SrnFormatError(f"a Zstandard section gave {len(out)} bytes where {size} were expected")
        return bytes(out)


CODECS: dict[str, SectionCodec] = {codec.name: codec for codec in (Raw(), Deflate(), Zstd())}


def codec_named(name: str) -> SectionCodec:
    """The codec of a section. Raises SrnFormatError that lists the known ones."""
    if name not in CODECS:
        raise SrnFormatError(
            f"the file uses a section codec {name!r}; this release knows {', '.join(sorted(CODECS))}. "
            "It may be made by a newer release: update SRN for ParaView"
        )
    return CODECS[name]


def pack_smallest(data: bytes) -> tuple[str, bytes]:
    """(codec name, packed bytes) of the codec that makes ``data`` smallest."""
    if not data:
        return Raw.name, data
    tried = [(name, codec.pack(data)) for name, codec in CODECS.items() if len(data) <= codec.tried_up_to]
    return min(tried, key=lambda pair: len(pair[1]))


def quick_size(data: bytes) -> int:
    """Bytes of ``data`` once squeezed in haste."""
    return len(_zstandard().ZstdCompressor(level=1, write_checksum=False).compress(data))


def deflate(data: bytes, dictionary: bytes = b"", strategy: int = zlib.Z_DEFAULT_STRATEGY) -> bytes:
    """Raw deflate at the highest level, with an optional preset dictionary."""
    if dictionary:
        packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, strategy, dictionary)
    else:
        packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, strategy)
    return packer.compress(data) + packer.flush()


def inflate(data: bytes, limit: int, dictionary: bytes = b"", exact: bool = True) -> bytes:
    """Undo :func:`deflate`; makes at most ``limit`` bytes, exactly ``limit`` where ``exact``.

    Raises SrnFormatError for damaged, unfinished, over-long or larger data.
    """
    unpacker = zlib.decompressobj(-15, dictionary) if dictionary else zlib.decompressobj(-15)
    try:
        out = unpacker.decompress(data, limit + 1)  # one more, so that a too large result shows; 0 would mean "all"
    except zlib.error as error:
        raise SrnFormatError(f"deflated data is damaged ({error})") from error
    if not unpacker.eof or unpacker.unused_data or len(out) > limit or (exact and len(out) != limit):
        raise SrnFormatError(f"deflated data does not give the {limit} bytes {'' if exact else 'at most '}expected")
    return out


def _zstandard() -> Any:
    try:
        import zstandard
    except ImportError as error:
        raise SrnMissingPackageError("zstandard", "reading and writing .srn files") from error
    return zstandard
