"""``srn search-report``: what a finished search tells of its settings."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any, Optional

from srn_core.cli import output
from srn_core.cli.bar import Bar
from srn_core.cli.interrupt import Interrupt
from srn_core.errors import SrnInputError
from srn_core.progress import Progress

EPILOG = """\
examples:
  srn search-report found
  srn search-report found --check-fit 8 --workers 2

It writes, each with a picture where matplotlib is installed:
  sensitivity.csv   how the ratio goes with each setting along the front, the strongest first
  regressions.csv   ln(ratio) -> setting (ln(setting) where it was searched so), with R^2
  initial.csv       the network's ratio and its latent samples before pruning, by the final ratio; the lines in
                    initial_fits.csv
  check_fit.csv     with --check-fit N: what N fresh runs at predicted settings gave, beside what was expected
"""


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "search-report",
        help="what a search tells of its settings",
        description="Read what governs ratio and quality from a finished search (srn search).",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("folder", metavar="FOLDER", help="the search's --out")
    command.add_argument("--check-fit", type=int, metavar="N", help="run N trials at settings that the fits predict")
    command.add_argument("--volume", metavar="FILE", help="where the volume is now, for --check-fit, if it was moved")
    command.add_argument("--workers", type=int, metavar="W", help="trials at the same time (default: as in the search)")
    command.add_argument("--json", action="store_true", help="print the report as JSON")
    command.add_argument("--quiet", action="store_true", help="print nothing but errors")
    command.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Read, fit, write, report."""
    from srn_core.search import report
    from srn_core.search.analysis import Analysis
    from srn_core.search.figures import can_draw

    if given.check_fit is None and (given.volume or given.workers):
        raise SrnInputError(f"{'--volume' if given.volume else '--workers'} belongs to --check-fit: give that, too")
    folder = Path(given.folder)
    analysis = Analysis.of(report.load(folder))
    report.write_tables(folder, analysis)
    drawing = can_draw()
    if drawing:
        report.draw(folder, analysis)
    elif not given.quiet:
        output.note("no pictures: they need matplotlib (pip install 'paraview-srn[search]')")
    checks: list[dict[str, Any]] = []
    stopped = False
    if given.check_fit is not None:
        checks, stopped = _check(given, folder, analysis, drawing)
    rows = report.regression_rows(analysis)
    if given.json:
        told = {"folder": given.folder, "front": len(analysis.front), "regressions": rows, "checks": checks}
        output.print_json({**told, "sensitivity": analysis.sensitivity()})
    elif not given.quiet:
        _print(given.folder, analysis, rows, checks)
    return 130 if stopped else 0


def _check(given: argparse.Namespace, folder: Path, analysis: Any, drawing: bool) -> tuple[list[dict[str, Any]], bool]:
    from srn_core.search.check_fit import run_checks, write_checks

    record = analysis.result.record
    if given.volume:
        record = replace(record, source=replace(record.source, path=given.volume))
    if given.workers:
        record = replace(record, request=replace(record.request, workers=given.workers))
    analysis = replace(analysis, result=replace(analysis.result, record=record))
    with Bar(given.quiet or given.json) as bar:

        def stopping() -> None:
            bar.write("srn: stopping; finished runs stay")

        with Interrupt(stopping) as interrupt:

            def progress(told: Progress) -> Optional[bool]:
                bar(told)
                return not interrupt.asked

            result, checks = run_checks(folder, analysis, given.check_fit, progress)
    write_checks(folder, checks, drawing)
    return checks, result.stopped


def _print(folder: str, analysis: Any, rows: list[dict[str, Any]], checks: list[dict[str, Any]]) -> None:
    slopes = {row["setting"]: row["slope"] for row in analysis.sensitivity()}
    table = [(f"{folder}: {len(analysis.front)} points on the front; ln({analysis.ratio_name}) -> setting", "")]
    for row in rows:
        scale = "ln(setting)" if row["scale"] == "ln" else "setting"
        line = f"{scale} = {row['slope']:+.4g} x {row['intercept']:+.4g}"
        table.append(
            (row["setting"], f"{line}, R^2 {row['r2']:.2f}; along its range ln(ratio) {slopes[row['setting']]:+.2f}")
        )
    if checks:
        table.append(("fresh runs at predicted settings", ""))
    for row in checks:
        found = f"ratio {output.number(row['ratio'], 4)}, {output.decibel(row['psnr'])}"
        expected = f"ratio {row['ratio_expected']:.4g}, {output.decibel(row['psnr_expected'])}"
        table.append(
            (f"run {row['trial']}", f"{found if row['status'] == 'done' else row['status']} (expected {expected})")
        )
    output.print_table(table)
