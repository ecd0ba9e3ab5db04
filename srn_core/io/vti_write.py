"""Write a Volume as .vti: raw appended data, read by every VTK and ParaView since 2012."""

from __future__ import annotations

import sys
from typing import Optional
from xml.sax.saxutils import quoteattr

import numpy as np

from srn_core.io import ghosts
from srn_core.volume import Volume

NAMES = {"i": "Int", "u": "UInt", "f": "Float"}


def write(path: str, volume: Volume, *more: Volume) -> None:
    """Geometry, name, components, time and blanked samples are kept; units have no place in a .vti file.

    ``more``: further arrays on the same grid; the first volume's are the blanked samples.
    """
    geometry = volume.geometry
    hidden: Optional[np.ndarray] = None
    if volume.valid is not None and not volume.valid.all():
        hidden = ghosts.marks(volume.valid, geometry.association)
    times = None if volume.time is None else np.array([volume.time], np.float64)

    extent = _text(geometry.extent)
    offset = 0
    arrays: list[np.ndarray] = []

    def element(name: str, data: np.ndarray, more: str = "") -> str:
        nonlocal offset
        kind = f"{NAMES[data.dtype.kind]}{8 * data.dtype.itemsize}"
        line = f'<DataArray type="{kind}" Name={quoteattr(name)} {more}format="appended" offset="{offset}"/>'
        offset += 8 + data.nbytes
        arrays.append(data)
        return line

    section = "PointData" if geometry.association == "point" else "CellData"
    active = "" if volume.components > 1 else f" Scalars={quoteattr(volume.name)}"
    order = "LittleEndian" if sys.byteorder == "little" else "BigEndian"
    lines = [
        '<?xml version="1.0"?>',
        f'<VTKFile type="ImageData" version="1.0" byte_order="{order}" header_type="UInt64">',
        f'<ImageData WholeExtent="{extent}" Origin="{_text(geometry.origin)}" Spacing="{_text(geometry.spacing)}" '
        f'Direction="{_text(geometry.direction)}">',
    ]
    if times is not None:
        lines += ["<FieldData>", element("TimeValue", times, 'NumberOfTuples="1" '), "</FieldData>"]
    lines += [f'<Piece Extent="{extent}">', f"<{section}{active}>"]
    for each in (volume, *more):
        components = f'NumberOfComponents="{each.components}" ' if each.values.ndim == 4 else ""
        lines.append(element(each.name, _storable(each.values), components))
    if hidden is not None:
        lines.append(element(ghosts.NAME, hidden))
    lines += [f"</{section}>", "</Piece>", "</ImageData>", '<AppendedData encoding="raw">', "_"]
    with open(path, "wb") as file:
        file.write("\n".join(lines).encode("utf-8"))
        for data in arrays:
            file.write(np.uint64(data.nbytes).tobytes())
            file.write(data.data.cast("B"))
        file.write(b"\n</AppendedData>\n</VTKFile>\n")


def _storable(values: np.ndarray) -> np.ndarray:
    """Values in a type VTK has: bool becomes uint8, half precision float32, longer than double float64."""
    dtype = values.dtype.newbyteorder("=")
    if dtype.kind == "b":
        dtype = np.dtype(np.uint8)
    elif dtype.kind == "f":
        dtype = np.dtype({2: np.float32, 4: np.float32}.get(dtype.itemsize, np.float64))
    return np.ascontiguousarray(values, dtype)


def _text(numbers: tuple[float, ...]) -> str:
    return " ".join(repr(int(n) if isinstance(n, (int, np.integer)) else float(n)) for n in numbers)
