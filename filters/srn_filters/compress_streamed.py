"""Neural Compress of more than fits into memory: the input is asked for one brick after the other."""

from __future__ import annotations

from typing import Any, Callable, Mapping, Optional, Sequence, cast

import numpy as np
from vtkmodules.vtkCommonCore import vtkInformation, vtkInformationVector
from vtkmodules.vtkCommonDataModel import vtkDataObject, vtkImageData
from vtkmodules.vtkCommonExecutionModel import vtkAlgorithm, vtkStreamingDemandDrivenPipeline

import srn_core
from srn_core.config import CompressConfig
from srn_core.errors import SrnError, SrnInputError
from srn_core.in_bricks.compress import edge_of
from srn_core.parts import VolumeParts, part_of
from srn_core.progress import ProgressCallback
from srn_core.volume import Geometry, Volume
from srn_filters import carrier, requests
from srn_filters.decoded_grid import COARSEST, DecodedGrid, Fineness

Pipeline = vtkStreamingDemandDrivenPipeline
SHOWN = 1 << 24
"""Samples of the output, at most: of larger volumes it is a coarser grid."""


def applies(algorithm: Any, in_info: Any, config: CompressConfig) -> bool:
    """Whether the input is asked for brick by brick: an image that is to be cut, and that can be had in parts."""
    info = in_info[0].GetInformationObject(0)
    if info is None or not (info.Has(Pipeline.WHOLE_EXTENT()) and requests.gives_parts(algorithm)):
        return False
    dims = _dims(info.Get(Pipeline.WHOLE_EXTENT()))
    return isinstance(info.Get(vtkDataObject.DATA_OBJECT()), vtkImageData) and (
        edge_of(dims, dims[0] * dims[1] * dims[2], config) is not None
    )


def announce(in_info: Any, out_info: Any) -> None:
    """The grid of the output, of which any part can be had."""
    info, told = in_info[0].GetInformationObject(0), out_info.GetInformationObject(0)
    whole = info.Get(Pipeline.WHOLE_EXTENT())
    geometry = Geometry(
        _dims(whole),
        info.Get(vtkDataObject.ORIGIN()) if info.Has(vtkDataObject.ORIGIN()) else (0.0, 0.0, 0.0),
        info.Get(vtkDataObject.SPACING()) if info.Has(vtkDataObject.SPACING()) else (1.0, 1.0, 1.0),
        info.Get(vtkDataObject.DIRECTION()) if info.Has(vtkDataObject.DIRECTION()) else Geometry((1, 1, 1)).direction,
        (whole[0], whole[2], whole[4]),
    )
    dims = Fineness(level=level_of(geometry)).dims_for(geometry)
    grid = geometry if dims == geometry.dims else geometry.resampled(dims)
    told.Set(Pipeline.WHOLE_EXTENT(), grid.extent, 6)
    told.Set(vtkDataObject.ORIGIN(), grid.origin, 3)
    told.Set(vtkDataObject.SPACING(), grid.spacing, 3)
    told.Set(vtkDataObject.DIRECTION(), grid.direction, 9)
    told.Set(vtkAlgorithm.CAN_PRODUCE_SUB_EXTENT(), 1)


def ask_for_corner(in_info: Any) -> None:
    """As little of the input as tells what arrays it has."""
    info = in_info[0].GetInformationObject(0)
    whole = info.Get(Pipeline.WHOLE_EXTENT())
    corner = [min(end + i % 2, whole[i | 1]) for i, end in enumerate(np.repeat(whole[::2], 2).tolist())]
    info.Set(Pipeline.UPDATE_EXTENT(), corner, 6)


def level_of(geometry: Geometry) -> int:
    """The level of detail of the output."""
    level = 0
    while level < COARSEST and geometry.samples >> (3 * level) > SHOWN:
        level += 1
    return level


