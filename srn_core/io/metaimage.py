"""MetaImage volumes (.mha, .mhd), by SimpleITK."""

from __future__ import annotations

import os
from typing import Any, Optional

import numpy as np

from srn_core.errors import SrnInputError, SrnMissingPackageError
from srn_core.io.choice import chosen
from srn_core.io.file_parts import Layers, beginning
from srn_core.io.filled import filled
from srn_core.io.memory import require_memory
from srn_core.io.read import ReadOptions
from srn_core.volume import IDENTITY, Geometry, Volume

TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
MOST_LINES, MOST_LENGTH = 1000, 1 << 16
"""Of a header."""


def _itk(path: str) -> Any:
    try:
        import SimpleITK
    except ImportError as error:
        raise SrnMissingPackageError("SimpleITK", f"'{os.path.basename(path)}'", "io") from error
    return SimpleITK


def _reader(path: str) -> Any:
    """Of the file, its header read."""
    reader = _itk(path).ImageFileReader()
    reader.SetImageIO("MetaImageIO")
    reader.SetFileName(path)
    reader.ReadImageInformation()
    return reader


def _header(path: str) -> tuple[dict[str, str], int]:
    """Words of the header, and the byte behind its last line, which names the file of the data.

    Raises SrnInputError where there is no such line.
    """
    found: dict[str, str] = {}
    with open(path, "rb") as file:
        for _ in range(MOST_LINES):
            key, _, value = file.readline(MOST_LENGTH).decode("latin-1").partition("=")
            found[key.strip()] = value.strip()
            if key.strip() == "ElementDataFile":
                return found, file.tell()
    raise SrnInputError(f"'{path}' does not say where its values are: the header has no ElementDataFile")


def array_names(path: str) -> list[str]:
    """The file's own name: the format has no other."""
    return [os.path.splitext(os.path.basename(path))[0]]


def layers(path: str, array: Optional[str], options: ReadOptions) -> Optional[Layers]:
    """Where the samples lie; None where they are packed, or do not lie in one file behind its header."""
    header, begin = _header(path)
    kind = TYPES.get(header.get("ElementType", ""))
    words = {key: header.get(key, "False").lower() for key in ("CompressedData", "BinaryDataByteOrderMSB")}
    data = header["ElementDataFile"]
    skip = int(header.get("HeaderSize", "0"))
    if kind is None or words["CompressedData"] == "true" or data == "LIST" or "%" in data or header["NDims"] != "3":
        return None
    dtype = np.dtype(kind).newbyteorder(">" if words["BinaryDataByteOrderMSB"] == "true" else "<")
    reader = _reader(path)
    (x, y, z), components = reader.GetSize(), reader.GetNumberOfComponents()
    need = x * y * z * components * dtype.itemsize
    whole = path if data == "LOCAL" else os.path.join(os.path.dirname(path), data)
    offset = beginning(whole, skip, begin if data == "LOCAL" else 0, need)
    if offset is None:
        return None
    name = chosen(path, array_names(path), array)
    nothing = np.broadcast_to(np.zeros((), dtype), (z, y, x, components) if components > 1 else (z, y, x))
    geometry = Geometry((x, y, z), reader.GetOrigin(), reader.GetSpacing(), reader.GetDirection())
    return Layers(Volume(nothing, geometry, name), whole, offset, dtype)


def read(path: str, array: Optional[str], options: ReadOptions) -> Volume:
    """The volume with its spacing, origin and direction."""
    itk = _itk(path)
    name = chosen(path, array_names(path), array)
    reader = _reader(path)
    require_memory(path, (*reader.GetSize(), reader.GetNumberOfComponents()), np.uint8)
    image = reader.Execute()
    axes, components = image.GetDimension(), image.GetNumberOfComponentsPerPixel()
    if axes not in (2, 3):
        raise SrnInputError(f"'{path}' has {axes} axes; 2 or 3 can be read")
    values = itk.GetArrayFromImage(image)
    values = values.reshape((1,) * (3 - axes) + values.shape)
    if components > 1 and values.ndim != 4:
        raise SrnInputError(f"'{path}' has values of a kind that cannot be read: {image.GetPixelIDTypeAsString()}")
    z, y, x = values.shape[:3]
    if axes == 2:
        return Volume(
            values, Geometry((x, y, z), (*image.GetOrigin(), 0.0), (*image.GetSpacing(), 1.0), IDENTITY), name
        )
    return Volume(values, Geometry((x, y, z), image.GetOrigin(), image.GetSpacing(), image.GetDirection()), name)


def write(path: str, volume: Volume) -> None:
    """Values (deflated) and geometry; cell samples are written as samples at their centres."""
    itk = _itk(path)
    values = filled(volume)
    if values.dtype.kind == "b":
        values = values.astype(np.uint8)
    elif values.dtype == np.float16:
        values = values.astype(np.float32)
    image = itk.GetImageFromArray(values, isVector=values.ndim == 4)
    first = volume.geometry.position_of(np.zeros((1, 3)))[0]
    image.SetOrigin([float(v) for v in first])
    image.SetSpacing([float(v) for v in volume.geometry.spacing])
    image.SetDirection([float(v) for v in volume.geometry.direction])
    writer = itk.ImageFileWriter()
    writer.SetImageIO("MetaImageIO")
    writer.SetFileName(path)
    writer.UseCompressionOn()
    writer.Execute(image)
