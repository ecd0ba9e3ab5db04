"""Neural Compress on several ranks: each compresses the piece that it has, and all get the one file of all bricks."""

from __future__ import annotations

import hashlib
from typing import Any, Mapping, Optional, Sequence, cast

import numpy as np
from vtkmodules.vtkCommonDataModel import vtkDataObject, vtkImageData, vtkTable
from vtkmodules.vtkCommonExecutionModel import vtkAlgorithm, vtkStreamingDemandDrivenPipeline

import srn_core
from srn_core.bricks.places import BrickPlace, pieces
from srn_core.config import CompressConfig
from srn_core.errors import SrnError, SrnInputError
from srn_core.idle_settings import refuse_idle_settings
from srn_core.in_bricks.compress import Pieces
from srn_core.in_bricks.team import Team
from srn_core.parts import part_of
from srn_core.progress import ProgressCallback
from srn_core.volume import Geometry, Volume
from srn_filters import carrier, requests, vtk_bridge
from srn_filters.decoded_grid import DecodedGrid, Fineness

Pipeline = vtkStreamingDemandDrivenPipeline


def shared(algorithm: Any, in_info: Any, team: Team) -> bool:
    """Whether the ranks can each have a part of the input: an image whose source makes any part by itself."""
    info = in_info[0].GetInformationObject(0)
    return (
        team.size > 1
        and info is not None
        and info.Has(Pipeline.WHOLE_EXTENT())
        and requests.gives_parts(algorithm)
        and isinstance(info.Get(vtkDataObject.DATA_OBJECT()), vtkImageData)
    )


def announce(out_info: Any) -> None:
    """Say that each rank gives the part of the output that it is asked for."""
    out_info.GetInformationObject(0).Set(vtkAlgorithm.CAN_PRODUCE_SUB_EXTENT(), 1)


