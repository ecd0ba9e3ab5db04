"""A volume into one neural file of bricks: by one process that reads one brick at a time, or by several."""

from __future__ import annotations

import base64
import math
import time
from dataclasses import replace
from typing import Any, Optional, Sequence, Union

import numpy as np

from srn_core import codec
from srn_core.bricks.places import BrickPlace, places, region_of
from srn_core.codec import NeuralField, Quality
from srn_core.codec.join import assembled
from srn_core.compression import STAND_IN, CompressResult, Within, compress_volume, target_bytes
from srn_core.config import CompressConfig, TargetConfig
from srn_core.errors import SrnInputError
from srn_core.idle_settings import refuse_idle_settings
from srn_core.in_bricks import shares
from srn_core.in_bricks.measuring import Tally, tally
from srn_core.in_bricks.survey import Ranges, Survey, range_of_all, survey, validity
from srn_core.in_bricks.team import Alone, Team, flat
from srn_core.neural_file import NeuralFile
from srn_core.parts import VolumeParts, WholeVolume
from srn_core.progress import Progress, ProgressCallback, share_of, unstoppable
from srn_core.promise import PSNR_SLACK, promise_of
from srn_core.provenance import provenance_of
from srn_core.spec import BricksSpec, ConstantSpec
from srn_core.step_before import StepBefore
from srn_core.volume import Volume

AUTOMATIC_EDGE = 256
"""Of bricks, where nothing else is said."""
MOST_VALUES = 1 << 27
"""Numbers of a volume that is compressed as one where nothing else is said: some 8 GB of memory."""
UNUSED = 0.02
"""Share of the bytes that may be left: where more are, as happens to small files, they are shared out again."""
CORRECTIONS = 2
"""How often bricks are compressed again where the whole has less than the PSNR that was asked for."""


def edge_of(geometry_dims: Sequence[int], values: int, config: CompressConfig) -> Optional[int]:
    """The edge of the bricks that a volume is to be cut into; None: it is not."""
    edge = config.bricks.edge
    if edge is None:
        edge = AUTOMATIC_EDGE if values > MOST_VALUES else 0
    return edge if edge and max(geometry_dims) > edge else None


class Pieces(VolumeParts):
    """A volume of which each member of a team can read some bricks."""

    team: Team
    where: Sequence[Sequence[BrickPlace]]
    """The bricks of each member."""


def compress_one(
    volume: Union[Volume, VolumeParts],
    config: CompressConfig,
    progress: Optional[ProgressCallback] = None,
    before: Optional[StepBefore] = None,
) -> CompressResult:
    """Compress a volume, in bricks where the settings ask for them, it is large, or several processes have it.

    ``before``: the time step before it, see :func:`compress_volume`; bricks are stored whole.

    Raises SrnInputError as :func:`compress_volume` and :func:`compress_bricks`.
    """
    if isinstance(volume, Pieces):
        return compress_bricks(volume, config, progress, volume.team, volume.where)
    if isinstance(volume, VolumeParts):
        if edge_of(volume.geometry.dims, volume.values, config) is not None:
            return compress_bricks(volume, config, progress)
        volume = volume.read(region_of((0, 0, 0), volume.geometry.dims))
    if edge_of(volume.geometry.dims, volume.values.size, config) is None:
        return compress_volume(volume, config, progress, before=before)
    return compress_bricks(WholeVolume(volume), config, progress)


def compress_bricks(
    parts: VolumeParts,
    config: CompressConfig,
    progress: Optional[ProgressCallback] = None,
    team: Optional[Team] = None,
    where: Optional[Sequence[Sequence[BrickPlace]]] = None,
) -> CompressResult:
    """Compress a volume brick by brick. A target holds for the whole file, and its quality is that of the whole.

    Args:
        parts: reads what is to be compressed: each brick three times, then layers of all.
        progress: returning False ends all trainings; what is left is compressed without.
        team: processes that do this together; each gives the same but for ``parts``, and gets the same result.
        where: the bricks of each member; by default all of them are this one's, as the settings cut the volume.

    Raises:
        SrnInputError: for data or settings that cannot be used, with several members on all of them.
    """
    return _Job(parts, config, progress, team or Alone(), where).result()


