"""The library's front door: compress, load, evaluate."""

from __future__ import annotations

import math
from functools import partial
from os import PathLike
from pathlib import Path as FilePath
from typing import Any, Iterator, Mapping, Optional, Sequence, Union

import numpy as np

from srn_core import atomic, codec, metrics
from srn_core.bricks.places import region_of
from srn_core.codec import NeuralField, Quality
from srn_core.compression import CompressResult
from srn_core.config import CompressConfig
from srn_core.errors import SrnError, SrnInputError
from srn_core.in_bricks.measuring import tally
from srn_core.mesh import MeshArray, Sampled
from srn_core.neural_file import NeuralFile
from srn_core.opened import OpenedFiles
from srn_core.parts import VolumeParts
from srn_core.progress import Progress, ProgressCallback
from srn_core.pulse import pulsed
from srn_core.sampled_quality import measured, quality_of
from srn_core.scattered import Samples
from srn_core.scattered_compression import compress_samples as compress_scattered
from srn_core.scattered_compression import samples_of
from srn_core.series import Series
from srn_core.several_arrays import compress_arrays
from srn_core.step_before import StepBefore
from srn_core.volume import Volume

__all__ = [
    "CompressResult",
    "NeuralFile",
    "compress",
    "compress_samples",
    "compress_series",
    "compress_steps",
    "evaluate",
    "load",
]

Path = Union[str, "PathLike[str]"]
Source = Union[Sampled, VolumeParts, np.ndarray, str, "PathLike[str]"]


def compress(
    source: Union[Source, Sequence[Sampled]],
    out: Optional[Path] = None,
    *,
    array: Union[str, Sequence[str], None] = None,
    config: Union[CompressConfig, Mapping[str, Any], None] = None,
    progress: Optional[ProgressCallback] = None,
    before: Optional[Sequence[Optional[StepBefore]]] = None,
    **settings: Any,
) -> CompressResult:
    """Compress a volume, an array of a mesh, or several, into a small neural file.

    Of several, a ratio and a number of bytes hold for the whole file, other targets for each array.

    Args:
        source: a :class:`Volume`, an array (z, y, x[, component]), the path of a volume file, a :class:`MeshArray`, a
            list of these, or :class:`srn_core.parts.VolumeParts`, which are read brick by brick.
        out: where to write the ``.srn`` file; None: keep it in memory (``result.file``).
        array: which array of a file, or which ones; by default its only one.
        config: the settings, as a :class:`CompressConfig` or a (nested) dict.
        progress: called with a :class:`Progress` at least every 0.2 s; returning False stops the
            training, and the best state so far is packed.
        before: of each volume, the time step before it, as :meth:`srn_core.series.Series.before` gives them.
        **settings: single settings on top of ``config``: ``ratio=100``, ``bytes=20000``, ``psnr=50``,
            ``max_error="0.5%"``, ``seconds=60``, ``passes=50`` or any dotted name, as in ``**{"fvsrn.features": 4}``.

    Returns:
        The file, a report and the training's history.

    Raises:
        SrnInputError: for data or settings that cannot be used.
        SrnMissingPackageError: where torch, or what reads the source, is not installed.
    """
    chosen = _chosen(config, settings)
    if out is not None:
        atomic.checked_target(out)
    volumes = _volumes(source, array)
    result = pulsed(partial(compress_arrays, volumes, chosen, before=before), progress)
    if out is not None:
        result.file.save(out)
    return result


def compress_samples(
    positions: np.ndarray,
    values: np.ndarray,
    out: Optional[Path] = None,
    *,
    name: str = "values",
    dims: Optional[Sequence[int]] = None,
    config: Union[CompressConfig, Mapping[str, Any], None] = None,
    progress: Optional[ProgressCallback] = None,
    **settings: Any,
) -> CompressResult:
    """Compress values at scattered positions: points of an unstructured grid or a surface, particles.

    The file holds a volume over the box of the positions, and not the positions: ``result.file.sample(positions)``
    gives the values back. Ratio and quality, in the report and in the file, are those of the values at the positions;
    the SSIM is NaN. Samples that are not finite are left out, and counted as "samples_left_out" in the report.

    Args:
        positions: (N, 3), world coordinates.
        values: (N,) or (N, components).
        name: of the array.
        dims: points of the volume along x, y and z; by default twice as many voxels as samples, in cubes.
        out, config, progress, settings: as for :func:`compress`; the target is a ratio, a number of bytes or a PSNR.

    Raises:
        SrnInputError: for data or settings that cannot be used.
        SrnMissingPackageError: where torch is asked for and not installed.
    """
    chosen = _chosen(config, settings)
    if out is not None:
        atomic.checked_target(out)
    samples = Samples(np.asarray(positions), np.asarray(values), name)
    result = pulsed(partial(compress_scattered, samples, chosen, dims), progress)
    if out is not None:
        result.file.save(out)
    return result


