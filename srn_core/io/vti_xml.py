"""The structure of a .vti file: one image piece, its arrays and where their bytes lie.

Reads what VTK and ParaView write by default; what is rarer (several pieces, LZ4 blocks, bit
arrays) raises NeedsVtk.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Optional

import numpy as np

from srn_core.errors import SrnInputError
from srn_core.io import ghosts
from srn_core.io.choice import chosen
from srn_core.io.file_parts import Layers
from srn_core.io.memory import require_memory
from srn_core.io.vti_data import COMPRESSORS, Encoding, decode
from srn_core.volume import IDENTITY, Geometry, Volume

TYPES = {
    "Int8": "i1",
    "UInt8": "u1",
    "Int16": "i2",
    "UInt16": "u2",
    "Int32": "i4",
    "UInt32": "u4",
    "Int64": "i8",
    "UInt64": "u8",
    "Float32": "f4",
    "Float64": "f8",
}
MAX_HEAD = 1 << 24
"""Bytes of XML before the appended data; more is no honest image header."""


class NeedsVtk(Exception):
    """A valid file that only VTK itself can read here."""


class ImageFile:
    """The parsed head of a .vti file."""

    def __init__(self, path: str) -> None:
        self.path = path
        root, self.appended = _parse(path)
        if root.tag != "VTKFile" or root.get("type") != "ImageData":
            raise SrnInputError(f"'{path}' is not a VTK image file (it begins with {root.tag!r}, {root.get('type')!r})")
        image = root.find("ImageData")
        pieces = [] if image is None else image.findall("Piece")
        if image is None or not pieces:
            raise SrnInputError(f"'{path}' holds no image")
        if len(pieces) > 1:
            raise NeedsVtk("several pieces")
        self.image, self.piece = image, pieces[0]
        self.order = ">" if root.get("byte_order") == "BigEndian" else "<"
        self.header = np.dtype(
            self.order + {"UInt32": "u4", "UInt64": "u8"}.get(root.get("header_type", "UInt32"), "u4")
        )
        self.compressor = root.get("compressor", "")
        if self.compressor not in COMPRESSORS:
            raise NeedsVtk(f"compressor {self.compressor}")
        self.extent = self._extent()

    def names(self) -> list[str]:
        """Names of the arrays of numbers, point arrays first."""
        return [name for name, _, element in self._arrays() if element.get("type") in (*TYPES, "Bit")]

    def volume(self, array: Optional[str]) -> Volume:
        """The array named ``array``, the active scalars or the only one."""
        if any(name == array and element.get("type") == "String" for name, _, element in self._arrays()):
            raise SrnInputError(f"array '{array}' in '{self.path}' holds text; only numbers can be compressed")
        name = chosen(self.path, self.names(), array, self._active())
        association, element = next((a, e) for n, a, e in self._arrays() if n == name)
        geometry = self._geometry(association)
        components = int(element.get("NumberOfComponents", "1"))
        values = self._values(element, geometry.samples, components)
        shape = geometry.shape if components == 1 else (*geometry.shape, components)
        ghost = self._section(association).find(f"DataArray[@Name='{ghosts.NAME}']")
        valid = None
        if ghost is not None and name != ghosts.NAME:
            valid = ghosts.valid(self._values(ghost, geometry.samples, 1), association).reshape(geometry.shape)
        return Volume(values.reshape(shape), geometry, name, time=self._time(), valid=valid, blanked=valid is not None)

    def layers(self, array: Optional[str]) -> Optional[Layers]:
        """Where the values of an array lie; see :func:`srn_core.io.vti.layers`."""
        name = chosen(self.path, self.names(), array, self._active())
        association, element = next((a, e) for n, a, e in self._arrays() if n == name)
        ghost = self._section(association).find(f"DataArray[@Name='{ghosts.NAME}']")
        kind = element.get("type", "")
        plain = element.get("format") == "appended" and not self.compressor and kind in TYPES
        if not plain or ghost is not None or self.appended is None or self.appended[1]:
            return None
        geometry, components = self._geometry(association), int(element.get("NumberOfComponents", "1"))
        dtype = np.dtype(self.order + TYPES[kind])
        shape = geometry.shape if components == 1 else (*geometry.shape, components)
        nothing = np.broadcast_to(np.zeros((), dtype), shape)
        at = self.appended[0] + int(element.get("offset", "0"))
        with open(self.path, "rb") as file:
            file.seek(at)
            claimed = np.frombuffer(file.read(self.header.itemsize), self.header)
        if claimed.size != 1 or int(claimed[0]) != nothing.size * dtype.itemsize:
            return None  # reading all of it says what is wrong
        return Layers(Volume(nothing, geometry, name, time=self._time()), self.path, at + self.header.itemsize, dtype)

    def _arrays(self) -> list[tuple[str, str, ElementTree.Element]]:
        found = []
        for association in ("point", "cell"):
            for element in self._section(association).iter():
                name = element.get("Name")
                if element.tag in ("DataArray", "Array") and name is not None and name != ghosts.NAME:
                    found.append((name, association, element))
        return found

    def _section(self, association: str) -> ElementTree.Element:
        found = self.piece.find("PointData" if association == "point" else "CellData")
        return ElementTree.Element("Nothing") if found is None else found

    def _active(self) -> Optional[str]:
        for association in ("point", "cell"):
            name = self._section(association).get("Scalars")
            if name:
                return name
        return None

    def _extent(self) -> tuple[int, ...]:
        text = self.piece.get("Extent") or self.image.get("WholeExtent") or ""
        try:
            extent = tuple(int(t) for t in text.split())
        except ValueError:
            extent = ()
        if len(extent) != 6 or any(abs(e) >= 1 << 31 for e in extent):
            raise SrnInputError(f"'{self.path}' has no usable extent ({text!r})")
        if any(b < a for a, b in zip(extent[::2], extent[1::2])):
            raise SrnInputError(f"'{self.path}' holds an empty image (extent {text}): there is nothing to compress")
        return extent

    def _geometry(self, association: str) -> Geometry:
        # A flat axis has points but no cells along it; VTK counts one layer of cells there.
        less = 0 if association == "point" else 1
        dims = [max(b - a + 1 - less, 1) for a, b in zip(self.extent[::2], self.extent[1::2])]
        origin = self._numbers("Origin", (0.0, 0.0, 0.0))
        spacing = self._numbers("Spacing", (1.0, 1.0, 1.0))
        direction = self._numbers("Direction", IDENTITY)
        start = (self.extent[0], self.extent[2], self.extent[4])
        return Geometry(
            (dims[0], dims[1], dims[2]),
            (origin[0], origin[1], origin[2]),
            (spacing[0], spacing[1], spacing[2]),
            direction,
            start,
            association,
        )

    def _numbers(self, attribute: str, default: tuple[float, ...]) -> tuple[float, ...]:
        text = self.image.get(attribute)
        try:
            numbers = default if text is None else tuple(float(t) for t in text.split())
        except ValueError:
            numbers = ()
        if len(numbers) != len(default):
            raise SrnInputError(f"'{self.path}': {attribute} is {text!r}, but needs {len(default)} numbers")
        return numbers

    def _values(self, element: ElementTree.Element, samples: int, components: int) -> np.ndarray:
        kind = element.get("type", "")
        if kind not in TYPES:
            raise NeedsVtk(f"type {kind}")
        if components < 1:
            raise SrnInputError(f"'{self.path}': array '{element.get('Name')}' has {components} components")
        dtype = np.dtype(self.order + TYPES[kind])
        require_memory(self.path, (samples, components), dtype)
        encoding = Encoding(self.path, dtype, self.header, self.compressor, self.appended)
        return decode(element, encoding, samples * components)

    def _time(self) -> Optional[float]:
        element = self.image.find("FieldData/DataArray[@Name='TimeValue']")
        if element is None or element.get("type") not in TYPES:
            return None
        time = float(self._values(element, 1, 1)[0])
        return time if np.isfinite(time) else None


def _parse(path: str) -> tuple[ElementTree.Element, Optional[tuple[int, bool]]]:
    """The XML tree without the appended data, and (where those begin, whether they are base64)."""
    with open(path, "rb") as file:
        head = file.read(MAX_HEAD)
        at = head.find(b"<AppendedData")
        if at < 0:
            text, appended = head + file.read(), None
        else:
            mark = head.find(b"_", head.find(b">", at))
            if mark < 0:
                raise SrnInputError(f"'{path}' is cut off before its data")
            text = head[:at] + b"</VTKFile>"
            appended = (mark + 1, b"base64" in head[at:mark])
    # Entities could blow up or read other files; VTK never writes any.
    if not text.lstrip().startswith(b"<") or b"\0" in text or b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise SrnInputError(f"'{path}' is not a VTK image file")
    try:
        return ElementTree.fromstring(text), appended
    except ElementTree.ParseError as error:
        raise SrnInputError(f"'{path}' is not a whole VTK image file: {error}") from error
