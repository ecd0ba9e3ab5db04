"""Time steps, each compressed as it comes, with one target for all of them; and all of them in one neural file."""

from __future__ import annotations

import math
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Optional, Sequence

from srn_core.codec import limits
from srn_core.codec.field import OnMesh
from srn_core.codec.join import Place
from srn_core.compression import CompressResult
from srn_core.config import CompressConfig, TargetConfig, by_rate
from srn_core.errors import SrnInputError
from srn_core.key_frames import KeyFrames
from srn_core.mesh import Sampled
from srn_core.neural_file import NeuralFile
from srn_core.progress import Progress, ProgressCallback
from srn_core.several_arrays import (
    Room,
    bare,
    beside,
    check_size,
    place_of,
    places_bytes,
    report_of_all,
    stacked,
    together,
    too_little,
)
from srn_core.step_before import StepBefore
from srn_core.volume import Volume


class Series:
    """What a series of time steps knows of the steps it has, and what the next one is to keep to.

    A number of bytes holds for all steps and is shared out evenly; a ratio is the same for each step as for all, and so
    are a PSNR and a largest error. Networks that are trained start from those of the step before; of an fv-SRN by rate,
    steps of one file that are no key frames are stored as the difference to the one before. Usage, step by step:
    ``config, bare = series.settings(volumes)``, a compression of ``bare`` with ``series.before(bare)``,
    ``series.add(result, volumes)``.
    """

    def __init__(self, steps: int, config: CompressConfig, apart: bool = False) -> None:
        """``steps``: how many there will be; ``apart``: each goes into a file of its own.

        Raises SrnInputError for no steps.
        """
        if steps < 1:
            raise SrnInputError("there is no time step to compress")
        self.steps, self._config, self._apart = steps, config, apart
        self.times: list[float] = []
        self.results: list[CompressResult] = []
        self._places: list[Optional[Place]] = []
        self._frames = KeyFrames(0 if apart else steps, config)
        self._before: Optional[tempfile.TemporaryDirectory[str]] = None
        self._started = time.perf_counter()

    def timed(self, volumes: Sequence[Sampled], when: Optional[float] = None) -> list[Sampled]:
        """The volumes of the next step with their time: ``when``, else the one they know, else the step's number.

        Raises SrnInputError for a time that is no number, or that an earlier step has.
        """
        known = next((volume.time for volume in volumes if volume.time is not None), float(len(self.times)))
        when = known if when is None else float(when)
        if not math.isfinite(when):
            raise SrnInputError(f"the time of step {len(self.times) + 1} must be a number, not {when}")
        if when in self.times:
            raise SrnInputError(
                f"steps {self.times.index(when) + 1} and {len(self.times) + 1} have the same time, {when:g}; give each "
                "step its own time"
            )
        return [replace(volume, time=when) for volume in volumes]

    def settings(self, volumes: Sequence[Sampled]) -> tuple[CompressConfig, list[Sampled]]:
        """How the next step is to be compressed, and as what: where all go into one file, that file has its points."""
        limit = self._config.time_limit
        limit = None if limit is None else limit / self.steps
        config = replace(self._config, target=self._share(volumes), time_limit=limit)
        start = self._start_for(volumes)
        if start is not None:
            config = replace(config, training=replace(config.training, start=start))
        if self._apart:
            return config, list(volumes)
        return config, [bare(volume, config.target) for volume in volumes]

    def before(self, volumes: Sequence[Sampled]) -> list[Optional[StepBefore]]:
        """Of each volume of the next step, the decoded step that it may be stored as the difference to."""
        return self._frames.before(volumes)

    def add(self, result: CompressResult, volumes: Sequence[Sampled]) -> None:
        """The step is done. Raises SrnInputError where all steps will be more than one file may hold."""
        if not self._apart:
            self._check_room(result.file)
        self._frames.add(result)
        self.results.append(result)
        self.times.append(float(volumes[0].time or 0.0))
        self._places += [self._shared(place_of(volume)) for volume in volumes]
        if not by_rate(self._config) and self._config.network != "auto":
            self._before = self._before or tempfile.TemporaryDirectory(prefix="srn-")
            result.file.save(self._start_file)

    def told(self, progress: Optional[ProgressCallback]) -> Optional[ProgressCallback]:
        """Progress of the next step as progress of the whole, with the time that is left for all steps."""
        if progress is None:
            return None
        number = len(self.results)

        def tell(report: Progress) -> Optional[bool]:
            done = (number + report.fraction) / self.steps
            elapsed = time.perf_counter() - self._started
            left = elapsed * (1.0 - done) / done if done > 0.01 else None
            phase = f"step {number + 1} of {self.steps}: {report.phase}"
            return progress(replace(report, phase=phase, fraction=done, eta_seconds=left))

        return tell

    def whole(self) -> CompressResult:
        """All steps so far in one file. Raises SrnInputError where they are more than was asked for.

        The report has the totals, and under "time_steps" the report of each step, with its "time".
        """
        file = self.so_far()
        check_size(file, self._config.target)
        reports = [{"time": when, **result.report} for when, result in zip(self.times, self.results)]
        report: dict[str, Any] = report_of_all(file, self.results, self._started)
        if len(self.results) < self.steps:
            report.update(stopped_early=True, stopped_by="the user")
        if all("max_error" in one for one in reports):
            report["max_error"] = max(one["max_error"] for one in reports)
        report["key_frames"] = self._frames.adds_to.count(None)
        report["time_steps"] = reports
        report["time_steps_asked"] = self.steps
        names = [f"time {when:g}" for when in self.times]
        return CompressResult(file, report, stacked(self.results, "time", self.times), beside(self.results, names))

    def so_far(self) -> NeuralFile:
        """The steps that there are, in one file."""
        places = self._places if any(where is not None for where in self._places) else None
        return NeuralFile.from_bytes(
            together([result.file for result in self.results], self._config, places, self._frames.adds_to)
        )

    def _check_room(self, step: NeuralFile) -> None:
        """After the first step, not after the last: corrections are all in memory when a file is open."""
        corrected = sum(
            field.geometry.samples * (1 + limits.MASK_VOXELS_PER_CORRECTION * len(field.value_range))
            for field in step.fields
            if field.corrections is not None
        )
        if corrected * self.steps > limits.MAX_MASK_VOXELS:
            raise SrnInputError(
                f"the corrections of {self.steps} time steps are more than one file may hold; write a file for each "
                "(--each), or ask for a PSNR"
            )

    def _share(self, volumes: Sequence[Sampled]) -> TargetConfig:
        """What the next step is to keep to."""
        target, places = self._config.target, [place_of(volume) for volume in volumes]
        if self._apart:
            return target if target.bytes is None else TargetConfig(bytes=self._bytes_each(target.bytes))
        all_of_them, before = places_bytes([*self._places, *places]), places_bytes(self._places)
        room = Room(all_of_them.beside - before.beside, all_of_them.meshes - before.meshes)
        grids = room.beside + (room.meshes if target.bytes is not None else 0)
        if not self.results:
            self._grids_each = -(-grids // self.steps)
        # Those of the first step, as a rule of all, are paid for by all; further ones by the step that brings them.
        price = self._grids_each + (grids if self.results else 0)
        if target.bytes is not None:
            most = self._bytes_each(target.bytes)
        elif target.ratio is not None and price:
            most = int(sum(volume.nbytes for volume in volumes) / target.ratio)
        else:
            return target
        if most <= price:
            raise SrnInputError(too_little(all_of_them, price, most, " for each step"))
        return TargetConfig(bytes=most - price)

    def _shared(self, place: Optional[Place]) -> Optional[Place]:
        """A mesh that an earlier step has too is in memory once."""
        if isinstance(place, OnMesh):
            for known in self._places:
                if isinstance(known, OnMesh) and known.mesh == place.mesh:
                    return replace(place, mesh=known.mesh)
        return place

    def _bytes_each(self, whole: int) -> int:
        if whole < self.steps:
            raise SrnInputError(f"{whole} bytes cannot be shared out among {self.steps} time steps; ask for more")
        return whole // self.steps

    @property
    def _start_file(self) -> Path:
        assert self._before is not None
        return Path(self._before.name) / "before.srn"

    def _start_for(self, volumes: Sequence[Sampled]) -> Optional[str]:
        """The file of the step before, where each volume finds in it a network that it can start from."""
        if self._before is None:
            return None
        fields = {field.name: field for field in self.results[-1].file.fields}
        for volume in volumes:
            field = None if volume.block else fields.get(volume.name)
            if field is None or field.spec.kind != self._config.network or not isinstance(volume, Volume):
                return None
            if field.geometry.dims != volume.geometry.dims or len(field.value_range) != volume.components:
                return None
        return str(self._start_file)
