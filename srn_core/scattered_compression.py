"""Compress values at scattered positions: as a volume over their box, measured where they are."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from itertools import islice
from typing import Any, Iterator, Optional, Sequence

import numpy as np

from srn_core import codec, metrics
from srn_core.codec import Quality
from srn_core.compression import DEFAULT_RATIO, LEAST_DEFAULT_BYTES, CompressResult, compress_volume
from srn_core.config import CompressConfig, TargetConfig, by_rate
from srn_core.deadline import Deadline
from srn_core.errors import SrnInputError
from srn_core.mesh import Mesh, MeshArray
from srn_core.neural_file import NeuralFile
from srn_core.progress import ProgressCallback, share_of
from srn_core.provenance import provenance_of
from srn_core.sampled_quality import measured
from srn_core.scattered import Samples, gridded, interpolated
from srn_core.volume import Volume

HEADER_ROOM = 48
"""Bytes left for the digits of figures that are measured at the samples."""
FINENESS = (2.0, 8.0, 32.0)
"""Voxels for each sample that are tried, where no dims are given; of a size the first two alone."""
LIMITED = 6.0
"""dB by which the coded volume must stay below the one that was fitted: else a finer one may be better."""
ENOUGH = 3.0
"""dB by which the fitted volume must be above a PSNR that was asked for."""
TRIES = 6
"""Attempts at a PSNR, which holds at the samples, by that of the volume."""
ABOVE = 0.5
"""dB above the PSNR that was asked for that are as good as it."""
MOST_PSNR = 150.0
"""Of the volume."""


def samples_of(array: MeshArray) -> Samples:
    """The samples that hold a value. Raises SrnInputError as :meth:`MeshArray.validity`."""
    known = array.validity()
    where = array.mesh.positions(array.association)[known]
    blanked = array.blanked and not bool(known.all())
    return Samples(where, array.values[known], array.name, array.units, array.time, array.block, blanked)


def box_of(mesh: Mesh) -> np.ndarray:
    """(2, 3) float64: the ends of the box that the points of a mesh lie in, those aside that lie nowhere."""
    points = mesh.points[np.isfinite(mesh.points).all(axis=1)]
    return np.array([points.min(axis=0), points.max(axis=0)], np.float64)


def compress_samples(
    samples: Samples,
    config: CompressConfig,
    dims: Optional[Sequence[int]] = None,
    progress: Optional[ProgressCallback] = None,
    box: Optional[np.ndarray] = None,
    original_bytes: Optional[int] = None,
) -> CompressResult:
    """One array of samples in a file of its own. Raises SrnInputError where data or settings cannot be used.

    ``dims``, ``box``: of the volume, as for :func:`srn_core.scattered.gridded`. Bytes and quality in the file and in
    the report are those of the samples, decoded by :meth:`NeuralFile.sample`. The positions are not in the file.
    ``original_bytes``: of the whole array, of which these samples alone have a value.
    """
    started = time.perf_counter()
    target = config.target
    if target.max_error is not None or target.parameter_ratio is not None:
        raise SrnInputError(
            "of values at scattered positions no parameter ratio can be promised, and a largest error only where they "
            "are an array of a mesh that goes into the file (geometry keep): its corrections belong to the mesh's "
            "points or cells; give a ratio, bytes or a PSNR, or keep the mesh"
        )
    size = samples.values.nbytes if original_bytes is None else original_bytes
    grids = Grids(samples, dims, box)
    most = None
    if target.psnr is not None:
        made = _landed(grids, config, target.psnr, progress)
    else:
        most = target.bytes or (int(size / target.ratio) if target.ratio else None)
        if most is None:
            most = max(int(size / DEFAULT_RATIO), LEAST_DEFAULT_BYTES)
        if most <= HEADER_ROOM:
            raise SrnInputError(f"{most} bytes were asked for, fewer than any file has; ask for more")
        made = _best(grids, replace(config, target=TargetConfig(bytes=most - HEADER_ROOM)), progress)
    quality = measured(samples, made.file)
    field = replace(
        made.file.fields[0],
        quality=quality,
        original_bytes=size,
        dtype=samples.values.dtype.name,
        blanked=samples.blanked,
        provenance=provenance_of(config),
    )
    file = NeuralFile.from_bytes(codec.to_bytes([field]))
    if most is not None and file.nbytes > most:
        raise SrnInputError(
            f"the file came out at {file.nbytes} bytes, but at most {most} were asked for; ask for more"
        )
    report = report_of(made, file, quality, samples, most, started)
    return CompressResult(file, report, made.history, made.drop_rates)


def report_of(
    made: CompressResult, file: NeuralFile, quality: Quality, samples: Samples, most: Optional[int], started: float
) -> dict[str, Any]:
    """The report of a volume's compression, as one of the samples that it stands for; a mesh in the file left aside."""
    field = file.fields[0]
    nbytes = file.nbytes - file.mesh_bytes
    return {
        **made.report,
        "bytes": nbytes,
        "original_bytes": field.original_bytes,
        "ratio": field.original_bytes / nbytes,
        "psnr": quality.psnr,
        "rmse": quality.rmse,
        "max_error": quality.max_error,
        "ssim": quality.ssim,
        "target_bytes": most,
        "samples": len(samples.positions),
        "samples_left_out": int(np.count_nonzero(~samples.known)),
        "dims": list(field.geometry.dims),
        "seconds": round(time.perf_counter() - started, 3),
    }