class _Job:
    def __init__(
        self,
        parts: VolumeParts,
        config: CompressConfig,
        progress: Optional[ProgressCallback],
        team: Team,
        where: Optional[Sequence[Sequence[BrickPlace]]],
    ) -> None:
        self.parts, self.config, self.team = parts, config, team
        self.started = time.perf_counter()
        self.stopped = False
        self._step: Optional[float] = None
        self._progress = progress
        if where is None:
            edge = edge_of(parts.geometry.dims, parts.values, config) or max(parts.geometry.dims)
            where = [places(parts.geometry.dims, edge, config.bricks.halo)]
        self.places = [place for some in where for place in some]
        self.mine = list(where[team.rank])

    def result(self) -> CompressResult:
        """All of it."""
        self.team.together(self._check)
        if len(self.places) == 1:
            return self._alone()
        surveys = self._surveys()
        ranges = range_of_all(surveys, self.parts.name)
        most = self._most()
        goals = self._goals(surveys, ranges, most)
        files, reports = self._compressed(ranges, goals, 0.15, 0.7)
        whole = self._whole(ranges)
        content = self._assembled(whole, files)
        if most is not None and (most - len(content) > UNUSED * most or len(content) > most) and not self.stopped:
            goals = self._better(goals, files, most - len(content))
            files, reports = self._compressed(ranges, goals, 0.85, 0.0)
            content = self._assembled(whole, files)
        begin = time.perf_counter()
        quality = self._measured(whole, content)
        for _ in range(CORRECTIONS):
            missing = (self.config.target.psnr or -math.inf) - quality.psnr
            if missing <= PSNR_SLACK or self.stopped:
                break
            # A brick is measured with its halo and before it is blended; what that hid is asked for in addition.
            goals = [replace(goal, psnr=min((goal.psnr or 0.0) + missing, 200.0)) for goal in goals]
            files, reports = self._compressed(ranges, goals, 0.85, 0.0)
            begin = time.perf_counter()
            quality = self._measured(whole, self._assembled(whole, files))
        return self._finish(whole, files, quality, reports, most, time.perf_counter() - begin)

    def _alone(self) -> CompressResult:
        """What is not cut is compressed as one, by the member that has it."""

        def work() -> Optional[tuple[str, dict[str, Any]]]:
            if not self.mine:
                return None
            volume = self.parts.read(self.mine[0].region)
            made = compress_volume(volume, self.config, self._progress)
            return base64.b64encode(made.file.to_bytes()).decode(), made.report

        content, report = next(told for told in self.team.told(self.team.together(work)) if told is not None)
        return CompressResult(NeuralFile.from_bytes(base64.b64decode(content)), report)

    def _check(self) -> None:
        refuse_idle_settings(self.config)
        if self.config.training.start is not None and len(self.places) > 1:
            raise SrnInputError("bricks cannot start from the network of another file; leave training.start out")

    def _tell(self, phase: str, fraction: float) -> bool:
        """What the user is told; False once he has asked to stop."""
        if self._progress is not None and self._progress(Progress(phase, fraction)) is False:
            self.stopped = True
        return not self.stopped

    def _surveys(self) -> list[Survey]:
        def work() -> list[Any]:
            found = []
            for number, place in enumerate(self.mine):
                self._tell("looking at all bricks", 0.05 * number / len(self.mine))
                found.append(survey(self.parts.read(place.region), len(self.places)).to_json())
            return found

        return [Survey.from_json(told) for told in flat(self.team.told(self.team.together(work)))]

    def _most(self) -> Optional[int]:
        """Bytes of the file, where the target is a size."""
        target = self.config.target
        if target.psnr is not None or target.max_error is not None or target.parameter_ratio is not None:
            return None
        return target_bytes(self.parts.nbytes, self.config)

    def _goals(self, surveys: Sequence[Survey], ranges: Ranges, most: Optional[int]) -> list[TargetConfig]:
        target = self.config.target
        if most is None and target.psnr is None:
            return shares.targets(self.config, 0, ranges, [], self.places)
        size = max((most or 0) - shares.WHOLE_HEADER - shares.HEADER * len(self.places) // 2, 1)
        step = self._step = shares.common_step(surveys, ranges, target, size)

        def work() -> list[tuple[float, float]]:
            found = []
            for number, place in enumerate(self.mine):
                self._tell("sharing out", 0.05 + 0.1 * number / len(self.mine))
                found.append(self._trial(self.parts.read(place.region), ranges, step))
            return found

        trials = [(float(a), float(b)) for a, b in flat(self.team.told(self.team.together(work)))]
        return self.team.together(lambda: shares.targets(self.config, most or 0, ranges, trials, self.places))

    def _trial(self, volume: Volume, ranges: Ranges, step: float) -> tuple[float, float]:
        from srn_core.fill import filled

        valid = validity(volume)
        if valid is not None and not valid.any():
            return 0.0, 0.0
        columns = volume.values.reshape(*volume.values.shape[:3], -1)
        values = shares.normalised(np.moveaxis(columns, 3, 0), ranges)
        if valid is not None:
            values = np.stack([filled(component, valid) for component in values])
        return (0.0, 0.0) if np.ptp(values) == 0 else shares.trial(values, step)

    def _compressed(
        self, ranges: Ranges, goals: Sequence[TargetConfig], begin: float, share: float
    ) -> tuple[list[bytes], list[dict[str, Any]]]:
        """The files and the reports of all bricks; on a team the files are gathered by all."""
        voxels = self.parts.geometry.samples
        first = next((n for n, place in enumerate(self.places) if place in self.mine), 0)

        def work() -> list[tuple[str, dict[str, Any]]]:
            made = []
            for number, place in enumerate(self.mine):
                config = shares.with_target(self.config, goals[first + number], _voxels(place) / voxels)
                told = self._told(
                    number, share_of(self._forward, begin + share * number / len(self.mine), share / len(self.mine))
                )
                result = self._one(self.parts.read(place.region), config, ranges, told)
                made.append((base64.b64encode(result.file.to_bytes()).decode(), result.report))
            return made

        made = flat(self.team.told(self.team.together(work)))
        self._agree()
        return [base64.b64decode(content) for content, _ in made], [report for _, report in made]

    def _agree(self) -> None:
        """Nothing that the members do together may depend on what one of them alone knows."""
        self.stopped = any(self.team.told(self.stopped))

    def _forward(self, report: Progress) -> Optional[bool]:
        if self._progress is not None and self._progress(report) is False:
            self.stopped = True
        return not self.stopped

    def _told(self, number: int, progress: Optional[ProgressCallback]) -> Optional[ProgressCallback]:
        if progress is None:
            return None
        named = f"brick {number + 1} of {len(self.mine)}: "
        return lambda report: progress(replace(report, phase=named + report.phase))

    def _one(
        self, volume: Volume, config: CompressConfig, ranges: Ranges, progress: Optional[ProgressCallback]
    ) -> CompressResult:
        volume = replace(volume, geometry=volume.geometry.without_points)
        valid = validity(volume)
        if valid is not None and not valid.any():
            return _nothing(volume, valid)
        return compress_volume(volume, config, progress, Within(ranges, self._step))

    def _better(self, goals: Sequence[TargetConfig], files: Sequence[bytes], more: int) -> list[TargetConfig]:
        """Goals with the bytes that are left over, or that are too many."""
        sizes = [max(len(content) - shares.HEADER, 1) for content in files]
        found = []
        for goal, content, size in zip(goals, files, sizes):
            given = len(content) + int(0.97 * more * size / sum(sizes))
            found.append(replace(goal, bytes=max(given, goal.bytes or 0) if more > 0 else given))
        return found

    def _whole(self, ranges: Ranges) -> NeuralField:
        parts = self.parts
        return NeuralField(
            spec=BricksSpec(parts.geometry.half_extent, parts.components, len(self.places)),
            arrays={},
            geometry=parts.geometry.without_points,
            name=parts.name,
            dtype=parts.dtype.newbyteorder("=").name,
            value_range=ranges,
            vector=parts.vector,
            units=parts.units,
            time=parts.time,
            block=parts.block,
            blanked=parts.blanked,
            original_bytes=parts.nbytes,
            quality=STAND_IN,
            provenance=provenance_of(self.config),
        )

    def _assembled(self, whole: NeuralField, files: Sequence[bytes]) -> bytes:
        return assembled(whole, [(content, place.fades) for content, place in zip(files, self.places)])

    def _measured(self, whole: NeuralField, content: bytes) -> Quality:
        """The quality of the blended whole."""
        opened = NeuralFile.from_bytes(content)

        def work() -> list[Any]:
            found, at_once = Tally(), max(math.prod(place.dims) for place in self.places)
            told = unstoppable(share_of(self._forward, 0.85, 0.15))
            alone = self.team.size == 1
            for place in self.mine:
                core = region_of(*place.core) if not alone else region_of((0, 0, 0), self.parts.geometry.dims)
                known = place.region if not alone else core
                found = found.plus(tally(opened, opened.fields[0], self.parts, core, known, told, at_once))
                if alone:
                    break
            return found.to_json()

        measured = Tally()
        for some in self.team.told(self.team.together(work)):
            measured = measured.plus(Tally(*some))
        self._agree()
        low = min(a for a, _ in whole.value_range)
        return measured.quality(max(b for _, b in whole.value_range) - low)

    def _finish(
        self,
        whole: NeuralField,
        files: Sequence[bytes],
        quality: Quality,
        reports: Sequence[dict[str, Any]],
        most: Optional[int],
        measuring: float,
    ) -> CompressResult:
        """Write what was measured into the file. Raises SrnInputError where its target is not kept."""
        file = NeuralFile.from_bytes(self._assembled(replace(whole, quality=quality), files))
        if not self.stopped:
            self._check_target(file, most)
            self._tell("done", 1.0)
        return CompressResult(file, self._report(file, reports, measuring))

    def _check_target(self, file: NeuralFile, most: Optional[int]) -> None:
        if most is not None and file.nbytes > most:
            raise SrnInputError(
                f"the file came out at {file.nbytes} bytes, but at most {most} were asked for; ask for a lower ratio"
            )
        promise = promise_of(file.fields[0], file.nbytes)
        if promise is not None and not promise.kept and most is None and self.config.target.parameter_ratio is None:
            raise SrnInputError(
                f"the file was to have {promise.asked}, but came out with {promise.measured}; ask for a little less"
            )

    def _report(self, file: NeuralFile, reports: Sequence[dict[str, Any]], measuring: float) -> dict[str, Any]:
        (field,) = file.fields
        assert field.quality is not None
        networks = dict.fromkeys(str(report["network"]) for report in reports if report["network"] != "constant")
        parameters = sum(int(report["parameters"]) for report in reports)
        decoding = sum(float(report["decode_seconds"]) for report in reports)
        first = reports[0]
        kept = [float(report["kept_fraction"]) for report in reports]
        return {
            "array": field.name,
            "network": ", ".join(networks) or "constant",
            "pruner": self.config.pruner,
            "bytes": file.nbytes,
            "original_bytes": field.original_bytes,
            "ratio": file.ratio,
            "parameters": parameters,
            "parameter_ratio": self.parts.values / max(parameters, 1),
            "psnr": field.quality.psnr,
            "rmse": field.quality.rmse,
            "max_error": field.quality.max_error,
            "ssim": field.quality.ssim,
            "stopped_early": self.stopped or any(report["stopped_early"] for report in reports),
            "kept_fraction": sum(kept) / len(kept),
            "key_frame": True,
            "bricks": len(self.places),
            "brick_psnr": [min(report["psnr"] for report in reports), max(report["psnr"] for report in reports)],
            "device": first["device"],
            "train_seconds": round(sum(float(report["train_seconds"]) for report in reports), 3),
            "decode_seconds": round(decoding, 4),
            "decode_mvoxel_s": round(self.parts.geometry.samples / max(decoding, 1e-9) / 1e6, 4),
            "measure_seconds": round(measuring, 3),
            "provider": first["provider"],
            "seed": self.config.seed,
            "seconds": round(time.perf_counter() - self.started, 3),
        }


def _voxels(place: BrickPlace) -> int:
    x, y, z = place.core[1]
    return x * y * z


def _nothing(volume: Volume, valid: np.ndarray) -> CompressResult:
    """A brick without any value."""
    zero = ((0.0, 0.0),) * volume.components
    field = NeuralField(
        spec=ConstantSpec(volume.geometry.half_extent, volume.components),
        arrays={},
        geometry=volume.geometry,
        name=volume.name,
        dtype=volume.values.dtype.newbyteorder("=").name,
        value_range=zero,
        vector=volume.values.ndim == 4,
        valid=valid,
    )
    report = {
        "network": "constant", "parameters": 0, "psnr": float("inf"), "decode_seconds": 0.0, "kept_fraction": 1.0,
        "stopped_early": False, "train_seconds": 0.0, "device": "none", "provider": "",
    }  # fmt: skip
    return CompressResult(NeuralFile.from_bytes(codec.to_bytes([field])), report)
