"""Quality control of a search's fits by fresh runs (thesis Figs 5.7, 5.18)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional

from srn_core.errors import SrnInputError
from srn_core.progress import ProgressCallback
from srn_core.search.analysis import Analysis
from srn_core.search.defaults import base_settings
from srn_core.search.figures import figure, plain_numbers, save
from srn_core.search.journal import Journal
from srn_core.search.request import crc32
from srn_core.search.runner import Job, Runner, SearchResult
from srn_core.search.space import space_of
from srn_core.search.tables import write_csv

COLUMNS = ["trial", "status", "ratio_expected", "ratio", "psnr_expected", "psnr", "reason"]
MOST = 1000


def run_checks(
    folder: Path, analysis: Analysis, count: int, progress: Optional[ProgressCallback] = None
) -> tuple[SearchResult, list[dict[str, Any]]]:
    """Run settings that the fits predict for ``count`` ratios spread over the front; all ends go into the journal.

    Returns the search with them, and a row for each of these runs. Raises SrnInputError where the volume is no longer
    the one that was searched.
    """
    if not 1 <= count <= MOST:
        raise SrnInputError(f"--check-fit takes a number of runs from 1 to {MOST}, not {count}")
    record, trials = analysis.result.record, analysis.result.trials
    if crc32(record.source.read()) != record.crc32:
        raise SrnInputError(f"'{record.source.path}' is not the volume that was searched; its values have changed")
    first = 1 + max((trial.index for trial in trials if trial.kind == "check"), default=-1)
    space = space_of(record)
    ratios = [analysis.ratio(trial) for trial in analysis.front]
    low, high = min(ratios), max(ratios)
    jobs = []
    for number in range(count):
        ratio = low * (high / low) ** (number / (count - 1) if count > 1 else 0.5)
        parameters = analysis.predicted(ratio)
        expected = {"ratio": round(ratio, 4), "psnr": round(analysis.front_psnr(ratio), 4)}
        settings = {**base_settings(record.request), **space.settings(parameters)}
        jobs.append(Job("check", first + number, parameters, settings, expected))
    journal = Journal(folder)
    journal.mend()
    runner = Runner(record, folder, journal, trials, progress, count)
    result = runner.run(lambda: jobs.pop(0) if jobs else None)
    rows = [
        {
            "trial": trial.index,
            "status": trial.status,
            "ratio_expected": trial.extra["ratio"],
            "ratio": trial.measured.get(analysis.ratio_name),
            "psnr_expected": trial.extra["psnr"],
            "psnr": trial.measured.get("psnr"),
            "reason": trial.reason,
        }
        for trial in result.of_kind("check")
        if trial.index >= first
    ]
    return result, rows


def write_checks(folder: Path, rows: list[dict[str, Any]], draw: bool) -> None:
    """``check_fit.csv`` and, if wanted, ``check_fit.png``."""
    write_csv(folder / "check_fit.csv", rows, COLUMNS)
    done = [row for row in rows if row["status"] == "done"]
    if not draw or not done:
        return
    drawn = figure(8.0, 4.0)
    left, right = drawn.subplots(1, 2)
    for axes, name, unit in ((left, "ratio", ""), (right, "psnr", " in dB")):
        expected, found = ([row[key] for row in done] for key in (f"{name}_expected", name))
        ends = [min(expected + found), max(expected + found)]
        axes.plot(ends, ends, color="#7f7f7f", linewidth=1)
        axes.plot(expected, found, "o", color="#1f4e99")
        axes.set(xlabel=f"{name} expected{unit}", ylabel=f"{name} found{unit}")
    left.set(xscale="log", yscale="log")
    plain_numbers(left.xaxis)
    plain_numbers(left.yaxis)
    save(drawn, folder / "check_fit.png")
