"""One compression from beginning to end: train, cut to size, pack, read back, measure."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Optional

import numpy as np

from srn_core import codec, metrics
from srn_core.codec import NeuralField, Quality
from srn_core.config import (
    CompressConfig,
    NeurcompConfig,
    PruningConfig,
    QuantiseConfig,
    TrainingConfig,
    by_rate,
    error_bound,
)
from srn_core.corrections import kept_to
from srn_core.deadline import Deadline
from srn_core.errors import SrnInputError, SrnMissingPackageError
from srn_core.idle_settings import refuse_idle_settings
from srn_core.job_progress import JobProgress
from srn_core.neural_file import NeuralFile
from srn_core.prediction.places import predictor_of
from srn_core.prediction.predictor import Predictor
from srn_core.prediction.start_settings import forecast_of, neurcomp_is_worth_it, with_predicted
from srn_core.progress import ProgressCallback
from srn_core.promise import promise_of
from srn_core.provenance import provenance_of
from srn_core.sampled_quality import measured
from srn_core.scattered import Samples
from srn_core.settings import left_open
from srn_core.spec import ConstantSpec, FvSrnSpec
from srn_core.step_before import StepBefore
from srn_core.volume import Volume

if TYPE_CHECKING:
    from srn_core.rate.fit import Forecast

DEFAULT_RATIO = 100.0
LEAST_DEFAULT_BYTES = 4096
"""Where no target is given, a file is not squeezed below this: the header alone has some 600 bytes."""
TRAINED_SHARE = 0.85
"""Share of a time limit that a network is trained in; the rest is for packing and measuring."""
STAND_IN = Quality(43.21987654, 0.0123456789, 0.123456789, 0.987654321)
"""Takes the place of the measured quality while a file's size is tried."""


@dataclass(frozen=True)
class CompressResult:
    """A finished compression."""

    file: NeuralFile
    report: dict[str, Any]
    """Plain JSON: bytes, ratio, quality, times, settings; see docs/command-line.md."""
    history: dict[str, list[Any]] = field(default_factory=dict)
    """Columns of the training's course: pass, seconds, phase, loss, psnr, kept_fraction."""
    drop_rates: dict[str, list[Any]] = field(default_factory=dict)
    """Histogram of the drop rates when the pruner was folded: "drop_rate" (centres of the bins) and one column of
    counts for each layer; empty where the pruner learns none."""


@dataclass(frozen=True)
class Within:
    """What is known of a volume of which another one is a part."""

    ranges: tuple[tuple[float, float], ...]
    """(min, max) of each component."""
    step: Optional[float] = None
    """Of normalised values: about the quantiser's step that the part will need."""

    @property
    def span(self) -> float:
        """The range of all components together."""
        return max(high for _, high in self.ranges) - min(low for low, _ in self.ranges)


def compress_volume(
    volume: Volume,
    config: CompressConfig,
    progress: Optional[ProgressCallback] = None,
    within: Optional[Within] = None,
    samples: Optional[Samples] = None,
    before: Optional[StepBefore] = None,
) -> CompressResult:
    """Compress one volume. Raises SrnInputError where the data or the settings cannot be used.

    ``within``: the whole of which the volume is a part. Its range counts then: for what is promised, and for the PSNR;
    there is no SSIM. ``samples``: those for which the volume stands, if it does: a network learns them, not the
    voxels, and of two networks the one that is better there is kept. What the report tells is about the voxels.
    ``before``: the time step before it. Where the report's "key_frame" is false, the file holds what is to be added to
    that one; report and quality are those of the sum.
    """
    refuse_idle_settings(config)
    predictor = predictor_of(config.predictor)
    if config.network == "auto":
        return _best_of(volume, config, predictor, progress, within, samples)
    started = time.perf_counter()
    taken: dict[str, Any] = {}
    if predictor is not None:
        config, taken = with_predicted(config, predictor, volume, target_bytes(volume.nbytes, config))
    stop = JobProgress(progress, Deadline(config.time_limit))
    valid = volume.validity()
    own_range = component_ranges(volume, valid)
    value_range = own_range if within is None else within.ranges
    template = _template(volume, valid, value_range, config)
    if all(low == high for low, high in own_range):
        spec = ConstantSpec(volume.geometry.half_extent, volume.components)
        stored = replace(template, spec=spec, value_range=own_range)
        fitted = _Fitted(stored, {"device": "none", "train_seconds": 0.0})
    elif by_rate(config):
        if before is not None and not before.suits(template):
            before = None
        forecast = forecast_of(predictor.sizes) if predictor is not None and predictor.sizes is not None else None
        start = None if within is None else within.step
        fitted = _fit_by_rate(volume, template, config, stop, forecast, start, before)
    else:
        if config.target.psnr is not None:
            raise SrnInputError(
                "a PSNR can be promised only by an fv-SRN that is pruned by rate: leave network and pruner as they are "
                "(network fvsrn, pruner rate), or give a ratio"
            )
        fitted = _train(volume, valid, value_range, template, config, stop, samples)
    if taken:
        fitted.details["predicted_settings"] = taken
    if fitted.details.get("key_frame", True):
        before = None
    return _finish(volume, valid, fitted, config, started, stop, within, before)


