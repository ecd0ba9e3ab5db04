"""Compress an array of a mesh: a promised largest error is kept at its points or cells, by corrections there."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import Optional

import numpy as np

from srn_core import codec
from srn_core.codec import Corrections
from srn_core.codec.corrections_section import stored_on_samples
from srn_core.codec.field import OnMesh
from srn_core.compression import (
    STAND_IN,
    CompressResult,
    component_ranges,
    compress_volume,
    ranges_of,
    target_bytes,
)
from srn_core.config import CompressConfig, TargetConfig, by_rate, error_bound
from srn_core.corrections import corrections_for, guard_of
from srn_core.deadline import Deadline
from srn_core.errors import SrnInputError
from srn_core.mesh import MeshArray
from srn_core.neural_file import NeuralFile
from srn_core.progress import ProgressCallback, share_of
from srn_core.provenance import provenance_of
from srn_core.sampled_quality import quality_of
from srn_core.scattered_compression import (
    ENOUGH,
    MOST_PSNR,
    Grids,
    box_of,
    compress_samples,
    report_of,
    samples_of,
    time_left,
)

USUAL_RMSE = 0.4
"""Root mean square error of the field, in largest errors, that takes about the fewest bytes, corrections included."""
STRIDE = 4.0
"""dB between tries; around the best one half as many."""
TRIES = 5


def compress_mesh_array(
    array: MeshArray, config: CompressConfig, progress: Optional[ProgressCallback] = None
) -> CompressResult:
    """One array of a mesh in a file of its own: see :func:`srn_core.scattered_compression.compress_samples`.

    The mesh is in it only where a largest error is to be kept, which its decoded points or cells have.
    """
    if config.target.max_error is not None and array.kept:
        return _to_error(array, config, progress)
    return compress_samples(samples_of(array), config, array.dims, progress, box_of(array.mesh), array.nbytes)


@dataclass(frozen=True)
class _Try:
    made: CompressResult
    corrections: Optional[Corrections]
    """Of the samples that hold a value."""
    nbytes: int


class _Tries:
    """Fields of a volume, each with the corrections that it needs at the samples."""

    def __init__(self, array: MeshArray, config: CompressConfig, progress: Optional[ProgressCallback]) -> None:
        self.samples, self.config, self.progress = samples_of(array), config, progress
        self.deadline = Deadline(config.time_limit)
        ranges = ranges_of(self.samples.rows)
        asked = config.target.max_error
        assert asked is not None
        self.bound = error_bound(asked, ranges)
        self.span = max(high - low for low, high in ranges)
        self.wanted = MOST_PSNR
        if self.bound > 0 < self.span:
            self.wanted = min(max(20.0 * math.log10(self.span / (USUAL_RMSE * self.bound)), 1.0), MOST_PSNR)
        for volume, fit in Grids(self.samples, array.dims, box_of(array.mesh)).fitted():
            self.volume = volume
            if fit >= self.wanted + ENOUGH:
                break
        # What the file tells of the range is the volume's: a share of it must hold there too.
        self.bound = min(self.bound, error_bound(asked, component_ranges(self.volume, None)))
        if self.span > 0.0:
            self._corrections(self.samples.rows.astype(np.float64))  # refuses what nothing could keep

    def best(self) -> _Try:
        """The smallest. Raises SrnInputError where none can keep the largest error."""
        if self.span == 0.0 or not (by_rate(self.config) or self.config.network == "auto"):
            room = target_bytes(self.samples.values.nbytes, replace(self.config, target=TargetConfig()))
            return self._tried(TargetConfig(bytes=room), self.progress)
        best: Optional[_Try] = None
        refused: Optional[SrnInputError] = None
        seen: set[float] = set()
        middle = self.wanted
        while len(seen) < TRIES:
            psnr = _next(middle, seen)
            if psnr is None:
                break
            told = share_of(self.progress, len(seen) / TRIES, 1.0 / TRIES)
            seen.add(psnr)
            try:
                one = self._tried(TargetConfig(psnr=psnr), told)
            except SrnInputError as error:
                refused = error
                continue
            if best is None or one.nbytes < best.nbytes:
                best, middle = one, psnr
            if one.made.report["stopped_early"] or self.deadline.over():
                break
        if best is None:
            assert refused is not None
            raise refused
        return best

    def _tried(self, target: TargetConfig, told: Optional[ProgressCallback]) -> _Try:
        config = replace(time_left(self.config, self.deadline), target=target)
        made = compress_volume(self.volume, config, told, samples=self.samples)
        given = made.file.sample(self.samples.positions, outside="clamp").reshape(self.samples.rows.shape)
        found = None if self.span == 0.0 else self._corrections(given)
        if found is None:
            return _Try(made, None, made.file.nbytes)
        return _Try(
            made, found, made.file.nbytes + len(stored_on_samples(found, (len(given), given.shape[1]), "the array")[1])
        )

    def _corrections(self, given: np.ndarray) -> Optional[Corrections]:
        """Of values (samples, components) that were decoded. Raises SrnInputError where they cannot be mended."""
        rows = self.samples.rows
        tall, guard = (len(rows), 1, 1, rows.shape[1]), guard_of(self.bound, self.span)
        found = corrections_for(rows.reshape(tall), given.reshape(tall), self.bound, guard)
        return None if found is None else Corrections(found.codes.reshape(rows.shape), found.step)


def _next(middle: float, seen: set[float]) -> Optional[float]:
    """A PSNR near one that was not tried yet: below it, above it, then nearer to it; None: all were."""
    stride = STRIDE
    while stride >= 1.0:
        for psnr in (middle, middle - stride, middle + stride):
            if psnr not in seen and 0.0 < psnr <= MOST_PSNR:
                return psnr
        stride /= 2.0
    return None


def _to_error(array: MeshArray, config: CompressConfig, progress: Optional[ProgressCallback]) -> CompressResult:
    """The array with its mesh in a file that keeps a largest error at each sample, which the shipped decoder tells."""
    started, known, tries = time.perf_counter(), array.validity(), _Tries(array, config, progress)
    found = tries.best()
    corrections = None
    if found.corrections is not None:
        codes = np.zeros((len(known), array.components), np.int32)
        codes[known] = found.corrections.codes
        corrections = Corrections(codes, found.corrections.step)
    field = replace(
        found.made.file.fields[0],
        quality=STAND_IN,
        original_bytes=array.nbytes,
        dtype=array.values.dtype.name,
        blanked=tries.samples.blanked,
        provenance=provenance_of(config),
        mesh=OnMesh(array.mesh, array.association, None if known.all() else known, corrections=corrections),
    )
    back = NeuralFile.from_bytes(codec.to_bytes([field])).decode_on_mesh().values
    quality = quality_of(*(values.reshape(len(values), -1)[known] for values in (array.values, back)))
    if not quality.max_error <= tries.bound * (1.0 + 1e-6):
        raise SrnInputError(
            f"a largest error of {tries.bound:g} was asked for, but decoding gave {quality.max_error:g}; ask for more"
        )
    file = NeuralFile.from_bytes(codec.to_bytes([replace(field, quality=quality)]))
    corrected = 0 if corrections is None else int(np.count_nonzero(corrections.codes.any(axis=1)))
    report = report_of(found.made, file, quality, tries.samples, None, started)
    return replace(found.made, file=file, report={**report, "samples_corrected": corrected})
