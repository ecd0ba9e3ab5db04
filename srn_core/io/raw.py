"""Raw values (.raw, .bin, .dat), described by the caller or by a small JSON file beside them."""

from __future__ import annotations

import json
import math
import os
from dataclasses import replace
from typing import Any, Iterable, Optional

import numpy as np

from srn_core.atomic import write_bytes
from srn_core.errors import SrnInputError
from srn_core.io.choice import chosen
from srn_core.io.file_parts import Layers
from srn_core.io.filled import filled
from srn_core.io.read import ReadOptions
from srn_core.volume import Geometry, Volume

MAX_HEADER = 1 << 20


def header_path(path: str) -> str:
    """The description's path: ``field.raw`` has ``field.raw.json``."""
    return path + ".json"


def array_names(path: str) -> list[str]:
    """The name the description gives, or the file's own."""
    return [str(_header(path).get("name") or os.path.splitext(os.path.basename(path))[0])]


def read(path: str, array: Optional[str], options: ReadOptions) -> Volume:
    """All samples, x fastest. Raises SrnInputError where dims and dtype are unknown or do not fit the file's size."""
    found = layers(path, array, options)
    shape = found.outline.values.shape
    values = np.fromfile(path, found.dtype, math.prod(shape), offset=found.offset)
    return replace(found.outline, values=values.reshape(shape))


def layers(path: str, array: Optional[str], options: ReadOptions) -> Layers:
    """Where the samples lie. Raises SrnInputError as :func:`read`."""
    header = {} if options.dims and options.dtype else _header(path)
    dims = options.dims or header.get("dims")
    dtype = options.dtype or header.get("dtype")
    if dims is None or dtype is None:
        raise SrnInputError(
            f"'{path}' does not say what it holds; give the dims (nx, ny, nz) and the dtype, as in: "
            "--dims 256 256 128 --dtype float32"
        )
    checked = ReadOptions.parsed({"dims": dims, "dtype": dtype})
    x, y, z = checked.dims or (0, 0, 0)
    kind = np.dtype(checked.dtype)
    components = options.components if "components" not in header else int(header["components"])
    count = x * y * z * components
    have, need = os.path.getsize(path) - options.header_bytes, count * kind.itemsize
    if have != need:
        raise SrnInputError(
            f"'{path}' has {have} bytes of values, but {x} x {y} x {z} samples of {kind.name}"
            f"{f' with {components} components' if components > 1 else ''} need {need}"
        )
    name = chosen(path, array_names(path), array)
    vector = bool(header.get("vector", components > 1))
    shape = (z, y, x, components) if vector else (z, y, x)
    nothing = np.broadcast_to(np.zeros((), kind), shape)
    if not header:
        return Layers(Volume.from_array(nothing, name), path, options.header_bytes, kind)
    try:
        geometry = Geometry(
            (x, y, z),
            tuple(float(v) for v in header.get("origin", (0, 0, 0))),  # type: ignore[arg-type]
            tuple(float(v) for v in header.get("spacing", (1, 1, 1))),  # type: ignore[arg-type]
            tuple(float(v) for v in header.get("direction", Geometry((1, 1, 1)).direction)),
            tuple(int(v) for v in header.get("start", (0, 0, 0))),  # type: ignore[arg-type]
            str(header.get("association", "point")),
        )
        time = header.get("time")
        when = None if time is None else float(time)
        outline = Volume(nothing, geometry, name, str(header.get("units", "")), when)
    except (TypeError, ValueError) as error:
        raise SrnInputError(f"'{header_path(path)}' does not describe a volume: {error}") from error
    return Layers(outline, path, options.header_bytes, kind)


def write(path: str, volume: Volume) -> None:
    """Values alone, x fastest, in this machine's byte order; :func:`write_header` describes them."""
    with open(path, "wb") as file:
        file.write(np.ascontiguousarray(filled(volume)).data.cast("B"))


def write_slabs(path: str, outline: Volume, slabs: Iterable[np.ndarray]) -> None:
    """As :func:`write`, layer after layer."""
    dtype = outline.values.dtype.newbyteorder("=")
    with open(path, "wb") as file:
        for slab in slabs:
            file.write(np.ascontiguousarray(slab, dtype).data.cast("B"))


def write_header(path: str, volume: Volume) -> None:
    """The description beside the raw file."""
    geometry = volume.geometry
    header = {
        "name": volume.name,
        "dims": list(geometry.dims),
        "dtype": volume.values.dtype.newbyteorder("=").str,
        "components": volume.components,
        "vector": volume.values.ndim == 4,
        "origin": list(geometry.origin),
        "spacing": list(geometry.spacing),
        "direction": list(geometry.direction),
        "start": list(geometry.start),
        "association": geometry.association,
        "units": volume.units,
        "time": volume.time,
    }
    write_bytes(header_path(path), (json.dumps(header, indent=1) + "\n").encode("utf-8"))


def _header(path: str) -> dict[str, Any]:
    beside = header_path(path)
    if not os.path.isfile(beside):
        return {}
    if os.path.getsize(beside) > MAX_HEADER:
        raise SrnInputError(f"'{beside}' is too long for a description of a raw file")
    try:
        with open(beside, encoding="utf-8") as file:
            header = json.load(file)
    except (ValueError, RecursionError) as error:
        raise SrnInputError(f"'{beside}' is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise SrnInputError(f"'{beside}' does not describe a raw file")
    return header
