"""HDF5 files (.h5, .hdf5), by h5py; cutouts of the Johns Hopkins Turbulence Databases among them."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Any, Iterator, Optional

import numpy as np

from srn_core.errors import SrnInputError, SrnMissingPackageError
from srn_core.io.choice import chosen
from srn_core.io.filled import filled
from srn_core.io.gridded import Gridded, geometry_attributes
from srn_core.io.read import ReadOptions
from srn_core.volume import Volume

JHTDB_AXES = ("zcoor", "ycoor", "xcoor")
"""Names of the coordinate data sets of a JHTDB cutout, whose arrays are (z, y, x, component)."""

READS_REGIONS = True
"""Parts of an array are read without the rest."""


def _h5py(path: str) -> Any:
    try:
        import h5py
    except ImportError as error:
        raise SrnMissingPackageError("h5py", f"'{os.path.basename(path)}'", "io") from error
    return h5py


def array_names(path: str) -> list[str]:
    """Paths of the data sets of numbers with two axes or more; with one where there are no others."""
    with _h5py(path).File(path, "r") as file:
        return _names(path, file)


def read(path: str, array: Optional[str], options: ReadOptions) -> Volume:
    """One data set, or one time step of it, its axes (z, y, x[, component])."""
    with _opened(path, array) as data:
        return data.volume(options)


def step_count(path: str, array: Optional[str]) -> int:
    """Time steps of one data set."""
    with _opened(path, array) as data:
        return data.steps


@contextmanager
def _opened(path: str, array: Optional[str]) -> Iterator[Gridded]:
    package = _h5py(path)
    with package.File(path, "r") as file:
        _refuse_text(path, file, array, package)
        name = chosen(path, _names(path, file), array)
        data = file[name]
        axes, coordinates = _axes(file, data)
        yield Gridded(
            path, name, data.shape, data.dtype, axes, lambda index: data[index], coordinates, dict(data.attrs)
        )


def write(path: str, volume: Volume) -> None:
    """One data set (deflated) with the geometry as its attributes."""
    values = filled(volume)
    name = volume.name.replace("/", "_") or "values"
    with _h5py(path).File(path, "w") as file:
        data = file.create_dataset(name, data=values, compression="gzip", compression_opts=4, shuffle=True)
        for key, value in geometry_attributes(volume).items():
            data.attrs[key] = value


def _names(path: str, file: Any) -> list[str]:
    h5py = _h5py(path)
    found: list[tuple[str, int]] = []

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "fiub" and item.shape and item.size:
            found.append((name, len(item.shape)))

    file.visititems(visit)
    several = [name for name, axes in found if axes > 1 and not name.rsplit("/", 1)[-1].startswith("_")]
    return several or [name for name, _ in found if name not in JHTDB_AXES]


def _refuse_text(path: str, file: Any, array: Optional[str], h5py: Any) -> None:
    item = file.get(array) if array else None
    if isinstance(item, h5py.Dataset) and item.dtype.kind not in "fiub":
        raise SrnInputError(f"array '{array}' in '{path}' holds {item.dtype}; only real numbers can be compressed")
    if isinstance(item, h5py.Dataset) and not item.size:
        raise SrnInputError(f"array '{array}' in '{path}' is empty (shape {item.shape}): there is nothing to compress")


def _axes(file: Any, data: Any) -> tuple[tuple[str, ...], dict[str, np.ndarray]]:
    """Axis names and their coordinates: dimension scales, or the coordinate data sets of a JHTDB cutout."""
    names, coordinates = [], {}
    for number, (dimension, size) in enumerate(zip(data.dims, data.shape)):
        name = dimension.label or f"axis{number}"
        if len(dimension):
            scale = dimension[0]
            name = dimension.label or scale.name.rsplit("/", 1)[-1]
            if scale.shape == (size,) and scale.dtype.kind in "fiu":
                coordinates[name] = scale[()]
        names.append(name)
    group = data.parent
    if not coordinates and len(names) in (3, 4) and all(a in group for a in JHTDB_AXES):
        names[:3] = JHTDB_AXES
        coordinates = {a: np.ravel(group[a][()]) for a in JHTDB_AXES}
    return tuple(names), coordinates
