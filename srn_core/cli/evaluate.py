"""``srn evaluate``: how close a neural file comes to its original."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Optional, Union

from srn_core.cli import output, source
from srn_core.cli.steps import Steps, expanded
from srn_core.errors import SrnInputError

if TYPE_CHECKING:
    from srn_core.api import NeuralFile
    from srn_core.mesh import Sampled
    from srn_core.parts import VolumeParts

STEP = ("time", "psnr", "rmse", "max_error", "ssim")
"""What is told of each step of a series."""

EPILOG = """\
examples:
  srn evaluate hurricane.srn hurricane.vti
  srn evaluate run.srn step_07.vti --time 7         one time step of several
  srn evaluate run.srn 'step_*.vti'                 all of them, one after the other

The file is decoded by ONNX Runtime, as ParaView does it, and compared with the original on all valid
voxels. PSNR is full range: 20 log10(max - min) - 10 log10(MSE).
"""


def add(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "evaluate",
        help="measure a neural file against its original",
        description="Decode a neural file and measure it against the original volume.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("file", metavar="FILE.srn", help="the neural file")
    command.add_argument(
        "originals", nargs="+", metavar="ORIGINAL", help=f"the volume, or one for each step ({source.FORMATS_HELP})"
    )
    source.add(command)
    command.add_argument(
        "--time", type=float, metavar="T", help="which time step: the nearest to T (default: the original's own)"
    )
    command.add_argument("--json", action="store_true", help="print JSON")
    command.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Decode, compare, print."""
    from srn_core.api import load

    file = load(given.file)
    names = {field.name for field in file.fields}
    if given.array is None and len(names) == 1:
        given.array = _present(given, file.fields[0].name)
    steps = Steps(given.originals, given)
    if len(steps) == 1:
        original = steps.parts(0) if any(field.bricks for field in file.fields) else steps[0]
        report = _compared(given, file, original, given.time)
    else:
        report = _series(given, file, steps)
    if given.json:
        output.print_json(report)
        return 0
    rows = [
        (f"{given.file} against {', '.join(steps.paths)}, array '{report['array']}'", ""),
        *output.time_rows(report.get("time")),
        *(output.quality_rows(report) if "time_steps" not in report else output.least_quality_rows(report)),
        ("size", output.size(file.nbytes)),
        ("ratio", f"{report['ratio']:.1f} : 1"),
    ]
    output.print_table([*rows, *output.step_rows(report.get("time_steps", []))])
    return 0


def _compared(
    given: argparse.Namespace, file: NeuralFile, original: Union[Sampled, VolumeParts], time: Optional[float]
) -> dict[str, Any]:
    from srn_core.api import evaluate

    names = {field.name for field in file.fields}
    array = original.name if original.name in names else (given.array if given.array in names else None)
    quality = evaluate(file, original, array, time)
    field = file.field(array, original.time if time is None else time)
    return {
        "file": given.file,
        "original": given.originals[0],
        "array": field.name,
        **({} if field.time is None else {"time": field.time}),
        "bytes": file.nbytes,
        "original_bytes": original.nbytes,
        "ratio": original.nbytes / file.nbytes if len(file.fields) == 1 else file.ratio,
        **asdict(quality),
    }


def _series(given: argparse.Namespace, file: NeuralFile, steps: Steps) -> dict[str, Any]:
    """Each original against its time step: its own, or where it knows none the one of its place."""
    if given.time is not None:
        raise SrnInputError("--time names one time step; give one original with it")
    reports = []
    for place, original in enumerate(steps):
        time = None
        if original.time is None:
            if len(steps) != len(file.times):
                raise SrnInputError(
                    f"the file has {len(file.times)} time steps, and there are {len(steps)} originals, which do not "
                    "know their times; give one for each step, or one with --time"
                )
            time = file.times[place]
        reports.append(_compared(given, file, original, time))
    return {
        "file": given.file,
        "array": ", ".join(dict.fromkeys(str(one["array"]) for one in reports)),
        "bytes": file.nbytes,
        "ratio": file.ratio,
        "psnr": min(one["psnr"] for one in reports),
        "ssim": min(one["ssim"] for one in reports),
        "max_error": max(one["max_error"] for one in reports),
        "time_steps": [{name: one[name] for name in STEP} for one in reports],
    }


def _present(given: argparse.Namespace, name: str) -> Any:
    """The file's array name where the original has an array of that name: no need to ask for it."""
    from srn_core.io import array_names

    return name if name in array_names(expanded(given.originals[:1])[0]) else None