def _best_of(
    volume: Volume,
    config: CompressConfig,
    predictor: Optional[Predictor],
    progress: Optional[ProgressCallback],
    within: Optional[Within],
    samples: Optional[Samples],
) -> CompressResult:
    """Both kinds of network, each as it is best: the one that is better in the bytes it takes.

    A Neurcomp is trained only where the target is a size, for no other promise is its to keep, and where the
    ``predictor`` does not rule out that it wins. Where it cannot be trained, for want of torch or of room, the fv-SRN
    stands.
    """

    def share(begin: float, part: float) -> Optional[ProgressCallback]:
        if progress is None:
            return None
        return lambda report: progress(replace(report, fraction=begin + part * report.fraction))

    deadline = Deadline(config.time_limit)
    sized = config.target.psnr is None and config.target.max_error is None
    by_rate_alone = replace(
        config,
        network="fvsrn",
        neurcomp=NeurcompConfig(),
        training=TrainingConfig(config.training.passes, config.training.seconds),
        quantise=QuantiseConfig(),
        pruning=PruningConfig(),
        time_limit=None if config.time_limit is None else config.time_limit / 2,
    )

    def psnr(result: CompressResult) -> float:
        return float(result.report["psnr"]) if samples is None else measured(samples, result.file).psnr

    worth_it = sized and neurcomp_is_worth_it(predictor, volume, target_bytes(volume.nbytes, config))
    first = compress_volume(volume, by_rate_alone, share(0.0, 0.3 if worth_it else 1.0), within, samples)
    tried: dict[str, Any] = {"fvsrn": {"bytes": first.report["bytes"], "psnr": psnr(first)}}
    best = first
    if sized and not worth_it:
        tried["neurcomp"] = {"left_out": "by earlier runs on volumes like this one it would be worse"}
    elif sized and not first.report["stopped_early"] and first.report["network"] != "constant":
        try:
            left = None if config.time_limit is None else max(deadline.left(), 1e-3)
            alone = replace(config, network="neurcomp", pruner="none", time_limit=left)
            other = compress_volume(volume, alone, share(0.3, 0.7), within, samples)
            tried["neurcomp"] = {"bytes": other.report["bytes"], "psnr": psnr(other)}
            best = max(first, other, key=psnr)
        except (SrnInputError, SrnMissingPackageError) as error:
            tried["neurcomp"] = {"refused": str(error)}
    return replace(best, report={**best.report, "tried": tried})


def component_ranges(volume: Volume, valid: Optional[np.ndarray]) -> tuple[tuple[float, float], ...]:
    """(min, max) of each component over valid voxels, float64."""
    flat = volume.values.reshape(-1, volume.components)
    return ranges_of(flat if valid is None else flat[valid.reshape(-1)])


def ranges_of(rows: np.ndarray) -> tuple[tuple[float, float], ...]:
    """(min, max) of each component of rows (N, components), float64."""
    return tuple((float(column.min()), float(column.max())) for column in rows.T)


def target_bytes(original: int, config: CompressConfig) -> int:
    """The most bytes the file may have, for an array of so many."""
    if config.target.bytes is not None:
        return config.target.bytes
    if config.target.ratio is not None:
        return int(original / config.target.ratio)
    return max(int(original / DEFAULT_RATIO), LEAST_DEFAULT_BYTES)


@dataclass(frozen=True)
class _Fitted:
    """A field ready to be packed, and how it came about."""

    stored: NeuralField
    details: dict[str, Any]
    history: dict[str, list[Any]] = field(default_factory=dict)
    drop_rates: dict[str, list[Any]] = field(default_factory=dict)


