"""From a volume to a field pruned by rate: plateau, pyramid, filter, step."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Optional

import numpy as np

from srn_core.codec import NeuralField
from srn_core.codec.quantise import quantise
from srn_core.config import PASSES_BY_PRESET, CompressConfig
from srn_core.corrections import guard_of
from srn_core.deadline import Deadline, clock
from srn_core.errors import SrnInputError
from srn_core.fill import filled, plateau_of
from srn_core.progress import Progress
from srn_core.rate.chooser import RateChooser
from srn_core.rate.coding import SAFETY, Base, Coding, Decode
from srn_core.rate.course import Course, Tell
from srn_core.rate.promises import Landed, fit_bytes, fit_error, fit_psnr
from srn_core.rate.pyramid_choice import best_pyramid, change_pays, middle_coefficients, plateau_pays, rough_step
from srn_core.volume import Volume

Forecast = Callable[[np.ndarray, "Wanted", float], float]
"""Coefficients (features, z, y, x) of normalised values, what is wanted of their stream alone, a step to look from ->
the step at which they should have it: :mod:`srn_core.prediction`'s."""
FILTER_BITS = 8
MOST_GUARD = 0.25
"""Share of a largest error that may be kept free for rounding where a step is added to others; else it is whole."""
EXACT_STEP = 4.0
"""A step, in normalised values that span one unit of an integer, that is coarser than exactness needs."""
FILTER_VALUES = 40e6
AFTER_FILTER = 1.5
"""What comes after a filter's training takes so many times as long as what came before."""
LEAST_SECONDS = 0.5
"""A shorter training of a filter is not worth its start."""
FEWEST_PASSES, MOST_PASSES = 5.0, 100.0
"""Values that a filter is trained on where nothing else is said, but for very large and very small volumes."""
BYTES_SLOPE, PSNR_SLOPE = 1.2, 7.0
"""What ln(bytes) and a PSNR in dB fall by, about, while ln(step) grows by 1."""
FIRST_STEP = 0.05
"""Where the search begins, on values from -1 to 1."""


