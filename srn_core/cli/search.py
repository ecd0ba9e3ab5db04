"""``srn search``: settings for one volume, found by trying."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, Sequence

from srn_core.cli import output, source
from srn_core.cli.bar import Bar
from srn_core.cli.interrupt import Interrupt
from srn_core.config import DEVICES, PRUNERS
from srn_core.errors import SrnInputError
from srn_core.progress import Progress

if TYPE_CHECKING:
    from srn_core.search import SearchRequest, SearchResult, Source

NETWORKS = ("fvsrn", "neurcomp")
OBJECTIVES = ("ratio", "parameter_ratio", "psnr", "ssim", "max_error", "decode_mvoxel_s")
OUT = "search"

EPILOG = f"""\
examples:
  srn search hurricane.vti --trials 40 --seconds-per-trial 60 --out found
  srn search hurricane.vti --trials 80 --seconds-per-trial 60 --out found --resume
  srn search flow.nc --pruner variational-static --fix fvsrn.wavelet=haar --free training.batch --workers 4
  srn search flow.nc --network neurcomp --pruner none --objectives parameter_ratio,psnr --sizes settings
  srn search flow.nc --generator sobol --defaults --peers rate_distortion.csv --out found
  srn compress hurricane.vti hurricane.srn --config found/front/03.json
  srn search-report found

Each trial is a compression of its own, in a process with one thread. The folder then holds trials.csv and .json,
front.csv (the trade-offs that no other trial beats), hypervolume.csv, front.png (where matplotlib is installed) and
front/NN.json, settings for srn compress --config.
Ctrl-C ends the search; finished trials stay, and --resume goes on, also after a crash. The same seed gives the same
trials where --fix training.passes=N ends them (with several workers: --generator sobol --margin none, too).

objectives (two of them, with a comma): {", ".join(OBJECTIVES)}
sizes: 'target': each trial asks for a ratio, which is searched like a setting; 'settings': nothing is asked for, and
the network's size, the pruner's weights and its threshold decide, as in the thesis.
What is searched, and between which bounds: docs/search.md.
"""


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "search",
        help="find good settings for a volume by trying",
        description="Search settings for a volume: many short trials, and the front of the best trade-offs.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("input", metavar="VOLUME", help=f"the volume ({source.FORMATS_HELP})")
    about = command.add_argument_group("what is searched")
    about.add_argument("--network", choices=NETWORKS, default="fvsrn", help="default: fvsrn")
    about.add_argument("--pruner", choices=PRUNERS, default="smallify", help="default: smallify")
    about.add_argument("--objectives", default="ratio,psnr", metavar="A,B", help="default: ratio,psnr")
    about.add_argument("--sizes", choices=("target", "settings"), default="target", help="default: target; see below")
    about.add_argument("--fix", action="append", default=[], metavar="KEY=VALUE", help="a setting of every trial")
    about.add_argument(
        "--free",
        action="append",
        default=[],
        metavar="KEY[=LOW:HIGH|=A,B]",
        help="search this setting as well, or between other bounds",
    )
    how = command.add_argument_group("how")
    how.add_argument("--trials", type=int, default=40, metavar="N", help="default: 40")
    how.add_argument(
        "--seconds-per-trial", type=float, default=60.0, metavar="S", help="training of each trial (default: 60)"
    )
    how.add_argument("--limit", type=float, metavar="S", help="kill a trial after S seconds (default: twice that + 60)")
    how.add_argument("--workers", type=int, default=1, metavar="W", help="trials at the same time (default: 1)")
    how.add_argument(
        "--generator", choices=("ax", "sobol"), default="ax", help="ax: Bayesian (default); sobol: evenly spread"
    )
    how.add_argument(
        "--first-defaults",
        type=int,
        metavar="N",
        help="first trials at the defaults (default: a fifth; 0: none)",
    )
    how.add_argument("--start", type=int, metavar="N", help="then evenly spread trials before ax (default: a quarter)")
    how.add_argument(
        "--margin", metavar="DB", help="stop a trial this far below the front (default: 12; none: never)", default="12"
    )
    how.add_argument("--seed", type=int, default=0, metavar="K", help="of proposals and trials (default: 0)")
    how.add_argument("--device", choices=DEVICES, default="auto", help="default: auto")
    how.add_argument("--resume", action="store_true", help="go on with the search in --out")
    source.add(command)
    said = command.add_argument_group("output")
    said.add_argument("--out", metavar="FOLDER", default=OUT, help=f"default: {OUT}")
    said.add_argument("--defaults", action="store_true", help="measure the product's defaults beside, at some ratios")
    said.add_argument("--peers", metavar="FILE.csv", help="draw other compressors' curves: volume, method, ratio, psnr")
    said.add_argument("--keep-files", action="store_true", help="keep the neural file of each point of the front")
    said.add_argument("--json", action="store_true", help="print the front as JSON")
    said.add_argument("--quiet", action="store_true", help="print nothing but errors")
    command.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Search, write, report."""
    from srn_core.search import search
    from srn_core.search.figures import can_draw, draw_front
    from srn_core.search.outputs import write
    from srn_core.search.peers import Curves, peers, read
    from srn_core.search.request import Record

    request, where, folder = _request(given), _source(given), Path(given.out)
    curves: Curves = {}
    if given.peers:
        # Before hours of trials, not after.
        curves = peers(read(Path(given.peers)), Record.of(request, where, where.read()))
    with Bar(given.quiet or given.json) as bar:

        def stopping() -> None:
            bar.write(
                "srn: stopping; finished trials stay, --resume goes on (Ctrl-C again: leave the tables unwritten)"
            )

        with Interrupt(stopping) as interrupt:

            def progress(report: Progress) -> Optional[bool]:
                bar(report)
                return not interrupt.asked

            result = search(where, folder, request, resume=given.resume, progress=progress)
    write(folder, result, last=not result.stopped)
    front = result.front()
    if front and can_draw():
        draw_front(folder, result, curves)
    elif front and not given.quiet:
        output.note("no pictures: they need matplotlib (pip install 'paraview-srn[search]')")
    if not front and not result.stopped:
        raise SrnInputError(_why_none(result))
    if given.json:
        output.print_json(_report(given.out, result))
    elif not given.quiet:
        _print(given.out, result)
    return 130 if result.stopped else 0