def ask_for_piece(in_info: Any, team: Team, halo: int) -> None:
    """Ask the input for this rank's brick of points and of cells, halo and all."""
    info = in_info[0].GetInformationObject(0)
    whole = info.Get(Pipeline.WHOLE_EXTENT())
    ends: Optional[list[int]] = None
    for association in ("point", "cell"):
        where = _pieces(whole, association, team, halo)
        if team.rank < len(where):
            x0, x1, y0, y1, z0, z1 = where[team.rank].region
            more = 0 if association == "point" else 1
            found = [x0, x1 + more, y0, y1 + more, z0, z1 + more]
            found = [min(end + whole[2 * (i // 2)], whole[2 * (i // 2) + 1]) for i, end in enumerate(found)]
            if ends is not None:
                found = [min(a, b) if i % 2 == 0 else max(a, b) for i, (a, b) in enumerate(zip(ends, found))]
            ends = found
    info.Set(Pipeline.UPDATE_EXTENT(), ends or requests.NOTHING, 6)
    # One piece: what is asked for is not to be divided once more.
    info.Set(Pipeline.UPDATE_NUMBER_OF_PIECES(), 1)
    info.Set(Pipeline.UPDATE_PIECE_NUMBER(), 0)
    info.Set(Pipeline.UPDATE_NUMBER_OF_GHOST_LEVELS(), 0)


class OnRanks:
    """What Neural Compress remembers of the work of all ranks.

    Whether the ranks meet depends on nothing but what is the same on all of them, the pipeline's changes: where one
    rank alone is asked for another part of the output, it finds what was made, and waits for nobody.
    """

    def __init__(self) -> None:
        self._stamp: Optional[tuple[Any, ...]] = None
        self._key, self._content = "", b""
        self._told: Mapping[str, Any] = {}
        self._error: Optional[Exception] = None

    def forget(self) -> None:
        """Compress anew at the next update."""
        self._stamp, self._key = None, ""

    def made(
        self, stamp: tuple[Any, ...], volumes: Any, config: CompressConfig, whole: Sequence[int], halo: int,
        team: Team, progress: ProgressCallback,
    ) -> tuple[bytes, Mapping[str, Any]]:  # fmt: skip
        """The file and its report. ``stamp``: see above; ``volumes()``: of this rank, which may raise.

        Raises SrnError on all ranks where one of them fails.
        """
        if stamp != self._stamp:
            self._stamp, self._error = stamp, None
            try:
                self._make(volumes, config, whole, halo, team, progress)
            except SrnError as error:
                self._error, self._key = error, ""
        if self._error is not None:
            raise self._error
        return self._content, self._told

    def _make(
        self, volumes: Any, config: CompressConfig, whole: Sequence[int], halo: int, team: Team,
        progress: ProgressCallback,
    ) -> None:  # fmt: skip
        mine: Optional[list[Volume]] = team.together(volumes)
        told = team.told(None if mine is None else [(_about(one), _digest(one)) for one in mine])
        key = repr((config.to_dict(), told, tuple(whole)))
        if key == self._key:
            return
        known = [[about for about, _ in one] for one in told if one is not None]
        if any(about != known[0] for about in known[1:]):
            raise SrnInputError(f"the ranks have different arrays: {known[0]} and others; each must have the same ones")
        sources = []
        for number, about in enumerate(known[0]):
            where = _pieces(whole, about["association"], team, halo)
            own = None if mine is None else mine[number]
            sources.append(_Piece(about, whole, own, team, [where[r : r + 1] for r in range(team.size)]))
        for source in sources:
            team.together(source.check)
        result = srn_core.compress(cast(Any, sources), config=config, progress=progress)
        self._content, self._told, self._key = result.file.to_bytes(), result.report, key


class _Piece(Pieces):
    """The brick of an array that this rank has."""

    def __init__(
        self, about: Mapping[str, Any], whole: Sequence[int], volume: Optional[Volume], team: Team,
        where: Sequence[Sequence[BrickPlace]],
    ) -> None:  # fmt: skip
        self.team, self.where, self._volume = team, where, volume
        more = 0 if about["association"] == "cell" else 1
        x, y, z = (max(b - a + more, 1) for a, b in zip(whole[::2], whole[1::2]))
        self.geometry = Geometry(
            (x, y, z),
            tuple(about["origin"]),
            tuple(about["spacing"]),
            tuple(about["direction"]),
            (whole[0], whole[2], whole[4]),
            about["association"],
        )
        self.name, self.dtype, self.time = about["name"], np.dtype(about["dtype"]), about["time"]
        self.components, self.vector = about["components"], about["vector"]

    def check(self) -> None:
        """Raise SrnInputError where the input gave another part than it was asked for."""
        for place in self.where[self.team.rank]:
            self.read(place.region)

    def read(self, region: Sequence[int]) -> Volume:
        """A part of the brick."""
        volume, start = self._volume, self.geometry.start
        if volume is None:
            raise SrnInputError(f"rank {self.team.rank} has no data of the piece that it is to compress")
        local = [end + start[i // 2] - volume.geometry.start[i // 2] for i, end in enumerate(region)]
        if any(local[2 * a] < 0 or local[2 * a + 1] >= n for a, n in enumerate(volume.geometry.dims)):
            raise SrnInputError(
                f"rank {self.team.rank} was given the extent {volume.geometry.extent}, which is not what it asked its "
                "input for; a source that gives each rank a piece of its own cannot be compressed by all of them"
            )
        return part_of(volume, local)


def give(
    output: Any, content: bytes, report: Mapping[str, Any], file: Any, extent: Any, told: ProgressCallback
) -> None:
    """The part of the decoded grid that a rank is asked for, carrying the file."""
    grid = DecodedGrid(file, file.fields, Fineness())
    result = grid.decode(grid.extent if extent is None else extent, told)
    carrier.attach(result, content, report, {})
    output.ShallowCopy(result)


def stamp_of(algorithm: Any, out_info: Any, *settings: Any) -> tuple[Any, ...]:
    """What changes where, and only where, all ranks have to meet again."""
    return (algorithm.GetInputExecutive(0, 0).GetPipelineMTime(), requests.asked_time(out_info), *settings)


def checked(config: CompressConfig) -> CompressConfig:
    """The same. Raises SrnInputError for settings that are no use."""
    refuse_idle_settings(config)
    return config


def no_tables(out_info: Any) -> None:
    """The other two outputs, empty: a training of bricks has no course of its own."""
    for port in (1, 2):
        vtkTable.GetData(out_info, port).ShallowCopy(vtk_bridge.table({}))


def _pieces(whole: Sequence[int], association: str, team: Team, halo: int) -> list[BrickPlace]:
    more = 0 if association == "cell" else 1
    x, y, z = (max(b - a + more, 1) for a, b in zip(whole[::2], whole[1::2]))
    return pieces((x, y, z), team.size, halo)


def _about(volume: Volume) -> dict[str, Any]:
    geometry = volume.geometry
    return {
        "name": volume.name,
        "association": geometry.association,
        "dtype": volume.values.dtype.str,
        "components": volume.components,
        "vector": volume.values.ndim == 4,
        "time": volume.time,
        "origin": list(geometry.origin),
        "spacing": list(geometry.spacing),
        "direction": list(geometry.direction),
    }


def _digest(volume: Volume) -> str:
    digest = hashlib.blake2b(digest_size=16)
    digest.update(np.ascontiguousarray(volume.values).data.cast("B") if volume.values.size else b"")
    if volume.valid is not None:
        digest.update(np.packbits(volume.valid).tobytes())
    return digest.hexdigest()
