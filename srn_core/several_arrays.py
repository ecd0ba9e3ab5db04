"""Several arrays into one neural file, with one target for all of it, and where their grids lie beside them."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any, NamedTuple, Optional, Sequence, TypeVar, Union, cast

from srn_core.codec.field import OnMesh
from srn_core.codec.grid_points_section import stored_points
from srn_core.codec.header import FieldHeader
from srn_core.codec.join import Place, joined
from srn_core.codec.mesh_section import stored_mesh, stored_on_mesh
from srn_core.compression import CompressResult
from srn_core.config import CompressConfig, TargetConfig
from srn_core.errors import SrnInputError
from srn_core.in_bricks.compress import compress_one
from srn_core.mesh import MeshArray
from srn_core.mesh_compression import compress_mesh_array
from srn_core.neural_file import NeuralFile
from srn_core.parts import VolumeParts
from srn_core.progress import Progress, ProgressCallback
from srn_core.step_before import StepBefore
from srn_core.volume import Volume

Source = Union[Volume, VolumeParts, MeshArray]
"""What is compressed: a volume in memory or read part by part, or the array of a mesh."""
One = TypeVar("One", bound=Source)
HEADER_BYTES = 120
"""What the header says of a grid's points, at most."""
MESH_HEADER_BYTES = 220
"""What it says of where an array's samples lie on a mesh, at most."""


def compress_arrays(
    volumes: Sequence[Source],
    config: CompressConfig,
    progress: Optional[ProgressCallback] = None,
    before: Optional[Sequence[Optional[StepBefore]]] = None,
) -> CompressResult:
    """Compress volumes, in memory or read part by part, and arrays of meshes into one file, each by itself.

    A ratio and a number of bytes hold for the whole file, the points of grids included: each array gets its share by
    the bytes it has. Meshes a number of bytes includes too, a ratio does not. A PSNR, a largest error and a parameter
    ratio hold for each array. Where no target is given, points of grids and meshes come on top. Where the user stops,
    arrays that have not begun are compressed without training.
    ``before``: of each the time step before it, see :func:`srn_core.compression.compress_volume`.

    Raises:
        SrnInputError: for no volume, two with the same name, association, time, place and block, or any that
            :func:`srn_core.compression.compress_volume` refuses; the line then names the array.
    """
    if not volumes:
        raise SrnInputError("there is no array to compress")
    places = [place_of(volume) for volume in volumes]
    before = [None] * len(volumes) if before is None else before
    if len(before) != len(volumes):
        raise SrnInputError(
            f"there are {len(before)} steps before for {len(volumes)} arrays; give one for each, or None"
        )
    if len(volumes) == 1 and places[0] is None:
        return _compressed(volumes[0], config, progress, before[0])
    started = time.perf_counter()
    whole = sum(volume.nbytes for volume in volumes)
    room = places_bytes(places)
    target = _without_places(config.target, whole, room)
    results: list[CompressResult] = []
    remembered = _remembering(progress)
    done = 0
    for volume, step in zip(volumes, before):
        part = volume.nbytes / whole
        limit = None if config.time_limit is None else config.time_limit * part
        share = replace(config, target=_share(target, part), time_limit=limit)
        try:
            told = _told(remembered, done / whole, part, volume)
            results.append(_compressed(bare(volume, target), share, told, step))
        except SrnInputError as error:
            named = volume.name in str(error)
            block = f" of block '{volume.block}'" if volume.block else ""
            raise error if named and not block else SrnInputError(f"array '{volume.name}'{block}: {error}") from error
        done += volume.nbytes
    file = NeuralFile.from_bytes(together([result.file for result in results], config, places))
    check_size(file, config.target)
    if len(results) == 1:
        only, sizes = results[0], {"bytes": file.nbytes, "ratio": file.ratio, **_room_in(file, room)}
        return replace(only, file=file, report={**only.report, **sizes})
    report = {**report_of_all(file, results, started), **_room_in(file, room)}
    report["arrays"] = [result.report for result in results]
    names = [f"{v.block}/{v.name}" if v.block else v.name for v in volumes]
    return CompressResult(file, report, stacked(results, "array", names), beside(results, names))


class Room(NamedTuple):
    """Bytes of a file, about and at most, that go to where the samples of its fields lie."""

    beside: int
    """To points of grids, each stored once, to which samples of meshes hold a value, and to what the header says."""
    meshes: int
    """To points and cells of meshes, each stored once."""


