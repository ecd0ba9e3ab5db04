"""``srn compress``: a volume, or its time steps, into a neural file."""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import textwrap
from typing import TYPE_CHECKING, Any, Optional, Sequence, Union

from srn_core.cli import compress_report, output, source
from srn_core.cli.bar import Bar
from srn_core.cli.interrupt import Interrupt
from srn_core.cli.steps import Steps, files_for_each, times_of
from srn_core.config import DEVICES, NETWORKS, PRESETS, PRUNERS, CompressConfig, setting_names
from srn_core.errors import SrnInputError
from srn_core.idle_settings import refuse_idle_settings
from srn_core.mesh import MeshArray, Sampled
from srn_core.parts import VolumeParts, WholeVolume
from srn_core.progress import Progress

if TYPE_CHECKING:
    from srn_core.api import CompressResult

MAX_CONFIG = 1 << 20

NETWORK_HELP = {
    "auto": "an fv-SRN by rate and, where the target is a size, a Neurcomp without pruner: the better one is kept",
    "fvsrn": "a latent grid and a small network (the default): with the pruner rate the best choice nearly always",
    "neurcomp": "one network of sines, for smooth fields and patient users; best with --pruner none",
}
PRUNER_HELP = {
    "rate": "coefficients that are not worth their bits go (the default). Of fvsrn: no network is trained, only, where "
    "it pays, a small filter",
    "none": "nothing is removed",
    "mask": "on-off masks, learnt through a straight-through gradient",
    "smallify": "switches that change sign where nothing is lost",
    "variational-static": "noise that grows where nothing is lost; one error scale for the volume",
    "variational-dynamic": "the same with an error scale of its own at each place",
}


def _listed(texts: dict[str, str], names: Sequence[str]) -> str:
    return "\n".join(
        textwrap.fill(texts[name], 116, initial_indent=f"  {name.ljust(20)} ", subsequent_indent=" " * 23)
        for name in names
    )