def _template(
    volume: Volume, valid: Optional[np.ndarray], value_range: tuple[tuple[float, float], ...], config: CompressConfig
) -> NeuralField:
    return NeuralField(
        spec=ConstantSpec(volume.geometry.half_extent, volume.components),
        arrays={},
        geometry=volume.geometry,
        name=volume.name,
        dtype=volume.values.dtype.name,
        value_range=value_range,
        vector=volume.values.ndim == 4,
        units=volume.units,
        time=volume.time,
        valid=valid,
        original_bytes=volume.nbytes,
        quality=STAND_IN,
        provenance=provenance_of(config),
        blanked=volume.blanked and valid is not None,
        block=volume.block,
    )


def _fit_by_rate(
    volume: Volume,
    template: NeuralField,
    config: CompressConfig,
    stop: JobProgress,
    forecast: Optional[Forecast],
    start: Optional[float],
    before: Optional[StepBefore],
) -> _Fitted:
    from onnx_export.grid_filter import filtered_grid
    from srn_core.rate.fit import Wanted, fit_rate

    target = config.target
    if target.max_error is not None:
        wanted = Wanted(max_error=error_bound(target.max_error, template.value_range))
    elif target.psnr is not None:
        wanted = Wanted(psnr=target.psnr)
    else:
        wanted = Wanted(bytes=target_bytes(volume.nbytes, config))

    base = None if before is None else before.base(template.value_range)

    def decoded(stored: NeuralField, added: bool) -> np.ndarray:
        return _decoded(stored, before if added else None)

    deadline = stop.deadline
    fitted = fit_rate(
        volume, template, config, wanted, filtered_grid, decoded, stop.training, deadline, forecast, start, base
    )
    filtered = {"rate.channels": fitted.details["filter"][0]} if fitted.details["filter"] else {}
    kept = fitted.stored.parameters() / max(sum(array.codes.size for array in fitted.stored.arrays.values()), 1)
    details = {
        "device": "cpu",
        "train_seconds": 0.0,
        "target_bytes": wanted.bytes,
        "kept_fraction": kept,
        "chosen_settings": left_open(config, filtered),
        **fitted.details,
    }
    return _Fitted(fitted.stored, details, fitted.history)


def _decoded(field: NeuralField, before: Optional[StepBefore] = None) -> np.ndarray:
    """Float64 values (z, y, x[, components]) as the shipped decoder gives them back, added to the step ``before``."""
    if before is not None:
        return np.asarray(before.decoded_with(field, "float64").values)
    return np.asarray(NeuralFile.from_bytes(codec.to_bytes([field])).decode(dtype="float64").values)


def _train(
    volume: Volume,
    valid: Optional[np.ndarray],
    value_range: tuple[tuple[float, float], ...],
    template: NeuralField,
    config: CompressConfig,
    stop: JobProgress,
    samples: Optional[Samples],
) -> _Fitted:
    try:
        from srn_core.networks import build_network
        from srn_core.training.codebooks import tune_codebooks
        from srn_core.training.fields import train_network
        from srn_core.training.history import drop_rate_histogram
        from srn_core.training.sizing import Room, chosen_sizes, default_weight_bits, initial_spec
        from srn_core.training.warm_start import start_of
    except ModuleNotFoundError as error:
        raise SrnMissingPackageError(error.name or "torch", "Compressing a volume", "train") from error
    from srn_core.fitting import BytesTarget, Cutting, Storage, empty_copy, land, target_of

    if samples is not None:
        value_range = ranges_of(samples.rows[samples.known])
        template = replace(template, value_range=value_range)
    storage = Storage(template, config.quantise, default_weight_bits(config), config.seed)
    target = target_of(config, storage, target_bytes(volume.nbytes, config), volume.values.size)
    room = Room.of_bytes(target.room(), config) if isinstance(target, BytesTarget) else Room.of_parameters(target.most)
    start = start_of(config, volume)
    known = None if samples is None else samples.rows[samples.known].size
    spec = initial_spec(config, volume.geometry, volume.components, room, known) if start is None else start.spec
    initial: dict[str, Any] = {"initial_parameters": sum(math.prod(shape) for shape in spec.shapes().values())}
    if isinstance(spec, FvSrnSpec):
        initial["initial_grid"] = list(reversed(spec.grid))
    target.check(empty_copy(build_network(spec)))
    wanted = max(1.0, volume.values.size * room.latent / room.total)
    cutting = Cutting(target, config.pruning)
    left = None if config.time_limit is None else max(TRAINED_SHARE * stop.deadline.left(), 1e-3)
    trained = train_network(
        volume,
        valid,
        value_range,
        spec,
        config,
        cutting.fold,
        stop.training,
        wanted,
        start.arrays if start else None,
        most_seconds=left,
        samples=samples,
    )
    stop.tell("packing", 0.0)
    arrays = land(target, trained.network, trained.error_of)
    if config.quantise.fine_tune_passes and not trained.outcome.stopped_early:
        tuned = tune_codebooks(
            trained.network,
            arrays,
            trained.sampler,
            config.quantise.fine_tune_passes,
            progress=lambda report: stop.tell(report.phase, 0.2 * report.fraction),
        )
        # The numbers in the codebooks change, and with them, by a few bytes, how they pack.
        arrays = tuned if target.fits(storage.field_of(trained.network, tuned)) else arrays
    outcome = trained.outcome
    details = {
        "device": trained.device,
        "train_seconds": round(outcome.seconds, 3),
        "passes": round(outcome.passes, 3),
        "steps": outcome.steps,
        "msamples_per_s": round(outcome.passes * trained.sampler.truth.voxels / max(outcome.seconds, 1e-9) / 1e6, 4),
        "stopped_early": outcome.stopped_early,
        "time_limited": left is not None and outcome.seconds >= left,
        "kept_fraction": outcome.folded.kept_fraction,
        "fold_change": outcome.folded.change,
        "target_bytes": target.most if isinstance(target, BytesTarget) else None,
        **initial,
        "chosen_settings": left_open(config, {**chosen_sizes(config, spec, room, known), **trained.chosen}),
    }
    stored = storage.field_of(trained.network, arrays)
    if config.target.max_error is not None:
        bound = error_bound(config.target.max_error, value_range)
        stored = kept_to(stored, volume.values, _decoded(stored), bound)
        details["target_bytes"] = None
    return _Fitted(
        stored,
        details,
        outcome.history.columns(),
        drop_rate_histogram(outcome.folded.drop_rates),
    )