def place_of(volume: Source) -> Optional[Place]:
    """Where the samples lie, if the file has to tell it: points of a grid, or a mesh that is kept."""
    if not isinstance(volume, MeshArray):
        return volume.geometry.points
    if not volume.kept:
        return None
    valid = volume.validity()
    return OnMesh(volume.mesh, volume.association, None if valid.all() else valid)


def bare(volume: One, target: TargetConfig) -> One:
    """The same without what :func:`place_of` tells, unless what is asked for is kept there."""
    if isinstance(volume, MeshArray):
        return volume if target.max_error is not None else cast(One, replace(volume, kept=False))
    if isinstance(volume, Volume):
        return cast(One, replace(volume, geometry=volume.geometry.without_points))
    return volume


def _compressed(
    volume: Source, config: CompressConfig, progress: Optional[ProgressCallback], before: Optional[StepBefore]
) -> CompressResult:
    if isinstance(volume, MeshArray):
        return compress_mesh_array(volume, config, progress)
    return compress_one(volume, config, progress, before)


def places_bytes(places: Sequence[Optional[Place]]) -> Room:
    """What it takes to tell where the samples of fields lie."""
    beside = meshes = 0
    for place, where in enumerate(places):
        earlier = places[:place]
        if isinstance(where, OnMesh):
            on = [one if isinstance(one, OnMesh) else None for one in earlier]
            mesh = sum(map(len, stored_mesh(where.mesh, [None if one is None else one.mesh for one in on])[1]))
            meshes += mesh
            beside += MESH_HEADER_BYTES + sum(map(len, stored_on_mesh(where, on)[1])) - mesh
        elif where is not None:
            grids = [None if isinstance(one, OnMesh) else one for one in earlier]
            beside += HEADER_BYTES + sum(map(len, stored_points(where, grids)[1]))
    return Room(beside, meshes)


def _without_places(target: TargetConfig, original: int, room: Room) -> TargetConfig:
    """What is left of a size for the arrays. Raises SrnInputError where nothing is."""
    taken = room.beside + (room.meshes if target.bytes is not None else 0)
    if not taken or (target.bytes is None and target.ratio is None):
        return target
    most = target.bytes if target.bytes is not None else int(original / (target.ratio or 1.0))
    if most <= taken:
        raise SrnInputError(too_little(room, taken, most))
    return TargetConfig(bytes=most - taken)


def too_little(room: Room, taken: int, most: int, each: str = "") -> str:
    """What to say where the places of samples, which are kept exactly, leave nothing of a size; ``each``: of what."""
    what = "the mesh" if room.meshes else "the positions of the grid's points"
    verb = "takes" if room.meshes else "take"
    kept = f"{what}, which {'is' if room.meshes else 'are'} kept exactly, {verb} {taken} bytes{each}"
    return f"{kept}, but at most {most} were asked for; ask for a PSNR or a lower ratio, or drop the geometry"


def _room_in(file: NeuralFile, room: Room) -> dict[str, Any]:
    """What a report says of it."""
    found: dict[str, Any] = {}
    if file.mesh_bytes:
        original = sum(field.original_bytes for field in file.fields)
        found = {"mesh_bytes": file.mesh_bytes, "values_ratio": original / (file.nbytes - file.mesh_bytes)}
    elif room.beside:
        found = {"points_bytes": room.beside}
    return found


def together(
    files: Sequence[NeuralFile],
    config: CompressConfig,
    places: Optional[Sequence[Optional[Place]]] = None,
    adds_to: Optional[Sequence[Optional[int]]] = None,
) -> bytes:
    """The fields of files in one file, whose fields tell of the target that the whole has.

    ``places``: where the samples of each field lie, as :func:`place_of` tells it; ``adds_to``: the number of the field
    that each is added to.
    """
    target = {name: value for name, value in vars(config.target).items() if value is not None}

    def change(place: int, field: FieldHeader) -> FieldHeader:
        provenance = dict(field.provenance)
        settings = {name: value for name, value in provenance.get("settings", {}).items() if name != "target"}
        if target:
            settings["target"] = target
        provenance["settings"] = settings
        return replace(field, provenance=provenance if settings else {})

    return joined([file.to_bytes() for file in files], change, places, adds_to)


