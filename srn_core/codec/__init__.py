"""Neural fields to the bytes of an .srn file and back; docs/file-format.md describes the bytes."""

from __future__ import annotations

from srn_core.codec.container import FORMAT_VERSION, Section
from srn_core.codec.field import Corrections, NeuralField, OnMesh, Plateau, Quality, StoredArray
from srn_core.codec.quantise import in_steps, quantise
from srn_core.codec.reader import from_bytes, header_of, read, read_bytes, section_sizes
from srn_core.codec.writer import to_bytes, write

__all__ = [
    "FORMAT_VERSION",
    "Corrections",
    "NeuralField",
    "OnMesh",
    "Plateau",
    "Quality",
    "Section",
    "StoredArray",
    "from_bytes",
    "header_of",
    "in_steps",
    "quantise",
    "read",
    "read_bytes",
    "section_sizes",
    "to_bytes",
    "write",
]
