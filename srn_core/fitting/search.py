"""How far one can go with a size that takes long to measure."""

from __future__ import annotations

from typing import Callable, Optional

FULL = 0.99
"""A target of which this part is used is reached."""
AIM = 0.996
"""Where a step of the search aims: just below the whole, so that it seldom overshoots."""
MEASUREMENTS = 8
HALVINGS = 24


def largest(
    estimate: Callable[[float], float],
    measure: Callable[[float], float],
    low: float,
    high: float,
    factor: float = 1.0,
) -> Optional[float]:
    """About the largest x from low to high with ``measure(x)`` <= 1; None if even that of ``low`` is more.

    Both functions grow with x and give shares of a target. The estimate is quick, and off by a factor,
    ``factor`` at first, or by a straight line: what is measured sets it right, so that a few measurements do.
    """
    fits: Optional[float] = None
    too_much: Optional[float] = None
    shares: dict[float, float] = {}
    for _ in range(MEASUREMENTS):
        least, most = low if fits is None else fits, high if too_much is None else too_much
        wanted = AIM / factor
        if fits is not None and too_much is not None:
            # Between two that are measured the estimate is right up to a straight line.
            way = (AIM - shares[fits]) / (shares[too_much] - shares[fits])
            wanted = estimate(fits) + way * (estimate(too_much) - estimate(fits))
        x = where(estimate, wanted, least, most)
        # It may point back at what is known already: then go a part of the way on.
        if fits is not None and x <= fits:
            x = fits + (most - fits) / 8.0
        elif too_much is not None and x >= too_much:
            x = too_much - (too_much - least) / 8.0
        shares[x] = share = measure(x)
        factor = share / max(estimate(x), 1e-12)
        if share <= 1.0:
            fits = x
            if share >= FULL or x >= high:
                return fits
        else:
            too_much = x
            if x <= low:
                return None
    if fits is None and measure(low) <= 1.0:
        return low
    return fits


def where(estimate: Callable[[float], float], wanted: float, low: float, high: float) -> float:
    """About the x between low and high where the estimate reaches what is wanted; the nearer end where it does not."""
    if estimate(low) >= wanted:
        return low
    if estimate(high) <= wanted:
        return high
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        if estimate(middle) <= wanted:
            low = middle
        else:
            high = middle
    return low
