"""Decoding a neural file onto a grid of wanted fineness: what the resampling filters and the reader share."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Optional, Sequence

from vtkmodules.vtkCommonDataModel import vtkDataObject
from vtkmodules.vtkCommonExecutionModel import vtkAlgorithm, vtkStreamingDemandDrivenPipeline

from srn_core.errors import SrnInputError
from srn_core.progress import ProgressCallback
from srn_core.volume import Geometry, Volume
from srn_filters import vtk_bridge

if TYPE_CHECKING:
    from srn_core.api import NeuralFile
    from srn_core.codec.field import NeuralField

MODES = ("Scale", "Dims", "Spacing")
MAX_SAMPLES = 2**31 - 1
"""Along one axis: extents are C ints."""
COARSEST = 6
"""Level of detail: a 64th of the samples along each axis."""
FEW_SAMPLES = 1 << 21
"""What is decoded in no time, all at once."""
COARSE_SAMPLES = 1 << 18
"""64 cubed: about as many are decoded first of all the others."""


@dataclass(frozen=True)
class Fineness:
    """How fine the decoded grid is to be, and which part of it is wanted."""

    mode: str = "Scale"
    """One of MODES: which of the next three is in force."""
    scale: float = 1.0
    """Samples along each axis, as a multiple of the original ones; 1 is the original grid."""
    dims: tuple[int, int, int] = (0, 0, 0)
    """Samples along x, y, z; 0: as many as the original has there."""
    spacing: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Wanted distance of samples; the nearest one that divides the box evenly is taken. 0: the original's."""
    region: Optional[tuple[int, int, int, int, int, int]] = None
    """x0, x1, y0, y1, z0, z1: indices of original samples, both ends included. None: all of them."""
    level: int = 0
    """Level of detail: 2^-level of the samples that the above describes, along each axis, and of their detail."""

    def dims_for(self, original: Geometry) -> tuple[int, int, int]:
        """Samples of the decoded grid along x, y, z. Raises SrnInputError for absurd wishes."""
        if self.mode == "Scale":
            if not (self.scale > 0 and math.isfinite(self.scale)):
                raise SrnInputError(f"Scale must be more than 0, not {self.scale:g}")
            wanted = [n if n == 1 else max(1, round(n * self.scale)) for n in original.dims]
        elif self.mode == "Dims":
            if min(self.dims) < 0:
                raise SrnInputError(f"Dims must be 0 (as the original) or more along each axis, not {self.dims}")
            wanted = [m or n for m, n in zip(self.dims, original.dims)]
        elif self.mode == "Spacing":
            if not all(s >= 0 and math.isfinite(s) for s in self.spacing):
                raise SrnInputError(f"Spacing must be 0 (as the original) or more along each axis, not {self.spacing}")
            ends = 1 if original.association == "point" else 0
            wanted = [
                n if not s or n == 1 else max(1, round((n - ends) * abs(old) / s) + ends)
                for s, n, old in zip(self.spacing, original.dims, original.spacing)
            ]
        else:
            raise SrnInputError(f"the sampling mode must be one of {', '.join(MODES)}, not {self.mode!r}")
        if not 0 <= self.level <= COARSEST:
            raise SrnInputError(f"Level Of Detail must be from 0 (all of it) to {COARSEST}, not {self.level}")
        # At least two, which still span the box.
        wanted = [max(-(-n >> self.level), min(n, 2)) if self.level else n for n in wanted]
        if max(wanted) > MAX_SAMPLES:
            raise SrnInputError(f"a grid of {' x '.join(str(n) for n in wanted)} samples is more than VTK can count")
        return wanted[0], wanted[1], wanted[2]

    def coarse(self, original: Geometry) -> Fineness:
        """The same at the level of detail that is decoded at once. Raises SrnInputError as :meth:`dims_for`."""
        box = original if self.region is None else original.cropped(self.region)
        found = self
        if math.prod(self.dims_for(box)) > FEW_SAMPLES:
            while found.level < COARSEST and math.prod(found.dims_for(box)) > COARSE_SAMPLES:
                found = replace(found, level=found.level + 1)
        return found


