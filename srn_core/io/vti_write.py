"""Write a Volume as .vti: raw appended data, read by every VTK and ParaView since 2012."""

from __future__ import annotations

import sys
from typing import Any, Iterable, Sequence
from xml.sax.saxutils import quoteattr

import numpy as np

from srn_core.io import ghosts
from srn_core.volume import Volume

NAMES = {"i": "Int", "u": "UInt", "f": "Float"}


def write(path: str, volume: Volume, *more: Volume) -> None:
    """Geometry, name, components, time and blanked samples are kept; units have no place in a .vti file.

    ``more``: further arrays on the same grid; the first volume's are the blanked samples.
    """
    _write(path, [(each, [each.values]) for each in (volume, *more)])


def write_slabs(path: str, outline: Volume, slabs: Iterable[np.ndarray]) -> None:
    """As :func:`write`, layer after layer."""
    _write(path, [(outline, slabs)])


def _write(path: str, volumes: Sequence[tuple[Volume, Iterable[np.ndarray]]]) -> None:
    """Volumes on one grid, of which the values are given part after part."""
    volume = volumes[0][0]
    geometry = volume.geometry
    extent = _text(geometry.extent)
    offset = 0
    arrays: list[tuple[int, np.dtype[Any], Iterable[np.ndarray]]] = []

    def element(name: str, dtype: np.dtype[Any], count: int, parts: Iterable[np.ndarray], more: str = "") -> str:
        nonlocal offset
        kind = f"{NAMES[dtype.kind]}{8 * dtype.itemsize}"
        line = f'<DataArray type="{kind}" Name={quoteattr(name)} {more}format="appended" offset="{offset}"/>'
        offset += 8 + dtype.itemsize * count
        arrays.append((dtype.itemsize * count, dtype, parts))
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
    if volume.time is not None:
        times = np.array([volume.time], np.float64)
        line = element("TimeValue", times.dtype, 1, [times], 'NumberOfTuples="1" ')
        lines += ["<FieldData>", line, "</FieldData>"]
    lines += [f'<Piece Extent="{extent}">', f"<{section}{active}>"]
    for each, parts in volumes:
        components = f'NumberOfComponents="{each.components}" ' if each.values.ndim == 4 else ""
        lines.append(element(each.name, _storable(each.values.dtype), each.values.size, parts, components))
    if volume.valid is not None and not volume.valid.all():
        hidden = ghosts.marks(volume.valid, geometry.association)
        lines.append(element(ghosts.NAME, hidden.dtype, hidden.size, [hidden]))
    lines += [f"</{section}>", "</Piece>", "</ImageData>", '<AppendedData encoding="raw">', "_"]
    with open(path, "wb") as file:
        file.write("\n".join(lines).encode("utf-8"))
        for nbytes, dtype, parts in arrays:
            file.write(np.uint64(nbytes).tobytes())
            for part in parts:
                file.write(np.ascontiguousarray(part, dtype).data.cast("B"))
        file.write(b"\n</AppendedData>\n</VTKFile>\n")


def _storable(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """A type that VTK has: uint8 for bool, float32 for half precision, float64 for longer than double."""
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    if dtype.kind == "f":
        return np.dtype({2: np.float32, 4: np.float32}.get(dtype.itemsize, np.float64))
    return dtype.newbyteorder("=")


def _text(numbers: tuple[float, ...]) -> str:
    return " ".join(repr(int(n) if isinstance(n, (int, np.integer)) else float(n)) for n in numbers)
