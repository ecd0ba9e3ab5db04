"""The best trade-offs of two scores: the Pareto front and the hypervolume under it."""

from __future__ import annotations

from typing import Sequence

Point = Sequence[float]
"""Two scores, larger is better, 0 is worthless."""


def front_of(points: Sequence[Point]) -> list[int]:
    """Indices of the points that no other one beats in both scores, by falling second score.

    Of equal points the first one counts.
    """
    order = sorted(range(len(points)), key=lambda i: (-points[i][0], -points[i][1], i))
    kept: list[int] = []
    best = float("-inf")
    for index in order:
        if points[index][1] > best:
            kept.append(index)
            best = points[index][1]
    return kept[::-1]


def hypervolume(points: Sequence[Point]) -> float:
    """The area of all that is beaten by some point and not worthless: what the front is worth (thesis 2.5)."""
    area, covered = 0.0, 0.0
    for index in reversed(front_of(points)):  # by rising second score
        first, second = points[index]
        if second > covered:
            area += max(first, 0.0) * (second - covered)
            covered = second
    return area


def second_at(points: Sequence[Point], first: float) -> float:
    """The second score that the front has at a first score, straight between its points; 0 beyond its good end.

    Before its other end, the score there: what is easier should do no worse.
    """
    rising = sorted(tuple(points[i]) for i in front_of(points))
    if not rising or first > rising[-1][0]:
        return 0.0
    if first <= rising[0][0]:
        return float(rising[0][1])
    for (low, above), (high, below) in zip(rising, rising[1:]):
        if low <= first <= high:
            return float(above + (below - above) * (first - low) / (high - low))
    return float(rising[-1][1])
