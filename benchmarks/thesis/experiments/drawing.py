"""What the pictures share: colours that colour-blind readers tell apart, panels, bars with the seeds as dots, lines."""

from __future__ import annotations

from statistics import fmean, stdev
from typing import Callable, Mapping, Optional, Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from experiments.table import Row
from srn_core.errors import SrnInputError

# Okabe and Ito's palette.
GREY, ORANGE, SKY, GREEN = "#8c8c8c", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILION, PURPLE, BLACK = "#0072B2", "#D55E00", "#CC79A7", "#000000"
PRUNER_COLOURS = {
    "none": GREY, "mask": ORANGE, "smallify": BLUE, "variational-static": GREEN, "variational-dynamic": VERMILION,
}  # fmt: skip
PANEL = (4.6, 3.5)
"""Inches of one panel; two of them fill a README's width."""
LEAST_RANGE = 2.0
"""Decibels that an axis of bars spans at least, so that hundredths look like hundredths."""


def finished(rows: Sequence[Row]) -> list[Row]:
    """Rows with figures. Raises SrnInputError where there is none."""
    found = [row for row in rows if row["psnr"] and not row["error"]]
    if not found:
        raise SrnInputError("no run is finished: there is nothing to draw")
    return found


def grouped(rows: Sequence[Row], *columns: str) -> dict[tuple[str, ...], list[Row]]:
    """Rows by what they have in some columns, in the order they came."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[c] for c in columns), []).append(row)
    return groups


def numbers(rows: Sequence[Row], column: str) -> list[float]:
    """The figures of a column, without those that a run does not have."""
    return [float(row[column]) for row in rows if row[column] != ""]


def in_order(rows: Sequence[Row], column: str, order: Sequence[str] = ()) -> list[str]:
    """What a column holds, in a known order, numbers by their size."""
    found = list(dict.fromkeys(row[column] for row in rows))
    known = [name for name in order if name in found]
    rest = [name for name in found if name not in known]
    try:
        return known + sorted(rest, key=float)
    except ValueError:
        return known + rest


def panel_grid(
    rows: Sequence[Row],
    columns: Sequence[str],
    name: Callable[..., str],
    across: int = 2,
    size: tuple[float, float] = PANEL,
) -> tuple[Figure, list[tuple[Axes, list[Row]]]]:
    """A figure with a panel for each group of rows that agree in some columns, titled by ``name`` of them."""
    groups = grouped(rows, *columns)
    across = min(across, len(groups))
    down = -(-len(groups) // across)
    figure = Figure(figsize=(max(size[0] * across, 6.6), size[1] * down), layout="constrained")
    axes = figure.subplots(down, across, squeeze=False).ravel()
    for axis in axes[len(groups) :]:
        axis.set_visible(False)
    pairs = []
    for axis, (key, members) in zip(axes, groups.items()):
        axis.set_title(name(*key), fontsize="medium")
        axis.grid(axis="y", alpha=0.3)
        axis.set_axisbelow(True)
        pairs.append((axis, members))
    return figure, pairs


def spread_bars(
    axis: Axes,
    groups: Sequence[str],
    series: Sequence[str],
    values: Callable[[str, str], list[float]],
    colours: Mapping[str, str],
    reference: Optional[str] = None,
    names: Optional[Mapping[str, str]] = None,
    form: str = ".2f",
) -> None:
    """Bars of means with each value as a dot, one bar for each series in each group.

    Above a bar stands its mean, or its difference to that of ``reference`` in the same group. The axis does not
    begin at 0: for decibels 0 means nothing, and differences are what is asked for.
    """
    width, everything = 0.82 / len(series), []
    for j, name in enumerate(series):
        labelled = False
        for i, group in enumerate(groups):
            found = values(group, name)
            if not found:
                continue
            everything += found
            x, mean = i + (j - (len(series) - 1) / 2) * width, fmean(found)
            label = None if labelled else (names or {}).get(name, name)
            axis.bar(x, mean, width * 0.92, color=colours[name], alpha=0.75, label=label)
            axis.plot(np.full(len(found), x), found, "o", color="black", ms=3, zorder=3)
            base = values(group, reference) if reference not in (None, name) else []
            text = f"{mean - fmean(base):+{form}}" if base else f"{mean:{form}}"
            place, at = (x, max(found)), "offset points"
            axis.annotate(text, place, (0, 4), textcoords=at, ha="center", fontsize="x-small")
            labelled = True
    axis.set_xticks(range(len(groups)), groups)
    low, high = min(everything, default=0.0), max(everything, default=1.0)
    room = max(high - low, LEAST_RANGE)
    axis.set_ylim(max(low - 0.5 * room, 0.0 if low >= 0 else -np.inf), high + 0.25 * room)


def spread_line(axis: Axes, groups: Mapping[float, list[float]], label: str, colour: str, style: str = "-") -> None:
    """Means over x, with bars from the least to the largest value."""
    x = sorted(groups)
    means = [fmean(groups[n]) for n in x]
    below = [m - min(groups[n]) for n, m in zip(x, means)]
    above = [max(groups[n]) - m for n, m in zip(x, means)]
    axis.errorbar(x, means, (below, above), color=colour, ls=style, marker="o", ms=4, lw=1.8, capsize=3, label=label)


def ratio_axis(axis: Axes, ratios: Sequence[float], label: str) -> None:
    """A logarithmic axis of ratios with the ones asked for as its ticks."""
    axis.set_xscale("log")
    axis.set_xticks(sorted(set(ratios)), [f"{r:g}" for r in sorted(set(ratios))])
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set_xlabel(label)


def legend(figure: Figure) -> None:
    """One legend for all panels, below them."""
    entries: dict[str, Artist] = {}
    for axis in figure.axes:
        for handle, label in zip(*axis.get_legend_handles_labels()):
            entries.setdefault(label, handle)
    # A handle and the gaps take some 0.7 inches, a letter of this size 0.075.
    widest = 0.7 + 0.075 * max(len(label) for label in entries)
    columns = max(1, min(len(entries), int(figure.get_figwidth() / widest)))
    figure.set_figheight(figure.get_figheight() + 0.2 * -(-len(entries) // columns))
    figure.legend(
        entries.values(), entries.keys(), loc="outside lower center", ncols=columns, fontsize="small", handlelength=3
    )


def with_spread(values: Sequence[float]) -> str:
    """Mean and, where there are several, the standard deviation of the sample."""
    if not values:
        return "-"
    return f"{fmean(values):.2f}" + (f" ± {stdev(values):.2f}" if len(values) > 1 else "")
