"""The header of an .srn file as tables: they drive the writer, the reader and docs/file-format.md."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping, Optional

from srn_core.codec.field import Quality
from srn_core.codec.header_kinds import (
    Choice,
    Element,
    Flag,
    Float32,
    Free,
    ListOf,
    Number,
    Record,
    Row,
    Spec,
    Text,
    Whole,
)
from srn_core.spec import BricksSpec, NetworkSpec, spec_to_dict
from srn_core.volume import ASSOCIATIONS, IDENTITY, Geometry

DTYPES = (
    "float16", "float32", "float64", "bool",
    "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
)  # fmt: skip
"""Dtypes an original array may have had."""

_INDEX = Whole(-(2**63), 2**63 - 1)
_LENGTH = Whole(0, 2**40)


@dataclass(frozen=True)
class SectionHeader:
    """One run of bytes after the header."""

    codec: str
    packed: int
    size: int
    crc: int


SECTION = Row(
    SectionHeader,
    (
        Element("codec", Text(64), "name of the section codec"),
        Element("packed", _LENGTH, "bytes in the file"),
        Element("size", _LENGTH, "bytes once unpacked"),
        Element("crc", Whole(0, 2**32 - 1), "CRC-32 of the bytes in the file"),
    ),
    "Section",
)


@dataclass(frozen=True)
class GroupHeader:
    """Arrays whose codes are stored together."""

    layout: str
    bits: int
    arrays: tuple[int, ...]
    sections: tuple[SectionHeader, ...]
    steps: Optional[tuple[float, ...]] = None
    codebooks: Optional[tuple[int, ...]] = None


GROUP = Record(
    GroupHeader,
    (
        Element("layout", Text(64), "how codes become streams of bytes, see Layouts"),
        Element("bits", Whole(1, 25), 'bits per code; more than 16 in the layout "pyramid" alone'),
        Element("arrays", ListOf(Whole(0, 2**20), 1, 2**16), "places of the arrays in the spec's list of arrays"),
        Element("sections", ListOf(SECTION, 1, 8), "one per stream, in the order in which they lie in the file"),
        Element("steps", ListOf(Float32(), 1, 2**16), "uniform: one step per array", None),
        Element(
            "codebooks",
            ListOf(Whole(1, 2**16), 1, 2**16),
            "codebook: entries per array; the entries themselves are the first stream",
            None,
        ),
    ),
    "Group",
)


@dataclass(frozen=True)
class MaskHeader:
    """Where the voxels are that hold a value."""

    form: str = ""
    section: Optional[SectionHeader] = None
    same_as: Optional[int] = None


MASK = Record(
    MaskHeader,
    (
        Element("form", Text(64), "how the mask becomes bytes, see Validity mask", ""),
        Element("section", SECTION, "its section, which follows those of the field's groups", None),
        Element("same_as", Whole(0, 2**20), "instead of both: the place of an earlier field with this mask", None),
    ),
    "Validity mask",
)


@dataclass(frozen=True)
class PlateauHeader:
    """Voxels of one value."""

    values: tuple[float, ...]
    mask: MaskHeader


PLATEAU = Record(
    PlateauHeader,
    (
        Element("values", ListOf(Number(), 1, 4096), "the value of these voxels, one number per component"),
        Element("mask", MASK, "which voxels; its section follows that of `valid`"),
    ),
    "Plateau",
)


@dataclass(frozen=True)
class CorrectionsHeader:
    """What is added to decoded voxels."""

    step: float
    mask: MaskHeader
    section: SectionHeader


CORRECTIONS = Record(
    CorrectionsHeader,
    (
        Element("step", Number(), "what a code of 1 adds, in the field's units"),
        Element(
            "mask",
            MASK,
            "voxels where any component has a code other than 0; always a section, after that of `plateau`",
        ),
        Element("section", SECTION, "the codes of these voxels; its section follows that of the mask"),
    ),
    "Corrections",
)


@dataclass(frozen=True)
class GridPointsHeader:
    """Where a grid's points lie that are not of equal steps."""

    kind: str = "axes"
    dims: tuple[int, ...] = (1, 1, 1)
    dtype: str = "float64"
    differences: int = 0
    section: Optional[SectionHeader] = None
    same_as: Optional[int] = None


GRID_POINTS = Record(
    GridPointsHeader,
    (
        Element("kind", Choice(("axes", "points")), "`axes`: rectilinear, `points`: structured", "axes"),
        Element("dims", ListOf(Whole(1, 2**31 - 1), 3, 3), "points along x, y, z", (1, 1, 1)),
        Element("dtype", Choice(("float32", "float64")), "type of the numbers", "float64"),
        Element("differences", Whole(0, 3), "axes along which differences were taken, x first", 0),
        Element("section", SECTION, "the numbers; its section is the last one of the field", None),
        Element("same_as", Whole(0, 2**20), "instead of all these: the place of an earlier field with them", None),
    ),
    "Grid points",
)