def _share(target: TargetConfig, share: float) -> TargetConfig:
    """What one array is to keep to. Other targets than bytes are the same for a part as for the whole."""
    return target if target.bytes is None else replace(target, bytes=int(target.bytes * share))


def _remembering(progress: Optional[ProgressCallback]) -> Optional[ProgressCallback]:
    """A callback that, once it was told to stop, tells so ever after: arrays to come are to end at once too."""
    if progress is None:
        return None
    stopped = False

    def tell(report: Progress) -> bool:
        nonlocal stopped
        stopped = progress(report) is False or stopped
        return not stopped

    return tell


def _told(
    progress: Optional[ProgressCallback], begin: float, share: float, volume: Source
) -> Optional[ProgressCallback]:
    """Progress of one array as progress of the whole."""
    if progress is None:
        return None

    def tell(report: Progress) -> Optional[bool]:
        named = replace(
            report, fraction=begin + share * report.fraction, phase=f"{volume.block or volume.name}: {report.phase}"
        )
        return progress(named)

    return tell


def check_size(file: NeuralFile, target: TargetConfig) -> None:
    """Raise SrnInputError where a file is larger than the target of all of it allows."""
    original = sum(field.original_bytes for field in file.fields)
    most = target.bytes if target.bytes is not None else int(original / target.ratio) if target.ratio else None
    counted = file.nbytes - (0 if target.bytes is not None else file.mesh_bytes)
    if most is not None and counted > most:
        raise SrnInputError(
            f"the file of {len(file.fields)} arrays came out at {counted} bytes, but at most {most} were "
            "asked for; ask for a lower ratio, or fewer arrays"
        )


def report_of_all(file: NeuralFile, results: Sequence[CompressResult], started: float) -> dict[str, Any]:
    """Totals and the least quality of what stands together in a file; ``started``: when the job began."""
    reports = [result.report for result in results]

    def summed(name: str) -> float:
        return sum(report.get(name) or 0 for report in reports)

    networks = list(dict.fromkeys(str(report["network"]) for report in reports))
    arrays = dict.fromkeys(field.name for field in file.fields)
    early = [report.get("stopped_by", "the user") for report in reports if report["stopped_early"]]
    seconds = summed("decode_seconds")
    voxels = sum(field.geometry.samples for field in file.fields)
    return {
        **{name: reports[0][name] for name in ("pruner", "device", "provider", "seed")},
        "array": ", ".join(arrays),
        "network": ", ".join(networks),
        "bytes": file.nbytes,
        "original_bytes": int(summed("original_bytes")),
        "ratio": file.ratio,
        "parameters": int(summed("parameters")),
        "parameter_ratio": file.parameter_ratio,
        "psnr": min(report["psnr"] for report in reports),
        "ssim": min(report["ssim"] for report in reports),
        "stopped_early": bool(early),
        **({"stopped_by": "the user" if "the user" in early else early[0]} if early else {}),
        "time_limited": any(report.get("time_limited") for report in reports),
        "kept_fraction": min(report["kept_fraction"] for report in reports),
        "train_seconds": round(summed("train_seconds"), 3),
        "decode_seconds": round(seconds, 4),
        "decode_mvoxel_s": round(voxels / max(seconds, 1e-9) / 1e6, 4),
        "seconds": round(time.perf_counter() - started, 3),
    }


def stacked(results: Sequence[CompressResult], label: str, names: Sequence[Any]) -> dict[str, list[Any]]:
    """The histories below each other, with a column ``label`` that holds each one's name."""
    columns: dict[str, list[Any]] = {label: []}
    rows = 0
    for result, name in zip(results, names):
        more = max((len(column) for column in result.history.values()), default=0)
        for column in result.history:
            columns.setdefault(column, [None] * rows)
        columns[label] += [name] * more
        for column in columns:
            if column != label:
                columns[column] += result.history.get(column, [None] * more)
        rows += more
    return columns if rows else {}


def beside(results: Sequence[CompressResult], names: Sequence[str]) -> dict[str, list[Any]]:
    """The histograms of the drop rates beside each other, a layer's column named after each one's name too."""
    columns: dict[str, list[Any]] = {}
    for result, name in zip(results, names):
        for layer, column in result.drop_rates.items():
            columns["drop_rate" if layer == "drop_rate" else f"{name}: {layer}"] = column
    return columns
