"""The bytes of one array of a .vti file: inline or appended, raw, base64 or text, in compressed blocks or not."""

from __future__ import annotations

import base64
import lzma
import os
import xml.etree.ElementTree as ElementTree
import zlib
from dataclasses import dataclass
from typing import Callable, Optional

import numpy as np

from srn_core.errors import SrnInputError


def _inflate(data: bytes, size: int) -> bytes:
    return zlib.decompressobj().decompress(data, max(size, 1))


def _unlzma(data: bytes, size: int) -> bytes:
    return lzma.LZMADecompressor().decompress(data, max(size, 1))


COMPRESSORS: dict[str, Optional[Callable[[bytes, int], bytes]]] = {
    "": None,
    "vtkZLibDataCompressor": _inflate,
    "vtkLZMADataCompressor": _unlzma,
}


@dataclass(frozen=True)
class Encoding:
    """How arrays of one file are stored."""

    path: str
    dtype: np.dtype
    header: np.dtype
    compressor: str
    appended: Optional[tuple[int, bool]]
    """Byte where the appended data begin, and whether they are base64."""


def decode(element: ElementTree.Element, encoding: Encoding, count: int) -> np.ndarray:
    """``count`` numbers of a DataArray, 1-D. Raises SrnInputError where the file holds fewer or is damaged."""
    style = element.get("format", "ascii")
    try:
        if style == "ascii":
            values = np.array((element.text or "").split(), dtype=encoding.dtype)
        elif style == "binary":
            text = "".join((element.text or "").split()).encode("ascii")
            values = _numbers(_Base64(text), encoding, count)
        elif style == "appended":
            values = _appended(element, encoding, count)
        else:
            raise ValueError(f"unknown format {style!r}")
    except (ValueError, OverflowError, zlib.error, lzma.LZMAError, EOFError) as error:
        raise _damaged(element, encoding, str(error)) from error
    if values.size != count:
        raise _damaged(element, encoding, f"it holds {values.size} numbers, the grid needs {count}")
    return values


def _damaged(element: ElementTree.Element, encoding: Encoding, why: str) -> SrnInputError:
    return SrnInputError(f"'{encoding.path}': array '{element.get('Name')}' is damaged or cut off: {why}")


def _appended(element: ElementTree.Element, encoding: Encoding, count: int) -> np.ndarray:
    if encoding.appended is None:
        raise ValueError("the file has no appended data")
    begin, is_base64 = encoding.appended
    offset = int(element.get("offset", "0"))
    if offset < 0:
        raise ValueError(f"its offset is {offset}")
    at, size = begin + offset, os.path.getsize(encoding.path)
    if at >= size:
        raise ValueError(f"it should begin at byte {at}, but the file has {size}")
    with open(encoding.path, "rb") as file:
        file.seek(at)
        if is_base64:
            # Base64 takes 4 characters for 3 bytes; block headers and paddings take some more.
            text = file.read(2 * count * encoding.dtype.itemsize + (1 << 16))
            return _numbers(_Base64(b"".join(text.split(b"<")[0].split())), encoding, count)
        return _numbers(_Raw(file.read), encoding, count)


class _Raw:
    """Bytes as they come."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self._read = read

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes."""
        data = self._read(size)
        if len(data) != size:
            raise ValueError(f"{size} bytes are needed, {len(data)} are left")
        return data

    def end_of_chunk(self) -> None:
        """Nothing: raw bytes have no chunks."""


class _Base64:
    """Bytes behind base64; a chunk ends with padding, and the next starts afresh."""

    def __init__(self, text: bytes) -> None:
        self._text, self._at, self._left = text, 0, b""

    def take(self, size: int) -> bytes:
        """The next ``size`` bytes."""
        need = size - len(self._left)
        if need > 0:
            end = self._at + -(-need // 3) * 4
            piece = self._text[self._at : end]
            if len(piece) < end - self._at:
                raise ValueError("the base64 text ends too early")
            self._left += base64.b64decode(piece, validate=True)
            self._at = end
            if piece.endswith(b"=") and len(self._left) < size:
                # The header was encoded on its own; go on with the next chunk.
                return self.take(size)
        data, self._left = self._left[:size], self._left[size:]
        return data

    def end_of_chunk(self) -> None:
        """Drop what is left of a chunk whose end is known."""
        self._left = b""


def _numbers(stream: _Raw | _Base64, encoding: Encoding, count: int) -> np.ndarray:
    need = count * encoding.dtype.itemsize
    unpack = COMPRESSORS[encoding.compressor]
    if unpack is None:
        claimed = _integers(stream, encoding, 1)[0]
        if claimed != need:
            raise ValueError(f"it holds {claimed} bytes, the grid needs {need}")
        return np.frombuffer(stream.take(need), encoding.dtype)
    blocks, size, last = _integers(stream, encoding, 3)
    full = blocks - 1 if last else blocks
    if full * size + last != need or (need and blocks > need):
        raise ValueError(f"its {blocks} blocks hold {full * size + last} bytes, the grid needs {need}")
    lengths = _integers(stream, encoding, blocks)
    stream.end_of_chunk()
    parts = []
    for i, length in enumerate(lengths):
        want = last if last and i == blocks - 1 else size
        if length > 2 * want + 1024:
            raise ValueError(f"block {i} claims {length} packed bytes for {want}")
        part = unpack(stream.take(length), want)
        if len(part) != want:
            raise ValueError(f"block {i} unpacks to {len(part)} bytes, not {want}")
        parts.append(part)
    return np.frombuffer(b"".join(parts), encoding.dtype)


def _integers(stream: _Raw | _Base64, encoding: Encoding, count: int) -> list[int]:
    return [int(n) for n in np.frombuffer(stream.take(count * encoding.header.itemsize), encoding.header)]