@dataclass(frozen=True)
class Fitted:
    """A field ready to be packed, and how it came about."""

    stored: NeuralField
    details: dict[str, Any] = field(default_factory=dict)
    history: dict[str, list[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Wanted:
    """What was promised: one of these."""

    bytes: Optional[int] = None
    psnr: Optional[float] = None
    max_error: Optional[float] = None


def fit_rate(
    volume: Volume,
    template: NeuralField,
    config: CompressConfig,
    wanted: Wanted,
    decode: Decode,
    decoded: Callable[[NeuralField, bool], np.ndarray],
    tell: Tell,
    deadline: Optional[Deadline] = None,
    forecast: Optional[Forecast] = None,
    start: Optional[float] = None,
    base: Optional[Base] = None,
) -> Fitted:
    """The best field that keeps to what is ``wanted``.

    ``decode`` and ``decoded`` are the shipped decoder's: of a grid, and of a field's values on its voxels in float64,
    added to those of the step before where the second argument says so.
    ``deadline``: when it should be done; what the promise needs is not cut short.
    ``start``: about the step that it takes, where that is known.
    ``base``: the time step before. Where the difference to it is the cheaper one, it is what the field holds, and
    "key_frame" in its details is false.
    Without a ``forecast`` of steps the search for one begins at what the middle takes when it is coded.
    Raises SrnInputError where a promise cannot be kept.
    """
    tell(Progress("choosing the wavelet pyramid", 0.02))
    values = _normalised(volume, template)
    step = start or _first_step(values, wanted, template, forecast)
    if base is not None and not _rounded_little(volume, template, wanted, base.span):
        base = None
    if base is not None:
        changes = _normalised(volume, template, base.grid)
        if change_pays(values, changes, base.groups, step):
            values = changes
            step = start or _first_step(values, wanted, template, forecast)
        else:
            base = None
    values, counts, template = _without_plateau(volume, values, template, step)
    pyramid = best_pyramid(values, step, base.groups if base is not None else None)
    coding = Coding(volume, values, counts, template, pyramid, decode, RateChooser(config.rate.price), base)
    coding.hurried = start is not None
    if start is None and forecast is not None and wanted.max_error is None:
        step = forecast(coding.coefficients(), _of_latents(coding, wanted), step)
    course = Course(tell, deadline)

    def to_float64(stored: NeuralField) -> np.ndarray:
        return decoded(stored, base is not None)

    course.say("coding", 0.1)
    filter_details: dict[str, Any] = {}
    if wanted.max_error is not None:
        landed = fit_error(
            coding, wanted.max_error, to_float64, lambda share: course.say("coding", 0.1 + 0.8 * share), course.tried
        )
    else:
        exact = _exact(coding, wanted, to_float64, course)
        if exact is None:
            landed, filter_details = _with_filter(coding, config, wanted, step, course)
        else:
            landed = exact
    details = {
        "wavelet": pyramid.name,
        "groups": [[axes, levels] for axes, levels in pyramid.groups],
        "step": landed.step,
        "steps_tried": len(course.sizes),
        "first_step_ratio": round(volume.nbytes / course.sizes[0], 4) if course.sizes else None,
        "filter": list(coding.filter),
        "stopped_early": course.stopped,
        "key_frame": base is None,
        **filter_details,
    }
    return Fitted(landed.field, details, course.columns())


def _normalised(volume: Volume, template: NeuralField, base: Optional[np.ndarray] = None) -> np.ndarray:
    """Values (features, z, y, x) from -1 to 1, float32, smooth where there are none; less ``base``, if it is given."""
    columns = volume.values.reshape(*volume.values.shape[:3], -1)
    values = np.zeros((columns.shape[3], *columns.shape[:3]), np.float32)
    for component, (low, high) in enumerate(template.value_range):
        if high > low:
            for z in range(len(columns)):
                exact = columns[z, ..., component].astype(np.float64)
                values[component, z] = (exact - (low / 2 + high / 2)) / (high / 2 - low / 2)
        if base is not None:
            values[component] -= base[component]
        if template.valid is not None:
            values[component] = filled(values[component], template.valid)
    return values


def _rounded_little(volume: Volume, template: NeuralField, wanted: Wanted, below: float) -> bool:
    """Whether what another machine may round otherwise, in all fields that are added together, leaves room for the
    largest error that may be promised; ``below``: see :attr:`Base.span`."""
    exact = 0.5 if volume.values.dtype.kind in "iub" else 0.0
    if wanted.max_error is None and not exact:
        return True
    bound = max(wanted.max_error or 0.0, exact)
    return guard_of(bound, below + max(high - low for low, high in template.value_range)) <= MOST_GUARD * bound


def _without_plateau(
    volume: Volume, values: np.ndarray, template: NeuralField, step: float
) -> tuple[np.ndarray, Optional[np.ndarray], NeuralField]:
    """(values, voxels whose error counts, template): with a plateau taken out, if that pays."""
    plateau = plateau_of(volume.values, template.valid)
    if plateau is None:
        return values, template.valid, template
    counts = ~plateau.mask if template.valid is None else template.valid & ~plateau.mask
    smooth = np.stack([filled(component, counts) for component in values])
    span = max(high - low for low, high in template.value_range)
    unit = 2 / span if volume.values.dtype.kind in "iu" else 0.0
    if not plateau_pays(values, smooth, plateau.mask, step, unit):
        return values, template.valid, template
    return smooth, counts, replace(template, plateau=plateau)


def _first_step(
    values: np.ndarray, wanted: Wanted, template: NeuralField, forecast: Optional[Forecast] = None
) -> float:
    """About the step that the promise takes, before it is known how the volume is split best."""
    if wanted.max_error is not None:
        span = max(high - low for low, high in template.value_range)
        return max(3 * wanted.max_error / span, 1e-5)
    if forecast is not None:
        coefficients = middle_coefficients(values)
        share = coefficients.size / values.size
        latents = Wanted(None if wanted.bytes is None else max(int(wanted.bytes * share), 1), wanted.psnr)
        return forecast(coefficients, latents, FIRST_STEP)
    if wanted.psnr is not None:
        return float(2 * 10 ** (-wanted.psnr / 20) * 4)
    return rough_step(values, wanted.bytes or 0, FIRST_STEP)


def _of_latents(coding: Coding, wanted: Wanted) -> Wanted:
    """What is left of a promise for the latents."""
    return wanted if wanted.bytes is None else Wanted(bytes=int(coding.room(wanted.bytes)))


def _passes(config: CompressConfig, values: int) -> Optional[float]:
    """Passes of the filter's training over so many values, unless the settings say how many or how long; 0: none."""
    if config.training.passes is not None or config.training.seconds is not None:
        return config.training.passes
    if config.preset == "fast":
        return 0.0
    return PASSES_BY_PRESET[config.preset] * min(max(FILTER_VALUES / values, FEWEST_PASSES), MOST_PASSES)


def _exact(
    coding: Coding, wanted: Wanted, decoded: Callable[[NeuralField], np.ndarray], course: Course
) -> Optional[Landed]:
    """Integers to the bit, where the bytes suffice for that; else None."""
    if coding.volume.values.dtype.kind not in "iu" or wanted.bytes is None:
        return None
    # Half a unit of error costs about what exactness does: if not even that fits, nothing is tried.
    span = max(high - low for low, high in coding.template.value_range)
    if coding.bytes_of(coding.coded(max(EXACT_STEP / span, coding.finest))) > wanted.bytes:
        return None
    landed = fit_error(coding, 0.5, decoded, lambda share: course.say("coding", 0.1 + 0.1 * share))
    return landed if landed.bytes + SAFETY <= wanted.bytes else None


def _land(coding: Coding, wanted: Wanted, start: float, course: Course) -> Landed:
    if wanted.psnr is not None:
        return fit_psnr(coding, wanted.psnr, start, course.goes_on, course.tried)
    assert wanted.bytes is not None
    return fit_bytes(coding, max(wanted.bytes, 1), start, course.goes_on, course.tried)


def _step_with_filter(plain: Landed, coding: Coding, wanted: Wanted, gain: float) -> float:
    """About the step that keeps the promise once a filter takes its bytes and gives its dB."""
    if wanted.psnr is not None:
        return plain.step * math.exp(gain / PSNR_SLOPE)
    taken = sum(array.codes.size for array in coding.filter_arrays.values())
    return plain.step * math.exp(math.log(plain.bytes / max(plain.bytes - taken, 1.0)) / BYTES_SLOPE)


def _with_filter(
    coding: Coding,
    config: CompressConfig,
    wanted: Wanted,
    start: float,
    course: Course,
) -> tuple[Landed, dict[str, Any]]:
    """Land without a filter; train one there; keep it if the file is better with it."""
    began = clock()
    plain = _land(coding, wanted, start, course)
    size = plain.bytes
    passes = _passes(config, coding.values.size)
    if course.stopped or passes == 0:
        return plain, {}
    try:
        from srn_core.training.device import choose_device
        from srn_core.training.grid_filter import channels_for, train_filter
    except ModuleNotFoundError:
        return plain, {"filter_note": "torch is not installed: no filter was trained"}
    channels = (config.rate.channels,) if config.rate.channels else channels_for(int(size))
    if not channels:
        return plain, {}
    device = choose_device(config.device)
    course.say("training the filter", 0.2)
    coding.forget()
    grid = coding.grid(plain.codes, plain.step)
    before = coding.psnr(grid)
    course.measured(before)
    # What comes after the training takes about as long as what came before, the measuring included.
    landing = AFTER_FILTER * (clock() - began)
    left = course.deadline.left() - landing
    if left < LEAST_SECONDS:
        return plain, {"filter_note": "the time limit left no time for a filter", "time_limited": True}
    seconds = min(left, math.inf if config.training.seconds is None else config.training.seconds)

    def told(report: Progress) -> bool:
        report = course.trains(report, before)
        if report.eta_seconds is not None:
            course.ends = clock() + report.eta_seconds + landing
        return course.report(replace(report, fraction=0.2 + 0.6 * report.fraction, eta_seconds=None))

    outcome = train_filter(
        grid,
        coding.values,
        coding.counts,
        channels,
        passes=passes,
        seconds=None if seconds == math.inf else seconds,
        seed=config.seed,
        device=str(device),
        progress=told,
    )
    del grid
    course.trained(outcome.passes)
    course.psnr, course.ends = before + outcome.gain_db, clock() + landing
    arrays = {name: quantise(values, FILTER_BITS) for name, values in outcome.arrays.items()}
    coding.use_filter(channels, arrays)
    course.say("coding", 0.85)
    details = {
        "device": str(device),
        "filter_gain_db": round(outcome.gain_db, 4),
        "train_seconds": round(outcome.seconds, 3),
        "passes": round(outcome.passes, 3),
        "time_limited": seconds == left and (passes is None or outcome.passes < passes) and not outcome.stopped_early,
    }
    try:
        # With a filter the same promise takes another step; the old one is where the search begins.
        better = _land(coding, wanted, _step_with_filter(plain, coding, wanted, outcome.gain_db), course)
    except SrnInputError:
        coding.use_filter((), {})
        return plain, {**details, "filter_note": "there is no room for the filter"}
    coding.forget()
    after = coding.psnr(coding.grid(better.codes, better.step))
    pays = better.bytes < size if wanted.psnr is not None else after > before
    if not pays or not math.isfinite(after):
        coding.use_filter((), {})
        return plain, {**details, "filter_note": "the filter did not pay for its bytes"}
    course.measured(after)
    return better, details
