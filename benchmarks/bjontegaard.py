"""Bjontegaard's averages: how far one rate-distortion curve lies from another.

G. Bjontegaard, *Calculation of average PSNR differences between RD-curves* (ITU-T VCEG-M33, 2001), with
monotone piecewise cubics (F. N. Fritsch and J. Butland, *A method for constructing local monotone
piecewise cubic interpolants*, 1984) in place of one polynomial through all points, which swings between
points that lie far apart. Curves are compared where both exist, and nowhere else. NumPy only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Callable, Optional, Sequence

import numpy as np

LEAST_POINTS = 2


@dataclass(frozen=True)
class Curve:
    """PSNR in dB over the logarithm of the bytes; both grow strictly from point to point."""

    log_bytes: np.ndarray
    psnr: np.ndarray

    @classmethod
    def of(cls, points: Sequence[tuple[float, float]]) -> Curve:
        """The curve of (bytes, PSNR) pairs in any order.

        Points that are no better than one of as few bytes or fewer say nothing of what a codec can do, and
        go; so do those that are not finite.
        """
        held: list[tuple[float, float]] = []
        # Of equal bytes the best comes first, so that the others are no better.
        for nbytes, psnr in sorted(points, key=lambda p: (p[0], -p[1])):
            if math.isfinite(psnr) and nbytes > 0 and (not held or psnr > held[-1][1]):
                held.append((math.log(nbytes), psnr))
        array = np.array(held, np.float64).reshape(-1, 2)
        return cls(array[:, 0], array[:, 1])

    def __len__(self) -> int:
        return len(self.psnr)


@dataclass(frozen=True)
class Difference:
    """How far a tested curve lies from its anchor."""

    rate_percent: Optional[float] = None
    """Mean difference of bytes at equal PSNR, in percent: below 0 the tested curve needs fewer."""
    psnr_db: Optional[float] = None
    """Mean difference of PSNR at equal bytes, in dB: above 0 the tested curve is better."""
    psnr_overlap: Optional[tuple[float, float]] = None
    """PSNRs that both curves reach, dB."""
    bytes_overlap: Optional[tuple[float, float]] = None
    """Bytes that both curves have."""
    note: str = ""
    """Why a figure is missing."""


def difference(anchor: Curve, tested: Curve) -> Difference:
    """BD-rate and BD-PSNR of ``tested`` to ``anchor``.

    Where the curves share no PSNR there is no BD-rate, where they share no bytes no BD-PSNR; the note says so.
    """
    for name, curve in (("the peer", anchor), ("ours", tested)):
        if len(curve) < LEAST_POINTS:
            points = f"{len(curve)} point{'' if len(curve) == 1 else 's'}"
            return Difference(note=f"{name} has {points}, a curve needs {LEAST_POINTS}")
    notes = []
    rate_percent = psnr_db = bytes_overlap = None
    psnr_overlap = _overlap(anchor.psnr, tested.psnr)
    log_overlap = _overlap(anchor.log_bytes, tested.log_bytes)
    if psnr_overlap:
        gap = _mean(tested.psnr, tested.log_bytes, psnr_overlap) - _mean(anchor.psnr, anchor.log_bytes, psnr_overlap)
        rate_percent = 100 * math.expm1(gap)
    else:
        notes.append(f"no overlap in PSNR: {_range(tested.psnr, 1)} against {_range(anchor.psnr, 1)} dB")
    if log_overlap:
        psnr_db = _mean(tested.log_bytes, tested.psnr, log_overlap) - _mean(anchor.log_bytes, anchor.psnr, log_overlap)
        bytes_overlap = (math.exp(log_overlap[0]), math.exp(log_overlap[1]))
    else:
        notes.append(
            f"no overlap in bytes: {_range(np.exp(tested.log_bytes), 0)} against {_range(np.exp(anchor.log_bytes), 0)}"
        )
    return Difference(rate_percent, psnr_db, psnr_overlap, bytes_overlap, "; ".join(notes))


def monotone_cubic(x: np.ndarray, y: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The PCHIP interpolant of points with growing ``x``; it is evaluated between the first and the last."""
    slopes = _slopes(x, y)

    def at(where: np.ndarray) -> np.ndarray:
        i = np.clip(np.searchsorted(x, where, side="right") - 1, 0, len(x) - 2)
        width = x[i + 1] - x[i]
        t = (where - x[i]) / width
        rise = (y[i + 1] - y[i]) / width
        # Newton's form of the cubic Hermite polynomial on [x_i, x_i+1].
        second = rise - slopes[i]
        third = slopes[i] + slopes[i + 1] - 2 * rise
        return np.asarray(y[i] + width * t * (slopes[i] + t * (second + (t - 1) * third)))

    return at


def _slopes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Derivatives at the points that keep each piece monotone (Fritsch and Butland 1984)."""
    width, rise = np.diff(x), np.diff(y) / np.diff(x)
    if len(x) == 2:
        return np.repeat(rise, 2)
    slopes = np.zeros(len(x))
    # Inside: a harmonic mean weighted by the widths, 0 at an extremum.
    same = rise[:-1] * rise[1:] > 0
    before, after = 2 * width[1:] + width[:-1], width[1:] + 2 * width[:-1]
    inverse = before[same] / rise[:-1][same] + after[same] / rise[1:][same]
    slopes[1:-1][same] = (before + after)[same] / inverse
    slopes[0] = _end_slope(width[0], width[1], rise[0], rise[1])
    slopes[-1] = _end_slope(width[-1], width[-2], rise[-1], rise[-2])
    return slopes


def _end_slope(width: float, next_width: float, rise: float, next_rise: float) -> float:
    """That of the parabola through three points, where it keeps the end's piece monotone."""
    slope = ((2 * width + next_width) * rise - width * next_rise) / (width + next_width)
    if slope * rise <= 0:
        return 0.0
    return 3 * rise if rise * next_rise <= 0 and abs(slope) > 3 * abs(rise) else slope


def _mean(x: np.ndarray, y: np.ndarray, between: tuple[float, float]) -> float:
    """Mean of the interpolant over an interval, exactly: Simpson's rule integrates cubics without error."""
    low, high = between
    knots = np.concatenate([[low], x[(x > low) & (x < high)], [high]])
    at = monotone_cubic(x, y)
    middle = (knots[:-1] + knots[1:]) / 2
    areas = np.diff(knots) * (at(knots[:-1]) + 4 * at(middle) + at(knots[1:])) / 6
    return float(areas.sum() / (high - low))


def _overlap(a: np.ndarray, b: np.ndarray) -> Optional[tuple[float, float]]:
    low, high = max(a[0], b[0]), min(a[-1], b[-1])
    return (float(low), float(high)) if low < high else None


def _range(values: np.ndarray, digits: int) -> str:
    return f"{values[0]:.{digits}f} to {values[-1]:.{digits}f}"
