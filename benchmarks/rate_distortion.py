"""Quality at equal bytes: ours beside SPERR, SZ3, ZFP and TTHRESH.

    python benchmarks/rate_distortion.py VOLUME[:array] ... [--ratios 50 100] [--seconds 15 60] [--methods ours sperr]
    python benchmarks/rate_distortion.py --table | --bd | --plot          (of what has been measured)

Every method gets the same array and the same number of bytes: the array's own (of float64 its float32
size) divided by the ratio. Ours is given that many bytes as its target; of each peer the best setting
whose result still fits is sought. What counts is the file on disk and what its decoder gives back, in
the original's type and over its valid voxels. Peers run on one thread.

Each row goes into the CSV as soon as it is measured. What is there already is not measured again
without --again, so an interrupted run is carried on by the same command, and the table can be filled
from several environments.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Optional, Sequence

import imported
import markdown_table
from bd_table import bd_rows, bd_text, write_bd
from measurements import Measurements
from methods import OURS, Method, parsed
from originals import Original
from peers import PEERS

from srn_core.cli import source
from srn_core.config import DEVICES
from srn_core.errors import SrnError, SrnInputError

HERE = Path(__file__).parent
STOPPED = 130
"""Exit code after Ctrl-C, as shells have it."""


def usable(given: argparse.Namespace) -> list[Method]:
    """The methods that can run here. One asked for by name must; of the others it is said why they cannot."""
    names = given.methods or [OURS, *PEERS]
    ready = []
    for method in parsed(names, given.seconds, given.device, given.threads):
        try:
            method.check()
        except SrnError as error:
            if given.methods:
                raise
            print(f"{method.name} left out: {error}", file=sys.stderr)
        else:
            ready.append(method)
    return ready


def measure_all(given: argparse.Namespace, table: Measurements) -> None:
    """Fill the table."""
    methods = usable(given)
    seen: set[str] = set()
    for text in given.volumes:
        original = Original.read(text, given)
        if original.label in seen:
            raise SrnInputError(f"two volumes are called '{original.label}'; rename one of the files")
        seen.add(original.label)
        table.check_same(original.label, original.crc32)
        ratios = sorted(set(given.ratios or original.default_ratios))
        for method in methods:
            missing = [
                r for r in ratios if given.again or not table.has(original.label, method.name, r, method.seconds)
            ]
            if not missing:
                continue
            measure = method.on(original)
            for ratio in missing:
                row = measure(ratio)
                table.put(row)
                figures = f"{row['psnr']:>7s} dB {row['bytes']:>9s} bytes" if row.get("bytes") else row["note"]
                budget = f"{method.seconds} s" if method.seconds else ""
                print(f"{original.label:26s} {method.name:18s} {budget:6s} {ratio:5g} : 1  {figures}", flush=True)


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("volumes", nargs="*", metavar="VOLUME[:array]", help="none: only show what there is")
    source.add(made)
    run = made.add_argument_group("what is measured")
    run.add_argument(
        "--ratios", nargs="+", type=float, metavar="R", help="default: 50 100 200 400, of integers 10 20 40 80"
    )
    run.add_argument(
        "--methods",
        nargs="+",
        metavar="METHOD",
        help=f"{OURS}, {OURS}:KEY=VALUE,... (any settings of ours), {', '.join(PEERS)}; default: all that run here",
    )
    run.add_argument("--seconds", nargs="+", type=float, default=[60.0], metavar="S", help="time budgets of ours")
    run.add_argument("--device", default="auto", choices=DEVICES, help="of ours")
    run.add_argument("--threads", type=int, default=os.cpu_count() or 1, metavar="N", help="of ours")
    run.add_argument("--again", action="store_true", help="measure anew what the table has already")
    run.add_argument(
        "--import-rows",
        nargs=3,
        metavar=("FILE.json", "CODEC", "METHOD"),
        help="take a codec's figures measured elsewhere into the table, as in: figures.json tthresh 'tthresh (native)'",
    )
    shown = made.add_argument_group("what is shown")
    shown.add_argument("--out", type=Path, default=HERE / "rate_distortion.csv", metavar="CSV", help="the table")
    shown.add_argument("--table", action="store_true", help="print PSNR at equal bytes as the README has it")
    shown.add_argument("--bd", action="store_true", help="print and write BD-rate and BD-PSNR of ours to each peer")
    shown.add_argument("--plot", action="store_true", help="draw the curves of each volume")
    shown.add_argument("--results", type=Path, default=HERE / "results", metavar="FOLDER", help="where pictures go")
    return made


def check(given: argparse.Namespace) -> None:
    """Raises SrnInputError for arguments that mean nothing."""
    if not all(0 < ratio < float("inf") for ratio in given.ratios or ()):
        raise SrnInputError("--ratios must be more than 0")
    if not all(0 < seconds < float("inf") for seconds in given.seconds):
        raise SrnInputError("--seconds must be more than 0")
    if given.threads < 1:
        raise SrnInputError("--threads must be at least 1")
    if not (given.volumes or given.import_rows or given.table or given.bd or given.plot):
        raise SrnInputError("nothing to do: name volumes to measure, or give --table, --bd or --plot")


def show(given: argparse.Namespace, table: Measurements) -> None:
    """Print and draw what was asked for."""
    if not (given.table or given.bd or given.plot):
        return
    if not table.rows:
        raise SrnInputError(f"'{given.out}' has no rows; measure some volumes first")
    if given.table:
        print(markdown_table.markdown(table, markdown_table.titles(HERE / "titles.json")))
    if given.bd:
        rows = bd_rows(table)
        write_bd(given.out.with_name(f"{given.out.stem}_bd.csv"), rows)
        print(bd_text(rows))
    if given.plot:
        from curves import draw_all

        for path in draw_all(table, given.results):
            print(path)


def main(arguments: Optional[Sequence[str]] = None) -> int:
    given = parser().parse_args(arguments)
    try:
        check(given)
        table = Measurements(given.out)
        if given.import_rows:
            path, codec, method = given.import_rows
            imported.import_rows(table, path, codec, method, given.ratios, given.again)
        if given.volumes:
            measure_all(given, table)
        show(given, table)
    except SrnError as error:
        print(f"rate_distortion: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("rate_distortion: stopped; measured rows are kept, the same command carries on", file=sys.stderr)
        return STOPPED
    return 0


if __name__ == "__main__":
    sys.exit(main())