def _finish(
    volume: Volume,
    valid: Optional[np.ndarray],
    fitted: _Fitted,
    config: CompressConfig,
    started: float,
    stop: JobProgress,
    within: Optional[Within] = None,
    before: Optional[StepBefore] = None,
) -> CompressResult:
    """Pack, decode the packed bytes with the shipped decoder, measure, pack again with the figures."""
    stored, trained = fitted.stored, fitted.details
    stop.tell("measuring", 0.2)
    opened = NeuralFile.from_bytes(codec.to_bytes([stored]))
    begin = time.perf_counter()
    decoded = opened.decode() if before is None else before.decoded_with(stored)
    seconds = time.perf_counter() - begin
    stop.tell("measuring", 0.7)
    span = None if within is None else within.span
    found = metrics.measure(volume.values, decoded.values, valid, span)
    quality = Quality(*(float(f"{v:.7g}") for v in (found.psnr, found.rmse, found.max_error, found.ssim)))
    file = NeuralFile.from_bytes(codec.to_bytes([replace(stored, quality=quality)]))
    most = trained.get("target_bytes")
    if most is not None and file.nbytes > most:
        raise SrnInputError(
            f"the file came out at {file.nbytes} bytes, but at most {most} were asked for; ask for a lower ratio"
        )
    promise = promise_of(file.fields[0], file.nbytes)
    if promise is not None and not promise.kept and most is None and config.target.parameter_ratio is None:
        raise SrnInputError(
            f"the file was to have {promise.asked}, but came out with {promise.measured}; ask for a little less"
        )
    report = {
        "array": volume.name,
        "network": stored.spec.kind,
        "pruner": config.pruner,
        "bytes": file.nbytes,
        "original_bytes": volume.nbytes,
        "ratio": file.ratio,
        "parameters": stored.parameters(),
        "parameter_ratio": file.parameter_ratio,
        "psnr": quality.psnr,
        "rmse": quality.rmse,
        "max_error": quality.max_error,
        "ssim": quality.ssim,
        "stopped_early": False,
        "time_limited": False,
        "kept_fraction": 1.0,
        "key_frame": True,
        **trained,
        "decode_seconds": round(seconds, 4),
        "decode_mvoxel_s": round(volume.geometry.samples / max(seconds, 1e-9) / 1e6, 4),
        "provider": opened.providers[0] if opened.providers else "",
        "seed": config.seed,
        "seconds": round(time.perf_counter() - started, 3),
    }
    if report["stopped_early"]:
        report["stopped_by"] = stop.stopped_by()
    stop.tell("done", 1.0)
    return CompressResult(file, report, fitted.history, fitted.drop_rates)
