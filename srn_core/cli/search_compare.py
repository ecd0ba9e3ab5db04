"""``srn search-compare``: finished searches of one volume beside each other."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from srn_core.cli import output
from srn_core.errors import SrnInputError

OUT = "compared"

EPILOG = """\
examples:
  srn search-compare by-smallify by-mask by-dropout --out pruners
  srn search-compare free fixed-layers

The searches must be about one volume and the same two objectives. The folder then holds
  compared.csv   of each search: trials, points on the front, its hypervolume, and by how many dB the first one's front
                 lies above it at equal ratios (for ratio and PSNR)
  fronts.csv     the points of all fronts
  compared.png   both as a picture, where matplotlib is installed
"""


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "search-compare",
        help="several searches of one volume in one picture",
        description="Set the fronts of finished searches (srn search) side by side.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("folders", nargs="+", metavar="FOLDER", help="the --out of a finished search; two at least")
    command.add_argument("--out", metavar="FOLDER", default=OUT, help=f"where tables and picture go (default: {OUT})")
    command.add_argument("--json", action="store_true", help="print the comparison as JSON")
    command.add_argument("--quiet", action="store_true", help="print nothing but errors")
    command.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Read, compare, write, report."""
    from srn_core.search import report, side_by_side
    from srn_core.search.figures import can_draw

    folders = [Path(folder) for folder in given.folders]
    if len(folders) < 2:
        raise SrnInputError("a comparison needs two searches: name the folders of several")
    searches = side_by_side.named(folders, [report.load(folder) for folder in folders])
    for name, result in searches.items():
        if not result.front():
            raise SrnInputError(f"the search '{name}' has no finished trial: search on with --resume, or leave it out")
    out = Path(given.out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SrnInputError(f"cannot make the folder '{out}': {error.strerror or error}") from error
    side_by_side.write_tables(out, searches)
    if can_draw():
        side_by_side.draw(out, searches)
    elif not given.quiet:
        output.note("no picture: it needs matplotlib (pip install 'paraview-srn[search]')")
    rows = side_by_side.areas(searches)
    if given.json:
        output.print_json({"out": given.out, "searches": rows})
    elif not given.quiet:
        _print(given.out, rows)
    return 0


def _print(out: str, rows: list[dict[str, Any]]) -> None:
    table = [(f"{out}: {len(rows)} searches", "")]
    for row in rows:
        told = f"{row['points']} points on the front, hypervolume {output.number(row['hypervolume'], 5)}"
        if "front_gain_db" in row:
            least = f"at least {row['least_gain_db']:+.2f}"
            told += f"; the first one lies {row['front_gain_db']:+.2f} dB above it ({least}) at equal ratios"
        table.append((row["search"], told))
    output.print_table(table)