class Streamed:
    """What was made of the input as it is."""

    def __init__(self) -> None:
        self._stamp: Optional[tuple[Any, ...]] = None
        self._content = b""
        self._report: Mapping[str, Any] = {}
        self._error: Optional[SrnError] = None

    def forget(self) -> None:
        """Compress anew at the next update."""
        self._stamp = None

    def made(
        self,
        stamp: tuple[Any, ...],
        sources: Callable[[], Sequence[VolumeParts]],
        config: CompressConfig,
        progress: ProgressCallback,
    ) -> tuple[bytes, Mapping[str, Any]]:
        """The file and its report. ``stamp``: what changes where the input does. Raises SrnError."""
        if stamp != self._stamp:
            self._stamp, self._error = stamp, None
            try:
                result = srn_core.compress(cast(Any, sources()), config=config, progress=progress)
                self._content, self._report = result.file.to_bytes(), result.report
            except SrnError as error:
                self._error = error
        if self._error is not None:
            raise self._error
        return self._content, self._report


class Upstream(VolumeParts):
    """One array of an algorithm's input, which is brought up to date for each part that is read."""

    def __init__(
        self,
        algorithm: vtkAlgorithm,
        whole: Sequence[int],
        corner: Volume,
        time: Optional[float],
        pick: Callable[[Any], Volume],
    ) -> None:
        """``corner``: any part of the array; ``pick``: takes it out of an image."""
        self._source, self._port = algorithm.GetInputAlgorithm(0, 0), algorithm.GetInputConnection(0, 0).GetIndex()
        self._time, self._pick = time, pick
        about = corner.geometry
        more = 0 if about.association == "cell" else 1
        dims = _dims(whole, more)
        start = (int(whole[0]), int(whole[2]), int(whole[4]))
        self.geometry = Geometry(dims, about.origin, about.spacing, about.direction, start, about.association)
        self._more = 1 - more
        self.name, self.dtype, self.time = corner.name, corner.values.dtype, corner.time
        self.components, self.vector = corner.components, corner.values.ndim == 4

    def read(self, region: Sequence[int]) -> Volume:
        """A part. Raises SrnInputError where the input gives another one than it is asked for."""
        start = self.geometry.start
        extent = [end + start[i // 2] + self._more * (i % 2) for i, end in enumerate(region)]
        asked = vtkInformation()
        asked.Set(Pipeline.UPDATE_EXTENT(), extent, 6)
        if self._time is not None:
            asked.Set(Pipeline.UPDATE_TIME_STEP(), self._time)
        wanted = vtkInformationVector()
        for _ in range(self._port):
            wanted.Append(vtkInformation())
        wanted.Append(asked)
        self._source.Update(self._port, wanted)
        volume = self._pick(self._source.GetOutputDataObject(self._port))
        own = volume.geometry.start
        local = [end + start[i // 2] - own[i // 2] for i, end in enumerate(region)]
        if any(local[2 * a] < 0 or local[2 * a + 1] >= n for a, n in enumerate(volume.geometry.dims)):
            raise SrnInputError(
                f"the input was asked for the extent {tuple(extent)}, but gave {volume.geometry.extent}"
            )
        return part_of(volume, local)


def give(output: Any, content: bytes, report: Mapping[str, Any], file: Any, extent: Any, told: ProgressCallback) -> int:
    """What is asked for of the output, carrying the file; the level of detail that it has."""
    level = level_of(file.fields[0].geometry)
    grid = DecodedGrid(file, file.fields, Fineness(level=level))
    result = grid.decode(grid.extent if extent is None else extent, told)
    carrier.attach(result, content, report, {})
    output.ShallowCopy(result)
    return level


def told_of(level: int) -> str:
    """A line of the report that says what the output is."""
    if not level:
        return ""
    return (
        f"\nOutput: one of {2**level} samples along each axis, as all of them may not fit into memory; the file has "
        "them, and Neural Resample gives any part"
    )


def _dims(whole: Sequence[int], more: int = 1) -> tuple[int, int, int]:
    x, y, z = (max(int(b) - int(a) + more, 1) for a, b in zip(whole[::2], whole[1::2]))
    return x, y, z
