"""Steps that keep what was promised: bytes, a PSNR, or a largest error."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Callable, Optional

import numpy as np

from srn_core import codec
from srn_core.codec import NeuralField
from srn_core.corrections import kept_to
from srn_core.errors import SrnInputError
from srn_core.rate.coding import SAFETY, Coded, Coding
from srn_core.rate.landing import land

TELL = Callable[[float], bool]
TRIED = Callable[[float, Optional[float]], None]
"""Told of each file that is tried: its bytes, and its PSNR where that was measured."""
UNUSED, UNUSED_IN_SMALL = 0.005, 0.0015
"""Share of the bytes that may be left unused; in volumes of less than SMALL values, which are soon coded again."""
SMALL = 1 << 20
BETTER = 0.05
"""dB above a promised PSNR that are near enough."""
TRIES = 9
ERROR_STEPS = (0.7, 1.0, 1.5, 2.2, 3.2, 4.6)
FIRST_ERROR_STEP = 3
"""Steps for a largest error, in units of it, and which one is tried first: then its neighbours, while that pays."""


@dataclass(frozen=True)
class Landed:
    """A field that keeps its promise."""

    field: NeuralField
    step: float
    bytes: float
    """Of its file, nearly."""

    @property
    def codes(self) -> np.ndarray:
        """(features, z, y, x) int32."""
        return self.field.arrays["coefficients"].codes


def _untold(size: float, psnr: Optional[float]) -> None:
    """For whom trials are of no interest."""


def fit_bytes(
    coding: Coding, most: int, start: float, goes_on: Callable[[], bool] = lambda: True, tried: TRIED = _untold
) -> Landed:
    """The finest step whose file has at most ``most`` bytes. Raises SrnInputError where none has."""

    def attempt(step: float) -> tuple[float, Coded]:
        coded = coding.coded(step)
        size = coding.bytes_of(coded)
        # Without a filter, whose work is on all of the grid, a look at the quality costs next to nothing.
        tried(size, None if coding.filter else coding.psnr(coding.grid(coded.codes, coded.step)))
        return math.log(size / most), coded

    small = coding.values.size < SMALL and not coding.hurried
    enough, tries = (max(UNUSED_IN_SMALL, 1.5 / most), 2 * TRIES) if small else (UNUSED, TRIES)
    trial = land(attempt, start, -1.2, enough, tries, (coding.finest, 1e3), goes_on)
    if trial is None:
        least = int(coding.bytes_of(coding.coded(1e3)))
        raise SrnInputError(
            f"the file may have at most {most} bytes, but the smallest one has about {least}; ask for a lower "
            "ratio (or more bytes)"
        )
    field = coding.field(trial.found)
    while len(codec.to_bytes([field])) + SAFETY > most:
        # The estimate was a few bytes short.
        trial = replace(trial, found=coding.coded(trial.found.step * 1.003))
        field = coding.field(trial.found)
    return Landed(field, trial.found.step, coding.bytes_of(trial.found))


def fit_psnr(
    coding: Coding, wanted: float, start: float, goes_on: Callable[[], bool] = lambda: True, tried: TRIED = _untold
) -> Landed:
    """The coarsest step whose file has the ``wanted`` PSNR in dB. Raises SrnInputError where none has."""

    def attempt(step: float) -> tuple[float, Coded]:
        coded = coding.coded(step)
        psnr = coding.psnr(coding.grid(coded.codes, coded.step))
        tried(coding.bytes_of(coded), psnr)
        return max(min(wanted + 0.005 - psnr, 60.0), -60.0), coded

    trial = land(attempt, start, 7.0, BETTER, TRIES + 3, (coding.finest, 1e3), goes_on)
    if trial is None:
        raise SrnInputError(
            f"a PSNR of {wanted:g} dB is more than decoding in float32 can give back for this volume; ask for less, "
            "or give a largest error"
        )
    return Landed(coding.field(trial.found), trial.found.step, coding.bytes_of(trial.found))


def fit_error(
    coding: Coding,
    bound: float,
    decoded: Callable[[NeuralField], np.ndarray],
    tell: TELL = lambda share: True,
    told: TRIED = _untold,
) -> Landed:
    """The smallest file in which no voxel is further than ``bound`` (in the field's units) from the original.

    ``decoded`` gives the float64 values (z, y, x[, components]) of a field as the shipped decoder has them.
    """
    span = max(high - low for low, high in coding.template.value_range)
    least = 0.5 if coding.volume.values.dtype.kind in "iub" else 0.0
    unit = 2 * max(bound, least) / span
    tried: dict[int, Landed] = {}

    def attempt(place: int) -> float:
        """Bytes with one of the steps."""
        if place not in tried:
            coded = coding.coded(max(unit * ERROR_STEPS[place], coding.finest))
            field = coding.field(coded)
            field = kept_to(field, coding.volume.values, decoded(field), bound, coding.below)
            tried[place] = Landed(field, coded.step, len(codec.to_bytes([field])))
            told(tried[place].bytes, None)
            for other in [p for p in tried if tried[p].bytes > min(found.bytes for found in tried.values())]:
                tried[other] = replace(tried[other], field=coding.template)  # only the best one is kept whole
        return tried[place].bytes

    place = FIRST_ERROR_STEP
    going = tell(0.0)
    for way in (1, -1):
        while going and 0 <= place + way < len(ERROR_STEPS) and attempt(place + way) < attempt(place):
            place += way
            going = tell(len(tried) / len(ERROR_STEPS))
    attempt(place)
    return tried[place]