class Grids:
    """Volumes for samples, each finer than the one before."""

    def __init__(self, samples: Samples, dims: Optional[Sequence[int]], box: Optional[np.ndarray]) -> None:
        self.samples, self._dims, self._box = samples, dims, box

    def fitted(self) -> Iterator[tuple[Volume, float]]:
        """A volume, and the PSNR at the samples with which it is fitted to them."""
        before: Optional[Volume] = None
        for per_sample in FINENESS if self._dims is None else FINENESS[:1]:
            volume = gridded(self.samples, self._dims, self._box, per_sample)
            if before is not None and before.geometry.dims == volume.geometry.dims:
                return
            before, known = volume, self.samples.known
            yield volume, _psnr(self.samples.rows[known], interpolated(volume, self.samples.positions[known]))


def _best(grids: Grids, config: CompressConfig, progress: Optional[ProgressCallback]) -> CompressResult:
    """The file of a size that is nearest to the samples: a finer volume is tried where the fit is what limits it, and
    no network has to be trained for it."""
    deadline, best, most_found, begin = Deadline(config.time_limit), None, -math.inf, 0.0
    tries = 2 if by_rate(config) else 1
    for volume, fit in islice(grids.fitted(), tries):
        share = 1.0 if tries == 1 else 0.6 if begin == 0 else 0.4
        # A network's own figures, its PSNR so far among them, are told as they are.
        told = progress if tries == 1 else share_of(progress, begin, share)
        made = compress_volume(volume, time_left(config, deadline), told, samples=grids.samples)
        found, begin = measured(grids.samples, made.file).psnr, begin + share
        if best is None or found > most_found:
            best, most_found = made, found
        if found < max(fit - LIMITED, most_found) or found == math.inf or made.report["stopped_early"]:
            break
    assert best is not None
    return best


def _landed(
    grids: Grids, config: CompressConfig, wanted: float, progress: Optional[ProgressCallback]
) -> CompressResult:
    """The file of a volume that keeps to a PSNR at the samples, found by asking for others of the volume."""
    for volume, fit in grids.fitted():  # noqa: B007 (the first one that is enough, or the last one)
        if fit >= wanted + ENOUGH:
            break
    if fit < wanted:
        raise SrnInputError(_too_much(wanted, volume, fit))
    deadline, below, above, asked = Deadline(config.time_limit), -math.inf, math.inf, wanted
    best: Optional[CompressResult] = None
    most_found = -math.inf
    for attempt in range(TRIES):
        told = share_of(progress, attempt / TRIES, 1.0 / TRIES)
        try:
            made = compress_volume(volume, replace(time_left(config, deadline), target=TargetConfig(psnr=asked)), told)
        except SrnInputError:
            if attempt == 0:
                raise
            break  # more than any file can give
        found = measured(grids.samples, made.file).psnr
        most_found = max(most_found, found)
        if found >= wanted:
            above = min(above, asked)
            if best is None or made.file.nbytes < best.file.nbytes:
                best = made
            if found <= wanted + ABOVE or made.report["stopped_early"]:
                break
        else:
            below = max(below, asked)
        asked = min(max(asked + 1.05 * (wanted + ABOVE / 2 - found), 1.0), MOST_PSNR)
        if not below < asked < above:
            asked = (below + above) / 2 if math.isfinite(below + above) else asked
        if not below < asked < above or above - below < 0.05:
            break
    if best is None:
        raise SrnInputError(_too_much(wanted, volume, most_found))
    return best


def _too_much(wanted: float, volume: Volume, found: float) -> str:
    dims = " x ".join(map(str, volume.geometry.dims))
    return (
        f"a PSNR of {wanted:g} dB is more than a volume of {dims} voxels can give at these samples, {found:.1f} dB at "
        "most; ask for less"
    )


def time_left(config: CompressConfig, deadline: Deadline) -> CompressConfig:
    """The settings for another try in what is left of the time."""
    return config if config.time_limit is None else replace(config, time_limit=max(deadline.left(), 1e-3))


def _psnr(original: np.ndarray, given: np.ndarray) -> float:
    """Of rows (N, components)."""
    return metrics.psnr(original[None, None].astype(np.float64), given[None, None])
