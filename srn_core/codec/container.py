"""The frame of an .srn file: magic, version, deflated header, then sections back to back."""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple, Optional

from srn_core.codec import header_text
from srn_core.codec.header import FILE, FileHeader, SectionHeader, sections_of, version_of
from srn_core.errors import SrnFormatError

MAGIC = b"SRN\x1a"
"""The last byte stops a terminal's `type` and shows a transfer as text, which loses it."""
FORMAT_VERSION = 7
"""The newest version that is read. A file is written as the oldest version that knows all it uses."""
PREFIX = struct.Struct("<4sHII")
"""Magic, version, bytes of the deflated header, CRC-32 of the 10 bytes before it and the deflated header."""


class Section(NamedTuple):
    """A section of a file, for reports."""

    field: str
    holds: str
    """Names of the arrays and the layout, or "validity mask", ..."""
    codec: str
    packed: int
    size: int
    time: Optional[float] = None
    block: str = ""
    """These two: of its field."""


def frame(header: FileHeader, sections: list[bytes]) -> bytes:
    """The whole file."""
    version = version_of(header)
    packed = header_text.encode(FILE.write(header), version)
    return b"".join([_prefix(packed, version), packed, *sections])


def parse(data: bytes) -> tuple[FileHeader, int]:
    """The header, and where the sections start.

    Raises SrnFormatError unless magic, version, CRC and JSON are right and the sections that the
    header lists end exactly where the file ends.
    """
    if data[: len(MAGIC)] != MAGIC:
        raise SrnFormatError("this is not an SRN file (it does not begin with 'SRN'); choose a file that ends in .srn")
    if len(data) < PREFIX.size:
        raise SrnFormatError(f"the file is cut off: it has only {len(data)} bytes; copy or download it again")
    _, version, length, crc = PREFIX.unpack_from(data)
    if version > FORMAT_VERSION:
        raise SrnFormatError(
            f"the file has format version {version}, this release reads up to {FORMAT_VERSION}: "
            "it was made by a newer release (or is damaged); update SRN for ParaView"
        )
    if version < 1:
        raise SrnFormatError("the file has format version 0, which never was; it is damaged")
    start = PREFIX.size + length
    if start > len(data):
        raise SrnFormatError(f"the file is cut off in its header ({len(data)} of {start} bytes); copy it again")
    packed = bytes(data[PREFIX.size : start])
    if _crc(bytes(data[: PREFIX.size - 4]) + packed) != crc:
        raise SrnFormatError("the file's header is damaged (its checksum is wrong); copy or download the file again")
    try:
        header: FileHeader = FILE.read(header_text.decode(packed), "header")
    except RecursionError as error:
        raise SrnFormatError("the file's header is nested absurdly deep; the file is damaged") from error
    wanted = start + sum(s.packed for f in header.fields for s in sections_of(f))
    if wanted > len(data):
        raise SrnFormatError(f"the file is cut off: {len(data)} of {wanted} bytes are there; copy or download it again")
    if wanted < len(data):
        raise SrnFormatError(f"the file has {len(data) - wanted} bytes too many at its end; it is damaged")
    return header, start


def checked(data: bytes, section: SectionHeader) -> bytes:
    """The same bytes. Raises SrnFormatError where a section's checksum is wrong."""
    if _crc(data) != section.crc:
        raise SrnFormatError("the file's data is damaged (the checksum of a section is wrong); copy it again")
    return data


def section_header(codec: str, packed: bytes, size: int) -> SectionHeader:
    """What the header says of a packed section that unpacks to ``size`` bytes."""
    return SectionHeader(codec, len(packed), size, _crc(packed))


def listed(header: FileHeader, header_bytes: int) -> list[Section]:
    """Every part of a file, the header first; their ``packed`` bytes add up to the file's."""
    found = [Section("", "header", "deflate", header_bytes, header_bytes)]
    name, of = "", (header.fields[0].time, header.fields[0].block)
    for field in header.fields:
        if field.fades is None:  # that of a brick is the name of the field that it is a brick of
            name, of = field.name, (field.time, field.block)
        names = list(field.spec.shapes())
        for group in field.groups:
            holds = f"{', '.join(names[i] for i in group.arrays if i < len(names))} ({group.layout})"
            found += [Section(name, holds, s.codec, s.packed, s.size, *of) for s in group.sections]
        if field.valid is not None and field.valid.section is not None:
            mask = field.valid.section
            found.append(Section(name, "validity mask", mask.codec, mask.packed, mask.size, *of))
        if field.plateau is not None and field.plateau.mask.section is not None:
            mask = field.plateau.mask.section
            found.append(Section(name, "plateau mask", mask.codec, mask.packed, mask.size, *of))
        if field.corrections is not None:
            parts = {"corrections mask": field.corrections.mask.section, "corrections": field.corrections.section}
            found += [Section(name, part, s.codec, s.packed, s.size, *of) for part, s in parts.items() if s]
        if field.points is not None and field.points.section is not None:
            section = field.points.section
            found.append(Section(name, "grid points", section.codec, section.packed, section.size, *of))
        if field.mesh is not None:
            mesh_parts = {
                "mesh points": field.mesh.positions,
                "mesh cells": field.mesh.connectivity,
                "mesh faces": None if field.mesh.faces is None else field.mesh.faces.section,
                "samples with a value": field.mesh.valid,
                "corrections": None if field.mesh.corrections is None else field.mesh.corrections.section,
            }
            found += [Section(name, part, s.codec, s.packed, s.size, *of) for part, s in mesh_parts.items() if s]
    return found


def _prefix(packed: bytes, version: int) -> bytes:
    front = PREFIX.pack(MAGIC, version, len(packed), 0)[: PREFIX.size - 4]
    return front + struct.pack("<I", _crc(front + packed))


def _crc(data: bytes) -> int:
    return zlib.crc32(data) & 0xFFFFFFFF