def compress_series(
    steps: Sequence[Union[Source, Sequence[Sampled]]],
    out: Optional[Path] = None,
    *,
    times: Optional[Sequence[float]] = None,
    array: Union[str, Sequence[str], None] = None,
    config: Union[CompressConfig, Mapping[str, Any], None] = None,
    progress: Optional[ProgressCallback] = None,
    **settings: Any,
) -> CompressResult:
    """Compress time steps into one small neural file.

    A ratio, a number of bytes and a time limit hold for the whole file, other targets for each step. One step is in
    memory at a time. Of an fv-SRN by rate, steps that are not key frames are stored as the difference to the step
    before, where that is the cheaper one (``**{"series.key_every": 1}``: none is).
    Where ``progress`` returns False, the steps that are done by then are in the file, and the report says
    "stopped_early". Where a step cannot be used, those before it are kept in a file beside ``out``, which the error
    names.

    Args:
        steps: the steps in their order, each as :func:`compress` takes it. Any sequence will do: each step is
            asked for when its turn comes, and let go after it.
        times: of each step; by default what the steps know themselves, else their numbers from 0 on.
        out, array, config, progress, settings: as for :func:`compress`.

    Returns:
        The file, a report with a list "time_steps", and the training's history.

    Raises:
        SrnInputError: for data, times or settings that cannot be used; the line names the step.
        SrnMissingPackageError: where torch, or what reads a step, is not installed.
    """
    if out is not None:
        atomic.checked_target(out)
    series = Series(len(steps), _chosen(config, settings))
    try:
        for _ in _run(series, steps, times, array, progress):
            pass
    except (SrnError, MemoryError, OSError) as error:
        if out is not None and series.results:
            kept = FilePath(out).with_suffix(".unfinished.srn")
            series.so_far().save(kept)
            raise SrnInputError(f"{error}; the {len(series.results)} steps before it are in '{kept}'") from error
        raise
    result = series.whole()
    if out is not None:
        result.file.save(out)
    return result


def compress_steps(
    steps: Sequence[Union[Source, Sequence[Sampled]]],
    *,
    times: Optional[Sequence[float]] = None,
    array: Union[str, Sequence[str], None] = None,
    config: Union[CompressConfig, Mapping[str, Any], None] = None,
    progress: Optional[ProgressCallback] = None,
    **settings: Any,
) -> Iterator[CompressResult]:
    """Compress time steps into a file for each, and give each as soon as it is done.

    A number of bytes holds for all files together. Arguments and what is raised: as for :func:`compress_series`.
    """
    return _run(Series(len(steps), _chosen(config, settings), apart=True), steps, times, array, progress)


def _run(
    series: Series,
    steps: Sequence[Union[Source, Sequence[Sampled]]],
    times: Optional[Sequence[float]],
    array: Union[str, Sequence[str], None],
    progress: Optional[ProgressCallback],
) -> Iterator[CompressResult]:
    """Compress step after step until the user stops."""
    if times is not None and len(times) != series.steps:
        raise SrnInputError(f"there are {len(times)} times for {series.steps} time steps; give one for each")
    stopped = False

    def told(report: Progress) -> bool:
        nonlocal stopped
        stopped = stopped or (progress is not None and progress(report) is False)
        return not stopped

    for place in range(len(steps)):
        try:
            volumes = series.timed(_volumes(steps[place], array), None if times is None else times[place])
            chosen, bare = series.settings(volumes)
            result = pulsed(partial(compress_arrays, bare, chosen, before=series.before(bare)), series.told(told))
            series.add(result, volumes)
        except SrnInputError as error:
            if stopped and series.results:
                return  # one that was stopped early need not keep to its promise; those before do
            raise SrnInputError(f"step {place + 1}: {error}") from error
        yield result
        if stopped:
            return


def _chosen(config: Union[CompressConfig, Mapping[str, Any], None], settings: Mapping[str, Any]) -> CompressConfig:
    base = config if isinstance(config, CompressConfig) else CompressConfig.from_dict(config or {})
    return base.with_settings({SHORT.get(name, name): value for name, value in settings.items()})


SHORT = {
    "ratio": "target.ratio",
    "bytes": "target.bytes",
    "psnr": "target.psnr",
    "max_error": "target.max_error",
    "seconds": "training.seconds",
    "passes": "training.passes",
}
"""Short names of the settings one reaches for most."""
_OPENED = OpenedFiles()


