"""Compress values at scattered positions: as a volume over their box, measured where they are."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import Optional, Sequence

import numpy as np

from srn_core import codec, metrics
from srn_core.codec import Quality
from srn_core.compression import DEFAULT_RATIO, LEAST_DEFAULT_BYTES, CompressResult, compress_volume
from srn_core.config import CompressConfig, TargetConfig
from srn_core.errors import SrnInputError
from srn_core.neural_file import NeuralFile
from srn_core.progress import ProgressCallback
from srn_core.scattered import Samples, gridded

HEADER_ROOM = 32
"""Bytes left for the digits of figures that are measured at the samples."""


def compress_samples(
    samples: Samples,
    config: CompressConfig,
    dims: Optional[Sequence[int]] = None,
    progress: Optional[ProgressCallback] = None,
) -> CompressResult:
    """One array of samples in a file of its own. Raises SrnInputError where data or settings cannot be used.

    ``dims``: of the volume, as for :func:`srn_core.scattered.gridded`. Bytes and quality in the file and in the report
    are those of the samples, decoded by :meth:`NeuralFile.sample`. The positions are not in the file.
    """
    started = time.perf_counter()
    target = config.target
    if target.psnr is not None or target.max_error is not None or target.parameter_ratio is not None:
        raise SrnInputError(
            "of values at scattered positions only the size of the file can be promised; give a ratio or bytes"
        )
    size = samples.values.nbytes
    most = target.bytes or (int(size / target.ratio) if target.ratio else None)
    if most is None:
        most = max(int(size / DEFAULT_RATIO), LEAST_DEFAULT_BYTES)
    if most <= HEADER_ROOM:
        raise SrnInputError(f"{most} bytes were asked for, fewer than any file has; ask for more")
    volume = gridded(samples, dims)
    made = compress_volume(volume, replace(config, target=TargetConfig(bytes=most - HEADER_ROOM)), progress)
    quality = measured(samples, made.file)
    field = replace(made.file.fields[0], quality=quality, original_bytes=size)
    file = NeuralFile.from_bytes(codec.to_bytes([field]))
    if file.nbytes > most:
        raise SrnInputError(
            f"the file came out at {file.nbytes} bytes, but at most {most} were asked for; ask for more"
        )
    report = {
        **made.report,
        "bytes": file.nbytes,
        "original_bytes": size,
        "ratio": file.ratio,
        "psnr": quality.psnr,
        "rmse": quality.rmse,
        "max_error": quality.max_error,
        "ssim": quality.ssim,
        "target_bytes": most,
        "samples": len(samples.positions),
        "samples_left_out": int(np.count_nonzero(~samples.known)),
        "dims": list(volume.geometry.dims),
        "seconds": round(time.perf_counter() - started, 3),
    }
    return CompressResult(file, report, made.history, made.drop_rates)


def measured(samples: Samples, file: NeuralFile) -> Quality:
    """What the shipped decoder gives at the samples against their values, in the original dtype; SSIM is NaN, which
    only a grid has."""
    known = samples.known
    given = file.sample(samples.positions[known], outside="clamp").reshape(-1, samples.rows.shape[1])
    original = samples.rows[known]
    if original.dtype.kind != "f":
        limits = (0, 1) if original.dtype.kind == "b" else (np.iinfo(original.dtype).min, np.iinfo(original.dtype).max)
        given = np.clip(np.rint(given), *limits)
    as_line = (1, 1, *original.shape)
    before, after = original.reshape(as_line), given.astype(original.dtype).reshape(as_line)
    figures = (metrics.psnr(before, after), metrics.rmse(before, after), metrics.max_error(before, after))
    psnr, rmse, largest = (float(f"{figure:.7g}") for figure in figures)
    return Quality(psnr, rmse, largest, math.nan)
