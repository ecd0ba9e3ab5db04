"""A volume that is read part by part: it need not fit into memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Optional, Sequence

import numpy as np

from srn_core.volume import Geometry, Volume


class VolumeParts(ABC):
    """What is known of a volume before any of its values is read."""

    geometry: Geometry
    name: str
    dtype: np.dtype
    components: int = 1
    vector: bool = False
    """Whether its values have a component axis."""
    units: str = ""
    time: Optional[float] = None
    block: str = ""
    blanked: bool = False
    """These two: as of :class:`Volume`."""

    @property
    def nbytes(self) -> int:
        """Bytes of the whole array."""
        return self.geometry.samples * self.components * int(self.dtype.itemsize)

    @property
    def values(self) -> int:
        """Numbers of the whole array."""
        return self.geometry.samples * self.components

    @abstractmethod
    def read(self, region: Sequence[int]) -> Volume:
        """The samples x0, x1, y0, y1, z0, z1, counted from the first one, both ends included."""


class WholeVolume(VolumeParts):
    """A volume in memory; its parts are views."""

    def __init__(self, volume: Volume) -> None:
        self.whole = volume
        self.geometry, self.name, self.dtype = volume.geometry, volume.name, volume.values.dtype
        self.components, self.vector = volume.components, volume.values.ndim == 4
        self.units, self.time, self.block, self.blanked = volume.units, volume.time, volume.block, volume.blanked

    def read(self, region: Sequence[int]) -> Volume:
        """A view."""
        return part_of(self.whole, region)


def part_of(volume: Volume, region: Sequence[int]) -> Volume:
    """The samples x0, x1, y0, y1, z0, z1 of a volume, counted from the first one, both ends included; a view."""
    x, y, z = slices(region)
    valid = None if volume.valid is None else volume.valid[z, y, x]
    return replace(volume, values=volume.values[z, y, x], geometry=part_geometry(volume.geometry, region), valid=valid)


def part_geometry(geometry: Geometry, region: Sequence[int]) -> Geometry:
    """The geometry of a region of samples, counted from the first one."""
    x0, x1, y0, y1, z0, z1 = (int(end) + geometry.start[place // 2] for place, end in enumerate(region))
    return geometry.cropped((x0, x1, y0, y1, z0, z1))


def slices(region: Sequence[int]) -> tuple[slice, slice, slice]:
    """Along x, y and z."""
    x0, x1, y0, y1, z0, z1 = (int(end) for end in region)
    return slice(x0, x1 + 1), slice(y0, y1 + 1), slice(z0, z1 + 1)