EPILOG = f"""\
examples:
  srn compress hurricane.vti hurricane.srn --ratio 100
  srn compress cutout.h5 u.srn --array Velocity_0001 --bytes 200000 --seconds 600
  srn compress hurricane.vti hurricane.srn --psnr 45
  srn compress hurricane.vti hurricane.srn --max-error 0.5%
  srn compress hurricane.vti hurricane.srn --passes 0
  srn compress scan.raw scan.srn --dims 256 256 128 --dtype uint8
  srn compress flow.nc flow.srn --network auto --ratio 200 --seconds 120
  srn compress flow.nc flow.srn --network neurcomp --pruner none --set neurcomp.blocks=6
  srn compress flow.nc flow.srn --pruner variational-static --drop-rates rates.csv --history run.csv
  srn compress step2.vti step2.srn --pruner smallify --start step1.srn --passes 10
  srn compress 'run/step_*.vti' run.srn --psnr 50              time steps, all in one file
  srn compress 'run/step_*.vti' small --each --bytes 1000000   a file for each, in the folder small
  srn compress flow.nc flow.srn --array wind --step all --ratio 200
  srn compress wing.vtu wing.srn --array p --ratio 50          a mesh, kept exactly beside the array
  srn compress cloud.vtp cloud.srn --array T --geometry drop   an image of its box

networks:
{_listed(NETWORK_HELP, NETWORKS)}

pruners:
{_listed(PRUNER_HELP, PRUNERS)}

targets:
  --ratio and --bytes fix the size, and the quality is what it allows. --psnr and --max-error fix the quality of what
  is decoded from the finished file, and the size is what it takes: --psnr the mean error (40 dB is 1 % of the range,
  60 dB 0.1 %, 6 dB halve it), --max-error that of every single voxel, in the array's units or in % of its range. A PSNR
  is kept to by fvsrn with the pruner rate alone.

how long:
  With fvsrn and rate the file itself takes seconds; --passes and --seconds are those of the filter, which wins another
  0.4 to 3 dB where the file has room for it (5 to 100 passes if nothing is said). --passes 0: no filter, no training,
  and no torch. Trained networks take 75 passes over the volume (neurcomp: 100) if nothing is said, and at least some.
  --preset fast: no filter, or a quarter of these passes; best: four times as many.
Ctrl-C ends the training and packs the best network so far; a second Ctrl-C leaves nothing. Of time steps those are kept
that are done.

time steps:
  Several inputs, or one whose --step is all, are time steps, in the order in which they are given; a pattern in quotes
  stands for files in the order of the numbers in their names. A ratio and a number of bytes hold for all steps
  together, a PSNR and a largest error for each. One step is in memory at a time. Any step can be decoded, with those
  since the key frame before it; with --each, by itself.

settings for --set and --config:
  {", ".join(setting_names())}
"""


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "compress",
        help="a volume into a small neural file",
        description=f"Compress a volume ({source.FORMATS_HELP}) into a neural file.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.usage = "%(prog)s IN [IN ...] OUT.srn [options]"
    command.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="the volume, or one for each time step; and last the neural file to write",
    )
    target = command.add_argument_group("target (one of them; default: ratio 100)").add_mutually_exclusive_group()
    target.add_argument("--ratio", metavar="R", help="at least this many times smaller than the original array")
    target.add_argument("--bytes", metavar="N", help="at most this many bytes")
    target.add_argument("--psnr", metavar="P", help="this PSNR in dB, in as few bytes as it takes")
    target.add_argument(
        "--max-error",
        metavar="E",
        help="no voxel further off than E in the array's units, or than E%% of its range, in as few bytes as it takes",
    )
    model = command.add_argument_group("network and training")
    model.add_argument(
        "--network", choices=NETWORKS, help="default: fvsrn; auto tries both and keeps the better; see below"
    )
    model.add_argument(
        "--pruner", choices=PRUNERS, help="how superfluous parameters are found (default: rate); see below"
    )
    model.add_argument(
        "--preset", choices=PRESETS, help="how much work, where --passes and --seconds say nothing (default: balanced)"
    )
    model.add_argument(
        "--time-limit", metavar="S", help="pack the best so far after S seconds in all; what a target needs comes first"
    )
    model.add_argument("--passes", metavar="N", help="training ends after N passes over the volume; 0: no training")
    model.add_argument("--seconds", metavar="S", help="training ends after S seconds, if not by passes before")
    model.add_argument("--start", metavar="FILE.srn", help="train on from this file's network; not with fvsrn and rate")
    model.add_argument(
        "--bricks",
        metavar="auto|none|N",
        help="cut the volume into bricks of at most N samples along each axis, compressed one by one and blended when "
        "decoded (default: auto, N = 256 above 2^27 numbers)",
    )
    model.add_argument("--device", choices=DEVICES, help="default: auto, CUDA where torch finds it")
    model.add_argument("--seed", metavar="K", help="of all random numbers (default: 0)")
    model.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="any setting; may be repeated")
    model.add_argument("--config", metavar="FILE", help="settings from a JSON file; the options above come on top")
    source.add_geometry(source.add(command))
    series = command.add_argument_group("time steps")
    series.add_argument(
        "--times", metavar="T,T,...", help="the time of each step; by default what the inputs know, else 0, 1, 2, ..."
    )
    series.add_argument(
        "--each", action="store_true", help="a file for each step, in the folder that the last argument names"
    )
    series.add_argument(
        "--key-every",
        metavar="N",
        help="of fvsrn by rate: store at least every N-th step whole, others as the difference to the one before where "
        "that takes fewer bytes (default: 8; 1: all of them whole)",
    )
    said = command.add_argument_group("output")
    said.add_argument("--history", metavar="FILE.csv", help="write the training's course as a table")
    said.add_argument("--drop-rates", metavar="FILE.csv", help="write the histogram of what the pruner learnt")
    said.add_argument("--json", action="store_true", help="print the report as JSON")
    said.add_argument("--quiet", action="store_true", help="print nothing but errors")
    command.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Read, compress, write, report."""
    config = settings(given)
    *inputs, out = given.files
    if not inputs:
        raise SrnInputError(f"'{out}' is the only file that is named; give the volume and the neural file to write")
    times, steps = times_of(given.times), None
    tables = {"history": given.history, "drop_rates": given.drop_rates}
    if not given.each:
        for path in inputs:
            _check_out(out, ".srn", path)
    for path in filter(None, tables.values()):
        _check_out(path, ".csv", inputs[0])
    if given.history and given.drop_rates and os.path.abspath(given.history) == os.path.abspath(given.drop_rates):
        raise SrnInputError("--history and --drop-rates name the same file; give two names")
    refuse_idle_settings(config)
    if given.drop_rates and config.pruner in ("none", "rate"):
        raise SrnInputError(
            f"--drop-rates: the pruner '{config.pruner}' learns no drop rates; choose another --pruner, say smallify"
        )
    if given.each and any(tables.values()):
        raise SrnInputError("--history and --drop-rates are tables of one neural file; leave them out with --each")
    steps = Steps(inputs, given)
    files = files_for_each(out, steps.names()) if given.each else [out]
    job = _Job(given, config)
    report = job.each(steps, times, files) if given.each else job.one_file(steps, times, out)
    for columns, path in tables.items():
        if path:
            _write_table(path, getattr(job.result, columns))
    if given.json:
        output.print_json(report)
    elif not given.quiet:
        output.print_table(compress_report.rows(report, None if given.each else job.result))
    if job.stopped and not given.quiet:
        output.note(f"stopped early by Ctrl-C; {compress_report.kept(report)}")
    return 130 if job.stopped else 0


class _Job:
    """One call of the library, with its progress bar and Ctrl-C."""

    def __init__(self, given: argparse.Namespace, config: CompressConfig) -> None:
        self._config, self._silent = config, given.quiet or given.json
        self.stopped = False
        self.result: CompressResult

    def one_file(self, steps: Steps, times: Optional[list[float]], out: str) -> dict[str, Any]:
        """All steps in one file; a single volume is a step that need not have a time."""
        from srn_core.api import compress, compress_series

        with Bar(self._silent) as bar, Interrupt(lambda: self._stopping(bar)) as interrupt:
            told = self._told(bar, interrupt)
            if len(steps) == 1 and times is None:
                self.result = compress(self._source(steps), out, config=self._config, progress=told)
            else:
                self.result = compress_series(steps, out, times=times, config=self._config, progress=told)
        return {"out": out, **self.result.report}

    def _source(self, steps: Steps) -> Union[Sampled, VolumeParts]:
        """The only step; what is to be cut into bricks is not read yet, where the format lets it."""
        from srn_core.in_bricks.compress import edge_of

        found = steps.parts(0)
        if isinstance(found, MeshArray):
            return found
        if edge_of(found.geometry.dims, found.values, self._config) is not None:
            return found
        return found.whole if isinstance(found, WholeVolume) else steps[0]

    def each(self, steps: Steps, times: Optional[list[float]], files: Sequence[str]) -> dict[str, Any]:
        """A file for each step, written as soon as it is done."""
        from srn_core.api import compress_steps

        reports: list[dict[str, Any]] = []
        with Bar(self._silent) as bar, Interrupt(lambda: self._stopping(bar)) as interrupt:
            told = self._told(bar, interrupt)
            results = compress_steps(steps, times=times, config=self._config, progress=told)
            for path, result in zip(files, results):
                os.makedirs(os.path.dirname(path), exist_ok=True)
                result.file.save(path)
                self.result = result
                reports.append({"out": path, "time": result.file.times[0], **result.report})
        return compress_report.totals(os.path.dirname(files[0]), reports, len(steps))

    def _told(self, bar: Bar, interrupt: Interrupt) -> Any:
        def progress(report: Progress) -> Optional[bool]:
            bar(report)
            self.stopped = interrupt.asked
            return not interrupt.asked

        return progress

    def _stopping(self, bar: Bar) -> None:
        bar.write("srn: stopping; what there is so far is packed (Ctrl-C again: leave nothing)")


def settings(given: argparse.Namespace) -> CompressConfig:
    """The settings that the arguments mean, later ones on top of earlier ones."""
    config = CompressConfig.from_dict(_load(given.config)) if given.config else CompressConfig()
    chosen: dict[str, Any] = {
        "network": given.network,
        "pruner": given.pruner,
        "device": given.device,
        "seed": given.seed,
        "preset": given.preset,
        "time_limit": given.time_limit,
        "training.passes": given.passes,
        "training.seconds": given.seconds,
        "training.start": given.start,
        "series.key_every": given.key_every,
        "bricks.edge": {"auto": None, "none": 0}.get(given.bricks, given.bricks),
    }
    for name in ("ratio", "bytes", "psnr", "max_error"):
        if getattr(given, name) is not None:
            # As a whole, so that a target in the file of settings does not stand beside this one.
            chosen["target"] = {name: getattr(given, name)}
    config = config.with_settings({name: value for name, value in chosen.items() if value is not None})
    for pair in given.set:
        name, equals, value = pair.partition("=")
        if not equals:
            raise SrnInputError(f"--set takes name=value, not {pair!r}")
        config = config.with_settings({name.strip(): value.strip()})
    return config


def _load(path: str) -> Any:
    try:
        if os.path.getsize(path) > MAX_CONFIG:
            raise SrnInputError(f"'{path}' is too long for a file of settings")
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except OSError as error:
        raise SrnInputError(f"cannot read the settings in '{path}': {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, SrnInputError):
            raise
        raise SrnInputError(f"the settings in '{path}' are not JSON: {error}") from error


def _check_out(path: str, ending: str, source_path: str) -> None:
    """Before hours of training, not after."""
    if os.path.splitext(path)[1].lower() != ending:
        raise SrnInputError(f"'{path}' must end in {ending}")
    if os.path.exists(path) and os.path.exists(source_path) and os.path.samefile(path, source_path):
        raise SrnInputError(f"'{path}' is the input itself; give another name")
    folder = os.path.dirname(os.path.abspath(path))
    if os.path.isdir(path):
        raise SrnInputError(f"'{path}' is a folder; give the name of a file")
    if not os.path.isdir(folder):
        raise SrnInputError(f"the folder '{folder}' does not exist; make it first")
    if not os.access(folder, os.W_OK):
        raise SrnInputError(f"no permission to write in '{folder}'")


def _write_table(path: str, columns: dict[str, list[Any]]) -> None:
    from srn_core.atomic import write_bytes

    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(columns)
    table.writerows(zip(*columns.values()))
    write_bytes(path, text.getvalue().encode("utf-8"))
