"""NetCDF files (.nc), by netCDF4; missing values become NaN, or a mask of integers."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Any, Iterator, Optional

import numpy as np

from srn_core.errors import SrnInputError, SrnMissingPackageError
from srn_core.io.choice import chosen
from srn_core.io.filled import filled
from srn_core.io.gridded import TIME_AXES, Gridded, geometry_attributes, is_coordinate
from srn_core.io.read import ReadOptions
from srn_core.volume import Volume

READS_REGIONS = True
"""Parts of an array are read without the rest."""


def _netcdf(path: str) -> Any:
    try:
        import netCDF4
    except ImportError as error:
        raise SrnMissingPackageError("netCDF4", f"'{os.path.basename(path)}'", "io") from error
    return netCDF4


def array_names(path: str) -> list[str]:
    """Names of the variables of numbers that are no coordinates."""
    with _netcdf(path).Dataset(path, "r") as file:
        return _names(file)


def read(path: str, array: Optional[str], options: ReadOptions) -> Volume:
    """One variable, or one time step of it; scale and offset are applied, the grid taken from the coordinates."""
    with _opened(path, array) as variable:
        return variable.volume(options)


def step_count(path: str, array: Optional[str]) -> int:
    """Time steps of one variable."""
    with _opened(path, array) as variable:
        return variable.steps


@contextmanager
def _opened(path: str, array: Optional[str]) -> Iterator[Gridded]:
    with _netcdf(path).Dataset(path, "r") as file:
        if array in file.variables and not _numeric(file.variables[array]):
            raise SrnInputError(
                f"array '{array}' in '{path}' holds text or records; only real numbers can be compressed"
            )
        name = chosen(path, _names(file), array)
        variable = file.variables[name]
        names = {d: file.variables[d] for d in variable.dimensions if d in file.variables}
        coordinates = {d: np.ma.filled(v[:].astype(np.float64), np.nan) for d, v in names.items() if v.ndim == 1}
        axes = tuple(_axis_name(file, d) for d in variable.dimensions)
        coordinates = {_axis_name(file, d): c for d, c in coordinates.items()}
        attributes = {key: variable.getncattr(key) for key in variable.ncattrs()}
        yield Gridded(
            path,
            name,
            variable.shape,
            variable.dtype,
            axes,
            lambda index: _values(variable, index),
            coordinates,
            attributes,
        )


def write(path: str, volume: Volume) -> None:
    """One variable (deflated) over z, y, x with coordinates, and the exact geometry as its attributes."""
    geometry = volume.geometry
    values = filled(volume)
    if values.dtype.kind == "b":
        values = values.astype(np.uint8)
    elif values.dtype == np.float16:
        values = values.astype(np.float32)
    name = volume.name.replace("/", "_").strip() or "values"
    axes = ["z", "y", "x"]
    with _netcdf(path).Dataset(path, "w", format="NETCDF4") as file:
        for axis, (label, size) in enumerate(zip(axes, geometry.shape)):
            file.createDimension(label, size)
            if name == label:
                continue
            coordinate = file.createVariable(label, "f8", (label,))
            column = 2 - axis
            index = np.zeros((size, 3))
            index[:, column] = np.arange(size)
            coordinate[:] = geometry.position_of(index)[:, column]
        if values.ndim == 4:
            file.createDimension("component", values.shape[3])
            axes.append("component")
        fill = np.nan if values.dtype.kind == "f" else False
        variable = file.createVariable(
            name, values.dtype.newbyteorder("="), axes, zlib=True, complevel=4, fill_value=fill
        )
        variable.setncatts(geometry_attributes(volume))
        variable[:] = values


def _numeric(variable: Any) -> bool:
    return isinstance(variable.dtype, np.dtype) and variable.dtype.kind in "fiu"


def _names(file: Any) -> list[str]:
    bounds = {str(getattr(v, "bounds", "")) for v in file.variables.values()}
    found = [
        (name, v)
        for name, v in file.variables.items()
        if _numeric(v) and v.ndim and not is_coordinate(name, v.dimensions) and name not in bounds
    ]
    return [name for name, v in found if v.ndim > 1] or [name for name, _ in found]


def _axis_name(file: Any, dimension: str) -> str:
    """The dimension's name, or "time" where its coordinates say that it is one."""
    variable = file.variables.get(dimension)
    if dimension.lower() in TIME_AXES or variable is None:
        return dimension
    if str(getattr(variable, "axis", "")).upper() == "T" or " since " in str(getattr(variable, "units", "")):
        return "time"
    return dimension


def _values(variable: Any, index: tuple[Any, ...]) -> Any:
    """What the index picks, masked where missing. Packed 8- and 16-bit values unpack to float32: it holds them all."""
    values = variable[index]
    packed = any(a in variable.ncattrs() for a in ("scale_factor", "add_offset"))
    if packed and variable.dtype.itemsize <= 2 and values.dtype == np.float64:
        return values.astype(np.float32)
    return values
