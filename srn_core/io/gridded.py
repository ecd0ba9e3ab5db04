"""Arrays with named axes and coordinates, as HDF5, NetCDF and Zarr files hold them, to a Volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Mapping, Optional, Sequence

import numpy as np

from srn_core.errors import SrnInputError
from srn_core.io.axes import geometry_from_axes
from srn_core.io.memory import require_memory
from srn_core.io.read import ReadOptions
from srn_core.parts import part_geometry, slices
from srn_core.volume import Geometry, Volume

TIME_AXES = ("time", "t", "timestep", "time_counter")
COMPONENT_AXES = ("component", "components", "c", "channel", "channels")


@dataclass(frozen=True)
class Gridded:
    """One array of a file, before its values are read."""

    path: str
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    axes: tuple[str, ...]
    """A name for each axis, "" where the file gives none."""
    values: Callable[[tuple[Any, ...]], np.ndarray]
    """Reads what an index (integers and slices, one for each axis) picks; NumPy masked arrays are welcome."""
    coordinates: Mapping[str, np.ndarray]
    """1-D coordinates by axis name, of those axes that have any."""
    attributes: Mapping[str, Any]

    @property
    def steps(self) -> int:
        """Time steps of the array; 1 where it has no axis of time."""
        axis = self._time_axis()
        return 1 if axis is None else self.shape[axis]

    def volume(self, options: ReadOptions) -> Volume:
        """The array, or one time step of it, as a volume. Raises SrnInputError where it has too many axes."""
        index, kept, time = self._picked(options.step)
        axes = [self.axes[a] for a in kept]
        components = axes[-1].lower() in COMPONENT_AXES or len(kept) == 4
        spatial = axes[:-1] if components else axes
        missing = 3 - len(spatial)
        sizes = [1] * missing + [self.shape[a] for a in kept[: len(spatial)]]
        whole = self._geometry([""] * missing + spatial, (sizes[2], sizes[1], sizes[0]))
        region = (0,) * 6 if options.outline else options.region
        if region is not None:
            ends = slices(region)[::-1][missing:]
            for axis, part in zip(kept, ends):
                index[axis] = part
        else:
            require_memory(self.path, [self.shape[a] for a in kept], self.dtype)
        values = self.values(tuple(index))
        valid: Optional[np.ndarray] = None
        if np.ma.isMaskedArray(values):
            values, valid = _unmasked(values)
        if options.outline:
            shape = (*sizes, *values.shape[len(spatial) :])
            values, valid = np.broadcast_to(values.reshape((1, 1, 1, *shape[3:])), shape), None
            return Volume(values, whole, self.name, _text(self.attributes.get("units", "")), time)
        values = np.asarray(values).reshape((1,) * missing + values.shape)
        if valid is not None:
            valid = valid.reshape((1,) * missing + valid.shape)
            valid = valid.all(axis=3) if valid.ndim == 4 else valid
        geometry = whole if region is None else part_geometry(whole, region)
        return Volume(values, geometry, self.name, _text(self.attributes.get("units", "")), time, valid)

    def _picked(self, step: Optional[int]) -> tuple[list[Any], list[int], Optional[float]]:
        """The index to read, the axes that stay, and the time of the step."""
        index: list[Any] = [slice(None)] * len(self.shape)
        kept = list(range(len(self.shape)))
        time = _number(self.attributes.get("time"))
        axis = self._time_axis()
        if axis is not None:
            steps = self.shape[axis]
            if step is None and steps > 1:
                raise SrnInputError(
                    f"'{self.path}': array '{self.name}' has {steps} time steps; "
                    f"choose one from 0 to {steps - 1} (--step), or take all (--step all)"
                )
            chosen = step or 0
            if chosen >= steps:
                raise SrnInputError(f"'{self.path}': array '{self.name}' has {steps} time steps, and no step {chosen}")
            index[axis] = chosen
            kept.remove(axis)
            if self.axes[axis] in self.coordinates:
                time = _number(self.coordinates[self.axes[axis]][chosen])
        # Axes of one sample before the last three say nothing: (1, 1, z, y, x) of microscopy, for one.
        while len(kept) > 3 and self.shape[kept[0]] == 1:
            index[kept.pop(0)] = 0
        if not 1 <= len(kept) <= 4 or 0 in self.shape:
            raise SrnInputError(
                f"'{self.path}': array '{self.name}' has shape {self.shape}; a volume has axes (z, y, x[, component])"
            )
        return index, kept, time

    def _time_axis(self) -> Optional[int]:
        named = [axis for axis, name in enumerate(self.axes) if name.lower() in TIME_AXES]
        return named[0] if named else 0 if len(self.shape) == 5 else None

    def _geometry(self, axes: Sequence[str], dims: tuple[int, int, int]) -> Geometry:
        if "origin" in self.attributes and "spacing" in self.attributes:  # written by this product
            return geometry_from_attributes(self.path, self.attributes, dims)
        sizes = dims[::-1]
        known = [self.coordinates.get(a) if a else None for a in axes]
        if not any(c is not None for c in known):
            return Geometry(dims)
        filled = [np.arange(n) if c is None or len(c) != n else np.asarray(c) for c, n in zip(known, sizes)]
        z, y, x = filled
        return geometry_from_axes(self.path, x, y, z)


def geometry_attributes(volume: Volume) -> dict[str, Any]:
    """The geometry as attributes of plain numbers and texts; :class:`Gridded` reads them back."""
    geometry = volume.geometry
    attributes: dict[str, Any] = {
        "origin": np.array(geometry.origin),
        "spacing": np.array(geometry.spacing),
        "direction": np.array(geometry.direction),
        "start": np.array(geometry.start, np.int32),
        "association": geometry.association,
    }
    if volume.units:
        attributes["units"] = volume.units
    if volume.time is not None:
        attributes["time"] = float(volume.time)
    return attributes


def geometry_from_attributes(path: str, attributes: Mapping[str, Any], dims: tuple[int, int, int]) -> Geometry:
    """The geometry that :func:`geometry_attributes` wrote."""
    try:
        numbers = {k: tuple(float(v) for v in np.ravel(attributes[k])) for k in ("origin", "spacing")}
        direction = tuple(float(v) for v in np.ravel(attributes.get("direction", Geometry(dims).direction)))
        start = tuple(int(v) for v in np.ravel(attributes.get("start", (0, 0, 0))))
        association = _text(attributes.get("association", "point"))
        return Geometry(dims, numbers["origin"], numbers["spacing"], direction, start, association)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise SrnInputError(f"'{path}': origin, spacing or direction in its attributes is damaged ({error})") from error


def is_coordinate(name: str, axes: Sequence[str]) -> bool:
    """True for a 1-D array that holds the coordinates of the axis it is named after."""
    return list(axes) == [name]


def _unmasked(values: Any) -> tuple[np.ndarray, Optional[np.ndarray]]:
    """Plain values and the mask of valid ones; NaN marks the others where the type has one."""
    mask = np.ma.getmaskarray(values)
    if not mask.any():
        return np.asarray(values.data), None
    if values.dtype.kind == "f":
        return np.asarray(values.filled(np.nan)), None
    return np.asarray(values.filled(0)), ~mask


def _number(value: Any) -> Optional[float]:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
