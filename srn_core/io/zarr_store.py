"""Zarr arrays and groups (.zarr), by zarr; axis names and coordinates as xarray writes them."""

from __future__ import annotations

import os
from typing import Any, Optional

import numpy as np

from srn_core.errors import SrnInputError, SrnMissingPackageError
from srn_core.io.choice import chosen
from srn_core.io.gridded import Gridded, is_coordinate
from srn_core.io.read import ReadOptions
from srn_core.volume import Volume

READS_REGIONS = True
"""Parts of an array are read without the rest."""


def array_names(path: str) -> list[str]:
    """Paths of the arrays of numbers in a group, coordinates left out; the folder's name for a single array."""
    return list(_arrays(path)[0])


def read(path: str, array: Optional[str], options: ReadOptions) -> Volume:
    """One array, or one time step of it."""
    return _gridded(path, array).volume(options)


def step_count(path: str, array: Optional[str]) -> int:
    """Time steps of one array."""
    return _gridded(path, array).steps


def _gridded(path: str, array: Optional[str]) -> Gridded:
    found, coordinates, others = _arrays(path)
    if array in others:
        raise SrnInputError(
            f"array '{array}' in '{path}' holds {others[array].dtype}; only real numbers can be compressed"
        )
    name = chosen(path, list(found), array)
    data = found[name]
    folder = name.rsplit("/", 1)[0] + "/" if "/" in name else ""
    axes = _axes(name, data)
    known = {a: np.asarray(coordinates[folder + a][:]) for a in axes if folder + a in coordinates}
    attributes = dict(data.attrs)
    return Gridded(
        path, name, tuple(data.shape), np.dtype(data.dtype), axes, lambda index: _values(data, index), known, attributes
    )


def _arrays(path: str) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Arrays of numbers, coordinate arrays and other arrays by their paths."""
    try:
        import zarr
    except ImportError as error:
        raise SrnMissingPackageError("zarr", f"'{os.path.basename(path)}'", "io") from error
    store = zarr.open(path, mode="r")
    if hasattr(store, "shape"):
        return {os.path.splitext(os.path.basename(path.rstrip("/\\")))[0]: store}, {}, {}
    found: dict[str, Any] = {}
    coordinates: dict[str, Any] = {}
    others: dict[str, Any] = {}
    waiting = [("", store)]
    while waiting:
        prefix, group = waiting.pop(0)
        for key in sorted(group):
            item, name = group[key], prefix + key
            if not hasattr(item, "shape"):
                waiting.append((name + "/", item))
            elif item.dtype.kind not in "fiub":
                others[name] = item
            elif is_coordinate(key, _axes(name, item)):
                coordinates[name] = item
            else:
                found[name] = item
    return found, coordinates, others


def _axes(name: str, data: Any) -> tuple[str, ...]:
    named = data.attrs.get("_ARRAY_DIMENSIONS") or getattr(getattr(data, "metadata", None), "dimension_names", None)
    if named and len(named) == len(data.shape):
        return tuple(str(n or "") for n in named)
    return ("",) * len(data.shape)


def _values(data: Any, index: tuple[Any, ...]) -> Any:
    """What the index picks, masked where xarray marks a value as missing."""
    values = np.asarray(data[index])
    missing = data.attrs.get("_FillValue", data.attrs.get("missing_value"))
    if isinstance(missing, (int, float)) and missing == missing:
        return np.ma.masked_equal(values, missing)
    return values
