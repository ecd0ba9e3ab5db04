"""What each brick is to keep to, so that all of them together keep to the target: as if one step quantised them all.

With one step everywhere a bit buys as much in each brick. So the bytes, or the errors, that bricks have at one step are
the shares by which a target is divided among them.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Sequence

import numpy as np

from srn_core.bricks.places import BrickPlace
from srn_core.codec.pyramids import draft
from srn_core.config import CompressConfig, TargetConfig, error_bound
from srn_core.errors import SrnInputError
from srn_core.in_bricks.survey import Ranges, Survey
from srn_core.pyramid import analyse, pyramid_of, synthesise_pyramid
from srn_core.rate.chooser import RateChooser
from srn_core.rate.landing import land
from srn_core.rate.pyramid_choice import FILTERS, candidates

HEADER = 640
"""Bytes that a brick's own file needs beside its numbers, at most."""
WHOLE_HEADER = 320
"""What the file needs beside its bricks, about."""
SAVED = 140
"""Of a brick's own header in the header of all, about: one is like the other."""
FIRST_STEP = 0.05
TRIES = 14
FINER = 30.0
"""dB by which a brick may be asked to be better than the whole."""


def normalised(values: np.ndarray, ranges: Ranges) -> np.ndarray:
    """Values (components, z, y, x) from -1 to 1 where the whole reaches from its minimum to its maximum, float32."""
    low, high = np.array(ranges, np.float64).T.reshape(2, -1, 1, 1, 1)
    half = np.where(high > low, high / 2 - low / 2, 1.0)
    return ((values - (low / 2 + high / 2)) / half).astype(np.float32)


def trial(values: np.ndarray, step: float) -> tuple[float, float]:
    """(bytes, mean squared error) of normalised values (components, z, y, x) that are quantised by a step."""
    pyramid = pyramid_of(FILTERS[0], candidates(values.shape[1:])[0])
    coefficients = np.stack([analyse(component, pyramid) for component in values])
    codes, stream = draft(coefficients / np.float32(step), pyramid.groups, RateChooser())
    decoded = np.stack([synthesise_pyramid(code * np.float32(step), pyramid) for code in codes])
    return stream.size, float(np.mean(np.square(decoded - values, dtype=np.float64)))


def common_step(surveys: Sequence[Survey], ranges: Ranges, target: TargetConfig, most: int) -> float:
    """About the step by which all bricks keep to a target of bytes (``most``) or of a PSNR, by their samples."""
    samples = [(one, normalised(one.sample, ranges)) for one in surveys if one.ranges is not None]
    samples = [(one, sample) for one, sample in samples if sample.size and np.ptp(sample) > 0]
    if not samples:
        return FIRST_STEP
    whole = sum(one.values for one in surveys)

    def attempt(step: float) -> tuple[float, None]:
        found = [(one.values / sample.size, *trial(sample, step)) for one, sample in samples]
        if target.psnr is not None:
            error = sum(share * sample.size * mse for (share, _, mse), (_, sample) in zip(found, samples)) / whole
            return target.psnr - (-10 * math.log10(max(error / 4, 1e-30))), None
        return math.log(max(sum(share * size for share, size, _ in found), 1.0) / most), None

    slope, enough = (7.0, 0.1) if target.psnr is not None else (-1.2, 0.03)
    found = land(attempt, FIRST_STEP, slope, enough, TRIES, (1e-7, 10.0))
    return FIRST_STEP if found is None else found.step


def targets(
    config: CompressConfig,
    most: int,
    ranges: Ranges,
    trials: Sequence[tuple[float, float]],
    places: Sequence[BrickPlace],
) -> list[TargetConfig]:
    """What each brick is to keep to.

    ``most``: bytes of the file, if the target is a size; ``trials``: (bytes, mean squared error) of all bricks at one
    step, as normalised values have them. Raises SrnInputError for bytes that are too few for so many bricks.
    """
    target = config.target
    if target.max_error is not None:
        return [TargetConfig(max_error=error_bound(target.max_error, ranges))] * len(places)
    if target.parameter_ratio is not None:
        return [target] * len(places)
    if target.psnr is not None:
        voxels = np.array([float(np.prod(place.core[1])) for place in places])
        errors = np.array([error for _, error in trials])
        mean = float((errors * voxels).sum() / voxels.sum())
        wanted = [target.psnr + 10 * math.log10(max(mean, 1e-30) / max(error, 1e-30)) for error in errors]
        return [TargetConfig(psnr=min(max(psnr, 1.0), target.psnr + FINER, 200.0)) for psnr in wanted]
    return [TargetConfig(bytes=size) for size in divided(most - WHOLE_HEADER, [size for size, _ in trials])]


def divided(most: int, sizes: Sequence[float]) -> list[int]:
    """Bytes for each brick's own file. Raises SrnInputError where there are not enough."""
    free = most - (HEADER - SAVED) * len(sizes)
    if free < len(sizes) * HEADER / 4:
        raise SrnInputError(
            f"{most + WHOLE_HEADER} bytes are too few for {len(sizes)} bricks, which need some "
            f"{int(1.25 * HEADER * len(sizes)) + WHOLE_HEADER}; ask for larger bricks (bricks.edge) or a lower ratio"
        )
    total = sum(sizes) or 1.0
    return [HEADER + int(free * size / total) for size in sizes]


def with_target(config: CompressConfig, target: TargetConfig, share: float) -> CompressConfig:
    """The settings of one brick, which is trained for its share of the seconds."""
    seconds = config.training.seconds
    training = config.training if seconds is None else replace(config.training, seconds=seconds * share)
    return replace(config, target=target, training=training)
