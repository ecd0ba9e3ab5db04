"""Finished searches of one volume beside each other: networks, pruners, free and fixed architectures (thesis 5.3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Mapping, Sequence

from srn_core.errors import SrnInputError
from srn_core.search.comparison import gain
from srn_core.search.figures import figure, label_front, save
from srn_core.search.front import hypervolume
from srn_core.search.objectives import scores
from srn_core.search.outputs import hypervolumes
from srn_core.search.runner import SearchResult
from srn_core.search.tables import write_csv

AREAS, FRONTS = "compared.csv", "fronts.csv"
PICTURE = "compared.png"
COLOURS = ("#1f4e99", "#d95f02", "#1b9e77", "#7570b3", "#e7298a", "#66a61e", "#a6761d", "#666666")
MARKERS = "osD^vP*X"
NOT_TOLD = ("training.passes", "training.seconds")
"""How long is no part of a search's name."""

Searches = Mapping[str, SearchResult]
"""By the names that they go by in tables and legends."""


def named(folders: Sequence[Path], results: Sequence[SearchResult]) -> dict[str, SearchResult]:
    """Searches by network and pruner, by what they have fixed where these are alike, by folder where even that is.

    Raises SrnInputError where they are about different volumes or objectives.
    """
    first = results[0].record
    for folder, result in zip(folders[1:], results[1:]):
        if result.record.crc32 != first.crc32:
            raise SrnInputError(
                f"the search in '{folder}' is about another volume ('{result.record.name}') than the one in "
                f"'{folders[0]}' ('{first.name}'): only fronts of one volume can be compared"
            )
        if result.record.request.objectives != first.request.objectives:
            raise SrnInputError(
                f"the search in '{folder}' trades off {','.join(result.record.request.objectives)}, the one in "
                f"'{folders[0]}' {','.join(first.request.objectives)}: only fronts of the same two can be compared"
            )
    names = [_short(result) for result in results]
    names = [_with_fixed(name, result) if names.count(name) > 1 else name for name, result in zip(names, results)]
    names = [f"{name} ({folder})" if names.count(name) > 1 else name for name, folder in zip(names, folders)]
    if len(set(names)) < len(names):
        raise SrnInputError("a search is named twice: name each folder once")
    return dict(zip(names, results))


def areas(searches: Searches) -> list[dict[str, Any]]:
    """Of each search its ``points`` on the front, ``hypervolume``, and what the first search's front has more.

    The latter in dB at equal ratios, as :func:`srn_core.search.comparison.gain` has it; only for ratio and PSNR.
    """
    first = next(iter(searches.values()))
    rows = []
    for name, result in searches.items():
        front, trials = result.front(), result.of_kind("search")
        points = [scores(trial.measured, result.objectives) for trial in front]
        row = {"search": name, "trials": len(trials), "done": sum(trial.done for trial in trials)}
        row.update(points=len(front), hypervolume=hypervolume(points))
        if result is not first and result.record.request.objectives == ("ratio", "psnr"):
            row.update(gain(first.front(), front))
        rows.append(row)
    return rows


def write_tables(folder: Path, searches: Searches) -> None:
    """``compared.csv``, a row for each search, and ``fronts.csv``, a row for each point of each front."""
    columns = ["search", "trials", "done", "points", "hypervolume", "ratio_from", "ratio_to", "front_gain_db",
               "least_gain_db"]  # fmt: skip
    write_csv(folder / AREAS, areas(searches), columns)
    rows = [
        {"search": name, "trial": trial.index, **{o.name: trial.measured[o.name] for o in result.objectives}}
        for name, result in searches.items()
        for trial in result.front()
    ]
    names = [objective.name for objective in next(iter(searches.values())).objectives]
    write_csv(folder / FRONTS, rows, ["search", "trial", *names])


def draw(folder: Path, searches: Searches) -> None:
    """``compared.png``: the fronts, and below how their hypervolumes have grown."""
    first = next(iter(searches.values()))
    x_of, y_of = first.objectives
    drawn = figure(7.5, 7.5)
    upper, lower = drawn.subplots(2, 1, height_ratios=(3, 1))
    for number, (name, result) in enumerate(searches.items()):
        colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
        done = [trial for trial in result.of_kind("search") if trial.done]
        x, y = ([trial.measured[o.name] for trial in done] for o in (x_of, y_of))
        upper.plot(x, y, ".", color=colour, alpha=0.3)
        x, y = ([trial.measured[o.name] for trial in result.front()] for o in (x_of, y_of))
        upper.plot(x, y, "-", marker=marker, markersize=5, color=colour, label=name)
        rows = hypervolumes(result)
        lower.step([r["trials"] for r in rows], [r["hypervolume"] for r in rows], where="post", color=colour)
    label_front(upper, lower, first)
    upper.legend(title="fronts (faint: all trials)")
    save(drawn, folder / PICTURE)


def _short(result: SearchResult) -> str:
    request = result.record.request
    return f"{request.network}, {request.pruner}" + (", by settings" if request.sizes == "settings" else "")


def _with_fixed(name: str, result: SearchResult) -> str:
    fixed = {key: value for key, value in result.record.request.fixed.items() if key not in NOT_TOLD}
    if not fixed:
        return f"{name}, free"
    return f"{name}, fixed {', '.join(f'{key}={value}' for key, value in fixed.items())}"
