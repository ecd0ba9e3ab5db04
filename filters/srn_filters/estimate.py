"""What a compression will give and take, said before it runs: from bytes, settings, and how fast this machine is."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, replace
from typing import Any, Callable, Optional, Sequence, Tuple

import numpy as np
from vtkmodules.vtkCommonCore import vtkDataArray
from vtkmodules.vtkCommonDataModel import vtkCompositeDataSet, vtkDataObject, vtkDataSet

from srn_core.compression import DEFAULT_RATIO, LEAST_DEFAULT_BYTES
from srn_core.config import PASSES_BY_PRESET, CompressConfig, by_rate, error_bound
from srn_core.deadline import clock
from srn_filters import vtk_bridge
from srn_filters.mesh_bridge import MESHES

Range = Tuple[float, float]

PROBE_SECONDS = 0.022
"""What :func:`_probe` takes on the machine on which the rates below were measured (2 cores of a Xeon, nothing else)."""
CODING, CODING_MILLION = 0.25, 0.12
"""By rate: seconds for one try, and more for each million values of it."""
CHOICES, CHOSEN_ON = 12, 2.1
"""Tries on the middle of a volume alone, and the millions of values that it has at most."""
LANDINGS, LANDINGS_OF_SMALL = 8, 14
"""Tries on the whole volume; of one of less than a million values."""
FILTER_RATE = 27.0
"""Million values a second that a filter is trained on, for one hidden channel."""
FVSRN_RATE = 1.9
"""Million samples a second that an fv-SRN is trained on."""
NEURCOMP_RATE = 3e3
"""The same for a Neurcomp of one stored byte; it falls with the bytes of the file."""
USUAL_RATIO = 50.0
"""Where nothing is known of what a quality will take."""
FASTER, SLOWER = 0.6, 1.8
"""How far off an estimate may well be."""


@dataclass(frozen=True)
class Given:
    """What is to be compressed."""

    values: int
    """Samples times components, of all arrays."""
    nbytes: int


def given_in(data: Optional[vtkDataObject], array: tuple[str, str], further: Sequence[tuple[str, str]] = ()) -> Given:
    """What of a data set, or of all blocks of one, is to be compressed.

    ``array``: association and name; where that is empty and there are no ``further`` ones, the first that there is.
    """
    values = nbytes = 0
    for block in parts_of(data):
        chosen = {(a, n) for a, n in (array, *further) if n}
        if not chosen:
            chosen = set([(a, n) for a in ("point", "cell") for n in vtk_bridge.array_names(block, a)][:1])
        for association, name in chosen:
            attributes = block.GetPointData() if association == "point" else block.GetCellData()
            found = attributes.GetArray(name)
            if found is not None:
                values += found.GetNumberOfValues()
                nbytes += found.GetNumberOfValues() * found.GetDataTypeSize()
    return Given(values, nbytes)


def meshes_in(data: Optional[vtkDataObject]) -> bool:
    """Whether there are meshes, whose points and cells are kept beside the values."""
    return any(isinstance(block, MESHES) for block in parts_of(data))


def parts_of(data: Optional[vtkDataObject]) -> list[vtkDataSet]:
    """A data set, or all blocks of one."""
    parts = [data]
    if isinstance(data, vtkCompositeDataSet):
        each = data.NewIterator()
        each.InitTraversal()
        parts = []
        while not each.IsDoneWithTraversal():
            parts.append(each.GetCurrentDataObject())
            each.GoToNextItem()
    return [part for part in parts if isinstance(part, vtkDataSet)]


class Rough:
    """Bytes that a quality takes, roughly; the last answer is kept, for it takes a moment."""

    def __init__(self) -> None:
        self._key: Any = None
        self._answer: Optional[float] = None

    def size(
        self, data: Optional[vtkDataObject], array: tuple[str, str], config: CompressConfig, given: Given
    ) -> Optional[float]:
        """Of one array of a grid, taken for all that is ``given``; None where nothing can be said."""
        if not isinstance(data, vtk_bridge.GRIDS) or data.GetNumberOfPoints() == 0:
            return None
        known = [(a, n) for a in ("point", "cell") for n in vtk_bridge.array_names(data, a)]
        association, name = array if array[1] else known[0] if known else ("", "")
        attributes = data.GetPointData() if association == "point" else data.GetCellData()
        found = attributes.GetArray(name) if (association, name) in known else None
        if found is None or found.GetNumberOfComponents() != 1:
            return None
        key = (found.GetMTime(), id(found), config.target)
        if key != self._key:
            self._key, self._answer = key, _rough(data, association, found, config)
        return None if self._answer is None else self._answer * given.values / found.GetNumberOfValues()


def _rough(data: vtk_bridge.Grid, association: str, array: vtkDataArray, config: CompressConfig) -> Optional[float]:
    from srn_core.rate.rough_size import rough_bytes

    shape = vtk_bridge.geometry(data, association, points=False).shape
    low, high = array.GetFiniteRange(0)
    error = None if config.target.max_error is None else error_bound(config.target.max_error, ((low, high),))
    values = vtk_bridge.numbers(data, association, array.GetName())
    if len(values) != math.prod(shape):
        return None
    return rough_bytes(values.reshape(shape), (low, high), config.target.psnr, error)


class Experience:
    """How much longer jobs took than was thought: it corrects later estimates."""

    def __init__(self) -> None:
        self.factor = 1.0

    def learn(self, expected: float, took: float) -> None:
        """A job that had been thought to take ``expected`` seconds."""
        if expected > 0 and took > 0:
            self.factor = min(max(self.factor * math.sqrt(took / expected), 0.05), 20.0)


EXPERIENCE = Experience()
"""Of this process."""


def size_of(given: Given, config: CompressConfig) -> Optional[float]:
    """Bytes that the file may have at most; None where the quality decides."""
    target = config.target
    if target.bytes is not None:
        return float(target.bytes)
    if target.ratio is not None:
        return given.nbytes / target.ratio
    if target.psnr is not None or target.max_error is not None:
        return None
    if target.parameter_ratio is not None:
        return given.values / target.parameter_ratio
    return max(given.nbytes / DEFAULT_RATIO, float(LEAST_DEFAULT_BYTES))


def seconds_of(given: Given, config: CompressConfig, size: float) -> float:
    """How long it may take, its time limit left aside; ``size``: of the file, about."""
    if config.network == "auto":
        parts = [replace(config, network="fvsrn"), replace(config, network="neurcomp", pruner="none")]
        return sum(seconds_of(given, one, size) for one in parts)
    millions = given.values / 1e6
    slow = _slowness() * EXPERIENCE.factor
    training = config.training
    if by_rate(config):
        landings = LANDINGS if millions >= 1 else LANDINGS_OF_SMALL
        coding = CHOICES * _try(min(millions, CHOSEN_ON)) + landings * _try(millions)
        channels = 0 if config.target.max_error is not None else _channels(size)
        passes = training.passes
        if passes is None and training.seconds is None:
            passes = 0.0 if config.preset == "fast" else PASSES_BY_PRESET[config.preset] * _filter_passes(given.values)
        if channels == 0 or passes == 0:
            return slow * coding
        trained = math.inf if passes is None else slow * passes * millions * channels / FILTER_RATE
        return 1.5 * slow * coding + min(trained, math.inf if training.seconds is None else training.seconds)
    rate = FVSRN_RATE if config.network == "fvsrn" else NEURCOMP_RATE / max(size, 100.0)
    passes = training.passes
    if passes is None:
        passes = 75.0 if config.network == "fvsrn" else 100.0
        passes *= 4.0 if training.seconds is not None else PASSES_BY_PRESET[config.preset]
    trained = slow * passes * millions / rate
    return slow * (1.0 + millions) + min(trained, math.inf if training.seconds is None else training.seconds)


def _try(millions: float) -> float:
    return CODING + CODING_MILLION * millions


def expected_seconds(given: Given, config: CompressConfig, size: float) -> float:
    """The same within the time limit."""
    seconds = seconds_of(given, config, size)
    return seconds if config.time_limit is None else min(seconds, config.time_limit)


def in_words(
    given: Given, config: CompressConfig, rough: Callable[[], Optional[float]] = lambda: None, steps: int = 1
) -> tuple[str, str]:
    """Size and time, as in "about 84 kB, 100 : 1" and "20 to 60 s".

    ``rough``: bytes of the file, roughly, where the quality decides; asked only then. ``steps``: so many time steps
    like what is given go into the file.
    """
    one, given = given, Given(steps * given.values, steps * given.nbytes)
    size = size_of(given, config)
    if size is not None:
        if config.target.parameter_ratio is not None:
            first = f"about {_count(size)} parameters"
        else:
            most = (
                config.target.bytes is not None or size > given.nbytes / DEFAULT_RATIO and config.target.ratio is None
            )
            ratio = given.nbytes / max(size, 1.0)
            first = f"{'at most' if most else 'about'} {bytes_in_words(size)}"
            first += f", {_ratio(ratio)}" if ratio > 1 else ""
    else:
        each = rough()
        size = None if each is None else steps * each
        if size is None:
            first = "what the quality takes"
            size = given.nbytes / USUAL_RATIO
        else:
            low, high = size / 2.0, size * 1.5
            first = f"{bytes_in_words(low)} to {bytes_in_words(high)}, {_ratio(given.nbytes / size)}"
    if steps > 1:
        first += f", {steps} steps"
    seconds = steps * seconds_of(one, config, size / steps)
    low, high = FASTER * seconds, SLOWER * seconds
    limit = config.time_limit
    if limit is not None and low > limit:
        second = f"{_time(limit)}, the Time Limit, of some {_time(seconds)}"
    elif limit is not None and high > limit:
        second = f"{_times(low, limit)}, the Time Limit"
    else:
        second = _times(low, high)
    return first, second


def bytes_in_words(size: float) -> str:
    """As in "84 kB", to two figures."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 999.5 or unit == "GB":
            return f"{_two(size)} {unit}"
        size /= 1000.0
    raise AssertionError


