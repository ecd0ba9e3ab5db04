"""A search's front beside what the defaults give: areas, and dB at equal ratios."""

from __future__ import annotations

import math
from typing import Any, Sequence

import numpy as np

from srn_core.search.front import front_of, hypervolume
from srn_core.search.objectives import scores
from srn_core.search.runner import SearchResult
from srn_core.search.trial import Trial

COLUMNS = ["method", "points", "hypervolume", "ratio_from", "ratio_to", "front_gain_db", "least_gain_db"]


def compared(result: SearchResult) -> list[dict[str, Any]]:
    """The front, then each kind of defaults: ``points``, ``hypervolume`` and, of the defaults, what the front has more.

    The hypervolume counts steps, and so favours many points. ``front_gain_db`` does not: see :func:`gain`.
    """
    front = result.front()
    own = result.record.request.method
    rows = [{"method": "front: " + " ".join(own), **_area(result, front)}]
    for method, trials in result.defaults().items():
        rows.append({"method": "defaults: " + method, **_area(result, trials), **gain(front, trials)})
    return rows


def gain(front: Sequence[Trial], others: Sequence[Trial]) -> dict[str, float]:
    """How far a front lies above other trials, in dB at equal ratios; empty where they share no ratios.

    At the points of the curve that has fewer of them, where the other one is taken as straight between its own: such
    curves are bent, and a long chord lies a dB above one. ``front_gain_db`` is the mean, ``least_gain_db`` the least;
    ``ratio_from`` and ``ratio_to`` are the ends of what is compared.
    """
    mine, theirs = _curve(front), _curve(others)
    if min(len(mine), len(theirs)) < 2:
        return {}
    low, high = max(mine[0][0], theirs[0][0]), min(mine[-1][0], theirs[-1][0])
    at = np.array([ratio for ratio, _ in min(mine, theirs, key=len) if low <= ratio <= high])
    if not at.size:
        return {}
    difference = _between(mine, at) - _between(theirs, at)
    return {
        "ratio_from": math.exp(at[0]),
        "ratio_to": math.exp(at[-1]),
        "front_gain_db": float(difference.mean()),
        "least_gain_db": float(difference.min()),
    }


def _curve(trials: Sequence[Trial]) -> list[tuple[float, float]]:
    """(ln ratio, PSNR) of those that no other one beats, by ratio."""
    points = [(math.log(trial.measured["ratio"]), float(trial.measured["psnr"])) for trial in trials]
    return sorted(points[i] for i in front_of(points))


def _between(curve: Sequence[tuple[float, float]], at: np.ndarray) -> np.ndarray:
    return np.interp(at, [ratio for ratio, _ in curve], [psnr for _, psnr in curve])


def _area(result: SearchResult, trials: Sequence[Trial]) -> dict[str, Any]:
    points = [scores(trial.measured, result.objectives) for trial in trials]
    return {"points": len(points), "hypervolume": hypervolume(points)}