def load(source: Union[Path, bytes], providers: Optional[str] = None, threads: Optional[int] = None) -> NeuralFile:
    """Open a neural file, given its path or its bytes.

    Equal contents and options give one and the same object, so that what one user of it has decoded serves the others;
    see :class:`srn_core.opened.OpenedFiles`.

    Args:
        providers: what decodes: None or "auto" chooses what ONNX Runtime has, in the order "cuda", "tensorrt", "dml",
            "coreml", "openvino", "cpu"; or one of these by name.
        threads: CPU threads; None: what the environment variable SRN_THREADS says, else as many as this process may
            use.

    Raises:
        SrnFormatError: where the bytes are not a whole, undamaged SRN file.
        SrnInputError: where the file cannot be read, or threads are fewer than one.
    """
    from onnx_export.threads import thread_count

    data = bytes(source) if isinstance(source, (bytes, bytearray, memoryview)) else codec.read_bytes(source)
    return _OPENED.open(data, providers, thread_count(threads))


def evaluate(
    file: Union[NeuralFile, Path, bytes], original: Source, array: Optional[str] = None, time: Optional[float] = None
) -> Quality:
    """Measure the shipped decoder's result against the original, on valid voxels, in the original dtype.

    ``time``: of which time step; by default the original's own. Raises SrnInputError where that is none of several.
    """
    opened = file if isinstance(file, NeuralFile) else load(file)
    if isinstance(original, VolumeParts):
        when = _time_of(original, opened) if time is None else time
        return _evaluate_parts(opened, original, opened.field(array, when))
    volume = _volume(original, array)
    field = opened.field(array, _time_of(volume, opened) if time is None else time)
    if isinstance(volume, MeshArray):
        return _evaluate_samples(opened, volume, field)
    if volume.values.shape != (*field.geometry.shape, *volume.values.shape[3:]) or volume.components != len(
        field.value_range
    ):
        raise SrnInputError(
            f"the file's array '{field.name}' is {field.geometry.dims} x {len(field.value_range)} component(s), the "
            f"original {volume.geometry.dims} x {volume.components}; they cannot be compared"
        )
    measured = metrics.measure(volume.values, opened.decode(array=field).values, volume.validity())
    return Quality(measured.psnr, measured.rmse, measured.max_error, measured.ssim)


def _evaluate_samples(file: NeuralFile, array: MeshArray, field: NeuralField) -> Quality:
    if array.components != len(field.value_range):
        raise SrnInputError(
            f"the file's array '{field.name}' has {len(field.value_range)} component(s), the original "
            f"{array.components}; they cannot be compared"
        )
    where = field.mesh
    if where is not None and where.association == array.association and where.mesh == array.mesh:
        known, given = array.validity(), file.decode_on_mesh(field).values
        return quality_of(*(values.reshape(len(values), -1)[known] for values in (array.values, given)))
    return measured(samples_of(array), file, field)


def _time_of(original: Union[Sampled, VolumeParts], file: NeuralFile) -> Optional[float]:
    """The original's time, where the file has several. Raises SrnInputError where it is not one of them."""
    times, when = file.times, original.time
    if len(times) > 1 and not any(when is not None and math.isclose(when, time, abs_tol=1e-9) for time in times):
        own = "does not know its own time" if when is None else f"is of another time, {when:g}"
        raise SrnInputError(
            f"the file has {len(times)} time steps, from {times[0]:g} to {times[-1]:g}, and the original {own}; say "
            "which step is meant (time)"
        )
    return when


def _evaluate_parts(file: NeuralFile, original: VolumeParts, field: NeuralField) -> Quality:
    """As :func:`evaluate`, layer after layer: neither the original nor the decoded field is in memory as a whole."""
    if original.geometry.dims != field.geometry.dims or original.components != len(field.value_range):
        raise SrnInputError(
            f"the file's array '{field.name}' is {field.geometry.dims} x {len(field.value_range)} component(s), the "
            f"original {original.geometry.dims} x {original.components}; they cannot be compared"
        )
    every = region_of((0, 0, 0), original.geometry.dims)
    low = min(a for a, _ in field.value_range)
    return tally(file, field, original, every, every).quality(max(b for _, b in field.value_range) - low)


def _volumes(source: Union[Source, Sequence[Sampled]], array: Union[str, Sequence[str], None]) -> list[Any]:
    if isinstance(source, VolumeParts):
        return [source]
    if isinstance(source, (list, tuple)) and all(isinstance(one, (Volume, VolumeParts, MeshArray)) for one in source):
        return list(source)
    single: Any = source
    names = [array] if array is None or isinstance(array, str) else list(array)
    return [_volume(single, name) for name in names]


def _volume(source: Any, array: Optional[str]) -> Sampled:
    if isinstance(source, (Volume, MeshArray)):
        return source
    if isinstance(source, np.ndarray):
        return Volume.from_array(source, array or "values")
    from srn_core.io import read_source

    return read_source(source, array)