def _count(number: float) -> str:
    return f"{int(float(f'{number:.2g}')):,}".replace(",", " ")


def _two(number: float) -> str:
    """A number to two figures."""
    rounded = float(f"{number:.2g}")
    return f"{rounded:.0f}" if rounded >= 10 or rounded == int(rounded) else f"{rounded:g}"


def _ratio(ratio: float) -> str:
    return f"{_two(ratio) if ratio < 100 else f'{ratio:.0f}'} : 1"


def _time(seconds: float) -> str:
    if seconds < 100:
        return f"{max(float(f'{seconds:.1g}'), 1):.0f} s" if seconds < 10 else f"{_two(seconds)} s"
    if seconds < 5400:
        return f"{_two(seconds / 60)} min"
    return f"{_two(seconds / 3600)} h"


def _times(low: float, high: float) -> str:
    first, second = _time(low), _time(high)
    if first == second:
        return f"about {first}"
    number, unit = first.split()
    return f"{number if unit == second.split()[1] else first} to {second}"


def _filter_passes(values: int) -> float:
    from srn_core.rate.fit import FEWEST_PASSES, FILTER_VALUES, MOST_PASSES

    return min(max(FILTER_VALUES / max(values, 1), FEWEST_PASSES), MOST_PASSES)


def _channels(size: float) -> int:
    """As :func:`srn_core.training.grid_filter.channels_for`, which needs torch."""
    return next((channels for least, channels in ((1e5, 32), (25e3, 16), (9e3, 8), (4e3, 4)) if size >= least), 0)


@functools.lru_cache(maxsize=1)
def _slowness() -> float:
    """How many times as long as on the machine of the rates things take here, by a short probe of its own kind."""
    return min(max(min(_probe() for _ in range(3)) / PROBE_SECONDS, 0.1), 10.0)


def _probe() -> float:
    """Seconds of a little of what coding and training do: products of matrices, and passes over memory."""
    began = clock()
    square = np.full((256, 256), 0.5, np.float32)
    many = np.linspace(-1, 1, 1 << 18, dtype=np.float32)
    for _ in range(8):
        square = square @ square / 128.0
        many = np.abs(np.exp(many) - 1.0)
        many[many > 1.0] = 1.0
    return clock() - began