@dataclass(frozen=True)
class MeshCorrectionsHeader:
    """What is added to decoded samples of a mesh."""

    step: float
    section: SectionHeader


MESH_CORRECTIONS = Record(
    MeshCorrectionsHeader,
    (
        Element("step", Number(), "what a code of 1 adds, in the field's units"),
        Element("section", SECTION, "the codes of all samples; its section is the last one of the field"),
    ),
    "Mesh corrections",
)


@dataclass(frozen=True)
class MeshFacesHeader:
    """The faces of a mesh's polyhedra."""

    polyhedra: int
    faces: int
    corners: int
    section: SectionHeader


_COUNT = Whole(0, 2**31 - 1)

MESH_FACES = Record(
    MeshFacesHeader,
    (
        Element("polyhedra", _COUNT, "how many cells have faces of their own"),
        Element("faces", _COUNT, "faces of all polyhedra together"),
        Element("corners", _COUNT, "points of all faces together"),
        Element("section", SECTION, "the faces; its section follows `connectivity`"),
    ),
    "Mesh faces",
)


@dataclass(frozen=True)
class MeshHeader:
    """A mesh at whose points or cells an array has its samples."""

    at: str = "point"
    surface: bool = False
    points: int = 0
    cells: int = 0
    corners: int = 0
    dtype: str = "float32"
    differences: bool = False
    stride: int = 1
    positions: Optional[SectionHeader] = None
    connectivity: Optional[SectionHeader] = None
    same_as: Optional[int] = None
    valid: Optional[SectionHeader] = None
    corrections: Optional[MeshCorrectionsHeader] = None
    faces: Optional[MeshFacesHeader] = None


MESH = Record(
    MeshHeader,
    (
        Element("at", Choice(ASSOCIATIONS), "where on the mesh the array has its samples", "point"),
        Element("surface", Flag(), "whether it is a surface (poly data), not an unstructured grid", False),
        Element("points", _COUNT, "how many points", 0),
        Element("cells", _COUNT, "how many cells", 0),
        Element("corners", _COUNT, "points of all cells together", 0),
        Element("dtype", Choice(("float32", "float64")), "type of the coordinates", "float32"),
        Element("differences", Flag(), "whether coordinates are stored as differences", False),
        Element("stride", Whole(1, 255), "corners are differences to the one so many before", 1),
        Element("positions", SECTION, "the coordinates; after all sections above", None),
        Element("connectivity", SECTION, "the cells, if there are any; after `positions`", None),
        Element(
            "same_as",
            Whole(0, 2**20),
            "instead of all but `at`, `valid` and `corrections`: the place of an earlier field with it",
            None,
        ),
        Element("valid", SECTION, "which samples hold a value, absent: all; after `connectivity` and `faces`", None),
        Element("corrections", MESH_CORRECTIONS, "what is added to decoded samples", None),
        Element("faces", MESH_FACES, "the faces of polyhedra, if there are any", None),
    ),
    "Mesh",
)

GEOMETRY = Record(
    Geometry,
    (
        Element("dims", ListOf(Whole(1, 2**31 - 1), 3, 3), "samples along x, y, z; less than 2^48 in all"),
        Element("origin", ListOf(Number(), 3, 3), "world position (x, y, z) of index (0, 0, 0)", (0.0, 0.0, 0.0)),
        Element("spacing", ListOf(Number(), 3, 3), "distance between samples along x, y, z", (1.0, 1.0, 1.0)),
        Element("direction", ListOf(Number(), 9, 9), "row-major 3 x 3 matrix of the axes' directions", IDENTITY),
        Element("start", ListOf(_INDEX, 3, 3), "index of the first sample along x, y, z", (0, 0, 0)),
        Element("association", Choice(ASSOCIATIONS), "where the samples lie in a VTK grid", "point"),
    ),
    "Geometry",
)

_MEASURE = Number(finite=False)

QUALITY = Record(
    Quality,
    (
        Element("psnr", _MEASURE, "dB, full range of the original"),
        Element("rmse", _MEASURE, "root of the mean squared error"),
        Element("max_error", _MEASURE, "largest absolute error"),
        Element("ssim", _MEASURE, "structural similarity"),
    ),
    "Quality",
)


