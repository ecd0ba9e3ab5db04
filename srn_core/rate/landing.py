"""The step that just keeps a promise: a bracketed search along a curve that rises or falls with the step."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Callable, Generic, Optional, TypeVar

Found = TypeVar("Found")

SHORTEST = 0.002
"""Logarithm of the first stride, at least, where one side alone is known; it doubles from try to try."""
LONG = 0.2
"""Logarithm of a stride over which the curve's slope shows, and not its jumps."""
NARROW = 1e-4
"""Logarithm between two steps that are not told apart: some 0.01 % of the bytes."""


@dataclass(frozen=True)
class Trial(Generic[Found]):
    """What came of one step."""

    step: float
    excess: float
    """Above 0 the promise is broken; what is far below 0 keeps it wastefully."""
    found: Found


def land(
    attempt: Callable[[float], tuple[float, Found]],
    start: float,
    slope: float,
    enough: float,
    tries: int,
    bounds: tuple[float, float] = (1e-7, 1e3),
    goes_on: Callable[[], bool] = lambda: True,
) -> Optional[Trial[Found]]:
    """The best trial that keeps a promise, or None.

    Args:
        attempt: step -> (excess, anything); the excess is monotone in the step's logarithm, nearly.
        start: the first step tried.
        slope: how the excess changes with the natural logarithm of the step, about; its sign is sure.
        enough: a trial whose excess lies in [-enough, 0] ends the search.
        tries: most attempts. Where none of them keeps the promise, a few more go far to the safe side.
        goes_on: asked before each attempt; False ends the search as soon as a promise is kept.
    """
    best: Optional[Trial[Found]] = None
    kept: Optional[tuple[float, float]] = None  # logarithm of the step, excess
    broken: Optional[tuple[float, float]] = None
    low, high = math.log(bounds[0]), math.log(bounds[1])
    aim = -0.4 * enough
    same = 0  # how often one side of the bracket alone has moved
    before: Optional[tuple[float, float]] = None
    where = min(max(math.log(start), low), high)
    for number in range(tries + 12):
        if best is not None and (number >= tries or not goes_on()):
            break
        excess, found = attempt(math.exp(where))
        same = max(same, 0) + 1 if excess <= 0 else min(same, 0) - 1
        if excess <= 0:
            kept = where, excess
            if best is None or excess >= best.excess:
                best = Trial(math.exp(where), excess, found)
            if excess >= -enough:
                break
        else:
            broken = where, excess
        del found
        if kept is not None and broken is not None:
            if abs(broken[0] - kept[0]) < NARROW:
                break
            # A curve with jumps draws straight lines to one of its ends for ever: halves do not.
            share = (aim - kept[1]) / (broken[1] - kept[1]) if abs(same) < 3 else 0.5
            following = kept[0] + (broken[0] - kept[0]) * min(max(share, 0.05), 0.95)
        else:
            if before is not None and abs(where - before[0]) > LONG:
                slope *= min(max((excess - before[1]) / (where - before[0]) / slope, 0.1), 10.0)
            before = where, excess
            stride = 1.15 * (aim - excess) / slope
            # Without a bracket the slope is a guess, and in a small file the curve has steps of its own: further each
            # time makes a bracket likely.
            least, most = SHORTEST * 2**number, 0.7 + 0.5 * number
            following = where + math.copysign(min(max(abs(stride), least), most), stride)
        following = min(max(following, low), high)
        if following == where:
            break
        where = following
    return best