class DecodedGrid:
    """Fields of one time step on one grid, of which any part can be asked for."""

    def __init__(
        self, file: NeuralFile, fields: Sequence[NeuralField], fineness: Fineness, gradient: bool = False
    ) -> None:
        """``gradient``: each array brings one of its gradient with it.

        Fields that lie on another grid than the first one are left out; see ``left_out``.

        Raises SrnInputError for no fields, an absurd fineness, or a region outside of the grid.
        """
        if not fields:
            raise SrnInputError("no array of the neural file is chosen")
        self._file, self._level, self._gradient = file, fineness.level, gradient
        first = fields[0].geometry
        self._region = fineness.region
        box = first if self._region is None else first.cropped(self._region)
        self._dims = fineness.dims_for(box)
        self.grid = box if self._dims == box.dims else box.resampled(self._dims)
        """Geometry of the whole decoded grid, as the first field is associated."""
        self._fields = [
            f
            for f in fields
            if f.geometry == first
            or _other_association(f.geometry, first)
            or (self._region is None and _on_same_mesh(f, fields[0]))
        ]
        self.left_out = [f.name for f in fields if not any(f is g for g in self._fields)]

    @property
    def extent(self) -> tuple[int, ...]:
        """Point extent of the whole decoded grid."""
        return self.grid.extent

    @property
    def described(self) -> tuple[Any, ...]:
        """What the values depend on, but for the file and the extent."""
        fields = tuple((f.name, f.geometry.association, f.time) for f in self._fields)
        return fields, self._dims, self._region, self._level, self._gradient

    def announce(self, info: Any) -> None:
        """Tell the pipeline the extent and that any part of it can be had by itself."""
        info.Set(vtkStreamingDemandDrivenPipeline.WHOLE_EXTENT(), self.extent, 6)
        info.Set(vtkDataObject.ORIGIN(), self.grid.origin, 3)
        info.Set(vtkDataObject.SPACING(), self.grid.spacing, 3)
        info.Set(vtkDataObject.DIRECTION(), self.grid.direction, 9)
        info.Set(vtkAlgorithm.CAN_PRODUCE_SUB_EXTENT(), 1)

    def decode(self, extent: Sequence[int], progress: ProgressCallback) -> vtk_bridge.Grid:
        """The grid of a point extent, with all fields."""
        image = vtk_bridge.empty_grid(self.grid, extent)
        if any(extent[2 * a] > extent[2 * a + 1] for a in range(3)):
            return image
        for field in self._fields:
            dims, region = self._wanted(field.geometry)
            wanted: dict[str, Any] = {
                "dims": dims,
                "region": region,
                "array": field,
                "time": field.time,
                "progress": progress,
                "part": sample_region(extent, self.grid.start, dims, field.geometry.association),
                "level": self._level,
            }
            if self._gradient:
                volumes: Sequence[Volume] = self._file.decode_with_gradient(**wanted)
            else:
                volumes = [self._file.decode(**wanted)]
            for volume in volumes:
                vtk_bridge.add_volume(image, volume)
        return image

    def _wanted(self, samples: Geometry) -> tuple[tuple[int, int, int], Optional[tuple[int, ...]]]:
        """Dims and region of a field's own samples: points have one more along an axis than cells, of which there is
        at least one."""
        region = self._region
        if samples.association == self.grid.association:
            return self._dims, region
        if samples.association == "point":
            x, y, z = (n + 1 for n in self._dims)
            return (x, y, z), None if region is None else tuple(r + i % 2 for i, r in enumerate(region))
        x, y, z = (max(n - 1, 1) for n in self._dims)
        return (x, y, z), None if region is None else sample_region(region, samples.start, samples.dims, "cell")


def sample_region(
    extent: Sequence[int], start: Sequence[int], dims: Sequence[int], association: str
) -> tuple[int, int, int, int, int, int]:
    """Inclusive sample indices of a point extent: for cells one fewer along each axis, but at least one."""
    ends: list[int] = []
    for axis in range(3):
        low, high = int(extent[2 * axis]), int(extent[2 * axis + 1])
        if association == "cell":
            last = start[axis] + dims[axis] - 1
            low = min(low, last)
            high = min(max(high - 1, low), last)
        ends += [low, high]
    return ends[0], ends[1], ends[2], ends[3], ends[4], ends[5]


def _on_same_mesh(one: NeuralField, other: NeuralField) -> bool:
    """Grids over the box of one and the same mesh, be they differently fine."""
    return one.mesh is not None and other.mesh is not None and one.mesh.mesh == other.mesh.mesh


def _other_association(one: Geometry, other: Geometry) -> bool:
    """Point and cell samples of one and the same image."""
    return (one.association != other.association) and (
        (one.extent, one.origin, one.spacing, one.direction, one.points)
        == (other.extent, other.origin, other.spacing, other.direction, other.points)
    )