@dataclass(frozen=True)
class FieldHeader:
    """A field without its numbers; the attributes of a NeuralField, and where its numbers lie."""

    spec: NetworkSpec
    geometry: Geometry
    name: str
    dtype: str
    value_range: tuple[tuple[float, float], ...]
    vector: bool = False
    units: str = ""
    time: Optional[float] = None
    original_bytes: int = 0
    quality: Optional[Quality] = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    groups: tuple[GroupHeader, ...] = ()
    valid: Optional[MaskHeader] = None
    plateau: Optional[PlateauHeader] = None
    corrections: Optional[CorrectionsHeader] = None
    points: Optional[GridPointsHeader] = None
    blanked: bool = False
    block: str = ""
    mesh: Optional[MeshHeader] = None
    fades: Optional[tuple[int, ...]] = None
    adds_to: Optional[int] = None


FIELD = Record(
    FieldHeader,
    (
        Element("name", Text(), "the array's name"),
        Element("spec", Spec(), "the network"),
        Element("geometry", GEOMETRY, "where the samples lie"),
        Element("dtype", Choice(DTYPES), "type of the original array, which decoding gives back"),
        Element(
            "range",
            ListOf(ListOf(Number(), 2, 2), 1, 4096),
            "(minimum, maximum) of each component, for which normalised -1 and 1 stand",
            attribute="value_range",
        ),
        Element("vector", Flag(), "whether the array had a component axis", False),
        Element("units", Text(), "unit of the values", ""),
        Element("time", Number(), "time of the field", None),
        Element("original_bytes", Whole(0, 2**63 - 1), "bytes of the original array", 0),
        Element("quality", QUALITY, "measured on the decoded file", None),
        Element("provenance", Free(), "settings, seed, versions, seconds; not needed to decode", {}),
        Element("groups", ListOf(GROUP, 0, 2**16), "the network's arrays; each array is in exactly one group", ()),
        Element("valid", MASK, "which voxels hold a value; absent: all", None),
        Element("plateau", PLATEAU, "voxels that all hold one value; format version 2", None),
        Element("corrections", CORRECTIONS, "what is added to decoded voxels; format version 2", None),
        Element("points", GRID_POINTS, "where the grid lies, if not at equal steps; format version 3", None),
        Element("blanked", Flag(), "whether voxels without value are hidden, as VTK blanks them out", False),
        Element("block", Text(), 'block of a composite data set, levels divided by "/"; format version 4', ""),
        Element("mesh", MESH, "a mesh at which the array has its samples; format version 6", None),
        Element(
            "fades",
            ListOf(Whole(0, 2**31 - 1), 6, 6),
            "of a brick alone: samples over which its weight falls to 0, at the lower and the upper end along x, y, z; "
            "format version 5",
            None,
        ),
        Element("adds_to", Whole(0, 2**20), "place of an earlier field, see Added fields; format version 7", None),
    ),
    "Field",
)


@dataclass(frozen=True)
class FileHeader:
    """Everything before the sections."""

    generator: str
    fields: tuple[FieldHeader, ...]


FILE = Record(
    FileHeader,
    (
        Element("generator", Text(), "product and version that made the file"),
        Element("fields", ListOf(FIELD, 1, 2**20), "the fields, in the order of their sections"),
    ),
    "File",
)

TABLES = (
    FILE,
    FIELD,
    GEOMETRY,
    QUALITY,
    GROUP,
    SECTION,
    MASK,
    PLATEAU,
    CORRECTIONS,
    GRID_POINTS,
    MESH,
    MESH_FACES,
    MESH_CORRECTIONS,
)
"""Every table, in the order of docs/file-format.md."""


def sections_of(header: FieldHeader) -> list[SectionHeader]:
    """A field's sections in the order in which they lie in the file."""
    found = [section for group in header.groups for section in group.sections]
    if header.valid is not None and header.valid.section is not None:
        found.append(header.valid.section)
    if header.plateau is not None and header.plateau.mask.section is not None:
        found.append(header.plateau.mask.section)
    if header.corrections is not None:
        if header.corrections.mask.section is not None:
            found.append(header.corrections.mask.section)
        found.append(header.corrections.section)
    if header.points is not None and header.points.section is not None:
        found.append(header.points.section)
    if header.mesh is not None:
        faces = None if header.mesh.faces is None else header.mesh.faces.section
        parts = (header.mesh.positions, header.mesh.connectivity, faces, header.mesh.valid)
        found += [section for section in parts if section is not None]
        if header.mesh.corrections is not None:
            found.append(header.mesh.corrections.section)
    return found


def version_of(header: FileHeader) -> int:
    """The oldest format version that knows all that a file uses."""
    if any(f.adds_to is not None for f in header.fields):
        return 7
    if any(f.mesh is not None for f in header.fields):
        return 6
    if any(isinstance(f.spec, BricksSpec) for f in header.fields):
        return 5
    if any(f.block for f in header.fields):
        return 4
    if any(f.points is not None for f in header.fields):
        return 3
    newer = (
        f.plateau is not None or f.corrections is not None or spec_to_dict(f.spec)["version"] > 1 for f in header.fields
    )
    return 2 if any(newer) else 1
