"""The analyses of a search as tables and pictures in its folder."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from srn_core.prediction.regression import INTERCEPT, Fit, bent_back
from srn_core.prediction.rules import LN_RATIO
from srn_core.search.analysis import Analysis
from srn_core.search.figures import figure, plain_numbers, save
from srn_core.search.journal import Journal
from srn_core.search.request import Record
from srn_core.search.runner import SearchResult
from srn_core.search.tables import write_csv

COLUMNS = 3
FRONT_COLOUR, TRIALS_COLOUR, LINE_COLOUR = "#1f4e99", "#c6dbef", "#d95f02"


def load(folder: Path) -> SearchResult:
    """The search that a folder holds. Raises SrnInputError where there is none, SrnFormatError where it is damaged."""
    return SearchResult(Record.load(folder), Journal(folder).read())


def regression_rows(analysis: Analysis) -> list[dict[str, Any]]:
    """Each regression's line, by falling R^2."""
    rows = [
        {
            "setting": name,
            "scale": "ln" if analysis.domains[name].log else "linear",
            "slope": line.coefficients.get(LN_RATIO, 0.0),
            "intercept": line.coefficients[INTERCEPT],
            "r2": line.r2,
            "points": line.points,
        }
        for name, line in analysis.regressions().items()
    ]
    return sorted(rows, key=lambda row: -row["r2"])


def write_tables(folder: Path, analysis: Analysis) -> None:
    """``sensitivity.csv``, ``regressions.csv``, ``initial.csv`` and ``initial_fits.csv``."""
    columns = ["setting", "points", "slope", "r2", "all_points", "all_slope", "all_r2"]
    write_csv(folder / "sensitivity.csv", analysis.sensitivity(), columns)
    columns = ["setting", "scale", "slope", "intercept", "r2", "points"]
    write_csv(folder / "regressions.csv", regression_rows(analysis), columns)
    initial = analysis.initial()
    points = [
        {"figure": name, analysis.ratio_name: ratio, "value": value}
        for name, (known, _) in initial.items()
        for ratio, value in known
    ]
    write_csv(folder / "initial.csv", points, ["figure", analysis.ratio_name, "value"])
    lines = [
        {"figure": name, "slope": line.coefficients.get(LN_RATIO, 0.0), "intercept": line.coefficients[INTERCEPT],
         "r2": line.r2, "points": line.points}
        for name, (_, line) in initial.items()
    ]  # fmt: skip
    write_csv(folder / "initial_fits.csv", lines, ["figure", "slope", "intercept", "r2", "points"])


def draw(folder: Path, analysis: Analysis) -> list[str]:
    """``sensitivity.png``, ``regressions.png`` and, for trained networks, ``initial.png``; the names of those drawn."""
    drawn = []
    if analysis.domains:
        _draw_sensitivity(folder / "sensitivity.png", analysis)
        _draw_regressions(folder / "regressions.png", analysis)
        drawn += ["sensitivity.png", "regressions.png"]
    if analysis.initial():
        _draw_initial(folder / "initial.png", analysis)
        drawn.append("initial.png")
    return drawn


def _draw_sensitivity(path: Path, analysis: Analysis) -> None:
    """Each setting on the x-axis, the ratio on the y-axis (thesis Figs 5.5, 5.16)."""
    rows = analysis.sensitivity()
    drawn, panels = _panels(len(rows))
    done = [trial for trial in analysis.result.of_kind("search") if trial.done]
    for row, axes in zip(rows, panels):
        name = row["setting"]
        for trials, style in ((done, {"color": TRIALS_COLOUR}), (analysis.front, {"color": FRONT_COLOUR})):
            x, y = [t.parameters[name] for t in trials], [analysis.ratio(t) for t in trials]
            axes.plot(x, y, "o", markersize=4, **style)
        axes.set(xlabel=name, title=f"slope {row['slope']:+.2f}, $R^2$ {row['r2']:.2f}", yscale="log")
        if analysis.domains[name].log:
            axes.set_xscale("log")
        plain_numbers(axes.yaxis)
    drawn.supylabel(f"{analysis.ratio_name} (dark: the front)")
    save(drawn, path)


def _draw_regressions(path: Path, analysis: Analysis) -> None:
    """The ratio on the x-axis, each setting and its line on the y-axis (thesis Figs 5.6, 5.17)."""
    rows, lines = regression_rows(analysis), analysis.regressions()
    drawn, panels = _panels(len(rows))
    ratios = [analysis.ratio(trial) for trial in analysis.front]
    along = _between(min(ratios), max(ratios))
    for row, axes in zip(rows, panels):
        name = row["setting"]
        domain = analysis.domains[name]
        axes.plot(ratios, [t.parameters[name] for t in analysis.front], "o", markersize=4, color=FRONT_COLOUR)
        predicted = [bent_back(domain, lines[name].at({LN_RATIO: math.log(r)})) for r in along]
        axes.plot(along, predicted, color=LINE_COLOUR)
        axes.set(ylabel=name, title=f"$R^2$ {row['r2']:.2f}", xscale="log")
        if domain.log:
            axes.set_yscale("log")
        plain_numbers(axes.xaxis)
    drawn.supxlabel(analysis.ratio_name)
    save(drawn, path)


def _draw_initial(path: Path, analysis: Analysis) -> None:
    """The final ratio on the x-axis, what the network was before pruning on the y-axis (thesis Figs 5.8, 5.19)."""
    initial = analysis.initial()
    drawn, panels = _panels(len(initial))
    labels = {"initial_ratio": "values / parameters before pruning", "initial_grid": "latent samples before pruning"}
    for (name, (points, line)), axes in zip(initial.items(), panels):
        axes.plot(*zip(*points), "o", markersize=4, color=FRONT_COLOUR)
        along = _between(points[0][0], points[-1][0])
        axes.plot(along, [_power(line, ratio) for ratio in along], color=LINE_COLOUR)
        slope = line.coefficients.get(LN_RATIO, 0.0)
        axes.set(xscale="log", yscale="log", ylabel=labels[name], title=f"~ ratio^{slope:.2f}, $R^2$ {line.r2:.2f}")
        plain_numbers(axes.xaxis)
    drawn.supxlabel(f"final {analysis.ratio_name}")
    save(drawn, path)


def _power(line: Fit, ratio: float) -> float:
    return math.exp(line.at({LN_RATIO: math.log(ratio)}))


def _between(low: float, high: float, count: int = 20) -> list[float]:
    return [low * (high / low) ** (i / (count - 1)) for i in range(count)]


def _panels(count: int) -> tuple[Any, list[Any]]:
    columns = min(COLUMNS, count)
    rows = -(-count // columns)
    drawn = figure(3.4 * columns + 0.4, 2.6 * rows + 0.4)
    panels = list(drawn.subplots(rows, columns, squeeze=False).flat)
    for spare in panels[count:]:
        spare.remove()
    return drawn, panels[:count]