def _request(given: argparse.Namespace) -> SearchRequest:
    from srn_core.search import SearchRequest
    from srn_core.search.space import config_value

    fixed = {name: config_value(name, value) for name, value in _pairs("--fix", given.fix, needs_value=True)}
    margin: Optional[float] = None
    if given.margin.lower() != "none":
        try:
            margin = float(given.margin)
        except ValueError:
            raise SrnInputError(f"--margin takes a number of dB or none, not '{given.margin}'") from None
    return SearchRequest(
        network=given.network,
        pruner=given.pruner,
        objectives=tuple(name.strip() for name in given.objectives.split(",")),
        sizes=given.sizes,
        trials=given.trials,
        seconds=given.seconds_per_trial,
        limit=given.limit,
        workers=given.workers,
        generator=given.generator,
        first_defaults=given.first_defaults,
        start=given.start,
        seed=given.seed,
        device=given.device,
        margin=margin,
        defaults=given.defaults,
        keep_files=given.keep_files,
        fixed=fixed,
        freed=dict(_pairs("--free", given.free, needs_value=False)),
    )


def _source(given: argparse.Namespace) -> Source:
    from srn_core.search import Source

    return Source(given.input, given.array, source.options(given))


def _pairs(option: str, texts: Sequence[str], needs_value: bool) -> list[tuple[str, str]]:
    pairs = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not name.strip() or (needs_value and not equals):
            raise SrnInputError(f"{option} takes name=value, not {text!r}")
        pairs.append((name.strip(), value.strip()))
    return pairs


def _why_none(result: SearchResult) -> str:
    failed = [trial for trial in result.of_kind("search") if not trial.done]
    return f"none of {len(failed)} trials came to an end; the last one: {failed[-1].reason if failed else '-'}"


def _report(folder: str, result: SearchResult) -> dict[str, Any]:
    from srn_core.search.outputs import hypervolumes

    rows = hypervolumes(result)
    return {
        "out": folder,
        "trials": len(rows),
        "done": sum(trial.done for trial in result.of_kind("search")),
        "hypervolume": rows[-1]["hypervolume"] if rows else 0.0,
        "stopped": result.stopped,
        "front": [{**trial.to_dict(), "config": f"front/{n:02d}.json"} for n, trial in enumerate(result.front(), 1)],
    }


def _print(folder: str, result: SearchResult) -> None:
    told = _report(folder, result)
    first, second = result.objectives
    rows = [(f"{told['out']}: {told['done']} of {told['trials']} trials done", "")]
    for point in told["front"]:
        figures = (f"{o.name} {output.number(point['measured'][o.name], 5)}" for o in (first, second))
        rows.append((point["config"], ", ".join(figures)))
    output.print_table([*rows, ("hypervolume", output.number(told["hypervolume"]))])
    if result.stopped:
        output.note(f"stopped by Ctrl-C; go on with --resume --out {folder}")
